"""SQLite for asyncio with few turns of the driver's thread. aiosqlite alone takes three or four per statement (make a
cursor, execute, fetch, close), and while one waits for its turn in a busy event loop, nobody else can write.

In: what `sqlite3.connect` takes. Out: a connection that SQLAlchemy's `aiosqlite` dialect drives through its
`async_creator`. Results are fetched whole, as that dialect does anyway; `stream()` is not offered. No SQL here."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable, Iterable, Sequence
from functools import partial
from typing import Any, Self

import aiosqlite

MANY_ROWS = 100
"""An `executemany` of more goes to the thread: it may take longer than the event loop should be held up."""


async def connect(path: str, *, at_once: int = 0, **options: Any) -> Connection:
    """Open `path` with `sqlite3.connect`'s options. Raises sqlite3.Error.

    `at_once`: so many statements of a transaction are executed without a turn of the thread, once it has begun.
    Single rows take microseconds; a long transaction goes on in the thread. BEGIN and COMMIT, which may wait for
    another process or for the disk, are always the thread's.
    """
    connection = Connection(partial(sqlite3.connect, path, check_same_thread=False, **options), at_once)
    try:
        await connection
    except BaseException:
        # Or the thread says that it has ended to a loop that may be closed by then.
        if connection.stopped is not None:
            await connection.stopped
        raise
    return connection


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

Work = Callable[[sqlite3.Connection], Outcome]


class Connection(aiosqlite.Connection):
    """An aiosqlite connection whose cursors are `Cursor`s and whose idle rollback costs nothing."""

    def __init__(self, connector: Callable[[], sqlite3.Connection], at_once: int = 0) -> None:
        super().__init__(connector, iter_chunk_size=64)
        # A connection somebody forgot to close must not keep the process from ending.
        self._thread.daemon = True
        self._at_once = at_once
        self._left = 0
        self.stopped: asyncio.Future[Any] | None = None
        # The loop counts what it gave, the thread what it finished: after a cancelled wait they differ for a while.
        self._given = 0
        self._finished = 0

    def stop(self) -> asyncio.Future[Any] | None:
        """The thread ends; the answer, also kept in `stopped`, tells when it does."""
        self.stopped = super().stop()
        return self.stopped

    @property
    def is_ours(self) -> bool:
        """The thread is done with everything: the connection may be used from here."""
        return self._given == self._finished

    def cursor(self) -> Cursor:  # type: ignore[override]
        return Cursor(self.run)

    async def rollback(self) -> None:
        """The pool rolls back whenever a connection returns; mostly there is nothing left to roll back."""
        if not self.is_ours or self.in_transaction:
            await super().rollback()

    def stay_in_thread(self) -> None:
        """Nothing more of this transaction is executed in the event loop: its statements touch many rows."""
        self._left = 0

    async def run(self, work: Work, *, is_long: bool = False) -> Outcome:
        """Do `work` here if this transaction may still do so, else in the thread."""
        began = self.is_ours and self.in_transaction
        if began and self._left > 0 and not is_long:
            self._left -= 1
            return work(self._conn)
        outcome: Outcome = await self._execute(work, self._conn)
        if not began:
            self._left = self._at_once
        return outcome

    async def _execute(self, fn: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        self._given += 1

        def work() -> Any:
            try:
                return fn(*args, **kwargs)
            finally:
                self._finished += 1

        return await super()._execute(work)  # type: ignore[no-untyped-call]


class Cursor:
    """What SQLAlchemy asks of a driver's cursor; between statements it only remembers."""

    arraysize = 1

    def __init__(self, run: Callable[..., Awaitable[Outcome]]) -> None:
        self._run = run
        self._outcome = NOTHING_YET

    async def __aenter__(self) -> Self:
        return self

    async def execute(self, sql: str, parameters: Sequence[Any] = ()) -> Self:
        self._outcome = await self._run(lambda raw: Outcome(raw.execute(sql, parameters)))
        return self

    async def executemany(self, sql: str, parameters: Iterable[Sequence[Any]]) -> Self:
        rows = list(parameters)
        self._outcome = await self._run(
            lambda raw: Outcome(raw.executemany(sql, rows)), is_long=len(rows) > MANY_ROWS
        )
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
