"""Sends what is owed: one courier per active endpoint, with connections and a bound of its own, so that a receiver
that hangs keeps nobody else waiting. A courier claims what is due, sends it, writes down what came of it, and sleeps
until something is due or it is woken. What is owed to whom, and when, is in the database (`book.py`): a restart loses
nothing."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass

import structlog
from sqlalchemy import select

from core.clock import Clock
from core.db import Database
from core.outside import Outside
from core.tasks import running, woken
from crm_link.webhooks.book import Book, Claimed
from crm_link.webhooks.kinds import EndpointState
from crm_link.webhooks.sender import send
from crm_link.webhooks.tables import WebhookEndpoint

log = structlog.get_logger(__name__)

AT_ONCE = 4
"""Requests to one endpoint at the same time, of different calls."""

OpenOutside = Callable[[], Outside]


@dataclass(frozen=True, slots=True)
class Times:
    """Seconds. `request`: for one attempt. `lease`: after so long a claim whose end was never written is void. `idle`:
    how often is looked for what another process did."""

    request: float = 10.0
    lease: float = 20.0
    idle: float = 5.0


class Courier:
    """Serves one endpoint; `run` until cancelled."""

    def __init__(
        self, endpoint_id: int, book: Book, open_outside: OpenOutside, clock: Clock, times: Times
    ) -> None:
        self._endpoint_id = endpoint_id
        self._book = book
        self._open_outside = open_outside
        self._clock = clock
        self._times = times
        self._woken = asyncio.Event()
        self._busy = 0

    @property
    def is_busy(self) -> bool:
        """Whether a request of it is under way."""
        return self._busy > 0

    def wake(self) -> None:
        self._woken.set()

    async def run(self) -> None:
        self._busy = 0
        async with self._open_outside() as outside, asyncio.TaskGroup() as group:
            while True:
                self._woken.clear()
                for claimed in await self._claim():
                    self._busy += 1
                    group.create_task(self._deliver(outside, claimed))
                await woken(self._woken, await self._pause_s())

    async def _claim(self) -> list[Claimed]:
        free = AT_ONCE - self._busy
        if free <= 0:
            return []
        return await self._book.claim(self._endpoint_id, free, self._clock(), self._times.lease)

    async def _pause_s(self) -> float:
        """A request that ends wakes us, so with all of them busy there is nothing to look for."""
        now = self._clock()
        due = await self._book.next_due(self._endpoint_id, now)
        return self._times.idle if due is None else min(self._times.idle, due - now)

    async def _deliver(self, outside: Outside, claimed: Claimed) -> None:
        try:
            attempt = await send(
                outside,
                claimed.url,
                claimed.secrets,
                claimed.message,
                self._clock,
                seconds=self._times.request,
            )
            settled = await self._book.settle(claimed, attempt, random.random(), self._clock())  # noqa: S311
        finally:
            self._busy -= 1
            self._woken.set()
        log.info(
            "webhook attempt",
            endpoint_id=claimed.endpoint_id,
            delivery_id=claimed.id,
            attempt=claimed.attempts,
            outcome=attempt.outcome,
            status=attempt.status,
            now=settled.state if settled else "taken by another server",
        )


class Dispatcher:
    """Keeps a courier for every active endpoint; `run` until cancelled. `wake` when endpoints or deliveries changed."""

    def __init__(
        self, database: Database, open_outside: OpenOutside, clock: Clock, times: Times | None = None
    ) -> None:
        self._database = database
        self._book = Book(database)
        self._open_outside = open_outside
        self._clock = clock
        self._times = times or Times()
        self._couriers: dict[int, tuple[Courier, AsyncExitStack]] = {}
        self._woken = asyncio.Event()

    def wake(self, endpoint_id: int) -> None:
        """Something is owed to this endpoint, or it changed."""
        if endpoint_id in self._couriers:
            self._couriers[endpoint_id][0].wake()
        self._woken.set()

    async def run(self) -> None:
        try:
            while True:
                self._woken.clear()
                await self._match(await self._active())
                await woken(self._woken, self._times.idle)
        finally:
            for endpoint_id in list(self._couriers):
                await self._dismiss(endpoint_id)

    async def _active(self) -> set[int]:
        query = select(WebhookEndpoint.id).where(WebhookEndpoint.state == EndpointState.ACTIVE)
        async with self._database.read() as connection:
            return set((await connection.execute(query)).scalars())

    async def _match(self, wanted: set[int]) -> None:
        """Couriers come and go with their endpoints; a busy one stays until it has its answers, and claims nothing."""
        for endpoint_id in self._couriers.keys() - wanted:
            if not self._couriers[endpoint_id][0].is_busy:
                await self._dismiss(endpoint_id)
        for endpoint_id in wanted - self._couriers.keys():
            courier = Courier(endpoint_id, self._book, self._open_outside, self._clock, self._times)
            stack = AsyncExitStack()
            await stack.enter_async_context(running(f"webhook {endpoint_id}", courier.run))
            self._couriers[endpoint_id] = courier, stack

    async def _dismiss(self, endpoint_id: int) -> None:
        _, stack = self._couriers.pop(endpoint_id)
        await stack.aclose()
