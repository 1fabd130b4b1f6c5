"""The API keeps its own promises: answers are as the document says, and nothing a stranger sends makes it fall over.
Both are asked of every operation the document names, on both databases."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from openapi_schema_validator import OAS31Validator

from core.accounts import User, find_user
from core.db import Database
from core.facts import BlindWindowClosed
from pbx_bridge import blindness
from recordings.kinds import AudioState
from recordings.store import LocalStore
from server.desk.parts import WRAP_UPS
from tests.callback_seed import seed_callbacks
from tests.integration.api_server import CUSTOMER, NOW, ApiServer, Json, answered_call, api_server
from tests.said import announce_everything, index
from tests.sound_seed import keep, say_audio

NASTY = (
    "\0",
    "a\0b",
    "%",
    "'; --",
    "\ud7ff\uffff\U0010ffff",
    "\u202e\r\n\t",
    "{}",
    "9" * 40,
    "-1",
    "1e309",
    "nan",
    "~",
    "WzEsMV0=",
    "x" * 5000,
)
"""Zero bytes, quotes, odd characters, numbers that fit nowhere, half a cursor, far too much."""


RECORDING = f"{1:032x}"
QUERIES = {
    "/lookup": {"number": CUSTOMER},
    "/v1/search": {"q": "tea"},
    "/blocked/check": {"number": CUSTOMER},
}
"""What an operation cannot answer without, by the end of its path."""


@pytest.fixture
async def api(database: Database, tmp_path: Path) -> AsyncIterator[ApiServer]:
    store = LocalStore(tmp_path / "audio")
    async with api_server(database, store) as server:
        await fill(server, store)
        yield server


async def fill(api: ApiServer, store: LocalStore) -> None:
    """Something of everything, so that no list is empty."""
    anna = await api.add_person("anna", "101")
    await api.tell(*answered_call("c1"))
    await api.app[WRAP_UPS].save("c1", anna, note="call back", disposition="Solved", close=True)
    (customer,) = (await api.get("/api/v1/customers"))["customers"]
    path = f"/api/v1/customers/{customer['id']}"
    await api.send("PATCH", path, {"name": "Anna", "version": customer["version"]})
    await api.send("POST", f"{path}/notes", {"text": "likes tea"}, 201)
    await api.send("PUT", f"{path}/tags/vip")
    await say_audio(api.database, "c1", AudioState.KEPT, ended_at=NOW - 40)
    await keep(api.database, store, "c1", RECORDING, started_at=NOW - 97)
    await announce_everything(api.database)
    await index(api.database)
    await seed_callbacks(api.database, {"anna": await person(api, anna)}, count=4)
    await api.send("POST", "/api/v1/suppressions", {"number": CUSTOMER, "reason": "asked us"}, 204)
    async with api.database.write() as connection:
        await blindness.open_window(connection, "main", NOW - 50, "cut")
        await blindness.close_window(
            connection, BlindWindowClosed("main", NOW - 50, NOW - 40, "cut", 1, 0, 0)
        )


ELSEWHERE = (
    "/deliveries/{delivery_id}",  # test_webhooks_offered.py: there is one only when somebody receives it
    "/customer-imports/{import_id}",  # test_api_customer_imports.py, with a file
    "/customer-imports/{import_id}/lines",
    "/calls/{call_id}/contacts",  # test_connectors_picks.py, with another CRM
    "/connectors/{name}",  # test_connectors_api.py, with another CRM
    "/erasures/{erasure_id}",  # test_api_erasures.py, with somebody erased
    "/customers/{customer_id}/merge",  # test_merge_pages.py, with another customer
)
"""Ends of paths that are asked there."""


async def affairs_of(api: ApiServer, customer_id: int) -> dict[str, int]:
    """What the customer has beside calls, by the names of their ids in paths."""
    due = {"title": "Send tea", "customer_id": customer_id, "due_at": "2026-12-01T10:00:00Z"}
    order = {"title": "Tea", "customer_id": customer_id, "kind": "order", "state": "open"}
    hook = {"name": "Shop", "url": "https://example.com/", "events": ["call.ended"]}
    task = await api.send("POST", "/api/v1/tasks", due, 201)
    deal = await api.send("POST", "/api/v1/deals", order, 201)
    webhook = await api.send("POST", "/api/v1/webhooks", hook, 201)
    twice = await api.send("POST", "/api/v1/customers", {"name": "Ania"}, 201)
    place, merged = f"/api/v1/customers/{customer_id}", {"other_id": twice["id"], "name": "kept"}
    merge = await api.send("POST", f"{place}/merge", merged, 201, headers={"If-Match": "*"})
    note = await api.send("POST", f"{place}/notes", {"text": "prefers mornings"}, 201)
    return {
        "note_id": note["id"],
        "task_id": task["id"],
        "deal_id": deal["id"],
        "webhook_id": webhook["id"],
        "merge_id": merge["id"],
    }


async def person(api: ApiServer, user_id: int) -> User:
    async with api.database.read() as connection:
        found = await find_user(connection, user_id)
    assert found is not None
    return found


async def test_answers_are_as_the_document_says(api: ApiServer) -> None:
    document = await api.get("/api/v1/openapi.json")
    (customer,) = (await api.get("/api/v1/customers"))["customers"]
    (agent,) = (await api.get("/api/v1/agents"))["agents"]
    filled = {
        "customer_id": customer["id"], "agent_id": agent["id"], "call_id": "c1", "callback_id": 1,
        "recording_id": RECORDING, **await affairs_of(api, customer["id"]),
    }  # fmt: skip
    asked = 0
    for path, item in document["paths"].items():
        content = item.get("get", {}).get("responses", {}).get("200", {}).get("content", {})
        schema = content.get("application/json", {}).get("schema")
        if schema is None or path.endswith(ELSEWHERE):
            continue
        query = next((given for end, given in QUERIES.items() if path.endswith(end)), {})
        answer = await api.get(path.format_map(filled), params=query)
        validator = OAS31Validator({**schema, "components": document["components"]})
        validator.validate(answer)
        refuse_invented_names(document, schema, answer, path)
        asked += 1
    assert asked >= 10


def refuse_invented_names(document: Json, schema: Json, answer: Any, path: str) -> None:
    """JSON Schema allows fields it does not name; our answers must not have any."""
    if "$ref" in schema:
        schema = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    if isinstance(answer, list) and "items" in schema:
        for one in answer:
            refuse_invented_names(document, schema["items"], one, path)
    if isinstance(answer, dict) and "properties" in schema:
        assert set(answer) == set(schema["properties"]), path
        for name, value in answer.items():
            refuse_invented_names(document, schema["properties"][name], value, f"{path} {name}")


async def test_nothing_in_a_query_or_path_breaks_the_server(api: ApiServer) -> None:
    document = await api.get("/api/v1/openapi.json")
    for path, item in document["paths"].items():
        for method, one in item.items():
            if "text/event-stream" in str(one["responses"]):
                continue
            for parameter in one.get("parameters", ()):
                for value in NASTY:
                    target = asked_with(path, parameter, value)
                    response = await api.ask(method, target, json={} if "requestBody" in one else None)
                    assert response.status < 500, (method, target[:200], await response.text())


def asked_with(path: str, parameter: Json, value: str) -> str:
    """The path with this value in the place of the parameter, and harmless ones elsewhere."""
    quoted = quote(value.encode("utf-8", "surrogatepass"), safe="")
    if parameter["in"] == "path":
        path = path.replace(f"{{{parameter['name']}}}", quoted)
    path = re.sub(r"\{\w+\}", "1", path)
    return f"{path}?{parameter['name']}={quoted}" if parameter["in"] == "query" else path


async def test_nothing_in_a_body_breaks_the_server(api: ApiServer) -> None:
    document = await api.get("/api/v1/openapi.json")
    odd: tuple[Any, ...] = (*NASTY, None, -1, 2**70, 1.5, True, [], {}, ["\0"], [None])
    for path, item in document["paths"].items():
        for method, one in item.items():
            if "requestBody" not in one:
                continue
            reference = one["requestBody"]["content"]["application/json"]["schema"]["$ref"]
            fields = document["components"]["schemas"][reference.rpartition("/")[2]]["properties"]
            for field in fields:
                for value in odd:
                    body = {"name": "B", "version": 1, "kind": "phone", "value": "1", "text": "t"}
                    body = {key: kept for key, kept in body.items() if key in fields} | {field: value}
                    response = await api.ask(method, re.sub(r"\{\w+\}", "1", path), json=body)
                    assert response.status < 500, (method, path, field, value, await response.text())
