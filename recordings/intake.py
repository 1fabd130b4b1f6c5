"""Takes one recording: its files go in, a stored original, its rows and the duties that follow come out. In this order,
so that being killed at any point loses nothing and stores nothing twice: store (read back), rows in one transaction,
sources removed. The id is made from PBX and name: a second try writes the same key and the same row.

Which files are ready is decided in `collector.py`; what they hold in `wav.py`; what becomes of a half that comes after
the other was taken alone in `late_half.py`."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from core import fact_log
from core.bus import Bus
from core.clock import Clock
from core.db import Database
from core.errors import RingbackError
from core.facts import RecordingReady
from recordings import folder, jobs, leftovers, scratch, wav
from recordings.call_audio import belongs, is_erased, refused, settle
from recordings.file_notes import hashes_of, note_file
from recordings.folder import Found
from recordings.kinds import FileState, JobKind, NoAudio, Source
from recordings.late_half import NEVER_CAME, Half, LateHalves
from recordings.matching import call_of
from recordings.names import FileName, Way, kept
from recordings.store import Store, Stored, hash_of
from recordings.tables import Recording
from recordings.wav import NotAudioError, Wav

CALL_SOON_S = 30.0
"""A transcript of a recording whose call has not ended in the log waits so long: the call names the language."""

_INSERTS: dict[str, sqlite.Insert | postgresql.Insert] = {
    "sqlite": sqlite.insert(Recording),
    "postgresql": postgresql.insert(Recording),
}


class TakenElsewhereError(RingbackError):
    """Another server stored the same recording at this moment. Its files are to be looked at again: they are known
    then, or one of them is a half that came late."""

    code = "recording-taken"


class _PersonErasedError(Exception):
    """Whom the call was with has been erased: nothing of it is kept any more."""


@dataclass(frozen=True, slots=True)
class Audio:
    """An original to be stored, with everything that is known of it before its call is. `files` are its sources."""

    pbx: str
    stem: str
    linkedid: str
    uniqueid: str
    source: Source
    channels: int
    started_at: float
    duration_s: float
    extension: str
    note: str
    files: tuple[Found, ...]


class Intake:
    """`transcribes` when an engine is set."""

    def __init__(
        self, database: Database, store: Store, bus: Bus, clock: Clock, *, transcribes: bool
    ) -> None:
        self._database = database
        self._store = store
        self._bus = bus
        self._clock = clock
        self._transcribes = transcribes
        self._late = LateHalves(database, store, clock, transcribes)

    async def take_pair(self, pbx: str, named: Sequence[tuple[FileName, Found]], note: str = "") -> None:
        """The two files of one recording, or the one that came. Raises StoreError, OSError, TakenElsewhereError (try
        again later) and NotAudioError; the sources are gone only afterwards."""
        known = await self._known(pbx, [one for _, one in named])
        halves = [
            Half(name, one, await asyncio.to_thread(_look, one))
            for name, one in named
            if one.name not in known
        ]
        # Where nobody was connected Asterisk wrote a header and nothing else.
        heard = [half for half in halves if half.wav.frames]
        if heard:
            await self._take(pbx, heard, halves, note)
        await asyncio.to_thread(folder.remove, [one for _, one in named])

    async def _take(self, pbx: str, heard: Sequence[Half], halves: Sequence[Half], note: str) -> None:
        first = await self._late.first_of(id_of(pbx, heard[0].name.stem))
        if first is not None:
            changed = [await self._late.add(first, pbx, half) for half in heard]
            for fact in filter(None, changed):
                await self._bus.publish(fact)
            return
        sides = {half.name.is_customer: half.wav for half in heard}
        with scratch.folder() as place:
            joined = place / "original.wav"
            await asyncio.to_thread(wav.join, sides.get(True), sides.get(False), joined)
            await self.keep(_audio(pbx, heard, halves, note), joined)

    async def keep(self, audio: Audio, original: Path) -> None:
        """Store `original`, then its rows; nothing of it when its person was erased before it came. Does nothing about
        the sources. Raises StoreError, OSError, TakenElsewhereError."""
        recording_id = id_of(audio.pbx, audio.stem)
        hashes = [await asyncio.to_thread(hash_of, one.path) for one in audio.files]
        key = f"{recording_id}/original.{audio.extension}"
        stored = await self._store.put(key, original)
        noted = [(one, of.sha256) for one, of in zip(audio.files, hashes, strict=True)]
        try:
            async with self._database.write() as connection:
                ready = await self._write(connection, recording_id, audio, key, stored)
                await self._note(connection, audio.pbx, noted, FileState.STORED, recording_id)
        except _PersonErasedError:
            async with self._database.write() as connection:
                await leftovers.let_go(connection, [key], self._clock())
                await self._note(connection, audio.pbx, noted, FileState.DROPPED)
            return
        await self._bus.publish(ready)

    async def adopt(self, audio: Audio, key: str, stored: Stored) -> None:
        """Audio that lies under `key` already and has no row (any more): its rows, as if it had just come; without
        a row it goes, when whom it is about was erased. Raises TakenElsewhereError."""
        try:
            async with self._database.write() as connection:
                ready = await self._write(connection, id_of(audio.pbx, audio.stem), audio, key, stored)
        except _PersonErasedError:
            async with self._database.write() as connection:
                await leftovers.let_go(connection, [key], self._clock())
            return
        await self._bus.publish(ready)

    async def refuse(self, pbx: str, name: FileName | None, one: Found, why: str) -> None:
        """Write down why this file was not taken. What becomes of the file is the caller's."""
        async with self._database.write() as connection:
            await note_file(connection, pbx, one, FileState.REFUSED, at=self._clock(), why=why)
            call = None
            if name is not None:
                call = await call_of(connection, pbx, name.linkedid, name.started_at)
            if call is not None:
                await refused(connection, call, NoAudio.NOT_AUDIO)

    async def _known(self, pbx: str, files: Sequence[Found]) -> frozenset[str]:
        """The names of those that are stored already: we died before the sources were removed, or they came again.
        Raises NotAudioError when another file has the name of a stored one."""
        async with self._database.read() as connection:
            known = await hashes_of(connection, pbx, files)
        for one in files:
            of = known.get(kept(one.name))
            if of is not None and of != (await asyncio.to_thread(hash_of, one.path)).sha256:
                raise NotAudioError("another file of this name was stored before")
        return frozenset(one.name for one in files if kept(one.name) in known)

    async def _write(
        self, connection: AsyncConnection, recording_id: str, audio: Audio, key: str, stored: Stored
    ) -> RecordingReady:
        now = self._clock()
        made = await connection.execute(
            _INSERTS[connection.dialect.name].on_conflict_do_nothing(index_elements=[Recording.id]),
            _row(recording_id, audio, key, stored, now),
        )
        if made.rowcount == 0:
            raise TakenElsewhereError("another server has just stored this recording")
        call = await call_of(connection, audio.pbx, audio.linkedid, audio.started_at)
        if call is not None and await is_erased(connection, call.id):
            raise _PersonErasedError
        await jobs.ask(connection, recording_id, JobKind.COPIES, at=now)
        if self._transcribes:
            due = now if call is not None else now + CALL_SOON_S
            await jobs.ask(connection, recording_id, JobKind.TRANSCRIBE, at=due)
        if call is not None:
            ready = await belongs(connection, recording_id, call, now)
            await settle(connection, call)
            return ready
        ready = RecordingReady(recording_id, now, None)
        await fact_log.append(connection, ready, subject=recording_id, at=now)
        return ready

    async def _note(
        self,
        connection: AsyncConnection,
        pbx: str,
        files: Sequence[tuple[Found, str]],
        state: FileState,
        recording_id: str | None = None,
    ) -> None:
        """`files` with their checksums."""
        for one, sha256 in files:
            at = self._clock()
            await note_file(connection, pbx, one, state, at=at, recording_id=recording_id, sha256=sha256)


