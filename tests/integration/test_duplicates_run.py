"""The search for duplicates as the application runs it: asked for on the page, in the background, with its progress,
and by itself at night."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from aiohttp.test_utils import TestServer

from config.settings import Settings
from core.bus import Bus
from core.db import Database
from crm_link.customers import Customers, NewCustomer
from crm_link.merging.duplicates_search import DuplicateFinder
from server.customers.duplicates_parts import AT_LEAST_APART_S, Searches, add_duplicates
from server.schema import prepare
from server.web.application import bare_application
from tests.seed import NOW, seed_people
from tests.web import Site, Visitor, visit

ZONE = ZoneInfo("Europe/Warsaw")
NIGHT = NOW + 4.5 * 3600
"""03:56 in Warsaw."""


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    database = Database(f"sqlite:///{tmp_path / 'run.db'}")
    await prepare(database)
    customers = Customers(database, Bus(), lambda: NOW, "PL")
    for name in ("Anna Kowalska", "Ana Kowalska"):
        await customers.create(NewCustomer(name=name, emails=("a@example.com",)), None)
    yield database
    await database.close()


@pytest.fixture
async def maria(database: Database) -> AsyncIterator[Visitor]:
    await seed_people(database)
    app = bare_application(Settings(), database, clock=lambda: NOW)
    add_duplicates(app, database, lambda: NOW, ZONE)
    site = Site(database, TestServer(app, host="127.0.0.1"))
    await site.server.start_server()
    async with visit(site) as visitor:
        await visitor.enter("maria")
        yield visitor
    await site.server.close()


async def test_a_manager_asks_for_a_search_and_sees_what_it_found(maria: Visitor) -> None:
    page = "/customers/duplicates"
    assert "Nobody has searched yet" in await (await maria.get(page)).text()
    asked = await maria.post(f"{page}/search")
    assert (asked.status, asked.headers["Location"]) == (303, page)
    async with asyncio.timeout(60):
        while (over := await maria.get(f"{page}/search", HX_Request="true")).headers.get(
            "HX-Refresh"
        ) != "true":
            assert "Searching" in await over.text()
            await asyncio.sleep(0.02)
    text = await (await maria.get(page)).text()
    assert "1</span> pair to look at" in text
    assert "Same e-mail" in text


async def test_it_searches_by_itself_once_a_night(database: Database) -> None:
    now = NOW
    searches = Searches(database, lambda: now, ZONE)
    assert not await searches._is_night_turn()
    now = NIGHT
    assert await searches._is_night_turn()
    await DuplicateFinder(database, lambda: now).search(None)
    now = NIGHT + 600
    assert not await searches._is_night_turn()
    now = NIGHT + 2 * AT_LEAST_APART_S
    assert await searches._is_night_turn()
