"""When a failed webhook is tried again."""

from __future__ import annotations

import pytest

from crm_link.webhooks.ladder import JITTER, LADDER_S, wait_after


def test_each_wait_is_longer_than_the_one_before_whatever_the_luck() -> None:
    waits = [
        (wait_after(attempts, 0.0), wait_after(attempts, 1.0)) for attempts in range(1, len(LADDER_S) + 1)
    ]
    for (least, most), step in zip(waits, LADDER_S, strict=True):
        assert least == pytest.approx(step * (1 - JITTER))
        assert most == pytest.approx(step * (1 + JITTER))
    assert 2 * 86_400 < sum(LADDER_S) < 5 * 86_400, "a weekend is survived, a week is not waited for"


def test_it_is_given_up_after_the_last_rung() -> None:
    assert wait_after(len(LADDER_S), 0.5) == LADDER_S[-1]
    assert wait_after(len(LADDER_S) + 1, 0.5) is None
    assert wait_after(len(LADDER_S) + 7, 0.5, asked_s=5.0) is None


def test_a_receiver_may_ask_for_more_time_but_not_for_ever_nor_for_less() -> None:
    assert wait_after(1, 0.5, asked_s=60.0) == 60.0
    assert wait_after(1, 0.5, asked_s=1.0) == LADDER_S[0]
    assert wait_after(1, 0.5, asked_s=1e9) == 86_400.0
