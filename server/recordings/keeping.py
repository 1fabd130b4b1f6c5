"""The parts that look after recordings once they are there: comments and legal hold, removal and retention, pauses.
The application goes in with its settings; handlers reach the parts by key or by these functions."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable

from aiohttp import web

from config.settings import Settings
from core.bus import Bus
from core.clock import Clock
from core.db import Database
from core.tasks import running
from recordings.care import Care
from recordings.pauses import Pauses
from recordings.removal import Remover
from recordings.retention import Retention
from server.web.keys import BUS, CLOCK, DATABASE, SETTINGS, SWITCH

PAUSES = web.AppKey("pauses", Pauses)


def add_keeping(app: web.Application, settings: Settings, database: Database, bus: Bus, clock: Clock) -> None:
    """Pauses need the PBX's switch; a site without one has none."""
    remover = Remover(database, bus, clock, settings.recordings)
    retention = Retention(database, remover, clock, settings.recordings.retention)
    app.cleanup_ctx.append(_run("recordings: retention", retention))
    switch = app.get(SWITCH)
    if switch is None:
        return
    app[PAUSES] = pauses = Pauses(database, bus, clock, switch, settings.recordings)
    pauses.subscribe(bus)
    app.cleanup_ctx.append(_run("recordings: pauses", pauses))


def care_of(request: web.Request) -> Care:
    app = request.app
    return Care(app[DATABASE], app[BUS], app[CLOCK], app[SETTINGS].recordings)


def remover_of(request: web.Request) -> Remover:
    app = request.app
    return Remover(app[DATABASE], app[BUS], app[CLOCK], app[SETTINGS].recordings)


def _run(name: str, part: Retention | Pauses) -> Callable[[web.Application], AsyncIterator[None]]:
    async def context(_app: web.Application) -> AsyncIterator[None]:
        async with running(name, part.run):
            yield

    return context
