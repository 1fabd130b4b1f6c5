"""What each person's screen shows through the stories of rules P1-P5."""

from __future__ import annotations

from dataclasses import replace

from core.facts import (
    AgentLeft,
    AgentStateChanged,
    CallAnswered,
    CallDequeued,
    CallDescribed,
    CallHeld,
    CallMatched,
    CallQueued,
    CallResumed,
    CallsJoined,
    CallTransferred,
    DeviceChanged,
    MatchKind,
    PbxConnected,
    PbxLost,
    PhoneRinging,
    PhoneStopped,
    StopReason,
    Transfer,
    TransferKind,
    Verdict,
)
from server.live.calls_now import CallNow, PhoneNow, PhoneState
from server.live.cards import CardState, CustomerSummary, Draft, GoneReason
from server.live.recent import KEPT, Outcome, RecentCall
from server.live.snapshot import (
    CardGone,
    CustomersLoaded,
    DraftSaved,
    OwnersChanged,
    RecentLoaded,
    UserView,
    WrapUpRestored,
    diff,
    patch,
)
from tests.live_story import (
    ANNA,
    BOB,
    CLARA,
    CUSTOMER,
    PBX,
    Desks,
    ended,
    inbound,
    internal,
    member,
    outbound,
    owner,
    phone,
    started,
)

KOWALSKI = CustomerSummary(7, "Jan Kowalski", company="Kowalski Sp. z o.o.")


def ring_all(desks: Desks) -> None:
    desks.tell(
        started(),
        CallQueued("c1", 1.5, "support"),
        *(PhoneRinging("c1", 2.0, phone(e)) for e in ("101", "102")),
    )


def transfer(kind: TransferKind, origin: str, to: str, at: float = 20.0) -> CallTransferred:
    return CallTransferred("c1", at, Transfer(kind, origin, to, at))


def test_direct_call_shows_the_customer_on_the_ringing_desk_only() -> None:
    desks = Desks()
    desks.tell(started(parties=inbound(name="Jan K.")), PhoneRinging("c1", 2.0, phone("101")))
    card = desks.card(ANNA)
    assert card is not None
    assert (card.state, card.since, card.number) == (CardState.RINGING, 2.0, CUSTOMER)
    assert (card.caller_name, card.dialled, card.extension) == ("Jan K.", "500", "101")
    assert desks.card(BOB) is None
    assert desks.card(CLARA) is None


def test_a_fact_about_one_call_touches_no_other_desk() -> None:
    desks = Desks()
    told = desks.tell(started(), PhoneRinging("c1", 2.0, phone("101")))
    assert set(told) == {ANNA.user_id}


def test_the_customer_arrives_on_a_card_that_is_already_there() -> None:
    desks = Desks()
    desks.tell(started(), PhoneRinging("c1", 2.0, phone("101")))
    desks.tell(CallMatched("c1", 2.0, MatchKind.EXACT, (7,), created=False), CustomersLoaded((KOWALSKI,)))
    card = desks.card(ANNA)
    assert card is not None
    assert (card.match, card.customers) == (MatchKind.EXACT, (KOWALSKI,))


def test_several_candidates_keep_their_rank() -> None:
    desks = Desks()
    desks.tell(started(), PhoneRinging("c1", 2.0, phone("101")))
    first, second = CustomerSummary(9, "Ada"), CustomerSummary(4, "Bea")
    desks.tell(
        CallMatched("c1", 2.0, MatchKind.SEVERAL, (9, 4), created=False), CustomersLoaded((second, first))
    )
    card = desks.card(ANNA)
    assert card is not None
    assert card.customers == (first, second)


def test_ring_all_shows_every_ringing_desk_and_retracts_when_one_answers() -> None:
    desks = Desks()
    ring_all(desks)
    first, second = desks.card(ANNA), desks.card(BOB)
    assert first is not None
    assert second is not None
    assert first.queue == second.queue == "support"
    told = desks.tell(
        CallAnswered("c1", 5.0, phone("101")),
        PhoneStopped("c1", 5.0, phone("102"), StopReason.ANSWERED_ELSEWHERE),
    )
    assert told == {BOB.user_id: [CardGone("c1", GoneReason.ANSWERED_ELSEWHERE, by="Anna")]}
    card = desks.card(ANNA)
    assert card is not None
    assert card.state is CardState.TALKING


