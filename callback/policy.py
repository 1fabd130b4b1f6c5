"""What to do with a promise, now and after an attempt: facts about the promise and the moment in, one decision out.

*Pure.* `first_times` when a promise is made, `decide` immediately before dialling (P14, P16), `after` when an attempt
has ended (P15, P17), `in_order` for who comes first, `slots_left` and `estimate` for what a visitor is told. All
instants are float seconds. Nothing is stored, dialled or awaited here: `callback/scheduler.py` does that, and it calls
`decide` again at `look_again_at` or when something in the `Situation` changes, whichever is sooner.

A promise that can wait no longer is closed when the customer was dialled at least once, and goes to the inbox when not:
what we never tried is not forgotten."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from callback import kinds
from callback.hours import OpeningHours, Slot
from callback.quiet import Quiet
from config.callbacks import CallbackSettings, Department
from core.ports import FreeAgent

LEAD_S = 45.0
"""From the order to the customer's ring: the agent's phone rings (30 s), the announcement (5 s), the network. Open and
loud hours must last so long, so that nobody is rung a moment after closing."""

OFFER_WAITS_S = (60.0, 120.0, 300.0, 600.0)
"""Waits after an agent, or the PBX, did not take it: long enough not to nag, short for the customer (P17)."""

MOST_OFFERS = len(OFFER_WAITS_S) + 1

OWNER_WAIT_S = 600.0
"""A promise with an owner is kept for them so long after it fell due; then anybody's turn."""

POLL_S = 15.0
"""How soon to look again where nothing announces that the reason is gone."""

SEARCH_S = 35 * 86400.0
"""When department and customer do not meet within five weeks of the next opening, they never do."""

LONGEST_ESTIMATE = 45
"""Minutes. Beyond it a number would be a guess: offer a slot."""


@dataclass(frozen=True, slots=True)
class Rules:
    """What one department's settings mean for its promises; build it once with `of`."""

    hours: OpeningHours
    quiet: Quiet
    retry_waits_s: tuple[float, ...]
    expire_s: float
    slot_days: int
    slot_minutes: int
    slot_capacity: int
    customer_first: bool
    offer_waits_s: tuple[float, ...] = OFFER_WAITS_S

    @classmethod
    def of(cls, department: Department, settings: CallbackSettings, site_zone: str) -> Rules:
        """Rules of one department (`[department.x]`, `[callback]`, `site.time_zone`)."""
        return cls(
            hours=OpeningHours.of(department, site_zone),
            quiet=Quiet.of(settings, site_zone),
            retry_waits_s=tuple(minutes * 60.0 for minutes in department.retry_minutes),
            expire_s=department.expire_hours * 3600.0,
            slot_days=department.slot_days,
            slot_minutes=department.slot_minutes,
            slot_capacity=department.slot_capacity,
            customer_first=department.customer_first,
        )

    def callable_at(self, number: str, at: float) -> bool:
        """Whether an attempt begun now reaches this number (E.164) within opening hours and outside quiet time."""
        return all(self.hours.is_open(t) and self.quiet.allows(number, t) for t in (at, at + LEAD_S))

    def next_callable(self, number: str, at: float) -> float | None:
        """`at` itself when an attempt may begin, else the next instant that it may; None when there is none."""
        moment: float | None = at
        begin = self.hours.next_opening(at)
        while moment is not None and begin is not None and moment <= begin + SEARCH_S:
            later = self._obstacle_ends(number, moment)
            if later == moment:
                return moment
            moment = later
        return None

    def _obstacle_ends(self, number: str, at: float) -> float | None:
        """When the first obstacle to an attempt at `at` is over: at once when there is none, None for never."""
        for t in (at, at + LEAD_S):
            if not self.hours.is_open(t):
                return self.hours.next_opening(t)
            if not self.quiet.allows(number, t):
                return self.quiet.next_allowed(number, t)
        return at


@dataclass(frozen=True, slots=True)
class Promise:
    """What policy needs of a callback's row. `holds_place`: its caller left the queue by key, and the PBX can hold the
    place until the customer is dialled: what agents do not take costs nobody their turn. `declined`: agents (user ids)
    who did not take it since the customer was dialled, or since they said that they will. `responsible_id`: who is
    responsible for the customer, if anybody: never waited for."""

    id: int
    number: str
    arrived_at: float
    due_at: float
    expires_at: float
    rung: int = 0
    offers: int = 0
    owner_id: int | None = None
    responsible_id: int | None = None
    proven: bool = False
    holds_place: bool = False
    declined: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class NotNow:
    """Do not dial at this moment; store and show the reason, and look again then or when the situation changes."""

    reason: kinds.NotNow
    look_again_at: float


