"""Blind times, restarts and comparisons of states: every call once, with a truthful end, and nothing rings for ever."""

from __future__ import annotations

from dataclasses import replace

import pytest

from core.facts import CallEnded, CallStarted, EndedBy, Verdict
from pbx_bridge.ami.channel import Channel
from pbx_bridge.ami.message import AmiMessage
from pbx_bridge.reconcile import Births
from pbx_bridge.status import ChannelStatus, PbxStatus, QueueEntry, status_from
from tests.unit.pbx_bridge.script import STATES, Line, Script

NOBODY = PbxStatus(())


def seen(*lines: Line, bridge: str | None = None, seconds: int | None = None) -> PbxStatus:
    """The PBX knows these channels."""
    channels = tuple(
        Channel(
            one.uniqueid, one.linkedid, one.name, STATES[one.state], one.number, None, one.exten, one.context
        )
        for one in lines
    )
    return PbxStatus(tuple(ChannelStatus(channel, bridge, seconds) for channel in channels))


def talking() -> tuple[Script, Line, Line]:
    pbx = Script()
    customer = pbx.incoming()
    phone = pbx.dial(customer, "PJSIP/101")
    pbx.answer(customer, phone)
    pbx.wait(30)
    return pbx, customer, phone


def test_a_call_that_ended_while_we_were_blind_ends_when_we_last_saw_it() -> None:
    pbx, _, _ = talking()
    lost = pbx.now
    pbx.book.blind(lost, "our link to the PBX was down")
    pbx.wait(60)
    pbx.facts += pbx.book.reconcile(NOBODY, pbx.now)
    record = pbx.record()
    assert (record.result, record.ended_by, record.ended_at) == (Verdict.ANSWERED, EndedBy.UNKNOWN, lost)
    assert "our link to the PBX was down" in record.why
    assert pbx.book.reconciled.ended_unseen == 1


def test_a_phone_that_rang_when_we_went_blind_does_not_ring_for_ever() -> None:
    pbx = Script()
    customer = pbx.incoming()
    pbx.dial(customer, "PJSIP/101")
    pbx.book.blind(pbx.now, "our link to the PBX was down")
    facts = pbx.book.reconcile(NOBODY, pbx.now + 10)
    assert [type(fact).__name__ for fact in facts] == ["PhoneStopped"]


def test_a_call_that_went_on_is_kept_and_says_nothing() -> None:
    pbx, customer, phone = talking()
    pbx.book.blind(pbx.now, "our link to the PBX was down")
    status = seen(customer, phone, bridge="b1")
    assert pbx.book.reconcile(status, pbx.now + 10) == []
    assert pbx.book.reconciled.kept == 1


def test_a_call_whose_end_was_seen_just_before_is_neither_kept_nor_ended_unseen() -> None:
    """A PBX that is told to stop hangs up first: those calls are only waiting for what may still be said of them."""
    pbx, customer, phone = talking()
    pbx.request(customer)
    pbx.hangup(customer, phone)
    pbx.book.blind(pbx.now, "our link to the PBX was down")
    pbx.book.reconcile(NOBODY, pbx.now + 1)
    assert (pbx.book.reconciled.kept, pbx.book.reconciled.ended_unseen) == (0, 0)


def test_repeating_a_comparison_changes_nothing() -> None:
    pbx, customer, phone = talking()
    pbx.book.blind(pbx.now, "our link to the PBX was down")
    status = seen(customer, phone, bridge="b2")
    pbx.book.reconcile(status, pbx.now + 10)
    before = pbx.book.open_calls()
    assert pbx.book.reconcile(status, pbx.now + 10) == []
    assert pbx.book.open_calls() == before


