"""Tasks on open desks: they come with the snapshot, change for whoever has them and had them, and follow their
customer; what a card's buttons do is heard only of calls on the asker's own desk."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from core.clock import system_clock
from core.db import Database
from core.facts import CallAnswered, PhoneRinging
from crm_link.customers import CustomerEdit, NewCustomer
from crm_link.deals.edit import NewDeal
from crm_link.deals.kinds import DealKind
from crm_link.directory import read_customer
from crm_link.tasks.edit import NewTask, TaskEdit
from crm_link.tasks.read import read_own_tasks
from server.web.keys import CUSTOMERS, DEALS, TASKS
from tests.desk_site import DeskSite, desk_site
from tests.live_client import LiveClient
from tests.live_story import CUSTOMER, phone, started


@pytest.fixture
async def site(database: Database) -> AsyncIterator[DeskSite]:
    async with desk_site(database) as one:
        yield one


def titles(desk: LiveClient) -> list[str]:
    return [task["title"] for task in desk.parts["tasks"]]


async def test_tasks_stand_on_the_desk_of_whoever_has_them(site: DeskSite) -> None:
    anna, bartek = site.users["anna"].id, site.users["bartek"].id
    jan = await site.app[CUSTOMERS].create(NewCustomer("Jan"), None)
    tasks, now = site.app[TASKS], system_clock()
    late = await tasks.add(NewTask(jan.id, "late", now - 90, assigned_to=anna), None)
    async with LiveClient(site, "anna") as hers, LiveClient(site, "bartek") as his:
        await hers.until(lambda desk: titles(desk) == ["late"])
        soon = await tasks.add(NewTask(jan.id, "soon", now + 90, assigned_to=anna), None)
        await hers.until(lambda desk: titles(desk) == ["late", "soon"])
        await tasks.edit(late.id, TaskEdit(assigned_to=bartek), None)
        await hers.until(lambda desk: titles(desk) == ["soon"])
        await his.until(lambda desk: titles(desk) == ["late"])
        await site.app[CUSTOMERS].edit(jan.id, CustomerEdit(name="Jan Nowak"), None)
        await his.until(lambda desk: [task["customer"] for task in desk.parts["tasks"]] == ["Jan Nowak"])
        await tasks.finish(soon.id, anna)
        await hers.until(lambda desk: titles(desk) == [])


async def test_a_card_takes_tasks_deals_and_responsibility(site: DeskSite) -> None:
    anna, at = site.users["anna"].id, system_clock()
    jan = await site.app[CUSTOMERS].create(NewCustomer("Jan", numbers=(CUSTOMER,)), None)
    deal = await site.app[DEALS].add(NewDeal(jan.id, DealKind.ORDER, "120 boxes"), None)
    other = await site.app[CUSTOMERS].create(NewCustomer("Ewa"), None)
    foreign = await site.app[DEALS].add(NewDeal(other.id, DealKind.ORDER, "A lamp"), None)
    async with LiveClient(site, "anna") as desk:
        await site.tell(started("c1", at), PhoneRinging("c1", at, phone("101")))
        await site.tell(CallAnswered("c1", at + 2, phone("101")))
        await desk.until(lambda one: bool(one.cards.get("c1", {}).get("customers")))
        say = Buttons(site, await site.cookie("anna"))
        assert await say("calls/c1/tasks", {"title": "Call the warehouse", "day": "2030-01-02"}) == 201
        assert await say("calls/c1/tasks", {"title": "When?", "day": "soon"}) == 422
        assert await say("calls/c1/deals", {"deal_id": deal.id, "on": True}) == 204
        assert await say("calls/c1/deals", {"deal_id": foreign.id, "on": True}) == 404
        assert await say("calls/c1/owner", {"mine": True}) == 204
        await desk.until(lambda one: one.cards["c1"]["customers"][0]["owner"] == "Anna Kowalska")
        (customer,) = desk.cards["c1"]["customers"]
        assert [task["title"] for task in customer["tasks"]] == ["Call the warehouse"]
        assert [one["call_ids"] for one in customer["deals"]] == [["c1"]]
        stranger = Buttons(site, await site.cookie("bartek"))
        assert await stranger("calls/c1/owner", {"mine": True}) == 404
        async with site.database.read() as connection:
            (task,) = await read_own_tasks(connection, anna, limit=5)
            assert (await read_customer(connection, jan.id)).owner_id == anna
        assert (task.call_id, task.customer_id) == ("c1", jan.id)
        assert await say(f"tasks/{task.id}/done", {"done": True}) == 204
        assert await say("calls/c1/owner", {"mine": False}) == 204
        await desk.until(lambda one: one.cards["c1"]["customers"][0]["owner"] is None)


class Buttons:
    """What a desk's page sends."""

    def __init__(self, site: DeskSite, cookies: dict[str, str]) -> None:
        self._site, self._cookies = site, cookies

    async def __call__(self, path: str, body: dict[str, Any]) -> int:
        origin = self._site.url("/").rstrip("/")
        jar = aiohttp.CookieJar(unsafe=True)
        async with (
            aiohttp.ClientSession(cookies=self._cookies, cookie_jar=jar) as session,
            session.post(f"{origin}/desk/{path}", json=body, headers={"Origin": origin}) as answer,
        ):
            return answer.status
