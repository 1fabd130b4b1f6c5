"""Recordings that leave this server by themselves, to whoever the settings name. A call's id goes in; its audio comes
out, or why there is none (yet): only a copy in which everything is silenced that is to be, never an original. That it
leaves is written down before it does."""

from __future__ import annotations

from datetime import datetime, tzinfo
from typing import Any

from sqlalchemy import Row, exists, select
from sqlalchemy.ext.asyncio import AsyncConnection

from core.clock import Clock
from core.db import Database
from core.ports import NoCopy, RecordingCopy
from recordings import jobs
from recordings.access import Asker
from recordings.audit import note_use
from recordings.kinds import AudioState, Use
from recordings.store import NoAudioError, Store
from recordings.tables import CallAudio, Recording, RecordingUse, Transcript

NOT_THERE = NoCopy("The recording is not there yet.", for_good=False)
IN_WORK = NoCopy(
    "The recording is being worked on: what is to be silenced in it is not silenced yet.", for_good=False
)
CHANGED = NoCopy("The recording changed while it was read.", for_good=False)
NONE = NoCopy("There is no recording of this call.", for_good=True)
LOST = NoCopy("The audio is not in the store any more.", for_good=True)


class HandingOut:
    """Implements `core.ports.CallCopies`. Where the site `transcribes`, nothing leaves before its transcript said what
    is to be silenced in it."""

    def __init__(
        self, database: Database, store: Store, clock: Clock, zone: tzinfo, *, transcribes: bool
    ) -> None:
        self._database = database
        self._store = store
        self._clock = clock
        self._zone = zone
        self._transcribes = transcribes

    async def hand_out(self, call_id: str, to: str, largest: int, had: str) -> RecordingCopy | NoCopy | None:
        """As `CallCopies` has it. Raises StoreError."""
        async with self._database.read() as connection:
            row = await self._fit(connection, call_id)
        if isinstance(row, NoCopy):
            return row
        if row.mp3_key == had:
            return None
        try:
            size = await self._store.size(row.mp3_key)
            if size > largest:
                return _too_large(size, largest)
            content = b"".join([piece async for piece in self._store.read(row.mp3_key)])
        except NoAudioError:
            return LOST
        async with self._database.write() as connection:
            if not await _is_as_it_was(connection, row):
                return CHANGED
            await self._note(connection, row, to)
        return RecordingCopy(row.mp3_key, file_name(row.id, row.started_at, self._zone, ".mp3"), content)

    async def _fit(self, connection: AsyncConnection, call_id: str) -> Row[*tuple[Any, ...]] | NoCopy:
        """The longest recording of this call, if it is fit to leave."""
        state = await connection.scalar(select(CallAudio.state).where(CallAudio.call_id == call_id))
        if state in (AudioState.OFF, AudioState.ERASED):
            return NONE
        if state in (None, AudioState.AWAITED, AudioState.MISSING):
            return NOT_THERE
        found = await connection.execute(
            select(Recording.id, Recording.call_id, Recording.started_at, Recording.mp3_key)
            .where(Recording.call_id == call_id, Recording.removed_at.is_(None))
            .order_by(Recording.duration_s.desc(), Recording.id)
            .limit(1)
        )
        row = found.one_or_none()
        if row is None:
            return NONE
        if row.mp3_key is None or await self._is_in_work(connection, row.id):
            return IN_WORK
        return row

    async def _is_in_work(self, connection: AsyncConnection, recording_id: str) -> bool:
        """Or is to be: while nobody knows what was said, nobody knows what is to be silenced."""
        if await jobs.is_open(connection, recording_id):
            return True
        written = select(exists().where(Transcript.recording_id == recording_id))
        return self._transcribes and not await connection.scalar(written)

    async def _note(self, connection: AsyncConnection, row: Row[Any], to: str) -> None:
        """Once, however often it is sent."""
        noted = exists().where(
            RecordingUse.recording_id == row.id, RecordingUse.who == to, RecordingUse.what == Use.EXPORTED
        )
        if not await connection.scalar(select(noted)):
            await note_use(
                connection,
                Asker(to, None),
                Use.EXPORTED,
                at=self._clock(),
                call_id=row.call_id,
                recording_id=row.id,
            )


async def _is_as_it_was(connection: AsyncConnection, row: Row[Any]) -> bool:
    """Not removed, and no other copy in its place; so until the transaction ends."""
    key = await connection.scalar(select(Recording.mp3_key).where(Recording.id == row.id).with_for_update())
    return key is not None and key == row.mp3_key


def file_name(recording_id: str, started_at: float, zone: tzinfo, suffix: str) -> str:
    """When it was and a part of its id: a file on somebody's disk names nobody."""
    when = datetime.fromtimestamp(started_at, zone).strftime("%Y-%m-%d_%H-%M-%S")
    return f"recording_{when}_{recording_id[:8]}{suffix}"


def _too_large(size: int, largest: int) -> NoCopy:
    has, most = (f"{one / 1024 / 1024:.1f} MB" for one in (size, largest))
    return NoCopy(f"The recording has {has}; at most {most} are sent.", for_good=True)
