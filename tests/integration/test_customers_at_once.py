"""P9: however many events of one new number come at the same instant, from however many processes, they make one
customer."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

from sqlalchemy import select

from core.db import Database
from crm_link.tables import CallCustomer, CallMatch, Customer, Identity
from tests.customers import Desk, count

ROOT = Path(__file__).parents[2]
CALLS = 25


async def test_p9_fifty_first_calls_at_once_make_one_customer(database: Database, database_url: str) -> None:
    other = Database(database_url)
    desks = [Desk(database), Desk(other)]
    try:
        await asyncio.gather(
            *(desk.call(f"{number}-{call}") for number, desk in enumerate(desks) for call in range(CALLS))
        )
    finally:
        await other.close()
    await _one_customer_has_all(database)
    created = [said.created for desk in desks for said in desk.matched]
    assert created.count(True) == 1


async def test_p9_first_calls_in_two_processes_make_one_customer(
    database: Database, database_url: str
) -> None:
    servers = [await _server(database_url, prefix) for prefix in ("a", "b")]
    for server in servers:
        assert server.stdout is not None
        assert await server.stdout.readline() == b"ready\n"
    answers = await asyncio.gather(*(server.communicate(b"go\n") for server in servers))
    assert [server.returncode for server in servers] == [0, 0]
    matched = [ids for output, _ in answers for ids in json.loads(output)]
    assert len(matched) == 2 * CALLS
    assert len({tuple(ids) for ids in matched}) == 1
    await _one_customer_has_all(database)


async def _server(url: str, prefix: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.first_call", url, prefix, str(CALLS)),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        cwd=ROOT,
    )


async def _one_customer_has_all(database: Database) -> None:
    assert await count(database, Customer) == 1
    assert await count(database, Identity) == 1
    assert await count(database, CallMatch) == 2 * CALLS
    async with database.read() as connection:
        owners = (await connection.scalars(select(CallCustomer.customer_id))).all()
    assert len(owners) == 2 * CALLS
    assert len(set(owners)) == 1
