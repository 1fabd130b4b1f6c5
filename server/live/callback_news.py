"""Tells this process of callbacks that were asked for, moved, closed or opened again, here or by another process: facts
that were committed to the log go in, the same facts are published. For programs that listen now; whoever owes work for
them reads the log itself."""

from __future__ import annotations

import asyncio
import json

from sqlalchemy import func, select

from core.bus import Bus
from core.db import Database
from core.fact_log import BATCH, FactLogRow
from core.facts import CallbackChanged, CallbackClosed, CallbackMoved, CallbackReopened, CallbackRequested
from core.tasks import woken

LOOK_EVERY_S = 5.0
"""For what other processes do; our own is told at once."""

KINDS = {kind.__name__: kind for kind in (CallbackRequested, CallbackMoved, CallbackClosed, CallbackReopened)}


class CallbackNews:
    """One per process. What was said before `run` is history."""

    def __init__(self, database: Database, bus: Bus) -> None:
        self._database = database
        self._bus = bus
        self._last = 0
        self._woken = asyncio.Event()

    def subscribe(self) -> None:
        self._bus.subscribe(CallbackChanged, self._changed, name="callbacks: news")

    async def _changed(self, _fact: CallbackChanged) -> None:
        self._woken.set()

    async def begin(self) -> None:
        """What is in the log by now is not told."""
        async with self._database.read() as connection:
            self._last = await connection.scalar(select(func.max(FactLogRow.id))) or 0

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            self._woken.clear()
            while await self._tell() == BATCH:
                pass
            await woken(self._woken, LOOK_EVERY_S)

    async def _tell(self) -> int:
        due = (
            select(FactLogRow.id, FactLogRow.kind, FactLogRow.body)
            .where(FactLogRow.kind.in_(KINDS), FactLogRow.id > self._last)
            .order_by(FactLogRow.id)
            .limit(BATCH)
        )
        async with self._database.read() as connection:
            rows = (await connection.execute(due)).all()
        for row in rows:
            await self._bus.publish(KINDS[row.kind](**json.loads(row.body)))
            self._last = row.id
        return len(rows)
