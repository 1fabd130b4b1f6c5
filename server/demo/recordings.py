"""Two conversations of the demo that can be heard: real audio with its transcript, given to two calls of the past that
took about as long, one of Anna's and one of Marek's. The samples and their licence lie in `samples/`."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from sqlalchemy import func, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from core import fact_log
from core.accounts import UserRow
from core.db import Database
from core.facts import Direction, TranscriptReady, Verdict
from pbx_bridge.tables import Call, CallPerson, CallWrapUp
from recordings.kinds import AudioState, Source
from recordings.store import Store
from recordings.tables import CallAudio, Recording, RecordingComment, Transcript

SAMPLES = Path(__file__).parent / "samples"
LANGUAGE_MODEL = "tiny.en"


@dataclass(frozen=True, slots=True)
class Sample:
    """`login` is whose voice our side has; a comment is `(second, text)`."""

    name: str
    login: str
    comment: tuple[float, str] | None = None


CONVERSATIONS = (
    Sample("order", "anna", (12.5, "Asks for the order number at once: that is how it is done.")),
    Sample("payment", "marek"),
)


async def write_recordings(database: Database, store: Store, pbx: str) -> None:
    """As collector and workers would have left them."""
    for sample in CONVERSATIONS:
        said = json.loads((SAMPLES / f"{sample.name}.json").read_text(encoding="utf-8"))
        async with database.read() as connection:
            call = await _call_like(connection, sample.login, said["duration_s"])
        if call is not None:
            await _write(database, store, sample, said, call, pbx)


async def _call_like(connection: AsyncConnection, login: str, duration_s: float) -> Any:
    """The row of the person's inbound call whose talk is nearest to the recording's length, None when there is none;
    nobody else talked in it."""
    alone = (
        select(CallPerson.call_id)
        .where(CallPerson.role == "talked")
        .group_by(CallPerson.call_id)
        .having(func.count() == 1)
    )
    theirs = (
        select(CallWrapUp.call_id)
        .join(UserRow, UserRow.id == CallWrapUp.user_id)
        .where(UserRow.login == login)
    )
    found = await connection.execute(
        select(Call.id, Call.linkedids, Call.queue, Call.answered_at, Call.ended_at, Call.talk_s)
        .where(
            Call.direction == Direction.INBOUND,
            Call.result == Verdict.ANSWERED,
            Call.id.in_(alone),
            Call.id.in_(theirs),
        )
        .order_by(func.abs(Call.talk_s - duration_s))
        .limit(1)
    )
    return found.one_or_none()


async def _write(
    database: Database, store: Store, sample: Sample, said: Mapping[str, Any], call: Any, pbx: str
) -> None:
    recording_id = hashlib.sha256(sample.name.encode()).hexdigest()[:32]
    keys = {"mp3_key": f"{recording_id}/original.mp3", "peaks_key": f"{recording_id}/peaks.json"}
    stored = await store.put(keys["mp3_key"], SAMPLES / f"{sample.name}.mp3")
    with TemporaryDirectory() as folder:
        peaks = Path(folder) / "peaks.json"
        peaks.write_text(json.dumps(said["peaks"]), encoding="ascii")
        await store.put(keys["peaks_key"], peaks)
    row = {
        "id": recording_id, "call_id": call.id, "pbx": pbx, "linkedid": call.linkedids.split(" ")[0],
        "source": Source.MIXMONITOR, "channels": 2, "started_at": call.answered_at,
        "duration_s": said["duration_s"], "stored_at": call.ended_at + 2, "original_key": keys["mp3_key"],
        "original_bytes": stored.bytes, "original_sha256": stored.sha256, "queue": call.queue,
        "verdict": Verdict.ANSWERED,
    }  # fmt: skip
    audio = {"call_id": call.id, "state": AudioState.KEPT, "ended_at": call.ended_at, "talk_s": call.talk_s}
    async with database.write() as connection:
        await connection.execute(insert(CallAudio).values(audio))
        await connection.execute(insert(Recording).values(row | keys))
        await _write_down(connection, recording_id, said, call)
        if sample.comment is not None:
            await _comment(connection, recording_id, sample.comment, call.ended_at)


async def _write_down(
    connection: AsyncConnection, recording_id: str, said: Mapping[str, Any], call: Any
) -> None:
    at = call.ended_at + 30
    row = {
        "recording_id": recording_id, "version": 1, "engine": said["engine"], "model": LANGUAGE_MODEL,
        "language": said["language"], "made_at": at, "text": " ".join(word["w"] for word in said["words"]),
        "words": json.dumps(said["words"]), "redactions": json.dumps(said["redactions"]), "is_current": True,
    }  # fmt: skip
    made = await connection.execute(insert(Transcript).values(row).returning(Transcript.id))
    fact = TranscriptReady(recording_id, at, call.id, made.scalar_one())
    await fact_log.append(connection, fact, subject=recording_id, at=at)


async def _comment(
    connection: AsyncConnection, recording_id: str, comment: tuple[float, str], at: float
) -> None:
    author = select(UserRow.id).where(UserRow.login == "demo").scalar_subquery()
    second, text = comment
    row = {"recording_id": recording_id, "at_s": second, "user_id": author, "made_at": at + 600, "text": text}
    await connection.execute(insert(RecordingComment).values(row))
