"""The call book's facts and verdicts for calls that no capture holds, event by event."""

from __future__ import annotations

import pytest

from core.facts import (
    CallAnswered,
    CallDescribed,
    CallsJoined,
    CallStarted,
    CallTransferred,
    Direction,
    EndedBy,
    PhoneRinging,
    PhoneStopped,
    StopReason,
    Verdict,
)
from pbx_bridge.ami.message import AmiMessage
from pbx_bridge.calls import CallBook
from tests.unit.pbx_bridge.script import Line, Script


def test_a_call_is_told_once_and_in_order() -> None:
    pbx = Script()
    customer = pbx.incoming()
    phone = pbx.dial(customer, "PJSIP/101")
    pbx.answer(customer, phone)
    pbx.wait(60)
    pbx.request(phone)
    pbx.leave(phone, "b1")
    pbx.leave(customer, "b1")
    pbx.hangup(phone, customer)
    record = pbx.record()
    assert pbx.names() == ["CallStarted", "PhoneRinging", "CallAnswered", "AgentLeft", "CallEnded"]
    assert (record.result, record.ended_by) == (Verdict.ANSWERED, EndedBy.AGENT)
    assert record.talk_s == pytest.approx(60, abs=0.1)
    assert record.call_id == f"office-{customer.uniqueid}"


def test_ring_all_shows_every_phone_and_takes_the_losers_cards_away_at_once() -> None:
    pbx = Script()
    customer = pbx.incoming()
    pbx.queue("QueueCallerJoin", customer, "sales")
    phones = [pbx.dial(customer, f"PJSIP/{number}") for number in (101, 102, 103)]
    pbx.facts.clear()
    pbx.up(phones[1])
    for loser in (phones[0], phones[2]):
        pbx.dial_end(customer, loser, "CANCEL")
        pbx.dial_end(customer, loser, "CANCEL")
    pbx.answer(customer, phones[1])
    stopped = [fact for fact in pbx.facts if isinstance(fact, PhoneStopped)]
    assert [fact.phone.extension for fact in stopped] == ["101", "103"]
    assert {fact.reason for fact in stopped} == {StopReason.ANSWERED_ELSEWHERE}
    assert [fact.phone.extension for fact in pbx.facts if isinstance(fact, CallAnswered)] == ["102"]


@pytest.mark.parametrize(
    ("status", "rings", "reason"),
    [
        ("BUSY", True, StopReason.REFUSED),
        ("NOANSWER", True, StopReason.TIMEOUT),
        ("CHANUNAVAIL", True, StopReason.PBX),
    ],
)
def test_why_a_phone_stopped(status: str, rings: bool, reason: StopReason) -> None:
    pbx = Script()
    customer = pbx.incoming()
    phone = pbx.dial(customer, "PJSIP/101", ring=rings)
    pbx.dial_end(customer, phone, status)
    assert [fact.reason for fact in pbx.facts if isinstance(fact, PhoneStopped)] == [reason]


def test_a_phone_that_refuses_at_once_never_rang() -> None:
    pbx = Script()
    customer = pbx.incoming()
    phone = pbx.dial(customer, "PJSIP/101", ring=False)
    pbx.request(phone, cause="17")
    pbx.dial_end(customer, phone, "BUSY")
    pbx.hangup(phone, customer, cause="17")
    record = pbx.record()
    assert record.rang == ()
    assert (record.result, record.ended_by) == (Verdict.MISSED, EndedBy.PBX)
    assert "PhoneRinging" not in pbx.names()


def test_a_lifted_mobile_that_never_confirms_is_no_answer() -> None:
    pbx = Script()
    customer = pbx.incoming()
    mobile = pbx.dial(customer, "PJSIP/trunk", string="48600100200@trunk")
    pbx.up(mobile)
    pbx.wait(5)
    pbx.dial_end(customer, mobile, "BUSY")
    pbx.hangup(mobile, customer)
    record = pbx.record()
    assert (record.result, record.rang, record.talked) == (Verdict.MISSED, (), ())


def test_an_outside_mobile_that_takes_the_call_stands_with_its_number() -> None:
    pbx = Script()
    customer = pbx.incoming()
    mobile = pbx.dial(customer, "PJSIP/trunk", string="48600100200@trunk")
    pbx.answer(customer, mobile)
    pbx.request(customer)
    pbx.hangup(customer, mobile)
    record = pbx.record()
    assert record.talked == ("+48600100200",)
    assert record.direction is Direction.INBOUND


