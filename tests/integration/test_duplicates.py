"""Likely duplicates among stored customers: found, listed, ruled out, proposed, and gone when they are one."""

from __future__ import annotations

import pytest

from core.db import Database
from core.errors import ConflictError
from crm_link.changes import Edit
from crm_link.customers import CustomerEdit, NewCustomer
from crm_link.merging.duplicates import Reason, together
from crm_link.merging.duplicates_book import (
    DuplicatePage,
    count_duplicates,
    dismiss,
    propose,
    read_duplicates,
    reconsider,
)
from crm_link.merging.duplicates_search import DEAD_S, DuplicateFinder, read_last_search
from tests.customers import NUMBER, OTHER
from tests.merging import MergingOffice


@pytest.fixture
def office(database: Database) -> MergingOffice:
    return MergingOffice(database)


def _finder(office: MergingOffice) -> DuplicateFinder:
    return DuplicateFinder(office.database, lambda: office.now)


async def _search(office: MergingOffice) -> DuplicatePage:
    office.now += 1
    await _finder(office).search(None)
    return await _read(office)


async def _read(office: MergingOffice, after: str | None = None, limit: int = 20) -> DuplicatePage:
    async with office.database.read() as connection:
        return await read_duplicates(connection, limit=limit, after=after)


async def _three(office: MergingOffice) -> tuple[int, int, int]:
    """Anna twice at the same company with the same address, and Piotr, who shares a number with one of them."""
    people = (
        NewCustomer(name="Anna Kowalska", company="Acme Ltd", numbers=(NUMBER,), emails=("a@example.com",)),
        NewCustomer(name="Ana Kowalska", company="ACME", numbers=(OTHER,), emails=("a@example.com",)),
        NewCustomer(name="Piotr Zych", numbers=(NUMBER,)),
    )
    one, two, three = [(await office.customers.create(person, None)).id for person in people]
    return one, two, three


async def test_likely_ones_come_first_with_their_reasons(office: MergingOffice) -> None:
    one, two, three = await _three(office)
    found = (await _search(office)).duplicates
    assert [(pair.first.id, pair.second.id, set(pair.reasons)) for pair in found] == [
        (one, two, {Reason.EMAIL, Reason.COMPANY}),
        (one, three, {Reason.NUMBER}),
    ]
    async with office.database.read() as connection:
        assert await count_duplicates(connection) == 2
        last = await read_last_search(connection)
    assert last is not None
    assert (last.found, last.looked_at, last.ended_at) == (2, last.total, office.now)


async def test_reasons_that_are_found_one_after_the_other_add_up(office: MergingOffice) -> None:
    for person in (
        NewCustomer(name="Tadeusz Szprycha", company="Rower", numbers=("+48221234500",)),
        NewCustomer(name="Tadeusz Szprych", company="Rower", numbers=("+48221234507",)),
        NewCustomer(name="Danuta Wspólna", numbers=(NUMBER,)),
        NewCustomer(name="Roman Wspólny", numbers=(NUMBER,)),
    ):
        await office.customers.create(person, None)
    near, family = (await _search(office)).duplicates
    assert set(near.reasons) == {Reason.COMPANY, Reason.NEIGHBOURS}
    assert near.score == together([50 + 97 // 4, 40 + 97 // 4])
    assert set(family.reasons) == {Reason.NUMBER}


async def test_pages_hold_each_pair_once(office: MergingOffice) -> None:
    await _three(office)
    await _search(office)
    first = await _read(office, limit=1)
    second = await _read(office, first.next, limit=1)
    assert second.next is None
    assert first.duplicates[0].score > second.duplicates[0].score


async def test_who_is_not_the_same_is_not_asked_about_again(office: MergingOffice) -> None:
    one, two, three = await _three(office)
    await _search(office)
    async with office.database.write() as connection:
        await dismiss(connection, three, one, Edit(office.now))
    assert [pair.second.id for pair in (await _search(office)).duplicates] == [two]
    async with office.database.write() as connection:
        with pytest.raises(ConflictError, match="not the same"):
            await propose(connection, one, three, Edit(office.now))
        await reconsider(connection, one, three)
    assert [pair.second.id for pair in (await _search(office)).duplicates] == [two, three]


async def test_what_is_no_longer_alike_goes_but_what_a_person_said_stays(office: MergingOffice) -> None:
    one, two, three = await _three(office)
    await _search(office)
    async with office.database.write() as connection:
        await propose(connection, two, three, Edit(office.now))
    await office.customers.edit(two, CustomerEdit(company="Else"), None)
    async with office.database.read() as connection:
        page = await read_duplicates(connection)
    assert next((pair.first.id, pair.second.id) for pair in page.duplicates) == (two, three)
    found = (await _search(office)).duplicates
    by_pair = {(pair.first.id, pair.second.id): pair for pair in found}
    assert set(by_pair[one, two].reasons) == {Reason.EMAIL}
    assert by_pair[two, three].proposed_at is not None


async def test_a_merged_pair_is_gone_and_back_after_the_undo(office: MergingOffice) -> None:
    one, two, _three_id = await _three(office)
    await _search(office)
    merge = await office.merge(one, two)
    assert two not in {pair.second.id for pair in (await _read(office)).duplicates}
    await office.merges.undo(merge.id, None)
    assert two in {pair.second.id for pair in (await _read(office)).duplicates}


async def test_one_search_at_a_time_until_it_is_dead(office: MergingOffice) -> None:
    finder = _finder(office)
    await finder._begin(Edit(office.now))
    with pytest.raises(ConflictError, match="under way"):
        await finder.search(None)
    office.now += DEAD_S + 1
    assert (await finder.search(None)).ended_at == office.now
