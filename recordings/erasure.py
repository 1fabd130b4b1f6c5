"""Erases what was recorded of one person. The ids of their calls go in, everything of them goes (audio, copies,
transcripts, places in the index, comments), and a report comes out that says what went and what stayed and why. Whose
calls they are is known to the customers' room and passed in by the roof, as are the notes agents wrote."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import select

from core.clock import iso
from core.db import Database
from recordings.access import Asker
from recordings.call_audio import person_erased
from recordings.kinds import NoAudio
from recordings.matching import call_by_id
from recordings.removal import Removed, Remover
from recordings.tables import Recording

AT_ONCE = 400
"""Ids in one question to the database."""

MARKED_AT_ONCE = 50
"""Calls in one transaction: a ringing call may have to wait for it."""


@dataclass(frozen=True, slots=True)
class Line:
    """One recording that was found. `why_kept` is None for one that went."""

    call_id: str
    recording_id: str
    started_at: float
    duration_s: float
    why_kept: str | None


@dataclass(frozen=True, slots=True)
class Report:
    lines: tuple[Line, ...]
    removed: Removed

    @property
    def kept(self) -> tuple[Line, ...]:
        return tuple(line for line in self.lines if line.why_kept is not None)


class Erasure:
    def __init__(self, database: Database, remover: Remover) -> None:
        self._database = database
        self._remover = remover

    async def find(self, call_ids: Sequence[str]) -> tuple[Line, ...]:
        """What there is to remove of these calls, oldest first; nothing is changed."""
        found: list[Line] = []
        for first in range(0, len(call_ids), AT_ONCE):
            found += await self._lines(call_ids[first : first + AT_ONCE])
        return tuple(sorted(found, key=lambda line: (line.started_at, line.recording_id)))

    async def erase(self, asker: Asker, call_ids: Sequence[str]) -> Report:
        """Remove it. Saying it again removes nothing twice. What is still on its way is not kept when it comes."""
        for first in range(0, len(call_ids), MARKED_AT_ONCE):
            await self._mark(call_ids[first : first + MARKED_AT_ONCE])
        lines = await self.find(call_ids)
        going = [line.recording_id for line in lines if line.why_kept is None]
        removed = await self._remover.remove(asker, going, NoAudio.PERSON_ERASED)
        return Report(lines, removed)

    async def _mark(self, call_ids: Iterable[str]) -> None:
        """Before anything is looked for: what is stored at this moment either finds the mark, or is found."""
        async with self._database.write() as connection:
            for call_id in call_ids:
                call = await call_by_id(connection, call_id)
                if call is not None:
                    await person_erased(connection, call)

    async def _lines(self, call_ids: Iterable[str]) -> list[Line]:
        async with self._database.read() as connection:
            rows = await connection.execute(
                select(
                    Recording.call_id,
                    Recording.id,
                    Recording.started_at,
                    Recording.duration_s,
                    Recording.held_at,
                    Recording.held_why,
                ).where(Recording.call_id.in_(list(call_ids)), Recording.removed_at.is_(None))
            )
            return [
                Line(
                    row.call_id or "", row.id, row.started_at, row.duration_s, _why(row.held_at, row.held_why)
                )
                for row in rows
            ]


def _why(held_at: float | None, held_why: str) -> str | None:
    return None if held_at is None else f"on legal hold since {iso(held_at)}: {held_why}"
