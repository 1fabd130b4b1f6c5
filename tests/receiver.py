"""A scripted receiver of webhooks on a real socket, and the part of the server that sends them, with a clock that a
test may push ahead. A receiver notes what it got and answers what its script says."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestServer
from sqlalchemy import select

from config.outside import OutsideSettings
from config.settings import Settings
from core.bus import Bus
from core.db import Database
from core.fact_log import append
from core.facts import CallEnded, Fact, TranscriptReady
from crm_link.webhooks import endpoints
from crm_link.webhooks.dispatcher import Times
from crm_link.webhooks.endpoints import Wanted
from crm_link.webhooks.kinds import EVENTS
from crm_link.webhooks.tables import WebhookAttempt, WebhookDelivery
from pbx_bridge import call_log
from server.web.application import bare_application
from server.web.keys import CONSUMERS
from server.webhooks.parts import add_webhooks, changed
from tests.integration.api_server import answered_call
from tests.site import eventually

HOME = OutsideSettings(allow_networks=("127.0.0.1",))
QUICK = Times(request=5.0, lease=10.0, idle=0.05)
ALL = tuple(EVENTS.values())


@dataclass(frozen=True, slots=True)
class Got:
    """One request. `number` counts those to this receiver, from 1."""

    path: str
    number: int
    headers: dict[str, str]
    text: str
    body: dict[str, Any]

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]

    @property
    def call(self) -> str:
        return str(self.body["data"]["call_id"])

    @property
    def event(self) -> str:
        return str(self.body["type"])


Script = Callable[[web.Request, Got], Awaitable[web.StreamResponse | None]]


@dataclass(slots=True)
class Receiver:
    """`got` is everything that came, in order, `now` and `most` how many requests it has in hand and had at most."""

    server: TestServer
    script: Script
    got: list[Got] = field(default_factory=list)
    now: int = 0
    most: int = 0

    @property
    def url(self) -> str:
        return str(self.server.make_url("/hook"))

    def has(self, count: int) -> Callable[[], Awaitable[bool]]:
        async def enough() -> bool:
            return len(self.got) >= count

        return enough


async def agree(_request: web.Request, _got: Got) -> None:
    return None


@asynccontextmanager
async def receiver(script: Script = agree) -> AsyncIterator[Receiver]:
    """Answers 204 where its script answers nothing."""

    async def handle(request: web.Request) -> web.StreamResponse:
        text = await request.text()
        headers = {name.lower(): value for name, value in request.headers.items()}
        got = Got(request.path, len(one.got) + 1, headers, text, await request.json())
        one.got.append(got)
        one.now += 1
        one.most = max(one.most, one.now)
        try:
            return await one.script(request, got) or web.Response(status=204)
        finally:
            one.now -= 1

    app = web.Application()
    app.router.add_route("*", "/{rest:.*}", handle)
    one = Receiver(TestServer(app, host="127.0.0.1"), script)
    await one.server.start_server(shutdown_timeout=0.1)
    try:
        yield one
    finally:
        await one.server.close()


class Sending:
    """The pages, the API and the part that sends, on a port. `ahead` pushes its clock."""

    def __init__(self, database: Database, settings: OutsideSettings, times: Times) -> None:
        self.database = database
        self.ahead = 0.0
        self.bus = Bus()
        whole = Settings(outside=settings)
        self.app = bare_application(whole, database, clock=self.clock, bus=self.bus)
        add_webhooks(self.app, whole, database, self.bus, self.clock, times)
        self.server = TestServer(self.app, host="127.0.0.1")

    def clock(self) -> float:
        return time.time() + self.ahead

    async def add(self, url: str, *events: str, name: str = "CRM") -> tuple[int, str]:
        """An endpoint's id and secret."""
        async with self.database.write() as connection:
            made, secret = await endpoints.create(connection, Wanted(name, url, events or ALL), self.clock())
        changed(self.app, made.id)
        return made.id, secret

    async def end_call(self, *call_ids: str) -> None:
        for call_id in call_ids:
            await self.tell(*(fact for fact in answered_call(call_id) if isinstance(fact, CallEnded)))

    async def tell(self, *facts: Fact) -> None:
        async with self.database.write() as connection:
            for fact in facts:
                if isinstance(fact, TranscriptReady):
                    await append(connection, fact, subject=fact.call_id or "", at=fact.at)
                else:
                    await call_log.record(connection, [fact])
        for fact in facts:
            await self.bus.publish(fact)

    async def transcribe(self, call_id: str, version: int = 1) -> None:
        await self.tell(TranscriptReady(f"r-{call_id}", 1_795_300_000.0, call_id, version))

    async def states(self) -> list[str]:
        """How all deliveries stand, in their order."""
        async with self.database.read() as connection:
            return list(
                (
                    await connection.execute(select(WebhookDelivery.state).order_by(WebhookDelivery.id))
                ).scalars()
            )

    async def attempts(self) -> list[Any]:
        async with self.database.read() as connection:
            return list((await connection.execute(select(WebhookAttempt).order_by(WebhookAttempt.id))).all())

    async def stand(self, *wanted: str) -> None:
        """Wait until the deliveries stand so."""
        await eventually(self.states, lambda states: tuple(states) == wanted)

    async def noted(self) -> None:
        """Wait until every fact has become what is owed for it."""

        async def backlog() -> bool:
            async with self.database.read() as connection:
                return not await self.app[CONSUMERS][-1].backlog(connection)

        await eventually(backlog)


@asynccontextmanager
async def sending(
    database: Database, settings: OutsideSettings = HOME, times: Times = QUICK
) -> AsyncIterator[Sending]:
    one = Sending(database, settings, times)
    await one.server.start_server()
    try:
        yield one
    finally:
        await one.server.close()
