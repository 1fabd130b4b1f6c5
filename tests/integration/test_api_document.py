"""The OpenAPI document: valid, complete in both directions, and true: what the server answers is what it says."""

from __future__ import annotations

import re
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from openapi_schema_validator import OAS31Validator
from openapi_spec_validator import validate

from core.accounts import Role
from core.api_keys import SCOPES
from core.db import Database
from server.routes import ROUTES
from tests.integration.api_server import ApiServer, api_server

API_PAGE = Path(__file__).parents[2] / "docs" / "api.md"

Document = dict[str, Any]
Described = list[tuple[str, str, Document]]
"""Method, path and what the document says of them."""


@pytest.fixture
async def api(sqlite_template: Path, tmp_path: Path) -> AsyncIterator[ApiServer]:
    shutil.copy(sqlite_template, tmp_path / "ringback.db")
    database = Database(f"sqlite:///{tmp_path}/ringback.db")
    async with api_server(database) as server:
        yield server
    await database.close()


@pytest.fixture
async def document(api: ApiServer) -> Document:
    return await api.get("/api/v1/openapi.json", key="")


@pytest.fixture
def described(document: Document) -> Described:
    return [
        (method.upper(), path, one)
        for path, item in document["paths"].items()
        for method, one in item.items()
    ]


def fill(path: str) -> str:
    """The path with something that does not exist in each of its places."""
    return re.sub(r"\{\w+\}", "999", path)


def is_stream(one: Document) -> bool:
    return "text/event-stream" in one["responses"].get("200", {}).get("content", {})


async def test_the_document_is_openapi_3_1(document: Document) -> None:
    assert document["openapi"].startswith("3.1")
    validate(document)


async def test_every_api_route_is_described_and_nothing_else(api: ApiServer, described: Described) -> None:
    routes = {
        (route.method, route.resource.canonical)
        for route in api.app.router.routes()
        if route.resource is not None
        and route.resource.canonical.startswith("/api/v1/")
        and route.method != "HEAD"
    }
    assert {(method, path) for method, path, _ in described} == routes


async def test_every_parameter_and_field_has_a_type(document: Document, described: Described) -> None:
    for _, path, one in described:
        for parameter in one.get("parameters", ()):
            assert parameter["schema"].keys() & {"type", "$ref", "anyOf", "enum"}, (path, parameter)
    for name, schema in document["components"]["schemas"].items():
        for field, shape in schema.get("properties", {}).items():
            assert shape.keys() & {"type", "$ref", "anyOf", "const", "allOf"}, (name, field)


WITHOUT_PAGES = {
    "/api/v1/calls/{call_id}/contacts": "at most 5 of each CRM in the settings file",
    "/api/v1/customer-fields": "at most 40 stand in the settings file",
    "/api/v1/customers/{customer_id}/blocks": "at most 50 of one customer",
}


async def test_every_list_has_a_cursor(document: Document, described: Described) -> None:
    bare = {path for method, path, one in described if method == "GET" and _is_list_without(document, one)}
    assert bare == set(WITHOUT_PAGES)


def _is_list_without(document: Document, one: Document) -> bool:
    """Whether the answer is little more than a list, and says nothing of a next page."""
    content = one["responses"].get("200", {}).get("content", {}).get("application/json", {})
    name = content.get("schema", {}).get("$ref", "").rpartition("/")[2]
    fields = document["components"]["schemas"].get(name, {}).get("properties", {})
    return (
        0 < len(fields) <= 3 and "next" not in fields and "array" in {x.get("type") for x in fields.values()}
    )


async def test_every_described_path_answers_as_described(api: ApiServer, described: Described) -> None:
    """Asked for what does not exist, with an empty body: a described status, and never 'no such address'."""
    for method, path, one in described:
        if is_stream(one):
            continue
        response = await api.ask(method, fill(path), json={} if "requestBody" in one else None)
        text = await response.text(errors="replace")  # a workbook is none
        assert str(response.status) in one["responses"], (method, path, text)
        assert "There is nothing at this address" not in text, (method, path)


