"""Read this first: the only file that knows all rooms. Settings go in, the whole web application comes out, with
one bridge per PBX (or monitor per line), the customers' room and the desks on one bus. The order of subscription is
the order in which a fact is handled: the desks hear of a call first, then its caller is matched, and the match reaches
them as a fact of its own, so that no screen waits for the database. Stopping goes the other way round: first the desks
let go of the PBX's queues (`desk/parts.py`, on shutdown, while every link is up), then the parts close in reverse."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from functools import partial

from aiohttp import web

from callback.owed import PromiseBook
from config.settings import Line, Pbx, Settings
from core.bus import Aside, Bus
from core.clock import Clock, system_clock
from core.db import Database
from core.fact_log import FactConsumer
from core.facts import CallEnded
from core.tasks import running
from crm_link.screen_pop import ScreenPop
from pbx_bridge.agents import WANTED as AGENT_EVENTS
from pbx_bridge.ami import parsing
from pbx_bridge.ami.link import AmiLink, LinkOptions
from pbx_bridge.ami.target import LinkRole, target_of
from pbx_bridge.bridge import Bridge
from pbx_bridge.calls import CallBook
from pbx_bridge.dial import WANTED as DIAL_EVENTS
from pbx_bridge.dial import DialLine, PbxHands, QueuePauses
from pbx_bridge.dialer import AmiDialer
from pbx_bridge.line.monitor import LineMonitor, check_installed
from pbx_bridge.recording_switch import AmiRecordingSwitch
from pbx_bridge.removed import end_removed
from server.callbacks.parts import add_callbacks
from server.connectors.caller_ids import AskedCallerIds
from server.connectors.parts import add_connectors
from server.customers.blocked_parts import add_blocked_calls
from server.customers.duplicates_parts import add_duplicates
from server.desk.callback_parts import add_callback_desk
from server.desk.parts import add_desk
from server.housekeeping import Housekeeping
from server.imports.parts import add_customer_imports
from server.recordings.parts import add_recordings, copies_of
from server.schema import prepare
from server.search.feed import add_search
from server.web.application import bare_application
from server.web.keys import BRIDGES, CONSUMERS, LINES, MERGES, PAUSER, SWITCH, ZONE
from server.webhooks.parts import add_webhooks

WANTED_EVENTS = parsing.WANTED | AGENT_EVENTS
"""All other events are skipped after a look at their name."""

Part = Callable[[web.Application], AsyncIterator[None]]
"""Opens with the application and closes with it, in the reverse order."""


def build(settings: Settings, *, clock: Clock = system_clock, demo: bool = False) -> web.Application:
    """The application; its database, rooms and bridges open and close with it.

    Raises SettingsError, and DatabaseError for an unusable `database.url`.
    """
    database = Database(settings.database.url)
    bus = Bus()
    hands: dict[str, PbxHands] = {}
    app = bare_application(settings, database, clock=clock, bus=bus, demo=demo)
    app[BRIDGES], app[LINES] = {}, {}
    app[PAUSER] = QueuePauses(hands)
    app[SWITCH] = AmiRecordingSwitch(hands)
    app.cleanup_ctx.append(_database(database))
    app.cleanup_ctx.append(_customers(database, bus))
    add_customer_imports(app)
    add_duplicates(app, database, clock, app[ZONE])
    add_desk(app, database, bus, clock)
    add_blocked_calls(app, database, bus)
    dialer = AmiDialer(hands, clock, caller_ids=AskedCallerIds(app))
    add_callback_desk(app, database, bus, clock, dialer)
    if settings.department:
        add_callbacks(app, settings, database, bus, clock, dialer)
    add_recordings(app, settings, database, bus, clock)
    add_connectors(app, settings, copies_of(app), database, bus, clock)
    add_search(app, database, bus)
    add_webhooks(app, settings, database, bus, clock)
    app.cleanup_ctx.append(_bridges(settings, database, bus, clock, hands))
    if settings.line:
        check_installed()
        app.cleanup_ctx.append(_lines(settings, database, bus, clock))
    # Last, when every consumer is known: what one of them still waits for is kept.
    app.cleanup_ctx.append(_housekeeping(settings, database, bus, clock))
    return app


def _database(database: Database) -> Part:
    async def part(_app: web.Application) -> AsyncIterator[None]:
        await prepare(database)
        yield
        await database.close()

    return part


def _customers(database: Database, bus: Bus) -> Part:
    async def part(app: web.Application) -> AsyncIterator[None]:
        screen_pop = ScreenPop(database, bus, PromiseBook())
        aside = Aside(bus)
        screen_pop.subscribe(aside)
        # A call that was never seen ringing (we were blind, or died) still gets its customer.
        catch_up = FactConsumer(database, "call_links", (CallEnded,), screen_pop.catch_up)
        app[CONSUMERS].append(catch_up)
        async with (
            running("customers of calls", aside.run),
            running("customers of ended calls", catch_up.run),
            running("undos of merges", app[MERGES].finish_undos),
        ):
            yield

    return part


def _bridges(
    settings: Settings, database: Database, bus: Bus, clock: Clock, hands: dict[str, PbxHands]
) -> Part:
    async def part(app: web.Application) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            removed = partial(end_removed, database, bus, clock, settings.sources)
            await stack.enter_async_context(running("end calls of removed PBXs", removed))
            for name, pbx in settings.pbx.items():
                line = _dial_line(name, pbx, database, clock)
                if line is not None:
                    await stack.enter_async_context(running(f"dial {name}", line.run))

                async def run(name: str = name, pbx: Pbx = pbx, line: DialLine | None = line) -> None:
                    # Started anew with empty books each time: the journal knows what was open.
                    link = AmiLink(
                        target_of(name, pbx, pbx.events, LinkRole.EVENTS),
                        clock=clock,
                        options=LinkOptions(wanted=WANTED_EVENTS),
                    )
                    book = CallBook(pbx=name, trunks=pbx.trunks, region=settings.site.region)
                    bridge = Bridge(link, book, pbx=name, database=database, bus=bus, clock=clock)
                    app[BRIDGES][name] = bridge
                    hands[name] = PbxHands(bridge.agents, line, bridge)
                    await bridge.run()

                await stack.enter_async_context(running(f"bridge {name}", run))
            yield

    return part


def _housekeeping(settings: Settings, database: Database, bus: Bus, clock: Clock) -> Part:
    async def part(app: web.Application) -> AsyncIterator[None]:
        consumers = app[CONSUMERS]
        keeper = Housekeeping(
            database,
            bus,
            clock,
            settings.database,
            consumers,
            provisional_days=settings.crm.provisional_days,
            promises=PromiseBook(),
        )
        async with running("housekeeping", keeper.run):
            yield

    return part


def _lines(settings: Settings, database: Database, bus: Bus, clock: Clock) -> Part:
    async def part(app: web.Application) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            for name, line in settings.line.items():

                async def run(name: str = name, line: Line = line) -> None:
                    region = settings.site.region
                    app[LINES][name] = monitor = LineMonitor(
                        name, line, region=region, database=database, bus=bus, clock=clock
                    )
                    await monitor.run()

                await stack.enter_async_context(running(f"line {name}", run))
            yield

    return part


def _dial_line(name: str, pbx: Pbx, database: Database, clock: Clock) -> DialLine | None:
    if pbx.dial is None:
        return None
    options = LinkOptions(wanted=DIAL_EVENTS)
    link = AmiLink(target_of(name, pbx, pbx.dial, LinkRole.DIAL), clock=clock, options=options)
    return DialLine(link, database, clock)
