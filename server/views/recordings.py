"""How the audio of one call stands, as its page shows it: recordings with their transcripts as dialogues, comments,
stretches that were not recorded on purpose, and who heard what. Reads only; who may see it was decided before
(`recordings/access.py`)."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, select
from sqlalchemy.ext.asyncio import AsyncConnection

from core.accounts import UserRow
from recordings.dialogue import Spoken, Turn, marked, turns
from recordings.kinds import AudioState, Channel, JobKind, JobState, NoAudio, Use
from recordings.tables import (
    CallAudio,
    Recording,
    RecordingComment,
    RecordingJob,
    RecordingPause,
    RecordingUse,
    Transcript,
)
from recordings.words import Word, from_json

MAX_RECORDINGS = 20
"""Of one call: a conversation of a day that was stopped and started more often is not played on one page."""

MAX_USES = 100
MAX_COMMENTS = 200


@dataclass(frozen=True, slots=True)
class Gap:
    """Seconds of the recording that hold silence on purpose; `why` is `paused` or the word of a redaction."""

    start: float
    end: float
    why: str


@dataclass(frozen=True, slots=True)
class Comment:
    id: int
    at_s: float
    user_id: int | None
    name: str | None
    made_at: float
    text: str


@dataclass(frozen=True, slots=True)
class Work:
    """A job that is not done. `progress` is 0 to 1."""

    kind: JobKind
    state: JobState
    progress: float
    error: str


@dataclass(frozen=True, slots=True)
class Version:
    id: int
    version: int
    engine: str
    model: str
    language: str
    made_at: float
    is_current: bool


@dataclass(frozen=True, slots=True)
class Said:
    """One transcript: its dialogue, and what was taken out of it."""

    version: Version
    turns: tuple[Turn, ...]
    redactions: tuple[Gap, ...]

    @property
    def hits(self) -> tuple[float, ...]:
        """Where the words of the search are, in seconds."""
        return tuple(sorted(word.start for turn in self.turns for word in turn.words if word.hit))

    def why_gone(self, word: Spoken) -> str:
        """Why this redacted word is."""
        around = (gap.why for gap in self.redactions if gap.start <= word.start <= gap.end)
        return next(around, "")


@dataclass(frozen=True, slots=True)
class RecordingView:
    """One recording. `row` has the columns of `recordings`."""

    row: Row[Any]
    held_by: str | None
    said: Said | None
    versions: tuple[Version, ...]
    comments: tuple[Comment, ...]
    paused: tuple[Gap, ...]
    work: tuple[Work, ...]

    @property
    def is_there(self) -> bool:
        return self.row.removed_at is None and self.row.original_key is not None

    @property
    def channels(self) -> tuple[Channel, ...]:
        return (Channel.CUSTOMER, Channel.OURS) if self.row.channels == 2 else (Channel.MIXED,)

    @property
    def silent(self) -> tuple[Gap, ...]:
        """Everything that is silent on purpose, in order."""
        gone = self.said.redactions if self.said else ()
        return tuple(sorted((*self.paused, *gone), key=lambda gap: gap.start))

    @property
    def is_busy(self) -> bool:
        return any(one.state is not JobState.FAILED for one in self.work)


@dataclass(frozen=True, slots=True)
class UseLine:
    at: float
    who: str
    what: Use
    detail: str


@dataclass(frozen=True, slots=True)
class CallSound:
    """`state` is None for a call that is not over, or was never answered."""

    state: AudioState | None
    reason: NoAudio | None
    recordings: tuple[RecordingView, ...]
    uses: tuple[UseLine, ...]

    @property
    def is_waiting(self) -> bool:
        """Whether something is still to come: screens ask again."""
        return self.state is AudioState.AWAITED or any(one.is_busy for one in self.recordings)


async def read_state(connection: AsyncConnection, call_id: str) -> tuple[AudioState | None, NoAudio | None]:
    """How the audio of a call stands and why; see `CallSound`."""
    audio = (
        await connection.execute(
            select(CallAudio.state, CallAudio.reason).where(CallAudio.call_id == call_id)
        )
    ).one_or_none()
    if audio is None:
        return None, None
    return AudioState(audio.state), NoAudio(audio.reason) if audio.reason else None


async def read_ids(connection: AsyncConnection, call_id: str) -> Sequence[str]:
    """Of a call's recordings, removed ones too, in order."""
    of_call = select(Recording.id).where(Recording.call_id == call_id)
    return (await connection.scalars(of_call.order_by(Recording.started_at, Recording.id))).all()


