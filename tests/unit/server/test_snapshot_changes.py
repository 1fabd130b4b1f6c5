"""Old snapshot + changes = new snapshot, for any facts in any order, and for people the board did not name as touched:
the changes a browser gets are always enough to have exactly the screen a fresh page would have."""

from __future__ import annotations

from hypothesis import example, given, settings
from hypothesis import strategies as st

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
    Fact,
    MatchKind,
    PbxConnected,
    PbxLost,
    PhoneRinging,
    PhoneStopped,
    QueueMemberChanged,
    StopReason,
    Transfer,
    TransferKind,
    Verdict,
)
from server.live.calls_now import CallNow, PhoneNow, PhoneState
from server.live.cards import CustomerSummary, Draft
from server.live.snapshot import CustomersLoaded, DraftSaved, OwnersChanged, WrapUpRestored
from tests.live_story import (
    ANNA,
    BOB,
    CLARA,
    EVERYBODY,
    PBX,
    Desks,
    ended,
    inbound,
    internal,
    outbound,
    owner,
    phone,
    started,
)

CALLS = st.sampled_from(["c1", "c2", "c3"])
EXTENSIONS = st.sampled_from(["101", "102", "103", "203", "999"])
PHONES = EXTENSIONS.map(phone)
TIMES = st.integers(0, 50).map(float)
QUEUES = st.sampled_from(["support", "sales"])
USERS = st.sampled_from([1, 2, 3, 4])
PARTIES = st.sampled_from(
    [
        inbound(),
        inbound(None),
        internal("101", "102"),
        internal("103", "101"),
        outbound("101"),
        outbound("102"),
    ]
)
CUSTOMERS = st.integers(1, 3)
RINGS = st.sets(EXTENSIONS, max_size=3).map(lambda rang: tuple(sorted(rang)))
DRAFTS = st.builds(Draft, note=st.sampled_from(["", "tea", "coffee"]), closed=st.booleans())
TRANSFERS = st.builds(Transfer, st.sampled_from(TransferKind), EXTENSIONS, EXTENSIONS, TIMES)
LEFT = st.builds(PhoneNow, PHONES, st.just(PhoneState.LEFT), TIMES, answered_at=TIMES)


def end_of(
    call_id: str, at: float, parties: object, result: Verdict, rang: tuple[str, ...], talked: tuple[str, ...]
) -> Fact:
    return ended(call_id, at, parties=parties, result=result, rang=rang, talked=talked)  # type: ignore[arg-type]


FACTS: st.SearchStrategy[Fact] = st.one_of(
    st.builds(started, CALLS, TIMES, PARTIES),
    st.builds(CallDescribed, CALLS, TIMES, PARTIES),
    st.builds(CallQueued, CALLS, TIMES, QUEUES),
    st.builds(CallDequeued, CALLS, TIMES, QUEUES),
    st.builds(PhoneRinging, CALLS, TIMES, PHONES),
    st.builds(PhoneStopped, CALLS, TIMES, PHONES, st.sampled_from(StopReason)),
    st.builds(CallAnswered, CALLS, TIMES, PHONES),
    st.builds(AgentLeft, CALLS, TIMES, PHONES),
    st.builds(CallHeld, CALLS, TIMES, PHONES),
    st.builds(CallResumed, CALLS, TIMES, PHONES),
    st.builds(CallTransferred, CALLS, TIMES, TRANSFERS),
    st.builds(CallsJoined, CALLS, CALLS, TIMES).filter(lambda fact: fact.call_id != fact.absorbed_id),
    st.builds(end_of, CALLS, TIMES, PARTIES, st.sampled_from(Verdict), RINGS, RINGS),
    st.builds(
        CallMatched,
        CALLS,
        TIMES,
        st.sampled_from(MatchKind),
        st.lists(CUSTOMERS, max_size=2, unique=True).map(tuple),
        st.booleans(),
    ),
    st.builds(
        CustomersLoaded,
        st.lists(
            st.builds(CustomerSummary, CUSTOMERS, st.sampled_from(["Ada", "Bea"])), min_size=1, max_size=2
        ).map(tuple),
        st.booleans(),
    ),
    st.builds(DraftSaved, CALLS, USERS, DRAFTS),
    st.builds(
        WrapUpRestored,
        st.builds(
            lambda call_id, one: CallNow(call_id, PBX, 1.0, inbound(), phones=(one,), ended_at=50.0),
            CALLS,
            LEFT,
        ),
        USERS,
        DRAFTS,
    ),
    st.builds(
        QueueMemberChanged,
        st.just(PBX),
        TIMES,
        QUEUES,
        PHONES.map(lambda one: one.device),
        st.booleans(),
        st.booleans(),
        st.sampled_from([None, "Lunch"]),
    ),
    st.builds(
        DeviceChanged, st.just(PBX), TIMES, PHONES.map(lambda one: one.device), st.sampled_from(["INUSE"])
    ),
    st.builds(AgentStateChanged, USERS, TIMES, st.sampled_from(["available", "paused"]), st.none()),
    st.builds(PbxConnected, st.just(PBX), TIMES),
    st.builds(PbxLost, st.just(PBX), TIMES, st.just("closed")),
    st.sampled_from(
        [OwnersChanged(EVERYBODY), OwnersChanged((owner(1, "Anna", "101", "203"), owner(2, "Bob", "102")))]
    ),
)


@settings(max_examples=300, deadline=None)
@given(st.lists(FACTS, max_size=40))
def test_every_browser_has_the_screen_a_fresh_page_would_have(facts: list[Fact]) -> None:
    desks = Desks()
    for fact in facts:
        desks.tell(fact)
        for who in (ANNA, BOB, CLARA):
            assert desks.screens[who.user_id] == desks.board.view(who.user_id), fact


@settings(max_examples=150, deadline=None)
@given(st.lists(FACTS, max_size=25))
def test_a_fact_told_twice_changes_nothing_the_second_time(facts: list[Fact]) -> None:
    desks = Desks()
    for fact in facts:
        desks.tell(fact)
        assert desks.tell(fact) == {}, fact


@settings(max_examples=150, deadline=None)
@given(st.lists(FACTS, max_size=40))
@example(
    [
        started("c1"),
        CallMatched("c1", 1.0, MatchKind.EXACT, (1,), created=False),
        CustomersLoaded((CustomerSummary(1, "Ada"),)),
        started("c2"),
        CallsJoined("c2", "c1", 2.0),
    ]
)
def test_nothing_is_kept_of_calls_that_are_over(facts: list[Fact]) -> None:
    desks = Desks()
    desks.tell(*facts)
    for call_id in ("c1", "c2", "c3"):
        desks.tell(ended(call_id))
        for user_id in (1, 2, 3, 4):
            desks.tell(DraftSaved(call_id, user_id, Draft(closed=True)))
    board = desks.board
    assert board.calls == {}
    assert board.known.drafts == {}
    assert board.known.customers == {}
    assert all(queue.waiting == 0 for screen in desks.screens.values() for queue in screen.queues)
