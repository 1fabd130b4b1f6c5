"""The PBX's own messages about calls still open, kept until the call's last fact. After a crash `recover` hands
them back in order; applied to an empty CallBook they rebuild exactly the state of the last commit, through the
same code as live events."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from pbx_bridge.ami.message import AmiMessage
from pbx_bridge.tables import CallJournal

APPEND = insert(CallJournal)


@dataclass(frozen=True, slots=True)
class Entry:
    """One message, the instant it arrived, and the open call it belongs to."""

    message: AmiMessage
    at: float
    call_id: str


async def write(connection: AsyncConnection, pbx: str, entries: Sequence[Entry]) -> None:
    """Append inside the caller's transaction."""
    if entries:
        await connection.execute(
            APPEND,
            [
                {"pbx": pbx, "at": entry.at, "call_id": entry.call_id, "message": entry.message.raw}
                for entry in entries
            ],
        )


async def recover(connection: AsyncConnection, pbx: str) -> list[tuple[AmiMessage, float]]:
    """All messages about open calls of `pbx`, oldest first, with their arrival."""
    rows = await connection.execute(
        select(CallJournal.message, CallJournal.at).where(CallJournal.pbx == pbx).order_by(CallJournal.id)
    )
    return [(AmiMessage(message), at) for message, at in rows]
