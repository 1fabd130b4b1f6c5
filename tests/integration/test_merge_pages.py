"""Merging on the pages and through the API: who may what, what is shown, where old addresses lead."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import text

from config.crm import CrmSettings
from config.settings import Settings
from core.accounts import NewUser, Role, create_user, find_user_by_login
from core.clock import iso
from core.db import Database
from core.sessions import start_session
from crm_link.merging.views import MOST_MOVING
from server.customers.duplicates_parts import Searches
from server.schema import prepare
from server.web.guard import LOCAL_COOKIE
from server.web.keys import CLOCK, DATABASE, FIELDS, ZONE
from tests.integration.api_server import CUSTOMER, NOW, ApiServer, Json, answered_call, api_server
from tests.merging import MANY_NOTES

CUSTOMERS = "/api/v1/customers"
ANYTHING: Json = {"headers": {"If-Match": "*"}}


@pytest.fixture
async def api(database: Database) -> AsyncIterator[ApiServer]:
    async with api_server(database) as server:
        yield server


@pytest.fixture
async def pages(tmp_path: Path) -> AsyncIterator[ApiServer]:
    """For what is the same on both databases: how things look."""
    database = Database(f"sqlite:///{tmp_path / 'pages.db'}")
    await prepare(database)
    async with api_server(database) as server:
        yield server
    await database.close()


async def _enter(api: ApiServer, login: str, role: Role) -> None:
    """From now on the client is this person; without the time that a password takes."""
    person = NewUser(login, login.title(), role, "no password", ())
    async with api.database.write() as connection:
        found = await find_user_by_login(connection, login)
        user_id = found.id if found else (await create_user(connection, person, NOW)).id
        token = await start_session(connection, user_id, NOW, address="127.0.0.1", browser="test")
    api.client.session.cookie_jar.update_cookies({LOCAL_COOKIE: token}, api.client.make_url("/"))


async def _pair(api: ApiServer) -> tuple[int, int]:
    """Anna, who called, and a second record of hers."""
    body = {"name": "Anna Kowalska", "company": "Acme", "numbers": [CUSTOMER], "emails": ["a@example.com"]}
    anna = await api.send("POST", CUSTOMERS, body, 201)
    body = {"name": "Ana Kowalska", "company": "ACME Ltd", "emails": ["a@example.com"]}
    ania = await api.send("POST", CUSTOMERS, body, 201)
    await api.tell(*answered_call("main-1.1"))
    return anna["id"], ania["id"]


async def _page(api: ApiServer, path: str, status: int = 200, form: Json | None = None) -> str:
    origin = {"Origin": str(api.client.make_url("/")).rstrip("/"), "Accept": "text/html"}
    method = "GET" if form is None else "POST"
    response = await api.ask(method, path, key="", data=form, headers=origin)
    assert response.status == status, await response.text()
    return response.headers["Location"] if status == 303 else await response.text()


def _hidden(text: str) -> Json:
    return dict(re.findall(r'type="hidden" name="(\w+)" value="(\d+)"', text))


async def test_a_program_looks_merges_and_undoes(api: ApiServer) -> None:
    anna, ania = await _pair(api)
    preview = await api.get(f"{CUSTOMERS}/{ania}/merge?other_id={anna}")
    assert (preview["kept"]["id"], preview["merged"]["id"]) == (anna, ania)
    assert preview["conflicts"] == ["name", "company"]
    assert {"what": "identities", "count": 1} in preview["moving"]
    body = {**_seen(preview), "other_id": anna, "name": "merged"}
    merge = await api.send("POST", f"{CUSTOMERS}/{ania}/merge", body, 201)
    assert (merge["kept_id"], merge["merged_at"], merge["merged_by"]) == (anna, iso(NOW), None)
    kept = await api.get(f"{CUSTOMERS}/{ania}")
    assert (kept["id"], kept["name"], kept["company"]) == (anna, "Ana Kowalska", "Acme")
    timeline = await api.get(f"{CUSTOMERS}/{anna}/timeline")
    assert [one["merge"]["id"] for one in timeline["entries"] if one["kind"] == "merge"] == [merge["id"]]
    undone = await api.send("POST", f"/api/v1/merges/{merge['id']}/undo")
    assert undone["undone_at"] == iso(NOW)
    assert undone == await api.get(f"/api/v1/merges/{merge['id']}")
    assert (await api.get(f"{CUSTOMERS}/{ania}"))["name"] == "Ana Kowalska"


def _seen(preview: Json) -> Json:
    """What a program says of the two that it looked at."""
    kept, merged = preview["kept"], preview["merged"]
    return {"keep": kept["id"], "kept_version": kept["version"], "merged_version": merged["version"]}


async def test_a_merge_that_makes_no_sense_is_refused(api: ApiServer) -> None:
    anna, ania = await _pair(api)
    path = f"{CUSTOMERS}/{anna}/merge"
    await api.send("POST", path, {"other_id": anna}, 422, **ANYTHING)
    await api.send("POST", path, {"other_id": 999}, 404, **ANYTHING)
    await api.send("POST", path, {"other_id": ania, "keep": 999}, 404, **ANYTHING)
    merge = await api.send("POST", path, {"other_id": ania}, 201, **ANYTHING)
    await api.send("POST", path, {"other_id": ania}, 409, **ANYTHING)
    await api.send("POST", f"/api/v1/merges/{merge['id']}/undo")
    await api.send("POST", f"/api/v1/merges/{merge['id']}/undo", status=409)


async def test_a_program_merges_what_it_looked_at(api: ApiServer) -> None:
    anna, ania = await _pair(api)
    path = f"{CUSTOMERS}/{anna}/merge"
    seen = {"other_id": ania, **_seen(await api.get(f"{path}?other_id={ania}"))}
    for edited in (anna, ania):
        await api.send("PUT", f"{CUSTOMERS}/{edited}/tags/vip")
        assert (await api.send("POST", path, seen, 409))["code"] == "stale"
        seen |= _seen(await api.get(f"{path}?other_id={ania}"))
    for left_out in ("keep", "kept_version", "merged_version"):
        rest = {name: value for name, value in seen.items() if name != left_out}
        assert (await api.send("POST", path, rest, 422))["field"] == "If-Match"
    await api.send("POST", path, seen, 422, **ANYTHING)
    await api.send("POST", path, {"other_id": ania}, 422, headers={"If-Match": '"1"'})
    assert (await api.get(f"{CUSTOMERS}/{ania}"))["id"] == ania
    await api.send("POST", path, seen, 201)


async def test_a_program_that_edits_customers_proposes_and_does_not_merge(api: ApiServer) -> None:
    anna, ania = await _pair(api)
    editing, merging = await api.make_key("customers:write"), await api.make_key("customers:merge")
    path, both = f"{CUSTOMERS}/{anna}/merge", {"first_id": anna, "second_id": ania}
    await api.send("POST", "/api/v1/duplicates", both, 204, key=editing)
    for decision in ("rule-out", "look-again"):
        await api.send("POST", f"/api/v1/duplicates/{decision}", both, 403, key=editing)
    await api.send("POST", path, {"other_id": ania}, 403, key=editing)
    merge = await api.send("POST", path, {"other_id": ania}, 201, key=merging, **ANYTHING)
    undo = f"/api/v1/merges/{merge['id']}/undo"
    await api.send("POST", undo, status=403, key=editing)
    await api.send("POST", undo, key=merging)
    await api.send("POST", CUSTOMERS, {"name": "Jan"}, 403, key=merging)


async def test_a_program_reads_searches_and_rules_out_duplicates(api: ApiServer) -> None:
    anna, ania = await _pair(api)
    assert (await api.get("/api/v1/duplicates/search"))["began_at"] is None
    searches = Searches(api.app[DATABASE], api.app[CLOCK], api.app[ZONE])
    await searches._search(None)
    state = await api.get("/api/v1/duplicates/search")
    assert (state["is_running"], state["found"]) == (False, 1)
    (pair,) = (await api.get("/api/v1/duplicates"))["duplicates"]
    assert {pair["first"]["id"], pair["second"]["id"]} == {anna, ania}
    assert set(pair["reasons"]) == {"email", "company"}
    both = {"first_id": ania, "second_id": anna}
    await api.send("POST", "/api/v1/duplicates/rule-out", both, 204)
    assert (await api.get("/api/v1/duplicates"))["duplicates"] == []
    await api.send("POST", "/api/v1/duplicates", both, 409)
    await api.send("POST", "/api/v1/duplicates/look-again", both, 204)
    assert (await api.get("/api/v1/duplicates"))["duplicates"] == [pair]
    await api.send("POST", "/api/v1/duplicates/look-again", {**both, "first_id": 999}, 404)


async def test_a_manager_merges_on_the_page_and_undoes_it_from_the_timeline(pages: ApiServer) -> None:
    anna, ania = await _pair(pages)
    await _enter(pages, "maria", Role.MANAGER)
    others = await _page(pages, f"/customers/{anna}/merge?q=kowalska")
    assert f"/customers/{anna}/merge?with={ania}" in others
    text = await _page(pages, f"/customers/{anna}/merge?with={ania}")
    assert "Becomes part of it" in text
    assert await _page(pages, f"/customers/{anna}/merge", 303, _hidden(text)) == f"/customers/{anna}"
    assert await _page(pages, f"/customers/{ania}", 303) == f"/customers/{anna}"
    shown = await _page(pages, f"/customers/{anna}")
    undo = re.search(r'action="(/customers/merges/\d+/undo)"', shown)
    assert undo is not None
    assert await _page(pages, undo[1], 303, {}) == f"/customers/{anna}"
    assert "Was part of" in await _page(pages, f"/customers/{ania}")
    assert "undone" in await _page(pages, f"/customers/{anna}")


async def test_both_values_of_an_own_field_are_shown_and_one_is_chosen(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'fields.db'}")
    await prepare(database)
    crm = {"fields": [{"key": "contract", "label": "Contract"}, {"key": "seats", "type": "number"}]}
    async with api_server(database, settings=Settings(crm=CrmSettings.model_validate(crm))) as server:
        anna, ania = await _pair(server)
        await server.app[FIELDS].edit(anna, {"contract": "C-77"}, None)
        await server.app[FIELDS].edit(ania, {"contract": "OTHER-1", "seats": 7}, None)
        looked = await server.get(f"{CUSTOMERS}/{anna}/merge?other_id={ania}&keep={anna}")
        assert looked["field_conflicts"] == ["contract"]
        assert {"what": "fields", "count": 1} in looked["moving"]
        await _enter(server, "maria", Role.MANAGER)
        text = await _page(server, f"/customers/{anna}/merge?with={ania}&keep={anna}")
        for shown in ("<td>C-77</td><td>OTHER-1</td>", "<td>–</td><td>7</td>", "<legend>Contract</legend>"):
            assert shown in text
        form = {**_hidden(text), "field-contract": "merged"}
        await _page(server, f"/customers/{anna}/merge", 303, form)
        kept = await server.get(f"{CUSTOMERS}/{anna}")
        assert kept["fields"] == {"contract": "OTHER-1", "seats": 7}
    await database.close()


async def test_an_agent_proposes_and_a_manager_decides(pages: ApiServer) -> None:
    anna, ania = await _pair(pages)
    await _enter(pages, "anna", Role.AGENT)
    text = await _page(pages, f"/customers/{anna}/merge?with={ania}")
    assert "Propose a merge" in text
    await _page(pages, f"/customers/{anna}/merge", 403, {"other": ania})
    await _page(pages, "/customers/duplicates", 403)
    assert "managers" in await _page(pages, f"/customers/{anna}/merge/propose", 200, _hidden(text))
    await _enter(pages, "maria", Role.MANAGER)
    listed = await _page(pages, "/customers/duplicates")
    assert "Proposed by Anna" in listed
    pair = {"first": min(anna, ania), "second": max(anna, ania)}
    path = await _page(pages, "/customers/duplicates/rule-out", 303, pair)
    ruled_out = await _page(pages, path)
    assert "They are two people" in ruled_out
    assert "Proposed by Anna" not in ruled_out
    await _page(pages, "/customers/duplicates/look-again", 303, pair)
    assert "Proposed by Anna" in await _page(pages, "/customers/duplicates")


async def test_too_much_for_one_merge_is_said_beforehand_with_the_way_out(pages: ApiServer) -> None:
    anna, ania = await _pair(pages)
    await _enter(pages, "maria", Role.MANAGER)
    async with pages.database.write() as connection:
        await connection.execute(text(MANY_NOTES), {"customer": ania, "many": MOST_MOVING + 1})
    page = await _page(pages, f"/customers/{anna}/merge?with={ania}&keep={anna}")
    assert "Ana Kowalska has too much for one merge" in page
    assert f'href="/customers/{anna}/merge?with={ania}&amp;keep={ania}">Keep Ana Kowalska instead' in page
    assert 'type="submit">' not in page.partition("has too much")[2]
    await _page(pages, f"/customers/{anna}/merge", 409, _hidden(page))
    assert "has too much" not in await _page(pages, f"/customers/{anna}/merge?with={ania}&keep={ania}")


async def test_the_inbox_has_a_line_while_proposals_are_open(pages: ApiServer) -> None:
    anna, ania = await _pair(pages)
    both = {"first_id": anna, "second_id": ania}
    await _enter(pages, "maria", Role.MANAGER)
    assert "proposed duplicate" not in await _page(pages, "/inbox")
    await pages.send("POST", "/api/v1/duplicates", both, 204)
    assert re.search(
        r'href="/customers/duplicates">.*>1</span> proposed duplicate:', await _page(pages, "/inbox")
    )
    merge = await pages.send("POST", f"{CUSTOMERS}/{anna}/merge", {"other_id": ania}, 201, **ANYTHING)
    assert "proposed duplicate" not in await _page(pages, "/inbox")
    await pages.send("POST", f"/api/v1/merges/{merge['id']}/undo")
    assert "proposed duplicate" in await _page(pages, "/inbox")
    await pages.send("POST", "/api/v1/duplicates/rule-out", both, 204)
    assert "proposed duplicate" not in await _page(pages, "/inbox")


async def test_what_somebody_changed_meanwhile_is_looked_at_first(pages: ApiServer) -> None:
    anna, ania = await _pair(pages)
    await _enter(pages, "maria", Role.MANAGER)
    text = await _page(pages, f"/customers/{anna}/merge?with={ania}")
    await pages.send("PATCH", f"{CUSTOMERS}/{ania}", {"name": "Else"}, headers={"If-Match": "*"})
    assert "changed meanwhile" in await _page(pages, f"/customers/{anna}/merge", 409, _hidden(text))
    await _page(pages, f"/customers/{anna}/merge?with={anna}", 422)
    await _page(pages, f"/customers/{anna}/merge?with=x", 404)
