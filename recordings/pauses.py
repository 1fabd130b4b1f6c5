"""Stretches that are not recorded on purpose: a call and who wants it go in, the PBX is told to silence its recording,
and a row says so. A pause ends by word, by itself after a while, or with its call.

The row is written before the PBX is told, so that a pause we die in the middle of is ended by whoever starts next; a
PBX that refused leaves no row. A call that turns out to be part of another takes its pause along, and a call that is
known anew (after a restart of ours, or of the link) is said to be paused again. Who may pause which call is decided
elsewhere."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import structlog
from sqlalchemy import delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from config.recordings import RecordingSettings
from core.bus import Bus
from core.clock import Clock
from core.db import Database
from core.errors import ConflictError, NotFoundError, PbxError, PbxUncertainError
from core.facts import CallEnded, CallsJoined, CallStarted, RecordingPaused
from core.ports import RecordingSwitch
from recordings.access import Asker
from recordings.audit import note_joined, note_use
from recordings.kinds import Use
from recordings.matching import CALLS
from recordings.tables import RecordingPause

log = structlog.get_logger(__name__)

TICK_S = 1.0
TIMER = "timer"
END = "end"


@dataclass(frozen=True, slots=True)
class OpenPause:
    id: int
    call_id: str
    pbx: str
    until: float


class Pauses:
    def __init__(
        self,
        database: Database,
        bus: Bus,
        clock: Clock,
        switch: RecordingSwitch,
        settings: RecordingSettings,
    ) -> None:
        self._database = database
        self._bus = bus
        self._clock = clock
        self._switch = switch
        self._longest_s = float(settings.resume_after_seconds)
        self._lock = asyncio.Lock()
        self._may_be_open = True  # the run before ours may have left some
        self._made = 0

    async def pause(self, asker: Asker, call_id: str) -> float:
        """Silence the recording of a call that goes on; returns when it resumes by itself. Pausing again begins that
        time anew. Raises NotFoundError, ConflictError when the call is over, PbxError when the PBX refused (then
        nothing is paused) or did not answer (then it may be)."""
        async with self._lock:
            now = self._clock()
            pbx = await self._pbx_of(call_id)
            is_again = await self._open(call_id) is not None
            async with self._database.write() as connection:
                await self._close(connection, call_id, now, asker.name)
                pause_id = await _put(connection, call_id, now, asker.name)
            self._may_be_open = True
            self._made += 1
            try:
                await self._switch.mute(pbx, call_id, muted=True)
            except PbxUncertainError:
                raise
            except PbxError:
                if not is_again:
                    await self._forget(pause_id)
                raise
            async with self._database.write() as connection:
                await note_use(connection, asker, Use.PAUSED, at=now, call_id=call_id)
        until = now + self._longest_s
        await self._bus.publish(RecordingPaused(call_id, now, until))
        return until

    async def resume(self, asker: Asker, call_id: str) -> None:
        """Let the recording go on. Raises ConflictError when it is not paused, PbxError when the PBX did not do it:
        the pause then lasts until it is tried again, at the latest by itself."""
        async with self._lock:
            found = await self._open(call_id)
            if found is None:
                raise ConflictError("the recording of this call is not paused")
            await self._unmute(found, asker)

    def subscribe(self, bus: Bus) -> None:
        """After the desks: they must know the call that is said to be paused."""
        bus.subscribe(CallStarted, self.call_started, name="recordings: pauses")
        bus.subscribe(CallsJoined, self.calls_joined, name="recordings: pauses")
        bus.subscribe(CallEnded, self.call_ended, name="recordings: pauses")

    async def call_started(self, fact: CallStarted) -> None:
        """A call that is known anew may have been paused before."""
        if not self._may_be_open:
            return
        found = await self._open(fact.call_id)
        if found is not None:
            await self._bus.publish(RecordingPaused(fact.call_id, fact.at, found.until))

    async def calls_joined(self, fact: CallsJoined) -> None:
        """What was paused of the one call is paused of the other now: the PBX's channels are the same."""
        if not self._may_be_open:
            return
        async with self._database.write() as connection:
            moved = await connection.execute(
                update(RecordingPause)
                .where(RecordingPause.call_id == fact.absorbed_id)
                .values(call_id=fact.call_id)
            )
            await note_joined(connection, fact.absorbed_id, fact.call_id)
        found = await self._open(fact.call_id) if moved.rowcount else None
        if found is not None:
            await self._bus.publish(RecordingPaused(fact.call_id, fact.at, found.until))

    async def call_ended(self, fact: CallEnded) -> None:
        """What was paused is over with its call."""
        if not self._may_be_open:
            return
        async with self._database.write() as connection:
            await self._close(connection, fact.call_id, fact.at, END)

    async def run(self) -> None:
        """For ever: end pauses whose time is over."""
        while True:
            await self.resume_due()
            await asyncio.sleep(TICK_S)

    async def resume_due(self) -> int:
        """End what has lasted long enough; returns how many. What the PBX refuses is tried again at the next call."""
        if not self._may_be_open:
            return 0
        done, now, made = 0, self._clock(), self._made
        await self._close_ended()
        found_open = await self._all_open()
        # One that is made while we look must not be forgotten.
        self._may_be_open = bool(found_open) or made != self._made
        for found in (one for one in found_open if one.until <= now):
            async with self._lock:
                try:
                    await self._unmute(found, Asker(TIMER, None))
                    done += 1
                except PbxError as error:
                    log.warning("a recording could not be resumed", call_id=found.call_id, error=str(error))
        return done

    async def _unmute(self, found: OpenPause, asker: Asker) -> None:
        await self._switch.mute(found.pbx, found.call_id, muted=False)
        now = self._clock()
        async with self._database.write() as connection:
            await self._close(connection, found.call_id, now, asker.name)
            await note_use(connection, asker, Use.RESUMED, at=now, call_id=found.call_id)
        await self._bus.publish(RecordingPaused(found.call_id, now, None))

    async def _pbx_of(self, call_id: str) -> str:
        async with self._database.read() as connection:
            found = await connection.execute(
                select(CALLS.c.pbx, CALLS.c.ended_at).where(CALLS.c.id == call_id)
            )
            row = found.one_or_none()
        if row is None:
            raise NotFoundError("there is no such call")
        if row.ended_at is not None:
            raise ConflictError("this call is over: nothing of it is being recorded")
        return str(row.pbx)

    async def _open(self, call_id: str) -> OpenPause | None:
        return next((one for one in await self._all_open() if one.call_id == call_id), None)

    async def _close_ended(self) -> None:
        """Pauses of calls whose end was found while nobody here heard of it."""
        over = select(CALLS.c.ended_at).where(
            CALLS.c.id == RecordingPause.call_id, CALLS.c.ended_at.is_not(None)
        )
        async with self._database.read() as connection:
            found = await connection.execute(
                select(RecordingPause.call_id, over.scalar_subquery().label("ended_at")).where(
                    RecordingPause.until.is_(None), over.exists()
                )
            )
            ended = found.all()
        for row in ended:
            async with self._database.write() as connection:
                await self._close(connection, row.call_id, row.ended_at, END)

    async def _all_open(self) -> list[OpenPause]:
        """Of calls that go on."""
        async with self._database.read() as connection:
            rows = await connection.execute(
                select(RecordingPause.id, RecordingPause.call_id, CALLS.c.pbx, RecordingPause.since)
                .join(CALLS, CALLS.c.id == RecordingPause.call_id)
                .where(RecordingPause.until.is_(None), CALLS.c.ended_at.is_(None))
            )
            return [OpenPause(row.id, row.call_id, row.pbx, row.since + self._longest_s) for row in rows]

    async def _close(self, connection: AsyncConnection, call_id: str, at: float, by: str) -> None:
        await connection.execute(
            update(RecordingPause)
            .where(RecordingPause.call_id == call_id, RecordingPause.until.is_(None))
            .values(until=at, resumed_by=by)
        )

    async def _forget(self, pause_id: int) -> None:
        async with self._database.write() as connection:
            await connection.execute(delete(RecordingPause).where(RecordingPause.id == pause_id))


async def _put(connection: AsyncConnection, call_id: str, now: float, by: str) -> int:
    made = await connection.execute(
        insert(RecordingPause)
        .values(call_id=call_id, since=now, until=None, paused_by=by)
        .returning(RecordingPause.id)
    )
    return int(made.scalar_one())
