"""How the audio of each answered call stands (P20): one row that says it, written when the call ends and again whenever
a recording of it comes. `CallEnded` and stored recordings go in; states and reasons come out.

A call of a PBX that records waits for its files; after `late_minutes` the row says that none came. A file that comes
later is still taken, and then the row says so."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, case, func, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from core import fact_log
from core.bus import Bus
from core.clock import Clock
from core.db import Database
from core.fact_log import LoggedFact
from core.facts import RecordingReady, Verdict
from recordings.coverage.findings import is_enough
from recordings.kinds import AudioState, NoAudio
from recordings.matching import CLOCK_S, CallOf, call_by_id
from recordings.tables import CallAudio, Recording

SWEEP = 500
"""Rows that one sweep changes: the rest waits for the next."""

_INSERTS: dict[str, sqlite.Insert | postgresql.Insert] = {
    "sqlite": sqlite.insert(CallAudio),
    "postgresql": postgresql.insert(CallAudio),
}


@dataclass(frozen=True, slots=True)
class Keeper:
    """`recorded` are the PBXs that record at all, `off_queues` the queues whose calls nobody is to record."""

    database: Database
    bus: Bus
    clock: Clock
    recorded: frozenset[str]
    late_s: float
    off_queues: frozenset[str] = frozenset()

    async def call_ended(self, fact: LoggedFact) -> None:
        """A consumer of `CallEnded`: take on what came before the call's end, and say how its audio stands."""
        record = fact.body["record"]
        async with self.database.write() as connection:
            call = await call_by_id(connection, record["call_id"])
            if call is None:
                return
            taken = await self._adopt(connection, call, record)
            await settle(
                connection, call, why_none=why_none(self.recorded, self.off_queues, record["pbx"], call)
            )
        for one in taken:
            await self.bus.publish(one)

    async def sweep(self) -> int:
        """Say of calls that waited long enough that no file came; returns of how many."""
        waited = (
            select(CallAudio.call_id)
            .where(CallAudio.state == AudioState.AWAITED, CallAudio.ended_at < self.clock() - self.late_s)
            .limit(SWEEP)
        )
        async with self.database.write() as connection:
            changed = await connection.execute(
                update(CallAudio)
                .where(CallAudio.call_id.in_(waited))
                .values(state=AudioState.MISSING, reason=NoAudio.NO_FILE_CAME)
            )
        return changed.rowcount

    async def _adopt(
        self, connection: AsyncConnection, call: CallOf, record: dict[str, Any]
    ) -> list[RecordingReady]:
        """Recordings that are this call's and were stored before the log could say so."""
        found = await connection.execute(
            select(Recording.id).where(
                Recording.call_id.is_(None),
                Recording.pbx == record["pbx"],
                Recording.linkedid.in_(record["linkedids"]),
                Recording.started_at.between(record["started_at"] - CLOCK_S, record["ended_at"] + CLOCK_S),
            )
        )
        ids: Sequence[str] = found.scalars().all()
        return [await belongs(connection, one, call, self.clock()) for one in ids]


async def belongs(connection: AsyncConnection, recording_id: str, call: CallOf, at: float) -> RecordingReady:
    """Note whose recording it is, and append the durable fact; publish it after the commit."""
    begun = Recording.started_at if call.answered_at is None else _later(call.answered_at)
    await connection.execute(
        update(Recording)
        .where(Recording.id == recording_id)
        .values(call_id=call.id, queue=call.queue, verdict=call.verdict, started_at=begun)
    )
    ready = RecordingReady(recording_id, at, call.id)
    await fact_log.append(connection, ready, subject=call.id, at=at)
    return ready


def _later(answered_at: float) -> ColumnElement[float]:
    """Asked for when the call came in, a recording begins when the caller is connected."""
    return case((Recording.started_at < answered_at, answered_at), else_=Recording.started_at)


def why_none(recorded: frozenset[str], off_queues: frozenset[str], pbx: str, call: CallOf) -> NoAudio | None:
    """Why nobody records such a call; None when a recording of it is to come."""
    if pbx not in recorded:
        return NoAudio.NOT_RECORDED
    return NoAudio.QUEUE_OFF if call.queue in off_queues else None


async def settle(connection: AsyncConnection, call: CallOf, *, why_none: NoAudio | None = None) -> None:
    """Bring the row of an ended call up to date, inside the caller's transaction. Calls without talk have none.
    `why_none`: why no recording is to come, if that is so."""
    if call.ended_at is None or call.verdict != Verdict.ANSWERED or not call.talk_s:
        return
    kept = await _seconds(connection, call.id)
    if kept is None:
        state, reason = (AudioState.OFF, why_none) if why_none else (AudioState.AWAITED, None)
    elif is_enough(kept, call.talk_s):
        state, reason = AudioState.KEPT, None
    else:
        state, reason = AudioState.PARTLY, NoAudio.SHORTER_THAN_TALK
    row = {
        "call_id": call.id,
        "state": state,
        "reason": reason,
        "ended_at": call.ended_at,
        "talk_s": call.talk_s,
    }
    statement = _INSERTS[connection.dialect.name]
    # Without a recording the row that is there knows better: it may say that the audio was erased, or never came.
    changes = {name: statement.excluded[name] for name in ("state", "reason")} if kept is not None else {}
    upsert = (
        statement.on_conflict_do_update(index_elements=[CallAudio.call_id], set_=changes)
        if changes
        else statement.on_conflict_do_nothing()
    )
    await connection.execute(upsert, row)


async def refused(connection: AsyncConnection, call: CallOf, reason: NoAudio) -> None:
    """A file of this call came, and cannot be used: the row says so, unless there is something better."""
    await _say_of_none(connection, call, AudioState.MISSING, reason)


async def person_erased(connection: AsyncConnection, call: CallOf) -> None:
    """Whom this call was with is erased: what has not come yet is not kept when it does. The row of a call that has
    audio is for `removal.py`."""
    await _say_of_none(connection, call, AudioState.ERASED, NoAudio.PERSON_ERASED)


async def is_erased(connection: AsyncConnection, call_id: str) -> bool:
    """Whether nothing of this call is to be kept any more. Locks the row, so that the answer holds until the
    transaction ends."""
    found = await connection.execute(
        select(CallAudio.state, CallAudio.reason).where(CallAudio.call_id == call_id).with_for_update()
    )
    return found.one_or_none() == (AudioState.ERASED, NoAudio.PERSON_ERASED)


async def _say_of_none(connection: AsyncConnection, call: CallOf, state: AudioState, reason: NoAudio) -> None:
    """Write the row of an answered call that has no audio; the consumer of its end may not have come to it yet."""
    if call.ended_at is None or call.verdict != Verdict.ANSWERED or not call.talk_s:
        return
    row = {"call_id": call.id, "ended_at": call.ended_at, "talk_s": call.talk_s}
    statement = _INSERTS[connection.dialect.name]
    upsert = statement.on_conflict_do_update(
        index_elements=[CallAudio.call_id],
        set_={name: statement.excluded[name] for name in ("state", "reason")},
        where=CallAudio.state.in_((AudioState.AWAITED, AudioState.MISSING)),
    )
    await connection.execute(upsert, row | {"state": state, "reason": reason})


async def _seconds(connection: AsyncConnection, call_id: str) -> float | None:
    """Of the audio that is kept of a call; None without any. What two sources recorded is not more for that."""
    sums = await connection.scalars(
        select(func.sum(Recording.duration_s))
        .where(Recording.call_id == call_id, Recording.removed_at.is_(None))
        .group_by(Recording.source)
    )
    return max(sums, default=None)
