"""The second file of a recording whose first was taken alone because it did not come in time. In: the half and the
recording's row as it was. Out: a new original with both sides in the place of the one that had silence there, and the
work that makes copies and a transcript of it.

What was redacted on the side that was there stays silent: it is taken from the store, not from the PBX's file."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Row, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from core.clock import Clock
from core.db import Database
from core.facts import RecordingChanged
from recordings import jobs, leftovers, scratch, wav
from recordings.call_audio import settle
from recordings.file_notes import note_file
from recordings.folder import Found
from recordings.kinds import FileState, JobKind
from recordings.matching import call_by_id
from recordings.names import FileName
from recordings.store import Store, Stored, StoreError, hash_of
from recordings.tables import Recording
from recordings.wav import NotAudioError, Wav

NEVER_CAME = "one of its two files never came: that side is silent"
CAME_LATE = "one of its two files came late"


First = Row[*tuple[Any, ...]]
"""The recording that was made of the half that was there."""


@dataclass(frozen=True, slots=True)
class Half:
    """One file of a pair: what its name says, where it lies, what it holds."""

    name: FileName
    file: Found
    wav: Wav


@dataclass(frozen=True, slots=True)
class LateHalves:
    """`transcribes` when an engine is set."""

    database: Database
    store: Store
    clock: Clock
    transcribes: bool

    async def first_of(self, recording_id: str) -> First | None:
        """The recording that was made of the other half; None when there is none."""
        async with self.database.read() as connection:
            return await _row(connection, recording_id)

    async def add(self, first: First, pbx: str, half: Half) -> RecordingChanged | None:
        """Put `half` on its side; returns the fact to be published, None when the recording was erased meanwhile and
        the half is dropped. Raises StoreError, OSError (try again later), NotAudioError."""
        told = await asyncio.to_thread(hash_of, half.file.path)
        if first.removed_at is not None or first.original_key is None:
            async with self.database.write() as connection:
                await self._note(connection, pbx, half, FileState.DROPPED, told, first.id)
            return None
        key = f"{first.id}/original.{half.name.way}.wav"
        async with self.database.write() as connection:
            await leftovers.announce(connection, [key], self.clock())
        stored = await self._store_both(first, half, key)
        async with self.database.write() as connection:
            await self._take_into_use(connection, first, half, key, stored)
            await self._note(connection, pbx, half, FileState.STORED, told, first.id)
        return RecordingChanged(first.id, self.clock(), first.call_id)

    async def _store_both(self, first: First, half: Half, key: str) -> Stored:
        with scratch.folder() as place:
            both = place / "original.wav"
            async with self.store.local(first.original_key) as original:
                await asyncio.to_thread(_join, original, half, both)
            return await self.store.put(key, both)

    async def _take_into_use(
        self, connection: AsyncConnection, first: First, half: Half, key: str, stored: Stored
    ) -> None:
        now, row = self.clock(), await _row(connection, first.id, lock=True)
        same = row is not None and row.removed_at is None and row.original_key == first.original_key
        if not same or not await leftovers.claim(connection, [key]):
            raise StoreError("a recording changed while its other half was put to it; trying again")
        await leftovers.let_go(connection, [first.original_key], now)
        await connection.execute(
            update(Recording)
            .where(Recording.id == first.id)
            .values(
                original_key=key,
                original_bytes=stored.bytes,
                original_sha256=stored.sha256,
                duration_s=max(first.duration_s, half.wav.duration_s),
                note=_note_of(first.note),
            )
        )
        await jobs.ask(connection, first.id, JobKind.COPIES, at=now)
        if self.transcribes:
            await jobs.ask(connection, first.id, JobKind.TRANSCRIBE, at=now)
        if row is not None and row.call_id is not None:
            call = await call_by_id(connection, row.call_id)
            if call is not None:
                await settle(connection, call)

    async def _note(
        self,
        connection: AsyncConnection,
        pbx: str,
        half: Half,
        state: FileState,
        told: Stored,
        recording_id: str,
    ) -> None:
        at = self.clock()
        await note_file(
            connection, pbx, half.file, state, at=at, recording_id=recording_id, sha256=told.sha256
        )


async def _row(connection: AsyncConnection, recording_id: str, *, lock: bool = False) -> First | None:
    asked = select(
        Recording.id,
        Recording.call_id,
        Recording.original_key,
        Recording.duration_s,
        Recording.note,
        Recording.removed_at,
    ).where(Recording.id == recording_id)
    return (await connection.execute(asked.with_for_update() if lock else asked)).one_or_none()


def _join(original: Path, half: Half, target: Path) -> None:
    try:
        left, right = wav.sides(original)
    except NotAudioError as error:
        raise NotAudioError(f"its other half is stored, and cannot be joined with it: {error}") from error
    if half.name.is_customer:
        wav.join(half.wav, right, target)
    else:
        wav.join(left, half.wav, target)


def _note_of(before: str) -> str:
    others = [part for part in before.split("; ") if part not in ("", NEVER_CAME)]
    return "; ".join([*others, CAME_LATE])
