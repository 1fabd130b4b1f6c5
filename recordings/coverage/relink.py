"""What the auditor can set right itself: a recording whose call came later gets its call, and audio in the store that
has lost its row gets it back. The id of a recording is made from the names of its files (`intake.id_of`), so the
files we have known, or that a call without audio would have had, tell whose audio it is. Nothing is guessed: ids are
equal or they are not."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field, replace
from pathlib import PurePosixPath
from typing import Any

from sqlalchemy import Row, select, update

from core.bus import Bus
from core.clock import Clock
from core.db import Database
from recordings import audio, names
from recordings.audio import AudioError
from recordings.call_audio import belongs, settle
from recordings.coverage.calls import Seen
from recordings.coverage.findings import FORGOTTEN_S, Closed, Finding, FindingKind, Why
from recordings.intake import Audio, Intake, TakenElsewhereError, id_of
from recordings.kinds import FileState, Source
from recordings.matching import CallOf, call_of
from recordings.names import Side, Way
from recordings.store import Store, hash_of
from recordings.tables import Recording, RecordingFile

PAGE = 200

MOST_STRAYS = 10_000
"""Originals without a row that are looked for at once; the others wait for the next run."""

MOST_SECONDS = 600
"""From a call's beginning to its answer: the dialplan asks for a recording somewhere in between, to the second."""

AROUND_S = 3


@dataclass(slots=True)
class Relinker:
    database: Database
    store: Store
    intake: Intake
    bus: Bus
    clock: Clock
    strays: dict[str, Finding] = field(default_factory=dict)

    def remember(self, stray: Finding) -> None:
        """An original without a row: somebody may know whose it is."""
        recording_id, _, name = stray.subject.partition("/")
        if stray.reason is Why.NO_ROW and name.startswith("original") and len(self.strays) < MOST_STRAYS:
            self.strays[recording_id] = stray

    async def adopt_known(self) -> list[Finding]:
        """Strays whose files we remember having stored. Raises StoreError."""
        adopted: list[Finding] = []
        if not self.strays:
            return adopted
        async for row in self._files_without_recording():
            known = _named(row.pbx, row.name)
            if known is not None:
                adopted += await self._adopt(known)
        return adopted

    async def adopt_for(self, call: Seen) -> list[Finding]:
        """Strays that can only be this call's, which has no audio. Raises StoreError."""
        adopted: list[Finding] = []
        if self.strays:
            await asyncio.sleep(
                0
            )  # a thousand names take milliseconds: between two calls others have their turn
            for known in _could_be(call):
                adopted += await self._adopt(known)
        return adopted

    async def link_rows(self) -> AsyncIterator[list[Finding]]:
        """Recordings without a call, in pages: those whose call is known by now get it; the others are findings when
        their call should long be known."""
        after = ""
        while True:
            async with self.database.read() as connection:
                rows = (
                    await connection.execute(
                        select(*Recording.__table__.c)
                        .where(Recording.call_id.is_(None), Recording.removed_at.is_(None))
                        .where(Recording.id > after)
                        .order_by(Recording.id)
                        .limit(PAGE)
                    )
                ).all()
            found = [finding for row in rows if (finding := await self._link(row)) is not None]
            yield found
            if len(rows) < PAGE:
                return
            after = rows[-1].id

    async def _link(self, row: Row[Any]) -> Finding | None:
        async with self.database.read() as connection:
            call = await call_of(connection, row.pbx, row.linkedid, row.started_at)
        if call is None:
            is_old = row.stored_at + FORGOTTEN_S < self.clock()
            return _no_call(row, None) if is_old else None
        async with self.database.write() as connection:
            ready = await belongs(connection, row.id, call, self.clock())
            await settle(connection, call)
        await self.bus.publish(ready)
        return _no_call(row, call)

    async def _files_without_recording(self) -> AsyncIterator[Row[int, str, str]]:
        after = 0
        while True:
            async with self.database.read() as connection:
                rows = (
                    await connection.execute(
                        select(RecordingFile.id, RecordingFile.pbx, RecordingFile.name)
                        .where(RecordingFile.state == FileState.STORED, RecordingFile.recording_id.is_(None))
                        .where(RecordingFile.id > after)
                        .order_by(RecordingFile.id)
                        .limit(PAGE)
                    )
                ).all()
            for row in rows:
                yield row
            if len(rows) < PAGE:
                return
            after = rows[-1].id

    async def _adopt(self, known: _Known) -> list[Finding]:
        """The stray with this id, if there is one, becomes a recording."""
        stray = self.strays.pop(known.recording_id, None)
        if stray is None:
            return []
        key = stray.subject
        async with self.store.local(key) as path:
            stored = await asyncio.to_thread(hash_of, path)
            try:
                shape = await asyncio.to_thread(audio.shape, path)
            except AudioError:
                return []
        given = Audio(
            pbx=known.pbx, stem=known.stem, linkedid=known.linkedid, uniqueid=known.uniqueid,
            source=known.source, channels=shape.channels, started_at=known.started_at,
            duration_s=shape.seconds, extension=PurePosixPath(key).suffix.lstrip("."),
            note="its row was lost: found in the store by an audit", files=(),
        )  # fmt: skip
        try:
            await self.intake.adopt(given, key, stored)
        except TakenElsewhereError:
            return []
        return [await self._adopted(stray, known)]

    async def _adopted(self, stray: Finding, known: _Known) -> Finding:
        """What became of it: with a row it is its files' again; without one its person was erased."""
        async with self.database.write() as connection:
            found = await connection.execute(
                select(Recording.call_id, Recording.queue).where(Recording.id == known.recording_id)
            )
            row = found.one_or_none()
            if row is None:
                return replace(stray, reason=Why.REMOVED, pbx=known.pbx, closed=Closed.MENDED)
            await connection.execute(
                update(RecordingFile)
                .where(RecordingFile.pbx == known.pbx, RecordingFile.name.in_(known.file_names))
                .values(recording_id=known.recording_id)
            )
        return replace(
            stray,
            call_id=row.call_id,
            recording_id=known.recording_id,
            pbx=known.pbx,
            queue=row.queue,
            closed=Closed.RELINKED,
        )


