"""Puts imports of customers into the application: the room's `Imports`, working in the background, reachable by key."""

from __future__ import annotations

from collections.abc import AsyncIterator

from aiohttp import web

from core.bus import Bus
from core.clock import Clock
from core.db import Database
from core.tasks import running
from crm_link.imports import Imports
from server.keys import SETTINGS

IMPORTS = web.AppKey("imports", Imports)


def add_customer_imports(app: web.Application, database: Database, bus: Bus, clock: Clock) -> None:
    app[IMPORTS] = imports = Imports(database, bus, clock, app[SETTINGS].site.region)

    async def part(_app: web.Application) -> AsyncIterator[None]:
        async with running("customers: imports", imports.run):
            yield

    app.cleanup_ctx.append(part)
