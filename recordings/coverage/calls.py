"""The answered calls of a time, page by page: what the log, their rows and their recordings say goes in, how each
call's audio stands comes out (`findings.py` judges). The row of a call that is out of step with its recordings
is brought up to date. The log is another room's: it is read by the names of its tables."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, and_, case, column, exists, func, or_, select, table
from sqlalchemy.ext.asyncio import AsyncConnection

from core.clock import Clock
from core.db import Database
from core.facts import Verdict
from recordings.call_audio import settle
from recordings.coverage.findings import CallFacts, CallJudged, FindingKind, Why, judge_call, overlap_s
from recordings.coverage.tables import AuditFinding
from recordings.kinds import AudioState, NoAudio
from recordings.matching import CALLS, CallOf
from recordings.tables import CallAudio, Recording, RecordingPause

PAGE = 500
SETTLED_AT_ONCE = 20
"""Calls in one write transaction: a few milliseconds."""

MOST_BLIND = 200

BLIND = table("blind_windows", *map(column, ("pbx", "since", "until")))

Place = tuple[float, str]
"""Where a page ends: the beginning and the id of its last call."""


@dataclass(frozen=True, slots=True)
class Rules:
    """What the settings say: the PBXs that record at all, the queues that nobody is to record, and how long a call's
    files may take, in seconds."""

    recorded: frozenset[str]
    off_queues: frozenset[str]
    late_s: float


@dataclass(frozen=True, slots=True)
class Seen:
    """A call with what was made of it; `linkedids` are all its PBX called it."""

    facts: CallFacts
    judged: CallJudged
    linkedids: tuple[str, ...]
    answered_at: float | None


@dataclass(frozen=True, slots=True)
class Calls:
    database: Database
    clock: Clock
    rules: Rules

    async def count(self, since: float) -> int:
        async with self.database.read() as connection:
            return int(
                await connection.scalar(
                    select(func.count()).select_from(CALLS).where(_TALKED, CALLS.c.started_at >= since)
                )
                or 0
            )

    async def between(self, since: float, until: float) -> AsyncIterator[list[Seen]]:
        """Those that began in [since, until), in pages."""
        place: Place | None = None
        while True:
            within = [CALLS.c.started_at >= since, CALLS.c.started_at < until]
            if place is not None:
                at, call_id = place
                same = and_(CALLS.c.started_at == at, CALLS.c.id > call_id)
                within.append(or_(CALLS.c.started_at > at, same))
            page = await self._page(within, PAGE)
            if page:
                yield page
            if len(page) < PAGE:
                return
            place = (page[-1].facts.started_at, page[-1].facts.id)

    async def these(self, call_ids: Sequence[str]) -> list[Seen]:
        """At most a page of calls by their ids; what the log does not have (any more) is left out."""
        return await self._page([CALLS.c.id.in_(call_ids)], PAGE)

    async def settle(self, calls: Sequence[Seen]) -> None:
        """Bring rows up to date that say something else than the recordings that are there."""
        stale = [one for one in calls if _is_stale(one.facts)]
        for first in range(0, len(stale), SETTLED_AT_ONCE):
            async with self.database.write() as connection:
                for one in stale[first : first + SETTLED_AT_ONCE]:
                    facts = one.facts
                    call = CallOf(
                        facts.id, facts.queue, Verdict.ANSWERED, one.answered_at, facts.ended_at, facts.talk_s
                    )
                    await settle(connection, call, why_none=self._why_none(facts))

    def _why_none(self, facts: CallFacts) -> NoAudio | None:
        if not facts.is_recorded:
            return NoAudio.NOT_RECORDED
        return NoAudio.QUEUE_OFF if facts.is_queue_off else None

    async def _page(self, conditions: Sequence[ColumnElement[bool]], limit: int) -> list[Seen]:
        async with self.database.read() as connection:
            rows = (
                await connection.execute(
                    select(CALLS, CallAudio.state, CallAudio.reason)
                    .outerjoin(CallAudio, CallAudio.call_id == CALLS.c.id)
                    .where(_TALKED, *conditions)
                    .order_by(CALLS.c.started_at, CALLS.c.id)
                    .limit(limit)
                )
            ).all()
            if not rows:
                return []
            ids = [row.id for row in rows]
            audio, pauses = await _audio(connection, ids), await _pauses(connection, ids)
            blind = await _blind(connection, rows[0].started_at, max(row.ended_at for row in rows))
        return [self._seen(row, audio.get(row.id), pauses.get(row.id, []), blind) for row in rows]

    def _seen(self, row: Any, audio: _Audio | None, pauses: _Spans, blind: Sequence[Any]) -> Seen:
        facts = CallFacts(
            id=row.id,
            pbx=row.pbx,
            queue=row.queue,
            started_at=row.started_at,
            ended_at=row.ended_at,
            talk_s=row.talk_s,
            state=AudioState(row.state) if row.state else None,
            reason=NoAudio(row.reason) if row.reason else None,
            kept_s=audio.kept_s if audio else None,
            gone_s=audio.gone_s if audio else 0.0,
            lost_s=audio.lost_s if audio else 0.0,
            paused_s=overlap_s(pauses, row.started_at, row.ended_at),
            is_recorded=row.pbx in self.rules.recorded,
            is_queue_off=row.queue in self.rules.off_queues,
            was_blind=any(_touches(one, row) for one in blind),
            recording_id=audio.recording_id if audio else None,
        )
        is_late = row.ended_at + self.rules.late_s < self.clock()
        return Seen(facts, judge_call(facts, is_late=is_late), tuple(row.linkedids.split()), row.answered_at)


_TALKED = and_(CALLS.c.result == Verdict.ANSWERED, CALLS.c.ended_at.is_not(None), CALLS.c.talk_s > 0)

_Spans = list[tuple[float, float | None]]


@dataclass(slots=True)
class _Audio:
    """Of one call. Two sources that recorded the same are not more for that."""

    kept_s: float | None = None
    gone_s: float = 0.0
    lost_s: float = 0.0
    recording_id: str | None = None


async def _audio(connection: AsyncConnection, ids: Sequence[str]) -> dict[str, _Audio]:
    gone = Recording.removed_at.is_not(None)
    lost = ~gone & exists().where(
        AuditFinding.kind == FindingKind.LOST,
        AuditFinding.subject == Recording.id,
        AuditFinding.reason == Why.ORIGINAL,
        AuditFinding.closed_at.is_(None),
    )
    there = ~gone & ~lost
    rows = await connection.execute(
        select(
            Recording.call_id,
            func.sum(case((there, Recording.duration_s))).label("kept"),
            func.sum(case((gone, Recording.duration_s))).label("gone"),
            func.sum(case((lost, Recording.duration_s))).label("lost"),
            func.min(case((there, Recording.id))).label("recording_id"),
        )
        .where(Recording.call_id.in_(ids))
        .group_by(Recording.call_id, Recording.source)
    )
    found: dict[str, _Audio] = {}
    for row in rows:
        one = found.setdefault(row.call_id, _Audio())
        if row.kept is not None and row.kept > (one.kept_s or -1.0):
            one.kept_s, one.recording_id = row.kept, row.recording_id
        one.gone_s = max(one.gone_s, row.gone or 0.0)
        one.lost_s = max(one.lost_s, row.lost or 0.0)
    return found


async def _pauses(connection: AsyncConnection, ids: Sequence[str]) -> dict[str, _Spans]:
    rows = await connection.execute(
        select(RecordingPause.call_id, RecordingPause.since, RecordingPause.until).where(
            RecordingPause.call_id.in_(ids)
        )
    )
    found: dict[str, _Spans] = {}
    for row in rows:
        found.setdefault(row.call_id, []).append((row.since, row.until))
    return found


async def _blind(connection: AsyncConnection, since: float, until: float) -> Sequence[Any]:
    over = or_(BLIND.c.until.is_(None), BLIND.c.until >= since)
    rows = await connection.execute(select(BLIND).where(BLIND.c.since <= until, over).limit(MOST_BLIND))
    return rows.all()


def _touches(blind: Any, call: Any) -> bool:
    is_then = blind.since <= call.ended_at and (blind.until is None or blind.until >= call.started_at)
    return bool(blind.pbx == call.pbx and is_then)


def _is_stale(facts: CallFacts) -> bool:
    if facts.kept_s is None:
        return facts.state is None
    return facts.state not in {AudioState.KEPT, AudioState.PARTLY}
