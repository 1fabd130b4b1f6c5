"""Recordings as a list, newest first, of those that the asker may hear. Reads only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, and_, exists, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from config.recordings import RecordingSettings
from core.errors import InvalidInputError
from recordings.access import Asker, audible
from recordings.tables import Recording, Transcript


@dataclass(frozen=True, slots=True)
class RecordingFilter:
    """All that are given must hold. Instants; `until` is not included."""

    since: float | None = None
    until: float | None = None
    queue: str | None = None
    held: bool | None = None
    removed: bool = False


async def read_recordings(
    connection: AsyncConnection,
    asker: Asker,
    settings: RecordingSettings,
    wanted: RecordingFilter,
    *,
    after: str | None = None,
    limit: int = 50,
) -> tuple[Sequence[Any], str | None]:
    """One page and the cursor of the next. Raises InvalidInputError for a cursor that is none."""
    has_transcript = exists().where(Transcript.recording_id == Recording.id, Transcript.is_current.is_(True))
    conditions = [audible(asker, settings), *_conditions(wanted)]
    if after is not None:
        conditions.append(_follows(after))
    rows = (
        await connection.execute(
            select(*Recording.__table__.c, has_transcript.label("has_transcript"))
            .where(*conditions)
            .order_by(Recording.started_at.desc(), Recording.id.desc())
            .limit(limit + 1)
        )
    ).all()
    more = len(rows) > limit
    last = rows[limit - 1] if more else None
    return rows[:limit], f"{last.started_at!r}~{last.id}" if last is not None else None


def _conditions(wanted: RecordingFilter) -> list[ColumnElement[bool]]:
    gone = Recording.removed_at.is_not(None)
    conditions: list[ColumnElement[bool]] = [gone if wanted.removed else ~gone]
    if wanted.since is not None:
        conditions.append(Recording.started_at >= wanted.since)
    if wanted.until is not None:
        conditions.append(Recording.started_at < wanted.until)
    if wanted.queue is not None:
        conditions.append(Recording.queue == wanted.queue)
    if wanted.held is not None:
        conditions.append(Recording.held_at.is_not(None) if wanted.held else Recording.held_at.is_(None))
    return conditions


def _follows(after: str) -> ColumnElement[bool]:
    text, _, recording_id = after.partition("~")
    try:
        at = float(text)
    except ValueError as error:
        raise InvalidInputError("this cursor is none of ours", field="after") from error
    same = and_(Recording.started_at == at, Recording.id < recording_id)
    return or_(Recording.started_at < at, same)
