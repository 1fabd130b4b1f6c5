"""A table that takes no rows for a while, whoever writes them. It stops a server in a process of its own exactly before
that write, with nothing of the server changed."""

from __future__ import annotations

from sqlalchemy.ext.asyncio import AsyncConnection

from core.db import Database

NAME = "refused_by_a_test"


class Refusal:
    """No row goes into `table` between `begin` and `end`."""

    def __init__(self, database: Database, table: str) -> None:
        self._database = database
        self._table = table

    async def begin(self) -> None:
        async with self._database.write() as connection:
            for statement in _begin(connection, self._table):
                await connection.exec_driver_sql(statement)

    async def end(self) -> None:
        drop = f"DROP TRIGGER {NAME}_{self._table}_{{event}}"
        drop += "" if self._database.is_sqlite else f" ON {self._table}"
        async with self._database.write() as connection:
            for event in ("insert", "update"):
                await connection.exec_driver_sql(drop.format(event=event))


def _begin(connection: AsyncConnection, table: str) -> list[str]:
    if connection.dialect.name == "sqlite":
        return [
            f"CREATE TRIGGER {NAME}_{table}_{event} BEFORE {event} ON {table} "
            f"BEGIN SELECT RAISE(ABORT, '{NAME}'); END"
            for event in ("insert", "update")
        ]
    function = (
        f"CREATE OR REPLACE FUNCTION {NAME}() RETURNS trigger LANGUAGE plpgsql AS "
        f"$$ BEGIN RAISE EXCEPTION '{NAME}'; END $$"
    )
    return [function] + [
        f"CREATE TRIGGER {NAME}_{table}_{event} BEFORE {event} ON {table} "
        f"FOR EACH ROW EXECUTE FUNCTION {NAME}()"
        for event in ("insert", "update")
    ]
