"""The page of a call: which deals and orders it was about and what is to be done because of it, linked, unlinked and
done where it is read."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator

import pytest

from core.accounts import Role
from core.db import Database
from crm_link.customers import NewCustomer
from crm_link.deals.edit import NewDeal
from crm_link.deals.kinds import DealKind
from crm_link.tasks.edit import NewTask
from server.web.keys import CUSTOMERS, DEALS, TASKS
from tests.integration.api_server import CUSTOMER, NOW, ApiServer, answered_call, api_server

CALL = "main-1.1"
PAGE = f"/calls/{CALL}"


@pytest.fixture
async def api(database: Database) -> AsyncIterator[ApiServer]:
    async with api_server(database) as server:
        await server.add_person("maria", "101", Role.MANAGER)
        await server.log_in("maria")
        server.key = ""
        yield server


async def submit(api: ApiServer, path: str, form: dict[str, str]) -> str:
    """Where the form leads back to."""
    headers = {"Origin": str(api.client.make_url("/")).rstrip("/")}
    answer = await api.ask("POST", path, data=form, headers=headers)
    assert answer.status == 303, await answer.text()
    return answer.headers["Location"]


async def shown(api: ApiServer) -> str:
    answer = await api.ask("GET", PAGE)
    assert answer.status == 200
    return await answer.text()


def part(text: str, title: str) -> str:
    found = re.search(rf'<section [^>]*aria-labelledby="{title}".*?</section>', text, re.DOTALL)
    assert found is not None, title
    return found[0]


async def test_a_call_page_links_deals_and_takes_tasks(api: ApiServer) -> None:
    jan = await api.app[CUSTOMERS].create(NewCustomer("Jan", numbers=(CUSTOMER,)), None)
    await api.tell(*answered_call(CALL))
    chairs = await api.app[DEALS].add(NewDeal(jan.id, DealKind.ORDER, "Two <chairs>"), None)
    assert "No deal or order is linked" in part(await shown(api), "about-title")
    wanted = {"deal": str(chairs.id), "on_call": CALL}
    assert await submit(api, f"{PAGE}/deals", wanted) == PAGE
    linked = part(await shown(api), "about-title")
    assert "<strong>Two &lt;chairs&gt;</strong>" in linked
    assert "<select" not in linked, "there is nothing else to link"
    assert await submit(api, f"{PAGE}/deals", wanted | {"off": "yes"}) == PAGE
    assert "<select" in part(await shown(api), "about-title")
    task = {"title": "Send the invoice", "day": "2026-11-30", "on_call": CALL}
    assert await submit(api, f"/customers/{jan.id}/tasks", task) == PAGE
    assert "Send the invoice" in part(await shown(api), "tasks-title")
    assert await submit(api, "/tasks/1/done", {"on_call": CALL}) == PAGE
    assert "tick is-done" in part(await shown(api), "tasks-title")
    assert await submit(api, "/tasks/1/done", {"again": "yes"}) == f"/customers/{jan.id}"


async def test_what_was_linked_stays_when_nobody_knows_whose_call_it_was(api: ApiServer) -> None:
    """Of a shared number both customers' deals are offered, and a task needs to know for whom."""
    people = [
        await api.app[CUSTOMERS].create(NewCustomer(name, numbers=(CUSTOMER,)), None)
        for name in ("Jan", "Ewa")
    ]
    for one in people:
        await api.app[DEALS].add(NewDeal(one.id, DealKind.DEAL, f"Lamp of {one.name}"), None)
    await api.tell(*answered_call(CALL))
    text = await shown(api)
    assert all(f"Lamp of {one.name}" in part(text, "about-title") for one in people)
    assert "New task" not in text
    await api.app[TASKS].add(NewTask(people[0].id, "Ask who it was", NOW + 60, call_id=CALL), None)
    assert "Ask who it was" in part(await shown(api), "tasks-title")


async def test_a_withheld_number_has_nothing_to_link(api: ApiServer) -> None:
    await api.tell(*answered_call(CALL, number=None))
    assert "about-title" not in await shown(api)
