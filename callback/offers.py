"""What a visitor can be offered this moment: a call now, where that can be kept, slots with places left, or the next
opening. In: a department's rules, what desks and PBX say, the open callbacks. Out: an `Offer`. Nothing is promised
here (`requests.py`), and an estimate that is no better than a guess is not given."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from callback import policy
from callback.budgets import Budgets
from callback.hours import Slot
from callback.kinds import Result, State
from callback.policy import Rules, Situation
from callback.promises import taken_slots
from callback.tables import IS_RUNNING, Attempt, Callback
from config.settings import Settings
from core.clock import Clock
from core.db import Database
from core.ports import AgentPool, Dialer

MEASURED = 50
"""The last so many calls back say how long an agent is taken by one; fewer than `ENOUGH` say nothing."""
ENOUGH = 10

MOST_SLOTS = 500
"""Of one answer: 60 days of quarter hours are more than anybody reads."""


@dataclass(frozen=True, slots=True)
class Offer:
    """`minutes` until a call now, None when no call can be promised now. `opens` is the next opening, None while open
    or when there is none: `is_open` tells which."""

    minutes: int | None
    slots: tuple[Slot, ...]
    opens: float | None
    is_open: bool


class Offers:
    """One per application. Departments are named by their section in the settings."""

    def __init__(
        self,
        settings: Settings,
        rules: Mapping[str, Rules],
        database: Database,
        clock: Clock,
        *,
        pool: AgentPool,
        dialer: Dialer,
    ) -> None:
        self._settings = settings
        self._rules = rules
        self._database = database
        self._clock = clock
        self._pool = pool
        self._dialer = dialer
        self._budgets = Budgets(settings.callback)

    async def look(self, department: str) -> Offer:
        """What can be offered now."""
        now, rules = self._clock(), self._rules[department]
        async with self._database.read() as connection:
            minutes = await self._minutes(connection, department, now, _due(department, now))
            taken = await taken_slots(connection, department, now - rules.slot_minutes * 60, None)
        left = policy.slots_left(rules, taken, now)
        return Offer(
            minutes,
            tuple(one.slot for one in left[:MOST_SLOTS]),
            None if rules.hours.is_open(now) else rules.hours.next_opening(now),
            rules.hours.is_open(now),
        )

    async def minutes_left(self, department: str, callback_id: int) -> int | None:
        """In how many minutes a callback that waits for its turn will be called; None when that cannot be said."""
        now = self._clock()
        arrived = select(Callback.arrived_at).where(Callback.id == callback_id).scalar_subquery()
        earlier = _due(department, now).where(Callback.arrived_at < arrived)
        async with self._database.read() as connection:
            return await self._minutes(connection, department, now, earlier)

    async def _minutes(
        self, connection: AsyncConnection, department: str, now: float, ahead: Any
    ) -> int | None:
        pbx = self._settings.pbx_of(department)
        if pbx is None:
            return None
        count = (await connection.execute(ahead)).scalar_one()
        situation = await self._situation(connection, department, pbx, now)
        handle_s = await _handle_s(connection, department)
        return policy.estimate(situation, count, handle_s, self._rules[department])

    async def _situation(
        self, connection: AsyncConnection, department: str, pbx: str, now: float
    ) -> Situation:
        queue = self._settings.department[department].queue
        running = (await connection.execute(_running(pbx))).all()
        taken = {one.user_id for one in running}
        return Situation(
            now=now,
            free=tuple(agent for agent in self._pool.free(pbx, queue) if agent.user_id not in taken),
            waiting=self._pool.waiting(pbx, queue),
            staffed=self._pool.staffed(pbx, queue),
            unassigned=sum(one.user_id is None for one in running),
            pbx_away=self._dialer.sees(pbx),
            limit=await self._budgets.for_callback(connection, pbx, now),
        )


def _due(department: str, now: float) -> Any:
    """How many callbacks wait for their turn."""
    return select(func.count()).where(
        Callback.department == department,
        Callback.state == State.WAITING.value,
        Callback.due_at <= now,
    )


def _running(pbx: str) -> Any:
    return select(Attempt.user_id).where(Attempt.pbx == pbx, IS_RUNNING)


async def _handle_s(connection: AsyncConnection, department: str) -> float | None:
    """How long one call back took an agent, on average, from their answer to the end."""
    lately = (
        select((Attempt.ended_at - Attempt.agent_answered_at).label("seconds"))
        .join(Callback, Callback.id == Attempt.callback_id)
        .where(
            Callback.department == department,
            Attempt.result == Result.REACHED.value,
            Attempt.agent_answered_at.is_not(None),
        )
        .order_by(Attempt.ended_at.desc())
        .limit(MEASURED)
        .subquery()
    )
    count, mean = (await connection.execute(select(func.count(), func.avg(lately.c.seconds)))).one()
    return float(mean) if count >= ENOUGH else None
