"""Looking for duplicates among all customers: reads identities and the words of companies page by page in the order of
their indexes, has them compared in a thread, stores what was found and how far it is. Nothing waits for it, and it
holds no transaction over more than a page. It merges nobody."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import structlog
from sqlalchemy import Row, Select, func, insert, select, tuple_, update
from sqlalchemy.ext.asyncio import AsyncConnection

from core.clock import Clock
from core.db import Database
from core.errors import ConflictError
from crm_link.changes import Edit
from crm_link.kinds import IdentityKind
from crm_link.merging.duplicates import CompanyScan, Held, IdentityScan, Pair, Who
from crm_link.merging.duplicates_book import forget_gone, store_found
from crm_link.merging.tables import DuplicatePair, DuplicateSearch
from crm_link.tables import Customer, CustomerWord, Identity

log = structlog.get_logger(__name__)

PAGE = 2000
"""Rows read at once: some milliseconds of work between which calls have their turn."""

BETWEEN_S = 0.005

DEAD_S = 120.0
"""A search that has said nothing for so long was cut off with its process."""


@dataclass(frozen=True, slots=True)
class SearchView:
    """How a search stands. `looked_at` of `total` rows are read; `found` counts what it stored so far."""

    id: int
    began_at: float
    began_by: int | None
    seen_at: float
    ended_at: float | None
    looked_at: int
    total: int
    found: int

    def is_running(self, now: float) -> bool:
        return self.ended_at is None and self.seen_at > now - DEAD_S


async def read_last_search(connection: AsyncConnection) -> SearchView | None:
    """The search that began last, running or over; None when there was none yet."""
    statement = select(*DuplicateSearch.__table__.c).order_by(DuplicateSearch.id.desc()).limit(1)
    row = (await connection.execute(statement)).one_or_none()
    return None if row is None else SearchView(**row._mapping)


async def _read(connection: AsyncConnection, search_id: int) -> SearchView:
    statement = select(*DuplicateSearch.__table__.c).where(DuplicateSearch.id == search_id)
    return SearchView(**(await connection.execute(statement)).one()._mapping)


class DuplicateFinder:
    """One instance per process; the row in the database keeps two processes from searching at the same time."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def search(self, by: int | None) -> SearchView:
        """A whole search, to its end. Raises ConflictError while another one runs."""
        search = await self._begin(Edit(self._clock(), by))
        run = _Run(self._database, self._clock, search)
        await run.identities()
        await run.companies()
        async with self._database.write() as connection:
            await forget_gone(connection, search.began_at)
            of_this = select(func.count()).where(DuplicatePair.found_at == search.began_at)
            values = {
                "ended_at": self._clock(),
                "looked_at": DuplicateSearch.total,
                "found": of_this.scalar_subquery(),
            }
            await connection.execute(
                update(DuplicateSearch).where(DuplicateSearch.id == search.id).values(**values)
            )
            over = await _read(connection, search.id)
        log.info("searched for duplicates", found=over.found, rows=over.total)
        return over

    async def _begin(self, edit: Edit) -> SearchView:
        async with self._database.write() as connection:
            last = await read_last_search(connection)
            if last is not None and last.is_running(edit.at):
                raise ConflictError("a search for duplicates is under way")
            total = await _count(connection)
            row = insert(DuplicateSearch).values(
                began_at=edit.at, began_by=edit.user_id, seen_at=edit.at, total=total
            )
            search_id = (await connection.execute(row.returning(DuplicateSearch.id))).scalar_one()
            return await _read(connection, search_id)


class _Run:
    """The scans of one search."""

    def __init__(self, database: Database, clock: Clock, search: SearchView) -> None:
        self._database = database
        self._clock = clock
        self._search = search

    async def identities(self) -> None:
        scan = IdentityScan()
        place = tuple_(Identity.kind, Identity.value, Identity.customer_id)
        statement = (
            select(Identity.kind, Identity.value, Identity.customer_id, Customer.name, Customer.company)
            .join(Customer, Customer.id == Identity.customer_id)
            .order_by(Identity.kind, Identity.value, Identity.customer_id)
            .limit(PAGE)
        )
        await self._pages(
            statement,
            place,
            lambda rows: scan.feed(map(_held, rows)),
            lambda row: (row.kind, row.value, row.customer_id),
        )
        await self._store(scan.finish(), 0)

    async def companies(self) -> None:
        scan = CompanyScan()
        place = tuple_(CustomerWord.word, CustomerWord.customer_id)
        statement = (
            select(CustomerWord.word, CustomerWord.customer_id, Customer.name, Customer.company)
            .join(Customer, Customer.id == CustomerWord.customer_id)
            .order_by(CustomerWord.word, CustomerWord.customer_id)
            .limit(PAGE)
        )
        await self._pages(
            statement,
            place,
            lambda rows: scan.feed((row.word, _who(row)) for row in rows if row.company),
            lambda row: (row.word, row.customer_id),
        )
        await self._store(await asyncio.to_thread(scan.finish), 0)

    async def _pages(
        self,
        statement: Select[*tuple[Any, ...]],
        place: Any,
        scan: Callable[[Sequence[Row[Any]]], list[Pair]],
        end: Callable[[Row[Any]], tuple[Any, ...]],
    ) -> None:
        """Every page behind the one before it, compared in a thread while calls go on."""
        rows: Sequence[Row[Any]] = ()
        while True:
            page = statement.where(place > tuple_(*end(rows[-1]))) if rows else statement
            async with self._database.read() as connection:
                rows = (await connection.execute(page)).all()
            await self._store(await asyncio.to_thread(scan, rows), len(rows))
            if len(rows) < PAGE:
                return
            await asyncio.sleep(BETWEEN_S)

    async def _store(self, pairs: Sequence[Pair], looked_at: int) -> None:
        async with self._database.write() as connection:
            stored = await store_found(connection, pairs, self._search.began_at)
            values = {
                "seen_at": self._clock(),
                "looked_at": DuplicateSearch.looked_at + looked_at,
                "found": DuplicateSearch.found + stored,
            }
            mine = DuplicateSearch.id == self._search.id
            await connection.execute(update(DuplicateSearch).where(mine).values(**values))


async def _count(connection: AsyncConnection) -> int:
    identities = (await connection.execute(select(func.count()).select_from(Identity))).scalar_one()
    words = (await connection.execute(select(func.count()).select_from(CustomerWord))).scalar_one()
    return identities + words


def _held(row: Row[Any]) -> Held:
    return Held(IdentityKind(row.kind), row.value, _who(row))


def _who(row: Row[Any]) -> Who:
    return Who(row.customer_id, row.name, row.company)
