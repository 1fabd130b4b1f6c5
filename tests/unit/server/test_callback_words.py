"""Every word of the callback room's closed sets has one for people."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

import pytest

from callback.kinds import AttemptKind, Limit, NotNow, Outcome, Reason, Result, Source, State
from server.callbacks import words


@pytest.mark.parametrize(
    ("kinds", "said"),
    [
        (State, words.STATES),
        (Source, words.SOURCES),
        (Outcome, words.OUTCOMES),
        (NotNow, words.NOT_NOW),
        (Result, words.RESULTS),
        (AttemptKind, words.KINDS),
    ],
)
def test_each_word_is_said(kinds: type[StrEnum], said: Mapping[str, str]) -> None:
    assert set(said) == set(kinds)


def test_each_reason_to_hold_is_said() -> None:
    assert set(words.HELD) == {*Limit, *Reason} - {Reason.PASSED}
    assert words.held_because("no_page limit_site") == (
        "The request did not come from the page; many requests this minute."
    )
