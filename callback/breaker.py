"""The circuit breaker: a trunk through which call after call fails is left alone for a while, then one call tries it.
In: the ended attempts of a PBX, the newest first. Out: until when nothing is dialled there. Nothing is remembered but
the attempts themselves: any call that gets through, a person's click too, ends the row of failures."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import bindparam, exists, select
from sqlalchemy.ext.asyncio import AsyncConnection

from callback import kinds
from callback.kinds import NO_RUNG, Result
from callback.policy import NotNow
from callback.tables import IS_RUNNING, Attempt
from config.callbacks import CallbackLimits

DAY_S = 86400.0
"""What failed yesterday says nothing of the trunk today."""

SOON_S = 5.0
"""How soon to look at the call that tries the trunk."""

REPEATS = 10
"""Of one number's failures in a row: so many times the limit's calls are looked at."""

SILENT = (*(result.value for result in NO_RUNG), Result.UNKNOWN.value)
"""Results that say nothing of the trunk."""

DIALLED = (
    select(Attempt.number, Attempt.result, Attempt.ended_at)
    .where(
        Attempt.pbx == bindparam("pbx"),
        Attempt.made_at > bindparam("since"),
        Attempt.ended_at.is_not(None),
        Attempt.result.not_in(SILENT),
    )
    .order_by(Attempt.made_at.desc())
)
TRYING = select(
    exists().where(
        Attempt.pbx == bindparam("pbx"),
        IS_RUNNING,
        Attempt.made_at >= bindparam("since"),
    )
)


@dataclass(frozen=True, slots=True)
class Failing:
    """The last calls that reached the trunk all failed: to how many different numbers, and when the last one did."""

    numbers: int
    last_at: float


async def failing(
    connection: AsyncConnection, pbx: str, limits: CallbackLimits, now: float
) -> Failing | None:
    """None when the trunks of this PBX work, as far as the last calls say. One number that fails again and again says
    nothing: it may be wrong."""
    last = DIALLED.limit(limits.failures_in_a_row * REPEATS)
    rows = await connection.execute(last, {"pbx": pbx, "since": now - DAY_S})
    numbers: set[str] = set()
    last_at = 0.0
    for row in rows:
        if row.result != Result.FAILED:
            break
        numbers.add(row.number)
        last_at = max(last_at, row.ended_at)
    return Failing(len(numbers), last_at) if len(numbers) >= limits.failures_in_a_row else None


async def pause(connection: AsyncConnection, pbx: str, limits: CallbackLimits, now: float) -> NotNow | None:
    """Until when nothing is dialled through this PBX; None when there is nothing against it, or when it is time for the
    one call that tries."""
    found = await failing(connection, pbx, limits, now)
    if found is None:
        return None
    again_at = found.last_at + limits.failures_pause_minutes * 60.0
    if now < again_at:
        return NotNow(kinds.NotNow.TRUNK, again_at)
    is_trying = await connection.scalar(TRYING, {"pbx": pbx, "since": found.last_at})
    return NotNow(kinds.NotNow.TRUNK, now + SOON_S) if is_trying else None
