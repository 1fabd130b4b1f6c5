"""`/health`: alive, ready, the reasons why not, and who is told them."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from core.accounts import Role
from core.db import Database
from tests.integration.api_server import ApiServer, api_server

PROXIED = {"X-Forwarded-For": "203.0.113.9"}
"""As a proxy on this machine that the settings do not name would send it: the client is not local."""


@pytest.fixture
async def api(database: Database) -> AsyncIterator[ApiServer]:
    async with api_server(database) as server:
        server.key = ""
        yield server


async def test_a_server_with_a_database_is_alive_and_ready(api: ApiServer) -> None:
    assert await api.get("/health/live") == {"status": "live"}
    health = await api.get("/health/ready")
    assert (health["status"], health["reasons"], health["pbxs"]) == ("ready", [], [])
    assert health["database_s"] > 0


async def test_strangers_learn_the_verdict_and_nothing_else(api: ApiServer) -> None:
    assert await api.get("/health/ready", headers=PROXIED) == {"status": "ready"}


async def test_a_key_with_the_scope_learns_everything_from_anywhere(api: ApiServer) -> None:
    key = await api.make_key("metrics:read")
    assert "reasons" in await api.get("/health/ready", headers=PROXIED, key=key)
    other = await api.make_key("calls:read")
    await api.get("/health/ready", 403, headers=PROXIED, key=other)


async def test_an_administrator_learns_everything(api: ApiServer) -> None:
    await api.add_person("root", "199", Role.ADMINISTRATOR)
    await api.log_in("root")
    assert "reasons" in await api.get("/health/ready", headers=PROXIED)


async def test_a_manager_does_not(api: ApiServer) -> None:
    await api.add_person("mia", "198", Role.MANAGER)
    await api.log_in("mia")
    assert await api.get("/health/ready", headers=PROXIED) == {"status": "ready"}


async def test_a_head_request_is_enough_for_a_load_balancer(api: ApiServer) -> None:
    response = await api.ask("HEAD", "/health/ready")
    assert response.status == 200
