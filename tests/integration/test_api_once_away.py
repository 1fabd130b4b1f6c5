"""A POST with an `Idempotency-Key` that found the database away: what surely did nothing may be sent again
under its key, what was perhaps done may not."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from contextvars import Context

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from sqlalchemy import select, text

from core.api_keys import ApiKey
from core.db import Database
from core.errors import ConflictError
from crm_link.tables import Customer
from server.api.once import FREED, once
from server.web.guard import API_KEY
from server.web.keys import CLOCK, DATABASE
from tests.integration.api_server import NOW, api_server
from tests.locks import until_wait

KEY = {"Idempotency-Key": "order-4711"}
PROGRAM = ApiKey(1, "test", "abc", frozenset(), NOW, None, False)

END_WAITING = text(
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
    "WHERE wait_event_type = 'Lock' AND datname = current_database()"
)

Work = Callable[[Database], Awaitable[None]]


@asynccontextmanager
async def doing(database: Database, *works: Work) -> AsyncIterator[Callable[[], Awaitable[int]]]:
    """A server whose first request does the first of these works, and so on. What comes out sends one, always under the
    same key."""
    left = list(works)

    async def handle(request: web.Request) -> web.StreamResponse:
        request[API_KEY] = PROGRAM

        async def answer() -> web.StreamResponse:
            await left.pop(0)(database)
            return web.Response(status=204)

        try:
            return await once(request, answer)
        except ConflictError:
            return web.Response(status=409)
        except OSError:
            return web.Response(status=503)

    app = web.Application()
    app[DATABASE], app[CLOCK], app[FREED] = database, lambda: NOW, set()
    app.router.add_post("/", handle)
    async with TestClient(TestServer(app)) as client:

        async def send() -> int:
            return (await client.post("/", headers=KEY)).status

        yield send


async def nothing(_database: Database) -> None:
    return None


async def finds_it_away(_database: Database) -> None:
    raise ConnectionRefusedError


async def fails_in_the_middle(database: Database) -> None:
    async with database.write() as connection:
        await connection.execute(text("DELETE FROM api_keys"))
        raise ConnectionRefusedError


async def fails_afterwards(database: Database) -> None:
    async with database.write() as connection:
        await connection.execute(text("DELETE FROM api_keys"))
    raise ConnectionRefusedError


async def finds_it_away_for_longer(database: Database) -> None:
    """The row of the key cannot be thrown away either. In a context of its own: this is what others do."""
    others = asyncio.create_task(rename(database, "api_answers", "elsewhere"), context=Context())
    await others
    raise ConnectionRefusedError


async def rename(database: Database, table: str, name: str) -> None:
    async with database.write() as connection:
        await connection.execute(text(f"ALTER TABLE {table} RENAME TO {name}"))


@pytest.mark.parametrize("work", [finds_it_away, fails_in_the_middle])
async def test_what_did_nothing_may_be_sent_again(database: Database, work: Work) -> None:
    async with doing(database, work, nothing) as send:
        assert [await send() for _ in range(3)] == [503, 204, 204]


async def test_what_was_perhaps_done_may_not(database: Database) -> None:
    async with doing(database, fails_afterwards) as send:
        assert [await send() for _ in range(2)] == [503, 409]


async def test_the_key_is_free_when_the_database_is_back(database: Database) -> None:
    async with doing(database, finds_it_away_for_longer, nothing) as send:
        assert await send() == 503
        await rename(database, "elsewhere", "api_answers")
        assert [await send() for _ in range(2)] == [204, 204]


@pytest.mark.postgres
async def test_a_note_whose_connection_was_ended_is_written_when_it_is_sent_again(postgres: Database) -> None:
    path = "/api/v1/customers/1/notes"
    async with api_server(postgres) as api:
        await api.send("POST", "/api/v1/customers", {"name": "Anna"}, 201)
        async with postgres.write() as holder:
            await holder.execute(select(Customer.id).with_for_update())
            first = asyncio.create_task(api.ask("POST", path, json={"text": "Hello"}, headers=KEY))
            await until_wait(holder, 1)
            await holder.execute(END_WAITING)
            assert (await first).status == 503
        await api.send("POST", path, {"text": "Hello"}, 201, headers=KEY)
        assert len((await api.get(path))["notes"]) == 1
