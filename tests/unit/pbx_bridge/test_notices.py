"""What the dialplan says of a recording notice becomes a fact of the call, in its place in the story."""

from __future__ import annotations

from core.facts import CallQueued, NoticePlayed
from tests.unit.pbx_bridge.script import Line, Script


def says(pbx: Script, line: Line, prompt: str, result: str) -> None:
    pbx.send("UserEvent", line.headers(), {"UserEvent": "RingbackNotice", "Prompt": prompt, "Result": result})


def test_a_notice_is_told_once_and_before_the_queue() -> None:
    pbx = Script()
    caller = pbx.incoming()
    pbx.up(caller)
    says(pbx, caller, "notice-sales", "SUCCESS")
    pbx.queue("QueueCallerJoin", caller, "sales")
    pbx.queue("QueueCallerLeave", caller, "sales")
    pbx.hangup(caller)
    pbx.record()
    told = [fact for fact in pbx.facts if isinstance(fact, NoticePlayed | CallQueued)]
    assert [type(fact) for fact in told] == [NoticePlayed, CallQueued]
    assert isinstance(told[0], NoticePlayed)
    assert (told[0].prompt, told[0].whole) == ("notice-sales", True)


def test_what_was_cut_short_or_failed_was_not_heard_whole() -> None:
    pbx = Script()
    caller = pbx.incoming()
    for result in ("CUT", "FAILED", ""):
        says(pbx, caller, "callback-customer", result)
    told = [fact for fact in pbx.facts if isinstance(fact, NoticePlayed)]
    assert [fact.whole for fact in told] == [False] * 3
