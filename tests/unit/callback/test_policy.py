"""What becomes of a promise: tables of cases, properties, and a simulated year of dialling and failing in two places
with holidays and both clock changes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from callback import kinds
from callback.kinds import AttemptKind, Outcome, Result
from callback.policy import (
    LEAD_S,
    MOST_OFFERS,
    OWNER_WAIT_S,
    POLL_S,
    Again,
    Close,
    Go,
    NotNow,
    Promise,
    Rules,
    Situation,
    Times,
    ToInbox,
    after,
    decide,
    estimate,
    first_times,
    in_order,
    slots_left,
)
from config.callbacks import CallbackSettings, Department
from core.accounts import UserDevice
from core.ports import FreeAgent
from tests.unit.callback.year import (
    NEW_YORK,
    PLACES,
    WARSAW,
    Place,
    any_instant,
    instant,
    instants_of_2026,
    utc,
    wall,
)

POLE = "+48221234567"
TOLL_FREE = "+18005551234"
NINE_TO_FIVE = Department(queue="sales", retry_minutes=(15, 60, 240))
LADDER_2H = Department(queue="sales", retry_minutes=(120,))
NOON = instant("2026-11-24 12:00", WARSAW)  # a Tuesday
AFTER_CLOSING = instant("2026-11-24 17:00", WARSAW)
NEXT_MORNING = instant("2026-11-25 09:00", WARSAW)
FAR = NOON + 30 * 86400
DIALLED_IN_VAIN = (Result.BUSY, Result.NO_ANSWER, Result.FAILED)


def rules_of(department: Department = NINE_TO_FIVE, zone: str = WARSAW) -> Rules:
    return Rules.of(department, CallbackSettings(), zone)


RULES = rules_of()


def agent(user_id: int) -> FreeAgent:
    phone = UserDevice(pbx="main", device=f"PJSIP/10{user_id}", extension=f"10{user_id}")
    return FreeAgent(user_id, phone, NOON - 60)


ANN, BEN, EVE = agent(1), agent(2), agent(3)
PROMISE = Promise(id=1, number=POLE, arrived_at=NOON - 600, due_at=NOON - 60, expires_at=FAR)
FREE = Situation(now=NOON, free=(ANN, BEN, EVE), waiting=0, staffed=3)


def test_a_promise_that_is_due_goes_to_the_agent_free_longest() -> None:
    assert decide(PROMISE, FREE, RULES) == Go(AttemptKind.AGENT_FIRST, ANN)


@pytest.mark.parametrize(
    ("promise", "situation", "decision"),
    [
        ({}, {"suppressed": True}, Close(Outcome.SUPPRESSED)),
        ({"expires_at": NOON, "rung": 1}, {}, Close(Outcome.EXPIRED)),
        ({"expires_at": NOON}, {}, ToInbox("Expired before the customer could be dialled even once.")),
        ({"due_at": NOON + 1}, {}, NotNow(kinds.NotNow.TOO_EARLY, NOON + 1)),
        ({"due_at": FAR + 1}, {}, NotNow(kinds.NotNow.TOO_EARLY, FAR)),
        ({}, {"now": AFTER_CLOSING}, NotNow(kinds.NotNow.CLOSED, NEXT_MORNING)),
        ({}, {"now": AFTER_CLOSING - LEAD_S}, NotNow(kinds.NotNow.CLOSED, NEXT_MORNING)),
        ({}, {"now": AFTER_CLOSING - LEAD_S - 1}, Go(AttemptKind.AGENT_FIRST, ANN)),
        (
            {"number": "+12125551234"},  # 6:00 in New York; 8:00 is 14:00 here
            {},
            NotNow(kinds.NotNow.QUIET_HOURS, instant("2026-11-24 14:00", WARSAW)),
        ),
        ({"number": TOLL_FREE}, {}, NotNow(kinds.NotNow.QUIET_HOURS, FAR)),
        ({}, {"talking": True}, NotNow(kinds.NotNow.TALKING, NOON + POLL_S)),
        ({}, {"pbx_away": "no link"}, NotNow(kinds.NotNow.PBX_AWAY, NOON + POLL_S)),
        ({}, {"limit": NotNow(kinds.NotNow.BUDGET, NOON + 99)}, NotNow(kinds.NotNow.BUDGET, NOON + 99)),
        ({}, {"limit": NotNow(kinds.NotNow.MONEY, FAR + 1)}, NotNow(kinds.NotNow.MONEY, FAR)),
        ({}, {"free": ()}, NotNow(kinds.NotNow.NO_AGENT, NOON + POLL_S)),
        ({"expires_at": NOON + 5}, {"free": ()}, NotNow(kinds.NotNow.NO_AGENT, NOON + 5)),
        ({}, {"waiting": 2}, Go(AttemptKind.AGENT_FIRST, ANN)),
        ({}, {"waiting": 3}, NotNow(kinds.NotNow.CALLERS_FIRST, NOON + POLL_S)),
        ({}, {"waiting": 1, "unassigned": 2}, NotNow(kinds.NotNow.CALLERS_FIRST, NOON + POLL_S)),
        ({"owner_id": 2}, {}, Go(AttemptKind.AGENT_FIRST, BEN)),
        ({"owner_id": 9}, {}, NotNow(kinds.NotNow.NO_AGENT, NOON + POLL_S)),
        ({"owner_id": 9, "due_at": NOON - OWNER_WAIT_S}, {}, Go(AttemptKind.AGENT_FIRST, ANN)),
        ({"owner_id": 2, "declined": frozenset({2})}, {}, Go(AttemptKind.AGENT_FIRST, ANN)),
        ({"responsible_id": 2}, {}, Go(AttemptKind.AGENT_FIRST, BEN)),
        ({"responsible_id": 9}, {}, Go(AttemptKind.AGENT_FIRST, ANN)),
        ({"responsible_id": 2, "declined": frozenset({2})}, {}, Go(AttemptKind.AGENT_FIRST, ANN)),
        ({"responsible_id": 2, "owner_id": 1}, {}, Go(AttemptKind.AGENT_FIRST, ANN)),
        ({"responsible_id": 2, "owner_id": 9}, {}, NotNow(kinds.NotNow.NO_AGENT, NOON + POLL_S)),
        (
            {"responsible_id": 2, "owner_id": 9, "due_at": NOON - OWNER_WAIT_S},
            {},
            Go(AttemptKind.AGENT_FIRST, BEN),
        ),
        ({"declined": frozenset({1, 2})}, {}, Go(AttemptKind.AGENT_FIRST, EVE)),
        ({"declined": frozenset({1, 2, 3})}, {}, Go(AttemptKind.AGENT_FIRST, ANN)),
        ({"holds_place": True}, {"free": (), "waiting": 5}, Go(AttemptKind.QUEUE, None)),
        ({"holds_place": True}, {"free": (), "staffed": 0}, NotNow(kinds.NotNow.NO_AGENT, NOON + POLL_S)),
        ({"holds_place": True, "offers": 1}, {"waiting": 5}, Go(AttemptKind.QUEUE, None)),
        ({"holds_place": True, "rung": 1}, {}, Go(AttemptKind.AGENT_FIRST, ANN)),
        ({"holds_place": True}, {"now": AFTER_CLOSING}, NotNow(kinds.NotNow.CLOSED, NEXT_MORNING)),
    ],
)
def test_the_moment_of_dialling(
    promise: dict[str, object],
    situation: dict[str, object],
    decision: Go | NotNow | ToInbox | Close,
) -> None:
    asked = replace(PROMISE, **promise)  # type: ignore[arg-type]
    assert decide(asked, replace(FREE, **situation), RULES) == decision  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("setting", "proven", "kind"),
    [
        (True, True, AttemptKind.CUSTOMER_FIRST),
        (True, False, AttemptKind.AGENT_FIRST),
        (False, True, AttemptKind.AGENT_FIRST),
    ],
)
def test_only_who_proved_the_number_is_dialled_first(setting: bool, proven: bool, kind: AttemptKind) -> None:
    rules = rules_of(Department(queue="sales", customer_first=setting))
    decision = decide(replace(PROMISE, proven=proven), FREE, rules)
    assert decision == Go(kind, ANN if kind is AttemptKind.AGENT_FIRST else None)


def test_a_failure_at_17_with_a_ladder_of_two_hours_dials_next_morning() -> None:
    rules = rules_of(LADDER_2H)
    assert after(PROMISE, Result.NO_ANSWER, rules, AFTER_CLOSING) == Again(NEXT_MORNING, 1, 0)
    before_lunch = instant("2026-11-24 11:00", WARSAW)
    assert after(PROMISE, Result.NO_ANSWER, rules, before_lunch) == Again(before_lunch + 7200, 1, 0)


def test_a_ladder_passes_over_a_long_weekend() -> None:
    rules = rules_of(Department(queue="sales", retry_minutes=(120,), holidays="PL"))
    wednesday = instant("2026-12-23 16:30", WARSAW)
    patient = replace(PROMISE, expires_at=FAR + 30 * 86400)
    assert after(patient, Result.BUSY, rules, wednesday) == Again(instant("2026-12-28 09:00", WARSAW), 1, 0)


@pytest.mark.parametrize("result", DIALLED_IN_VAIN)
def test_each_dialling_in_vain_uses_a_rung_until_none_is_left(result: Result) -> None:
    asked, now = PROMISE, NOON
    for wait in (15, 60):
        again = after(asked, result, RULES, now)
        assert again == Again(now + wait * 60, asked.rung + 1, 0)
        asked, now = replace(asked, rung=again.rung, due_at=again.due_at), again.due_at
    assert after(asked, result, RULES, now) == Again(NEXT_MORNING + 0.0, 3, 0)
    assert after(replace(asked, rung=3), result, RULES, NEXT_MORNING) == Close(Outcome.EXHAUSTED)


@pytest.mark.parametrize("result", sorted(kinds.NO_RUNG))
def test_an_offer_nobody_took_uses_no_rung_and_the_fifth_goes_to_a_person(result: Result) -> None:
    asked, now = PROMISE, NOON
    for offers in range(1, MOST_OFFERS):
        again = after(asked, result, RULES, now)
        assert isinstance(again, Again)
        assert (again.rung, again.offers) == (0, offers)
        assert again.due_at > now
        asked, now = replace(asked, offers=again.offers), again.due_at
    assert after(asked, result, RULES, now) == ToInbox("Offered 5 times, and no agent took it.")


@pytest.mark.parametrize(
    ("result", "promise", "what"),
    [
        (Result.REACHED, PROMISE, Close(Outcome.REACHED)),
        (
            Result.UNKNOWN,
            PROMISE,
            ToInbox("It is not known whether the last attempt was dialled: we may already have called."),
        ),
        (Result.BUSY, replace(PROMISE, expires_at=NOON + 900), Close(Outcome.EXPIRED)),
        (Result.AGENT_DECLINED, replace(PROMISE, expires_at=NOON + 60, rung=1), Close(Outcome.EXPIRED)),
        (
            Result.AGENT_DECLINED,
            replace(PROMISE, expires_at=NOON + 60),
            ToInbox("Expired before the customer could be dialled even once."),
        ),
    ],
)
def test_the_end_of_an_attempt(result: Result, promise: Promise, what: ToInbox | Close) -> None:
    assert after(promise, result, RULES, NOON) == what


def test_no_retry_setting_means_one_attempt() -> None:
    rules = rules_of(Department(queue="sales", retry_minutes=()))
    assert after(PROMISE, Result.NO_ANSWER, rules, NOON) == Close(Outcome.EXHAUSTED)


def test_who_came_first_comes_first_also_when_tried_before() -> None:
    late = replace(PROMISE, id=2, arrived_at=NOON)
    tried = replace(PROMISE, id=3, arrived_at=NOON - 5000, rung=2)
    twin = replace(PROMISE, id=0)
    assert in_order([late, PROMISE, tried, twin]) == [tried, twin, PROMISE, late]


@pytest.mark.parametrize(
    ("wished", "due"),
    [
        ("2026-11-24 12:00", "2026-11-24 12:00"),
        ("2026-11-24 16:59:30", "2026-11-25 09:00"),
        ("2026-11-27 18:00", "2026-11-30 09:00"),
    ],
)
def test_a_promise_expires_counted_from_when_it_can_first_be_kept(wished: str, due: str) -> None:
    begin = instant(due, WARSAW)
    assert first_times(POLE, instant(wished, WARSAW), RULES) == Times(begin, begin + 72 * 3600)


def test_no_promise_where_department_and_customer_share_no_time() -> None:
    assert first_times(TOLL_FREE, NOON, RULES) is None


@pytest.mark.parametrize(
    ("wished", "due"),
    [
        # A promise in the hour that does not exist: department and customer meet when the clock has jumped to 03:00.
        ("2026-03-29 00:30", "2026-03-29 01:00"),
        # In the hour that comes twice, first time and second time.
        ("2026-10-25 00:10", "2026-10-25 00:30"),
        ("2026-10-25 00:50", "2026-10-25 00:50"),
        ("2026-10-25 01:10", "2026-10-25 01:30"),
    ],
)
def test_promises_on_the_nights_of_a_clock_change(wished: str, due: str) -> None:
    no_quiet = CallbackSettings(quiet_from="00:00", quiet_until="00:00")
    rules = Rules.of(Department(queue="sales", hours=("sun 02:30-05:00",)), no_quiet, WARSAW)
    times = first_times(POLE, utc(wished), rules)
    assert times is not None
    assert times.due_at == utc(due)


HOURLY = rules_of(Department(queue="sales", slot_minutes=60, slot_capacity=2, slot_days=1))


def hours_left_today(promised: Iterable[float], number: str | None = None) -> dict[int, int]:
    """The hour at which a slot of today begins → how many promises are left."""
    return {
        wall(one.slot.begin, WARSAW).hour: one.left
        for one in slots_left(HOURLY, promised, NOON, number)
        if one.slot.begin < AFTER_CLOSING
    }


def test_each_slot_has_its_capacity_less_what_was_promised() -> None:
    one, two = instant("2026-11-24 13:00", WARSAW), instant("2026-11-24 14:00", WARSAW)
    # Promises made when slots were shorter count where they fall; those of other days and of the night do not.
    promised = [one, two, two + 1800, two + 7 * 86400, two - 86400, AFTER_CLOSING + 3600]
    assert hours_left_today(promised) == {12: 2, 13: 1, 15: 2, 16: 2}


def test_a_number_is_offered_only_what_its_own_clock_allows() -> None:
    assert hours_left_today([], "+12125551234") == {14: 2, 15: 2, 16: 2}


def test_a_slot_that_is_offered_can_be_kept() -> None:
    left = slots_left(HOURLY, [], NOON, POLE)
    assert len(left) == 5 + 8
    for one in left:
        assert first_times(POLE, one.slot.begin, HOURLY) == Times(one.slot.begin, one.slot.begin + 72 * 3600)


@pytest.mark.parametrize(
    ("situation", "ahead", "handle_s", "minutes"),
    [
        ({}, 0, None, 1),
        ({}, 2, None, 1),
        ({}, 3, None, None),  # all agents spoken for, and no figure for how long they take
        ({}, 3, 180.0, 3),  # one of three agents must end a call: 45 s + 2 × 180 s / 3
        ({"waiting": 3}, 0, 180.0, 3),
        ({"free": (), "waiting": 2}, 1, 180.0, 7),
        ({"free": (), "waiting": 9}, 0, 180.0, 15),
        ({"free": (), "waiting": 50}, 0, 180.0, None),
        ({"free": (), "staffed": 0}, 0, 180.0, None),
        ({"pbx_away": "no link"}, 0, 180.0, None),
        ({"limit": NotNow(kinds.NotNow.BUDGET, NOON + 1)}, 0, 180.0, None),
        ({"now": AFTER_CLOSING}, 0, 180.0, None),
        ({"now": AFTER_CLOSING - 30}, 0, 180.0, None),
        ({"now": AFTER_CLOSING - 300, "free": (), "waiting": 2}, 1, 180.0, None),
    ],
)
def test_an_estimate_is_honest_or_none(
    situation: dict[str, object], ahead: int, handle_s: float | None, minutes: int | None
) -> None:
    assert estimate(replace(FREE, **situation), ahead, handle_s, RULES) == minutes  # type: ignore[arg-type]


def place_rules(place: Place) -> Rules:
    return rules_of(place.department, place.zone)


@pytest.mark.parametrize("place", PLACES.values(), ids=PLACES)
def test_a_year_of_decisions_dials_only_when_it_may(place: Place) -> None:
    rules = place_rules(place)
    eternal = replace(PROMISE, number=place.customer, due_at=0.0, expires_at=FAR + 1e9)
    dialled = 0
    for at in telling_instants(place):
        decision = decide(eternal, replace(FREE, now=at), rules)
        may = place.may_ring(at) and place.may_ring(at + LEAD_S)
        assert isinstance(decision, Go) is may, wall(at, place.zone)
        dialled += may
    assert dialled > 5_000


def telling_instants(place: Place) -> Iterator[float]:
    """Every half hour of 2026, and the seconds around each turn between rest and work."""
    before = False
    for step, at in enumerate(instants_of_2026(place.zone)):
        may = place.may_ring(at)
        if may is not before:
            yield from (at + seconds for seconds in (-LEAD_S - 1, -LEAD_S, -1.0, 0.0, 1.0))
        elif step % 6 == 0:
            yield at
        before = may


@pytest.mark.parametrize("place", PLACES.values(), ids=PLACES)
def test_a_year_of_ladders_never_leaves_the_hours(place: Place) -> None:
    rules = replace(place_rules(place), retry_waits_s=(900.0, 7200.0, 36000.0), expire_s=60 * 86400.0)
    step = 3 * 3600 + 420.0
    for wished in instants_of_2026(place.zone, step):
        climb(place, rules, wished)


def climb(place: Place, rules: Rules, wished: float) -> None:
    """One promise: offered once in vain, then dialled in vain until the ladder ends."""
    times = first_times(place.customer, wished, rules)
    assert times is not None
    now = times.due_at
    asked = replace(PROMISE, number=place.customer, due_at=now, expires_at=times.expires_at)
    results = (Result.AGENT_NO_ANSWER, Result.NO_ANSWER, Result.BUSY, Result.FAILED)
    for result, wait in zip(results, (60.0, *rules.retry_waits_s), strict=True):
        if now < utc("2026-12-30"):
            assert place.may_ring(now), wall(now, place.zone)
            assert place.may_ring(now + LEAD_S), wall(now, place.zone)
        again = after(asked, result, rules, now + 30)
        assert isinstance(again, Again)
        assert again.due_at >= now + 30 + wait
        asked = replace(asked, rung=again.rung, offers=again.offers, due_at=again.due_at)
        now = again.due_at
    assert (asked.rung, asked.offers) == (3, 1)
    assert after(asked, Result.BUSY, rules, now) == Close(Outcome.EXHAUSTED)


numbers = st.sampled_from((POLE, "+12135551234", "+819012345678", TOLL_FREE))
places = st.sampled_from(
    [(WARSAW, "mon-sat 09:00-17:30"), (NEW_YORK, "mon-sun 24h"), (NEW_YORK, "sun 01:30-12:00")]
)


@settings(deadline=None)
@given(places, numbers, any_instant)
def test_the_next_time_to_dial_is_the_first(where: tuple[str, str], number: str, at: float) -> None:
    zone, hours = where
    rules = rules_of(Department(queue="sales", hours=(hours,)), zone)
    then = rules.next_callable(number, at)
    if then is None:
        assert not any(rules.callable_at(number, at + step * 900) for step in range(7 * 96))
        return
    assert then >= at
    assert rules.callable_at(number, then)
    assert not any(rules.callable_at(number, at + (then - at) * step / 20) for step in range(20) if then > at)


situations = st.builds(
    Situation,
    now=any_instant,
    free=st.lists(st.sampled_from((ANN, BEN, EVE)), unique=True, max_size=3).map(tuple),
    waiting=st.integers(0, 4),
    staffed=st.integers(0, 3),
    unassigned=st.integers(0, 2),
    suppressed=st.booleans(),
    talking=st.booleans(),
    pbx_away=st.sampled_from((None, None, "no link")),
    limit=st.none(),
)
promises = st.builds(
    Promise,
    id=st.integers(1, 9),
    number=numbers,
    arrived_at=any_instant,
    due_at=any_instant,
    expires_at=any_instant,
    rung=st.integers(0, 4),
    offers=st.integers(0, 5),
    owner_id=st.sampled_from((None, 1, 2, 9)),
    responsible_id=st.sampled_from((None, 1, 2, 9)),
    proven=st.booleans(),
    holds_place=st.booleans(),
    declined=st.frozensets(st.integers(1, 3)),
)


@settings(deadline=None)
@given(promises, situations)
def test_any_decision_keeps_the_rules(promise: Promise, situation: Situation) -> None:
    decision = decide(promise, situation, RULES)
    if isinstance(decision, NotNow):
        assert situation.now < decision.look_again_at <= promise.expires_at
    if isinstance(decision, Go):
        assert not situation.suppressed
        assert not situation.talking
        assert situation.pbx_away is None
        assert promise.due_at <= situation.now < promise.expires_at
        assert RULES.callable_at(promise.number, situation.now)
        if decision.kind is not AttemptKind.QUEUE:
            assert len(situation.free) > situation.waiting + situation.unassigned
        assert decision.agent is None or decision.agent in situation.free
        assert (decision.agent is None) is (decision.kind is not AttemptKind.AGENT_FIRST)


@settings(deadline=None)
@given(promises, st.sampled_from(list(Result)), any_instant)
def test_any_attempt_has_a_consequence(promise: Promise, result: Result, now: float) -> None:
    what = after(promise, result, RULES, now)
    if isinstance(what, Again):
        assert now < what.due_at < promise.expires_at
        assert RULES.callable_at(promise.number, what.due_at)
        offered = result in kinds.NO_RUNG
        assert (what.rung, what.offers) == (promise.rung + (not offered), promise.offers + offered)
        assert what.rung <= len(RULES.retry_waits_s) or offered
        assert what.offers < MOST_OFFERS or not offered
    elif result is Result.UNKNOWN:
        assert isinstance(what, ToInbox)


@settings(deadline=None)
@given(st.lists(promises, max_size=12), situations)
def test_never_more_are_launched_than_agents_are_free_of_callers(
    asked: list[Promise], situation: Situation
) -> None:
    """One turn of a scheduler: each launched attempt takes its agent away, or counts as one without an agent."""
    now = replace(situation, now=NOON, unassigned=0)
    launched = 0
    for one in in_order(asked):
        promise = replace(one, number=POLE, due_at=NOON - 900, expires_at=FAR, holds_place=False)
        decision = decide(promise, now, RULES)
        if isinstance(decision, Go):
            launched += 1
            free = tuple(agent for agent in now.free if agent != decision.agent)
            now = replace(now, free=free, unassigned=now.unassigned + (decision.agent is None))
    assert launched <= max(0, len(situation.free) - situation.waiting)
