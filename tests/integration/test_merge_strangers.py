"""Undoing a merge after one of the two, an unknown caller, has become part of whoever their number was given to: nobody
is left without a number, and everything is where it would be without the merge."""

from __future__ import annotations

import pytest
from sqlalchemy import exists, select

import server.schema  # noqa: F401 (declares every table)
from core.db import Database
from crm_link.call_links import read_links
from crm_link.customers import NewCustomer
from crm_link.directory import read_customer, read_notes
from crm_link.tables import Customer, Identity
from tests.customers import NUMBER, OTHER
from tests.merging import MergingOffice


@pytest.fixture
def office(database: Database) -> MergingOffice:
    return MergingOffice(database)


async def _caller(office: MergingOffice, call_id: str, number: str) -> int:
    """An unknown caller about whom somebody noted something."""
    await office.desk.call(call_id, number, at=100.0)
    customer_id = office.desk.matched[-1].customer_ids[0]
    await office.notes.add_note(customer_id, f"note about {call_id}", None, call_id=call_id)
    return customer_id


async def _named(office: MergingOffice, name: str, *numbers: str) -> int:
    return (await office.customers.create(NewCustomer(name=name, numbers=numbers), None)).id


async def _holdings(office: MergingOffice, customer_id: int) -> tuple[int, set[str], set[str]]:
    """Whom an id stands for today, with which numbers and notes."""
    async with office.database.read() as connection:
        view = await read_customer(connection, customer_id)
        return view.id, set(view.numbers), {note.text for note in await read_notes(connection, view.id)}


async def _whose(office: MergingOffice, call_id: str) -> tuple[int, ...]:
    async with office.database.read() as connection:
        links = await read_links(connection, call_id)
    assert links is not None
    return links.customer_ids


async def _numberless(office: MergingOffice) -> list[int]:
    held = exists().where(Identity.customer_id == Customer.id)
    nobody = select(Customer.id).where(Customer.is_provisional, Customer.merged_into_id.is_(None), ~held)
    async with office.database.read() as connection:
        return list((await connection.scalars(nobody)).all())


async def test_both_callers_were_somebody_all_along(office: MergingOffice) -> None:
    one, other = await _caller(office, "a1", NUMBER), await _caller(office, "b1", OTHER)
    merge = await office.merge(one, other)
    anna = await _named(office, "Anna Kowalska", NUMBER, OTHER)
    await office.merges.undo(merge.id, None)
    everything = (anna, {NUMBER, OTHER}, {"note about a1", "note about b1"})
    assert [await _holdings(office, each) for each in (anna, one, other)] == [everything] * 3
    assert await _whose(office, "a1") == await _whose(office, "b1") == (anna,)
    assert await _numberless(office) == []


async def test_the_merged_caller_was_somebody_else(office: MergingOffice) -> None:
    anna, caller = await _named(office, "Anna Kowalska", NUMBER), await _caller(office, "b1", OTHER)
    merge = await office.merge(anna, caller)
    await office.lose(anna, OTHER)
    jan = await _named(office, "Jan Nowak", OTHER)
    assert await _whose(office, "b1") == (anna,)
    office.desk.changed.clear()
    await office.merges.undo(merge.id, None)
    assert await _holdings(office, caller) == (jan, {OTHER}, {"note about b1"})
    assert await _whose(office, "b1") == (jan,)
    assert await _numberless(office) == []
    assert {fact.customer_id for fact in office.desk.changed} == {anna, caller, jan}


async def test_the_caller_who_was_kept_was_somebody_else(office: MergingOffice) -> None:
    one, other = await _caller(office, "a1", NUMBER), await _caller(office, "b1", OTHER)
    merge = await office.merge(one, other)
    anna = await _named(office, "Anna Kowalska", NUMBER)
    await office.merges.undo(merge.id, None)
    assert await _holdings(office, one) == (anna, {NUMBER}, {"note about a1"})
    assert await _holdings(office, other) == (other, {OTHER}, {"note about b1"})
    assert await _whose(office, "b1") == (other,)
    assert await _numberless(office) == []


async def test_a_caller_whose_number_nobody_has_stays_as_they_are(office: MergingOffice) -> None:
    anna, caller = await _named(office, "Anna Kowalska", NUMBER), await _caller(office, "b1", OTHER)
    merge = await office.merge(anna, caller)
    await office.lose(anna, OTHER)
    await office.merges.undo(merge.id, None)
    assert await _holdings(office, caller) == (caller, set(), {"note about b1"})
    await office.desk.call("b2", OTHER, at=500.0)
    assert office.desk.matched[-1].created, "a number nobody holds finds its next caller"
