"""Everything we have of one person as one ZIP file: a JSON file for each part of the register
(`access_request_parts.py`), the audio of their calls, and a page that says what is what. Read a page of rows at a time
and written while it is sent (`access_archive.py`), so that neither years of calls nor hours of audio cost memory; no
connection to the database is held while somebody reads slowly. That it was handed out is written down before its first
byte, and each recording's use too."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from pathlib import PurePosixPath
from typing import Any

from sqlalchemy import Row, insert, select, tuple_, update

from core.clock import Clock
from core.db import Database
from recordings.access import Asker
from recordings.audit import note_use
from recordings.kinds import Use
from recordings.store import NoAudioError, Store
from recordings.tables import Recording
from server.privacy.access_archive import Archive
from server.privacy.access_request_parts import PARTS, Of, Part
from server.privacy.erase_lines import find_lines
from server.privacy.erase_person import Person, parts_of, read_person
from server.privacy.erase_tables import DataRequest

PAGE = 200
"""Rows in memory at once: told webhooks and notes are some kilobytes each."""

TRANSCRIPTS = 10
"""Of transcripts: an hour's talk is a megabyte."""


@dataclass(slots=True)
class Contents:
    """What is in the archive so far: how many rows of each part, which audio, and what was not there (any more)."""

    person: Person
    made_at: float
    rows: dict[str, tuple[str, int]] = field(default_factory=dict)
    audio: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class AccessRequest:
    """`render` makes the page that explains the archive."""

    database: Database
    clock: Clock
    render: Callable[[Contents], str]

    async def begin(self, asker: Asker, customer_id: int) -> tuple[Person, int]:
        """Write down that this person's data is handed out; returns them and the note's id. Raises NotFoundError."""
        async with self.database.read() as connection:
            person = await read_person(connection, customer_id)
        person = replace(person, lines=await find_lines(self.database, person))
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
    ) -> AsyncGenerator[bytes, None]:
        """The ZIP file, piece by piece. Each page of rows is as it stood when it was read."""
        contents = Contents(person, self.clock())
        with Archive() as archive:
            for pieces in self._files(store, archive, asker, contents):
                # Closed first when somebody stops reading: a ZIP file does not end inside one of its files.
                async with aclosing(pieces):
                    async for piece in pieces:
                        yield piece
            await archive.text("index.html", await asyncio.to_thread(self.render, contents))
        yield archive.take()
        async with self.database.write() as connection:
            await connection.execute(
                update(DataRequest)
                .where(DataRequest.id == request_id)
                .values(ended_at=self.clock(), audio_files=len(contents.audio))
            )

    def _files(
        self, store: Store, archive: Archive, asker: Asker, contents: Contents
    ) -> Iterator[AsyncGenerator[bytes, None]]:
        for part in PARTS:
            yield self._part(archive, part, contents)
        for recording_id in contents.person.recordings:
            yield self._audio(store, archive, asker, recording_id, contents)

    async def _part(self, archive: Archive, part: Part, contents: Contents) -> AsyncGenerator[bytes, None]:
        with archive.rows(f"{part.name}.json") as file:
            async for rows in read_pages(self.database, part, contents.person):
                await file.add(rows)
                yield archive.take()
        contents.rows[part.name] = (part.title, file.count)

    async def _audio(
        self, store: Store, archive: Archive, asker: Asker, recording_id: str, contents: Contents
    ) -> AsyncGenerator[bytes, None]:
        """What is removed while the archive is made is not in it."""
        async with self.database.read() as connection:
            asked = select(Recording.call_id, Recording.mp3_key, Recording.original_key)
            row = (await connection.execute(asked.where(Recording.id == recording_id))).one_or_none()
        key: str | None = (row.mp3_key or row.original_key) if row is not None else None
        if row is None or key is None:
            contents.lost += [recording_id] if row is None else []
            return
        try:
            size = await store.size(key)
            await self._note(asker, row.call_id, recording_id)
            name = f"audio/{recording_id}{PurePosixPath(key).suffix}"
            with archive.as_it_is(name) as file:
                async for piece in store.read(key, 0, size):
                    await asyncio.to_thread(file.write, piece)
                    yield archive.take()
            contents.audio.append(name)
        except NoAudioError:
            contents.lost.append(recording_id)

    async def _note(self, asker: Asker, call_id: str, recording_id: str) -> None:
        async with self.database.write() as connection:
            whose = {"call_id": call_id, "recording_id": recording_id}
            await note_use(connection, asker, Use.EXPORTED, at=self.clock(), **whose)


async def read_pages(database: Database, part: Part, person: Person) -> AsyncIterator[Sequence[Row[Any]]]:
    """The person's rows of one part, by its primary key; a connection for each page."""
    table = part.table.__table__
    key, most = tuple_(*table.primary_key), TRANSCRIPTS if part.of is Of.RECORDING else PAGE
    for some in parts_of(part.values(person)):
        asked = select(*table.c).where(part.where(some)).order_by(*table.primary_key).limit(most)
        page = asked
        while True:
            async with database.read() as connection:
                rows = (await connection.execute(page)).all()
            if rows:
                yield rows
            if len(rows) < most:
                break
            last = rows[-1]._mapping
            page = asked.where(key > tuple(last[column.name] for column in table.primary_key))