def test_an_answer_told_after_the_others_stopped_names_nobody_yet() -> None:
    desks = Desks()
    ring_all(desks)
    told = desks.tell(PhoneStopped("c1", 5.0, phone("102"), StopReason.ANSWERED_ELSEWHERE))
    assert told == {BOB.user_id: [CardGone("c1", GoneReason.ANSWERED_ELSEWHERE)]}


def test_the_losers_of_a_ring_all_have_no_missed_call() -> None:
    desks = Desks()
    ring_all(desks)
    desks.tell(
        CallAnswered("c1", 5.0, phone("101")),
        PhoneStopped("c1", 5.0, phone("102"), StopReason.ANSWERED_ELSEWHERE),
        ended(rang=("101", "102"), talked=("101",)),
    )
    [line] = desks.screens[BOB.user_id].recent
    assert (line.outcome, line.by, line.talk_s) == (Outcome.ELSEWHERE, "Anna", 0.0)
    [mine] = desks.screens[ANNA.user_id].recent
    assert (mine.outcome, mine.talk_s) == (Outcome.TALKED, 55.0)


def test_a_call_nobody_took_leaves_a_quiet_missed_line_and_no_card() -> None:
    desks = Desks()
    ring_all(desks)
    desks.tell(
        PhoneStopped("c1", 20.0, phone("101"), StopReason.CALLER_GONE),
        PhoneStopped("c1", 20.0, phone("102"), StopReason.CALLER_GONE),
        ended(at=20.0, result=Verdict.ABANDONED, rang=("101", "102")),
    )
    for who in (ANNA, BOB):
        assert desks.card(who) is None
        [line] = desks.screens[who.user_id].recent
        assert line.outcome is Outcome.MISSED
    assert desks.screens[CLARA.user_id].recent == ()


def test_a_phone_that_rang_out_says_so() -> None:
    desks = Desks()
    ring_all(desks)
    told = desks.tell(PhoneStopped("c1", 9.0, phone("102"), StopReason.TIMEOUT))
    assert told == {BOB.user_id: [CardGone("c1", GoneReason.TIMEOUT)]}


def test_one_person_with_two_phones_has_one_card() -> None:
    desks = Desks()
    desks.tell(started(), PhoneRinging("c1", 2.0, phone("103")), PhoneRinging("c1", 2.0, phone("203")))
    assert desks.card(CLARA) is not None
    desks.tell(
        CallAnswered("c1", 4.0, phone("203")),
        PhoneStopped("c1", 4.0, phone("103"), StopReason.ANSWERED_ELSEWHERE),
    )
    card = desks.card(CLARA)
    assert card is not None
    assert (card.state, card.extension) == (CardState.TALKING, "203")


def test_a_blind_transfer_shows_the_customer_with_who_sent_it_and_their_note() -> None:
    desks = Desks()
    desks.tell(started(), PhoneRinging("c1", 2.0, phone("101")), CallAnswered("c1", 4.0, phone("101")))
    desks.tell(DraftSaved("c1", ANNA.user_id, Draft("wants the invoice again", saved_at=15.0)))
    desks.tell(
        transfer(TransferKind.BLIND, "101", "102"),
        AgentLeft("c1", 20.0, phone("101")),
        PhoneRinging("c1", 20.5, phone("102")),
    )
    card = desks.card(BOB)
    assert card is not None
    assert card.number == CUSTOMER
    assert card.transferred is not None
    assert (card.transferred.kind, card.transferred.name) == (TransferKind.BLIND, "Anna")
    assert [(note.by, note.text) for note in card.notes] == [("Anna", "wants the invoice again")]
    mine = desks.card(ANNA)
    assert mine is not None
    assert (mine.state, mine.transferred, mine.notes) == (CardState.WRAP_UP, None, ())


