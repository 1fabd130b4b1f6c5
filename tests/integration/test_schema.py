"""The schema's history leads exactly to the tables as declared, on both databases; unusable ones are refused."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, text

from core.db import Base, Database
from core.errors import DatabaseError
from server.migrations.search_index import is_declared
from server.schema import prepare


def differences(connection: Connection) -> list[object]:
    context = MigrationContext.configure(connection, opts={"include_object": is_declared})
    return list(compare_metadata(context, Base.metadata))


@pytest.fixture
async def empty(database: Database) -> Database:
    """The test database without any table."""
    async with database.write() as connection:
        await connection.run_sync(Base.metadata.drop_all)
        await connection.execute(text("DROP TABLE IF EXISTS alembic_version"))
    return database


async def test_migrations_lead_to_the_declared_tables(empty: Database) -> None:
    await prepare(empty)
    async with empty.write() as connection:
        assert await connection.run_sync(differences) == []


async def test_preparing_twice_changes_nothing(empty: Database) -> None:
    await prepare(empty)
    await prepare(empty)


async def test_a_newer_schema_is_refused(empty: Database) -> None:
    await prepare(empty)
    async with empty.write() as connection:
        await connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(DatabaseError, match=r"newer Ringback.*9999"):
        await prepare(empty)


async def test_a_folder_that_does_not_exist(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path}/nowhere/ringback.db")
    with pytest.raises(DatabaseError, match=r"unable to open database file.*database\.url"):
        await prepare(database)
    await database.close()


async def test_a_file_that_is_no_database(tmp_path: Path) -> None:
    path = tmp_path / "ringback.db"
    path.write_bytes(os.urandom(4096))
    database = Database(f"sqlite:///{path}")
    with pytest.raises(DatabaseError, match=r"not a database.*database\.url"):
        await prepare(database)
    await database.close()


async def test_a_postgresql_that_is_not_there() -> None:
    database = Database("postgresql://nobody@127.0.0.1:1/nothing")
    with pytest.raises(DatabaseError, match=r"127\.0\.0\.1:1.*database\.url"):
        await prepare(database)
    await database.close()


@pytest.mark.parametrize("url", ["mysql://localhost/x", "ringback.db", ""])
def test_other_databases_are_refused_by_name(url: str) -> None:
    with pytest.raises(DatabaseError, match=r"database\.url.*sqlite:///"):
        Database(url)
