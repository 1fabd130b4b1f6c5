"""What agents say of themselves: available, paused with a reason, or wrapping up. A change is agreed with the PBX's
queues first (`core/ports.py`), stored, then told. After a call an available agent wraps up until the last note is
saved or the time for it is over. When the server stops, nobody stays paused for a wrap-up that nothing would end; when
a PBX is seen (again), it is told what it may have missed. How that is said is the part of `agent_pauses.py`."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Coroutine
from enum import StrEnum

import structlog
from sqlalchemy import insert, select, update

from core.bus import Bus
from core.clock import Clock
from core.db import Database
from core.errors import PbxError
from core.facts import AgentStateChanged, PbxConnected
from server.live.agent_pauses import WRAP_UP_REASON, AgentPauses
from server.tables import AgentStateRow

log = structlog.get_logger(__name__)

LOOK_S = 2.0
"""How often wrap-ups are looked at whose time may be over."""

RESTORE_TRIES = 15
"""A PBX that is seen again may take a while to let its dial user in: so often is it told, `LOOK_S` apart."""

PAUSED_REASON = "Paused"

STOP_S = 3.0
"""A PBX that does not answer may delay the end of the server by this much."""


class AgentState(StrEnum):
    AVAILABLE = "available"
    PAUSED = "paused"
    WRAP_UP = "wrap_up"


class AgentStates:
    """One per process. `wrap_up_s` 0 means that nobody is paused after a call."""

    def __init__(
        self, database: Database, bus: Bus, clock: Clock, *, pauses: AgentPauses, wrap_up_s: float
    ) -> None:
        self._database = database
        self._bus = bus
        self._clock = clock
        self._pauses = pauses
        self._wrap_up_s = wrap_up_s
        self._states: dict[int, AgentStateChanged] = {}
        self._turns: dict[int, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._tasks: set[asyncio.Task[None]] = set()
        self._unsure: dict[int, int] = {}
        self._is_stopping = False

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
            await self._set(user_id, state, reason)

    def wrap_up_changed(self, user_id: int, is_open: bool) -> None:
        """A person's first wrap-up opened, or the last one closed."""
        if self._wrap_up_s > 0 and not self._is_stopping:
            self._spawn(self._follow_wrap_up(user_id, is_open))

    async def hear_connected(self, _fact: PbxConnected) -> None:
        """A PBX is seen (again): it may have been restarted, or we were, and a pause be lost or left over.

        Another server may have read this PBX until now, so what is stored counts, not what we remember."""
        async with self._database.read() as connection:
            stored = (await connection.execute(select(AgentStateRow.user_id))).scalars()
            self._unsure = dict.fromkeys(stored, RESTORE_TRIES)

    async def keep_true(self) -> None:
        """End wrap-ups whose time is over, and tell a PBX that was away what it missed, for ever."""
        while True:
            await asyncio.sleep(LOOK_S)
            await self._end_overdue()
            for user_id in tuple(self._unsure):
                await self._restore(user_id)

    async def stop(self) -> None:
        """While the PBX can still be told: end the pauses of wrap-ups. The states are kept for the next start."""
        self._is_stopping = True
        self._unsure.clear()
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        wrapping_up = [one.user_id for one in self._states.values() if one.state == AgentState.WRAP_UP]
        try:
            async with asyncio.timeout(STOP_S):
                for user_id in wrapping_up:
                    await self._pauses.end_wrap_up(user_id)
        except (PbxError, TimeoutError) as error:
            log.warning("people in wrap-up stay paused in the PBX's queues", cause=str(error) or "no answer")

    async def _end_overdue(self) -> None:
        limit = self._clock() - self._wrap_up_s
        for known in tuple(self._states.values()):
            if known.state == AgentState.WRAP_UP and known.at <= limit:
                await self._follow_wrap_up(known.user_id, is_open=False)

    async def _restore(self, user_id: int) -> None:
        async with self._turns[user_id]:
            tries = self._unsure.pop(user_id, 0)
            known = await self._stored(user_id)
            if known is None:
                return
            if known != self._states.get(user_id):
                await self._told(known)
            try:
                await self._pauses.restore(user_id, _words(AgentState(known.state), known.reason))
            except PbxError as error:
                if tries > 1:
                    self._unsure[user_id] = tries - 1
                else:
                    log.warning("the PBX did not take an agent's state", user_id=user_id, cause=str(error))

    async def _set(self, user_id: int, state: AgentState, reason: str | None) -> None:
        words = _words(state, reason)
        if words is None:
            await self._pauses.unpause(user_id)
        else:
            await self._pauses.pause(user_id, words)
        self._unsure.pop(user_id, None)
        await self._store(AgentStateChanged(user_id, self._clock(), state.value, reason))

    async def _follow_wrap_up(self, user_id: int, is_open: bool) -> None:
        """Paused people stay paused: only available becomes wrapping up, and only that becomes available. What they are
        is looked at in their turn: a note may be saved while the PBX is still being told of the pause for it."""
        before = AgentState.AVAILABLE if is_open else AgentState.WRAP_UP
        after = AgentState.WRAP_UP if is_open else AgentState.AVAILABLE
        async with self._turns[user_id]:
            if self.of(user_id) is not before:
                return
            try:
                await self._set(user_id, after, None)
            except PbxError as error:
                log.warning(
                    "the PBX did not take an agent's state", user_id=user_id, state=after, cause=str(error)
                )

    async def _stored(self, user_id: int) -> AgentStateChanged | None:
        async with self._database.read() as connection:
            row = (await connection.execute(select(AgentStateRow).filter_by(user_id=user_id))).first()
        return None if row is None else AgentStateChanged(row.user_id, row.since, row.state, row.reason)

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


def _words(state: AgentState, reason: str | None) -> str | None:
    """Why the PBX shall pause somebody; None when it shall not."""
    if state is AgentState.AVAILABLE:
        return None
    return WRAP_UP_REASON if state is AgentState.WRAP_UP else reason or PAUSED_REASON
