"""Takes one recording: its files go in, a stored original, its rows and the duties that follow come out. In this order,
so that being killed at any point loses nothing and stores nothing twice: store (read back), rows in one transaction,
sources removed. The id is made from PBX and name: a second try writes the same key and the same row.

Which files are ready is decided in `collector.py`; what they hold in `wav.py`."""

from __future__ import annotations

import asyncio
import hashlib
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import insert, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from core import fact_log
from core.bus import Bus
from core.clock import Clock
from core.db import Database
from core.facts import RecordingReady
from recordings import folder, jobs, wav
from recordings.call_audio import belongs, refused, settle
from recordings.folder import Found
from recordings.kinds import FileState, JobKind, NoAudio, Source
from recordings.matching import call_of
from recordings.names import FileName, Way, shown
from recordings.store import Store, Stored, hash_of
from recordings.tables import Recording, RecordingFile
from recordings.wav import NotAudioError, Wav

CALL_SOON_S = 30.0
"""A transcript of a recording whose call has not ended in the log waits so long: the call names the language."""

_INSERTS: dict[str, sqlite.Insert | postgresql.Insert] = {
    "sqlite": sqlite.insert(RecordingFile),
    "postgresql": postgresql.insert(RecordingFile),
}


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

    async def take_pair(self, pbx: str, named: Sequence[tuple[FileName, Found]], note: str = "") -> None:
        """The two files of one recording, or the one that came. Raises StoreError, OSError (try again later) and
        NotAudioError; the sources are gone only afterwards."""
        files = [one for _, one in named]
        if await self._is_known(pbx, files):
            await asyncio.to_thread(folder.remove, files)
            return
        sides = {name.is_customer: await asyncio.to_thread(_look, one) for name, one in named}
        heard = [side for side in sides.values() if side.frames]
        if not heard:
            # Nobody was connected: Asterisk wrote a header and nothing else.
            await asyncio.to_thread(folder.remove, files)
            return
        audio = _audio(pbx, named, heard, note)
        with tempfile.TemporaryDirectory(prefix="ringback-") as scratch:
            joined = Path(scratch) / "original.wav"
            await asyncio.to_thread(wav.join, sides.get(True), sides.get(False), joined)
            await self.keep(audio, joined)
        await asyncio.to_thread(folder.remove, files)

    async def keep(self, audio: Audio, original: Path) -> None:
        """Store `original`, then its rows. Does nothing about the sources. Raises StoreError, OSError."""
        recording_id = id_of(audio.pbx, audio.stem)
        hashes = [await asyncio.to_thread(hash_of, one.path) for one in audio.files]
        key = f"{recording_id}/original.{audio.extension}"
        stored = await self._store.put(key, original)
        async with self._database.write() as connection:
            ready = await self._write(connection, recording_id, audio, key, stored)
            for one, of in zip(audio.files, hashes, strict=True):
                await self._note(connection, audio.pbx, one, FileState.STORED, recording_id, of.sha256)
        await self._bus.publish(ready)

    async def refuse(self, pbx: str, name: FileName | None, one: Found, why: str) -> None:
        """Write down why this file was not taken. What becomes of the file is the caller's."""
        async with self._database.write() as connection:
            await self._note(connection, pbx, one, FileState.REFUSED, why=why)
            call = None
            if name is not None:
                call = await call_of(connection, pbx, name.linkedid, name.started_at)
            if call is not None:
                await refused(connection, call.id, NoAudio.NOT_AUDIO)

    async def _is_known(self, pbx: str, files: Sequence[Found]) -> bool:
        """Whether all of them are stored already: we died before the sources were removed, or they came again.
        Raises NotAudioError when another file has the name of a stored one."""
        async with self._database.read() as connection:
            rows = await connection.execute(
                select(RecordingFile.name, RecordingFile.sha256).where(
                    RecordingFile.pbx == pbx,
                    RecordingFile.name.in_([one.name for one in files]),
                    RecordingFile.state == FileState.STORED,
                )
            )
            known = {row.name: row.sha256 for row in rows}
        for one in files:
            if one.name in known and known[one.name] != (await asyncio.to_thread(hash_of, one.path)).sha256:
                raise NotAudioError("another file of this name was stored before")
        return len(known) == len(files)

    async def _write(
        self, connection: AsyncConnection, recording_id: str, audio: Audio, key: str, stored: Stored
    ) -> RecordingReady:
        now = self._clock()
        await connection.execute(insert(Recording).values(**_row(recording_id, audio, key, stored, now)))
        call = await call_of(connection, audio.pbx, audio.linkedid, audio.started_at)
        await jobs.ask(connection, recording_id, JobKind.COPIES, at=now)
        if self._transcribes:
            due = now if call is not None else now + CALL_SOON_S
            await jobs.ask(connection, recording_id, JobKind.TRANSCRIBE, at=due)
        if call is not None:
            ready = await belongs(connection, recording_id, call, now)
            await settle(connection, call, expected=True)
            return ready
        ready = RecordingReady(recording_id, now, None)
        await fact_log.append(connection, ready, subject=recording_id, at=now)
        return ready

    async def _note(
        self,
        connection: AsyncConnection,
        pbx: str,
        one: Found,
        state: FileState,
        recording_id: str | None = None,
        sha256: str = "",
        why: str = "",
    ) -> None:
        values = {"state": state, "recording_id": recording_id, "sha256": sha256, "why": why}
        row = {"pbx": pbx, "name": shown(one.name), "seen_at": self._clock(), **values}
        statement = _INSERTS[connection.dialect.name]
        changes = {name: statement.excluded[name] for name in values}
        upsert = statement.on_conflict_do_update(
            index_elements=[RecordingFile.pbx, RecordingFile.name],
            set_=changes,
            # What is stored stays known as stored, whatever else comes under its name.
            where=RecordingFile.state != FileState.STORED,
        )
        await connection.execute(upsert, row)


def id_of(pbx: str, stem: str) -> str:
    """The same for the same recording, whoever asks and how often; opaque to anybody else."""
    return hashlib.blake2b(f"{pbx}\0{stem}".encode(), digest_size=16).hexdigest()


def _look(one: Found) -> Wav:
    if one.size == 0:
        # Asterisk was killed before it wrote anything.
        return Wav(one.path, 8000, 0, 0, mended=True)
    return wav.look(one.path)


def _audio(pbx: str, named: Sequence[tuple[FileName, Found]], heard: Sequence[Wav], note: str) -> Audio:
    name = named[0][0]
    missing = {Way.RX, Way.TX} - {one.way for one, _ in named}
    notes = [note] if note else []
    if missing:
        notes.append("one of its two files never came: that side is silent")
    if any(one.mended for one in heard):
        notes.append("the end of a file was cut off; its header was mended")
    return Audio(
        pbx=pbx,
        stem=name.stem,
        linkedid=name.linkedid,
        uniqueid=name.uniqueid,
        source=Source.MIXMONITOR,
        channels=2,
        started_at=name.started_at,
        duration_s=max(one.duration_s for one in heard),
        extension="wav",
        note="; ".join(notes),
        files=tuple(one for _, one in named),
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
