"""A site to be audited: calls in the log, recordings taken by the real collector into a real store folder, an auditor
beside them, and a clock that is set by hand."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import select, update

from config.recordings import Audit, RecordingSettings
from core.bus import Bus
from core.db import Database
from core.fact_log import FactConsumer
from core.facts import CallEnded, RecordingReady
from recordings.coverage.auditor import Auditor, Site
from recordings.coverage.tables import AuditDay, AuditFinding, AuditRun
from recordings.intake import Intake
from recordings.store import LocalStore
from recordings.tables import CallAudio, Recording
from tests.recorded import AT, collector, keeper, leave, log_call, record, stem_of

LATER = AT + 7 * 3600.0
"""The same day, when everything should have come."""

OFF_QUEUE = "reception"
RULES = RecordingSettings(off_queues=(OFF_QUEUE,), audit=Audit(days=2))


@dataclass(slots=True)
class Audited:
    database: Database
    folder: Path
    settings: RecordingSettings = RULES
    now: float = AT + 10
    bus: Bus = field(default_factory=Bus)
    said: list[RecordingReady] = field(default_factory=list)

    def __post_init__(self) -> None:
        for name in ("part", "done"):
            (self.home / name).mkdir(parents=True, exist_ok=True)

        async def note(fact: RecordingReady) -> None:
            self.said.append(fact)

        self.bus.subscribe(RecordingReady, note, name="test")

    @property
    def home(self) -> Path:
        return self.folder / "pbx"

    @property
    def store(self) -> LocalStore:
        return LocalStore(self.folder / "audio")

    def clock(self) -> float:
        return self.now

    def auditor(self, store: LocalStore | None = None) -> Auditor:
        store = store or self.store
        intake = Intake(self.database, store, self.bus, self.clock, transcribes=False)
        site = Site(store, {"main": self.home}, frozenset({"main"}), ZoneInfo("Europe/Warsaw"))
        return Auditor(self.database, intake, self.bus, self.clock, self.settings, site)

    async def audit(self) -> Any:
        """One run, when everything should have come; returns its row."""
        self.now = max(self.now + 1, LATER)
        self.grow_old()
        run_id = await self.auditor().audit("test")
        (row,) = await self.rows(AuditRun, AuditRun.id == run_id)
        return row

    async def call(
        self, number: int, *, talk_s: float = 2.0, queue: str | None = "sales", audio: float | None
    ) -> str:
        """An answered call, with so many seconds of recording or none; returns its id."""
        if audio is not None:
            leave(self.home / "done", self.stem(number), seconds=audio)
            await self.collect()
        return await self.log(number, talk_s=talk_s, queue=queue)

    async def log(self, number: int, *, talk_s: float = 2.0, queue: str | None = "sales") -> str:
        call = record((self.linkedid(number),), talk_s=talk_s)
        shift = number - 1.0
        moved = replace(
            call,
            queue=queue,
            started_at=AT + shift,
            answered_at=AT + shift + 5,
            ended_at=AT + shift + 5 + talk_s,
        )
        await log_call(self.database, moved)
        return moved.call_id

    def stem(self, number: int) -> str:
        return stem_of(self.linkedid(number), at=AT + number - 1)

    def linkedid(self, number: int) -> str:
        return f"{AT + number - 1:.0f}.{number}"

    async def collect(self) -> None:
        await collector(self.database, self.store, self.home, bus=self.bus, clock=self.clock).look()

    async def settle(self) -> None:
        """What the durable facts make of calls that ended."""
        keep = keeper(self.database, self.clock)
        await FactConsumer(self.database, "call_audio", (CallEnded,), keep.call_ended).deliver_batch()

    def grow_old(self) -> None:
        """Nothing on the disk is newer than the calls."""
        for path in self.folder.rglob("*"):
            if path.is_file():
                os.utime(path, (AT, AT))

    async def recording_of(self, call_id: str) -> Any:
        (row,) = await self.rows(Recording, Recording.call_id == call_id)
        return row

    async def change(self, recording_id: str, **values: Any) -> None:
        async with self.database.write() as connection:
            await connection.execute(update(Recording).where(Recording.id == recording_id).values(values))

    def audio(self, key: str) -> Path:
        return self.folder / "audio" / key[:2] / key

    async def rows(self, table: Any, *conditions: Any) -> Sequence[Any]:
        async with self.database.read() as connection:
            return (await connection.execute(select(*table.__table__.c).where(*conditions))).all()

    async def open(self) -> dict[tuple[str, str], str]:
        """Open findings: kind and subject, with the reason."""
        rows = await self.rows(AuditFinding, AuditFinding.closed_at.is_(None))
        return {(row.kind, row.subject): row.reason for row in rows}

    async def closed(self) -> dict[tuple[str, str], str]:
        """The others, and how they ended."""
        rows = await self.rows(AuditFinding, AuditFinding.closed_at.is_not(None))
        return {(row.kind, row.subject): row.closed_how for row in rows}

    async def days(self) -> dict[tuple[str, str, str, str], int]:
        rows = await self.rows(AuditDay)
        return {(row.day, row.queue, row.state, row.reason): row.calls for row in rows}

    async def state(self, call_id: str) -> tuple[str, str | None] | None:
        rows = await self.rows(CallAudio, CallAudio.call_id == call_id)
        return (rows[0].state, rows[0].reason) if rows else None
