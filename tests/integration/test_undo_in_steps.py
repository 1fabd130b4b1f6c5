"""The undo of a merge that moved much: others write in between, a server that dies in the middle of it leaves nothing
half done, and nobody builds on half of it."""

from __future__ import annotations

import asyncio

import pytest
from sqlalchemy import func, select, text

from core.bus import Bus
from core.db import Database
from core.errors import ConflictError
from core.fact_log import FactLogRow
from crm_link.customers import NewCustomer
from crm_link.merging.journal import AT_ONCE
from crm_link.merging.merge import Merges
from crm_link.merging.tables import CustomerMergeMove
from crm_link.merging.turns import undo_at_work
from crm_link.tables import CallCustomer
from server.privacy.erase_guard import refuse_going
from server.privacy.erase_person import read_person
from tests.customers import NUMBER, OTHER
from tests.merging import MANY_NOTES, MergingOffice, picture

STEPS = 6
"""More than one transaction's worth of notes."""


@pytest.fixture
def office(database: Database) -> MergingOffice:
    return MergingOffice(database)


async def _two(office: MergingOffice) -> tuple[int, int]:
    anna = await office.customers.create(NewCustomer(name="Anna Kowalska", numbers=(NUMBER,)), None)
    ania = await office.customers.create(NewCustomer(name="Ania Kowalska", numbers=(OTHER,)), None)
    await office.desk.call("a1", OTHER, at=900.0)
    async with office.database.write() as connection:
        await connection.execute(text(MANY_NOTES), {"customer": ania.id, "many": STEPS * AT_ONCE})
    return anna.id, ania.id


async def _at_work(office: MergingOffice) -> int | None:
    async with office.database.read() as connection:
        return await undo_at_work(connection)


async def _whose(office: MergingOffice, call_id: str) -> list[int]:
    async with office.database.read() as connection:
        found = select(CallCustomer.customer_id).where(CallCustomer.call_id == call_id)
        return list(await connection.scalars(found))


async def _count(office: MergingOffice, table: type, *conditions: object) -> int:
    async with office.database.read() as connection:
        found = select(func.count()).select_from(table).where(*conditions)  # type: ignore[arg-type]
        return (await connection.execute(found)).scalar_one()


async def test_a_call_that_rings_in_the_middle_waits_for_one_step(office: MergingOffice) -> None:
    anna, ania = await _two(office)
    merge = await office.merge(anna, ania)
    undoing = asyncio.create_task(office.merges.undo(merge.id, None))
    while await _at_work(office) is None:
        await asyncio.sleep(0)
    told = await office.desk.call("n1", OTHER, at=1100.0)
    assert await _at_work(office) == merge.id
    assert told.customer_ids == (ania,)
    assert (await undoing).undone_at is not None
    assert await _whose(office, "n1") == [ania]
    assert await _count(office, CustomerMergeMove) == 0


async def test_what_a_dead_server_left_is_worked_off_and_told_once(office: MergingOffice) -> None:
    anna, ania = await _two(office)
    before = await picture(office.database)
    merge = await office.merge(anna, ania)
    await office.begin_undo(merge.id)
    assert await _at_work(office) == merge.id
    assert await picture(office.database) != before
    next_server = Merges(office.database, Bus(), lambda: office.now)
    await next_server.finish_undos()
    await office.merges.finish_undos()
    assert await picture(office.database) == before
    assert await _count(office, FactLogRow, FactLogRow.kind == "CustomerUnmerged") == 1


async def test_two_servers_that_work_it_off_at_once_do_nothing_twice(
    office: MergingOffice, database_url: str
) -> None:
    anna, ania = await _two(office)
    before = await picture(office.database)
    merge = await office.merge(anna, ania)
    await office.begin_undo(merge.id)
    beside = Database(database_url)
    other = Merges(beside, Bus(), lambda: office.now, parts_at_once=1)
    await asyncio.gather(office.merges.finish_undos(), other.finish_undos())
    await beside.close()
    assert await picture(office.database) == before
    assert await _count(office, FactLogRow, FactLogRow.kind == "CustomerUnmerged") == 1


async def test_the_next_merge_comes_after_all_of_it(office: MergingOffice) -> None:
    anna, ania = await _two(office)
    before = await picture(office.database)
    first = await office.merge(anna, ania)
    await office.begin_undo(first.id)
    again = await office.merge(ania, anna)
    assert await _at_work(office) is None
    await office.merges.undo(again.id, None)
    assert await picture(office.database) == before


async def test_nobody_is_erased_while_calls_are_given_back(office: MergingOffice) -> None:
    anna, ania = await _two(office)
    merge = await office.merge(anna, ania)
    await office.begin_undo(merge.id)
    async with office.database.read() as connection:
        for one in (anna, ania):
            with pytest.raises(ConflictError, match="just being undone"):
                await refuse_going(connection, await read_person(connection, one))
    await office.merges.finish_undos()
    async with office.database.read() as connection:
        await refuse_going(connection, await read_person(connection, anna))
