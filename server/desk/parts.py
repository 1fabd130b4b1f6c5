"""Brings the parts of the desk together: the live hub, wrap-ups, agents' states and the measuring of pops, with their
background tasks. The application goes in with its settings; the parts are reachable from it by key afterwards."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

from aiohttp import web

from core.bus import Bus
from core.clock import Clock
from core.db import Database
from core.fact_log import FactConsumer
from core.facts import CallEnded, CallStarted, PbxConnected, QueueMemberChanged
from core.tasks import running
from server.live.agent_pauses import AgentPauses
from server.live.agent_states import AgentStates
from server.live.hub import LiveHub
from server.live.socket import LIVE
from server.live.wrap_ups import WrapUps
from server.web.keys import CONSUMERS, FIELDS, PAUSER, SETTINGS

WRAP_UPS = web.AppKey("wrap_ups", WrapUps)
AGENTS = web.AppKey("agents", AgentStates)


def add_desk(app: web.Application, database: Database, bus: Bus, clock: Clock) -> None:
    """Put the desk into `app`; it lives and stops with it.

    Screens listen from now on, before any room that answers a call's facts with facts of its own: a room speaks
    while the fact it answers is still being handed out, and a screen must know the call by then.
    """
    settings = app[SETTINGS]
    on_card = app[FIELDS].on_card
    hub = LiveHub(database, clock=clock, pbxs=settings.sources, on_card=on_card)
    pauses = AgentPauses(database, app.get(PAUSER))
    states = AgentStates(database, bus, clock, pauses=pauses, wrap_up_s=settings.desk.wrap_up_seconds)
    app[LIVE] = hub
    app[AGENTS] = states
    app[WRAP_UPS] = wrap_ups = WrapUps(database, clock, hub.apply)
    hub.on_wrap_up = states.wrap_up_changed
    consumer = FactConsumer(database, "wrap_ups", (CallEnded,), wrap_ups.open_due)
    app[CONSUMERS].append(consumer)

    async def wake(_fact: CallEnded) -> None:
        consumer.wake()

    hub.subscribe(bus)
    bus.subscribe(CallStarted, wrap_ups.hear_started, name="notes of open calls")
    bus.subscribe(CallEnded, wake, name="wrap-ups")
    bus.subscribe(QueueMemberChanged, pauses.hear_member, name="agents: pauses")
    bus.subscribe(PbxConnected, states.hear_connected, name="agents: restore")

    async def live(_app: web.Application) -> AsyncIterator[None]:
        await hub.reload_people()
        await states.load()
        await wrap_ups.restore()
        async with AsyncExitStack() as stack:
            for name, work in (
                ("live: load", hub.load),
                ("live: keep house", hub.keep_house),
                ("live: store pops", hub.pops.write),
                ("wrap-ups: open", consumer.run),
                ("wrap-ups: close forgotten", wrap_ups.sweep),
                ("agents: keep true", states.keep_true),
            ):
                await stack.enter_async_context(running(name, work))
            yield

    async def close(_app: web.Application) -> None:
        # Before any part of the application closes: the PBX has to be there to be told.
        hub.close()
        await states.stop()

    app.cleanup_ctx.append(live)
    app.on_shutdown.append(close)
