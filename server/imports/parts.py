"""Imports of customers in the application: the room's `Imports`, reachable by key, working in the background."""

from __future__ import annotations

from collections.abc import AsyncIterator

from aiohttp import web

from core.tasks import running
from crm_link.imports.office import Imports

IMPORTS = web.AppKey("imports", Imports)


def add_customer_imports(app: web.Application) -> None:
    """Have what was asked for done, here or before a restart."""

    async def part(_app: web.Application) -> AsyncIterator[None]:
        async with running("customers: imports", app[IMPORTS].run):
            yield

    app.cleanup_ctx.append(part)
