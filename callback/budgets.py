"""What dialling may use: calls at once, calls a minute, minutes of talk a day. In: the attempts themselves, so that the
figures survive a restart and cannot disagree with the log. Out: when there is room again."""

from __future__ import annotations

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from callback.kinds import AttemptState
from callback.tables import Attempt
from config.callbacks import CallbackLimits

MINUTE_S, DAY_S = 60.0, 86400.0
SOON_S = 5.0
"""A call that goes on ends at a time nobody knows."""

AT_ONCE = select(func.count()).where(Attempt.state != AttemptState.ENDED.value)


class Budgets:
    """The limits of `[callback.limits]` that concern dialling."""

    def __init__(self, limits: CallbackLimits) -> None:
        self._limits = limits

    async def again_at(self, connection: AsyncConnection, now: float) -> float | None:
        """None when one more call may be placed now, else the instant from which it is worth asking again."""
        if (await connection.execute(AT_ONCE)).scalar_one() >= self._limits.at_once:
            return now + SOON_S
        lately = select(func.count(), func.min(Attempt.made_at)).where(Attempt.made_at > now - MINUTE_S)
        count, first = (await connection.execute(lately)).one()
        if count >= self._limits.calls_a_minute:
            return float(first) + MINUTE_S
        if await self.minutes_used(connection, now) >= self._limits.minutes_a_day:
            return now + MINUTE_S
        return None

    async def minutes_used(self, connection: AsyncConnection, now: float) -> float:
        """Minutes in which customers of callbacks were on the line during the last 24 hours."""
        until = func.coalesce(Attempt.ended_at, now)
        talked = select(func.coalesce(func.sum(until - Attempt.customer_dialled_at), 0.0)).where(
            Attempt.customer_dialled_at > now - DAY_S
        )
        return float((await connection.execute(talked)).scalar_one()) / MINUTE_S
