"""What dialling may use: calls at once, calls a minute, minutes and money of 24 hours, and none for a while where call
after call fails (`breaker.py`). In: the attempts themselves, so that the figures survive a restart and cannot disagree
with the log. Out: the limit that is reached, and when there is room again. A call that goes on is never cut: it counts
as it grows. Alarms are raised in `alarms.py`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import inf

from sqlalchemy import Double, and_, bindparam, case, func, literal, select
from sqlalchemy.ext.asyncio import AsyncConnection

from callback import breaker, kinds
from callback.kinds import Result
from callback.policy import NotNow
from callback.tables import IS_RUNNING, Attempt
from config.callbacks import CallbackSettings

MINUTE_S, DAY_S = 60.0, 86400.0
SOON_S = 5.0
"""A call that goes on ends at a time nobody knows."""

AT_ONCE = select(func.count()).where(IS_RUNNING)
LATELY = Attempt.made_at > bindparam("since", type_=Double)
"""An attempt counts from when it was made: it begins within the minute."""

BEGUN = select(func.count(), func.min(Attempt.made_at)).where(LATELY)
_UNTIL = func.coalesce(Attempt.ended_at, bindparam("now", type_=Double))
_SINCE = func.coalesce(Attempt.bridged_at, Attempt.customer_dialled_at, _UNTIL)
_UNANSWERED = and_(
    Attempt.result.in_((Result.BUSY.value, Result.NO_ANSWER.value, Result.FAILED.value)),
    Attempt.bridged_at.is_(None),
)
MINUTES = case((_UNANSWERED, literal(0.0, Double)), else_=(_UNTIL - _SINCE) / MINUTE_S)
"""On the line with the customer. Until the end is known, the ringing counts as well: whether they have answered is only
told then."""

BEGINNING = func.substr(Attempt.number, 1, bindparam("length"))
"""As much of the number as any price looks at: so many sums instead of so many calls."""

USED = select(BEGINNING, func.sum(MINUTES)).where(LATELY).group_by(BEGINNING)
NEWEST_FIRST = select(Attempt.made_at, Attempt.number, MINUTES).where(LATELY).order_by(Attempt.made_at.desc())

Cost = Callable[[str, float], float]
"""What a call to a number (or its beginning) uses of a limit, by its minutes."""


class Budgets:
    """The limits of `[callback.limits]` that concern dialling, and the prices of `[callback]`."""

    def __init__(self, settings: CallbackSettings) -> None:
        self._limits = limits = settings.limits
        self._prices, self._price = settings.prices, settings.price_a_minute
        self._length = max(map(len, settings.prices), default=1)
        money = inf if limits.money_a_day is None else limits.money_a_day
        self._caps: tuple[tuple[kinds.NotNow, float, Cost], ...] = (
            (kinds.NotNow.MINUTES, limits.minutes_a_day, lambda _number, minutes: minutes),
            (kinds.NotNow.MONEY, money, lambda number, minutes: minutes * self._price_of(number)),
        )

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
        times = {"now": now, "since": now - DAY_S}
        used = (await connection.execute(USED, times | {"length": self._length})).all()
        for reason, cap, cost in self._caps:
            if sum(cost(beginning, minutes) for beginning, minutes in used) >= cap:
                return NotNow(reason, await _room_at(connection, times, cap, cost))
        return None

    def _price_of(self, number: str) -> float:
        """Of a minute: by the longest beginning that has a price."""
        begins = (number[:length] for length in range(self._length, 0, -1))
        return next((self._prices[one] for one in begins if one in self._prices), self._price)

    async def _too_many(self, connection: AsyncConnection, now: float) -> NotNow | None:
        if (await connection.execute(AT_ONCE)).scalar_one() >= self._limits.at_once:
            return NotNow(kinds.NotNow.BUDGET, now + SOON_S)
        count, first = (await connection.execute(BEGUN, {"since": now - MINUTE_S})).one()
        if count >= self._limits.calls_a_minute:
            return NotNow(kinds.NotNow.BUDGET, float(first) + MINUTE_S)
        return None


async def _room_at(connection: AsyncConnection, times: Mapping[str, float], cap: float, cost: Cost) -> float:
    """When the attempt is a day old that, added up from the newest back, uses the last of `cap`."""
    left = cap
    for made_at, number, minutes in await connection.execute(NEWEST_FIRST, dict(times)):
        left -= cost(number, minutes)
        if left <= 0:
            return float(made_at) + DAY_S
    return times["now"] + SOON_S  # what used it up has ended, and cost less than it seemed to
