"""Keeps promises. Each `turn`: look into attempts whose fate is in doubt, then, department by department, ask
`policy.py` about every callback that is due and do what it says. In: committed rows, what the PBX and the desks say
this moment (`core/ports.py`). Out: committed attempts, then orders to the PBX; an order is sent at most once, and only
after its attempt was committed. Nothing here knows AMI, and no time is waited for inside a turn."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import structlog
from sqlalchemy import select, update

from callback import ledger, policy
from callback.attempts import Attempts, Ended, Made, claim, new_attempt_id
from callback.budgets import Budgets
from callback.kinds import AttemptKind, Marker, NotNow, Outcome, Result, State
from callback.policy import Rules, Situation
from callback.progress import COLUMNS, declined, promise_of, to_inbox
from callback.promises import in_turn
from callback.settled import settled
from callback.tables import IS_RUNNING, Attempt, Callback
from config.settings import Settings
from core.bus import Bus
from core.clock import Clock
from core.db import Database
from core.errors import PbxError, PbxUncertainError
from core.facts import CallbackChanged
from core.phone import mask
from core.ports import AgentPool, Dialer, DialOrder, ResponsiblePeople
from core.tasks import woken

log = structlog.get_logger(__name__)

SuppressedAmong = Callable[[Collection[str]], Awaitable[frozenset[str]]]

DIALLED_S = 5.0
"""So long after the end of the announcement the customer has been dialled, whether or not we were there to see it."""

MOST_DUE = 200
"""Callbacks looked at per department and turn, the oldest first: more than could be dialled anyway."""

ONLY_TIME = frozenset({NotNow.CLOSED, NotNow.QUIET_HOURS, NotNow.TOO_EARLY})
"""Reasons that nothing but time takes away: no need to look every second."""


@dataclass(frozen=True, slots=True)
class Times:
    """Seconds.

    `look`: between turns, when nothing wakes us sooner. `gather`: what wakes us comes in bursts (each phone's every
    change of state): one turn for all of it. `begin`: the PBX refuses an order that reaches it later than
    this after the attempt was made. `patience`: after this an attempt that the PBX does not show was not placed, or is
    over; longer than `begin`, so that nothing placed late meets a second attempt: 25 s of the agent's ringing, 5 s of
    the announcement, 30 s for a slow PBX, and the 5 s we wait for its reply. `gone`: a call that is gone from the PBX's
    list gets so long to be told as ended, which says more than a marker. `doubt`: a PBX that cannot be asked for so
    long leaves the attempt to a person.
    """

    look: float = 1.0
    gather: float = 0.05
    begin: float = 20.0
    patience: float = 65.0
    gone: float = 10.0
    doubt: float = 1800.0


@dataclass(frozen=True, slots=True)
class Department:
    """One department as the scheduler needs it; `key` is its section in the settings."""

    key: str
    pbx: str
    queue: str
    rules: Rules


class Scheduler:
    """One per process; on the process that does not read the PBX it finds `Dialer.sees` against it and waits."""

    def __init__(
        self,
        departments: Sequence[Department],
        *,
        database: Database,
        bus: Bus,
        clock: Clock,
        dialer: Dialer,
        pool: AgentPool,
        attempts: Attempts,
        budgets: Budgets,
        suppressed_among: SuppressedAmong,
        responsible: ResponsiblePeople,
        times: Times | None = None,
    ) -> None:
        self._departments = tuple(departments)
        self._rules = {one.key: one.rules for one in departments}
        self._database = database
        self._bus = bus
        self._clock = clock
        self._dialer = dialer
        self._pool = pool
        self._attempts = attempts
        self._budgets = budgets
        self._suppressed_among = suppressed_among
        self._responsible = responsible
        self._times = times or Times()
        self._woken = asyncio.Event()
        self._gone_since: dict[str, float] = {}
        self._not_before: dict[int, float] = {}

    def wake(self) -> None:
        """Something changed: look now."""
        self._woken.set()

    async def run(self) -> None:
        """Turn for ever."""
        while True:
            self._woken.clear()
            await self.turn()
            if await woken(self._woken, self._times.look):
                await asyncio.sleep(self._times.gather)

    async def turn(self) -> None:
        """One look at everything."""
        async with self._database.read() as connection:
            unfinished = (await connection.execute(UNFINISHED)).all()
        await self._look_into_doubts(unfinished)
        await self._call_off(unfinished)
        for department in self._departments:
            await self._serve(department)

    # ---- what is due

    async def _serve(self, department: Department) -> None:
        now = self._clock()
        async with self._database.read() as connection:
            due = (await connection.execute(_due(department.key, now))).all()
            rows = [row for row in due if self._not_before.get(row.id, now) <= now]
            if not rows:
                return
            running = (await connection.execute(_running(department.pbx))).all()
            limit = await self._budgets.for_callback(connection, department.pbx, now)
            refused_by = await declined(connection, [row.id for row in rows])
            responsible = await self._responsible.of(connection, {row.number for row in rows})
        suppressed = await self._suppressed_among({row.number for row in rows})
        situation = self._situation(department, running, now, limit)
        for row in rows:
            situation = replace(
                situation,
                suppressed=row.number in suppressed,
                talking=self._pool.is_talking(row.number),
            )
            promise = promise_of(row, refused_by.get(row.id, frozenset()), responsible.get(row.number))
            decision = policy.decide(promise, situation, department.rules)
            situation = await self._act(department, row, decision, situation)

    def _situation(
        self, department: Department, running: Sequence[Any], now: float, limit: policy.NotNow | None
    ) -> Situation:
        taken = {one.user_id for one in running}
        free = self._pool.free(department.pbx, department.queue)
        return Situation(
            now=now,
            free=tuple(agent for agent in free if agent.user_id not in taken),
            waiting=self._pool.waiting(department.pbx, department.queue),
            staffed=self._pool.staffed(department.pbx, department.queue),
            # A place held in the queue is one of its callers already.
            unassigned=sum(
                one.kind == AttemptKind.CUSTOMER_FIRST.value and one.agent_answered_at is None
                for one in running
            ),
            pbx_away=self._dialer.sees(department.pbx),
            limit=limit,
        )

    async def _act(
        self, department: Department, row: Any, decision: policy.Decision, situation: Situation
    ) -> Situation:
        """Do what was decided about one callback; returns the situation that this leaves for the next one."""
        self._not_before.pop(row.id, None)
        match decision:
            case policy.Go(kind, agent):
                made = self._made(department, row, kind, agent, situation.now)
                taken, limit = await self._take(made)
                situation = replace(situation, limit=limit)
                if taken:
                    await self.place(made)
                    return _less(situation, made)
                if limit is not None:
                    await self._not_now(row, limit.reason, situation.now)
            case policy.NotNow(reason, again_at):
                if reason in ONLY_TIME:
                    self._not_before[row.id] = again_at
                await self._not_now(row, reason, situation.now)
            case policy.ToInbox(reason):
                async with self._database.write() as connection:
                    await to_inbox(connection, row.id, situation.now, reason)
                await self._changed(row.id)
            case policy.Close(outcome):
                await self._close(row.id, outcome, situation.now)
        return situation

    def _made(self, department: Department, row: Any, kind: AttemptKind, agent: Any, now: float) -> Made:
        by_queue = kind is not AttemptKind.AGENT_FIRST
        order = DialOrder(
            attempt_id=new_attempt_id(),
            pbx=department.pbx,
            number=row.number,
            agent=None if by_queue else agent.device,
            queue=department.queue if by_queue else None,
            position=row.place if kind is AttemptKind.QUEUE else None,
            customer_first=kind is AttemptKind.CUSTOMER_FIRST,
        )
        return Made(order, kind, now, user_id=None if by_queue else agent.user_id, callback_id=row.id)

    async def _take(self, made: Made) -> tuple[bool, policy.NotNow | None]:
        """Whether it is taken, and the limit that is reached then. A person's own call may have used the last room
        since it was looked at, so it is looked at again where nobody can come between."""
        async with self._database.write() as connection:
            await in_turn(connection)
            limit = await self._budgets.for_callback(connection, made.order.pbx, made.at)
            if limit is not None or not await claim(connection, made):
                return False, limit
            return True, await self._budgets.for_callback(connection, made.order.pbx, made.at)

    async def place(self, made: Made) -> None:
        """Send the order of a committed attempt, once; what the PBX says of it is written down."""
        order = replace(made.order, begin_before=made.at + self._times.begin)
        try:
            await self._dialer.place(order)
        except PbxUncertainError as error:
            log.warning(
                "perhaps dialled", attempt=order.attempt_id, number=mask(order.number), error=str(error)
            )
            await self._attempts.uncertain(order.attempt_id, str(error))
        except PbxError as error:
            ended = Ended(Result.NOT_PLACED, self._clock(), str(error))
            await self._attempts.end(order.attempt_id, lambda _row: ended)
        else:
            await self._attempts.sent(order.attempt_id)
        await self._changed(made.callback_id)

    async def _not_now(self, row: Any, reason: NotNow, now: float) -> None:
        if row.why_not == reason.value:
            return
        async with self._database.write() as connection:
            await connection.execute(
                update(Callback)
                .where(Callback.id == row.id, Callback.state == State.WAITING.value)
                .values(why_not=reason.value, why_not_at=now)
            )
        await self._changed(row.id)

    async def _close(self, callback_id: int, outcome: Outcome, now: float) -> None:
        async with self._database.write() as connection:
            await ledger.close(connection, callback_id, now, outcome, came_from=(State.WAITING,))
        await self._changed(callback_id)

    async def _changed(self, callback_id: int | None) -> None:
        if callback_id is not None:
            await self._bus.publish(CallbackChanged(callback_id, self._clock()))

    # ---- what nobody needs any more

    async def _call_off(self, unfinished: Sequence[Any]) -> None:
        """Ring no agent, and keep no place in a queue, for a promise that was closed or may not be kept now. Once the
        customer's phone rings the attempt goes on."""
        now = self._clock()
        for row in unfinished:
            if row.callback_id is None or row.customer_dialled_at is not None:
                continue
            rules = self._rules.get(row.department)
            held = row.kind == AttemptKind.QUEUE.value and row.agent_answered_at is None
            too_late = held and rules is not None and not rules.callable_at(row.number, now)
            announced = self._dialer.announcement_s(row.pbx) + DIALLED_S
            is_early = row.agent_answered_at is None or now - row.agent_answered_at < announced
            if is_early and (row.callback_state != State.DIALLING.value or too_late):
                await self._hang_up(row.pbx, row.id)

    async def _hang_up(self, pbx: str, attempt_id: str) -> None:
        if self._dialer.sees(pbx) is not None or not self._dialer.is_live(pbx, attempt_id):
            return
        try:
            await self._dialer.hang_up(pbx, attempt_id)
        except PbxError as error:
            log.warning("an attempt was not called off", attempt=attempt_id, error=str(error))

    # ---- what is in doubt

    async def _look_into_doubts(self, unfinished: Sequence[Any]) -> None:
        """An attempt that the PBX does not show any more, and whose end was not told, is settled by what the PBX's
        dialplan marked; never by dialling again."""
        self._gone_since = {
            one.id: self._gone_since[one.id] for one in unfinished if one.id in self._gone_since
        }
        for attempt in unfinished:
            if self._is_gone(attempt):
                await self._settle(attempt)
            elif self._dialer.sees(attempt.pbx) is not None and self._is_too_long_in_doubt(attempt):
                await self._give_up(attempt)

    def _is_gone(self, attempt: Any) -> bool:
        now = self._clock()
        if self._dialer.sees(attempt.pbx) is not None or self._dialer.is_live(attempt.pbx, attempt.id):
            self._gone_since.pop(attempt.id, None)
            return False
        if attempt.over_at is not None:
            return True
        since = self._gone_since.setdefault(attempt.id, now)
        return now - since >= self._times.gone and now - attempt.made_at >= self._times.patience

    async def _settle(self, attempt: Any) -> None:
        try:
            marker = await self._dialer.marker(attempt.pbx, attempt.id)
        except PbxError as error:
            log.warning("an attempt stays in doubt", attempt=attempt.id, error=str(error))
            if self._is_too_long_in_doubt(attempt):
                await self._give_up(attempt)
            return
        if marker == Marker.DECLINED:
            await self._attempts.tell_declined(attempt)
        ended = settled(attempt, None if marker is None else Marker(marker), self._clock())
        await self._attempts.end(attempt.id, lambda _row: ended)

    def _is_too_long_in_doubt(self, attempt: Any) -> bool:
        made_at: float = attempt.made_at
        return self._clock() - made_at >= self._times.doubt

    async def _give_up(self, attempt: Any) -> None:
        why = f"The PBX {attempt.pbx!r} could not be asked what became of this attempt."
        ended = Ended(Result.UNKNOWN, self._clock(), why)
        await self._attempts.end(attempt.id, lambda _row: ended)