@pytest.mark.parametrize(
    ("path", "status"),
    [("/api/v1/calls?limit=x", 422), ("/api/v1/calls/none", 404), ("/api/v1/nothing", 404)],
)
async def test_problems_are_as_described(api: ApiServer, document: Document, path: str, status: int) -> None:
    response = await api.ask("GET", path)
    assert (response.status, response.content_type) == (status, "application/problem+json")
    schema = document["components"]["schemas"]["Problem"]
    OAS31Validator(schema).validate(await response.json(content_type=None))


async def test_without_a_living_key_nothing_protected_answers(api: ApiServer, described: Described) -> None:
    for method, path, one in described:
        if "security" in one:
            # Without an Origin an unsafe request is refused as cross-site before anybody is asked for a password.
            assert (await api.ask(method, fill(path), key="")).status in {401, 403}, (method, path)
            assert (await api.ask(method, fill(path), key="rb_wrong")).status == 401, (method, path)


async def test_a_key_opens_what_its_scope_names_and_no_more(api: ApiServer, described: Described) -> None:
    for scope in SCOPES:
        key = await api.make_key(scope)
        for method, path, one in described:
            needed = [need["apiKey"] for need in one.get("security", ()) if "apiKey" in need]
            if needed and scope not in needed[0]:
                assert (await api.ask(method, fill(path), key=key)).status == 403, (scope, method, path)


async def test_a_session_needs_the_role_the_document_names(api: ApiServer, described: Described) -> None:
    await api.add_person("anna", "101")
    await api.log_in("anna")
    for method, path, one in described:
        role = next((need["session"][0] for need in one.get("security", ()) if "session" in need), "agent")
        if method == "GET" and role != "agent":
            assert (await api.ask(method, fill(path), key="")).status == 403, path


def test_scopes_in_the_routes_exist() -> None:
    used = {route.scope for route in ROUTES if route.scope is not None}
    assert used <= set(SCOPES)


async def test_the_page_shows_every_operation(api: ApiServer, described: Described) -> None:
    response = await api.ask("GET", "/api/docs", key="")
    page = await response.text()
    assert (response.status, response.content_type) == (200, "text/html")
    for method, path, one in described:
        assert f'id="{one["operationId"]}"' in page, (method, path)
        assert f'<span class="mono">{path}</span>' in page
    assert "<script>" not in page
    assert "style=" not in page


async def test_examples_on_the_page_use_the_address_people_know(api: ApiServer) -> None:
    page = await (await api.ask("GET", "/api/docs", key="")).text()
    assert f"{str(api.client.make_url('/')).rstrip('/')}/api/v1/calls" in page


def test_operations_have_names_of_their_own(described: Described) -> None:
    names = [one["operationId"] for _, _, one in described]
    assert len(names) == len(set(names))


def test_a_key_changes_no_more_than_the_person_its_page_compares_it_with() -> None:
    roles = {role.value: role for role in Role}
    table = re.findall(r"^\| `([a-z:]+)` \|.*\| ([a-z]+) \|$", API_PAGE.read_text(), re.MULTILINE)
    stated = {scope: roles[role] for scope, role in table}
    beyond = [
        (route.scope, route.method, route.path)
        for route in ROUTES
        if route.method != "GET" and route.scope in stated and route.role is not None
        if not stated[route.scope].covers(route.role)
    ]
    assert len(stated) > len(SCOPES) / 2
    assert beyond == []


async def test_a_key_may_have_every_scope(api: ApiServer) -> None:
    await api.get("/api/v1/duplicates", key=await api.make_key(*SCOPES))


def test_the_page_about_keys_names_every_scope() -> None:
    page = API_PAGE.read_text()
    assert [scope for scope in SCOPES if f"| `{scope}` |" not in page] == []