def id_of(pbx: str, stem: str) -> str:
    """The same for the same recording, whoever asks and how often; opaque to anybody else."""
    return hashlib.blake2b(f"{pbx}\0{stem}".encode(), digest_size=16).hexdigest()


def _look(one: Found) -> Wav:
    if one.size == 0:
        # Asterisk was killed before it wrote anything.
        return Wav(one.path, 8000, 0, 0, mended=True)
    return wav.look(one.path)


def _audio(pbx: str, heard: Sequence[Half], halves: Sequence[Half], note: str) -> Audio:
    name = heard[0].name
    missing = {Way.RX, Way.TX} - {half.name.way for half in halves}
    notes = [note] if note else []
    if missing:
        notes.append(NEVER_CAME)
    if any(half.wav.mended for half in heard):
        notes.append("the end of a file was cut off; its header was mended")
    return Audio(
        pbx=pbx,
        stem=name.stem,
        linkedid=name.linkedid,
        uniqueid=name.uniqueid,
        source=Source.MIXMONITOR,
        channels=2,
        started_at=name.started_at,
        duration_s=max(half.wav.duration_s for half in heard),
        extension="wav",
        note="; ".join(notes),
        files=tuple(half.file for half in halves),
    )


def _row(recording_id: str, audio: Audio, key: str, stored: Stored, now: float) -> dict[str, object]:
    return {
        "id": recording_id,
        "pbx": audio.pbx,
        "linkedid": audio.linkedid,
        "uniqueid": audio.uniqueid,
        "source": audio.source,
        "channels": audio.channels,
        "started_at": audio.started_at,
        "duration_s": audio.duration_s,
        "stored_at": now,
        "original_key": key,
        "original_bytes": stored.bytes,
        "original_sha256": stored.sha256,
        "note": audio.note,
    }