def _less(situation: Situation, made: Made) -> Situation:
    """The situation once this attempt is on its way."""
    return replace(
        situation,
        free=tuple(agent for agent in situation.free if agent.user_id != made.user_id),
        unassigned=situation.unassigned + (made.kind is AttemptKind.CUSTOMER_FIRST),
        waiting=situation.waiting + (made.kind is AttemptKind.QUEUE),
    )


UNFINISHED = (
    select(Attempt, Callback.state.label("callback_state"), Callback.department)
    .outerjoin(Callback, Callback.id == Attempt.callback_id)
    .where(IS_RUNNING)
    .order_by(Attempt.made_at)
)
"""Attempts, with where their callback stands (click-to-call may have none)."""


def _due(department: str, now: float) -> Any:
    return (
        select(*COLUMNS)
        .where(
            Callback.department == department,
            Callback.state == State.WAITING.value,
            Callback.due_at <= now,
        )
        .order_by(Callback.arrived_at, Callback.id)
        .limit(MOST_DUE)
    )


def _running(pbx: str) -> Any:
    return select(Attempt.user_id, Attempt.kind, Attempt.agent_answered_at).where(
        Attempt.pbx == pbx, IS_RUNNING
    )


def departments(settings: Settings, rules: Mapping[str, Rules]) -> list[Department]:
    """Those that can return calls: with a PBX."""
    return [
        Department(key, pbx, one.queue, rules[key])
        for key, one in settings.department.items()
        if (pbx := settings.pbx_of(key)) is not None
    ]