def test_calls_that_were_there_before_us_are_adopted() -> None:
    pbx = Script()
    customer = Line(
        "PJSIP/trunk-00000007", "1799999999.7", "1799999999.7", "Up", "+48226011111", exten="48221000101"
    )
    phone = Line("PJSIP/101-00000008", "1799999999.8", "1799999999.7", "Up", "101")
    facts = pbx.book.reconcile(seen(customer, phone, bridge="b9"), pbx.now)
    assert [type(fact).__name__ for fact in facts][:2] == ["CallStarted", "CallAnswered"]
    (call,) = pbx.book.open_calls()
    assert [one.extension for one in call.talking] == ["101"]
    pbx.request(customer)
    pbx.hangup(customer, phone)
    record = pbx.record()
    assert (record.result, record.ended_by, record.caller) == (
        Verdict.ANSWERED,
        EndedBy.CALLER,
        "+48226011111",
    )


def test_a_caller_found_in_a_queue_waits_there() -> None:
    pbx = Script()
    customer = Line(
        "PJSIP/trunk-00000007", "1799999999.7", "1799999999.7", "Up", "+48226011111", exten="48221000400"
    )
    status = replace(seen(customer), queues=(QueueEntry("sales", customer.uniqueid),))
    pbx.book.reconcile(status, pbx.now)
    (call,) = pbx.book.open_calls()
    assert call.queue == "sales"


def test_a_channel_that_is_merely_missing_may_still_say_goodbye() -> None:
    pbx, customer, phone = talking()
    assert pbx.book.reconcile(NOBODY, pbx.now) == []
    assert pbx.book.reconcile(NOBODY, pbx.now) == []
    pbx.request(customer)
    pbx.hangup(customer, phone)
    assert pbx.record().ended_by is EndedBy.CALLER


def test_a_channel_that_stays_missing_is_gone() -> None:
    pbx, _, _ = talking()
    missed = pbx.now
    pbx.book.reconcile(NOBODY, missed)
    pbx.wait(60)
    pbx.facts += pbx.book.reconcile(NOBODY, pbx.now)
    record = pbx.record()
    assert (record.ended_at, record.ended_by) == (missed, EndedBy.UNKNOWN)


def test_a_leg_born_after_the_questions_were_asked_is_never_gone() -> None:
    pbx = Script()
    asked = pbx.now
    pbx.incoming()
    for later in (0.0, 60.0):
        assert pbx.book.reconcile(replace(NOBODY, taken_at=asked), pbx.now + later) == []
    assert len(pbx.book.open_calls()) == 1


def test_an_answer_older_than_an_event_does_not_overwrite_it() -> None:
    pbx = Script()
    customer = pbx.incoming()
    phone = pbx.dial(customer, "PJSIP/101")
    old = seen(customer, phone)
    pbx.book.blind(pbx.now, "our link to the PBX was down")
    asked = pbx.now + 0.0005
    pbx.answer(customer, phone)
    assert pbx.book.reconcile(replace(old, taken_at=asked), pbx.now) == []
    (call,) = pbx.book.open_calls()
    assert [one.extension for one in call.talking] == ["101"]


def test_a_channel_whose_end_was_seen_is_not_adopted_again() -> None:
    pbx, customer, phone = talking()
    late = seen(customer, phone, bridge="b1")
    pbx.request(customer)
    pbx.hangup(customer, phone)
    pbx.wait(5)
    assert pbx.book.reconcile(late, pbx.now) == []
    assert len(pbx.book) == 0


def test_a_restart_told_by_the_start_time_ends_every_call() -> None:
    pbx, customer, phone = talking()
    first = replace(seen(customer, phone, bridge="b1"), startup=1000.0)
    pbx.book.reconcile(first, pbx.now)
    died = pbx.now
    pbx.book.blind(died, "our link to the PBX was down")
    pbx.wait(20)
    pbx.facts += pbx.book.reconcile(PbxStatus((), startup=died + 3600 + 5), pbx.now)
    record = pbx.record()
    assert (record.ended_by, record.result) == (EndedBy.PBX, Verdict.ANSWERED)
    assert died <= record.ended_at <= died + 5
    assert "restarted" in record.why


