"""Durable work on recordings: a row, a lease, a retry ladder. `ask` writes a job in the caller's transaction, so that a
recording and the work it needs are committed together; workers `take` what is due, and say how it went.

A lease that runs out is a worker that died: the job is taken again. What is done with the audio is not decided here
(`workers.py`), and nothing is ever removed: a finished job stays for the record."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, and_, exists, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.orm import aliased

from core.clock import system_clock
from recordings.kinds import JobKind, JobState
from recordings.tables import RecordingJob

LEASE_S = 120.0
"""Renewed with every word of progress, which a living worker says at least every few seconds."""

LADDER_S = (30.0, 300.0, 3600.0)
"""Waits after a failed try. What fails four times fails for a reason that a person must look at."""


@dataclass(frozen=True, slots=True)
class Job:
    """A job as its worker gets it; `tries` counts this one."""

    id: int
    recording_id: str
    kind: JobKind
    engine: str | None
    tries: int


async def ask(
    connection: AsyncConnection,
    recording_id: str,
    kind: JobKind,
    engine: str | None = None,
    *,
    at: float | None = None,
) -> int:
    """Have `kind` done with this recording; returns the job's id. The same work that already waits is not asked for
    twice. `engine` is None for the one of the settings; `at` is the current instant, where the caller knows it."""
    waiting = await connection.scalar(
        select(RecordingJob.id).where(
            RecordingJob.recording_id == recording_id,
            RecordingJob.kind == kind,
            RecordingJob.state == JobState.WAITING,
            RecordingJob.engine.is_(None) if engine is None else RecordingJob.engine == engine,
        )
    )
    if waiting is not None:
        return waiting
    now = system_clock() if at is None else at
    values = {"recording_id": recording_id, "kind": kind, "engine": engine, "due_at": now, "made_at": now}
    made = await connection.execute(
        insert(RecordingJob).values(state=JobState.WAITING, **values).returning(RecordingJob.id)
    )
    return made.scalar_one()


async def take(connection: AsyncConnection, now: float, kinds: Sequence[JobKind]) -> Job | None:
    """Lease the next job that is due, copies before transcripts and oldest first; None when nothing is."""
    due = or_(
        (RecordingJob.state == JobState.WAITING) & (RecordingJob.due_at <= now),
        (RecordingJob.state == JobState.RUNNING) & (RecordingJob.leased_until < now),
    )
    found = await connection.execute(
        select(RecordingJob.id, RecordingJob.recording_id, RecordingJob.kind, RecordingJob.engine)
        .add_columns(RecordingJob.tries)
        .where(due, RecordingJob.kind.in_(kinds))
        .order_by(RecordingJob.kind, RecordingJob.due_at, RecordingJob.id)
        .limit(1)
        .with_for_update(skip_locked=True)
    )
    row = found.one_or_none()
    if row is None:
        return None
    await connection.execute(
        update(RecordingJob)
        .where(RecordingJob.id == row.id)
        .values(state=JobState.RUNNING, leased_until=now + LEASE_S, tries=row.tries + 1, progress=0.0)
    )
    return Job(row.id, row.recording_id, JobKind(row.kind), row.engine, row.tries + 1)


async def is_held(connection: AsyncConnection, job: Job) -> bool:
    """Whether `job` still belongs to the worker that took it: nobody else took it after its lease ran out, and its
    recording was not removed meanwhile. Locks the row, so that the answer holds until the transaction ends."""
    row = await connection.execute(
        select(RecordingJob.state, RecordingJob.tries).where(RecordingJob.id == job.id).with_for_update()
    )
    return row.one_or_none() == (JobState.RUNNING, job.tries)


async def report(connection: AsyncConnection, job: Job, progress: float, now: float) -> bool:
    """Store how far it is (0 to 1) and renew the lease. False when the job is no longer this worker's."""
    renewed = await connection.execute(
        update(RecordingJob).where(_is_of(job)).values(progress=progress, leased_until=now + LEASE_S)
    )
    return renewed.rowcount > 0


async def done(connection: AsyncConnection, job: Job, now: float) -> None:
    """To be written in the same transaction as the result."""
    await connection.execute(
        update(RecordingJob)
        .where(RecordingJob.id == job.id)
        .values(state=JobState.DONE, progress=1.0, leased_until=None, ended_at=now, error="")
    )


async def failed(
    connection: AsyncConnection, job: Job, why: str, now: float, *, for_good: bool = False
) -> None:
    """This try failed; `why` is a sentence. Tried again later, unless that is useless or the ladder ends."""
    last = for_good or job.tries > len(LADDER_S)
    await connection.execute(
        update(RecordingJob)
        .where(_is_of(job))
        .values(
            state=JobState.FAILED if last else JobState.WAITING,
            due_at=now if last else now + LADDER_S[job.tries - 1],
            leased_until=None,
            ended_at=now if last else None,
            error=why[:2000],
        )
    )


async def has_failed(connection: AsyncConnection, kind: JobKind) -> bool:
    """Whether there is work of this kind that was given up and not asked for again since."""
    given_up = select(RecordingJob.id).where(RecordingJob.kind == kind, *_given_up()).limit(1)
    return await connection.scalar(given_up) is not None


async def is_open(connection: AsyncConnection, recording_id: str) -> bool:
    """Whether there is work on this recording that is not done; what was given up is not."""
    of = RecordingJob.recording_id == recording_id
    waits = RecordingJob.state.in_((JobState.WAITING, JobState.RUNNING))
    open_work = select(RecordingJob.id).where(of, or_(waits, and_(*_given_up()))).limit(1)
    return await connection.scalar(open_work) is not None


async def try_again(connection: AsyncConnection, now: float) -> int:
    """What was given up begins anew: whoever starts the server has perhaps mended what was missing. Returns how many
    jobs."""
    given_up = select(RecordingJob.id).where(*_given_up())
    begun = await connection.execute(
        update(RecordingJob)
        .where(RecordingJob.id.in_(given_up))
        .values(state=JobState.WAITING, due_at=now, tries=0, ended_at=None)
    )
    return begun.rowcount


def _given_up() -> tuple[ColumnElement[bool], ...]:
    later = aliased(RecordingJob)
    is_superseded = exists().where(
        later.recording_id == RecordingJob.recording_id,
        later.kind == RecordingJob.kind,
        later.id > RecordingJob.id,
    )
    return RecordingJob.state == JobState.FAILED, ~is_superseded


async def give_back(connection: AsyncConnection, job: Job, now: float) -> None:
    """The server stops in the middle of it: somebody else begins it anew at once, and it counts as no try."""
    await connection.execute(
        update(RecordingJob)
        .where(_is_of(job))
        .values(state=JobState.WAITING, due_at=now, leased_until=None, tries=job.tries - 1)
    )


def _is_of(job: Job) -> ColumnElement[bool]:
    """It is still being done, and by this worker: what is done must never be begun anew."""
    return and_(
        RecordingJob.id == job.id, RecordingJob.tries == job.tries, RecordingJob.state == JobState.RUNNING
    )
