"""The pages and the API of importing, exporting and erasing customers on a real port, without a PBX: everything of the
application that they need, and nothing that works in the background but what is theirs."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp.test_utils import TestServer

from config.settings import Settings
from core.bus import Bus
from core.db import Database
from server.imports.parts import add_customer_imports
from server.web.application import bare_application
from tests.web import Site


@asynccontextmanager
async def customer_site(database: Database, settings: Settings | None = None) -> AsyncIterator[Site]:
    bus = Bus()
    app = bare_application(settings or Settings(), database, clock=lambda: site.now, bus=bus)
    add_customer_imports(app)
    site = Site(database, TestServer(app, host="127.0.0.1"))
    await site.server.start_server()
    try:
        yield site
    finally:
        await site.server.close()
