"""The SQLite driver keeps what SQLAlchemy asks for after a statement, and takes one turn of its thread for each."""

from __future__ import annotations

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


async def test_a_statement_is_handed_over_once(tmp_path: Path) -> None:
    turns: list[Any] = []

    class Counted(sqlite_driver.Connection):
        async def _execute(self, fn: Any, *args: Any, **kwargs: Any) -> Any:
            turns.append(fn)
            return await super()._execute(fn, *args, **kwargs)  # type: ignore[no-untyped-call]

    connection = Counted(lambda: sqlite3.connect(tmp_path / "turns.db"))
    await connection
    cursor = connection.cursor()
    await cursor.execute("SELECT 1 AS one")
    assert await cursor.fetchall() == [(1,)]
    await cursor.close()
    await connection.rollback()
    assert len(turns) == 1
    await connection.close()
