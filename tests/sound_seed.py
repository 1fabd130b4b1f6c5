"""Recordings for pages to show: real audio in a real store, with the rows that collector and workers would have
written. The two conversations are the demo's; what differs from them is said by the test."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from sqlalchemy import insert

from core.db import Database
from recordings.kinds import AudioState, JobKind, JobState, NoAudio
from recordings.store import Store
from recordings.tables import CallAudio, Recording, RecordingJob, Transcript

SAMPLES = Path(__file__).parent.parent / "server" / "demo" / "samples"


@dataclass(frozen=True, slots=True)
class Sample:
    """One of the demo's conversations."""

    audio: Path
    said: Mapping[str, Any]

    @property
    def text(self) -> str:
        return " ".join(word["w"] for word in self.said["words"])


def sample(name: str) -> Sample:
    return Sample(SAMPLES / f"{name}.mp3", json.loads((SAMPLES / f"{name}.json").read_text()))


async def say_audio(
    database: Database,
    call_id: str,
    state: AudioState,
    reason: NoAudio | None = None,
    *,
    ended_at: float = 0.0,
    talk_s: float = 60.0,
) -> None:
    """How this call's audio stands."""
    row = {"call_id": call_id, "state": state, "reason": reason, "ended_at": ended_at, "talk_s": talk_s}
    async with database.write() as connection:
        await connection.execute(insert(CallAudio).values(row))


async def keep(
    database: Database,
    store: Store,
    call_id: str | None,
    recording_id: str,
    *,
    name: str = "order",
    started_at: float = 0.0,
    peaks: bool = True,
    transcript: bool = True,
    **columns: Any,
) -> str:
    """Store one conversation as a recording of this call; returns its id."""
    given = sample(name)
    key = f"{recording_id}/original.mp3"
    stored = await store.put(key, given.audio)
    values: dict[str, Any] = {
        "id": recording_id, "call_id": call_id, "pbx": "office", "linkedid": call_id or "", "uniqueid": "",
        "source": "mixmonitor", "channels": 2, "started_at": started_at, "stored_at": started_at + 60.0,
        "duration_s": given.said["duration_s"], "original_key": key, "original_bytes": stored.bytes,
        "original_sha256": stored.sha256, "mp3_key": key, "queue": "sales", "verdict": "answered",
    }  # fmt: skip
    if peaks:
        values["peaks_key"] = await _keep_peaks(store, recording_id, given)
    async with database.write() as connection:
        await connection.execute(insert(Recording).values(values | columns))
    if transcript:
        await write_down(database, recording_id, given)
    return recording_id


async def write_down(database: Database, recording_id: str, given: Sample, *, version: int = 1) -> None:
    said = given.said
    row = {
        "recording_id": recording_id, "version": version, "engine": said["engine"], "model": said["model"],
        "language": said["language"], "made_at": 0.0, "text": given.text, "words": json.dumps(said["words"]),
        "redactions": json.dumps(said["redactions"]), "is_current": True,
    }  # fmt: skip
    async with database.write() as connection:
        await connection.execute(insert(Transcript).values(row))


async def give_work(
    database: Database,
    recording_id: str,
    kind: JobKind,
    state: JobState,
    *,
    progress: float = 0.0,
    error: str = "",
) -> None:
    row = {
        "recording_id": recording_id, "kind": kind, "state": state, "progress": progress, "error": error,
        "due_at": 0.0, "made_at": 0.0, "tries": 1,
    }  # fmt: skip
    async with database.write() as connection:
        await connection.execute(insert(RecordingJob).values(row))


async def _keep_peaks(store: Store, recording_id: str, given: Sample) -> str:
    key = f"{recording_id}/peaks.json"
    with TemporaryDirectory() as folder:
        path = Path(folder) / "peaks.json"
        path.write_text(json.dumps(given.said["peaks"]))
        await store.put(key, path)
    return key