def test_a_consultation_shows_the_colleague_then_the_customer_it_is_about() -> None:
    desks = Desks()
    desks.tell(started(), PhoneRinging("c1", 2.0, phone("101")), CallAnswered("c1", 4.0, phone("101")))
    desks.tell(CallHeld("c1", 9.0, phone("101")), started("c2", 10.0, internal("101", "102")))
    desks.tell(PhoneRinging("c2", 10.5, phone("102")))
    before = desks.card(BOB)
    assert before is not None
    assert (before.number, before.colleague) == ("101", "Anna")
    told = desks.tell(CallsJoined("c1", "c2", 11.0))
    assert CardGone("c2", GoneReason.JOINED, moved_to="c1") in told[BOB.user_id]
    card = desks.card(BOB)
    assert card is not None
    assert (card.call_id, card.number, card.state) == ("c1", CUSTOMER, CardState.RINGING)
    desks.tell(
        CallAnswered("c1", 12.0, phone("102")),
        transfer(TransferKind.ATTENDED, "101", "102", at=15.0),
        AgentLeft("c1", 15.0, phone("101")),
    )
    after = desks.card(BOB)
    assert after is not None
    assert after.transferred is not None
    assert (after.transferred.name, after.state) == ("Anna", CardState.TALKING)


def test_a_pick_up_moves_the_card_to_whoever_picked_up() -> None:
    desks = Desks()
    desks.tell(started(), PhoneRinging("c1", 2.0, phone("101")))
    desks.tell(
        CallAnswered("c1", 5.0, phone("103")),
        PhoneStopped("c1", 5.0, phone("101"), StopReason.ANSWERED_ELSEWHERE),
    )
    assert desks.card(ANNA) is None
    card = desks.card(CLARA)
    assert card is not None
    assert card.state is CardState.TALKING


def test_internal_calls_show_the_colleague_on_both_sides_and_owe_no_wrap_up() -> None:
    desks = Desks()
    who = internal("101", "102")
    desks.tell(started(parties=who), PhoneRinging("c1", 2.0, phone("102")))
    caller, callee = desks.card(ANNA), desks.card(BOB)
    assert caller is not None
    assert callee is not None
    assert (caller.state, caller.colleague) == (CardState.DIALLING, "Bob")
    assert (callee.state, callee.colleague) == (CardState.RINGING, "Anna")
    desks.tell(CallAnswered("c1", 5.0, phone("102")))
    talking = desks.card(ANNA)
    assert talking is not None
    assert (talking.state, talking.since) == (CardState.TALKING, 5.0)
    desks.tell(ended(parties=who, rang=("102",), talked=("101", "102")))
    assert desks.card(ANNA) is None
    assert desks.card(BOB) is None
    assert desks.screens[ANNA.user_id].recent[0].name == "Bob"


def test_an_outbound_call_is_on_the_callers_desk_and_an_unanswered_one_leaves_it() -> None:
    desks = Desks()
    desks.tell(started(parties=internal("101", "0221234567")))
    desks.tell(CallDescribed("c1", 1.2, outbound("101")))
    card = desks.card(ANNA)
    assert card is not None
    assert (card.state, card.number) == (CardState.DIALLING, CUSTOMER)
    told = desks.tell(ended(parties=outbound("101"), result=Verdict.BUSY))
    assert CardGone("c1", GoneReason.ENDED) in told[ANNA.user_id]
    assert desks.screens[ANNA.user_id].recent[0].outcome is Outcome.UNANSWERED


def test_our_own_agents_name_is_not_said_to_be_the_customers() -> None:
    desks = Desks()
    desks.tell(started(parties=replace(outbound("101"), caller_name="Anna Kowalska")))
    card = desks.card(ANNA)
    assert card is not None
    assert (card.number, card.caller_name) == (CUSTOMER, None)


def test_an_answered_outbound_call_ends_in_a_wrap_up() -> None:
    desks = Desks()
    who = outbound("101")
    desks.tell(started(parties=who), CallAnswered("c1", 5.0, phone("101")))
    desks.tell(ended(parties=who, talked=("101",)))
    card = desks.card(ANNA)
    assert card is not None
    assert card.state is CardState.WRAP_UP


