"""`/api/v1/calls/{id}/customer` on both databases: who of several customers with the number
it is, for this call or as the default; a wrong pick is corrected, and nobody overrules what is known without one."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from core.accounts import Role
from core.db import Database
from core.facts import CallStarted, Phone, PhoneRinging
from server.live.socket import LIVE
from tests.integration.api_server import CUSTOMER, NOW, ApiServer, answered_call, api_server, inbound

CUSTOMERS = "/api/v1/customers"
ZENONS = "+48601000111"
PICK = "/api/v1/calls/main-1.1/customer"


@pytest.fixture
async def api(database: Database) -> AsyncIterator[ApiServer]:
    async with api_server(database) as server:
        yield server


async def _sharing(api: ApiServer) -> list[int]:
    """Anna and Jan, who have one number, and Zenon, who has another."""
    made = []
    for name, numbers in (("Anna", [CUSTOMER]), ("Jan", [CUSTOMER]), ("Zenon", [ZENONS])):
        made.append((await api.send("POST", CUSTOMERS, {"name": name, "numbers": numbers}, 201))["id"])
    return made


async def _customers(api: ApiServer, call_id: str) -> list[int]:
    return [one["id"] for one in (await api.get(f"/api/v1/calls/{call_id}"))["customers"]]


async def test_a_program_says_whose_call_it_is_and_who_is_suggested_next(api: ApiServer) -> None:
    anna, jan, _ = await _sharing(api)
    await api.tell(*answered_call("main-1.1"))
    assert set(await _customers(api, "main-1.1")) == {anna, jan}
    asked = {"headers": {"Idempotency-Key": "pick-1"}}
    await api.send("POST", PICK, {"customer_id": jan}, 204, **asked)
    await api.send("POST", PICK, {"customer_id": jan}, 204, **asked)
    assert await _customers(api, "main-1.1") == [jan]
    await api.tell(*answered_call("main-1.2"))
    assert await _customers(api, "main-1.2") == [jan, anna]
    looked_up = await api.get("/api/v1/lookup", params={"number": CUSTOMER})
    assert [one["id"] for one in looked_up["customers"]] == [jan, anna]


async def test_a_pick_for_one_call_leaves_the_order_of_the_next(api: ApiServer) -> None:
    await _sharing(api)
    await api.tell(*answered_call("main-1.1", NOW - 500))
    likeliest, other = await _customers(api, "main-1.1")
    await api.send("POST", PICK, {"customer_id": other}, 204)
    await api.tell(*answered_call("main-1.2", NOW - 400))
    await api.send(
        "POST", "/api/v1/calls/main-1.2/customer", {"customer_id": likeliest, "as_default": False}, 204
    )
    assert await _customers(api, "main-1.2") == [likeliest]
    await api.tell(*answered_call("main-1.3", NOW - 300))
    assert await _customers(api, "main-1.3") == [other, likeliest]


async def test_who_is_no_candidate_is_not_picked_and_what_is_known_stays(api: ApiServer) -> None:
    anna, jan, zenon = await _sharing(api)
    await api.tell(*answered_call("main-1.1"))
    for nobody in (zenon, 999):
        await api.send("POST", PICK, {"customer_id": nobody}, 404)
    await api.send("POST", "/api/v1/calls/main-9.9/customer", {"customer_id": anna}, 404)
    await api.send("POST", PICK, {"customer_id": anna}, 204)
    await api.send("POST", PICK, {"customer_id": zenon}, 404)
    await api.send("POST", PICK, {"customer_id": jan}, 204)
    assert await _customers(api, "main-1.1") == [jan]
    await api.tell(*answered_call("main-1.2", number=ZENONS))
    await api.send("POST", "/api/v1/calls/main-1.2/customer", {"customer_id": jan}, 409)
    assert await _customers(api, "main-1.2") == [zenon]
    reading = await api.make_key("customers:read", "calls:write")
    await api.send("POST", PICK, {"customer_id": anna}, 403, key=reading)


async def test_agents_say_so_of_calls_on_their_own_desk_and_managers_of_all(api: ApiServer) -> None:
    await api.add_person("anna", "101")
    await api.add_person("boss", "109", Role.MANAGER)
    await api.app[LIVE].reload_people()
    _, jan, _ = await _sharing(api)
    await api.tell(*answered_call("main-1.1", extension="102"))
    ringing = PhoneRinging("main-1.2", NOW, Phone("PJSIP/101", "101"))
    await api.tell(CallStarted("main-1.2", "main", NOW, inbound("main-1.2", NOW)), ringing)
    origin = {"Origin": str(api.client.make_url("/")).rstrip("/")}
    told = {"key": "", "headers": origin}
    await api.log_in("anna")
    await api.send("POST", PICK, {"customer_id": jan}, 404, **told)
    await api.send("POST", "/api/v1/calls/main-1.2/customer", {"customer_id": jan}, 204, **told)
    await api.log_in("boss")
    await api.send("POST", PICK, {"customer_id": jan}, 204, **told)
    assert [await _customers(api, one) for one in ("main-1.1", "main-1.2")] == [[jan], [jan]]
