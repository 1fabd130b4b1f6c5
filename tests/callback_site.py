"""A desk site with callbacks: the real application parts over a real database, and at the room's edge a PBX that notes
orders (`core.ports.Dialer`). A test plays what the PBX would tell."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiohttp import web
from aiohttp.test_utils import TestServer

from callback.ask import Accepted, Ask, Visit
from callback.kinds import Source
from core.accounts import User
from core.bus import Bus
from core.clock import Clock, system_clock
from core.db import Database
from core.errors import PbxError
from core.facts import ATTEMPT_PREFIX, CallStarted, Direction, Fact, Parties
from core.ports import DialOrder
from core.sessions import start_session
from crm_link.screen_pop import ScreenPop
from pbx_bridge import call_log
from server.callbacks.parts import add_callbacks
from server.desk.callback_parts import REQUESTS, add_callback_desk
from server.desk.parts import add_desk
from server.web.application import bare_application
from server.web.guard import LOCAL_COOKIE
from tests.callback_seed import office_settings
from tests.live_story import CUSTOMER, PBX
from tests.seed import seed_people


@dataclass
class NotingDialer:
    """Notes orders and what is asked of their calls. `fault` is raised by the next question."""

    orders: list[DialOrder] = field(default_factory=list)
    asked: list[tuple[str, str]] = field(default_factory=list)
    away: str | None = None
    fault: PbxError | None = None
    announced_s: float = 5.0

    def sees(self, pbx: str) -> str | None:
        return self.away

    def is_live(self, pbx: str, attempt_id: str) -> bool:
        return True

    def announcement_s(self, pbx: str) -> float:
        return self.announced_s

    async def place(self, order: DialOrder) -> None:
        self.orders.append(order)

    async def connect_now(self, pbx: str, attempt_id: str) -> None:
        await self._ask("connect", attempt_id)

    async def hang_up(self, pbx: str, attempt_id: str) -> None:
        await self._ask("hang up", attempt_id)

    async def marker(self, pbx: str, attempt_id: str) -> str | None:
        return None

    async def _ask(self, what: str, attempt_id: str) -> None:
        if self.fault is not None:
            raise self.fault
        self.asked.append((what, attempt_id))


@dataclass(slots=True)
class CallbackSite:
    app: web.Application
    server: TestServer
    database: Database
    bus: Bus
    users: dict[str, User]
    dialer: NotingDialer

    def url(self, path: str) -> str:
        return str(self.server.make_url(path))

    async def tell(self, *facts: Fact) -> None:
        """What the bridge does with a batch of facts."""
        async with self.database.write() as connection:
            await call_log.record(connection, facts)
        for fact in facts:
            await self.bus.publish(fact)
        assert not self.bus.failures, self.bus.failures

    async def cookie(self, login: str) -> dict[str, str]:
        async with self.database.write() as connection:
            token = await start_session(
                connection, self.users[login].id, system_clock(), address="127.0.0.1", browser="test"
            )
        return {LOCAL_COOKIE: token}

    async def ask(self, number: str = CUSTOMER, **values: object) -> int:
        """A visitor's request that a program hands in; returns the callback."""
        visit = Visit(
            page_url="https://shop.example.com/ladders/aluminium-3x12",
            referrer="https://www.google.com/",
            utm={"utm_source": "newsletter", "utm_campaign": "autumn"},
        )
        given = {"name": "Ewa Lis", "message": "A quote for twelve ladders, please.", "visit": visit}
        answer = await self.app[REQUESTS].submit(
            Ask(Source.API, number, department="sales", **(given | values))  # type: ignore[arg-type]
        )
        assert isinstance(answer, Accepted), answer
        return answer.callback_id


def call_of(attempt_id: str) -> str:
    """The id of an attempt's call."""
    return f"{PBX}-{ATTEMPT_PREFIX}{attempt_id}"


def begun(attempt_id: str, extension: str = "101", number: str = CUSTOMER) -> CallStarted:
    parties = Parties(Direction.CALLBACK, extension, None, number.removeprefix("+"), number)
    return CallStarted(call_of(attempt_id), PBX, system_clock(), parties)


@asynccontextmanager
async def callback_site(database: Database, *, clock: Clock = system_clock) -> AsyncIterator[CallbackSite]:
    """Running, over `database`, whose schema exists; people of `seed.py` are added."""
    bus, dialer = Bus(), NotingDialer()
    settings = office_settings()
    app = bare_application(settings, database, clock=clock, bus=bus)
    users = await seed_people(database)
    add_desk(app, database, bus, clock)
    add_callback_desk(app, database, bus, clock, dialer)
    add_callbacks(app, settings, database, bus, clock, dialer)
    ScreenPop(database, bus).subscribe(bus)
    server = TestServer(app, host="127.0.0.1")
    await server.start_server()
    try:
        yield CallbackSite(app, server, database, bus, users, dialer)
    finally:
        await server.close()