def test_two_phones_of_one_extension_are_one_card() -> None:
    pbx = Script()
    customer = pbx.incoming()
    first, second = pbx.dial(customer, "PJSIP/105"), pbx.dial(customer, "PJSIP/105")
    assert pbx.names().count("PhoneRinging") == 1
    pbx.dial_end(customer, first, "NOANSWER")
    assert "PhoneStopped" not in pbx.names()
    pbx.answer(customer, second)
    assert pbx.names()[-1] == "CallAnswered"


def test_parking_and_single_channel_bridges_are_no_talk() -> None:
    pbx = Script()
    customer = pbx.incoming()
    phone = pbx.dial(customer, "PJSIP/101")
    pbx.answer(customer, phone)
    pbx.wait(10)
    pbx.send(
        "BlindTransfer", phone.headers("Transferer"), customer.headers("Transferee"),
        {"Result": "Success", "Extension": "700", "BridgeUniqueid": "b1"},
    )  # fmt: skip
    pbx.leave(customer, "b1")
    pbx.send("ParkedCall", customer.headers("Parkee"), {"ParkingSpace": "701"})
    pbx.enter(customer, "lot", kind="parking", technology="holding_bridge")
    pbx.hangup(phone)
    pbx.wait(100)
    pbx.request(customer)
    pbx.hangup(customer)
    record = pbx.record()
    assert record.talk_s == pytest.approx(10, abs=0.1)
    assert record.transfers == ()
    assert record.ended_by is EndedBy.CALLER


def test_a_blind_transfer_keeps_the_customer_and_the_dialled_number() -> None:
    pbx = Script()
    customer = pbx.incoming()
    phone = pbx.dial(customer, "PJSIP/101")
    pbx.answer(customer, phone)
    pbx.leave(customer, "b1")
    pbx.send(
        "BlindTransfer", phone.headers("Transferer"), customer.headers("Transferee"),
        {"Result": "Success", "Extension": "102", "BridgeUniqueid": "b1"},
    )  # fmt: skip
    pbx.hangup(phone)
    customer.exten, customer.context = "102", "internal"
    pbx.facts.clear()
    colleague = pbx.dial(customer, "PJSIP/102")
    assert pbx.names() == ["CallTransferred", "PhoneRinging"]
    pbx.answer(customer, colleague, "b2")
    pbx.request(customer)
    pbx.hangup(customer, colleague)
    record = pbx.record()
    assert (record.caller, record.callee) == ("+48226011111", "48221000101")
    assert record.talked == ("101", "102")


def test_a_consultation_joins_the_call_it_is_about_before_the_colleagues_phone_rings() -> None:
    pbx = Script()
    customer = pbx.incoming()
    phone = pbx.dial(customer, "PJSIP/101")
    pbx.answer(customer, phone)
    pbx.send("Hold", phone.headers())
    question = pbx.channel("PJSIP/101", state="Ring", number="101", exten="102")
    pbx.facts.clear()
    colleague = pbx.dial(question, "PJSIP/102")
    home = f"office-{customer.uniqueid}"
    assert [fact.call_id for fact in pbx.facts if isinstance(fact, CallsJoined)] == [home]
    assert [fact.call_id for fact in pbx.facts if isinstance(fact, PhoneRinging)] == [home]
    pbx.request(question)
    pbx.dial_end(question, colleague, "CANCEL")
    pbx.hangup(colleague, question)
    pbx.send("Unhold", phone.headers())
    pbx.request(customer)
    pbx.hangup(customer, phone)
    record = pbx.record()
    assert (record.rang, record.talked) == (("101", "102"), ("101",))
    assert record.linkedids == (customer.uniqueid, question.uniqueid)


def test_a_question_to_nobody_is_no_call_of_its_own() -> None:
    pbx = Script()
    customer = pbx.incoming()
    phone = pbx.dial(customer, "PJSIP/101")
    pbx.answer(customer, phone)
    pbx.send("Hold", phone.headers())
    question = pbx.channel("PJSIP/101", state="Ring", number="101", exten="555")
    pbx.hangup(question)
    pbx.wait(5)
    pbx.send("Unhold", phone.headers())
    pbx.request(customer)
    pbx.hangup(customer, phone)
    assert pbx.record().direction is Direction.INBOUND


