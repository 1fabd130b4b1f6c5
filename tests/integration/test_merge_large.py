"""Merging customers with very much history: what grows with the rows, what does not, and where it ends."""

from __future__ import annotations

import shutil
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event, insert, text

from core.db import Database
from core.errors import ConflictError
from crm_link.customers import NewCustomer
from crm_link.merging.views import MOST_MOVING, MergePreview, preview_merge
from crm_link.tables import CallCustomer
from tests.merging import MANY_NOTES, MergingOffice, picture

SHARED = 1200
"""Calls of both customers: three statements' worth."""


@pytest.fixture
def office(database: Database) -> MergingOffice:
    return MergingOffice(database)


@pytest.fixture
async def sqlite(sqlite_template: Path, tmp_path: Path) -> AsyncIterator[Database]:
    shutil.copy(sqlite_template, tmp_path / "large.db")
    database = Database(f"sqlite:///{tmp_path}/large.db")
    yield database
    await database.close()


async def _two(office: MergingOffice) -> tuple[int, int]:
    one = await office.customers.create(NewCustomer(name="Anna Kowalska"), None)
    other = await office.customers.create(NewCustomer(name="Ania Kowalska"), None)
    return one.id, other.id


@contextmanager
def _counted(database: Database) -> Iterator[list[str]]:
    """Statements that are executed meanwhile."""
    said: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        said.append(statement)

    engine = database._writer.sync_engine
    event.listen(engine, "before_cursor_execute", note)
    yield said
    event.remove(engine, "before_cursor_execute", note)


async def test_rows_that_become_one_are_not_written_one_by_one(office: MergingOffice) -> None:
    anna, ania = await _two(office)
    ranked = ((anna, 2), (ania, 1))
    rows = [
        {"call_id": f"c{n}", "customer_id": customer, "how": "number", "rank": rank, "call_at": float(n)}
        for n in range(SHARED)
        for customer, rank in ranked
    ]
    async with office.database.write() as connection:
        await connection.execute(insert(CallCustomer), rows)
    before = await picture(office.database)
    with _counted(office.database) as merging:
        merge = await office.merge(anna, ania)
    with _counted(office.database) as undoing:
        await office.merges.undo(merge.id, None)
    assert merge.calls == SHARED
    assert await picture(office.database) == before
    assert max(len(merging), len(undoing)) < SHARED / 6


async def _preview(office: MergingOffice, one: int, other: int, keep: int) -> MergePreview:
    async with office.database.read() as connection:
        return await preview_merge(connection, one, other, keep=keep)


async def test_more_than_one_merge_moves_is_refused_with_what_to_do(sqlite: Database) -> None:
    office = MergingOffice(sqlite)
    anna, ania = await _two(office)
    async with office.database.write() as connection:
        await connection.execute(text(MANY_NOTES), {"customer": ania, "many": MOST_MOVING + 1})
    with pytest.raises(ConflictError, match=rf"^{MOST_MOVING + 1} calls.* keep that customer instead$"):
        await office.merge(anna, ania)
    assert (await _preview(office, anna, ania, ania)).refusal is None
    async with office.database.write() as connection:
        await connection.execute(text(MANY_NOTES), {"customer": anna, "many": MOST_MOVING + 1})
    for keep in (anna, ania):
        refusal = (await _preview(office, anna, ania, keep)).refusal
        assert refusal is not None
        assert refusal.endswith("move their numbers one by one instead")


async def test_a_long_transaction_is_never_executed_in_the_event_loop(sqlite: Database) -> None:
    threads: dict[bool, int] = {}
    for is_long in (False, True):
        async with sqlite.write(is_long=is_long) as connection:
            raw: Any = (await connection.get_raw_connection()).driver_connection
            await raw.create_function("whose", 0, threading.get_ident)
            threads[is_long] = (await connection.exec_driver_sql("SELECT whose()")).scalar_one()
    assert threads[False] == threading.get_ident()
    assert threads[True] != threading.get_ident()
