"""What a PBX leaves in its recordings folder, made without one: pairs of tones as Asterisk writes them, and
calls as the log keeps them."""

from __future__ import annotations

import math
import struct
from array import array
from collections.abc import Sequence
from pathlib import Path

from sqlalchemy import insert, select
from sqlalchemy.engine import Row

from core import fact_log
from core.bus import Bus
from core.clock import Clock, system_clock
from core.db import Database
from core.facts import CallEnded, CallRecord, Direction, EndedBy, Verdict
from pbx_bridge.tables import Call
from recordings.call_audio import Keeper
from recordings.collector import Collector, Waits
from recordings.intake import Intake
from recordings.store import Store
from recordings.tables import CallAudio, Recording, RecordingFile

AT = 1_790_000_000.0
RATE = 8000


def tone(hertz: int, seconds: float) -> bytes:
    """Samples of a sine."""
    count = int(RATE * seconds)
    return array("h", (int(8000 * math.sin(2 * math.pi * hertz * n / RATE)) for n in range(count))).tobytes()


def wav(samples: bytes, *, says: int | None = None, rate: int = RATE) -> bytes:
    """A mono file; `says` is the length in its header, where that is not the truth."""
    size = len(samples) if says is None else says
    head = b"RIFF", 36 + size, b"WAVE", b"fmt ", 16, 1, 1, rate, rate * 2, 2, 16, b"data", size
    return struct.pack("<4sI4s4sIHHIIHH4sI", *head) + samples


def stem_of(linkedid: str = f"{AT:.0f}.1", *, at: float = AT, side: str = "c") -> str:
    return f"rb~{linkedid}~{linkedid}~{at:.0f}~{side}"


def leave(folder: Path, stem: str, *, seconds: float = 2.0, left: int = 600, right: int = 900) -> list[Path]:
    """The two closed files of one recording; returns them."""
    folder.mkdir(parents=True, exist_ok=True)
    files = [folder / f"{stem}.rx.wav", folder / f"{stem}.tx.wav"]
    for path, hertz in zip(files, (left, right), strict=True):
        path.write_bytes(wav(tone(hertz, seconds)))
    return files


def record(
    linkedids: Sequence[str] = (f"{AT:.0f}.1",), *, talk_s: float = 2.0, result: Verdict = Verdict.ANSWERED
) -> CallRecord:
    """An inbound call of the queue `sales` that began at `AT`."""
    return CallRecord(
        call_id=f"main-{linkedids[0]}",
        pbx="main",
        linkedids=tuple(linkedids),
        direction=Direction.INBOUND,
        caller="+48226011111",
        caller_name=None,
        callee="48221000101",
        customer_number="+48226011111",
        queue="sales",
        result=result,
        started_at=AT,
        answered_at=AT + 5,
        ended_at=AT + 5 + talk_s,
        wait_s=5.0,
        talk_s=talk_s,
        rang=("101",),
        talked=("101",),
        transfers=(),
        ended_by=EndedBy.CALLER,
        why="",
    )


async def log_call(database: Database, call: CallRecord) -> CallEnded:
    """The call as the log has it when it has ended, with its durable fact."""
    fact = CallEnded(call.call_id, call.ended_at, call)
    columns = ("pbx", "queue", "started_at", "answered_at", "ended_at", "wait_s", "talk_s", "why")
    row = {name: getattr(call, name) for name in columns}
    row |= {"id": call.call_id, "direction": call.direction, "result": call.result}
    async with database.write() as connection:
        await connection.execute(insert(Call).values(**row, linkedids=" ".join(call.linkedids)))
        await fact_log.append(connection, fact, subject=call.call_id, at=call.ended_at)
    return fact


def collector(
    database: Database,
    store: Store,
    home: Path,
    *,
    bus: Bus | None = None,
    clock: Clock = system_clock,
    transcribes: bool = False,
    waits: Waits | None = None,
) -> Collector:
    intake = Intake(database, store, bus or Bus(), clock, transcribes=transcribes)
    return Collector("main", home, intake, database, clock, waits or Waits())


def keeper(database: Database, clock: Clock, *, late_s: float = 900.0) -> Keeper:
    return Keeper(database, Bus(), clock, frozenset({"main"}), late_s)


async def rows(
    database: Database, table: type[Recording | RecordingFile | CallAudio]
) -> Sequence[Row[tuple[object, ...]]]:
    async with database.read() as connection:
        return (await connection.execute(select(table.__table__))).all()
