"""SQLite for asyncio with one hand-over to the driver's thread per statement. aiosqlite alone takes three or four (make
a cursor, execute, fetch, close), and with a busy event loop each costs more than the statement itself.

In: what `aiosqlite.connect` takes. Out: a connection that SQLAlchemy's `aiosqlite` dialect drives through its
`async_creator`. Results are fetched whole, as that dialect does anyway; `stream()` is not offered. No SQL here."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any, Self

import aiosqlite


async def connect(path: str, **options: Any) -> Connection:
    """Open `path` with `sqlite3.connect`'s options, in a thread of its own. Raises sqlite3.Error."""
    connection = Connection(partial(sqlite3.connect, path, **options))
    await connection
    return connection


class Connection(aiosqlite.Connection):
    """An aiosqlite connection whose cursors are `Cursor`s and whose idle rollback costs nothing."""

    def __init__(self, connector: Callable[[], sqlite3.Connection]) -> None:
        super().__init__(connector, iter_chunk_size=64)
        # A connection somebody forgot to close must not keep the process from ending.
        self._thread.daemon = True

    def cursor(self) -> Cursor:  # type: ignore[override]
        return Cursor(self._run)

    async def rollback(self) -> None:
        """The pool rolls back whenever a connection returns; mostly there is nothing left to roll back."""
        if self.in_transaction:
            await super().rollback()

    async def _run(self, work: Callable[[sqlite3.Connection], Outcome]) -> Outcome:
        outcome: Outcome = await self._execute(work, self._conn)  # type: ignore[no-untyped-call]
        return outcome


class Outcome:
    """All that a statement left: rows, and what the cursor said of them."""

    __slots__ = ("description", "lastrowid", "rowcount", "rows")

    def __init__(self, cursor: sqlite3.Cursor | None = None) -> None:
        self.description = cursor.description if cursor else None
        self.rows: list[Any] = cursor.fetchall() if cursor and cursor.description else []
        self.lastrowid = cursor.lastrowid if cursor else None
        self.rowcount = cursor.rowcount if cursor else -1
        if cursor is not None:
            cursor.close()


NOTHING_YET = Outcome()


class Cursor:
    """What SQLAlchemy asks of a driver's cursor; between statements it only remembers."""

    arraysize = 1

    def __init__(self, run: Callable[[Callable[[sqlite3.Connection], Outcome]], Any]) -> None:
        self._run = run
        self._outcome = NOTHING_YET

    async def __aenter__(self) -> Self:
        return self

    async def execute(self, sql: str, parameters: Sequence[Any] = ()) -> Self:
        self._outcome = await self._run(lambda raw: Outcome(raw.execute(sql, parameters)))
        return self

    async def executemany(self, sql: str, parameters: Iterable[Sequence[Any]]) -> Self:
        self._outcome = await self._run(lambda raw: Outcome(raw.executemany(sql, parameters)))
        return self

    async def fetchall(self) -> list[Any]:
        return self._outcome.rows

    async def close(self) -> None:
        """The driver's cursor is closed already. What it said is still asked for: SQLAlchemy reads `rowcount` late."""

    @property
    def description(self) -> Any:
        return self._outcome.description

    @property
    def lastrowid(self) -> int | None:
        return self._outcome.lastrowid

    @property
    def rowcount(self) -> int:
        return self._outcome.rowcount
