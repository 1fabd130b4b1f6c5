"""Transcripts and notes in the search index, by the way the server itself takes: rows, durable facts, the feed."""

from __future__ import annotations

from sqlalchemy import insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from core.bus import Bus
from core.db import Database
from core.fact_log import append
from core.facts import CustomerChanged, TranscriptReady, WrapUpSaved
from crm_link.tables import Customer
from pbx_bridge.tables import Call, CallWrapUp
from recordings.tables import Recording, Transcript
from server.search.feed import SearchFeed


async def say(database: Database, call_id: str | None, text: str, *, at: float = 1000.0) -> str:
    """A recording of this call with a transcript, or another version of it; returns the recording's id."""
    recording_id = f"{abs(hash((call_id, at))):032x}"[-32:]
    async with database.write() as connection:
        known = await connection.scalar(select(Recording.id).where(Recording.id == recording_id))
        if known is None:
            await _keep(connection, recording_id, call_id, at)
        version = await _write(connection, recording_id, text)
        ready = TranscriptReady(recording_id, at, call_id, version)
        await append(connection, ready, subject=recording_id, at=at)
    return recording_id


async def _keep(connection: AsyncConnection, recording_id: str, call_id: str | None, at: float) -> None:
    row = {
        "id": recording_id, "call_id": call_id, "pbx": "office", "linkedid": call_id or "", "source": "mixmonitor",
        "channels": 2, "started_at": at, "duration_s": 60.0, "stored_at": at + 90,
    }  # fmt: skip
    await connection.execute(insert(Recording).values(row))


async def _write(connection: AsyncConnection, recording_id: str, text: str) -> int:
    theirs = Transcript.recording_id == recording_id
    versions = (await connection.execute(select(Transcript.version).where(theirs))).scalars().all()
    await connection.execute(update(Transcript).where(theirs).values(is_current=False))
    row = {"recording_id": recording_id, "engine": "test", "language": "en", "made_at": 1.0, "words": "[]"}
    made = insert(Transcript).values(**row, version=len(versions) + 1, is_current=True, text=text)
    return int((await connection.execute(made.returning(Transcript.id))).scalar_one())


async def announce_everything(database: Database) -> None:
    """What a seeded site would have said while it grew."""
    async with database.write() as connection:
        wrap_ups = await connection.execute(select(CallWrapUp.call_id, CallWrapUp.user_id))
        for call_id, user_id in wrap_ups.all():
            await append(connection, WrapUpSaved(call_id, 1.0, user_id), subject=call_id, at=1.0)
        for customer_id in (await connection.execute(select(Customer.id))).scalars().all():
            await append(connection, CustomerChanged(customer_id, 1.0), subject=str(customer_id), at=1.0)


async def index(database: Database) -> None:
    """Let the feed answer everything that is due."""
    feed = SearchFeed(database, Bus())
    while await feed.consumer.deliver_batch():
        pass


async def calls_began(database: Database) -> dict[str, float]:
    async with database.read() as connection:
        rows = await connection.execute(select(Call.id, Call.started_at))
        return {row.id: row.started_at for row in rows}
