"""Lists that are cut into pages by their ids or names: every row once, in order, also while rows come and go."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from core.db import Database
from tests.integration.api_server import ApiServer, api_server


@pytest.fixture
async def api(database: Database) -> AsyncIterator[ApiServer]:
    async with api_server(database) as server:
        yield server


async def walk(api: ApiServer, path: str, rows: str, limit: int = 2) -> list[int]:
    """The ids of all pages, at most `limit` on each."""
    ids: list[int] = []
    after = ""
    while True:
        page = await api.get(f"{path}?limit={limit}{after}")
        assert len(page[rows]) <= limit
        ids += [one["id"] for one in page[rows]]
        if page["next"] is None:
            return ids
        after = f"&after={page['next']}"


async def test_agents(api: ApiServer) -> None:
    made = [await api.add_person(f"agent{number}", f"10{number}") for number in range(5)]
    assert await walk(api, "/api/v1/agents", "agents") == made
    assert await walk(api, "/api/v1/agents", "agents", 5) == made


async def test_webhooks_while_one_is_removed(api: ApiServer) -> None:
    for number in range(5):
        hook = {"name": f"Hook {9 - number}", "url": "https://example.com/", "events": ["call.ended"]}
        await api.send("POST", "/api/v1/webhooks", hook, 201)
    first = await api.get("/api/v1/webhooks?limit=2")
    await api.send("DELETE", f"/api/v1/webhooks/{first['webhooks'][1]['id']}", None, 204)
    second = await api.get(f"/api/v1/webhooks?limit=2&after={first['next']}")
    ids = [one["id"] for one in first["webhooks"] + second["webhooks"]]
    assert ids == sorted(set(ids))
    assert len(ids) == 4


async def test_suppressions_newest_first(api: ApiServer) -> None:
    for number in range(5):
        body = {"number": f"+4822600000{number}", "reason": "asked for it"}
        await api.send("POST", "/api/v1/suppressions", body, 204)
    ids = await walk(api, "/api/v1/suppressions", "suppressions")
    assert (len(ids), ids) == (5, sorted(ids, reverse=True))


async def test_notes_pinned_ones_first(api: ApiServer) -> None:
    customer = (await api.send("POST", "/api/v1/customers", {"name": "Anna"}, 201))["id"]
    path = f"/api/v1/customers/{customer}/notes"
    made = [
        (await api.send("POST", path, {"text": f"Note {number}", "is_pinned": number in (0, 3)}, 201))["id"]
        for number in range(6)
    ]
    wanted = [made[3], made[0], made[5], made[4], made[2], made[1]]
    assert await walk(api, path, "notes") == wanted
    assert await walk(api, path, "notes", 1) == wanted


@pytest.mark.parametrize("path", ["agents", "webhooks", "prompts", "suppressions", "customers/1/notes"])
async def test_a_cursor_of_nobody_is_refused(api: ApiServer, path: str) -> None:
    await api.send("POST", "/api/v1/customers", {"name": "Anna"}, 201)
    for cursor in ("x", "W10=", "WzFd" * 90):
        answer = await api.ask("GET", f"/api/v1/{path}", params={"after": cursor})
        assert answer.status == 422, cursor