@dataclass(frozen=True, slots=True)
class Situation:
    """The moment of a decision. `free` are free agents of the queue, longest free first, *less those for whom an
    attempt is running*; `waiting` its callers; `staffed` its agents at work. `unassigned`: attempts that run without an
    agent of their own and do not yet wait in the queue (customer first, until they answer). `pbx_away`: why the PBX
    cannot be dialled through, None when it can. `limit`: which limit of dialling is reached, None: there is room."""

    now: float
    free: Sequence[FreeAgent]
    waiting: int
    staffed: int
    unassigned: int = 0
    suppressed: bool = False
    talking: bool = False
    pbx_away: str | None = None
    limit: NotNow | None = None


@dataclass(frozen=True, slots=True)
class Go:
    """Dial now. `agent` is set when `kind` is AGENT_FIRST, and only then."""

    kind: kinds.AttemptKind
    agent: FreeAgent | None


@dataclass(frozen=True, slots=True)
class ToInbox:
    """A person has to act; `reason` is one sentence for them."""

    reason: str


@dataclass(frozen=True, slots=True)
class Close:
    """The promise has ended."""

    outcome: kinds.Outcome


@dataclass(frozen=True, slots=True)
class Again:
    """The promise waits for another attempt, not before `due_at`; the counters are the row's new ones."""

    due_at: float
    rung: int
    offers: int


@dataclass(frozen=True, slots=True)
class Times:
    """A new promise's `due_at` and `expires_at`."""

    due_at: float
    expires_at: float


Decision = Go | NotNow | ToInbox | Close


def first_times(number: str, wished_at: float, rules: Rules) -> Times | None:
    """When a promise to this number (E.164), wished for at `wished_at`, may first be kept, and when it expires, counted
    from there. None when department and customer share no time of day."""
    due = rules.next_callable(number, wished_at)
    return None if due is None else Times(due, due + rules.expire_s)


def decide(promise: Promise, situation: Situation, rules: Rules) -> Decision:
    """What to do with a waiting promise at `situation.now`. The first of the reasons in P14's order counts."""
    now = situation.now
    if situation.suppressed:
        return Close(kinds.Outcome.SUPPRESSED)
    if now >= promise.expires_at:
        return _out_of_time(promise.rung)
    if refused := _refused(promise, situation, rules):
        reason, again_at = refused
        return NotNow(reason, min(again_at, promise.expires_at))
    return _go(promise, situation, rules)


def after(promise: Promise, result: kinds.Result, rules: Rules, now: float) -> Again | ToInbox | Close:
    """What follows from an attempt that ended now with this result; `promise` is as it was before the attempt."""
    if result is kinds.Result.REACHED:
        return Close(kinds.Outcome.REACHED)
    if result is kinds.Result.UNKNOWN:
        return ToInbox("It is not known whether the last attempt was dialled: we may already have called.")
    if result in kinds.NO_RUNG:
        return _after_offer(promise, rules, now)
    return _after_dialling(promise, rules, now)


def in_order(promises: Iterable[Promise]) -> list[Promise]:
    """Who comes first: by arrival, the original call's where there was one (P16)."""
    return sorted(promises, key=lambda promise: (promise.arrived_at, promise.id))


@dataclass(frozen=True, slots=True)
class SlotLeft:
    """A slot that can still be promised, `left` times."""

    slot: Slot
    left: int


def slots_left(
    rules: Rules, promised: Iterable[float], now: float, number: str | None = None
) -> tuple[SlotLeft, ...]:
    """Slots that can still be chosen, in order. `promised` are the `promised_from` of the department's open callbacks;
    with a `number` (E.164) only those slots in which it may be rung throughout."""
    slots = rules.hours.slots(now, rules.slot_days, rules.slot_minutes)
    taken = Counter(_slot_of(slots, at) for at in promised)
    return tuple(
        SlotLeft(slot, rules.slot_capacity - taken[slot])
        for slot in slots
        if taken[slot] < rules.slot_capacity and _suits(rules.quiet, number, slot)
    )


def estimate(situation: Situation, ahead: int, handle_s: float | None, rules: Rules) -> int | None:
    """In how many minutes a promise made now would be kept, as can honestly be said; None when it cannot.

    `ahead` promises of the department are due before it; `handle_s` is the measured mean time from an agent's answer
    until they are free again, None when too few calls were measured. The figure is one that is kept in about five of
    six cases: with everybody busy, the time until n of s agents become free is Erlang with mean n·handle/s.
    """
    if situation.pbx_away or situation.limit is not None or not rules.hours.is_open(situation.now):
        return None
    missing = situation.waiting + situation.unassigned + ahead + 1 - len(situation.free)
    seconds = LEAD_S
    if missing > 0:
        if handle_s is None or situation.staffed == 0:
            return None
        seconds += (missing + math.sqrt(missing)) * handle_s / situation.staffed
    closes = rules.hours.closes_at(situation.now)
    if closes is not None and situation.now + seconds > closes:
        return None
    return _round_up(seconds / 60)


