"""The database goes away under the running server and comes back: restarted, or locked. What the PBX said meanwhile
waits and is written afterwards; nothing is lost, nobody is told that we were blind, and no error carries a name."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import insert, select, text
from sqlalchemy.exc import DBAPIError

from config.settings import DatabaseSettings, Settings
from core import tasks
from core.accounts import UserRow
from core.db import ASLEEP_MS, BUSY_TIMEOUT_MS, Database, is_refusal
from pbx_bridge.lease import LEASE_S, RENEW_S, Lease
from pbx_bridge.simulator import EVENTS_USER, Party, Simulator
from pbx_bridge.tables import BlindWindow, Call, CallJournal
from tests.databases import Cluster, fresh
from tests.site import DEADLINE_S, Site, eventually, running, settings_for

JAN, MARIA = Party("+48221110101", "Jan Testowy"), Party("+48221110202", "Maria Testowa")


def on(url: str, pbx: Simulator, folder: Path) -> Settings:
    settings = settings_for((pbx.host, pbx.port), EVENTS_USER.secret, folder)
    return settings.model_copy(update={"database": DatabaseSettings(url=url)})


async def rang(site: Site) -> list[tuple[str | None, str | None]]:
    """Who called, and the verdict."""
    async with site.database.read() as connection:
        rows = await connection.execute(select(Call.caller_name, Call.result).order_by(Call.started_at))
        return [(row.caller_name, row.result) for row in rows]


async def lives_through(
    site: Site, pbx: Simulator, away: Callable[[], Awaitable[None]], back: Callable[[], Awaitable[None]]
) -> None:
    """One call is open when the database goes, another is made and over before it returns."""
    restarts = tasks.RESTARTS["bridge main"]
    before = pbx.rings_phone(JAN, "101")
    before.answers("101")
    await eventually(lambda: rang(site), lambda rows: rows == [("Jan Testowy", None)])
    await away()
    before.caller_hangs_up()
    meanwhile = pbx.rings_phone(MARIA, "102")
    meanwhile.answers("102")
    meanwhile.caller_hangs_up()
    await asyncio.sleep(2 * RENEW_S)  # long enough for the lease, too, to meet the outage
    await back()
    wanted = [("Jan Testowy", "answered"), ("Maria Testowa", "answered")]
    await eventually(lambda: rang(site), lambda rows: rows == wanted)
    async with site.database.read() as connection:
        assert (await connection.execute(select(BlindWindow.reason))).all() == []
        assert (await connection.execute(select(CallJournal.id))).all() == []
    assert tasks.RESTARTS["bridge main"] == restarts


async def test_a_locked_file_costs_no_call(tmp_path: Path) -> None:
    file = tmp_path / "ringback.db"
    async with Simulator() as pbx, running(on(f"sqlite:///{file}", pbx, tmp_path)) as site:
        await site.sees_the_pbx()
        with closing(sqlite3.connect(file, isolation_level=None)) as other:

            async def lock() -> None:
                other.execute("BEGIN IMMEDIATE")

            async def unlock() -> None:
                await asyncio.sleep(BUSY_TIMEOUT_MS / 1000)  # waiting for the lock must have failed once
                other.execute("ROLLBACK")

            await lives_through(site, pbx, lock, unlock)


@pytest.mark.postgres
async def test_a_restarted_postgresql_costs_no_call(postgres_cluster: Cluster, tmp_path: Path) -> None:
    with fresh(postgres_cluster) as url:
        async with Simulator() as pbx, running(on(url, pbx, tmp_path)) as site:
            await site.sees_the_pbx()
            await lives_through(
                site,
                pbx,
                lambda: asyncio.to_thread(postgres_cluster.stop, "fast"),
                lambda: asyncio.to_thread(postgres_cluster.resume),
            )


async def test_rows_that_can_never_be_stored_are_told_from_outages(database: Database) -> None:
    person = {"name": "Jan Tajny", "role": "agent", "password_hash": "x", "created_at": 1.0}
    person |= {"password_changed_at": 1.0, "login": "jan.tajny"}
    async with database.write() as connection:
        await connection.execute(insert(UserRow).values(person))
    with pytest.raises(DBAPIError) as twice:
        async with database.write() as connection:
            await connection.execute(insert(UserRow).values(person))
    assert is_refusal(twice.value)
    assert "Tajny" not in str(twice.value)
    with pytest.raises(DBAPIError) as misspelt:
        async with database.write() as connection:
            await connection.exec_driver_sql("SELECT FROM WHERE")
    # SQLite has one class of errors for a locked file and for bad syntax.
    assert is_refusal(misspelt.value) or database.is_sqlite
    assert not is_refusal(OSError("no route to host"))


@pytest.mark.postgres
@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)  # SQLite holds any text
async def test_texts_that_postgresql_cannot_hold_are_refused(database: Database) -> None:
    for name in ("zero\0byte", "half a pair \ud83d"):
        with pytest.raises(DBAPIError) as refused:
            async with database.write() as connection:
                await connection.execute(select(UserRow.id).where(UserRow.name == name))
        assert is_refusal(refused.value), name


@pytest.mark.postgres
async def test_a_server_stops_although_the_database_is_away(
    postgres_cluster: Cluster, tmp_path: Path
) -> None:
    with fresh(postgres_cluster) as url:
        async with Simulator() as pbx:
            try:
                async with running(on(url, pbx, tmp_path)) as site:
                    await site.sees_the_pbx()
                    await asyncio.to_thread(postgres_cluster.stop, "fast")
                    async with asyncio.timeout(DEADLINE_S):
                        await site.stop()
            finally:
                await asyncio.to_thread(postgres_cluster.resume)


@pytest.mark.postgres
@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
async def test_postgresql_ends_the_transaction_of_a_server_that_sleeps(database: Database) -> None:
    """Its locks would keep every other server from taking over."""
    sleeper, other = Lease(database, "main"), Lease(database, "main")
    sleeper.owner = "elsewhere/1/x"
    await sleeper.take(100.0)
    with pytest.raises(DBAPIError):
        async with database.write() as connection:
            await sleeper.begin(connection, sleeper.next_step())
            async with asyncio.timeout(DEADLINE_S):
                assert await other.take(100.0 + LEASE_S + 1)
            await connection.execute(text("SELECT 1"))
    assert ASLEEP_MS / 1000 < LEASE_S
