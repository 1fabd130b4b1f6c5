"""Throws away what nobody needs any more: durable facts that every consumer has had, when old screen pops were shown,
sessions that are over, provisional customers whom nothing identifies. Now and then, in small batches, so that no
ringing call waits for it. Calls, notes and customers somebody named are never thrown away here."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence

import structlog
from prometheus_client import Counter
from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncConnection

from config.settings import DatabaseSettings
from core.bus import Bus
from core.clock import Clock
from core.db import Database
from core.fact_log import FORGET_BATCH, FactConsumer, forget
from core.ports import OpenPromises
from core.sessions import sweep_sessions
from crm_link.expiry import expire_some
from server.api.once import forget_answers
from server.tables import PopRow

log = structlog.get_logger(__name__)

EXPIRED = Counter(
    "ringback_provisional_customers_expired_total", "Unknown callers whom nothing ever identified"
)

EVERY_S = 3600.0
BETWEEN_S = 0.1
"""Between two batches others write."""

DAY_S = 86_400.0


class Housekeeping:
    """`consumers` are all who are fed from the fact log. Provisional customers go after `provisional_days` (0: never),
    unless one of the `promises` is to them."""

    def __init__(
        self,
        database: Database,
        bus: Bus,
        clock: Clock,
        settings: DatabaseSettings,
        consumers: Sequence[FactConsumer],
        *,
        provisional_days: int = 0,
        promises: OpenPromises | None = None,
    ) -> None:
        self._provisional_days = provisional_days
        self._promises = promises
        self._database = database
        self._bus = bus
        self._clock = clock
        self._settings = settings
        self._consumers = consumers

    async def run(self) -> None:
        """For ever."""
        while True:
            await self.sweep()
            await asyncio.sleep(EVERY_S)

    async def sweep(self) -> None:
        """Once, until nothing is left to throw away."""
        now = self._clock()
        facts_before = now - self._settings.keep_facts_days * DAY_S
        pops_before = now - self._settings.keep_pops_days * DAY_S
        facts = await self._batches(lambda one: forget(one, self._consumers, before=facts_before))
        pops = await self._batches(lambda one: forget_pops(one, before=pops_before))
        await self._batches(lambda one: forget_answers(one, now))
        async with self._database.write() as connection:
            await sweep_sessions(connection, now)
        strangers = await self._expire(now) if self._provisional_days else 0
        if facts or pops or strangers:
            log.info("old rows were thrown away", facts=facts, pops=pops, provisional_customers=strangers)

    async def _expire(self, now: float) -> int:
        """Provisional customers who were last heard of too long ago."""
        before, total, after_id = now - self._provisional_days * DAY_S, 0, 0
        while True:
            async with self._database.write() as connection:
                step = await expire_some(connection, self._promises, before=before, at=now, after_id=after_id)
            for fact in step.removed:
                await self._bus.publish(fact)
            EXPIRED.inc(len(step.removed))
            total += len(step.removed)
            if step.next_id is None:
                return total
            after_id = step.next_id
            await asyncio.sleep(BETWEEN_S)

    async def _batches(self, throw_away: Callable[[AsyncConnection], Awaitable[int]]) -> int:
        total = 0
        while True:
            async with self._database.write() as connection:
                gone = await throw_away(connection)
            if not gone:
                return total
            total += gone
            await asyncio.sleep(BETWEEN_S)


async def forget_pops(connection: AsyncConnection, *, before: float) -> int:
    """Throw away some pops that rang before `before`; returns how many. Pops are stored nearly in their order."""
    oldest = select(PopRow.id).order_by(PopRow.id).limit(FORGET_BATCH)
    gone = await connection.execute(delete(PopRow).where(PopRow.id.in_(oldest), PopRow.rang_at < before))
    return gone.rowcount