def _refused(promise: Promise, situation: Situation, rules: Rules) -> tuple[kinds.NotNow, float] | None:
    """The first reason not to dial now, and when to look again; agents are not looked at yet."""
    now, number = situation.now, promise.number
    if now < promise.due_at:
        return kinds.NotNow.TOO_EARLY, promise.due_at
    if not rules.callable_at(number, now):
        open_throughout = rules.hours.is_open(now) and rules.hours.is_open(now + LEAD_S)
        reason = kinds.NotNow.QUIET_HOURS if open_throughout else kinds.NotNow.CLOSED
        return reason, rules.next_callable(number, now) or promise.expires_at
    if situation.talking:
        return kinds.NotNow.TALKING, now + POLL_S
    if situation.pbx_away:
        return kinds.NotNow.PBX_AWAY, now + POLL_S
    if situation.limit is not None:
        return situation.limit.reason, situation.limit.look_again_at
    return None


def _go(promise: Promise, situation: Situation, rules: Rules) -> Go | NotNow:
    now = situation.now
    if promise.holds_place and situation.staffed and promise.rung == 0:
        return Go(kinds.AttemptKind.QUEUE, None)
    soon = min(now + POLL_S, promise.expires_at)
    if situation.free and len(situation.free) <= situation.waiting + situation.unassigned:
        return NotNow(kinds.NotNow.CALLERS_FIRST, soon)
    agent = _agent_for(promise, situation)
    if agent is None:
        return NotNow(kinds.NotNow.NO_AGENT, soon)
    if rules.customer_first and promise.proven:
        return Go(kinds.AttemptKind.CUSTOMER_FIRST, None)
    return Go(kinds.AttemptKind.AGENT_FIRST, agent)


def _agent_for(promise: Promise, situation: Situation) -> FreeAgent | None:
    """The owner; while they may still become free, nobody else; then who is responsible for the customer, if free; then
    who is free longest. Whoever declined it is passed over. Where all have, it is offered again: an agent who could not
    a minute ago perhaps can now."""
    if not situation.free:
        return None
    owner = promise.owner_id
    if owner is not None and owner not in promise.declined:
        if mine := next((agent for agent in situation.free if agent.user_id == owner), None):
            return mine
        if situation.now < promise.due_at + OWNER_WAIT_S:
            return None
    willing = [agent for agent in situation.free if agent.user_id not in promise.declined]
    responsible = (agent for agent in willing if agent.user_id == promise.responsible_id)
    return next(responsible, willing[0] if willing else situation.free[0])


def _after_offer(promise: Promise, rules: Rules, now: float) -> Again | ToInbox | Close:
    offers = promise.offers + 1
    if offers > len(rules.offer_waits_s):
        return ToInbox(f"Offered {offers} times, and no agent took it.")
    due = rules.next_callable(promise.number, now + rules.offer_waits_s[offers - 1])
    if due is None or due >= promise.expires_at:
        return _out_of_time(promise.rung)
    return Again(due, promise.rung, offers)


def _after_dialling(promise: Promise, rules: Rules, now: float) -> Again | Close:
    if promise.rung >= len(rules.retry_waits_s):
        return Close(kinds.Outcome.EXHAUSTED)
    due = rules.next_callable(promise.number, now + rules.retry_waits_s[promise.rung])
    if due is None or due >= promise.expires_at:
        return Close(kinds.Outcome.EXPIRED)
    return Again(due, promise.rung + 1, promise.offers)


def _out_of_time(rung: int) -> ToInbox | Close:
    if rung:
        return Close(kinds.Outcome.EXPIRED)
    return ToInbox("Expired before the customer could be dialled even once.")


def _slot_of(slots: Sequence[Slot], at: float) -> Slot | None:
    after_it = bisect_right(slots, at, key=lambda slot: slot.begin)
    slot = slots[after_it - 1] if after_it else None
    return slot if slot is not None and at < slot.end else None


def _suits(quiet: Quiet, number: str | None, slot: Slot) -> bool:
    return number is None or (quiet.allows(number, slot.begin) and quiet.allows(number, slot.end - 1))


def _round_up(minutes: float) -> int | None:
    """Whole minutes up to ten, then fives: a finer figure would claim to know more than it does."""
    whole = math.ceil(minutes)
    rounded = whole if whole <= 10 else math.ceil(minutes / 5) * 5
    return rounded if rounded <= LONGEST_ESTIMATE else None
