"""Links to other CRMs through the API, on both databases: how each stands, what trying one out shows, and calls that
are not there, sent again."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import ClientSession

from core.api_keys import SCOPES, create_key
from core.clock import iso
from core.db import Database
from crm_link.connectors.tables import LogState
from tests.integration.test_connectors import START, Beside, beside
from tests.live_story import CUSTOMER
from tests.scripted import Scripted
from tests.scripted_odoo import KEY, OdooBook, scripted_odoo
from tests.site import eventually

CONNECTORS, CALLS = "/api/v1/connectors", "/api/v1/connector-calls"


class Program:
    """A program beside a desk with an Odoo."""

    def __init__(self, desk: Beside, book: OdooBook, peer: Scripted, session: ClientSession) -> None:
        self.desk, self.book, self.peer, self._session = desk, book, peer, session

    async def key(self, *scopes: str) -> dict[str, str]:
        async with self.desk.site.database.write() as connection:
            _, text = await create_key(connection, "test", scopes or SCOPES, START)
        return {"Authorization": f"Bearer {text}"}

    async def ask(
        self, method: str, path: str, status: int = 200, body: object = None, **options: Any
    ) -> Any:
        url = self.desk.site.url(path)
        async with self._session.request(method, url, json=body, **options) as response:
            text = await response.text()
            assert response.status == status, f"{response.status}: {text}"
            assert KEY not in text
            return await response.json(content_type=None) if text else None


@pytest.fixture
async def program(database: Database) -> AsyncIterator[Program]:
    book, peer = scripted_odoo()
    async with peer, beside(database, peer) as desk, ClientSession() as session:
        one = Program(desk, book, peer, session)
        session.headers.update(await one.key())
        yield one


async def test_a_connector_says_how_it_stands(program: Program) -> None:
    async def odoo() -> Any:
        return await program.ask("GET", f"{CONNECTORS}/odoo")

    fresh = await odoo()
    assert await program.ask("GET", CONNECTORS) == {"connectors": [fresh], "next": None}
    assert (fresh["kind"], fresh["url"], fresh["is_reachable"]) == ("odoo", program.peer.url, None)
    assert (fresh["looks_up"], fresh["logs_calls"], fresh["owed"], fresh["calls"]) == (True, True, 0, {})
    await program.desk.rings()
    asked = await eventually(odoo, lambda one: one["last_ok_at"] is not None)
    assert (asked["is_reachable"], asked["last_ok_at"]) == (True, iso(START))
    await program.peer.stop()
    await program.desk.rings("c2", "+48601000111")
    away = await eventually(odoo, lambda one: bool(one["last_error"]))
    assert (away["is_reachable"], away["last_ok_at"]) == (False, iso(START))
    await program.desk.ends()
    await program.desk.tried()
    owing = await odoo()
    assert (owing["owed"], owing["calls"]) == (1, {"waiting": 1})
    await program.ask("GET", f"{CONNECTORS}/crm", 404)


async def test_a_connector_is_tried_out(program: Program) -> None:
    program.book.add("Jan Nowak", phone="22 123 45 67", company="Example Ltd")
    tried = await program.ask("POST", f"{CONNECTORS}/odoo/try", 200, {"number": "022 1234567"})
    assert (tried["number"], tried["error"]) == (CUSTOMER, "")
    assert [(one["name"], one["company"]) for one in tried["contacts"]] == [("Jan Nowak", "Example Ltd")]
    assert "search_read" in "".join(one["request"] for one in tried["exchanges"])
    assert "Jan Nowak" in tried["exchanges"][-1]["answer"]
    assert await program.ask("GET", CALLS) == {"calls": [], "next": None}
    await program.ask("POST", f"{CONNECTORS}/odoo/try", 422, {"number": "nobody"})
    await program.ask("POST", f"{CONNECTORS}/crm/try", 404, {"number": CUSTOMER})


async def test_calls_that_are_not_there_are_listed_and_sent_again(program: Program) -> None:
    for call_id in ("c1", "c2", "c3"):
        await program.desk.rings(call_id)
        await program.desk.ends(call_id)
        await program.desk.becomes(LogState.SKIPPED, call_id)
    first = await program.ask("GET", f"{CALLS}?limit=2")
    rest = await program.ask("GET", CALLS, params={"after": first["next"], "limit": "2"})
    found = [*first["calls"], *rest["calls"]]
    assert [(one["call_id"], one["state"], one["can_send"]) for one in found] == [
        (call_id, "skipped", True) for call_id in ("c3", "c2", "c1")
    ]
    assert (rest["next"], found[0]["error"]) == (None, "Nobody there has this number.")
    program.book.add("Jan Nowak", phone=CUSTOMER)
    send = f"{CALLS}/{found[2]['id']}/send"
    await program.ask("POST", send, 204)
    await program.desk.becomes(LogState.DONE)
    await program.ask("POST", send, 409)
    await program.ask("POST", f"{CALLS}/999/send", 404)
    assert len(program.book.notes) == 1
    left = await program.ask("GET", f"{CALLS}?connector=odoo&state=skipped")
    assert [one["call_id"] for one in left["calls"]] == ["c3", "c2"]
    [done] = (await program.ask("GET", f"{CALLS}?state=done"))["calls"]
    assert (done["call_id"], done["contact_name"], done["can_send"]) == ("c1", "Jan Nowak", False)
    assert (await program.ask("GET", f"{CALLS}?connector=other"))["calls"] == []


async def test_a_call_that_gave_up_is_left_by_whoever_has_looked(program: Program) -> None:
    program.book.add("Jan Nowak", phone=CUSTOMER)
    program.book.key = "another"
    await program.desk.rings()
    await program.desk.ends()
    await program.desk.tried()
    [waiting] = (await program.ask("GET", CALLS))["calls"]
    leave = f"{CALLS}/{waiting['id']}/leave"
    assert (waiting["state"], waiting["can_leave"]) == ("waiting", False)
    await program.ask("POST", leave, 409)
    await program.desk.later(8 * 86_400)
    await program.desk.becomes(LogState.FAILED)
    [failed] = (await program.ask("GET", f"{CALLS}?state=failed"))["calls"]
    assert failed["can_leave"]
    await program.ask("POST", leave, 204)
    assert (await program.ask("GET", f"{CALLS}?state=failed"))["calls"] == []
    await program.ask("POST", f"{CALLS}/999/leave", 404)
    assert not program.book.notes


async def test_reading_and_doing_are_scopes_of_their_own(program: Program) -> None:
    reading: dict[str, Any] = {"headers": await program.key("connectors:read")}
    await program.ask("GET", CONNECTORS, **reading)
    await program.ask("GET", CALLS, **reading)
    await program.ask("POST", f"{CONNECTORS}/odoo/try", 403, {"number": CUSTOMER}, **reading)
    for decision in ("send", "leave"):
        await program.ask("POST", f"{CALLS}/1/{decision}", 403, **reading)
    doing: dict[str, Any] = {"headers": await program.key("connectors:write")}
    await program.ask("POST", f"{CONNECTORS}/odoo/try", 200, {"number": CUSTOMER}, **doing)
    customers: dict[str, Any] = {"headers": await program.key("customers:read", "customers:write")}
    await program.ask("GET", CONNECTORS, 403, **customers)
