"""Takes recordings away: audio, copies, transcripts with their places in the search index, comments and work, in one
transaction that also says why. The row stays and says that it is gone; the audio itself is let go there and removed
from the store for certain (`leftovers.py`). What is on legal hold stays. Which ones are to go is decided elsewhere
(`retention.py`, `erasure.py`, an administrator)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields
from typing import Any

from sqlalchemy import Row, String, cast, delete, func, literal, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from config.recordings import RecordingSettings
from core.bus import Bus
from core.clock import Clock
from core.db import Database
from core.errors import ConflictError
from core.facts import RecordingChanged
from recordings.access import Asker, must_remove, reach
from recordings.audit import forget_reasons, note_use
from recordings.kinds import AudioState, NoAudio, Source, Use
from recordings.leftovers import let_go
from recordings.search.tables import SearchDocument
from recordings.tables import CallAudio, Recording, RecordingComment, RecordingFile, RecordingJob, Transcript

KEYS = ("original_key", "opus_key", "mp3_key", "peaks_key")


@dataclass(frozen=True, slots=True)
class Removed:
    """How much went. `seconds` of audio, `audio_files` with all copies, `documents` of the search index. Of `on_pbx`
    recordings the PBX has a file of its own, which we never touch."""

    recordings: int = 0
    seconds: float = 0.0
    audio_files: int = 0
    transcripts: int = 0
    comments: int = 0
    documents: int = 0
    on_pbx: int = 0

    def __add__(self, other: Removed) -> Removed:
        return Removed(*(getattr(self, one.name) + getattr(other, one.name) for one in fields(Removed)))


class Remover:
    def __init__(self, database: Database, bus: Bus, clock: Clock, settings: RecordingSettings) -> None:
        self._database = database
        self._bus = bus
        self._clock = clock
        self._settings = settings

    async def remove_by_hand(self, asker: Asker, recording_id: str) -> Removed:
        """An administrator's wish. Raises ForbiddenError, NotFoundError, ConflictError when it is held or gone."""
        must_remove(asker)
        async with self._database.write() as connection:
            row = await reach(connection, asker, recording_id, self._settings, lock=True)
            if row.removed_at is not None:
                raise ConflictError("this recording is gone already")
            if row.held_at is not None:
                raise ConflictError("it is on legal hold: release it first")
            gone = await self._take(connection, row, asker, NoAudio.REMOVED_BY_HAND)
        await self._tell([row])
        return gone

    async def remove(self, asker: Asker, recording_ids: Iterable[str], why: NoAudio) -> Removed:
        """Those of them that are there and not on hold, each in a transaction of its own: a ringing call waits for one
        at most."""
        total = Removed()
        for recording_id in recording_ids:
            async with self._database.write() as connection:
                row = await _living(connection, recording_id)
                if row is None:
                    continue
                total += await self._take(connection, row, asker, why)
            await self._tell([row])
        return total

    async def _take(self, connection: AsyncConnection, row: Row[Any], asker: Asker, why: NoAudio) -> Removed:
        now = self._clock()
        keys = {key for name in KEYS if (key := getattr(row, name)) is not None}
        await let_go(connection, keys, now)
        documents = await _documents(connection, row.id)
        gone = [
            (await connection.execute(delete(table).where(table.recording_id == row.id))).rowcount
            for table in (Transcript, RecordingComment, RecordingJob)
        ]
        empty: dict[str, Any] = dict.fromkeys((*KEYS, "levels")) | {"note": "", "original_bytes": 0}
        await connection.execute(
            update(Recording)
            .where(Recording.id == row.id)
            .values(empty | {"removed_at": now, "removed_why": why})
        )
        await _forget_names(connection, row.id)
        if why is NoAudio.PERSON_ERASED:
            await forget_reasons(connection, row.id)
        await _settle_call(connection, row.call_id, why)
        await note_use(connection, asker, Use.REMOVED, at=now, call_id=row.call_id, recording_id=row.id)
        on_pbx = int(row.source == Source.PBX)
        return Removed(1, row.duration_s, len(keys), gone[0], gone[1], documents, on_pbx)

    async def _tell(self, rows: Iterable[Row[Any]]) -> None:
        for row in rows:
            await self._bus.publish(RecordingChanged(row.id, self._clock(), row.call_id))


async def _living(connection: AsyncConnection, recording_id: str) -> Row[Any] | None:
    found = await connection.execute(
        select(*Recording.__table__.c)
        .where(Recording.id == recording_id, Recording.removed_at.is_(None), Recording.held_at.is_(None))
        .with_for_update()
    )
    return found.one_or_none()


async def _documents(connection: AsyncConnection, recording_id: str) -> int:
    """How many places in the search index go with the transcripts (a foreign key takes them along)."""
    transcripts = select(Transcript.id).where(Transcript.recording_id == recording_id)
    counted = select(func.count()).select_from(SearchDocument)
    return int(await connection.scalar(counted.where(SearchDocument.transcript_id.in_(transcripts))) or 0)


async def _forget_names(connection: AsyncConnection, recording_id: str) -> None:
    """A PBX names its own files by the numbers of people; it is still known which channel was recorded."""
    own = select(Recording.id).where(Recording.id == recording_id, Recording.source == Source.PBX)
    await connection.execute(
        update(RecordingFile)
        .where(RecordingFile.recording_id.in_(own))
        .values(name=literal("removed~") + cast(RecordingFile.id, String))
    )


async def _settle_call(connection: AsyncConnection, call_id: str | None, why: NoAudio) -> None:
    """A call none of whose recordings is left says so."""
    if call_id is None:
        return
    left = await connection.scalar(
        select(func.count()).where(Recording.call_id == call_id, Recording.removed_at.is_(None))
    )
    if not left:
        await connection.execute(
            update(CallAudio).where(CallAudio.call_id == call_id).values(state=AudioState.ERASED, reason=why)
        )