def test_a_phone_that_asks_a_colleague_without_hold_asks_about_its_customer() -> None:
    pbx = Script()
    customer = pbx.incoming()
    phone = pbx.dial(customer, "PJSIP/101")
    pbx.answer(customer, phone)
    other = pbx.channel("PJSIP/101", state="Ring", number="101", exten="102")
    pbx.dial(other, "PJSIP/102")
    assert [fact.call_id for fact in pbx.facts if isinstance(fact, CallsJoined)] == [
        f"office-{customer.uniqueid}"
    ]


def test_a_second_customer_called_without_hold_is_a_call_of_its_own() -> None:
    pbx = Script()
    customer = pbx.incoming()
    phone = pbx.dial(customer, "PJSIP/101")
    pbx.answer(customer, phone)
    other = pbx.channel("PJSIP/101", state="Ring", number="101", exten="48600100300")
    pbx.dial(other, "PJSIP/trunk")
    assert not [fact for fact in pbx.facts if isinstance(fact, CallsJoined)]


def test_the_other_phone_of_an_extension_calls_for_itself() -> None:
    pbx = Script()
    customer = pbx.incoming()
    phone, _ = pbx.dial(customer, "PJSIP/101"), pbx.dial(customer, "PJSIP/101")
    pbx.answer(customer, phone)
    other = pbx.channel("PJSIP/101", state="Ring", number="101", exten="102")
    pbx.dial(other, "PJSIP/102")
    assert not [fact for fact in pbx.facts if isinstance(fact, CallsJoined)]


def test_a_transfer_that_joins_two_calls_with_a_linkedid_that_changes_silently() -> None:
    pbx = Script()
    customer = pbx.incoming()
    phone = pbx.dial(customer, "PJSIP/101")
    pbx.answer(customer, phone)
    question = pbx.channel("PJSIP/101", state="Ring", number="101", exten="48600100300")
    colleague = pbx.dial(question, "PJSIP/trunk")
    pbx.answer(question, colleague, "b2")
    colleague.linkedid = customer.linkedid
    pbx.facts.clear()
    pbx.send("NewConnectedLine", colleague.headers())
    assert isinstance(pbx.facts[0], CallsJoined)
    assert pbx.facts[0].call_id == f"office-{customer.uniqueid}"


def test_colleagues_in_a_conference_keep_their_own_calls_and_see_each_other() -> None:
    pbx = Script()
    one = pbx.channel("PJSIP/101", state="Ring", number="101", exten="800")
    pbx.up(one)
    pbx.enter(one, "c", kind="base", technology="softmix")
    two = pbx.incoming(exten="48221000800")
    pbx.up(two)
    pbx.enter(two, "c", kind="base", technology="softmix")
    pbx.wait(10)
    pbx.request(two)
    pbx.leave(two, "c", kind="base", technology="softmix")
    pbx.hangup(two)
    pbx.wait(5)
    pbx.request(one)
    pbx.hangup(one)
    inner, outer = sorted(pbx.records(), key=lambda record: record.started_at)
    assert (inner.direction, inner.result, inner.talked) == (Direction.INTERNAL, Verdict.ANSWERED, ("101",))
    assert (outer.direction, outer.result, outer.talked) == (Direction.INBOUND, Verdict.ANSWERED, ("101",))
    assert outer.talk_s == pytest.approx(10, abs=0.1)


@pytest.mark.parametrize(
    ("name", "direction"),
    [
        ("PJSIP/trunk-00000001", Direction.INBOUND),
        ("PJSIP/trunk2-00000001", Direction.INTERNAL),
        ("DAHDI/i1/600100200-5", Direction.INBOUND),
        ("SIP/my-own-trunk-0000000a", Direction.INBOUND),
    ],
)
def test_direction_comes_from_the_whole_device_name(name: str, direction: Direction) -> None:
    book = CallBook("office", ("PJSIP/trunk", "DAHDI/i1", "SIP/my-own-trunk"), "PL")
    line = Line(name, "1800000000.1", "1800000000.1", state="Ring", number="+48226011111", exten="100")
    (fact,) = book.apply(AmiMessage.of({"Event": "Newchannel", **line.headers()}), 1.0)
    assert isinstance(fact, CallStarted)
    assert fact.parties.direction is direction


def test_a_channel_that_rings_us_only_after_its_birth_is_incoming() -> None:
    """chan_sip: Newchannel is Down, the next Newstate is Ring."""
    pbx = Script(CallBook("office", ("SIP/carrier",), "PL"))
    customer = pbx.channel("SIP/carrier", number="+48226011111", exten="48221000101", state="Down")
    customer.state = "Ring"
    pbx.send("Newstate", customer.headers())
    phone = pbx.dial(customer, "SIP/101")
    pbx.answer(customer, phone)
    pbx.request(customer)
    pbx.hangup(customer, phone)
    assert pbx.record().direction is Direction.INBOUND


