"""A site's own fields on both databases and by the API: typed, searched, journalled, shown on cards where wanted."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from config.crm import CrmSettings, CustomField
from config.settings import Settings
from core.db import Database
from core.errors import ConflictError, InvalidInputError
from crm_link.changes import What
from crm_link.customers import NewCustomer
from crm_link.directory import find_customers, read_customer
from crm_link.fields.edit import Fields
from crm_link.fields.values import checked, words_of
from crm_link.timeline import ChangeBody
from server.live.cards import FieldLine, Known
from server.views.caller_summaries import load_summaries
from server.views.timeline import TIMELINE
from tests.customers import Office
from tests.integration.api_server import ApiServer, api_server

CRM = CrmSettings.model_validate(
    {
        "fields": [
            {"key": "contract_no", "label": "Contract", "on_card": True},
            {"key": "seats", "type": "number"},
            {"key": "since", "type": "date"},
            {"key": "branch", "type": "choice", "choices": ["Kraków", "Warszawa"]},
            {"key": "newsletter", "type": "yes-no", "on_card": True},
            {"key": "erp", "label": "ERP", "type": "link", "on_card": True},
        ]
    }
)
BY_KEY = {one.key: one for one in CRM.fields}


def field(key: str) -> CustomField:
    return BY_KEY[key]


@pytest.mark.parametrize(
    ("key", "given", "kept"),
    [
        ("contract_no", "  K/2024 \u202e117 ", "K/2024 117"),
        ("contract_no", " ", None),
        ("seats", "12,5", 12.5),
        ("seats", 12.0, 12),
        ("since", "2026-02-28", "2026-02-28"),
        ("branch", "Kraków", "Kraków"),
        ("newsletter", "yes", True),
        ("newsletter", False, False),
        ("erp", "https://erp.example.com/c?id=1", "https://erp.example.com/c?id=1"),
    ],
)
def test_values_are_kept_in_one_form(key: str, given: Any, kept: Any) -> None:
    value = checked(field(key), given)
    assert (value, type(value)) == (kept, type(kept))


@pytest.mark.parametrize(
    ("key", "given"),
    [("contract_no", 7), ("contract_no", "x" * 1001), ("seats", "many"), ("seats", True), ("seats", 1e300),
     ("seats", "1e9"), ("since", "2026-02-30"), ("since", "28.2.2026"), ("branch", "Gdańsk"), ("newsletter", "perhaps"),
     ("erp", "javascript:alert(1)"), ("erp", "https://"), ("erp", "https://user@erp.example.com")],
)  # fmt: skip
def test_a_value_that_does_not_fit_its_type_is_refused(key: str, given: Any) -> None:
    with pytest.raises(InvalidInputError) as caught:
        checked(field(key), given)
    assert caught.value.field == key


def test_numbers_are_read_as_people_wrote_them() -> None:
    assert [words_of(value) for value in (12.5, 1e-05, 12, True, None, "x")] == [
        "12.5",
        "0.00001",
        "12",
        "yes",
        "",
        "x",
    ]


async def test_values_are_history_found_and_on_the_card(database: Database) -> None:
    office = Office(database)
    fields = Fields(database, office.desk.bus, lambda: office.now, CRM.fields)
    anna = await office.customers.create(NewCustomer("Anna"), None)
    office.desk.changed.clear()
    await fields.edit(
        anna.id, {"contract_no": "Wrocław 117", "newsletter": True, "seats": 3}, None, anna.version
    )
    assert [fact.customer_id for fact in office.desk.changed] == [anna.id]
    with pytest.raises(ConflictError):
        await fields.edit(anna.id, {"seats": 4}, None, anna.version)
    with pytest.raises(InvalidInputError):
        await fields.edit(anna.id, {"colour": "red"}, None)
    async with database.read() as connection:
        found = await find_customers(connection, "ann wroc", region="PL")
        (summary,) = await load_summaries(connection, {anna.id: False}, Known({}, {}, {}, {}), fields.on_card)
        page = await TIMELINE.page(connection, anna.id, kinds=("change",))
    assert [one.id for one in found.customers] == [anna.id]
    assert summary.customers[0].fields == (
        FieldLine("Contract", "Wrocław 117"),
        FieldLine("Newsletter", "yes"),
    )
    said = [entry.body for entry in page.entries if isinstance(entry.body, ChangeBody)]
    assert {body.after for body in said if body.what is What.FIELD} == {
        "Contract: Wrocław 117",
        "Newsletter: yes",
        "Seats: 3",
    }
    await fields.edit(anna.id, {"contract_no": None}, None)
    async with database.read() as connection:
        assert (await find_customers(connection, "wroc", region="PL")).customers == ()
        assert (await read_customer(connection, anna.id)).fields == {"newsletter": True, "seats": 3}


@pytest.fixture
async def api(database: Database) -> AsyncIterator[ApiServer]:
    async with api_server(database, settings=Settings(crm=CRM)) as server:
        yield server


async def test_programs_read_and_set_fields(api: ApiServer) -> None:
    customer = await api.send("POST", "/api/v1/customers", {"name": "Jan"}, 201)
    assert customer["fields"] == {}
    path = f"/api/v1/customers/{customer['id']}/fields"
    body = {"fields": {"seats": 3, "newsletter": True, "since": "2026-01-01"}}
    changed = await api.send("PATCH", path, body, headers={"If-Match": '"1"'})
    assert changed["fields"] == {"seats": 3, "newsletter": True, "since": "2026-01-01"}
    stale = await api.send("PATCH", path, body, 412, headers={"If-Match": '"1"'})
    assert stale["code"] == "stale"
    wrong = await api.send("PATCH", path, {"fields": {"seats": "many"}, "version": changed["version"]}, 422)
    assert wrong["field"] == "seats"
    declared = await api.get("/api/v1/customer-fields")
    assert [one["key"] for one in declared["fields"]] == [one.key for one in CRM.fields]
