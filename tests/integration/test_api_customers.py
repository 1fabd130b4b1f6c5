"""`/api/v1/customers` and `/api/v1/lookup` on both databases: search, edits that never overwrite each other, numbers in
any spelling, notes and the timeline."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from sqlalchemy import update

from core.clock import iso
from core.db import Database
from crm_link.tables import Customer
from tests.integration.api_server import CUSTOMER, NOW, ApiServer, Json, answered_call, api_server

CUSTOMERS = "/api/v1/customers"


@pytest.fixture
async def api(database: Database) -> AsyncIterator[ApiServer]:
    async with api_server(database) as server:
        yield server


async def create(api: ApiServer, name: str, *numbers: str) -> Json:
    return await api.send("POST", CUSTOMERS, {"name": name, "numbers": numbers}, 201)


async def test_a_customer_is_created_with_numbers_in_any_spelling(api: ApiServer) -> None:
    body = {
        "name": "Anna Kowalska",
        "company": "Ósemka",
        "numbers": ["0048 22 123-45-67"],
        "emails": ["Anna@Example.com"],
    }
    response = await api.ask("POST", CUSTOMERS, json=body)
    made = await response.json()
    assert (response.status, response.headers["Location"]) == (201, f"{CUSTOMERS}/{made['id']}")
    assert (made["title"], made["numbers"], made["is_provisional"]) == ("Anna Kowalska", [CUSTOMER], False)
    assert [(one["kind"], one["value"], one["source"]) for one in made["identities"]] == [
        ("phone", CUSTOMER, "api"),
        ("email", "anna@example.com", "api"),
    ]
    assert made["created_at"] == iso(NOW)
    assert await api.get(f"{CUSTOMERS}/{made['id']}") == made


async def test_people_are_found_by_words_and_numbers(api: ApiServer) -> None:
    anna = await create(api, "Anna Kowalska", CUSTOMER)
    await create(api, "Zenon Nowak")

    async def found(q: str) -> list[str]:
        page = await api.get(CUSTOMERS, params={"q": q})
        return [one["name"] for one in page["customers"]]

    assert await found("kow ann") == ["Anna Kowalska"]
    assert await found("22 123 45 67") == [anna["name"]]
    assert await found("nobody") == []
    assert sorted(await found("")) == ["Anna Kowalska", "Zenon Nowak"]


async def test_lists_are_paged(api: ApiServer) -> None:
    for number in range(5):
        await create(api, f"Customer {number}")
    seen: list[str] = []
    path = f"{CUSTOMERS}?limit=2"
    while True:
        page = await api.get(path)
        seen += [one["name"] for one in page["customers"]]
        if page["next"] is None:
            break
        path = f"{CUSTOMERS}?limit=2&after={page['next']}"
    assert sorted(seen) == [f"Customer {number}" for number in range(5)]
    assert len(seen) == 5


async def test_by_id_nobody_is_missed_who_calls_meanwhile(api: ApiServer) -> None:
    for number in range(4):
        await create(api, f"Customer {number}")
    first = await api.get(CUSTOMERS, params={"limit": 2, "order": "id"})
    async with api.database.write() as connection:
        await connection.execute(update(Customer).where(Customer.id == 3).values(last_contact_at=NOW))
    await create(api, "Customer 4")
    second = await api.get(CUSTOMERS, params={"order": "id", "after": first["next"]})
    assert [one["id"] for page in (first, second) for one in page["customers"]] == [1, 2, 3, 4, 5]
    assert second["next"] is None
    await api.get(CUSTOMERS, 422, params={"after": first["next"]})


async def test_an_edit_names_the_version_it_is_based_on(api: ApiServer) -> None:
    made = await create(api, "Anna")
    path = f"{CUSTOMERS}/{made['id']}"
    etag = (await api.ask("GET", path)).headers["ETag"]
    edited = await api.send("PATCH", path, {"company": "Ósemka"}, headers={"If-Match": etag})
    assert (edited["name"], edited["company"]) == ("Anna", "Ósemka")
    stale = await api.send("PATCH", path, {"company": "Other"}, 412, headers={"If-Match": etag})
    assert stale["code"] == "stale"
    late = await api.send("PATCH", path, {"company": "Other", "version": made["version"]}, 409)
    assert late["code"] == "stale"
    again = await api.send("PATCH", path, {"name": "Anna K.", "version": edited["version"]})
    assert (again["name"], again["company"]) == ("Anna K.", "Ósemka")
    blind = await api.send("PATCH", path, {"company": ""}, headers={"If-Match": "*"})
    assert blind["company"] == ""


@pytest.mark.parametrize(
    ("body", "headers", "field"),
    [
        ({"name": "B"}, {}, "If-Match"),
        ({"name": "B"}, {"If-Match": "seven"}, "If-Match"),
        ({"name": "B", "version": 1}, {"If-Match": '"1"'}, "version"),
        ({"version": 1}, {}, None),
        ({"name": None, "version": 1}, {}, "name"),
        ({"naem": "B", "version": 1}, {}, "naem"),
        ({"name": "B" * 201, "version": 1}, {}, "name"),
        ({"name": "B\0", "version": 1}, {}, "name"),
        ({"owner_id": 999, "version": 1}, {}, "owner_id"),
    ],
)
async def test_edits_that_make_no_sense_are_refused(
    api: ApiServer, body: Json, headers: dict[str, str], field: str | None
) -> None:
    made = await create(api, "Anna")
    problem = await api.send("PATCH", f"{CUSTOMERS}/{made['id']}", body, 422, headers=headers)
    assert problem.get("field") == field
    assert (await api.get(f"{CUSTOMERS}/{made['id']}"))["name"] == "Anna"


async def test_a_body_must_be_json(api: ApiServer) -> None:
    plain = await api.ask("POST", CUSTOMERS, data="name=Anna", headers={"Content-Type": "text/plain"})
    assert plain.status == 422
    broken = await api.ask("POST", CUSTOMERS, data='{"name": ', headers={"Content-Type": "application/json"})
    assert (broken.status, (await broken.json(content_type=None))["detail"][:20]) == (
        422,
        "The body is not JSON",
    )


async def test_lookup_says_exact_several_or_unknown(api: ApiServer) -> None:
    anna = await create(api, "Anna", CUSTOMER)
    exact = await api.get("/api/v1/lookup", params={"number": "(022) 123 45 67"})
    assert (exact["e164"], exact["match"]) == (CUSTOMER, "exact")
    assert [one["id"] for one in exact["customers"]] == [anna["id"]]
    bela = await create(api, "Bela", CUSTOMER)
    several = await api.get(f"/api/v1/lookup?number={CUSTOMER}")  # the unescaped + arrives as a space
    assert several["match"] == "several"
    assert {one["id"] for one in several["customers"]} == {anna["id"], bela["id"]}
    unknown = await api.get("/api/v1/lookup?number=601000111")
    assert (unknown["match"], unknown["e164"], unknown["customers"]) == ("unknown", "+48601000111", [])
    withheld = await api.get("/api/v1/lookup?number=anonymous")
    assert (withheld["match"], withheld["e164"], withheld["reason"]) == ("unknown", None, "withheld")


async def test_p10_a_number_given_to_a_customer_brings_its_calls_along(api: ApiServer) -> None:
    await api.tell(*answered_call("c1"))
    anna = await create(api, "Anna")
    held = await api.send(
        "POST", f"{CUSTOMERS}/{anna['id']}/identities", {"kind": "phone", "value": "22 123 45 67"}
    )
    assert held["numbers"] == [CUSTOMER]
    (call,) = (await api.get("/api/v1/calls"))["calls"]
    assert [one["title"] for one in call["customers"]] == ["Anna"]


async def test_a_number_can_be_taken_away(api: ApiServer) -> None:
    anna = await create(api, "Anna", CUSTOMER)
    path = f"{CUSTOMERS}/{anna['id']}/identities/{anna['identities'][0]['id']}"
    assert (await api.send("DELETE", path))["numbers"] == []
    assert (await api.send("DELETE", path, status=404))["code"] == "not-found"


async def test_a_merged_customer_is_answered_as_the_one_that_stayed(api: ApiServer) -> None:
    await api.tell(*answered_call("c1"))
    (provisional,) = (await api.get(CUSTOMERS))["customers"]
    anna = await create(api, "Anna", CUSTOMER)
    assert (await api.get(f"{CUSTOMERS}/{provisional['id']}"))["id"] == anna["id"]


async def test_tags_come_and_go(api: ApiServer) -> None:
    anna = await create(api, "Anna")
    path = f"{CUSTOMERS}/{anna['id']}/tags"
    assert (await api.send("PUT", f"{path}/VIP"))["tags"] == ["vip"]
    assert (await api.send("PUT", f"{path}/vip"))["tags"] == ["vip"]
    assert (await api.send("DELETE", f"{path}/vip"))["tags"] == []


async def test_notes_and_calls_stand_on_the_timeline(api: ApiServer) -> None:
    await api.tell(*answered_call("c1"))
    (customer,) = (await api.get(CUSTOMERS))["customers"]
    path = f"{CUSTOMERS}/{customer['id']}"
    note = await api.send("POST", f"{path}/notes", {"text": "prefers e-mail", "call_id": "c1"}, 201)
    assert (note["text"], note["author_id"], note["call_id"]) == ("prefers e-mail", None, "c1")
    assert (await api.get(f"{path}/notes"))["notes"] == [note]
    timeline = await api.get(f"{path}/timeline?limit=2")
    assert [one["kind"] for one in timeline["entries"]] == ["note", "call"]
    assert timeline["entries"][1]["talked"][0]["extension"] == "101"
    rest = await api.get(f"{path}/timeline", params={"after": timeline["next"]})
    assert [(one["kind"], one["what"]) for one in rest["entries"]] == [("change", "created")]
    assert (await api.get(f"{path}/timeline?after=x", 422))["field"] == "after"


async def test_one_customer_is_fetched_as_a_vcard(api: ApiServer) -> None:
    made = await create(api, "Anna Kowalska", CUSTOMER)
    card = await api.ask("GET", f"{CUSTOMERS}/{made['id']}.vcf?version=3.0")
    assert (card.status, card.content_type) == (200, "text/vcard")
    text = await card.text()
    assert "VERSION:3.0" in text
    assert "FN:Anna Kowalska" in text
    assert (await api.ask("GET", f"{CUSTOMERS}/{made['id']}.vcf?version=2.1")).status == 422
    writing = await api.make_key("customers:write")
    assert (await api.ask("GET", f"{CUSTOMERS}/{made['id']}.vcf", key=writing)).status == 403


@pytest.mark.parametrize("rest", ["", ".vcf", "/notes", "/timeline"])
async def test_nobody_is_not_found(api: ApiServer, rest: str) -> None:
    assert (await api.get(f"{CUSTOMERS}/999{rest}", 404))["code"] == "not-found"


async def test_a_person_edits_in_their_own_name(api: ApiServer) -> None:
    anna_id = await api.add_person("anna", "101")
    await api.log_in("anna")
    origin = {"Origin": str(api.client.make_url("/")).rstrip("/")}
    made = await api.send("POST", CUSTOMERS, {"name": "Jan"}, 201, key="", headers=origin)
    assert made["created_from"] == "person"
    path = f"{CUSTOMERS}/{made['id']}/notes"
    note = await api.send("POST", path, {"text": "hello"}, 201, key="", headers=origin)
    assert note["author_id"] == anna_id
    foreign = await api.send(
        "POST", path, {"text": "x"}, 403, key="", headers={"Origin": "https://evil.example"}
    )
    assert foreign["code"] == "cross-site"