def test_an_originate_that_rings_our_phone_first_is_outbound() -> None:
    pbx = Script()
    ours = pbx.channel("PJSIP/101", number="101", exten="", state="Down")
    pbx.send("DialBegin", ours.headers("Dest"), {"DialString": "101"})
    ours.state = "Ringing"
    pbx.send("Newstate", ours.headers())
    pbx.up(ours)
    pbx.send("DialEnd", ours.headers("Dest"), {"DialStatus": "ANSWER"})
    ours.exten = "600100200"
    theirs = pbx.dial(ours, "PJSIP/trunk", string="48600100200@trunk")
    pbx.answer(ours, theirs)
    pbx.request(theirs)
    pbx.hangup(theirs, ours)
    record = pbx.record()
    assert (record.direction, record.caller, record.callee) == (Direction.OUTBOUND, "101", "600100200")
    assert (record.customer_number, record.rang, record.talked) == ("+48600100200", ("101",), ("101",))
    assert record.ended_by is EndedBy.CALLER


def test_a_colleague_whose_mobile_rings_too_is_still_an_internal_call() -> None:
    pbx = Script()
    ours = pbx.channel("PJSIP/101", state="Ring", number="101", exten="102")
    mobile = pbx.dial(ours, "PJSIP/trunk", string="48600100200@trunk")
    phone = pbx.dial(ours, "PJSIP/102")
    pbx.answer(ours, mobile)
    pbx.dial_end(ours, phone, "CANCEL")
    pbx.request(ours)
    pbx.hangup(ours, mobile, phone)
    record = pbx.record()
    assert record.direction is Direction.INTERNAL
    assert record.talked == ("101", "+48600100200")


def test_the_direction_shows_itself_with_the_second_leg() -> None:
    pbx = Script()
    ours = pbx.channel("PJSIP/101", state="Ring", number="101", exten="600100200")
    pbx.dial(ours, "PJSIP/trunk", string="48600100200@trunk")
    described = [fact for fact in pbx.facts if isinstance(fact, CallDescribed)]
    assert described[-1].parties.direction is Direction.OUTBOUND
    assert described[-1].parties.customer_number == "+48600100200"


@pytest.mark.parametrize(("number", "caller"), [("anonymous", None), ("<unknown>", None), ("12345", "12345")])
def test_withheld_and_odd_numbers(number: str, caller: str | None) -> None:
    pbx = Script()
    customer = pbx.incoming(number=number)
    pbx.hangup(customer)
    record = pbx.record()
    assert (record.caller, record.customer_number) == (caller, None)


def test_a_number_shown_against_the_callers_wish_is_withheld() -> None:
    pbx = Script()
    customer = pbx.incoming()
    pbx.send(
        "UserEvent",
        customer.headers(),
        {"UserEvent": "RingbackCaller", "Presentation": "prohib_passed_screen"},
    )
    pbx.hangup(customer)
    assert pbx.record().caller is None


def test_a_name_looked_up_by_the_dialplan_counts_where_none_came() -> None:
    pbx = Script()
    customer = pbx.incoming()
    customer.caller_name = "Jan Kowalski"
    pbx.send("NewCallerid", customer.headers(), {"CID-CallingPres": "0 (Presentation Allowed, Not Screened)"})
    pbx.hangup(customer)
    assert pbx.record().caller_name == "Jan Kowalski"


def test_the_message_says_which_call_it_belongs_to() -> None:
    pbx = Script()
    customer = pbx.incoming()
    pbx.send("Newstate", customer.headers())
    assert pbx.book.call_of(pbx.sent[-1]) == f"office-{customer.uniqueid}"
    pbx.hangup(customer)
    pbx.wait(10)
    assert pbx.book.call_of(pbx.sent[0]) is None


def test_the_same_messages_rebuild_the_same_calls() -> None:
    pbx = Script()
    customer = pbx.incoming()
    phone = pbx.dial(customer, "PJSIP/101")
    pbx.answer(customer, phone)
    again = CallBook("office", ("PJSIP/trunk",), "PL")
    facts = [fact for message in pbx.sent for fact in again.apply(message, 0.0)]
    assert facts == pbx.facts
    assert again.open_calls() == pbx.book.open_calls()