def test_a_restart_told_by_uniqueids_that_begin_anew() -> None:
    pbx, _, _ = talking()
    died = pbx.now
    pbx.book.blind(died, "our link to the PBX was down")
    pbx.wait(20)
    fresh = Line(
        "PJSIP/trunk-00000000", f"{int(pbx.now)}.0", f"{int(pbx.now)}.0", "Ring", "+48226012222", exten="1"
    )
    pbx.send("Newchannel", fresh.headers())
    ended = [fact for fact in pbx.facts if isinstance(fact, CallEnded)]
    pbx.wait(1)
    ended = [fact for fact in pbx.facts if isinstance(fact, CallEnded)]
    assert [(fact.record.ended_by, fact.record.ended_at) for fact in ended] == [(EndedBy.PBX, died)]
    assert len([fact for fact in pbx.facts if isinstance(fact, CallStarted)]) == 2


def test_a_callback_after_a_restart_is_not_ended_by_it() -> None:
    """Its first channels have our id for a name; the agent's phone is the first with a running number."""
    pbx, customer, phone = talking()
    pbx.book.reconcile(replace(seen(customer, phone, bridge="b1"), startup=1000.0), pbx.now)
    died = pbx.now
    pbx.book.blind(died, "our link to the PBX was down")
    pbx.wait(20)
    pbx.facts += pbx.book.reconcile(PbxStatus((), startup=died + 5), pbx.now)
    pbx.wait(5)
    attempt = "cb-0123456789abcdef0123"
    for half, uniqueid in ((1, attempt), (2, f"{attempt};2")):
        name = f"Local/101@ringback-agent-00000000;{half}"
        pbx.send("Newchannel", Line(name, uniqueid, attempt, exten="101").headers())
    rung = Line("PJSIP/101-00000000", f"{int(pbx.now)}.0", attempt)
    pbx.send("Newchannel", rung.headers())
    assert set(pbx.book.channels_of(attempt)) == {attempt, f"{attempt};2", rung.uniqueid}


@pytest.mark.parametrize(
    ("uniqueids", "restart"),
    [
        (["1800000000.5", "1800000000.6"], False),
        (["1800000000.6", "1800000000.5"], False),
        (["1800000000.6", "1800000001.5"], False),
        (["1800000000.6", "1800000100.0"], True),
        (["pbx1-1800000000.6", "pbx2-1800000100.0"], False),
        (["cb-17", "cb-17;2", "1800000000.1"], False),
    ],
)
def test_running_numbers(uniqueids: list[str], restart: bool) -> None:
    births = Births()
    assert [births.is_first_after_restart(one) for one in uniqueids][-1] is restart


def test_finish_ends_everything_once() -> None:
    pbx, _, _ = talking()
    pbx.facts += pbx.book.finish(pbx.now, "its end is not in the capture")
    record = pbx.record()
    assert record.ended_by is EndedBy.UNKNOWN
    assert record.why.endswith("its end is not in the capture.")


def test_answers_are_read_as_asterisk_writes_them() -> None:
    line = Line("PJSIP/101-00000008", "1799999999.8", "1799999999.7", "Up", "101")
    status = status_from(
        [AmiMessage.of({"Event": "Status", **line.headers(), "BridgeID": "b1", "Seconds": "75"})],
        [AmiMessage.of({"Event": "BridgeListItem", "BridgeUniqueid": "lot", "BridgeType": "parking"})],
        [AmiMessage.of({"Event": "QueueEntry", "Queue": "sales", "Uniqueid": "1799999999.7"})],
        AmiMessage.of(
            {"Response": "Success", "CoreStartupDate": "2026-11-21", "CoreStartupTime": "23:42:55"}
        ),
        5.0,
    )
    assert (status.channels[0].bridge, status.channels[0].seconds) == ("b1", 75)
    assert status.talkless == {"lot"}
    assert status.queues == (QueueEntry("sales", "1799999999.7"),)
    assert (status.startup, status.taken_at) == (1795304575.0, 5.0)


def test_the_older_list_of_channels_is_read_too() -> None:
    line = Line("PJSIP/101-00000008", "1799999999.8", "1799999999.7", "Up", "101")
    shown = {"Event": "CoreShowChannel", **line.headers(), "BridgeId": "b1", "Duration": "00:01:15"}
    assert status_from([AmiMessage.of(shown)]).channels[0].seconds == 75
