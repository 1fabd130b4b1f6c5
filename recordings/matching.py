"""Which call a recording belongs to. The recording's PBX, linkedid and time go in, the call comes out, read from the
call log's table by its name (the log is another room's). Nothing is written here.

A call's linkedids are known for good when it has ended; several of them are one call after a transfer or a pick-up."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import column, func, select, table
from sqlalchemy.ext.asyncio import AsyncConnection

CALLS = table(
    "calls",
    *map(
        column,
        ("id", "pbx", "queue", "result", "started_at", "answered_at", "ended_at", "talk_s", "linkedids"),
    ),
)

LONGEST_S = 86_400.0
"""A call that began more than a day before its recording is none of it: a PBX gives the same ids again one day."""

CLOCK_S = 60.0
"""By which a PBX's clock and the times of its events may differ."""


@dataclass(frozen=True, slots=True)
class CallOf:
    """What a recording takes from its call. `ended_at` is None while it goes on."""

    id: str
    queue: str | None
    verdict: str | None
    answered_at: float | None
    ended_at: float | None
    talk_s: float | None


_COLUMNS = (
    CALLS.c.id, CALLS.c.queue, CALLS.c.result, CALLS.c.answered_at, CALLS.c.ended_at, CALLS.c.talk_s
)  # fmt: skip


async def call_of(connection: AsyncConnection, pbx: str, linkedid: str, at: float) -> CallOf | None:
    """The ended call that had this linkedid and went on at `at`; None when there is none (yet)."""
    if not linkedid:
        return None
    about_then = (
        CALLS.c.started_at.between(at - LONGEST_S, at + CLOCK_S),
        CALLS.c.ended_at.is_not(None),
        CALLS.c.pbx == pbx,
    )
    # Nearly every call is known by the linkedid it began with, which is in its id; the others have to be looked for.
    has_it = (" " + CALLS.c.linkedids + " ").contains(f" {linkedid} ", autoescape=True)
    for known_by in (CALLS.c.id == f"{pbx}-{linkedid}", has_it):
        found = await connection.execute(
            select(*_COLUMNS)
            .where(*about_then, known_by)
            .order_by(func.abs(CALLS.c.started_at - at))
            .limit(1)
        )
        if (row := found.one_or_none()) is not None:
            return CallOf(*row)
    return None


async def call_by_id(connection: AsyncConnection, call_id: str) -> CallOf | None:
    """The call as the log has it."""
    row = (await connection.execute(select(*_COLUMNS).where(CALLS.c.id == call_id))).one_or_none()
    return CallOf(*row) if row is not None else None
