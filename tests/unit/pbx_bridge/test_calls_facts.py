"""What screens are told while real calls go on: nobody flickers. The facts of every recorded story are looked at in
the order they are said."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.facts import AgentLeft, CallAnswered, CallsJoined, Fact, PhoneRinging, PhoneStopped
from pbx_bridge.ami.codec import AmiDecoder
from pbx_bridge.calls import CallBook

CAPTURES = Path(__file__).parents[2] / "captures"
STORIES = sorted(path for path in CAPTURES.glob("asterisk-*/*.ami") if path.name.count(".") == 1)

AT_ONCE = 0.3
"""Seconds: faster than any person; only the PBX moving somebody between bridges is as fast."""


def facts_of(path: Path) -> list[Fact]:
    book = CallBook("main", ("PJSIP/trunk", "PJSIP/trunk2"), "PL")
    messages = AmiDecoder(greeting=False).feed(path.read_bytes())
    return [fact for message in messages for fact in book.apply(message, message.timestamp or 0.0)]


@pytest.mark.parametrize("path", STORIES, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_nobody_who_stays_is_said_to_have_left(path: Path) -> None:
    gone: dict[tuple[str, str], float] = {}
    for fact in facts_of(path):
        if isinstance(fact, PhoneStopped | AgentLeft):
            gone[fact.call_id, fact.phone.device] = fact.at
        elif isinstance(fact, CallAnswered):
            left = gone.get((fact.call_id, fact.phone.device), float("-inf"))
            assert fact.at - left > AT_ONCE, f"{fact.phone.extension} left and came back at once"


@pytest.mark.parametrize("path", STORIES, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_every_phone_that_rings_is_told_to_stop_or_answers(path: Path) -> None:
    ringing: set[tuple[str, str]] = set()
    for fact in facts_of(path):
        if isinstance(fact, PhoneRinging):
            ringing.add((fact.call_id, fact.phone.device))
        elif isinstance(fact, PhoneStopped | CallAnswered):
            ringing.discard((fact.call_id, fact.phone.device))
        elif isinstance(fact, CallsJoined):
            ringing = {(fact.call_id if call == fact.absorbed_id else call, one) for call, one in ringing}
    assert not ringing