def test_an_id_that_is_used_again_is_another_call() -> None:
    pbx = Script()
    for _ in range(2):
        agent = pbx.channel("Local/101@ringback-agent", uniqueid="cb-7", exten="101")
        pbx.hangup(agent)
        pbx.wait(5)
        pbx.book._directory._gone.clear()  # the PBX forgets too: it lets an ended channel's id be used again
    assert [record.call_id for record in pbx.records()] == ["office-cb-7", "office-cb-7-2"]


def test_what_has_ended_is_forgotten() -> None:
    pbx = Script()
    for _ in range(300):
        customer = pbx.incoming()
        pbx.queue("QueueCallerJoin", customer, "sales")
        phone = pbx.dial(customer, "PJSIP/101")
        pbx.answer(customer, phone)
        pbx.send("Hold", phone.headers())
        pbx.request(customer)
        pbx.hangup(customer, phone)
        pbx.wait(2)
    assert len(pbx.book) == 0
    directory = pbx.book._directory
    assert not directory._by_leg
    assert not directory._by_linkedid
    assert not directory._guests
    assert not pbx.book._closing
    assert not pbx.book._lingering


def test_late_events_of_ended_channels_wake_nobody() -> None:
    pbx = Script()
    customer = pbx.incoming()
    phone = pbx.dial(customer, "PJSIP/101")
    pbx.answer(customer, phone)
    pbx.request(customer)
    pbx.hangup(customer, phone)
    pbx.wait(5)
    before = len(pbx.facts)
    for message in list(pbx.sent):
        pbx.facts += pbx.book.apply(message, pbx.now)
    assert len(pbx.facts) == before
    assert len(pbx.book) == 0


def test_any_message_is_survived() -> None:
    book = CallBook("office", (), "PL")
    for headers in (
        {"Event": "Newchannel"},
        {"Event": "DialBegin", "Uniqueid": "1"},
        {"Response": "Success"},
        {},
    ):
        assert book.apply(AmiMessage.of(headers), 1.0) == []


def test_a_call_back_rings_the_agent_and_names_the_customer_even_when_declined() -> None:
    pbx = Script()
    agent = pbx.channel("Local/101@ringback-agent", uniqueid="cb-9", exten="101")
    pbx.send("DialBegin", agent.headers("Dest"), {"DialString": "101@ringback-agent/n"})
    half = pbx.channel("Local/101@ringback-agent", of=agent, uniqueid="cb-9;2", state="Ring", exten="101")
    phone = pbx.dial(half, "PJSIP/101")
    pbx.request(phone, cause="17")
    pbx.dial_end(half, phone, "BUSY")
    pbx.send(
        "OriginateResponse",
        {"Response": "Failure", "Exten": "48226019999", "Reason": "0", "Uniqueid": "cb-9"},
    )
    pbx.hangup(phone, half, agent)
    record = pbx.record()
    assert (record.direction, record.caller, record.callee) == (Direction.CALLBACK, "101", "48226019999")
    assert (record.result, record.rang, record.ended_by) == (Verdict.MISSED, ("101",), EndedBy.PBX)


def test_transfers_are_told_with_the_moment_and_the_people() -> None:
    pbx = Script()
    customer = pbx.incoming()
    phone = pbx.dial(customer, "PJSIP/101")
    pbx.answer(customer, phone)
    pbx.leave(customer, "b1")
    pbx.send(
        "BlindTransfer", phone.headers("Transferer"), customer.headers("Transferee"),
        {"Result": "Success", "Extension": "400", "BridgeUniqueid": "b1"},
    )  # fmt: skip
    pbx.queue("QueueCallerJoin", customer, "sales")
    (fact,) = [fact for fact in pbx.facts if isinstance(fact, CallTransferred)]
    assert (fact.transfer.from_extension, fact.transfer.to) == ("101", "400")


