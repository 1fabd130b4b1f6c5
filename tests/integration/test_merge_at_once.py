"""Merges, undos and calls at the same instant: from two processes' connections, in whatever order the database lets
them through, nothing is lost and nothing is done twice."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from sqlalchemy import func, select

from core.db import Database
from core.errors import ConflictError
from crm_link.customers import CustomerEdit, NewCustomer
from crm_link.directory import read_customer
from crm_link.merging.merge import Wanted
from crm_link.merging.tables import CustomerMerge
from crm_link.merging.views import MergeView
from crm_link.tables import CallCustomer, Customer
from tests.customers import NUMBER, OTHER
from tests.merging import MergingOffice

CALLS = 12


@pytest.fixture
async def offices(
    database: Database, database_url: str
) -> AsyncIterator[tuple[MergingOffice, MergingOffice]]:
    """Two processes on one database."""
    other = Database(database_url)
    yield MergingOffice(database), MergingOffice(other)
    await other.close()


async def _two(office: MergingOffice) -> tuple[int, int]:
    one = await office.customers.create(NewCustomer(name="Anna", numbers=(NUMBER,)), None)
    other = await office.customers.create(NewCustomer(name="Ania", numbers=(OTHER,)), None)
    return one.id, other.id


async def _strays(office: MergingOffice) -> int:
    """Calls that stand with a record that is none of its own any more."""
    async with office.database.read() as connection:
        rows = select(func.count()).select_from(CallCustomer).join(Customer)
        return (await connection.execute(rows.where(Customer.merged_into_id.is_not(None)))).scalar_one()


async def test_the_same_two_merged_twice_at_once_are_merged_once(
    offices: tuple[MergingOffice, MergingOffice],
) -> None:
    one, other = await _two(offices[0])
    wanted = (Wanted(one, other, keep=one), Wanted(one, other, keep=other))
    answers = await asyncio.gather(
        *(office.merges.merge(wish, None) for office in offices for wish in wanted), return_exceptions=True
    )
    assert sum(isinstance(answer, MergeView) for answer in answers) == 1, answers
    assert all(isinstance(answer, MergeView | ConflictError) for answer in answers), answers
    async with offices[0].database.read() as connection:
        assert await connection.scalar(select(func.count()).select_from(CustomerMerge)) == 1


async def test_calls_that_come_in_during_a_merge_are_nobodys_loss(
    offices: tuple[MergingOffice, MergingOffice],
) -> None:
    one, other = await _two(offices[0])
    answers = await asyncio.gather(
        *(offices[1].desk.call(f"c{n}", (NUMBER, OTHER)[n % 2], at=1000.0 + n) for n in range(CALLS)),
        offices[0].merges.merge(Wanted(one, other, keep=one), None),
        *(offices[1].desk.call(f"d{n}", (NUMBER, OTHER)[n % 2], at=1100.0 + n) for n in range(CALLS)),
    )
    assert await _strays(offices[0]) == 0
    async with offices[0].database.read() as connection:
        held = select(func.count()).select_from(CallCustomer).where(CallCustomer.customer_id == one)
        assert await connection.scalar(held) == 2 * CALLS
        assert await connection.scalar(select(func.count()).select_from(Customer)) == 2
    assert len(answers) == 2 * CALLS + 1


async def test_merging_undoing_editing_and_ringing_all_at_once(
    offices: tuple[MergingOffice, MergingOffice],
) -> None:
    one, other = await _two(offices[0])

    async def back_and_forth(office: MergingOffice) -> None:
        for _ in range(4):
            try:
                merge = await office.merges.merge(Wanted(one, other), None)
                await office.merges.undo(merge.id, None)
            except ConflictError:
                continue

    async def edit(office: MergingOffice) -> None:
        for turn in range(CALLS):
            await office.customers.edit(other, CustomerEdit(company=f"Firm {turn}"), None)
            await office.notes.add_note(other, f"note {turn}", None)

    async def ring(office: MergingOffice) -> None:
        for turn in range(CALLS):
            await office.desk.call(f"r{turn}", (NUMBER, OTHER)[turn % 2], at=1000.0 + turn)
            await office.customers.pick(f"r{turn}", other, None)

    await asyncio.gather(*(back_and_forth(office) for office in offices), edit(offices[1]), ring(offices[0]))
    assert await _strays(offices[0]) == 0
    async with offices[0].database.read() as connection:
        standing = select(func.count()).select_from(CustomerMerge).where(CustomerMerge.undone_at.is_(None))
        merged = await connection.scalar(standing)
        ids = {(await read_customer(connection, each)).id for each in (one, other)}
    assert len(ids) == 2 - (merged or 0)
