"""Erasing a person through the API, on both databases: the certificate is answered, found again and names nobody."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from core.db import Database
from recordings.store import LocalStore
from tests.integration.api_server import CUSTOMER, ApiServer, answered_call, api_server

CUSTOMERS, ERASURES = "/api/v1/customers", "/api/v1/erasures"


@pytest.fixture
async def api(database: Database, tmp_path: Path) -> AsyncIterator[ApiServer]:
    async with api_server(database, LocalStore(tmp_path / "audio")) as server:
        yield server


async def test_a_certificate_is_found_where_it_is_said_to_be(api: ApiServer) -> None:
    anna = await api.send("POST", CUSTOMERS, {"name": "Anna Kowalska", "numbers": [CUSTOMER]}, 201)
    await api.tell(*answered_call("main-1.1"))
    place, named = f"{CUSTOMERS}/{anna['id']}", {"customer_id": anna["id"]}
    erased = await api.ask("POST", f"{place}/erase", json=named)
    certificate = await erased.json()
    assert (erased.status, certificate["customer_id"]) == (201, anna["id"])
    assert erased.headers["Location"] == f"{ERASURES}/{certificate['id']}"
    assert await api.get(erased.headers["Location"]) == certificate
    assert (await api.get(ERASURES))["certificates"] == [certificate]
    assert "Anna" not in str(certificate)
    await api.get(place, 404)
    await api.get(f"{ERASURES}/999", 404)
    await api.get(erased.headers["Location"], 403, key=await api.make_key("customers:read"))
