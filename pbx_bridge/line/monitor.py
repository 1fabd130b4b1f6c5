"""A telephone line of a PBX without AMI, watched by registering as one of its extensions. In: what the monitor's own
process says (`sip_line.py`, `wire.py`). Out: the same rows and facts as `bridge.py` gives for a whole PBX.

The process is started, fed and watched here; when it dies, what rang is ended, the time is a blind window, and `run`
raises: whoever supervises it starts it anew. What the words mean is decided in `book.py`."""

from __future__ import annotations

import asyncio
import importlib.util
from collections.abc import Iterable

import structlog
from sqlalchemy import select
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

from config.settings import Line
from core.alarms import close_alarm, raise_alarm
from core.bus import Bus
from core.clock import Clock
from core.db import Database
from core.errors import SettingsError
from core.facts import BlindWindowClosed, CallEnded, Direction, Fact, Parties, PbxConnected, PbxLost
from pbx_bridge import blindness, call_log
from pbx_bridge.lease import RENEW_S, Lease, LeaseLostError
from pbx_bridge.line.book import LineBook, LineCall, unseen_end
from pbx_bridge.line.process import LineError, LineProcess, started
from pbx_bridge.line.wire import (
    Login,
    Refused,
    Registered,
    Rings,
    Stopped,
    Strangers,
    Told,
    Unreachable,
)
from pbx_bridge.tables import Call
from pbx_bridge.writer import Writer

log = structlog.get_logger(__name__)

TICK_S = 0.5

DEAD_SERVER = "Ringback was not running"
REFUSED_ALARM = "line-refused"
LOST_ALARM = "line-lost"


def check_installed() -> None:
    """Raises SettingsError when pyVoIP, which the monitor's process needs, is not there. Does not load it."""
    if importlib.util.find_spec("pyVoIP") is None:
        raise SettingsError(
            "`line`: watching a line needs pyVoIP, which is not installed: pip install 'ringback[sip]' "
            "(GPL-3, see docs/licences.md), or remove the section"
        )