def test_hold_and_back() -> None:
    desks = Desks()
    desks.tell(started(), CallAnswered("c1", 4.0, phone("101")), CallHeld("c1", 9.0, phone("101")))
    held = desks.card(ANNA)
    assert held is not None
    assert (held.state, held.since, held.answered_at) == (CardState.HELD, 9.0, 4.0)
    desks.tell(CallResumed("c1", 12.0, phone("101")))
    back = desks.card(ANNA)
    assert back is not None
    assert (back.state, back.answered_at) == (CardState.TALKING, 4.0)


def test_wrap_up_keeps_what_was_written_during_the_call_and_closes_when_saved() -> None:
    desks = Desks()
    desks.tell(started(), CallAnswered("c1", 4.0, phone("101")))
    desks.tell(DraftSaved("c1", ANNA.user_id, Draft("likes tea")))
    desks.tell(ended(talked=("101",), rang=("101",)))
    card = desks.card(ANNA)
    assert card is not None
    assert (card.state, card.since, card.draft.note) == (CardState.WRAP_UP, 60.0, "likes tea")
    told = desks.tell(DraftSaved("c1", ANNA.user_id, Draft("likes tea", "solved", closed=True)))
    assert told[ANNA.user_id] == [CardGone("c1", GoneReason.SAVED)]
    assert desks.board.calls == {}


def test_who_takes_the_call_back_after_saving_owes_another_wrap_up() -> None:
    desks = Desks()
    desks.tell(started(), CallAnswered("c1", 4.0, phone("101")), AgentLeft("c1", 9.0, phone("101")))
    desks.tell(DraftSaved("c1", ANNA.user_id, Draft("sent on", closed=True)))
    assert desks.card(ANNA) is None
    desks.tell(PhoneRinging("c1", 12.0, phone("101")), CallAnswered("c1", 13.0, phone("101")))
    desks.tell(ended(talked=("101",)))
    card = desks.card(ANNA)
    assert card is not None
    assert (card.state, card.draft.note) == (CardState.WRAP_UP, "sent on")


def test_a_wrap_up_comes_back_after_a_restart() -> None:
    desks = Desks()
    mine = PhoneNow(phone("101"), PhoneState.LEFT, 60.0, answered_at=5.0)
    call = CallNow("c0", PBX, 1.0, inbound(), phones=(mine,), ended_at=60.0)
    desks.tell(WrapUpRestored(call, ANNA.user_id, Draft("half a sen")))
    card = desks.card(ANNA)
    assert card is not None
    assert (card.state, card.draft.note) == (CardState.WRAP_UP, "half a sen")


def test_waiting_callers_are_a_count_for_the_queues_members_only() -> None:
    desks = Desks()
    desks.tell(member("support", "101"), member("support", "103", paused=True), member("sales", "102"))
    desks.tell(started(), CallQueued("c1", 1.5, "support"), started("c2"), CallQueued("c2", 3.0, "support"))
    [mine] = desks.screens[ANNA.user_id].queues
    assert (mine.name, mine.waiting, mine.oldest_since, mine.paused) == ("support", 2, 1.5, False)
    [hers] = desks.screens[CLARA.user_id].queues
    assert (hers.waiting, hers.paused, hers.pause_reason) == (2, True, "Lunch")
    [his] = desks.screens[BOB.user_id].queues
    assert (his.name, his.waiting) == ("sales", 0)
    assert desks.card(ANNA) is None
    desks.tell(CallDequeued("c1", 4.0, "support"), ended("c2", result=Verdict.ABANDONED))
    [empty] = desks.screens[ANNA.user_id].queues
    assert (empty.waiting, empty.oldest_since) == (0, None)


