"""The block list and blocks of numbers for programs: what they read and write, and what a missed call then owes."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from core.accounts import Role
from core.clock import iso
from core.db import Database
from crm_link.blocked.calls import BlockedCalls
from tests.integration.api_server import CUSTOMER, NOW, ApiServer, answered_call, api_server

BLOCKED = "/api/v1/blocked"
CUSTOMERS = "/api/v1/customers"


@pytest.fixture
async def api(database: Database) -> AsyncIterator[ApiServer]:
    async with api_server(database) as server:
        yield server


async def test_a_program_blocks_asks_and_unblocks(api: ApiServer) -> None:
    body = {"value": "022 123 45 67", "reason": "rude", "until": iso(NOW + 3600)}
    made = await api.send("POST", BLOCKED, body, 201)
    assert (made["kind"], made["value"], made["until"]) == ("number", CUSTOMER, iso(NOW + 3600))
    await api.send("POST", BLOCKED, body, 409)
    assert await api.get(f"{BLOCKED}/check?number=%2B48221234567") == {"blocked": True, "reason": "rude"}
    for free in ("%2B48221234568", "101", ""):
        assert await api.get(f"{BLOCKED}/check?number={free}") == {"blocked": False, "reason": None}
    await api.send("POST", BLOCKED, {"kind": "withheld", "reason": "silent calls"}, 201)
    for hidden in ("", "anonymous"):
        assert (await api.get(f"{BLOCKED}/check?number={hidden}"))["reason"] == "silent calls"
    assert [one["kind"] for one in (await api.get(BLOCKED))["blocked"]] == ["withheld", "number"]
    over = await api.send("DELETE", f"{BLOCKED}/{made['id']}")
    assert (over["ended_at"], over["ended_by"]) == (iso(NOW), None)
    await api.send("DELETE", f"{BLOCKED}/{made['id']}", status=409)
    assert [one["id"] for one in (await api.get(f"{BLOCKED}?state=over"))["blocked"]] == [made["id"]]
    for wrong in ({"value": "+48", "kind": "prefix", "reason": "x"}, {"value": "abc", "reason": "x"}):
        await api.send("POST", BLOCKED, wrong, 422)


async def test_a_program_reads_only_with_the_right_scope(api: ApiServer) -> None:
    key = await api.make_key("customers:read")
    await api.get(BLOCKED, key=key)
    for reading in (key, await api.make_key("customers:write")):
        await api.send("POST", BLOCKED, {"value": CUSTOMER, "reason": "x"}, 403, key=reading)
    writing = await api.make_key("blocked:write")
    await api.send("POST", BLOCKED, {"value": "+48221234568", "reason": "x"}, 201, key=writing)
    pbx = await api.make_key("blocked:check")
    assert (await api.get(f"{BLOCKED}/check?number=22 123 45 67", key=pbx))["blocked"] is False
    await api.get(BLOCKED, 403, key=pbx)


async def test_blocks_of_numbers_and_whose_number_lies_in_one(api: ApiServer) -> None:
    acme = await api.send("POST", CUSTOMERS, {"company": "Acme"}, 201)
    blocks = f"{CUSTOMERS}/{acme['id']}/blocks"
    held = (await api.send("POST", blocks, {"block": "+48 22 123 45 00–99"}))["blocks"]
    assert [(one["shown"], one["prefix"], one["shortest"]) for one in held] == [
        ("+48221234500–99", "+482212345", 2)
    ]
    found = await api.get("/api/v1/lookup?number=22 123 45 67")
    assert (found["match"], found["by_block"], found["customers"][0]["id"]) == ("exact", True, acme["id"])
    await api.send("POST", blocks, {"block": "22 123"}, 422)
    assert (await api.send("DELETE", f"{blocks}/{held[0]['id']}"))["blocks"] == []
    await api.send("DELETE", f"{blocks}/{held[0]['id']}", status=404)
    assert (await api.get("/api/v1/lookup?number=22 123 45 67"))["match"] == "unknown"


async def test_a_marked_call_says_so_in_the_log(api: ApiServer) -> None:
    BlockedCalls(api.database, api.bus).subscribe(api.bus)
    await api.tell(*answered_call("c1", NOW - 500))
    made = await api.send("POST", BLOCKED, {"value": CUSTOMER, "reason": "<i>rude</i>"}, 201)
    await api.tell(*answered_call("c2", NOW + 1))
    calls = {one["id"]: one["blocked"] for one in (await api.get("/api/v1/calls"))["calls"]}
    assert calls == {"c1": None, "c2": "<i>rude</i>"}
    await api.add_person("maria", "100", Role.MANAGER)
    await api.log_in("maria")
    page = await page_of(api, "/calls/c2")
    assert "Blocked list: &lt;i&gt;rude&lt;/i&gt;" in page
    assert "Block this caller" not in page
    assert "/admin/blocked?number=%2B48221234567" in await page_of(api, "/calls/c1")
    assert (await page_of(api, "/calls")).count("Blocked list: ") == 1
    assert f"/admin/blocked/{made['id']}/end" in await page_of(api, "/admin/blocked?number=%2B48601000111")


async def page_of(api: ApiServer, path: str) -> str:
    response = await api.ask("GET", path, key="", headers={"Accept": "text/html"})
    assert response.status == 200, await response.text()
    return await response.text()
