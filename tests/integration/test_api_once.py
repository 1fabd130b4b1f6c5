"""A POST with an `Idempotency-Key`: sent twice it happens once, whoever is answered first, and what was begun when we
died is never done again. And how often a key may ask."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete, func, select, update

from config.settings import Server, Settings
from core.accounts import Role
from core.db import Database
from core.errors import TooManyRequestsError
from crm_link.tables import Customer
from recordings.store import LocalStore
from server.api.once import forget_answers
from server.api.operation import operation_of
from server.api.shapes import SHOWN_ONCE
from server.api_routes import API_ROUTES
from server.tables import ApiAnswerRow
from server.web.key_limits import KeyLimits
from tests.integration.api_server import NOW, ApiServer, api_server

KEY = {"Idempotency-Key": "order-4711"}
ANNA = {"name": "Anna Kowalska", "numbers": ["+48221234567"]}
HOOK = {"name": "CRM", "url": "https://example.com/", "events": ["call.ended"]}


@pytest.fixture
async def api(database: Database) -> AsyncIterator[ApiServer]:
    async with api_server(database) as server:
        yield server


async def made(api: ApiServer) -> int:
    async with api.database.read() as connection:
        return (await connection.scalar(select(func.count()).select_from(Customer))) or 0


async def post(api: ApiServer, body: object, headers: dict[str, str] = KEY, sender: str | None = None) -> Any:
    return await api.ask("POST", "/api/v1/customers", json=body, headers=headers, key=sender)


async def test_the_same_request_again_gets_the_same_answer(api: ApiServer) -> None:
    first = await post(api, ANNA)
    again = await post(api, ANNA)
    assert (first.status, again.status) == (201, 201)
    assert await first.text() == await again.text()
    for name in ("Location", "ETag", "Content-Type"):
        assert first.headers[name] == again.headers[name]
    assert ("Idempotent-Replayed" in first.headers, again.headers["Idempotent-Replayed"]) == (False, "true")
    assert await made(api) == 1


async def test_without_a_key_every_request_counts(api: ApiServer) -> None:
    await post(api, {"name": "One"}, {})
    await post(api, {"name": "One"}, {})
    assert await made(api) == 2


async def test_a_key_is_for_one_request(api: ApiServer) -> None:
    await post(api, ANNA)
    other = await post(api, {"name": "Marek"})
    assert (other.status, (await other.json(content_type=None))["code"]) == (409, "conflict")
    elsewhere = await api.ask("POST", "/api/v1/customers/1/notes", json={"text": "Hello"}, headers=KEY)
    assert elsewhere.status == 409
    assert await made(api) == 1


async def test_two_senders_never_meet_in_a_key(api: ApiServer) -> None:
    await post(api, ANNA)
    assert (await post(api, ANNA, sender=await api.make_key())).status == 201
    assert await made(api) == 2


async def test_many_at_once_happen_once(api: ApiServer) -> None:
    answers = await asyncio.gather(*(post(api, ANNA) for _ in range(10)))
    assert {one.status for one in answers} <= {201, 409}
    assert await made(api) == 1
    assert (await post(api, ANNA)).status == 201


async def test_what_was_refused_may_be_sent_again(api: ApiServer) -> None:
    wrong = await post(api, {"name": ""})
    assert wrong.status == 422
    assert (await post(api, {"name": "", "company": ""})).status == 422
    assert (await post(api, ANNA)).status == 201


async def test_what_was_begun_when_we_died_is_not_done_again(api: ApiServer) -> None:
    """The row is as a killed process leaves it."""
    await post(api, ANNA)
    async with api.database.write() as connection:
        await connection.execute(update(ApiAnswerRow).values(status=None, headers=None, body=None))
    again = await post(api, ANNA)
    assert again.status == 409
    assert "look whether it happened" in (await again.json(content_type=None))["detail"]
    assert await made(api) == 1


@pytest.mark.parametrize("key", ["", "x" * 121, "tab\tin it"])
async def test_keys_are_short_and_printable(api: ApiServer, key: str) -> None:
    answer = await post(api, ANNA, {"Idempotency-Key": key})
    assert (answer.status, (await answer.json(content_type=None))["field"]) == (422, "Idempotency-Key")
    assert await made(api) == 0


async def test_an_answer_without_a_body_comes_again_too(api: ApiServer) -> None:
    body = {"number": "+48221234567", "reason": "asked for it"}
    for _ in range(2):
        answer = await api.ask("POST", "/api/v1/suppressions", json=body, headers=KEY)
        assert (answer.status, await answer.text()) == (204, "")


@pytest.mark.parametrize("path", ["/api/v1/webhooks", "/api/v1/webhooks/1/rotate"])
async def test_a_secret_is_not_kept(api: ApiServer, path: str) -> None:
    """Whoever reads the database, or a backup of it, does not find it among the answers."""
    if path != "/api/v1/webhooks":
        await api.send("POST", "/api/v1/webhooks", HOOK, 201)
    body = HOOK if path == "/api/v1/webhooks" else None
    first, again = [await api.ask("POST", path, json=body, headers=KEY) for _ in range(2)]
    secret = (given := await first.json()).pop("secret")
    assert secret.startswith("whsec_")
    assert (first.status, again.headers["Idempotent-Replayed"]) == (again.status, "true")
    assert await again.json() == {**given, "secret": None}
    async with api.database.read() as connection:
        rows = await connection.execute(select(ApiAnswerRow))
        assert secret not in repr(rows.all())


def test_every_secret_of_an_answer_is_marked() -> None:
    """By its name, which is how the next one would be forgotten."""
    suspicious = re.compile("secret|token|password|plain")
    for route in API_ROUTES:
        known = operation_of(route.handler)
        if known and known.answer and route.method == "POST":
            for name, about in known.answer.model_fields.items():
                assert SHOWN_ONCE in about.metadata or not suspicious.search(name), (known.name, name)


async def test_a_stream_is_whole_each_time(database: Database, tmp_path: Path) -> None:
    """It is not kept, so it cannot be repeated: it is made anew."""
    async with api_server(database, LocalStore(tmp_path)) as api:
        await post(api, ANNA)
        for _ in range(2):
            answer = await api.ask("POST", "/api/v1/customers/1/data", headers={"Idempotency-Key": "archive"})
            assert (answer.status, (await answer.read())[:2]) == (200, b"PK")


async def test_people_have_keys_of_their_own(api: ApiServer) -> None:
    await api.add_person("anna", "101", Role.MANAGER)
    await api.log_in("anna")
    origin = {"Origin": str(api.client.make_url("/")).rstrip("/")}
    for _ in range(2):
        assert (await post(api, ANNA, {**KEY, **origin}, sender="")).status == 201
    assert await made(api) == 1


async def test_an_edit_on_top_of_what_was_read_or_not_at_all(api: ApiServer) -> None:
    """Of things that have no version: their tag is of what was answered."""
    await api.send("POST", "/api/v1/webhooks", HOOK, 201)
    tag = (await api.ask("GET", "/api/v1/webhooks/1")).headers["ETag"]
    path, named = "/api/v1/webhooks/1", {"name": "Shop"}
    first = await api.ask("PATCH", path, json=named, headers={"If-Match": tag})
    assert first.status == 200
    assert (await api.ask("PATCH", path, json={"name": "x"}, headers={"If-Match": tag})).status == 412
    for fresh in (first.headers["ETag"], "*"):
        assert (await api.ask("PATCH", path, json=named, headers={"If-Match": fresh})).status == 200
    await api.send("PATCH", path, {"name": "Whatever is there"})
    assert (await api.get(path))["name"] == "Whatever is there"


async def test_answers_are_kept_for_a_day(api: ApiServer) -> None:
    await post(api, ANNA)
    async with api.database.write() as connection:
        assert await forget_answers(connection, NOW + 86_000) == 0
        assert await forget_answers(connection, NOW + 86_500) == 1
        assert await forget_answers(connection, NOW + 86_500) == 0
        await connection.execute(delete(ApiAnswerRow))


async def test_a_key_that_asks_too_often_is_told_when_to_come_back(database: Database) -> None:
    settings = Settings(server=Server(api_requests_per_minute=3))
    async with api_server(database, settings=settings) as api:
        answers = [await api.ask("GET", "/api/v1/customers") for _ in range(20)]
        statuses = [one.status for one in answers]
        refused = answers[-1]
        assert (statuses[:3], refused.status) == ([200] * 3, 429)
        assert 1 <= int(refused.headers["Retry-After"]) <= 20
        assert refused.content_type == "application/problem+json"
        assert (await api.ask("GET", "/api/v1/calls", key=await api.make_key())).status == 200


def test_a_bucket_fills_evenly_and_never_over() -> None:
    now = [0.0]
    limits = KeyLimits(60, lambda: now[0])
    for _ in range(60):
        limits.take(1)
    with pytest.raises(TooManyRequestsError) as caught:
        limits.take(1)
    assert caught.value.retry_after == 1
    now[0] = 3600.0
    for _ in range(60):
        limits.take(1)
    with pytest.raises(TooManyRequestsError):
        limits.take(1)


def test_no_limit() -> None:
    limits = KeyLimits(0)
    for _ in range(10_000):
        limits.take(1)
