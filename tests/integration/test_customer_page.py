"""A customer's page where much stands on it, and where people have left: nothing is pushed away, and nothing is changed
by saving a form that was not touched."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator

import pytest

from core.accounts import Role, set_disabled
from core.db import Database
from crm_link.customers import CustomerEdit, NewCustomer
from crm_link.deals.edit import NewDeal
from crm_link.deals.kinds import DealKind
from crm_link.tasks.edit import NewTask
from server.web.keys import CUSTOMERS, DEALS, TASKS
from tests.integration.api_server import NOW, ApiServer, api_server


@pytest.fixture
async def api(database: Database) -> AsyncIterator[ApiServer]:
    async with api_server(database) as server:
        await server.add_person("maria", "101", Role.MANAGER)
        await server.log_in("maria")
        server.key = ""
        yield server


async def shown(api: ApiServer, customer_id: int) -> str:
    answer = await api.ask("GET", f"/customers/{customer_id}")
    assert answer.status == 200
    return await answer.text()


def card(text: str, title: str) -> str:
    found = re.search(rf'<section [^>]*aria-labelledby="{title}".*?</section>', text, re.DOTALL)
    assert found is not None
    return found[0]


async def test_who_has_left_stays_responsible_until_somebody_says_otherwise(api: ApiServer) -> None:
    anna = await api.add_person("anna", "102")
    jan = await api.app[CUSTOMERS].create(NewCustomer("Jan", owner_id=anna), None)
    await api.app[TASKS].add(NewTask(jan.id, "Send the offer", NOW + 60, assigned_to=anna), None)
    async with api.database.write() as connection:
        await set_disabled(connection, anna, True, NOW)
    text = await shown(api, jan.id)
    kept = f'<option value="{anna}" selected>Anna (disabled)</option>'
    assert kept in card(text, "profile-title")
    assert kept in card(text, "tasks-title")
    assert "Responsible: Anna" in text


async def test_of_many_tasks_and_deals_the_first_stand_there_and_the_rest_is_a_click_away(
    api: ApiServer,
) -> None:
    jan = await api.app[CUSTOMERS].create(NewCustomer("Jan"), None)
    for number in range(7):
        await api.app[TASKS].add(NewTask(jan.id, f"Call {number}", NOW + number), None)
        await api.app[DEALS].add(NewDeal(jan.id, DealKind.DEAL, f"Lamp {number}"), None)
    text = await shown(api, jan.id)
    for title, word in (("tasks-title", "Call"), ("deals-title", "Lamp")):
        first, _, rest = card(text, title).partition('<details class="more-of">')
        assert (len(re.findall(rf"<strong>{word}", first)), len(re.findall(rf"<strong>{word}", rest))) == (
            5,
            2,
        )
        assert "2 more" in rest


async def test_the_history_reads_as_sentences(api: ApiServer) -> None:
    jan = await api.app[CUSTOMERS].create(NewCustomer("Jan"), 1)
    await api.app[CUSTOMERS].edit(jan.id, CustomerEdit(name="Jan Nowak"), 1)
    words = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", "", card(await shown(api, jan.id), "timeline-title")))
    assert "Name changed: Jan → Jan Nowak by Maria" in words
    assert "Customer created by Maria" in words
