"""What a job means: which order a worker gets for it, and how its result becomes rows and stored audio. New audio is
announced, put into the store, and claimed in the one transaction that also writes the rows, the facts and the end of
the job; what it replaces is let go there. So each job is done once or not at all, wherever we die.

A copy is only taken into use while the original and the redactions it was made from are still those of the recording:
otherwise a card number silenced meanwhile would be heard again."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Row, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from config.recordings import RecordingSettings
from core import fact_log
from core.clock import Clock
from core.db import Database
from core.facts import RecordingChanged, TranscriptReady
from recordings import jobs, leftovers
from recordings.child import WorkError
from recordings.jobs import Job
from recordings.kinds import Channel, JobKind
from recordings.redact import Hidden, hide
from recordings.store import Store, Stored
from recordings.tables import Recording, Transcript
from recordings.transcribe.engine import Wanted
from recordings.words import from_json, plain, to_json
from recordings.worker import RESULT, Order

SUFFIXES = {"opus": "ogg", "mp3": "mp3", "peaks": "json", "original": "wav"}
COLUMNS = {kind: f"{kind}_key" for kind in SUFFIXES}


@dataclass(frozen=True, slots=True)
class Task:
    """A job with what it was made from; `call_id` for those who are told of it."""

    job: Job
    call_id: str | None
    original_key: str
    queue: str | None
    redactions: str


class ChangedMeanwhileError(WorkError):
    """The recording is not what it was when the work began: it is to be done again, or is gone."""

    code = "recording-changed"


class Work:
    """One per application."""

    def __init__(self, database: Database, store: Store, clock: Clock, settings: RecordingSettings) -> None:
        self._database = database
        self._store = store
        self._clock = clock
        self._settings = settings

    async def look(self, job: Job) -> Task:
        """Raises WorkError when there is no audio (any more)."""
        async with self._database.read() as connection:
            row = await _recording(connection, job.recording_id)
            redactions = await _redactions(connection, job.recording_id)
        if row is None or row.original_key is None:
            raise WorkError("the audio is gone", for_good=True)
        return Task(job, row.call_id, row.original_key, row.queue, redactions)

    def order(self, task: Task, original: Path, folder: Path) -> Order:
        """What a worker is to do with the local copy `original`, and where to leave what it makes."""
        given = self._settings.transcription
        wanted = self._wanted(task) if task.job.kind is JobKind.TRANSCRIBE else None
        return Order(
            kind=task.job.kind,
            path=str(original),
            folder=str(folder),
            hidden=_hidden(task.redactions),
            wanted=wanted,
            redact_cards=given.redact_cards,
            patterns=given.redact.get(wanted.language, ()) if wanted else (),
            silence_original=not given.keep_unredacted_audio,
        )

    async def finish(self, task: Task, folder: Path) -> RecordingChanged | TranscriptReady:
        """Store what lies in `folder`, and write the rows; returns the fact to be published. Raises WorkError and
        StoreError."""
        result = await asyncio.to_thread(_read, folder / RESULT)
        job = task.job
        made = {
            kind: f"{job.recording_id}/{kind}-{job.id}-{job.tries}.{SUFFIXES[kind]}"
            for kind in result.get("files", {})
        }
        async with self._database.write() as connection:
            await leftovers.announce(connection, made.values(), self._clock())
        stored = {
            kind: await self._store.put(key, folder / result["files"][kind]) for kind, key in made.items()
        }
        try:
            async with self._database.write() as connection:
                await self._take_into_use(connection, task, made, stored, result.get("levels"))
                fact = await self._write(connection, task, result)
                await jobs.done(connection, job, self._clock())
        except ChangedMeanwhileError:
            # Perhaps because whom it is about was erased: not an hour longer than must be.
            async with self._database.write() as connection:
                await leftovers.let_go(connection, made.values(), self._clock())
            raise
        return fact

    async def _take_into_use(
        self,
        connection: AsyncConnection,
        task: Task,
        made: dict[str, str],
        stored: dict[str, Stored],
        levels: str | None,
    ) -> None:
        """Raises ChangedMeanwhileError."""
        row = await _recording(connection, task.job.recording_id, lock=True)
        same = await jobs.is_held(connection, task.job) and row is not None
        if not same or row is None or row.original_key != task.original_key:
            raise ChangedMeanwhileError("the recording changed while it was worked on")
        if await _redactions(connection, task.job.recording_id) != task.redactions:
            raise ChangedMeanwhileError("the recording was redacted while it was worked on")
        if not made:
            return
        if not await leftovers.claim(connection, made.values()):
            raise ChangedMeanwhileError("storing what was made took too long")
        await leftovers.let_go(connection, [getattr(row, COLUMNS[kind]) for kind in made], self._clock())
        values: dict[str, Any] = {COLUMNS[kind]: key for kind, key in made.items()}
        if levels is not None:
            values["levels"] = levels
        if original := stored.get("original"):
            values |= {"original_bytes": original.bytes, "original_sha256": original.sha256}
        await connection.execute(update(Recording).where(Recording.id == row.id).values(values))

    async def _write(
        self, connection: AsyncConnection, task: Task, result: dict[str, Any]
    ) -> RecordingChanged | TranscriptReady:
        now, recording_id = self._clock(), task.job.recording_id
        if task.job.kind is JobKind.COPIES:
            return RecordingChanged(recording_id, now, task.call_id)
        transcript_id = await _insert_transcript(connection, recording_id, result, now)
        ready = TranscriptReady(recording_id, now, task.call_id, transcript_id)
        await fact_log.append(connection, ready, subject=task.call_id or recording_id, at=now)
        return ready

    def _wanted(self, task: Task) -> Wanted | None:
        given = self._settings.transcription
        engine = task.job.engine or given.engine
        if engine == "none":
            return None
        language = given.queue_language.get(task.queue or "", given.language)
        return Wanted(engine, language, given.model.get(language), given.threads)


async def _insert_transcript(
    connection: AsyncConnection, recording_id: str, result: dict[str, Any], now: float
) -> int:
    of = Transcript.recording_id == recording_id
    last = await connection.scalar(select(func.max(Transcript.version)).where(of))
    await connection.execute(update(Transcript).where(of).values(is_current=False))
    if result["redactions"]:
        await _hide_in_older(connection, recording_id, _hidden(json.dumps(result["redactions"])))
    made = await connection.execute(
        insert(Transcript)
        .values({name: result[name] for name in ("engine", "model", "language", "text", "words")})
        .values(recording_id=recording_id, version=(last or 0) + 1, is_current=True, made_at=now)
        .values(redactions=json.dumps(result["redactions"]))
        .returning(Transcript.id)
    )
    return made.scalar_one()


async def _hide_in_older(connection: AsyncConnection, recording_id: str, found: tuple[Hidden, ...]) -> None:
    """What this version found was said in the older ones too, and was perhaps not understood there."""
    of = Transcript.recording_id == recording_id
    for row in await connection.execute(
        select(Transcript.id, Transcript.words, Transcript.redactions).where(of)
    ):
        words = await asyncio.to_thread(from_json, row.words)
        said = await asyncio.to_thread(hide, words, _hidden(row.redactions), found)
        redactions = json.dumps([one.as_json() for one in said.hidden])
        if redactions != row.redactions:
            values = {"words": to_json(said.words), "text": plain(said.words), "redactions": redactions}
            await connection.execute(update(Transcript).where(Transcript.id == row.id).values(values))


async def _recording(
    connection: AsyncConnection, recording_id: str, *, lock: bool = False
) -> Row[*tuple[Any, ...]] | None:
    asked = select(
        Recording.id,
        Recording.call_id,
        Recording.queue,
        Recording.original_key,
        Recording.opus_key,
        Recording.mp3_key,
        Recording.peaks_key,
    ).where(Recording.id == recording_id, Recording.removed_at.is_(None))
    return (await connection.execute(asked.with_for_update() if lock else asked)).one_or_none()


async def _redactions(connection: AsyncConnection, recording_id: str) -> str:
    """Of the newest transcript, which has those of all before it; `[]` for none."""
    asked = select(Transcript.redactions).where(Transcript.recording_id == recording_id)
    return await connection.scalar(asked.order_by(Transcript.version.desc()).limit(1)) or "[]"


def _hidden(redactions: str) -> tuple[Hidden, ...]:
    return tuple(
        Hidden(one["start"], one["end"], Channel(one["channel"]), one["why"])
        for one in json.loads(redactions)
    )


def _read(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found
