"""The SQLite driver keeps what SQLAlchemy asks for after a statement, and takes one turn of its thread for each."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import exc

from core import sqlite_driver
from core.db import Database


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    database = Database(f"sqlite:///{tmp_path}/driver.db")
    async with database.write() as connection:
        await connection.exec_driver_sql("CREATE TABLE t (id INTEGER PRIMARY KEY, word TEXT UNIQUE)")
    yield database
    await database.close()


async def test_rowcount_tells_whether_an_insert_was_done(database: Database) -> None:
    insert = "INSERT INTO t (word) VALUES ('one') ON CONFLICT DO NOTHING"
    async with database.write() as connection:
        assert (await connection.exec_driver_sql(insert)).rowcount == 1
        assert (await connection.exec_driver_sql(insert)).rowcount == 0


async def test_rows_and_no_rows(database: Database) -> None:
    async with database.write() as connection:
        await connection.exec_driver_sql("INSERT INTO t (word) VALUES (?)", [("one",), ("two",)])
    async with database.read() as connection:
        rows = await connection.exec_driver_sql("SELECT word FROM t ORDER BY id")
        none = await connection.exec_driver_sql("SELECT word FROM t WHERE id > 5")
        assert [row.word for row in rows] == ["one", "two"]
        assert none.all() == []


async def test_returning_gives_what_was_written(database: Database) -> None:
    async with database.write() as connection:
        made = await connection.exec_driver_sql("INSERT INTO t (word) VALUES ('x') RETURNING id, word")
        assert made.one() == (1, "x")


async def test_a_broken_constraint_is_an_integrity_error_and_undoes_all(database: Database) -> None:
    with pytest.raises(exc.IntegrityError):
        async with database.write() as connection:
            await connection.exec_driver_sql("INSERT INTO t (word) VALUES ('one')")
            await connection.exec_driver_sql("INSERT INTO t (word) VALUES ('one')")
    async with database.read() as connection:
        assert (await connection.exec_driver_sql("SELECT count(*) FROM t")).scalar() == 0


class Counted(sqlite_driver.Connection):
    """Remembers what was handed to the thread."""

    def __init__(self, path: Path, at_once: int) -> None:
        super().__init__(
            lambda: sqlite3.connect(path, isolation_level=None, check_same_thread=False), at_once
        )
        self.turns: list[Any] = []

    async def _execute(self, fn: Any, *args: Any, **kwargs: Any) -> Any:
        self.turns.append(fn)
        return await super()._execute(fn, *args, **kwargs)

    async def say(self, *statements: str) -> int:
        """Turns that these statements took."""
        before = len(self.turns)
        for statement in statements:
            cursor = self.cursor()
            await cursor.execute(statement)
            await cursor.fetchall()
            await cursor.close()
        return len(self.turns) - before


@pytest.fixture
async def counted(tmp_path: Path) -> AsyncIterator[Counted]:
    connection = Counted(tmp_path / "turns.db", at_once=2)
    await connection
    yield connection
    await connection.close()


async def test_a_statement_is_handed_over_once(counted: Counted) -> None:
    assert await counted.say("SELECT 1 AS one") == 1
    assert await counted.say("SELECT 1 AS one", "SELECT 2") == 2


async def test_a_short_transaction_needs_the_thread_for_begin_only(counted: Counted) -> None:
    assert (
        await counted.say("BEGIN IMMEDIATE", "CREATE TABLE t (id INTEGER)", "INSERT INTO t VALUES (1)") == 1
    )
    assert await counted.say("INSERT INTO t VALUES (2)") == 1, "a long one goes on in the thread"
    await counted.commit()
    assert await counted.say("BEGIN IMMEDIATE", "INSERT INTO t VALUES (3)") == 1, "the next one starts anew"
    await counted.rollback()
    assert not counted.in_transaction


async def test_many_rows_at_once_go_to_the_thread(counted: Counted) -> None:
    await counted.say("CREATE TABLE t (id INTEGER)", "BEGIN IMMEDIATE")
    before = len(counted.turns)
    await counted.cursor().executemany("INSERT INTO t VALUES (?)", ((one,) for one in range(1000)))
    assert len(counted.turns) == before + 1
    await counted.rollback()


async def test_an_idle_rollback_costs_no_turn(counted: Counted) -> None:
    await counted.rollback()
    assert counted.turns == []


async def test_a_cancelled_begin_is_rolled_back(counted: Counted) -> None:
    waiting = asyncio.create_task(counted.say("BEGIN IMMEDIATE"))
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    await counted.rollback()
    assert not counted.in_transaction
    assert await counted.say("BEGIN IMMEDIATE") == 1