async def read_sound(
    connection: AsyncConnection, call_id: str, wanted: str = "", *, with_texts: bool = True
) -> CallSound:
    """All there is of one call; the words of `wanted` are marked in its transcripts. `with_texts` for whoever may hear
    it: what was said and what was said about it."""
    state, reason = await read_state(connection, call_id)
    rows = await connection.execute(
        select(*Recording.__table__.c, UserRow.name.label("holder"))
        .outerjoin(UserRow, UserRow.id == Recording.held_by)
        .where(Recording.call_id == call_id)
        .order_by(Recording.started_at, Recording.id)
        .limit(MAX_RECORDINGS)
    )
    return CallSound(
        state=state,
        reason=reason,
        recordings=tuple(await _dress(connection, rows.all(), call_id, wanted if with_texts else None)),
        uses=await _uses(connection, call_id),
    )


@dataclass(frozen=True, slots=True)
class Written:
    """A current transcript with its words as they are stored."""

    id: int
    engine: str
    model: str
    language: str
    made_at: float
    text: str
    words: tuple[Word, ...]


async def has_transcript(connection: AsyncConnection, recording_id: str) -> bool:
    """Whether there is one that counts."""
    of = Transcript.recording_id == recording_id, Transcript.is_current.is_(True)
    return await connection.scalar(select(Transcript.id).where(*of).limit(1)) is not None


async def read_transcript(connection: AsyncConnection, recording_id: str) -> Written | None:
    """The newest transcript that counts."""
    found = await connection.execute(
        select(
            Transcript.id,
            Transcript.engine,
            Transcript.model,
            Transcript.language,
            Transcript.made_at,
            Transcript.text,
            Transcript.words,
        )
        .where(Transcript.recording_id == recording_id, Transcript.is_current.is_(True))
        .order_by(Transcript.version.desc())
        .limit(1)
    )
    row = found.one_or_none()
    if row is None:
        return None
    said = tuple(await asyncio.to_thread(from_json, row.words))
    return Written(row.id, row.engine, row.model, row.language, row.made_at, row.text, said)


async def _dress(
    connection: AsyncConnection, rows: Sequence[Any], call_id: str, wanted: str | None
) -> list[RecordingView]:
    ids = [row.id for row in rows]
    if not ids:
        return []
    shown = ids if wanted is not None else []
    versions, said = await _transcripts(connection, shown, wanted or "")
    comments, work = await read_comments(connection, shown), await _work(connection, ids)
    pauses = await _pauses(connection, call_id)
    return [
        RecordingView(
            row=row,
            held_by=row.holder,
            said=said.get(row.id) if row.removed_at is None else None,
            versions=tuple(versions.get(row.id, ())),
            comments=tuple(comments.get(row.id, ())),
            paused=_within(pauses, row.started_at, row.duration_s),
            work=tuple(work.get(row.id, ())) if row.removed_at is None else (),
        )
        for row in rows
    ]


