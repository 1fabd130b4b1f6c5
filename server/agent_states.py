"""What agents say of themselves: available, paused with a reason, or wrapping up. A change is agreed with the PBX's
queues first (`core/ports.py`), stored, then told. After a call an available agent wraps up until the last note is
saved or the time for it is over. Whether the PBX itself paused somebody is its own fact (`QueueMemberChanged`)."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Coroutine
from enum import StrEnum

import structlog
from sqlalchemy import insert, select, update

from core.accounts import find_user
from core.bus import Bus
from core.clock import Clock
from core.db import Database
from core.errors import PbxError
from core.facts import AgentStateChanged
from core.ports import QueuePauser
from server.tables import AgentStateRow

log = structlog.get_logger(__name__)

LOOK_S = 2.0
"""How often wrap-ups are looked at whose time may be over."""

WRAP_UP_REASON = "Wrap-up"


class AgentState(StrEnum):
    AVAILABLE = "available"
    PAUSED = "paused"
    WRAP_UP = "wrap_up"


class AgentStates:
    """One per process. `wrap_up_s` 0 means that nobody is paused after a call."""

    def __init__(
        self, database: Database, bus: Bus, clock: Clock, *, pauser: QueuePauser | None, wrap_up_s: float
    ) -> None:
        self._database = database
        self._bus = bus
        self._clock = clock
        self._pauser = pauser
        self._wrap_up_s = wrap_up_s
        self._states: dict[int, AgentStateChanged] = {}
        self._turns: dict[int, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._tasks: set[asyncio.Task[None]] = set()

    async def load(self) -> None:
        """After a start: what everybody said last."""
        async with self._database.read() as connection:
            rows = (await connection.execute(select(AgentStateRow))).all()
        for row in rows:
            await self._told(AgentStateChanged(row.user_id, row.since, row.state, row.reason))

    def of(self, user_id: int) -> AgentState:
        known = self._states.get(user_id)
        return AgentState(known.state) if known else AgentState.AVAILABLE

    async def set(self, user_id: int, state: AgentState, reason: str | None) -> None:
        """Agree with the PBX, store, tell. Raises PbxError when the PBX refused: then nothing has changed."""
        async with self._turns[user_id]:
            await self._pause(user_id, state, reason)
            await self._store(AgentStateChanged(user_id, self._clock(), state.value, reason))

    def wrap_up_changed(self, user_id: int, is_open: bool) -> None:
        """A person's first wrap-up opened, or the last one closed."""
        if self._wrap_up_s > 0:
            self._spawn(self._follow_wrap_up(user_id, is_open))

    async def end_overdue(self) -> None:
        """Make people available whose time for wrapping up is over, for ever."""
        while True:
            await asyncio.sleep(LOOK_S)
            limit = self._clock() - self._wrap_up_s
            for known in tuple(self._states.values()):
                if known.state == AgentState.WRAP_UP and known.at <= limit:
                    await self._follow_wrap_up(known.user_id, is_open=False)

    async def stop(self) -> None:
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _follow_wrap_up(self, user_id: int, is_open: bool) -> None:
        """Paused people stay paused: only available becomes wrapping up, and only that becomes available."""
        before = AgentState.AVAILABLE if is_open else AgentState.WRAP_UP
        after = AgentState.WRAP_UP if is_open else AgentState.AVAILABLE
        if self.of(user_id) is not before:
            return
        try:
            await self.set(user_id, after, None)
        except PbxError as error:
            log.warning(
                "the PBX did not take an agent's state", user_id=user_id, state=after, cause=str(error)
            )

    async def _pause(self, user_id: int, state: AgentState, reason: str | None) -> None:
        if self._pauser is None:
            return
        async with self._database.read() as connection:
            user = await find_user(connection, user_id)
        if user is None or not user.devices:
            return
        paused = state is not AgentState.AVAILABLE
        why = reason or (WRAP_UP_REASON if state is AgentState.WRAP_UP else None)
        await self._pauser.pause(user.devices, paused, why if paused else None)

    async def _store(self, fact: AgentStateChanged) -> None:
        values = {"state": fact.state, "reason": fact.reason, "since": fact.at}
        async with self._database.write() as connection:
            changed = await connection.execute(
                update(AgentStateRow).where(AgentStateRow.user_id == fact.user_id).values(values)
            )
            if changed.rowcount == 0:
                await connection.execute(insert(AgentStateRow).values(user_id=fact.user_id, **values))
        await self._told(fact)

    async def _told(self, fact: AgentStateChanged) -> None:
        self._states[fact.user_id] = fact
        await self._bus.publish(fact)

    def _spawn(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(work, name="agent state after a call")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
