"""Two servers on one database: one reads the PBX, the other waits and takes over when the first is killed. Each call is
in the log once."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from core.db import Database
from core.fact_log import FactLogRow
from core.facts import CallEnded
from pbx_bridge.simulator import EVENTS_USER, Party, Simulator
from pbx_bridge.tables import BlindWindow, Call, CallJournal, CallMoment
from tests.process import Server
from tests.site import eventually

JAN, MARIA = Party("+48221110101", "Jan Testowy"), Party("+48221110202", "Maria Testowa")


@pytest.fixture
async def pbx() -> AsyncIterator[Simulator]:
    async with Simulator() as pbx:
        yield pbx


@pytest.fixture
async def servers(pbx: Simulator, database_url: str, tmp_path: Path) -> AsyncIterator[list[Server]]:
    servers = [
        Server(tmp_path, (pbx.host, pbx.port), EVENTS_USER.secret, database=database_url) for _ in range(2)
    ]
    yield servers
    for server in servers:
        with suppress(ProcessLookupError):
            await server.stop()


async def calls(database: Database) -> list[Any]:
    async with database.read() as connection:
        rows = select(Call.caller_name, Call.answered_at, Call.result).order_by(Call.started_at)
        return list(await connection.execute(rows))


async def test_the_second_server_takes_over_from_the_killed_one(
    pbx: Simulator, servers: list[Server], database: Database
) -> None:
    first, second = servers
    await first.start()
    await second.launch()
    await eventually(lambda: waits(second))
    open_call = pbx.rings_phone(JAN, "101")
    open_call.answers("101")
    await eventually(lambda: calls(database), lambda rows: len(rows) == 1 and rows[0].answered_at is not None)
    assert len(pbx.connections) == 1
    # Its desks would hear nothing: whoever sends people to servers must know.
    assert await first.is_ready()
    assert not await second.is_ready()

    await first.kill()
    await eventually(lambda: windows(database), lambda rows: any(row.until is not None for row in rows))
    open_call.caller_hangs_up()
    later = pbx.rings_phone(MARIA, "102")
    later.answers("102")
    later.caller_hangs_up()
    found = await eventually(
        lambda: calls(database), lambda rows: len(rows) == 2 and all(row.result for row in rows)
    )
    assert [(row.caller_name, row.result) for row in found] == [
        ("Jan Testowy", "answered"),
        ("Maria Testowa", "answered"),
    ]
    assert len(pbx.connections) == 1
    assert [row.calls_kept for row in await windows(database)] == [1]
    assert await eventually(second.is_ready)
    async with database.read() as connection:
        assert (await connection.execute(select(CallJournal.id))).all() == []


@pytest.mark.postgres
@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
async def test_a_server_that_slept_writes_nothing_after_another_took_over(
    pbx: Simulator, servers: list[Server], database: Database
) -> None:
    first, second = servers
    await first.start()
    await second.launch()
    await eventually(lambda: waits(second))
    call = pbx.rings_phone(JAN, "101")
    call.answers("101")
    await eventually(lambda: calls(database), lambda rows: len(rows) == 1 and rows[0].answered_at is not None)
    first.sleep()
    await eventually(second.is_ready)
    call.caller_hangs_up()
    later = pbx.rings_phone(MARIA, "102")
    later.answers("102")
    later.caller_hangs_up()
    await eventually(lambda: calls(database), lambda rows: len(rows) == 2 and all(row.result for row in rows))
    before = await everything(database)
    first.wake()  # and reads what the PBX said while it slept
    await eventually(lambda: gave_way(first))
    assert await everything(database) == before
    assert await second.is_ready()
    assert not await first.is_ready()


async def everything(database: Database) -> dict[str, list[Any]]:
    """All that a reader of the PBX writes of calls. Whose they are is found out aside, soon afterwards."""
    async with database.read() as connection:
        found = {
            table.__tablename__: [tuple(row) for row in await connection.execute(select(*table.__table__.c))]
            for table in (Call, CallMoment, CallJournal, BlindWindow)
        }
        ends = select(FactLogRow.subject, FactLogRow.at).where(FactLogRow.kind == CallEnded.__name__)
        return {**found, "ends": [tuple(row) for row in await connection.execute(ends)]}


async def gave_way(server: Server) -> bool:
    """Whether it has noticed that it lost the lease."""
    return "LeaseLostError" in server.log.read_text()


async def windows(database: Database) -> list[Any]:
    async with database.read() as connection:
        return list(await connection.execute(select(BlindWindow.until, BlindWindow.calls_kept)))


async def waits(server: Server) -> bool:
    """Whether it has said that another one reads the PBX."""
    return "another server reads this PBX" in server.log.read_text()
