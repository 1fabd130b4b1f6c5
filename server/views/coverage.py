"""How much of what was said is kept, as managers read it: days and queues with their answered calls, what the auditor
found wrong, and its runs. Reads only, and only what the last runs wrote: who compares is
`recordings/coverage/auditor.py`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Row, and_, func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from core.errors import InvalidInputError
from recordings.coverage.book import Outcome
from recordings.coverage.findings import Closed, FindingKind
from recordings.coverage.tables import AuditDay, AuditFinding, AuditRun
from recordings.kinds import AudioState
from server.views.calls import LATEST, CallRow, read_some_calls

PAGE = 50
MOST_QUEUES = 200


@dataclass(slots=True)
class Standing:
    """Answered calls by how their audio stands, and the reasons of those that are not simply kept."""

    states: Counter[AudioState] = field(default_factory=Counter)
    reasons: Counter[tuple[AudioState, str]] = field(default_factory=Counter)

    def add(self, state: AudioState, reason: str, calls: int) -> None:
        self.states[state] += calls
        if reason:
            self.reasons[state, reason] += calls

    @property
    def answered(self) -> int:
        return sum(self.states.values())

    @property
    def expected(self) -> int:
        """Those that should have their audio by now, and were not left out or removed on purpose."""
        return sum(self.states[one] for one in (AudioState.KEPT, AudioState.PARTLY, AudioState.MISSING))

    @property
    def coverage(self) -> float | None:
        """The share of them that is kept whole; None where nothing was expected."""
        return self.states[AudioState.KEPT] / self.expected if self.expected else None


@dataclass(frozen=True, slots=True)
class Coverage:
    """`days` has each day that is asked for, in order; `queues` those with calls, the least covered first."""

    total: Standing
    days: dict[date, Standing]
    queues: dict[str, Standing]
    each: dict[tuple[date, str], Standing]


@dataclass(frozen=True, slots=True)
class RunLine:
    id: int
    outcome: Outcome | None
    asked_by: str
    started_at: float
    ended_at: float | None
    since: float
    step: str
    progress: float
    calls: int
    recordings: int
    objects: int
    bytes_read: int
    found: int
    closed: int
    mended: int
    error: str


@dataclass(frozen=True, slots=True)
class FindingLine:
    """`call` is the call it is about, where there is one in the log."""

    id: int
    kind: FindingKind
    subject: str
    reason: str
    detail: str
    call_id: str | None
    recording_id: str | None
    pbx: str
    queue: str | None
    at: float
    found_at: float
    closed_at: float | None
    closed_how: Closed | None
    call: CallRow | None = None


@dataclass(frozen=True, slots=True)
class FindingFilter:
    kind: FindingKind | None = None
    is_open: bool = True
    queue: str | None = None
    call_id: str | None = None


async def read_coverage(
    connection: AsyncConnection, first: date, last: date, queue: str | None = None
) -> Coverage:
    """Of the days `first` to `last`, both included."""
    conditions = [AuditDay.day >= first.isoformat(), AuditDay.day <= last.isoformat()]
    if queue is not None:
        conditions.append(AuditDay.queue == queue)
    rows = await connection.execute(
        select(AuditDay.day, AuditDay.queue, AuditDay.state, AuditDay.reason, AuditDay.calls)
        .where(*conditions)
        .order_by(AuditDay.day, AuditDay.queue)
    )
    days = {first + timedelta(days=number): Standing() for number in range((last - first).days + 1)}
    total, queues, each = Standing(), dict[str, Standing](), dict[tuple[date, str], Standing]()
    for row in rows:
        day, state = date.fromisoformat(row.day), AudioState(row.state)
        for standing in (
            total,
            days[day],
            queues.setdefault(row.queue, Standing()),
            each.setdefault((day, row.queue), Standing()),
        ):
            standing.add(state, row.reason, row.calls)
    least = sorted(queues.items(), key=lambda one: (_rank(one[1]), one[0]))
    return Coverage(total, days, dict(least), each)


def _rank(standing: Standing) -> float:
    return 2.0 if standing.coverage is None else standing.coverage


async def read_audited_queues(connection: AsyncConnection, since: date) -> list[str]:
    """Queues with answered calls from that day on."""
    rows = await connection.scalars(
        select(AuditDay.queue)
        .where(AuditDay.day >= since.isoformat(), AuditDay.queue != "")
        .distinct()
        .order_by(AuditDay.queue)
        .limit(MOST_QUEUES)
    )
    return list(rows)


async def read_run(connection: AsyncConnection, *, is_running: bool) -> RunLine | None:
    """The run that goes on, or the last one that ended."""
    goes_on = AuditRun.is_running.is_(True) if is_running else AuditRun.is_running.is_(None)
    rows = await connection.execute(_RUN.where(goes_on).order_by(AuditRun.id.desc()).limit(1))
    row = rows.one_or_none()
    return _run(row) if row is not None else None


async def read_this_run(connection: AsyncConnection, run_id: int) -> RunLine:
    """A run that is known to be there."""
    return _run((await connection.execute(_RUN.where(AuditRun.id == run_id))).one())


_RUN = select(*(getattr(AuditRun, name) for name in RunLine.__dataclass_fields__))


def _run(row: Row[Any]) -> RunLine:
    values = dict(row._mapping)
    values["outcome"] = Outcome(values["outcome"]) if values["outcome"] else None
    return RunLine(**values)


async def count_open(connection: AsyncConnection) -> dict[FindingKind, int]:
    """How many findings of each kind are open."""
    rows = await connection.execute(
        select(AuditFinding.kind, func.count().label("number"))
        .where(AuditFinding.closed_at.is_(None))
        .group_by(AuditFinding.kind)
    )
    return {FindingKind(row.kind): int(row.number) for row in rows}


async def read_findings(
    connection: AsyncConnection,
    wanted: FindingFilter,
    *,
    after: str | None = None,
    limit: int = PAGE,
) -> tuple[Sequence[FindingLine], str | None]:
    """One page, newest first, and the cursor of the next. Raises InvalidInputError for a cursor that is none."""
    conditions = _conditions(wanted)
    if after is not None:
        conditions.append(_follows(after))
    names = [name for name in FindingLine.__dataclass_fields__ if name != "call"]
    rows = (
        await connection.execute(
            select(*(getattr(AuditFinding, name) for name in names))
            .where(*conditions)
            .order_by(AuditFinding.at.desc(), AuditFinding.id.desc())
            .limit(limit + 1)
        )
    ).all()
    shown = rows[:limit]
    calls = await read_some_calls(connection, {row.call_id for row in shown if row.call_id})
    lines = []
    for row in shown:
        values = dict(row._mapping)
        values["kind"] = FindingKind(row.kind)
        values["closed_how"] = Closed(row.closed_how) if row.closed_how else None
        lines.append(FindingLine(**values, call=calls.get(row.call_id or "")))
    last = shown[-1] if len(rows) > limit else None
    return lines, f"{last.at!r}~{last.id}" if last is not None else None


def _conditions(wanted: FindingFilter) -> list[ColumnElement[bool]]:
    closed = AuditFinding.closed_at
    conditions: list[ColumnElement[bool]] = [closed.is_(None) if wanted.is_open else closed.is_not(None)]
    if wanted.kind is not None:
        conditions.append(AuditFinding.kind == wanted.kind)
    if wanted.queue is not None:
        conditions.append(AuditFinding.queue == wanted.queue)
    if wanted.call_id is not None:
        conditions.append(AuditFinding.call_id == wanted.call_id)
    return conditions


def _follows(after: str) -> ColumnElement[bool]:
    text, _, number = after.partition("~")
    try:
        at, finding_id = float(text), int(number)
    except ValueError:
        at, finding_id = -1.0, 0
    if not 0 <= at < LATEST or not 0 <= finding_id < 2**31:  # not a number is no place either
        raise InvalidInputError("this is not a place in the list of findings", field="after")
    return or_(AuditFinding.at < at, and_(AuditFinding.at == at, AuditFinding.id < finding_id))
