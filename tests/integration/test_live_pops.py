"""Rule P6: each pop is stored with when it rang, when a page had it, whether that page was seen, and when it was over;
the figure for managers is made of these rows."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from sqlalchemy import insert, select

from core.clock import system_clock
from core.db import Database
from core.facts import CallAnswered, CallsJoined, PhoneRinging, PhoneStopped, StopReason
from server.pops import PopFigures, pop_figures
from server.tables import PopRow
from tests.desk_site import DeskSite, desk_site
from tests.live_client import LiveClient
from tests.live_story import inbound, internal, phone, started


async def ring(site: DeskSite, call_id: str = "c1", *extensions: str) -> None:
    at = system_clock()
    await site.tell(started(call_id, at, inbound(None)))
    await site.tell(*(PhoneRinging(call_id, at, phone(one)) for one in extensions or ("101",)))


async def stored(database: Database, count: int = 1) -> list[Any]:
    async with asyncio.timeout(30):
        while True:
            async with database.read() as connection:
                rows = (await connection.execute(select(*PopRow.__table__.c).order_by(PopRow.id))).all()
            if len(rows) >= count:
                return list(rows)
            await asyncio.sleep(0.01)


async def acknowledged(site: DeskSite, login: str, call_id: str = "c1") -> None:
    async with asyncio.timeout(30):
        while not site.hub.pops.is_shown(site.users[login].id, call_id):
            await asyncio.sleep(0.005)


async def test_a_pop_is_stored_with_our_clocks_instants(database: Database) -> None:
    now = 1000.0
    async with desk_site(database, clock=lambda: now) as site, LiveClient(site, "anna") as anna:
        await ring(site)
        await anna.until(lambda one: one.state_of("c1") == "ringing")
        now = 1000.05
        await anna.say(t="shown", call_id="c1", visible=True)
        await acknowledged(site, "anna")
        now = 1003.0
        await site.tell(CallAnswered("c1", 5.0, phone("101")))
        [row] = await stored(database)
    assert (row.rang_at, row.shown_at, row.over_at) == (1000.0, 1000.05, 1003.0)
    assert (row.visible, row.answered, row.user_id) == (True, True, site.users["anna"].id)


async def test_the_first_tab_counts_and_any_visible_one_makes_it_seen(database: Database) -> None:
    now = 1000.0
    async with desk_site(database, clock=lambda: now) as site, LiveClient(site, "anna") as anna:
        await ring(site)
        now = 1000.2
        await anna.say(t="shown", call_id="c1", visible=False)
        await acknowledged(site, "anna")
        now = 1009.0
        site.hub.shown(site.users["anna"].id, "c1", visible=True)
        await site.tell(PhoneStopped("c1", 9.0, phone("101"), StopReason.TIMEOUT))
        [row] = await stored(database)
    assert (row.shown_at, row.visible, row.answered) == (1000.2, True, False)


async def test_a_pop_no_page_showed_is_stored_as_such(database: Database) -> None:
    async with desk_site(database) as site, LiveClient(site, "anna") as anna:
        await ring(site, "c1", "101", "102")
        await site.tell(PhoneStopped("c1", 9.0, phone("101"), StopReason.CALLER_GONE))
        await anna.until(lambda one: bool(one.gone))
        site.hub.shown(site.users["anna"].id, "c1", visible=True)
        rows = await stored(database)
    assert [(row.user_id, row.shown_at) for row in rows] == [(site.users["anna"].id, None)]


async def test_a_consultation_that_turned_out_to_be_part_of_a_call_is_one_pop(database: Database) -> None:
    async with desk_site(database) as site, LiveClient(site, "bartek") as bartek:
        at = system_clock()
        await site.tell(started("c1", at), CallAnswered("c1", at, phone("101")))
        await site.tell(started("c2", at, internal("101", "102")), PhoneRinging("c2", at, phone("102")))
        await bartek.until(lambda one: one.state_of("c2") == "ringing")
        await site.tell(CallsJoined("c1", "c2", at))
        await bartek.say(t="shown", call_id="c2", visible=True)
        await acknowledged(site, "bartek")
        await site.tell(CallAnswered("c1", at, phone("102")))
        rows = await stored(database)
    assert [(row.call_id, row.answered) for row in rows] == [("c1", True)]


async def test_the_figure(database: Database) -> None:
    async with desk_site(database) as site:
        user_id = site.users["anna"].id

        async def pop(rang_at: float, shown_ms: float | None, visible: bool = True) -> None:
            shown_at = None if shown_ms is None else rang_at + shown_ms / 1000
            values = {"call_id": "c", "user_id": user_id, "rang_at": rang_at, "shown_at": shown_at}
            async with database.write() as connection:
                await connection.execute(
                    insert(PopRow).values(**values, visible=visible, over_at=rang_at + 5, answered=True)
                )

        async with database.read() as connection:
            assert await pop_figures(connection, 0, 1e9) == PopFigures(0, None, None, None)
        for number in range(1, 18):
            await pop(100.0 + number, number)
        await pop(150.0, 80, visible=False)
        await pop(151.0, 6000)
        await pop(152.0, None)
        await pop(900.0, 1)
        async with database.read() as connection:
            figures = await pop_figures(connection, 100.0, 900.0)
    assert (figures.pops, figures.shown_before_answer, figures.shown_visible) == (20, 18 / 20, 17 / 20)
    assert figures.p95_ms == pytest.approx(6000, abs=0.01)
