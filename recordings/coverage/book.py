"""The auditor's own rows: a run begins, says how far it is, and ends; findings are written, seen again, and closed when
a run does not see them any more. What is wrong comes from `findings.py`; nothing is compared here.

Each write is one short transaction: ringing calls do not wait for an audit."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from typing import Any

from sqlalchemy import and_, case, delete, func, insert, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from core.clock import Clock
from core.db import Database
from core.errors import ConflictError
from recordings.coverage.findings import Closed, Finding, FindingKind, Why
from recordings.coverage.tables import AuditDay, AuditFinding, AuditRun

DEAD_S = 120.0
"""A run that has not said anything for so long has died."""

BEAT_S = 1.0
KEEP_RUNS = 100
KEEP_CLOSED_S = 90 * 86_400.0
FORGET_AT_ONCE = 10_000
CLOSED_AT_ONCE = 1000

Tally = Mapping[tuple[str, str, str], int]
"""(queue, state, reason) → calls, of one day."""

_INSERTS: dict[str, sqlite.Insert | postgresql.Insert] = {
    "sqlite": sqlite.insert(AuditFinding),
    "postgresql": postgresql.insert(AuditFinding),
}


class Outcome(StrEnum):
    """How a run ended; `broken`: it died, and somebody noticed."""

    DONE = "done"
    FAILED = "failed"
    BROKEN = "broken"


class Step(StrEnum):
    """What a run does, in this order."""

    STORE = "store"
    RECORDINGS = "recordings"
    CALLS = "calls"
    FOLDERS = "folders"


STEPS = tuple(Step)


@dataclass(slots=True)
class Counts:
    """What a run has looked at so far, and what became of it."""

    calls: int = 0
    recordings: int = 0
    objects: int = 0
    bytes_read: int = 0
    mended: int = 0
    closed: int = 0


@dataclass(slots=True)
class Book:
    """Of one run."""

    database: Database
    clock: Clock
    run_id: int
    started_at: float
    counts: Counts = field(default_factory=Counts)
    _beat_at: float = 0.0

    async def beat(self, step: Step, part: float, *, now: bool = False) -> None:
        """Say that we live and how far we are; `part` is of this step, 0 to 1. Raises ConflictError when another run
        has taken our place."""
        at = self.clock()
        if not now and abs(at - self._beat_at) < BEAT_S:
            return
        self._beat_at = at
        progress = (STEPS.index(step) + min(1.0, part)) / len(STEPS)
        await self._update({"beat_at": at, "step": step, "progress": progress})

    async def note(self, findings: Sequence[Finding]) -> None:
        """Write down what is wrong now, or was and is mended."""
        if not findings:
            return
        at = self.clock()
        self.counts.mended += sum(one.closed is not None for one in findings)
        rows = [self._row(one, at) for one in findings]
        async with self.database.write() as connection:
            await connection.execute(_upsert(connection), rows)

    async def close_unseen(self, kinds: Iterable[FindingKind], pbx: str | None = None) -> None:
        """What an earlier run saw and this one did not is over."""
        conditions = [
            AuditFinding.kind.in_(list(kinds)),
            AuditFinding.closed_at.is_(None),
            AuditFinding.run_id != self.run_id,
        ]
        if pbx is not None:
            conditions.append(AuditFinding.pbx == pbx)
        unseen = select(AuditFinding.id).where(*conditions).limit(CLOSED_AT_ONCE)
        while True:
            async with self.database.write() as connection:
                closed = await connection.execute(
                    update(AuditFinding)
                    .where(AuditFinding.id.in_(unseen))
                    .values(closed_at=self.clock(), closed_how=Closed.GONE, run_id=self.run_id)
                )
            self.counts.closed += closed.rowcount
            if closed.rowcount < CLOSED_AT_ONCE:
                return

    async def write_day(self, day: date, tally: Tally) -> None:
        """How the answered calls of a day stand, in the place of what was said before."""
        name = day.isoformat()
        rows = [
            {"day": name, "queue": queue, "state": state, "reason": reason, "calls": calls}
            for (queue, state, reason), calls in tally.items()
        ]
        async with self.database.write() as connection:
            await connection.execute(delete(AuditDay).where(AuditDay.day == name))
            if rows:
                await connection.execute(insert(AuditDay), rows)

    async def end(self, outcome: Outcome, error: str = "") -> None:
        """The run is over, whatever came of it."""
        at = self.clock()
        values: dict[str, Any] = {"is_running": None, "outcome": outcome, "ended_at": at, "error": error}
        if outcome is Outcome.DONE:
            values["progress"] = 1.0
        async with self.database.write() as connection:
            found = await connection.scalar(
                select(func.count()).where(
                    AuditFinding.run_id == self.run_id, AuditFinding.found_at >= self.started_at
                )
            )
            await _forget(connection, at, self.run_id)
        await self._update(values | {"found": found or 0})

    async def _update(self, values: Mapping[str, Any]) -> None:
        counts = self.counts
        seen: dict[str, Any] = {
            name: getattr(counts, name)
            for name in ("calls", "recordings", "objects", "bytes_read", "mended", "closed")
        }
        async with self.database.write() as connection:
            changed = await connection.execute(
                update(AuditRun)
                .where(AuditRun.id == self.run_id, AuditRun.is_running.is_(True))
                .values(seen | dict(values))
            )
        if not changed.rowcount:
            raise ConflictError("this audit was silent for so long that another one has taken its place")

    def _row(self, one: Finding, at: float) -> dict[str, Any]:
        return {
            "kind": one.kind, "subject": one.subject, "reason": one.reason, "detail": one.detail,
            "call_id": one.call_id, "recording_id": one.recording_id, "pbx": one.pbx, "queue": one.queue,
            "at": one.at, "found_at": at, "run_id": self.run_id,
            "closed_at": None if one.closed is None else at, "closed_how": one.closed,
        }  # fmt: skip


async def begin(database: Database, clock: Clock, asked_by: str, since: float) -> Book:
    """A new run. Raises ConflictError while another one goes on; one that has died is put down as broken."""
    at = clock()
    async with database.write() as connection:
        running = (
            await connection.execute(
                select(AuditRun.id, AuditRun.beat_at).where(AuditRun.is_running.is_(True)).with_for_update()
            )
        ).one_or_none()
        if running is not None and abs(at - running.beat_at) < DEAD_S:
            raise ConflictError("an audit is going on: wait for its end")
        if running is not None:
            await connection.execute(
                update(AuditRun)
                .where(AuditRun.id == running.id)
                .values(is_running=None, outcome=Outcome.BROKEN, ended_at=running.beat_at)
            )
        made = await connection.execute(
            insert(AuditRun)
            .values(is_running=True, asked_by=asked_by, started_at=at, beat_at=at, since=since)
            .returning(AuditRun.id)
        )
        return Book(database, clock, made.scalar_one(), at)


async def last_started(connection: AsyncConnection) -> float | None:
    """When the last run began, however it ended."""
    at: float | None = await connection.scalar(select(func.max(AuditRun.started_at)))
    return at


async def count_damaged(connection: AsyncConnection) -> int:
    """Originals that are lost or not what was stored: only a backup has them."""
    damaged = or_(
        AuditFinding.kind == FindingKind.CHECKSUM,
        and_(AuditFinding.kind == FindingKind.LOST, AuditFinding.reason == Why.ORIGINAL),
        and_(AuditFinding.kind == FindingKind.WRONG_LENGTH, AuditFinding.reason == Why.BYTES),
    )
    counted = select(func.count()).select_from(AuditFinding)
    return int(await connection.scalar(counted.where(AuditFinding.closed_at.is_(None), damaged)) or 0)


async def open_findings(
    connection: AsyncConnection,
    kinds: Iterable[FindingKind],
    before: float,
    after: int,
    limit: int,
) -> list[tuple[int, str]]:
    """Ids and subjects of open findings about what lies before an instant, those that follow the id `after`."""
    rows = await connection.execute(
        select(AuditFinding.id, AuditFinding.subject)
        .where(
            AuditFinding.kind.in_(list(kinds)),
            AuditFinding.closed_at.is_(None),
            AuditFinding.at < before,
            AuditFinding.id > after,
        )
        .order_by(AuditFinding.id)
        .limit(limit)
    )
    return [(row.id, row.subject) for row in rows]


def _upsert(connection: AsyncConnection) -> sqlite.Insert | postgresql.Insert:
    statement = _INSERTS[connection.dialect.name]
    given = statement.excluded
    names = ("reason", "detail", "call_id", "recording_id", "pbx", "queue", "at", "run_id")
    changes: dict[str, Any] = {name: given[name] for name in (*names, "closed_at", "closed_how")}
    # What was closed and is seen again begins anew.
    changes["found_at"] = case(
        (AuditFinding.closed_at.is_not(None), given["found_at"]), else_=AuditFinding.found_at
    )
    return statement.on_conflict_do_update(
        index_elements=[AuditFinding.kind, AuditFinding.subject], set_=changes
    )


async def _forget(connection: AsyncConnection, now: float, run_id: int) -> None:
    """Old runs and findings that were closed long ago."""
    await connection.execute(delete(AuditRun).where(AuditRun.id <= run_id - KEEP_RUNS))
    old = select(AuditFinding.id).where(AuditFinding.closed_at < now - KEEP_CLOSED_S).limit(FORGET_AT_ONCE)
    await connection.execute(delete(AuditFinding).where(AuditFinding.id.in_(old)))
