"""Recordings beside what the store has of them: pages of rows go in, the sizes of their audio are asked for, contents
are read and compared as far as a run may read, and findings come out (`findings.py` judges). Nothing is changed
here but the note of when a content was compared. What the store has beyond the rows is `places.py`'s part."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import ColumnElement, Row, and_, delete, exists, func, insert, literal, or_, select

from core.clock import Clock
from core.db import Database
from recordings import jobs
from recordings.coverage.findings import (
    Finding,
    FindingKind,
    RecordingFacts,
    Why,
    judge_content,
    judge_recording,
    overlap_s,
)
from recordings.coverage.tables import AudioCheck, AuditFinding
from recordings.kinds import JobKind
from recordings.matching import CALLS
from recordings.removal import KEYS
from recordings.store import NoAudioError, Store
from recordings.tables import Recording, RecordingPause

PAGE = 100
SIZES_AT_ONCE = 8
"""Questions to the store side by side: an object store answers each in some twenty milliseconds."""

AGAIN_S = 30 * 86_400.0
"""A recording whose content was compared so lately is not read again."""

Place = tuple[float, str]


@dataclass(slots=True)
class Files:
    """`bytes_left` of audio are read in this run, at most."""

    database: Database
    store: Store
    clock: Clock
    bytes_left: int
    bytes_read: int = 0
    _gate: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(SIZES_AT_ONCE))

    async def count(self, since: float) -> int:
        async with self.database.read() as connection:
            asked = select(func.count()).where(_THERE, Recording.started_at >= since)
            return int(await connection.scalar(asked) or 0)

    async def since(self, since: float) -> AsyncIterator[list[Row[Any]]]:
        """Recordings from then on whose audio should be there, in pages."""
        place: Place | None = None
        while True:
            within = [Recording.started_at >= since]
            if place is not None:
                at, recording_id = place
                same = and_(Recording.started_at == at, Recording.id > recording_id)
                within.append(or_(Recording.started_at > at, same))
            page = await self._page(within)
            if page:
                yield page
            if len(page) < PAGE:
                return
            place = (page[-1].started_at, page[-1].id)

    async def these(self, recording_ids: Sequence[str]) -> list[Row[Any]]:
        """At most a page of them by their ids."""
        return await self._page([Recording.id.in_(recording_ids)])

    async def look(self, rows: Sequence[Row[Any]]) -> list[Finding]:
        """Everything that is wrong with them. Raises StoreError."""
        pauses = await self._pauses([row.call_id for row in rows if row.call_id])
        found: list[Finding] = []
        compared: list[str] = []
        for row, there in zip(rows, await asyncio.gather(*map(self._sizes, rows)), strict=True):
            facts = _facts(row, there, pauses.get(row.call_id, []))
            wrong = judge_recording(facts)
            if there.get(row.original_key) == row.original_bytes and self._is_due(row):
                wrong += await self._compare(row, facts)
                compared.append(row.id)
            if wrong and await self._is_still(row):
                found += wrong
        await self._note_compared(compared)
        await self._make_again([one.subject for one in found if one.reason is Why.COPY])
        return found

    async def _make_again(self, recording_ids: Sequence[str]) -> None:
        """Copies whose original is there can be had again."""
        for recording_id in recording_ids:
            async with self.database.write() as connection:
                await jobs.ask(connection, recording_id, JobKind.COPIES, at=self.clock())

    def _is_due(self, row: Row[Any]) -> bool:
        if row.is_suspect:
            return True
        if row.original_bytes > self.bytes_left:
            return False
        return row.checked_at is None or row.checked_at < self.clock() - AGAIN_S

    async def _compare(self, row: Row[Any], facts: RecordingFacts) -> list[Finding]:
        """Read the content and compare it with what was stored."""
        try:
            found = await self.store.read_back(row.original_key)
        except NoAudioError:
            return []  # removed meanwhile
        self.bytes_read += found.bytes
        self.bytes_left -= found.bytes
        wrong = judge_content(facts, row.original_sha256, found.sha256)
        return [wrong] if wrong else []

    async def _note_compared(self, recording_ids: Sequence[str]) -> None:
        """Those whose recording is still there."""
        if not recording_ids:
            return
        there = select(Recording.id, literal(self.clock())).where(Recording.id.in_(recording_ids))
        async with self.database.write() as connection:
            await connection.execute(delete(AudioCheck).where(AudioCheck.recording_id.in_(recording_ids)))
            await connection.execute(insert(AudioCheck).from_select(["recording_id", "checked_at"], there))

    async def _sizes(self, row: Row[Any]) -> dict[str, int | None]:
        keys = {key for name in KEYS if (key := getattr(row, name)) is not None}
        return {key: await self._size(key) for key in keys}

    async def _size(self, key: str) -> int | None:
        async with self._gate:
            try:
                return await self.store.size(key)
            except NoAudioError:
                return None

    async def _is_still(self, row: Row[Any]) -> bool:
        """Whether the row points where it did: it may have been redacted or removed while we looked."""
        async with self.database.read() as connection:
            columns = [getattr(Recording, name) for name in KEYS]
            now = (await connection.execute(select(*columns).where(Recording.id == row.id))).one_or_none()
        return now is not None and all(getattr(now, name) == getattr(row, name) for name in KEYS)

    async def _page(self, conditions: Sequence[ColumnElement[bool]]) -> list[Row[Any]]:
        suspect = exists().where(
            AuditFinding.kind == FindingKind.CHECKSUM,
            AuditFinding.subject == Recording.id,
            AuditFinding.closed_at.is_(None),
        )
        call_s = CALLS.c.ended_at - CALLS.c.started_at
        async with self.database.read() as connection:
            rows = await connection.execute(
                select(
                    *Recording.__table__.c,
                    AudioCheck.checked_at,
                    call_s.label("call_s"),
                    suspect.label("is_suspect"),
                )
                .outerjoin(AudioCheck, AudioCheck.recording_id == Recording.id)
                .outerjoin(CALLS, CALLS.c.id == Recording.call_id)
                .where(_THERE, *conditions)
                .order_by(Recording.started_at, Recording.id)
                .limit(PAGE)
            )
            found: Sequence[Any] = rows.all()
            return list(found)

    async def _pauses(self, call_ids: Collection[str]) -> dict[str, list[tuple[float, float | None]]]:
        found: dict[str, list[tuple[float, float | None]]] = {}
        async with self.database.read() as connection:
            rows = await connection.execute(
                select(RecordingPause.call_id, RecordingPause.since, RecordingPause.until).where(
                    RecordingPause.call_id.in_(call_ids)
                )
            )
            for row in rows:
                found.setdefault(row.call_id, []).append((row.since, row.until))
        return found


_THERE = and_(Recording.removed_at.is_(None), Recording.original_key.is_not(None))


def _facts(
    row: Row[Any], there: dict[str, int | None], pauses: Sequence[tuple[float, float | None]]
) -> RecordingFacts:
    return RecordingFacts(
        id=row.id,
        call_id=row.call_id,
        pbx=row.pbx,
        queue=row.queue,
        started_at=row.started_at,
        duration_s=row.duration_s,
        original_key=row.original_key,
        original_bytes=row.original_bytes,
        there=there,
        levels=row.levels,
        note=row.note,
        paused_s=overlap_s(pauses, row.started_at, row.started_at + row.duration_s),
        call_s=row.call_s,
    )
