"""Every use of a recording, written down before it happens (P22): who, what, when. An asker and a use go in, a row
comes out. A browser asks for the same audio many times while somebody listens once, so what goes on is one use for a
while. Rows outlive the audio, and none is ever removed; only the reason of a hold goes with the person it is about."""

from __future__ import annotations

from sqlalchemy import insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from recordings.access import Asker
from recordings.kinds import Use
from recordings.tables import Recording, RecordingUse

GOES_ON_S = 600.0
"""Listening or reading within ten minutes of the last row is the same use."""


async def note_use(
    connection: AsyncConnection,
    asker: Asker,
    what: Use,
    *,
    at: float,
    call_id: str | None,
    recording_id: str | None = None,
    detail: str = "",
) -> None:
    """Write one use down, in the transaction of what it is about where there is one."""
    user_id = asker.user.id if asker.user is not None else None
    whom = {"at": at, "who": asker.name, "user_id": user_id}
    use = {"call_id": call_id, "recording_id": recording_id, "what": what, "detail": detail}
    await connection.execute(insert(RecordingUse).values(whom | use))


async def note_once(
    connection: AsyncConnection, asker: Asker, what: Use, *, at: float, call_id: str | None, recording_id: str
) -> None:
    """As `note_use`, unless it goes on. A player asks for several pieces at once: they wait for each other here."""
    await connection.execute(select(Recording.id).where(Recording.id == recording_id).with_for_update())
    if not await goes_on(connection, asker, what, recording_id, at):
        await note_use(connection, asker, what, at=at, call_id=call_id, recording_id=recording_id)


async def note_joined(connection: AsyncConnection, absorbed_id: str, call_id: str) -> None:
    """One call turned out to be part of another: what was done with it was done with that one."""
    await connection.execute(
        update(RecordingUse).where(RecordingUse.call_id == absorbed_id).values(call_id=call_id)
    )


async def forget_reasons(connection: AsyncConnection, recording_id: str) -> None:
    """Why it was held and released was written by a person, about a person who is erased."""
    await connection.execute(
        update(RecordingUse)
        .where(RecordingUse.recording_id == recording_id, RecordingUse.what.in_((Use.HELD, Use.RELEASED)))
        .values(detail="")
    )


async def goes_on(
    connection: AsyncConnection, asker: Asker, what: Use, recording_id: str, now: float
) -> bool:
    """Whether this asker's use was written down a short while ago: it needs no row of its own."""
    found = await connection.scalar(
        select(RecordingUse.id)
        .where(
            RecordingUse.recording_id == recording_id,
            RecordingUse.who == asker.name,
            RecordingUse.what == what,
            RecordingUse.at > now - GOES_ON_S,
        )
        .limit(1)
    )
    return found is not None
