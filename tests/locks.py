"""Two writers of one PostgreSQL database brought to the same place at the same moment, without any waiting time: one
holds a row, the others run until they wait for it, and the test goes on when the database says that they do. SQLite has
one writer, so there is nothing to force."""

from __future__ import annotations

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from tests.site import eventually

WAITING = text("SELECT count(DISTINCT pid) FROM pg_locks WHERE NOT granted")
"""Not pg_stat_activity, which says the same thing again as long as a transaction lasts."""


async def until_wait(connection: AsyncConnection, count: int) -> None:
    """Until so many others wait for a lock. `connection` may be the one that holds it."""

    async def waiting() -> int:
        return int(await connection.scalar(WAITING) or 0)

    await eventually(waiting, lambda now: now >= count)
