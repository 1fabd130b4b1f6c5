"""Workers: so many child processes as the settings say, each with one job at a time, off the event loop and at low
priority. A job's lease is renewed while its process lives, its progress is stored and told now and then; a dead process
is a failed try, and the next job gets a new one.

What a job means stands in `work.py`; which there are in `jobs.py`."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import structlog

from config.recordings import RecordingSettings
from core.alarms import close_alarm, raise_alarm, take_turn
from core.bus import Bus
from core.clock import Clock
from core.db import Database
from core.facts import RecordingChanged
from recordings import jobs, scratch
from recordings.child import Child, WorkError
from recordings.jobs import Job
from recordings.kinds import JobKind
from recordings.store import Store, StoreError
from recordings.work import Task, Work

log = structlog.get_logger(__name__)

IDLE_S = 2.0
"""A worker looks by itself this often: for what another process asked, and for what is due again."""

REPORT_S = 5.0
"""Between two writes of a job's progress."""

IDLE_END_S = 300.0
"""A process without work for so long is ended: a loaded model holds half a gigabyte."""

ALARM = "recording-work-failed"
WHAT = {
    JobKind.COPIES: "making a copy of a recording to listen to",
    JobKind.TRANSCRIBE: "writing down a recording",
}


class Workers:
    """`run` until cancelled; `wake` after asking for work."""

    def __init__(
        self, database: Database, store: Store, bus: Bus, clock: Clock, settings: RecordingSettings
    ) -> None:
        self._database = database
        self._bus = bus
        self._clock = clock
        self._settings = settings
        self._store = store
        self._work = Work(database, store, clock, settings)
        self._woken = asyncio.Condition()
        self.children: list[Child] = []

    async def wake(self) -> None:
        async with self._woken:
            self._woken.notify_all()

    async def run(self) -> None:
        async with self._database.write() as connection:
            begun = await jobs.try_again(connection, self._clock())
        if begun:
            log.info("work on recordings that was given up is tried again", jobs=begun)
        async with asyncio.TaskGroup() as group:
            for _ in range(self._settings.workers):
                group.create_task(self._worker())

    async def _worker(self) -> None:
        child = Child(self._settings.transcription.threads)
        self.children.append(child)
        idle_since = self._clock()
        try:
            while True:
                if await self.do_next(child):
                    idle_since = self._clock()
                    continue
                if self._clock() - idle_since > IDLE_END_S:
                    await child.end()
                await self._idle()
        finally:
            self.children.remove(child)
            await child.end()

    async def _idle(self) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(IDLE_S), self._woken:
                await self._woken.wait()

    async def do_next(self, child: Child) -> bool:
        """Do the next job that is due; False when there was none."""
        async with self._database.write() as connection:
            job = await jobs.take(connection, self._clock(), tuple(JobKind))
        if job is None:
            return False
        try:
            await self._do(job, child)
        except asyncio.CancelledError:
            await asyncio.shield(self._give_back(job))
            raise
        except (WorkError, StoreError) as error:
            await self._failed(job, error)
        return True

    async def _do(self, job: Job, child: Child) -> None:
        task = await self._work.look(job)
        await self._tell(task)
        with scratch.folder() as folder:
            async with self._leased(task) as progress, self._store.local(task.original_key) as original:
                await child.work(self._work.order(task, original, folder), progress.append)
                fact = await self._work.finish(task, folder)
        async with self._database.write() as connection:
            await take_turn(connection, ALARM, job.kind)
            if not await jobs.has_failed(connection, job.kind):
                await close_alarm(connection, ALARM, job.kind, self._clock())
        await self._bus.publish(fact)
        await self._tell(task)

    @asynccontextmanager
    async def _leased(self, task: Task) -> AsyncIterator[list[float]]:
        """Renew the job's lease for the length of the block. What is put into the list is its progress."""
        progress: list[float] = []
        keeper = asyncio.create_task(self._keep(task, progress))
        try:
            yield progress
        finally:
            keeper.cancel()
            await asyncio.gather(keeper, return_exceptions=True)

    async def _keep(self, task: Task, progress: list[float]) -> None:
        while True:
            await asyncio.sleep(REPORT_S)
            part = progress[-1] if progress else 0.0
            progress[:-1] = []
            try:
                async with self._database.write() as connection:
                    await jobs.report(connection, task.job, part, self._clock())
            # The lease lasts many of these; a database that is away for longer ends the job at its end.
            except Exception:
                log.warning("progress could not be stored", job=task.job.id, exc_info=True)
                continue
            await self._tell(task)

    async def _tell(self, task: Task) -> None:
        await self._bus.publish(RecordingChanged(task.job.recording_id, self._clock(), task.call_id))

    async def _give_back(self, job: Job) -> None:
        async with self._database.write() as connection:
            await jobs.give_back(connection, job, self._clock())

    async def _failed(self, job: Job, error: WorkError | StoreError) -> None:
        for_good = isinstance(error, WorkError) and error.for_good
        log.warning("work on a recording failed", recording=job.recording_id, kind=job.kind, error=str(error))
        now = self._clock()
        async with self._database.write() as connection:
            await jobs.failed(connection, job, str(error), now, for_good=for_good)
            if for_good or job.tries > len(jobs.LADDER_S):
                await take_turn(connection, ALARM, job.kind)
                await raise_alarm(connection, ALARM, job.kind, f"{WHAT[job.kind]} failed: {error}", now)
        await self._bus.publish(RecordingChanged(job.recording_id, now, None))
