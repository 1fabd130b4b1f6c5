"""Rule P6: each pop is stored with when it rang, when a page had it, whether that page was seen, and when it was over.
The figure managers see is proven in `test_pages_pops.py`."""

from __future__ import annotations

import asyncio
from typing import Any

from sqlalchemy import select

from core.clock import system_clock
from core.db import Database
from core.facts import CallAnswered, CallsJoined, PhoneRinging, PhoneStopped, StopReason
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