def test_everybody_sees_that_the_pbx_is_out_of_sight_and_since_when() -> None:
    desks = Desks()
    assert [link.up for link in desks.screens[ANNA.user_id].links] == [False]
    desks.tell(PbxConnected(PBX, 5.0), PbxLost(PBX, 9.0, "the connection was closed"))
    [link] = desks.screens[BOB.user_id].links
    assert (link.up, link.since, link.reason) == (False, 9.0, "the connection was closed")
    assert desks.tell(PbxLost(PBX, 11.0, "connection refused")) == {}
    desks.tell(PbxConnected(PBX, 20.0))
    assert desks.screens[BOB.user_id].links[0].up


def test_own_state_and_phone_state() -> None:
    desks = Desks()
    desks.tell(
        AgentStateChanged(1, 3.0, "paused", "Lunch"), DeviceChanged(PBX, 3.0, "PJSIP/101", "UNAVAILABLE")
    )
    view = desks.screens[ANNA.user_id]
    assert (view.agent.state, view.agent.reason) == ("paused", "Lunch")
    assert [(one.device, one.state) for one in view.devices] == [("PJSIP/101", "UNAVAILABLE")]


def test_a_phone_given_to_somebody_else_takes_its_call_along() -> None:
    desks = Desks()
    desks.tell(started(), PhoneRinging("c1", 2.0, phone("101")))
    desks.tell(OwnersChanged((owner(1, "Anna"), owner(2, "Bob", "101", "102"), CLARA)))
    assert desks.card(ANNA) is None
    assert desks.card(BOB) is not None


def test_recent_calls_from_the_log_and_from_now_make_one_list() -> None:
    desks = Desks()
    ring_all(desks)
    desks.tell(ended(result=Verdict.ABANDONED, rang=("101",)))
    [now] = desks.screens[ANNA.user_id].recent
    old = tuple(
        RecentCall(f"o{n}", -n, now.direction, CUSTOMER, None, None, Outcome.TALKED, None, 9.0)
        for n in range(KEPT + 3)
    )
    desks.tell(RecentLoaded(ANNA.user_id, (*old, now)))
    lines = desks.screens[ANNA.user_id].recent
    assert len(lines) == KEPT
    assert lines[0] == now
    assert list(lines) == sorted(lines, key=lambda line: -line.at)


def test_a_renamed_customer_is_renamed_on_the_recent_list() -> None:
    desks = Desks()
    desks.tell(started(), CallMatched("c1", 1.0, MatchKind.UNKNOWN, (7,), created=True))
    desks.tell(CustomersLoaded((CustomerSummary(7, None, provisional=True),)))
    desks.tell(ended(result=Verdict.ABANDONED, rang=("101",)))
    assert desks.screens[ANNA.user_id].recent[0].name is None
    desks.tell(CustomersLoaded((KOWALSKI,), relabel=True))
    assert desks.screens[ANNA.user_id].recent[0].name == "Jan Kowalski"


def test_an_ended_call_leaves_nothing_behind() -> None:
    desks = Desks()
    ring_all(desks)
    desks.tell(CallMatched("c1", 2.0, MatchKind.EXACT, (7,), created=False), CustomersLoaded((KOWALSKI,)))
    desks.tell(DraftSaved("c1", 1, Draft("x")), ended(result=Verdict.ABANDONED, rang=("101", "102")))
    board = desks.board
    assert (board.calls, board.known.drafts, board.known.customers) == ({}, {}, {})


def test_a_patch_is_the_inverse_of_a_diff() -> None:
    desks = Desks()
    ring_all(desks)
    there = desks.screens[ANNA.user_id]
    back = diff(there, UserView(), lambda card: CardGone(card.call_id, GoneReason.ENDED))
    assert patch(there, back) == UserView()


def test_a_call_that_turned_out_to_be_somebody_elses_leaves_nothing_on_the_first_screen() -> None:
    desks = Desks()
    desks.tell(started(parties=internal("101", "600")))
    assert desks.card(ANNA) is not None
    desks.tell(CallDescribed("c1", 1.1, internal("102", "600")))
    assert desks.card(ANNA) is None
    assert desks.card(BOB) is not None
    desks.tell(ended(parties=internal("102", "600"), result=Verdict.MISSED))
    assert desks.board.view(ANNA.user_id).cards == desks.board.view(BOB.user_id).cards == ()
