"""Deals and orders on both databases and by the API: a shop puts each by its own id, as often as it likes; whose it
is, is found by number or address and never guessed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from core.clock import iso
from core.db import Database
from core.errors import ConflictError, InvalidInputError
from core.facts import CallsJoined
from crm_link.customers import NewCustomer
from crm_link.deals.customer import Buyer
from crm_link.deals.edit import DealEdit, Deals, NewDeal, PutDeal
from crm_link.deals.kinds import DealKind, DealState
from crm_link.deals.read import read_deals_about, read_deals_of
from crm_link.directory import read_customer, read_notes
from crm_link.tasks.edit import NewTask, Tasks
from crm_link.tasks.read import read_tasks_of
from tests.customers import NUMBER, OTHER, Office
from tests.integration.api_server import NOW, ApiServer, Json, answered_call, api_server

ORDERS = "/api/v1/deals/by/shop"


@pytest.fixture
async def api(database: Database) -> AsyncIterator[ApiServer]:
    async with api_server(database) as server:
        yield server


def room(office: Office) -> Deals:
    return Deals(office.database, office.desk.bus, lambda: office.now, "PL")


def order(number: str, external_id: str = "1001") -> PutDeal:
    wanted = DealEdit(title="Two chairs", amount="129.90", currency="EUR")
    return PutDeal("shop", external_id, DealKind.ORDER, wanted, Buyer(number=number))


async def test_orders_at_the_same_instant_make_one_customer(database: Database) -> None:
    deals = room(Office(database))
    made = await asyncio.gather(*(deals.put(order(NUMBER, f"{one}"), None) for one in range(4)))
    assert len({deal.customer_id for deal, _ in made}) == 1
    assert all(is_new for _, is_new in made)
    again = await asyncio.gather(*(deals.put(order(OTHER, "same"), None) for _ in range(4)))
    assert len({deal.id for deal, _ in again}) == 1
    assert [is_new for _, is_new in again].count(True) == 1


async def test_a_number_of_several_customers_is_never_guessed(database: Database) -> None:
    office = Office(database)
    deals = room(office)
    anna = await office.customers.create(NewCustomer("Anna", numbers=(NUMBER,)), None)
    jan = await office.customers.create(NewCustomer("Jan", numbers=(NUMBER,)), None)
    with pytest.raises(ConflictError, match="belongs to 2 customers"):
        await deals.put(order(NUMBER), None)
    await office.desk.call("c1", NUMBER)
    await office.customers.pick("c1", jan.id, None)
    picked, _ = await deals.put(order(NUMBER), None)
    assert (picked.customer_id, anna.id) == (jan.id, anna.id)


async def test_what_changes_is_history_and_told(database: Database) -> None:
    office = Office(database)
    deals = room(office)
    anna = await office.customers.create(NewCustomer("Anna"), None)
    deal = await deals.add(
        NewDeal(anna.id, DealKind.DEAL, "Office furniture", amount="5 000", currency="pln"), None
    )
    assert (deal.amount, deal.currency, deal.money) == ("5000.00", "PLN", "5\u202f000.00\u00a0PLN")
    office.desk.changed.clear()
    won = await deals.edit(deal.id, DealEdit(state=DealState.WON), None, deal.version)
    assert [fact.customer_id for fact in office.desk.changed] == [anna.id]
    assert await deals.edit(deal.id, DealEdit(state=DealState.WON), None, won.version) == won
    with pytest.raises(ConflictError):
        await deals.edit(deal.id, DealEdit(title="Chairs"), None, deal.version)
    for wrong in (
        DealEdit(state=DealState.SHIPPED),
        DealEdit(link="javascript:alert(1)"),
        DealEdit(amount="1.001"),
    ):
        with pytest.raises(InvalidInputError):
            await deals.edit(deal.id, wrong, None)


async def test_a_deal_is_about_many_calls_and_a_call_about_many_deals(database: Database) -> None:
    office = Office(database)
    deals = room(office)
    anna = await office.customers.create(NewCustomer("Anna", numbers=(NUMBER,)), None)
    one = await deals.add(NewDeal(anna.id, DealKind.DEAL, "One"), None)
    two = await deals.add(NewDeal(anna.id, DealKind.DEAL, "Two"), None)
    for deal_id, call_id in ((one.id, "c1"), (one.id, "c2"), (two.id, "c1"), (two.id, "c1")):
        await deals.link(deal_id, call_id, None)
    async with database.read() as connection:
        about = await read_deals_about(connection, ["c1", "c2"])
        of_anna = await read_deals_of(connection, anna.id)
    assert {call: [deal.title for deal in found] for call, found in about.items()} == {
        "c1": ["One", "Two"],
        "c2": ["One"],
    }
    assert {deal.title: set(deal.call_ids) for deal in of_anna} == {"One": {"c1", "c2"}, "Two": {"c1"}}
    assert (await deals.unlink(one.id, "c1", None)).call_ids == ("c2",)


async def test_what_named_an_absorbed_call_names_the_conversation(database: Database) -> None:
    office = Office(database)
    deals, tasks = room(office), Tasks(database, office.desk.bus, lambda: office.now)
    anna = await office.customers.create(NewCustomer("Anna", numbers=(NUMBER,)), None)
    one = await deals.add(NewDeal(anna.id, DealKind.DEAL, "One"), None)
    two = await deals.add(NewDeal(anna.id, DealKind.DEAL, "Two"), None)
    for deal_id, call_id in ((one.id, "c1"), (one.id, "c2"), (two.id, "c2")):
        await deals.link(deal_id, call_id, None)
    await tasks.add(NewTask(anna.id, "Send it", 2000.0, call_id="c2"), None)
    await office.notes.add_note(anna.id, "wants two", None, call_id="c2")
    await office.desk.call("c1")
    await office.desk.bus.publish(CallsJoined("c1", "c2", 200.0))
    assert not office.desk.bus.failures
    async with database.read() as connection:
        about = await read_deals_about(connection, ["c1", "c2"])
        (task,) = await read_tasks_of(connection, anna.id)
        (note,) = await read_notes(connection, anna.id)
    assert {call: sorted(deal.title for deal in found) for call, found in about.items()} == {
        "c1": ["One", "Two"]
    }
    assert (task.call_id, note.call_id) == ("c1", "c1")


async def test_a_shop_puts_its_orders(api: ApiServer) -> None:
    body: Json = {
        "title": "Two chairs",
        "amount": 129.9,
        "currency": "eur",
        "number": OTHER,
        "name": "Jan Nowak",
    }
    made = await api.send("PUT", f"{ORDERS}/1001", body | {"link": "https://shop.example.com/1001"})
    assert (made["amount"], made["currency"], made["kind"], made["state"]) == (
        "129.90",
        "EUR",
        "order",
        "open",
    )
    again = await api.send("PUT", f"{ORDERS}/1001", body)
    assert (again["id"], again["version"]) == (made["id"], 1)
    shipped = await api.send("PUT", f"{ORDERS}/1001", {"state": "shipped"})
    assert (shipped["state"], shipped["title"], shipped["version"]) == ("shipped", "Two chairs", 2)
    customer = await api.get(f"/api/v1/customers/{made['customer_id']}")
    assert (customer["name"], customer["numbers"], customer["is_provisional"]) == (
        "Jan Nowak",
        [OTHER],
        False,
    )
    listed = await api.get("/api/v1/deals", params={"source": "shop"})
    assert [one["id"] for one in listed["deals"]] == [made["id"]]
    timeline = await api.get(f"/api/v1/customers/{made['customer_id']}/timeline", params={"show": "deals"})
    assert [(one["kind"], one["deal"]["state"]) for one in timeline["entries"]] == [("deal", "shipped")]


@pytest.mark.parametrize(
    ("body", "status", "field"),
    [
        ({"title": "Chairs"}, 422, "customer_id"),
        ({"title": "Chairs", "number": "12"}, 422, "number"),
        ({"number": OTHER}, 422, "title"),
        ({"title": "Chairs", "number": OTHER, "amount": "many", "currency": "EUR"}, 422, "amount"),
        ({"title": "Chairs", "number": OTHER, "amount": "1"}, 422, "currency"),
        ({"title": "Chairs", "number": OTHER, "amount": "1", "currency": "XXX"}, 422, "currency"),
        ({"title": "Chairs", "number": OTHER, "link": "javascript:alert(1)"}, 422, "link"),
        ({"title": "Chairs", "number": OTHER, "state": "won"}, 422, "state"),
        ({"title": "Chairs", "customer_id": 99}, 404, None),
    ],
)
async def test_an_order_that_makes_no_sense_leaves_nothing(
    api: ApiServer, body: Json, status: int, field: str | None
) -> None:
    problem = await api.send("PUT", f"{ORDERS}/1", body, status)
    assert problem.get("field") == field
    assert (await api.get("/api/v1/deals"))["deals"] == []
    assert (await api.get("/api/v1/customers"))["customers"] == []


async def test_a_call_is_linked_and_shown_on_the_timeline(api: ApiServer) -> None:
    made = await api.send("PUT", f"{ORDERS}/7", {"title": "Lamp", "number": "+48221234567"})
    await api.tell(*answered_call("c7"))
    linked = await api.send("PUT", f"/api/v1/deals/{made['id']}/calls/c7")
    assert linked["call_ids"] == ["c7"]
    await api.send("PUT", f"{ORDERS}/8", {"title": "Shade", "number": "+48221234567"})
    assert (await api.get("/api/v1/deals", params={"call_id": "c7"}))["deals"] == [linked]
    assert (await api.get("/api/v1/deals", params={"call_id": "c8"}))["deals"] == []
    page = await api.get(f"/api/v1/customers/{made['customer_id']}/timeline", params={"show": "calls"})
    assert [one["deals"][0]["title"] for one in page["entries"]] == ["Lamp"]
    stale = await api.send("PATCH", f"/api/v1/deals/{made['id']}", {"title": "Two lamps"}, 422)
    assert stale["field"] == "If-Match"
    edited = await api.send("PATCH", f"/api/v1/deals/{made['id']}", {"title": "Two lamps", "version": 1})
    assert edited["updated_at"] == iso(NOW)
    await api.send("DELETE", f"/api/v1/deals/{made['id']}", status=204)
    async with api.database.read() as connection:
        await read_customer(connection, made["customer_id"])
