"""Times in which we could not see a PBX, as rows: opened when we notice, closed when the comparison afterwards is
done. A window that was open when our process died stays open and is closed by the next one."""

from __future__ import annotations

from sqlalchemy import insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from core import fact_log
from core.facts import BlindWindowClosed
from pbx_bridge.tables import BlindWindow


async def open_window(connection: AsyncConnection, pbx: str, since: float, reason: str) -> None:
    """Begin a window, unless one is open for this PBX already (then the older one goes on)."""
    is_open = await connection.scalar(
        select(BlindWindow.id).where(BlindWindow.pbx == pbx, BlindWindow.until.is_(None))
    )
    if is_open is None:
        await connection.execute(insert(BlindWindow).values(pbx=pbx, since=since, until=None, reason=reason))


async def open_since(connection: AsyncConnection, pbx: str) -> tuple[float, str] | None:
    """Since when, and why, we have been blind on this PBX; None when we are not."""
    row = (
        await connection.execute(
            select(BlindWindow.since, BlindWindow.reason).where(
                BlindWindow.pbx == pbx, BlindWindow.until.is_(None)
            )
        )
    ).first()
    return None if row is None else (row.since, row.reason)


async def close_window(connection: AsyncConnection, fact: BlindWindowClosed) -> None:
    """End the open window with what the comparison gave back, and append the durable fact."""
    await connection.execute(
        update(BlindWindow)
        .where(BlindWindow.pbx == fact.pbx, BlindWindow.until.is_(None))
        .values(
            until=fact.until,
            calls_kept=fact.calls_kept,
            calls_ended_unseen=fact.calls_ended_unseen,
            calls_found=fact.calls_found,
        )
    )
    await fact_log.append(connection, fact, subject=fact.pbx, at=fact.until)
