"""Durable facts. A room appends a fact in the same transaction as the row it describes; each consumer that owes
work for it keeps its own cursor and is called at least once per fact, in order. A crash between the commit and a
consumer loses nothing: the consumer finds the fact at its cursor after the restart. Consumers must therefore be
idempotent. Slow work does not belong in a consumer either: it writes a row and lets a worker do it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

import structlog
from sqlalchemy import (
    BigInteger,
    Double,
    Index,
    Integer,
    String,
    Text,
    bindparam,
    delete,
    func,
    insert,
    select,
    update,
)
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.orm import Mapped, mapped_column

from core.db import CALL_ID, Base, Database
from core.facts import Fact
from core.tasks import woken

log = structlog.get_logger(__name__)

BATCH = 200
"""Facts read per turn: enough to catch up quickly, few enough that a stop is honoured soon."""

IDLE_WAKE_S = 5.0
"""A consumer looks by itself this often, for facts another process appended."""

RETRY_S = 2.0

FORGET_BATCH = 500
"""Rows thrown away in one transaction: a few milliseconds, for which a ringing call may have to wait."""

APPEND_LOCK = 0x52494E47
"""PostgreSQL advisory lock that makes fact ids become visible in order ("RING")."""


class FactLogRow(Base):
    __tablename__ = "fact_log"

    id: Mapped[int] = mapped_column(
        BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True
    )
    kind: Mapped[str] = mapped_column(String(40))
    subject: Mapped[str] = mapped_column(
        CALL_ID, doc="call or customer id: deliveries keep order per subject"
    )
    at: Mapped[float] = mapped_column(Double)
    body: Mapped[str] = mapped_column(Text, doc="the fact's fields as JSON")

    __table_args__ = (Index("ix_fact_log_kind_id", "kind", "id"),)


class FactCursor(Base):
    __tablename__ = "fact_cursors"

    consumer: Mapped[str] = mapped_column(String(60), primary_key=True)
    last_id: Mapped[int] = mapped_column(BigInteger, default=0)


# Made once: every ended call goes through each of these for every consumer.
APPEND = insert(FactLogRow)
_LAST = select(FactCursor.last_id).where(FactCursor.consumer == bindparam("consumer")).scalar_subquery()
_IS_DUE = (
    FactLogRow.id > func.coalesce(_LAST, 0),
    FactLogRow.kind.in_(bindparam("kinds", expanding=True)),
)
WAITING = select(func.count()).where(*_IS_DUE)
FIRST_DUE = select(func.min(FactLogRow.id)).where(*_IS_DUE)
DUE = (
    select(FactLogRow.id, FactLogRow.kind, FactLogRow.subject, FactLogRow.at, FactLogRow.body)
    .where(*_IS_DUE)
    .order_by(FactLogRow.id)
    .limit(BATCH)
)
ADVANCE = update(FactCursor).where(FactCursor.consumer == bindparam("name"))


@dataclass(frozen=True, slots=True)
class LoggedFact:
    """A fact as a consumer gets it: `id` grows with time, `body` is the fact's fields as JSON values."""

    id: int
    kind: str
    subject: str
    at: float
    body: Mapping[str, Any]


async def append(connection: AsyncConnection, fact: Fact, *, subject: str, at: float) -> None:
    """Write `fact` inside the caller's transaction.

    On PostgreSQL ids are given out at insert but become visible at commit: without the lock a consumer could pass
    a higher id before a lower one is committed and never see it. SQLite has one writer anyway.
    """
    await _take_turn(connection)
    await connection.execute(APPEND, _row(fact, subject, at))


async def append_all(connection: AsyncConnection, facts: Mapping[str, Fact], *, at: float) -> None:
    """Write one fact for each of these subjects, as `append` does."""
    if facts:
        await _take_turn(connection)
        await connection.execute(APPEND, [_row(fact, subject, at) for subject, fact in facts.items()])


async def _take_turn(connection: AsyncConnection) -> None:
    if connection.dialect.name == "postgresql":
        await connection.execute(select(func.pg_advisory_xact_lock(APPEND_LOCK)))


