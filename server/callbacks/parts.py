"""Brings together what keeps promises: attempts, the scheduler, what happens on the telephone, who is free, and their
background tasks. The application goes in with its settings and the dialer; the parts are reachable from it by key
afterwards. A site without `[department.…]` has none of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable

from aiohttp import web

from callback.alarms import CallbackAlarms
from callback.attempts import Attempts
from callback.budgets import Budgets
from callback.click import Clicks
from callback.machine import Machines
from callback.progress import Progress
from callback.scheduler import Scheduler, departments
from callback.sources import HEARD, Sources
from config.settings import Settings
from core.bus import Bus
from core.clock import Clock
from core.db import Database
from core.fact_log import FactConsumer
from core.facts import AgentStateChanged, CallbackChanged, CallEnded, DeviceChanged
from core.ports import Dialer
from core.tasks import running
from crm_link.responsible import Responsible
from server.customers.blocked_parts import BLOCK_LIST
from server.desk.callback_parts import REQUESTS
from server.desk.parts import AGENTS
from server.live.agent_pool import Agents
from server.live.socket import LIVE
from server.web.keys import CONSUMERS

UPKEEP_S = 60.0
"""How often held requests are looked at for which there is room again, and old traces are forgotten."""

SCHEDULER = web.AppKey("scheduler", Scheduler)
POOL = web.AppKey("pool", Agents)
DIALER: web.AppKey[Dialer] = web.AppKey("dialer")
CLICKS = web.AppKey("clicks", Clicks)
MACHINES = web.AppKey("machines", Machines)


def add_callbacks(
    app: web.Application, settings: Settings, database: Database, bus: Bus, clock: Clock, dialer: Dialer
) -> None:
    """Put callbacks into `app`, after the desks (`desk_parts`, `callback_desk_parts`) and before the bridges."""
    requests = app[REQUESTS]
    app[DIALER] = dialer
    app[POOL] = pool = Agents(app[LIVE], app[AGENTS])
    pool.subscribe(bus)
    progress = Progress(requests.rules)
    app[MACHINES] = Machines(database, bus, clock, progress)
    attempts = Attempts(database, bus, clock, progress)
    attempts.subscribe()
    consumer = FactConsumer(database, "attempts", (CallEnded,), attempts.call_ended)
    sources = Sources(requests, database, bus, clock, settings, app[BLOCK_LIST])
    app[CONSUMERS] += [consumer, sources.consumer]
    budgets = Budgets(settings.callback)
    app[SCHEDULER] = scheduler = Scheduler(
        departments(settings, requests.rules),
        database=database,
        bus=bus,
        clock=clock,
        dialer=dialer,
        pool=pool,
        attempts=attempts,
        budgets=budgets,
        suppressed_among=requests.suppressions.among,
        responsible=Responsible(),
    )
    app[CLICKS] = Clicks(
        database,
        clock,
        dialer,
        scheduler.place,
        budgets=budgets,
        is_suppressed=requests.suppressions.holds,
    )
    _wake(bus, consumer, sources.consumer, scheduler)
    app.cleanup_ctx.append(_running(consumer, sources, scheduler, CallbackAlarms(database, clock, settings)))


def _wake(bus: Bus, attempts: FactConsumer, sources: FactConsumer, scheduler: Scheduler) -> None:
    """What happens spares them the wait until they look by themselves."""

    async def deliver(_fact: object) -> None:
        attempts.wake()
        sources.wake()

    async def look(_fact: object) -> None:
        scheduler.wake()

    for durable in HEARD:
        bus.subscribe(durable, deliver, name="callbacks: deliver")
    for kind in (CallEnded, CallbackChanged, AgentStateChanged, DeviceChanged):
        bus.subscribe(kind, look, name="callbacks: look")


def _running(
    attempts: FactConsumer, sources: Sources, scheduler: Scheduler, alarms: CallbackAlarms
) -> Callable[[web.Application], AsyncIterator[None]]:
    async def part(app: web.Application) -> AsyncIterator[None]:
        async def keep_house() -> None:
            while True:
                await app[REQUESTS].upkeep()
                await asyncio.sleep(UPKEEP_S)

        await sources.begin()
        async with (
            running("callbacks: attempts", attempts.run),
            running("callbacks: from the telephone", sources.consumer.run),
            running("callbacks: scheduler", scheduler.run),
            running("callbacks: alarms of limits", alarms.run),
            running("callbacks: keep house", keep_house),
        ):
            yield

    return part