def test_two_customers_connected_with_each_other_stay_two_calls() -> None:
    """101 holds both, asks 102 (which looks like a question about the second), and hands the first customer over."""
    pbx = Script()
    customers, phones = [], []
    for number in ("+48226011111", "+48226012222"):
        customers.append(pbx.incoming(number))
        phones.append(pbx.dial(customers[-1], "PJSIP/101"))
        pbx.answer(customers[-1], phones[-1], f"b{number}")
        pbx.send("Hold", phones[-1].headers())
    question = pbx.channel("PJSIP/101", state="Ring", number="101", exten="102")
    colleague = pbx.dial(question, "PJSIP/102")
    pbx.answer(question, colleague, "b3")
    pbx.leave(customers[0], "b+48226011111")
    pbx.leave(question, "b3")
    pbx.enter(customers[0], "b3")
    pbx.send(
        "AttendedTransfer", phones[0].headers("OrigTransferer"), question.headers("SecondTransferer"),
        customers[0].headers("Transferee"), colleague.headers("TransferTarget"), {"Result": "Success"},
    )  # fmt: skip
    pbx.hangup(phones[0], question)
    colleague.linkedid = customers[0].linkedid
    pbx.wait(20)
    pbx.request(customers[0])
    pbx.leave(customers[0], "b3")
    pbx.leave(colleague, "b3")
    pbx.hangup(customers[0], colleague)
    pbx.wait(5)
    pbx.request(customers[1])
    pbx.hangup(customers[1], phones[1])
    first, second = sorted(pbx.records(), key=lambda record: record.started_at)
    assert (first.caller, second.caller) == ("+48226011111", "+48226012222")
    assert first.talked == ("101", "102")
    assert [(move.from_extension, move.to) for move in first.transfers] == [("101", "102")]
    assert first.ended_by is EndedBy.CALLER
    assert second.talked == ("101",)
    assert len(pbx.book) == 0


def test_a_capture_that_begins_in_mid_dial_still_ends() -> None:
    pbx = Script()
    customer = Line(
        "PJSIP/trunk-00000001", "1800000000.1", "1800000000.1", "Ring", "+48226011111", exten="100"
    )
    phone = Line("PJSIP/101-00000002", "1800000000.2", "1800000000.1", "Ringing", "101")
    pbx.answer(customer, phone)
    pbx.request(customer)
    pbx.hangup(customer, phone)
    record = pbx.record()
    assert (record.result, record.talked, record.ended_by) == (Verdict.ANSWERED, ("101",), EndedBy.CALLER)


def test_a_callback_that_rings_the_customer_first() -> None:
    """A queue key press proves the number: the customer is dialled, then goes to the queue."""
    pbx = Script()
    customer = pbx.channel("PJSIP/trunk", uniqueid="cb-11", exten="s")
    pbx.send("DialBegin", customer.headers("Dest"), {"DialString": "48226019999@trunk"})
    pbx.up(customer)
    pbx.send("DialEnd", customer.headers("Dest"), {"DialStatus": "ANSWER"})
    pbx.queue("QueueCallerJoin", customer, "sales")
    pbx.wait(5)
    phone = pbx.dial(customer, "PJSIP/101")
    pbx.answer(customer, phone)
    pbx.request(customer)
    pbx.hangup(customer, phone)
    record = pbx.record()
    assert (record.direction, record.caller, record.callee) == (Direction.CALLBACK, "101", "48226019999")
    assert (record.result, record.talked, record.ended_by) == (Verdict.ANSWERED, ("101",), EndedBy.CALLER)
    assert record.wait_s == pytest.approx(5, abs=0.1)


def test_a_click_in_another_program_that_rings_two_phones_of_ours_first() -> None:
    pbx = Script()
    origin = pbx.channel("Local/101@from-internal", exten="101")
    half = pbx.channel("Local/101@from-internal", of=origin, state="Ring", exten="101")
    desk, soft = pbx.dial(half, "PJSIP/101"), pbx.dial(half, "PJSIP/99101")
    pbx.answer(half, desk)
    pbx.dial_end(half, soft, "CANCEL")
    pbx.hangup(soft)
    pbx.up(origin)
    origin.exten = "600100200"
    theirs = pbx.dial(origin, "PJSIP/trunk", string="48600100200@trunk")
    pbx.answer(origin, theirs, "b2")
    pbx.request(desk)
    pbx.hangup(desk, half, origin, theirs)
    record = pbx.record()
    assert (record.direction, record.caller, record.callee) == (Direction.OUTBOUND, "101", "600100200")
    assert record.result is Verdict.ANSWERED


def test_an_agent_who_leaves_after_a_blind_transfer_did_not_end_the_call() -> None:
    pbx = Script()
    customer = pbx.incoming()
    phone = pbx.dial(customer, "PJSIP/101")
    pbx.answer(customer, phone)
    pbx.leave(customer, "b1")
    pbx.send(
        "BlindTransfer", phone.headers("Transferer"), customer.headers("Transferee"),
        {"Result": "Success", "Extension": "108", "BridgeUniqueid": "b1"},
    )  # fmt: skip
    pbx.wait(0.3)
    pbx.request(phone)
    pbx.hangup(phone, customer)
    record = pbx.record()
    assert (record.result, record.ended_by) == (Verdict.ANSWERED, EndedBy.PBX)
