"""Everything we have of one person as one ZIP file: a JSON file for each part of the register
(`access_request_parts.py`), the audio of their calls, and a page that says what is what. Written while it is read, so
that hours of audio cost no memory. That it was handed out is written down before its first byte, and each recording's
use too."""

from __future__ import annotations

import asyncio
import json
import zipfile
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any

from sqlalchemy import insert, select, update

from core.clock import Clock, iso
from core.db import Database
from recordings.access import Asker
from recordings.audit import note_use
from recordings.kinds import Use
from recordings.store import NoAudioError, Store
from recordings.tables import Recording
from server.access_request_parts import PARTS, Of, Part
from server.erase_person import AT_ONCE, Person, parts_of, read_person
from server.erase_tables import DataRequest

TRANSCRIPTS = 10
"""Recordings whose transcripts are in memory at once: an hour's talk is a megabyte."""

INSTANTS = ("at", "since", "until")
"""Columns whose float seconds are written as times people can read; all that end in `_at` as well."""


@dataclass(slots=True)
class Contents:
    """What is in the archive so far: how many rows of each part, which audio, and what the store had lost."""

    person: Person
    made_at: float
    rows: dict[str, tuple[str, int]] = field(default_factory=dict)
    audio: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)


class _Pipe:
    """What a ZIP file is written to: bytes wait here until they are sent. It cannot seek, so sizes follow each file."""

    def __init__(self) -> None:
        self._bytes = bytearray()

    def write(self, data: bytes) -> int:
        self._bytes += data
        return len(data)

    def flush(self) -> None:
        """Nothing is kept back."""

    def close(self) -> None:
        """Nothing is open."""

    def take(self) -> bytes:
        waiting = bytes(self._bytes)
        self._bytes.clear()
        return waiting


@dataclass(frozen=True, slots=True)
class AccessRequest:
    """`render` makes the page that explains the archive."""

    database: Database
    clock: Clock
    render: Any

    async def begin(self, asker: Asker, customer_id: int) -> tuple[Person, int]:
        """Write down that this person's data is handed out; returns them and the note's id. Raises NotFoundError."""
        async with self.database.read() as connection:
            person = await read_person(connection, customer_id)
        values = {
            "customer_id": customer_id,
            "at": self.clock(),
            "user_id": asker.user.id if asker.user is not None else None,
            "by": asker.name,
        }
        async with self.database.write() as connection:
            made = await connection.execute(insert(DataRequest).values(**values).returning(DataRequest.id))
            request_id: int = made.scalar_one()
        return person, request_id

    async def archive(
        self, store: Store, asker: Asker, person: Person, request_id: int
    ) -> AsyncIterator[bytes]:
        """The ZIP file, piece by piece."""
        contents = Contents(person, self.clock())
        pipe = _Pipe()
        with zipfile.ZipFile(pipe, "w", zipfile.ZIP_DEFLATED) as archive:
            for part in PARTS:
                async for piece in self._part(archive, pipe, part, contents):
                    yield piece
            async for piece in self._audio(store, archive, pipe, asker, contents):
                yield piece
            archive.writestr("index.html", self.render(contents))
        yield pipe.take()
        async with self.database.write() as connection:
            await connection.execute(
                update(DataRequest)
                .where(DataRequest.id == request_id)
                .values(ended_at=self.clock(), audio_files=len(contents.audio))
            )

    async def _part(
        self, archive: zipfile.ZipFile, pipe: _Pipe, part: Part, contents: Contents
    ) -> AsyncIterator[bytes]:
        count = 0
        with archive.open(f"{part.name}.json", "w", force_zip64=True) as file:
            file.write(b"[")
            for some in parts_of(
                part.values(contents.person), TRANSCRIPTS if part.of is Of.RECORDING else AT_ONCE
            ):
                async with self.database.read() as connection:
                    rows = await connection.execute(select(*part.table.__table__.c).where(part.where(some)))
                    texts = [_json(row) for row in rows]
                for text in texts:
                    file.write((b",\n" if count else b"\n") + text)
                    count += 1
                yield pipe.take()
            file.write(b"\n]\n")
        contents.rows[part.name] = (part.title, count)

    async def _audio(
        self, store: Store, archive: zipfile.ZipFile, pipe: _Pipe, asker: Asker, contents: Contents
    ) -> AsyncIterator[bytes]:
        for recording_id in contents.person.recordings:
            async with self.database.read() as connection:
                row = (
                    await connection.execute(
                        select(*Recording.__table__.c).where(Recording.id == recording_id)
                    )
                ).one()
            key: str | None = row.mp3_key or row.original_key
            if key is None:
                continue
            try:
                size = await store.size(key)
            except NoAudioError:
                contents.lost.append(recording_id)
                continue
            async with self.database.write() as connection:
                await note_use(
                    connection,
                    asker,
                    Use.EXPORTED,
                    at=self.clock(),
                    call_id=row.call_id,
                    recording_id=recording_id,
                )
            name = f"audio/{recording_id}{PurePosixPath(key).suffix}"
            # Stored as it is: it is packed already.
            with archive.open(zipfile.ZipInfo(name), "w", force_zip64=True) as file:
                async for piece in store.read(key, 0, size):
                    await asyncio.to_thread(file.write, piece)
                    yield pipe.take()
            contents.audio.append(name)


def _json(row: Any) -> bytes:
    values: Mapping[str, Any] = row._mapping
    shown = {name: _shown(name, value) for name, value in values.items()}
    return json.dumps(shown, ensure_ascii=False, default=str).encode()


def _shown(name: str, value: Any) -> Any:
    is_instant = name in INSTANTS or name.endswith(("_at", "_until", "_from"))
    return iso(value) if isinstance(value, float) and is_instant else value