async def _transcripts(
    connection: AsyncConnection, ids: Sequence[str], wanted: str
) -> tuple[Mapping[str, list[Version]], Mapping[str, Said]]:
    head = (
        Transcript.id, Transcript.version, Transcript.engine, Transcript.model, Transcript.language,
        Transcript.made_at, Transcript.is_current,
    )  # fmt: skip
    rows = await connection.execute(
        select(Transcript.recording_id, *head)
        .where(Transcript.recording_id.in_(ids))
        .order_by(Transcript.version.desc())
    )
    versions: dict[str, list[Version]] = {}
    for row in rows:
        columns: tuple[Any, ...] = tuple(row)
        versions.setdefault(row.recording_id, []).append(Version(*columns[1:]))
    current = {one.id: one for own in versions.values() for one in own if one.is_current}
    texts = await connection.execute(
        select(Transcript.id, Transcript.recording_id, Transcript.words, Transcript.redactions).where(
            Transcript.id.in_(current)
        )
    )
    # Hours of talk take a second: in a thread, while calls go on ringing.
    return versions, {
        row.recording_id: await asyncio.to_thread(_said, current[row.id], row.words, row.redactions, wanted)
        for row in texts
    }


def _said(version: Version, words: str, redactions: str, wanted: str) -> Said:
    gone = [Gap(one["start"], one["end"], one.get("why", "")) for one in json.loads(redactions)]
    return Said(version, turns(marked(from_json(words), wanted)), tuple(gone))


async def read_comments(connection: AsyncConnection, ids: Sequence[str]) -> Mapping[str, list[Comment]]:
    """By recording, in the order of their moments."""
    rows = await connection.execute(
        select(
            RecordingComment.recording_id,
            RecordingComment.id,
            RecordingComment.at_s,
            RecordingComment.user_id,
            UserRow.name,
            RecordingComment.made_at,
            RecordingComment.text,
        )
        .outerjoin(UserRow, UserRow.id == RecordingComment.user_id)
        .where(RecordingComment.recording_id.in_(ids))
        .order_by(RecordingComment.at_s, RecordingComment.id)
        .limit(MAX_COMMENTS)
    )
    found: dict[str, list[Comment]] = {}
    for row in rows:
        columns: tuple[Any, ...] = tuple(row)
        found.setdefault(row.recording_id, []).append(Comment(*columns[1:]))
    return found


async def _work(connection: AsyncConnection, ids: Sequence[str]) -> Mapping[str, list[Work]]:
    rows = await connection.execute(
        select(RecordingJob)
        .with_only_columns(
            RecordingJob.recording_id,
            RecordingJob.kind,
            RecordingJob.state,
            RecordingJob.progress,
            RecordingJob.error,
        )
        .where(RecordingJob.recording_id.in_(ids))
        .order_by(RecordingJob.id)
    )
    # The newest of a kind says how things stand: what failed and was asked for again is being done.
    newest = {(row.recording_id, row.kind): row for row in rows}
    found: dict[str, list[Work]] = {}
    for row in newest.values():
        if row.state != JobState.DONE:
            one = Work(JobKind(row.kind), JobState(row.state), row.progress, row.error)
            found.setdefault(row.recording_id, []).append(one)
    return found


async def _pauses(connection: AsyncConnection, call_id: str) -> Sequence[tuple[float, float | None]]:
    rows = await connection.execute(
        select(RecordingPause.since, RecordingPause.until)
        .where(RecordingPause.call_id == call_id)
        .order_by(RecordingPause.since)
    )
    return [(row.since, row.until) for row in rows]


def _within(
    pauses: Sequence[tuple[float, float | None]], started_at: float, duration_s: float
) -> tuple[Gap, ...]:
    """The pauses on this recording's own time line."""
    found = []
    for since, until in pauses:
        start = max(0.0, since - started_at)
        end = min(duration_s, duration_s if until is None else until - started_at)
        if end > start:
            found.append(Gap(start, end, "paused"))
    return tuple(found)


async def _uses(connection: AsyncConnection, call_id: str) -> tuple[UseLine, ...]:
    rows = await connection.execute(
        select(RecordingUse.at, RecordingUse.who, UserRow.name, RecordingUse.what, RecordingUse.detail)
        .outerjoin(UserRow, UserRow.id == RecordingUse.user_id)
        .where(RecordingUse.call_id == call_id)
        .order_by(RecordingUse.at.desc(), RecordingUse.id.desc())
        .limit(MAX_USES)
    )
    return tuple(UseLine(row.at, row.name or row.who, Use(row.what), row.detail) for row in rows)
