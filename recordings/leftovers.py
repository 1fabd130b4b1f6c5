"""Audio in the store without a row: announced before it is put there, claimed by the transaction that points to it, let
go by the one that no longer does, and removed for certain, however often we die in between. What a killed process left
half written goes too.

Which audio is to go, and why, is decided elsewhere (redaction, retention, erasure)."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

import structlog
from sqlalchemy import delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from core.clock import Clock
from core.db import Database
from core.tasks import woken
from recordings import scratch
from recordings.store import Store, StoreError
from recordings.tables import StoreLeftover

log = structlog.get_logger(__name__)

UNCLAIMED_S = 3600.0
"""Between the announcement and the claim a copy is put into the store: minutes, where the line is slow."""

RETRY_S = 300.0
IDLE_S = 60.0
TIDY_S = 3600.0
BATCH = 100


async def announce(connection: AsyncConnection, keys: Iterable[str], now: float) -> None:
    """These will be put into the store; unless claimed, they are removed in an hour."""
    await _due(connection, keys, now + UNCLAIMED_S)


async def claim(connection: AsyncConnection, keys: Iterable[str]) -> bool:
    """A row points to these now. False when one of them was removed already: then nothing may point to it."""
    wanted = list(keys)
    claimed = await connection.execute(
        delete(StoreLeftover).where(StoreLeftover.key.in_(wanted), StoreLeftover.is_going.is_(False))
    )
    return claimed.rowcount == len(wanted)


async def let_go(connection: AsyncConnection, keys: Iterable[str | None], now: float) -> None:
    """No row points to these any more: they are removed at the next opportunity. None is passed over."""
    await _due(connection, [key for key in keys if key is not None], now)


async def _due(connection: AsyncConnection, keys: Iterable[str], due_at: float) -> None:
    for key in keys:
        moved = await connection.execute(
            update(StoreLeftover).where(StoreLeftover.key == key).values(due_at=due_at)
        )
        if moved.rowcount == 0:
            await connection.execute(insert(StoreLeftover).values(key=key, due_at=due_at, is_going=False))


class Sweeper:
    """Removes what is due. `run` until cancelled; `wake` after letting go."""

    def __init__(self, database: Database, store: Store, clock: Clock) -> None:
        self._database = database
        self._store = store
        self._clock = clock
        self._woken = asyncio.Event()

    def wake(self) -> None:
        self._woken.set()

    async def run(self) -> None:
        tidied_at = -TIDY_S
        while True:
            self._woken.clear()
            await self.sweep()
            if self._clock() >= tidied_at + TIDY_S:
                tidied_at = self._clock()
                await self.tidy()
            await woken(self._woken, IDLE_S)

    async def sweep(self) -> int:
        """Remove all that is due; returns how many. What the store does not let go now is tried again later."""
        removed = 0
        while keys := await self._next():
            for key in keys:
                removed += await self._remove(key)
        return removed

    async def tidy(self) -> int:
        """Remove what was being written or worked on when a process was killed; returns how many files and folders.
        What the store does not let us do now is tried again in an hour."""
        left = await asyncio.to_thread(scratch.clear)
        try:
            left += await self._store.clear_unfinished()
        except StoreError as error:
            log.warning("unfinished audio could not be removed; trying again later", error=str(error))
        if left:
            log.info("audio that a killed process had left was removed", left=left)
        return left

    async def _next(self) -> list[str]:
        """Marked before the store is touched: from then on they cannot be claimed."""
        async with self._database.write() as connection:
            now = self._clock()
            due = select(StoreLeftover.key).where(StoreLeftover.due_at <= now)
            keys = list(await connection.scalars(due.order_by(StoreLeftover.due_at).limit(BATCH)))
            going = update(StoreLeftover).where(StoreLeftover.key.in_(keys))
            await connection.execute(going.values(is_going=True, due_at=now + RETRY_S))
        return keys

    async def _remove(self, key: str) -> bool:
        try:
            await self._store.remove(key)
        except StoreError as error:
            log.warning("audio could not be removed; trying again later", key=key, error=str(error))
            return False
        async with self._database.write() as connection:
            await connection.execute(delete(StoreLeftover).where(StoreLeftover.key == key))
        return True
