"""The search for duplicates in the application: each night, and whenever somebody asks. What it compares is
`crm_link/merging/duplicates_search.py`'s part."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from zoneinfo import ZoneInfo

from aiohttp import web

from core.clock import Clock
from core.db import Database
from core.errors import ConflictError
from core.tasks import running, woken
from crm_link.merging.duplicates_search import DuplicateFinder, SearchView, read_last_search
from server.web.pages import local

LOOK_S = 600.0
"""How often the night's turn is looked for."""

NIGHT = range(3, 5)
"""Hours of the site's clock in which a search begins by itself."""

AT_LEAST_APART_S = 12 * 3600.0


class Searches:
    """One per process. `ask` never waits."""

    def __init__(self, database: Database, clock: Clock, zone: ZoneInfo) -> None:
        self._database = database
        self._clock = clock
        self._zone = zone
        self._finder = DuplicateFinder(database, clock)
        self._asked = asyncio.Event()
        self._by: int | None = None

    def ask(self, by: int | None) -> None:
        """Search now; one that runs already is enough."""
        self._by = by
        self._asked.set()

    @property
    def is_asked(self) -> bool:
        return self._asked.is_set()

    async def run(self) -> None:
        """For ever."""
        while True:
            if await woken(self._asked, LOOK_S):
                await self._search(self._by)
                self._asked.clear()
            elif await self._is_night_turn():
                await self._search(None)

    async def last(self) -> SearchView | None:
        async with self._database.read() as connection:
            return await read_last_search(connection)

    async def _search(self, by: int | None) -> None:
        try:
            await self._finder.search(by)
        except ConflictError:  # another process is at it
            return

    async def _is_night_turn(self) -> bool:
        now = self._clock()
        if local(now, self._zone).hour not in NIGHT:
            return False
        last = await self.last()
        return last is None or last.began_at < now - AT_LEAST_APART_S


SEARCHES = web.AppKey("duplicate_searches", Searches)


def add_duplicates(app: web.Application, database: Database, clock: Clock, zone: ZoneInfo) -> None:
    app[SEARCHES] = searches = Searches(database, clock, zone)

    async def part(_app: web.Application) -> AsyncIterator[None]:
        async with running("duplicates", searches.run):
            yield

    app.cleanup_ctx.append(part)
