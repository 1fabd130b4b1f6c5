"""Read this first: the only file that knows all rooms. Settings go in, the whole web application comes out, with
one bridge per PBX, the customers' room and the live hub on one bus. The order of subscription is the order in
which a fact is handled: the caller is matched before anyone's screen is told."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager

from aiohttp import web

from config.settings import Pbx, Settings
from core.bus import Bus
from core.clock import Clock, system_clock
from core.db import Database
from core.tasks import running
from crm_link.screen_pop import ScreenPop
from pbx_bridge import ami_events
from pbx_bridge.agents import WANTED as AGENT_EVENTS
from pbx_bridge.ami_link import AmiLink, AmiTarget, LinkOptions
from pbx_bridge.ami_session import Credentials
from pbx_bridge.bridge import Bridge
from pbx_bridge.calls import CallBook
from server.keys import BRIDGES
from server.live import LiveHub
from server.schema import prepare
from server.web import bare_application

WANTED_EVENTS = ami_events.WANTED | AGENT_EVENTS
"""All other events are skipped after a look at their name."""


def build(settings: Settings, *, clock: Clock = system_clock, demo: bool = False) -> web.Application:
    """The application; its database, rooms and bridges open and close with it.

    Raises SettingsError, and DatabaseError for an unusable `database.url`.
    """
    database = Database(settings.database.url)
    bus = Bus()
    app = bare_application(settings, database, clock=clock, bus=bus, demo=demo)
    app[BRIDGES] = {}
    app.cleanup_ctx.append(_part(lambda: _database(database)))
    app.cleanup_ctx.append(_part(lambda: _rooms(app, database, bus, clock)))
    app.cleanup_ctx.append(_part(lambda: _bridges(app, settings, database, bus, clock)))
    return app


def _part(
    open_part: Callable[[], AsyncIterator[None]],
) -> Callable[[web.Application], AsyncIterator[None]]:
    async def context(_app: web.Application) -> AsyncIterator[None]:
        async with asynccontextmanager(open_part)():
            yield

    return context


async def _database(database: Database) -> AsyncIterator[None]:
    await prepare(database)
    yield
    await database.close()


async def _rooms(app: web.Application, database: Database, bus: Bus, clock: Clock) -> AsyncIterator[None]:
    ScreenPop(database, bus).subscribe()
    async with LiveHub.on(app, database, bus, clock):
        yield


async def _bridges(
    app: web.Application, settings: Settings, database: Database, bus: Bus, clock: Clock
) -> AsyncIterator[None]:
    async with AsyncExitStack() as stack:
        for name, pbx in settings.pbx.items():

            async def run(name: str = name, pbx: Pbx = pbx) -> None:
                # Started anew with empty books each time: the journal knows what was open.
                bridge = _bridge(name, pbx, settings, database, bus, clock)
                app[BRIDGES][name] = bridge
                await bridge.run()

            await stack.enter_async_context(running(f"bridge {name}", run))
        yield


def _bridge(
    name: str, pbx: Pbx, settings: Settings, database: Database, bus: Bus, clock: Clock
) -> Bridge:
    credentials = Credentials(pbx.events.user, pbx.events.secret.get_secret_value())
    target = AmiTarget(name, pbx.host, pbx.port, credentials, tls=pbx.tls, tls_ca=pbx.tls_ca)
    link = AmiLink(target, clock=clock, options=LinkOptions(wanted=WANTED_EVENTS))
    book = CallBook(pbx=name, trunks=pbx.trunks, region=settings.site.region)
    return Bridge(link, book, pbx=name, database=database, bus=bus, clock=clock)