class LineMonitor:
    """Watches one line for as long as `run` runs. `name` is its name in the settings."""

    def __init__(
        self, name: str, line: Line, *, region: str, database: Database, bus: Bus, clock: Clock
    ) -> None:
        self.name = name
        self.process: LineProcess | None = None
        self.last_error: str | None = "not registered yet"
        self._line = line
        self._extension = line.extension or line.user
        self._book = LineBook(name, self._extension, region)
        self._database = database
        self._bus = bus
        self._clock = clock
        self._lease = Lease(database, name)
        self._writer = Writer(database, self._lease)
        self._turn = asyncio.Lock()
        self._is_registered = False

    @property
    def is_seeing(self) -> bool:
        """The PBX accepts us: calls of this line are seen."""
        return self._is_registered

    async def run(self) -> None:
        """Take the lease, end what a dead server left, then listen until cancelled. Raises LineError."""
        await self._take_lease()
        try:
            await self._end_leftovers()
            await self._listen()
        except LineError as error:
            await self._went_blind(str(error), LOST_ALARM)
            raise
        except LeaseLostError as error:
            await self._let_go(str(error))
            raise
        finally:
            self._is_registered = False
            await self._lease.release()

    async def _listen(self) -> None:
        line = self._line
        login = Login(line.host, line.port, line.user, line.secret.get_secret_value(), line.address)
        try:
            async with started(login) as self.process, asyncio.TaskGroup() as tasks:
                tasks.create_task(self._keep_time(), name=f"{self.name}: time")
                tasks.create_task(self.process.pass_on_complaints(self.name), name=f"{self.name}: complaints")
                async for told in self.process.words():
                    async with self._turn:
                        await self._hear(told)
        except ExceptionGroup as group:
            # Whoever supervises us wants the cause, not the bundle.
            raise group.exceptions[0] from group

    async def _hear(self, told: Told) -> None:
        match told:
            case Registered():
                await self._registered()
            case Refused(reason=reason):
                await self._went_blind(reason, REFUSED_ALARM)
            case Unreachable(reason=reason):
                await self._went_blind(reason, LOST_ALARM)
            case Rings():
                await self._commit(self._book.rings(told))
            case Stopped():
                await self._commit(self._book.stopped(told))
            case Strangers(_, address, count):
                log.warning("calls from strangers refused", line=self.name, address=address, count=count)

    async def _let_go(self, reason: str) -> None:
        """Another server sees the line now and writes how its calls end: only our screens are told to stop ringing."""
        now = self._clock()
        for fact in self._book.lost(now, reason):
            if not isinstance(fact, CallEnded):
                await self._bus.publish(fact)
        await self._bus.publish(PbxLost(self.name, now, reason))

    # ---- seeing and not seeing

    async def _registered(self) -> None:
        self.last_error = None
        if self._is_registered:
            return
        now = self._clock()
        closed: list[BlindWindowClosed] = []

        async def write(connection: AsyncConnection) -> None:
            closed.clear()
            for alarm in (LOST_ALARM, REFUSED_ALARM):
                await close_alarm(connection, alarm, self.name, now)
            if (window := await blindness.open_since(connection, self.name)) is not None:
                fact = BlindWindowClosed(self.name, window[0], now, window[1], 0, 0, 0)
                await blindness.close_window(connection, fact)
                closed.append(fact)

        await self._writer.write(write)
        self._is_registered = True
        for fact in (*closed, PbxConnected(self.name, now)):
            await self._bus.publish(fact)

    async def _went_blind(self, reason: str, alarm: str) -> None:
        """Nothing that rang is believed any more. Said once per reason, however often it is tried again."""
        now = self._clock()
        self._is_registered = False
        await self._commit(self._book.lost(now, reason))
        if reason == self.last_error:
            return
        self.last_error = reason
        log.warning("blind", line=self.name, reason=reason)

        async def write(connection: AsyncConnection) -> None:
            await blindness.open_window(connection, self.name, now, reason)
            await raise_alarm(connection, alarm, self.name, reason, now)

        await self._writer.write(write)
        await self._bus.publish(PbxLost(self.name, now, reason))

    # ---- writing

    async def _commit(self, facts: Iterable[Fact]) -> None:
        said = list(facts)
        if not said:
            return

        try:
            await self._writer.write(lambda connection: call_log.record(connection, said))
        except DBAPIError:
            log.exception("facts not stored", line=self.name, facts=[type(fact).__name__ for fact in said])
        for fact in said:
            await self._bus.publish(fact)

    # ---- time, lease, leftovers

    async def _take_lease(self) -> None:
        while not await self._lease.take(self._clock()):
            log.warning("another server watches this line; waiting", line=self.name)
            await asyncio.sleep(RENEW_S)

    async def _keep_time(self) -> None:
        renewed = 0.0
        while True:
            await asyncio.sleep(TICK_S)
            now = self._clock()
            async with self._turn:
                await self._commit(self._book.tick(now))
            if now - renewed >= RENEW_S:
                renewed = now
                if not await self._lease.renew(now, now if self.is_seeing else None):
                    raise LeaseLostError(self.name)

    async def _end_leftovers(self) -> None:
        """Calls that rang when our server died: nobody saw how they ended. The time since then is a blind window."""
        now, seen_at = self._clock(), await self._lease.seen_at()
        async with self._database.read() as connection:
            rows = (await connection.execute(LEFT_OPEN.where(Call.pbx == self.name))).all()
        facts = []
        for row in rows:
            parties = Parties(
                Direction(row.direction), row.caller, row.caller_name, row.callee, row.customer_number
            )
            call = LineCall(row.id, parties, row.started_at)
            # What the server saw last is the last moment that is certain.
            at = max(row.started_at, min(now, seen_at or now))
            record = unseen_end(call, self.name, self._extension, at, DEAD_SERVER)
            facts.append(CallEnded(row.id, at, record))
        await self._commit(facts)
        if seen_at is not None:
            since = seen_at
            await self._writer.write(
                lambda connection: blindness.open_window(connection, self.name, since, DEAD_SERVER)
            )


LEFT_OPEN = select(
    Call.id,
    Call.direction,
    Call.caller,
    Call.caller_name,
    Call.callee,
    Call.customer_number,
    Call.started_at,
).where(Call.ended_at.is_(None))