@dataclass(frozen=True, slots=True)
class _Known:
    """What the name of a file says of the recording it became."""

    pbx: str
    stem: str
    linkedid: str
    uniqueid: str
    started_at: float
    source: Source
    file_names: tuple[str, ...]

    @property
    def recording_id(self) -> str:
        return id_of(self.pbx, self.stem)


def _named(pbx: str, name: str) -> _Known | None:
    ours = names.parse(name)
    if ours is not None:
        return _ours(pbx, ours.stem, ours.linkedid, ours.uniqueid, ours.started_at)
    own = names.parse_own(name)
    if own is None:
        return None
    return _Known(pbx, name, own.uniqueid, own.uniqueid, own.started_at, Source.PBX, (name,))


def _ours(pbx: str, stem: str, linkedid: str, uniqueid: str, started_at: float) -> _Known:
    files = tuple(f"{stem}.{way}.wav" for way in Way)
    return _Known(pbx, stem, linkedid, uniqueid, started_at, Source.MIXMONITOR, files)


def _could_be(call: Seen) -> Iterator[_Known]:
    """The names that files of this call's first channel may have had."""
    facts = call.facts
    first = int(facts.started_at) - AROUND_S
    last = min(int(call.answered_at or facts.started_at) + AROUND_S, first + MOST_SECONDS)
    for linkedid in call.linkedids:
        for epoch in range(first, last + 1):
            for side in Side:
                stem = f"rb~{linkedid}~{linkedid}~{epoch}~{side}"
                yield _ours(facts.pbx, stem, linkedid, linkedid, float(epoch))


def _no_call(row: Row[Any], call: CallOf | None) -> Finding:
    return Finding(
        FindingKind.NO_CALL, row.id, row.started_at, Why.UNKNOWN_CALL, f"{row.duration_s:.0f} seconds",
        call.id if call else None, row.id, row.pbx, call.queue if call else None,
        Closed.RELINKED if call else None,
    )  # fmt: skip
