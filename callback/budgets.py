"""What dialling may use: calls at once, calls a minute, minutes and money of 24 hours, and none for a while where call
after call fails (`breaker.py`). In: the attempts themselves, so that the figures survive a restart and cannot disagree
with the log. Out: the limit that is reached, and when there is room again. A call that goes on is never cut: it counts
as it grows. Alarms are raised in `limit_alarms.py`."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, Double, and_, bindparam, case, func, literal, select
from sqlalchemy.ext.asyncio import AsyncConnection

from callback import breaker, kinds
from callback.kinds import AttemptState, Result
from callback.policy import NotNow
from callback.tables import Attempt
from config.callbacks import CallbackSettings

MINUTE_S, DAY_S = 60.0, 86400.0
SOON_S = 5.0
"""A call that goes on ends at a time nobody knows."""

AT_ONCE = select(func.count()).where(Attempt.state != AttemptState.ENDED.value)
LATELY = select(func.count(), func.min(Attempt.made_at)).where(
    Attempt.made_at > bindparam("since", type_=Double)
)
UNANSWERED = (Result.BUSY.value, Result.NO_ANSWER.value, Result.FAILED.value)


class Budgets:
    """The limits of `[callback.limits]` that concern dialling, and the prices of `[callback]`."""

    def __init__(self, settings: CallbackSettings) -> None:
        self._limits = settings.limits
        self._spent = _spent(settings)

    async def for_callback(self, connection: AsyncConnection, pbx: str, now: float) -> NotNow | None:
        """The limit that forbids one more callback through this PBX now; None when there is room."""
        return (
            await self.spent(connection, now)
            or await breaker.pause(connection, pbx, self._limits, now)
            or await self._too_many(connection, now)
        )

    async def for_click(self, connection: AsyncConnection, now: float) -> NotNow | None:
        """The same for a person's own call: whoever clicks may try a trunk that fails."""
        return await self.spent(connection, now) or await self._too_many(connection, now)

    async def spent(self, connection: AsyncConnection, now: float) -> NotNow | None:
        """Whether minutes or money of the last 24 hours are used up, and when the first of them will be given back."""
        row = (await connection.execute(self._spent, {"now": now, "since": now - DAY_S})).one()
        if row.minutes is not None:
            return NotNow(kinds.NotNow.MINUTES, row.minutes + DAY_S)
        if row.money is not None:
            return NotNow(kinds.NotNow.MONEY, row.money + DAY_S)
        return None

    async def _too_many(self, connection: AsyncConnection, now: float) -> NotNow | None:
        if (await connection.execute(AT_ONCE)).scalar_one() >= self._limits.at_once:
            return NotNow(kinds.NotNow.BUDGET, now + SOON_S)
        count, first = (await connection.execute(LATELY, {"since": now - MINUTE_S})).one()
        if count >= self._limits.calls_a_minute:
            return NotNow(kinds.NotNow.BUDGET, float(first) + MINUTE_S)
        return None


def _spent(settings: CallbackSettings) -> Any:
    """Adding up attempts from the newest back: which one uses the last of the minutes, which one of the money? There is
    room when that one is a day old. An attempt counts from when it was made: it begins within the minute."""
    minutes = _minutes()
    newest_first = Attempt.made_at.desc()
    sums = (
        select(
            Attempt.made_at,
            func.sum(minutes).over(order_by=newest_first).label("minutes"),
            func.sum(minutes * _price(settings)).over(order_by=newest_first).label("money"),
        )
        .where(Attempt.made_at > bindparam("since", type_=Double))
        .subquery()
    )
    limits = settings.limits
    spends_money = case(
        (sums.c.money >= (limits.money_a_day or 0.0), sums.c.made_at if limits.money_a_day else None)
    )
    return select(
        func.max(case((sums.c.minutes >= float(limits.minutes_a_day), sums.c.made_at))).label("minutes"),
        func.max(spends_money).label("money"),
    )


def _minutes() -> ColumnElement[float]:
    """On the line with the customer. Until the end is known, the ringing counts as well: whether they have answered is
    only told then."""
    until = func.coalesce(Attempt.ended_at, bindparam("now", type_=Double))
    since = func.coalesce(Attempt.bridged_at, Attempt.customer_dialled_at, until)
    unanswered = and_(Attempt.result.in_(UNANSWERED), Attempt.bridged_at.is_(None))
    return case((unanswered, literal(0.0, Double)), else_=(until - since) / MINUTE_S)


def _price(settings: CallbackSettings) -> ColumnElement[float]:
    """Of a minute to the attempt's number."""
    default = literal(settings.price_a_minute, Double)
    longest_first = sorted(settings.prices.items(), key=lambda one: -len(one[0]))
    if not longest_first:
        return default
    begins = ((Attempt.number.startswith(prefix), literal(price, Double)) for prefix, price in longest_first)
    return case(*begins, else_=default)