def _row(fact: Fact, subject: str, at: float) -> dict[str, Any]:
    body = json.dumps(asdict(fact), ensure_ascii=False)  # type: ignore[call-overload]
    return {"kind": type(fact).__name__, "subject": subject, "at": at, "body": body}


async def forget(connection: AsyncConnection, consumers: Iterable[FactConsumer], *, before: float) -> int:
    """Throw away at most `FORGET_BATCH` facts of before `before` that all `consumers` have had; returns how many. The
    newest fact stays: SQLite would give its id again, and every consumer would take the next fact for an old one."""
    newest = await connection.scalar(select(func.max(FactLogRow.id)))
    if newest is None:
        return 0
    due = [await consumer.first_due(connection) for consumer in consumers]
    end = min([newest, *(first for first in due if first is not None)])
    oldest = select(FactLogRow.id).order_by(FactLogRow.id).limit(FORGET_BATCH)
    gone = await connection.execute(
        delete(FactLogRow).where(FactLogRow.id.in_(oldest), FactLogRow.id < end, FactLogRow.at < before)
    )
    return gone.rowcount


async def as_it_stands(connection: AsyncConnection, fact: LoggedFact) -> LoggedFact | None:
    """A fact that was read a while ago, inside the transaction that writes down what it says; None when it is gone.
    Whoever takes a person out of it waits until that transaction ends, and then finds what it wrote."""
    body = await connection.scalar(
        select(FactLogRow.body).where(FactLogRow.id == fact.id).with_for_update(read=True)
    )
    return None if body is None else replace(fact, body=json.loads(body))


class FactConsumer:
    """Feeds one consumer from the log. `run()` until cancelled; `wake()` after a commit saves it the idle wait."""

    def __init__(
        self,
        database: Database,
        name: str,
        kinds: tuple[type[Fact], ...],
        handle: Callable[[LoggedFact], Awaitable[None]],
    ) -> None:
        self._database = database
        self.name = name
        self._kinds = [kind.__name__ for kind in kinds]
        self._handle = handle
        self._woken = asyncio.Event()

    def wake(self) -> None:
        self._woken.set()

    async def run(self) -> None:
        """Deliver for ever. A failing handler is retried with the same fact; the order is never broken."""
        while True:
            self._woken.clear()
            try:
                while await self.deliver_batch() == BATCH:
                    pass
            except Exception:
                log.exception("fact consumer failed; it will try again", consumer=self.name)
                await asyncio.sleep(RETRY_S)
                continue
            await woken(self._woken, IDLE_WAKE_S)

    async def deliver_batch(self) -> int:
        """Deliver what is due, at most `BATCH` facts; returns how many."""
        facts = await self._due()
        done: int | None = None
        try:
            for fact in facts:
                await self._handle(fact)
                done = fact.id
        finally:
            if done is not None:
                await self._advance(done)
        return len(facts)

    async def backlog(self, connection: AsyncConnection) -> int:
        """How many facts wait for this consumer."""
        asked = {"consumer": self.name, "kinds": self._kinds}
        return (await connection.execute(WAITING, asked)).scalar_one()

    async def first_due(self, connection: AsyncConnection) -> int | None:
        """The oldest fact that waits for this consumer, None when it has had all."""
        asked = {"consumer": self.name, "kinds": self._kinds}
        return (await connection.execute(FIRST_DUE, asked)).scalar_one()

    async def _due(self) -> list[LoggedFact]:
        async with self._database.read() as connection:
            rows = await connection.execute(DUE, {"consumer": self.name, "kinds": self._kinds})
            return [LoggedFact(r.id, r.kind, r.subject, r.at, json.loads(r.body)) for r in rows]

    async def _advance(self, fact_id: int) -> None:
        async with self._database.write() as connection:
            moved = await connection.execute(ADVANCE, {"name": self.name, "last_id": fact_id})
            if moved.rowcount == 0:
                await connection.execute(insert(FactCursor).values(consumer=self.name, last_id=fact_id))
