"""The one database: SQLite (default) or PostgreSQL behind the same two doors. `read()` gives a connection that
cannot write, `write()` one transaction that commits at the end of the block or rolls back whole.

SQLite: writes go through an engine with a single connection whose transactions begin IMMEDIATE, so no write ever
fails half-way with "database is locked"; reads have their own engine with `query_only`, since IMMEDIATE in a
shared hook would serialise readers too. Which tables exist is not decided here (each room has its `tables.py`)."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import partial
from typing import Any, cast

from sqlalchemy import MetaData, String, event, exc
from sqlalchemy.engine import URL, make_url
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.orm import DeclarativeBase
from sqlalchemy.pool import AsyncAdaptedQueuePool

from core import sqlite_driver
from core.errors import DatabaseError

READERS = 4
"""Reader connections: more only queue for the same two or four cores, each holds a page cache."""

BUSY_TIMEOUT_MS = 5000

ASLEEP_MS = 10_000
"""PostgreSQL ends a transaction that says nothing for so long: a server that is suspended in the middle of one would
hold its locks (the lease's row, the order of facts) until it wakes, and nobody could take over. Less than a lease."""

AT_ONCE = 32
"""Statements of a SQLite write transaction that are not handed to another thread: everything a call's facts need,
in about ten milliseconds. There is one writer, so how long a transaction waits in between is what all others wait."""


CALL_ID = String(255)
"""Our id of a call: the PBX's name (at most 60 characters), a dash, the channel id of Asterisk (at most 149 with its
system name) and a number where that came back."""

ROW_FAULTS = frozenset({"22", "23", "42", "54"})
"""Classes of SQLSTATE that speak of the statement and its values (data, constraint, syntax, limit); all others speak
of the server: away, starting, full, out of connections."""


class Base(DeclarativeBase):
    """All tables of all rooms register here; constraint names are predictable so that migrations can name them."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(column_0_label)s",
            "uq": "uq_%(table_name)s_%(column_0_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )


@dataclass(slots=True)
class Kept:
    """`perhaps`: a transaction came as far as its COMMIT; what failed before that left nothing."""

    perhaps: bool = False


_WATCHED: ContextVar[Kept | None] = ContextVar("watched", default=None)


@contextmanager
def watched() -> Iterator[Kept]:
    """Says whether anything written in the block, by tasks begun in it too, may have been kept."""
    token = _WATCHED.set(kept := Kept())
    try:
        yield kept
    finally:
        _WATCHED.reset(token)


class Database:
    """Open with a SQLAlchemy URL (`sqlite:///file.db`, `postgresql://user@host/name`); close with `close()`."""

    def __init__(self, url: str) -> None:
        self.url = _async_url(url)
        self.is_sqlite = self.url.get_backend_name() == "sqlite"
        if self.is_sqlite:
            self._writer = _sqlite_engine(self.url, writer=True)
            self._reader = _sqlite_engine(self.url, writer=False)
        else:
            # What a statement was given is somebody's name and number: an error must not carry it into the log.
            self._writer = self._reader = create_async_engine(
                self.url,
                pool_size=8,
                max_overflow=4,
                hide_parameters=True,
                connect_args={"server_settings": {"idle_in_transaction_session_timeout": str(ASLEEP_MS)}},
            )

    @asynccontextmanager
    async def write(self, *, is_long: bool = False) -> AsyncIterator[AsyncConnection]:
        """One transaction. Commits when the block ends, rolls back when it raises. `is_long`: single statements of it
        touch thousands of rows, so SQLite is never asked in the event loop itself."""
        async with self._writer.begin() as connection:
            if is_long and self.is_sqlite:
                raw = await connection.get_raw_connection()
                cast(sqlite_driver.Connection, raw.driver_connection).stay_in_thread()
            yield connection
            if (kept := _WATCHED.get()) is not None:
                kept.perhaps = True

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncConnection]:
        """A consistent view for reading; anything written through it is refused or rolled back."""
        async with self._reader.connect() as connection:
            yield connection
            await connection.rollback()

    async def check(self) -> None:
        """Touch the database once. Raises DatabaseError with the cause and the fix."""
        try:
            async with self.write() as connection:
                await connection.exec_driver_sql("SELECT 1")
        except (exc.DBAPIError, OSError) as error:
            cause = error.orig if isinstance(error, exc.DBAPIError) else error
            raise DatabaseError(
                f"cannot use the database {self.url.render_as_string(hide_password=True)}: {cause}; "
                "check `database.url` and that this user may read and write there"
            ) from error

    async def close(self) -> None:
        await self._writer.dispose()
        if self._reader is not self._writer:
            await self._reader.dispose()


def is_refusal(error: BaseException) -> bool:
    """Whether the database looked at these rows and will never take them. Anything else it raises (away, restarting,
    full, locked) may pass when it is asked again. asyncpg has no class of errors for the latter: it must be told by
    SQLSTATE, and values it cannot encode itself by ValueError."""
    if not isinstance(error, exc.DBAPIError):
        return False
    if isinstance(error, exc.IntegrityError | exc.DataError | exc.ProgrammingError | exc.NotSupportedError):
        return True
    cause = getattr(error.orig, "__cause__", None)
    state = getattr(error.orig, "sqlstate", None) or ""
    return state[:2] in ROW_FAULTS or isinstance(cause, ValueError)


def _async_url(url: str) -> URL:
    """Plain URLs get our async drivers, so that settings never have to name one."""
    drivers = {
        "sqlite": "sqlite+aiosqlite",
        "postgresql": "postgresql+asyncpg",
        "postgres": "postgresql+asyncpg",
    }
    try:
        parsed = make_url(url)
        return parsed.set(drivername=drivers[parsed.get_backend_name()])
    except (exc.ArgumentError, KeyError) as error:
        raise DatabaseError(
            f"`database.url` is {url!r}: write sqlite:///path/to/ringback.db or postgresql://user:password@host/name"
        ) from error


def _sqlite_engine(url: URL, *, writer: bool) -> AsyncEngine:
    engine = create_async_engine(
        url,
        poolclass=AsyncAdaptedQueuePool,
        pool_size=1 if writer else READERS,
        max_overflow=0,
        hide_parameters=True,
        async_creator=partial(
            sqlite_driver.connect,
            url.database or "",
            at_once=AT_ONCE if writer else 0,
            timeout=BUSY_TIMEOUT_MS / 1000,
        ),
    )

    @event.listens_for(engine.sync_engine, "connect")
    def set_up(connection: Any, _record: Any) -> None:
        try:
            _set_pragmas(connection, writer=writer)
        except BaseException:
            connection.close()  # the pool forgets what could not be set up, and its thread would live on
            raise

    @event.listens_for(engine.sync_engine, "begin")
    def begin(connection: Any) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writer else "BEGIN")

    return engine


def _set_pragmas(connection: Any, *, writer: bool) -> None:
    # The driver must not begin transactions by itself: it would begin deferred ones.
    connection.isolation_level = None
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA foreign_keys=ON")
    # What is deleted is overwritten: an erasure must not leave it in free pages. Many builds do so anyway.
    cursor.execute("PRAGMA secure_delete=ON")
    cursor.execute(f"PRAGMA busy_timeout={BUSY_TIMEOUT_MS}")
    cursor.execute("PRAGMA synchronous=NORMAL")
    if not writer:
        cursor.execute("PRAGMA query_only=ON")
    cursor.close()
