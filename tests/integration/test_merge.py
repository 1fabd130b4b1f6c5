"""P11: merging two customers, what moves, what redirects, and undoing it whatever happened in between."""

from __future__ import annotations

import json

import pytest
from sqlalchemy import delete, insert, select

import server.schema  # noqa: F401 (declares every table)
from core.db import Base, Database
from core.errors import ConflictError, InvalidInputError, NotFoundError
from core.facts import CallMatched, CustomerMerged, CustomerUnmerged, MatchKind
from crm_link.blocks.edit import Blocks
from crm_link.call_links import read_links
from crm_link.customers import CustomerEdit, NewCustomer
from crm_link.deals.tables import Deal
from crm_link.directory import find_customers, read_customer, read_notes
from crm_link.fields.tables import CustomerField, CustomerFieldWord
from crm_link.kinds import IdentityKind
from crm_link.merging.holdings import HOLDINGS, STAYS
from crm_link.merging.journal import Holding, count_rows
from crm_link.merging.merge import Wanted
from crm_link.merging.views import Choices, Side
from crm_link.tasks.tables import Task
from tests.customers import NUMBER, OTHER
from tests.merging import MergingOffice, picture

THIRD = "+48601000222"


@pytest.fixture
def office(database: Database) -> MergingOffice:
    return MergingOffice(database)


async def _two(office: MergingOffice) -> tuple[int, int]:
    """Anna, who has called twice, and the caller Ania, who has called once; both with notes and tags."""
    anna = await office.customers.create(
        NewCustomer(name="Anna Kowalska", company="Acme", numbers=(NUMBER,), emails=("anna@example.com",)),
        None,
    )
    await office.desk.call("a1", NUMBER, at=100.0)
    await office.desk.call("a2", NUMBER, at=200.0)
    await office.desk.call("b1", OTHER, at=300.0, name="ANIA")
    ania = office.desk.matched[-1].customer_ids[0]
    await office.notes.add_note(anna.id, "wants a new contract", None)
    await office.notes.add_note(ania, "called about the flat", None, call_id="b1")
    for customer_id, tag in ((anna.id, "vip"), (ania, "vip"), (ania, "flat")):
        await office.notes.add_tag(customer_id, tag, None)
    return anna.id, ania


async def _whose(office: MergingOffice, call_id: str) -> tuple[int, ...]:
    async with office.database.read() as connection:
        links = await read_links(connection, call_id)
    assert links is not None
    return links.customer_ids


async def test_what_belongs_to_one_belongs_to_the_other(office: MergingOffice) -> None:
    anna, ania = await _two(office)
    merge = await office.merges.merge(Wanted(anna, ania), None)
    assert (merge.kept_id, merge.merged_id, merge.calls, merge.notes) == (anna, ania, 1, 1)
    async with office.database.read() as connection:
        kept = await read_customer(connection, ania)
        notes = await read_notes(connection, anna)
        found = await find_customers(connection, "ania", region="PL")
    assert kept.id == anna
    assert set(kept.numbers) == {NUMBER, OTHER}
    assert kept.tags == ("flat", "vip")
    assert kept.last_contact_at == 300.0
    assert {note.text for note in notes} == {"wants a new contract", "called about the flat"}
    assert found.customers == ()
    assert await _whose(office, "b1") == (anna,)


async def test_the_next_call_of_either_number_is_theirs(office: MergingOffice) -> None:
    anna, ania = await _two(office)
    await office.merge(anna, ania)
    for call_id, number in (("c1", NUMBER), ("c2", OTHER)):
        assert (await office.desk.call(call_id, number, at=1200.0)).customer_ids == (anna,)


async def test_screens_and_programs_are_told(office: MergingOffice) -> None:
    anna, ania = await _two(office)
    office.desk.matched.clear()
    merge = await office.merge(anna, ania)
    said = {fact.call_id: (fact.match, fact.customer_ids) for fact in office.desk.matched}
    assert said["b1"] == (MatchKind.EXACT, (anna,))
    await office.merges.undo(merge.id, None)
    last = [fact for fact in office.desk.matched if fact.call_id == "b1"][-1]
    assert isinstance(last, CallMatched)
    assert last.customer_ids == (ania,)
    assert office.told == [
        CustomerMerged(anna, office.now, ania, merge.id),
        CustomerUnmerged(anna, office.now, ania, merge.id),
    ]
    assert {fact.customer_id for fact in office.desk.changed[-2:]} == {anna, ania}


async def test_who_has_more_history_stays_and_gets_the_name(office: MergingOffice) -> None:
    await office.desk.call("b1", OTHER, at=100.0, name="ANIA")
    await office.desk.call("b2", OTHER, at=200.0)
    ania = office.desk.matched[-1].customer_ids[0]
    anna = await office.customers.create(NewCustomer(name="Anna Kowalska", company="Acme"), None)
    preview = await office.merges.preview(Wanted(anna.id, ania))
    assert (preview.kept.id, preview.merged.id, preview.history) == (ania, anna.id, (2, 0))
    await office.merges.merge(Wanted(anna.id, ania), None)
    async with office.database.read() as connection:
        kept = await read_customer(connection, anna.id)
    assert (kept.id, kept.name, kept.company, kept.is_provisional) == (ania, "Anna Kowalska", "Acme", False)


async def test_what_differs_is_chosen_beforehand(office: MergingOffice) -> None:
    one = await office.customers.create(NewCustomer(name="Anna Kowalska", company="Acme"), None)
    other = await office.customers.create(NewCustomer(name="Anna Nowak", company="Acme Ltd"), None)
    wanted = Wanted(one.id, other.id, keep=one.id, choices=Choices(name=Side.MERGED))
    preview = await office.merges.preview(wanted)
    assert preview.conflicts == ("name", "company")
    assert (preview.name, preview.company) == ("Anna Nowak", "Acme")
    merge = await office.merges.merge(wanted, None)
    async with office.database.read() as connection:
        kept = await read_customer(connection, one.id)
        found = await find_customers(connection, "now", region="PL")
    assert (kept.name, kept.company) == ("Anna Nowak", "Acme")
    assert [view.id for view in found.customers] == [one.id]
    await office.merges.undo(merge.id, None)
    async with office.database.read() as connection:
        names = [(await read_customer(connection, view.id)).name for view in (one, other)]
    assert names == ["Anna Kowalska", "Anna Nowak"]


async def test_nobody_is_merged_with_themselves(office: MergingOffice) -> None:
    anna, ania = await _two(office)
    with pytest.raises(InvalidInputError):
        await office.merges.merge(Wanted(anna, anna), None)
    await office.merge(anna, ania)
    with pytest.raises(ConflictError, match="one customer already"):
        await office.merges.merge(Wanted(anna, ania), None)
    with pytest.raises(NotFoundError):
        await office.merges.merge(Wanted(anna, 999), None)
    with pytest.raises(NotFoundError):
        await office.merges.undo(999, None)


async def test_an_old_id_stands_for_whom_it_became_part_of(office: MergingOffice) -> None:
    anna, ania = await _two(office)
    await office.merge(anna, ania)
    third = await office.customers.create(NewCustomer(name="Anna K."), None)
    merge = await office.merges.merge(Wanted(ania, third.id, keep=ania), None)
    assert (merge.kept_id, merge.merged_id) == (anna, third.id)


async def test_a_merge_that_was_not_looked_at_is_refused(office: MergingOffice) -> None:
    anna, ania = await _two(office)
    preview = await office.merges.preview(Wanted(anna, ania))
    await office.customers.edit(ania, CustomerEdit(name="Somebody else"), None)
    versions = (preview.kept.version, preview.merged.version)
    with pytest.raises(ConflictError, match="changed meanwhile"):
        await office.merges.merge(Wanted(anna, ania, versions=versions), None)


async def test_undo_leaves_everything_as_it_was(office: MergingOffice) -> None:
    anna, ania = await _two(office)
    await office.customers.add_identity(anna, IdentityKind.PHONE, THIRD, None)
    other = await office.customers.create(NewCustomer(name="Piotr", numbers=(THIRD,)), None)
    await office.desk.call("s1", THIRD, at=400.0)
    await office.customers.pick("s1", other.id, None)
    await office.desk.call("s2", THIRD, at=500.0)
    assert set(await _whose(office, "s2")) == {anna, other.id}
    before = await picture(office.database)
    for kept, merged in ((anna, ania), (ania, anna), (anna, other.id), (other.id, anna)):
        merge = await office.merge(kept, merged)
        assert await picture(office.database) != before
        await office.merges.undo(merge.id, None)
        assert await picture(office.database) == before
    with pytest.raises(ConflictError, match="undone already"):
        await office.merges.undo(merge.id, None)


async def test_tasks_deals_and_fields_change_hands_and_come_back(office: MergingOffice) -> None:
    anna, ania = await _two(office)
    task = {"title": "send it", "due_at": 2000.0, "created_at": 900.0}
    deal = {"kind": "deal", "state": "open", "title": "chairs", "opened_at": 900.0, "updated_at": 900.0}
    async with office.database.write() as connection:
        for one in (anna, ania):
            await connection.execute(insert(Task).values(customer_id=one, **task))
            await connection.execute(insert(Deal).values(customer_id=one, **deal))
        for one, key, value in ((anna, "city", "Łódź"), (ania, "city", "Gdynia"), (ania, "size", "L")):
            await connection.execute(
                insert(CustomerField).values(customer_id=one, key=key, value=json.dumps(value))
            )
            word = {"customer_id": one, "key": key, "word": value.casefold()}
            await connection.execute(insert(CustomerFieldWord).values(**word))
    before = await picture(office.database)
    merge = await office.merge(anna, ania)
    async with office.database.read() as connection:
        held = {table: await count_rows(connection, _holding(table), anna) for table in ("tasks", "deals")}
        fields = await connection.execute(
            select(CustomerField.key, CustomerField.value).where(CustomerField.customer_id == anna)
        )
        words = await connection.scalars(
            select(CustomerFieldWord.word).where(CustomerFieldWord.customer_id == anna)
        )
        assert {row.key: json.loads(row.value) for row in fields} == {"city": "Łódź", "size": "L"}
        assert set(words) == {"łódź", "l"}
    assert held == {"tasks": 2, "deals": 2}
    await office.merges.undo(merge.id, None)
    assert await picture(office.database) == before


async def _with_field(office: MergingOffice, customer_id: int, value: str) -> None:
    async with office.database.write() as connection:
        row = {"customer_id": customer_id, "key": "city"}
        await connection.execute(insert(CustomerField).values(**row, value=json.dumps(value)))
        await connection.execute(insert(CustomerFieldWord).values(**row, word=value.casefold()))


async def _fields(office: MergingOffice, customer_id: int) -> list[tuple[str, str]]:
    """Values and the words that lead to them."""
    same = (CustomerFieldWord.customer_id == CustomerField.customer_id) & (
        CustomerFieldWord.key == CustomerField.key
    )
    asked = select(CustomerField.value, CustomerFieldWord.word).outerjoin(CustomerFieldWord, same)
    async with office.database.read() as connection:
        rows = await connection.execute(asked.where(CustomerField.customer_id == customer_id))
        return [(json.loads(row.value), row.word) for row in rows]


async def test_the_other_ones_value_of_a_field_stays_where_that_is_chosen(office: MergingOffice) -> None:
    anna, ania = await _two(office)
    await _with_field(office, anna, "Kraków")
    await _with_field(office, ania, "Gdynia")
    before = await picture(office.database)
    preview = await office.merges.preview(Wanted(anna, ania, keep=anna))
    assert preview.field_conflicts == ("city",)
    assert "fields" not in {one.what for one in preview.moving}, "what both have does not move"
    theirs = Wanted(anna, ania, keep=anna, choices=Choices(fields=frozenset({"city", "gone"})))
    merge = await office.merges.merge(theirs, None)
    assert await _fields(office, anna) == [("Gdynia", "gdynia")]
    await office.merges.undo(merge.id, None)
    assert await picture(office.database) == before


async def test_a_field_written_since_the_merge_stays_with_its_words(office: MergingOffice) -> None:
    anna, ania = await _two(office)
    await _with_field(office, anna, "Kraków")
    await _with_field(office, ania, "Gdynia")
    chosen = Choices(fields=frozenset({"city"}))
    merge = await office.merges.merge(Wanted(anna, ania, keep=anna, choices=chosen), None)
    async with office.database.write() as connection:
        for table in (CustomerField, CustomerFieldWord):
            await connection.execute(delete(table).where(table.customer_id == anna))
    await _with_field(office, anna, "Sopot")
    await office.merges.undo(merge.id, None)
    assert await _fields(office, anna) == [("Sopot", "sopot")]
    assert await _fields(office, ania) == [("Gdynia", "gdynia")]


async def test_a_later_choice_of_the_same_field_is_undone_first(office: MergingOffice) -> None:
    anna, ania = await _two(office)
    third = (await office.customers.create(NewCustomer(name="Anna K.", numbers=(THIRD,)), None)).id
    for one, city in ((anna, "Kraków"), (ania, "Gdynia"), (third, "Sopot")):
        await _with_field(office, one, city)
    before = await picture(office.database)
    chosen = Choices(fields=frozenset({"city"}))
    first = await office.merges.merge(Wanted(anna, ania, keep=anna, choices=chosen), None)
    second = await office.merges.merge(Wanted(anna, third, keep=anna, choices=chosen), None)
    with pytest.raises(ConflictError, match=f"undo merge {second.id} first"):
        await office.merges.undo(first.id, None)
    for merge in (second, first):
        await office.merges.undo(merge.id, None)
    assert await picture(office.database) == before


def _holding(name: str) -> Holding:
    return next(holding for holding in HOLDINGS if holding.name == name)


async def test_calls_since_go_back_with_their_number(office: MergingOffice) -> None:
    anna, ania = await _two(office)
    merge = await office.merge(anna, ania)
    await office.desk.call("n1", OTHER, at=1100.0)
    await office.desk.call("n2", NUMBER, at=1200.0)
    await office.desk.call("n3", OTHER, at=1300.0)
    await office.customers.pick("n3", anna, None)
    await office.notes.add_note(anna, "about the call", None, call_id="n1")
    await office.notes.add_note(anna, "in general", None)
    await office.merges.undo(merge.id, None)
    assert [await _whose(office, call) for call in ("n1", "n2", "n3")] == [(ania,), (anna,), (anna,)]
    async with office.database.read() as connection:
        kept, other = [await read_customer(connection, one) for one in (anna, ania)]
        notes = {one: {note.text for note in await read_notes(connection, one)} for one in (anna, ania)}
    assert (kept.numbers, other.numbers) == ((NUMBER,), (OTHER,))
    assert "about the call" in notes[ania]
    assert "in general" in notes[anna]
    assert other.last_contact_at == 1100.0
    assert (await office.desk.call("n4", OTHER, at=1400.0)).customer_ids == (ania,)


async def test_calls_since_go_back_with_their_block(office: MergingOffice) -> None:
    acme = await office.customers.create(NewCustomer(company="Acme"), None)
    other = await office.customers.create(NewCustomer(company="Acme Ltd"), None)
    blocks = Blocks(office.database, office.desk.bus, lambda: office.now, "PL")
    await blocks.add(other.id, "+48 22 123 45 00–99", None)
    merge = await office.merge(acme.id, other.id)
    assert (await office.desk.call("n1", "+48221234507", at=1100.0)).customer_ids == (acme.id,)
    await office.merges.undo(merge.id, None)
    assert await _whose(office, "n1") == (other.id,)
    assert (await office.desk.call("n2", "+48221234508", at=1200.0)).customer_ids == (other.id,)


async def test_what_was_decided_since_stands(office: MergingOffice) -> None:
    anna, ania = await _two(office)
    merge = await office.merge(anna, ania)
    await office.customers.pick("b1", anna, None)
    await office.notes.remove_tag(anna, "flat", None)
    await office.customers.edit(anna, CustomerEdit(name="Anna Maria Kowalska"), None)
    await office.lose(anna, OTHER)
    await office.merges.undo(merge.id, None)
    assert await _whose(office, "b1") == (anna,)
    async with office.database.read() as connection:
        kept, other = [await read_customer(connection, one) for one in (anna, ania)]
    assert (kept.name, other.name) == ("Anna Maria Kowalska", "ANIA")
    assert (other.numbers, other.tags) == ((), ("vip",))
    assert (await office.desk.call("n1", OTHER, at=1400.0)).created


async def test_a_merge_that_others_build_on_is_undone_after_them(office: MergingOffice) -> None:
    anna, ania = await _two(office)
    first = await office.merge(ania, anna)
    third = await office.customers.create(NewCustomer(name="Anna K.", numbers=(NUMBER,)), None)
    on_top = await office.merge(third.id, ania)
    with pytest.raises(ConflictError, match=f"undo merge {on_top.id} first"):
        await office.merges.undo(first.id, None)
    await office.merges.undo(on_top.id, None)
    # Now the other way round: what the third one has too was let go, since the first merge had brought it.
    beside = await office.merge(ania, third.id)
    with pytest.raises(ConflictError, match=f"undo merge {beside.id} first"):
        await office.merges.undo(first.id, None)
    await office.merges.undo(beside.id, None)
    await office.merges.undo(first.id, None)


async def test_merges_that_have_nothing_in_common_are_undone_in_any_order(office: MergingOffice) -> None:
    anna, ania = await _two(office)
    third = await office.customers.create(NewCustomer(name="Anna Kowalska", numbers=(THIRD,)), None)
    before = await picture(office.database)
    first = await office.merge(anna, ania)
    second = await office.merge(anna, third.id)
    await office.merges.undo(first.id, None)
    await office.merges.undo(second.id, None)
    assert await picture(office.database) == before


async def test_an_unnamed_survivor_who_got_another_number_can_still_be_parted(office: MergingOffice) -> None:
    await office.desk.call("a1", NUMBER, at=100.0)
    await office.desk.call("b1", OTHER, at=200.0)
    one, other = await _whose(office, "a1"), await _whose(office, "b1")
    merge = await office.merge(one[0], other[0])
    named = await office.customers.create(NewCustomer(name="Anna", numbers=(NUMBER, OTHER)), None)
    assert await _whose(office, "a1") == await _whose(office, "b1") == (named.id,)
    await office.merges.undo(merge.id, None)
    assert await _whose(office, "a1") == await _whose(office, "b1") == (named.id,)
    async with office.database.read() as connection:
        assert (await read_customer(connection, one[0])).id == named.id
        assert (await read_customer(connection, other[0])).id == named.id


def test_every_column_that_refers_to_customers_has_its_rule() -> None:
    referring = {
        f"{table.name}.{column.name}"
        for table in Base.metadata.sorted_tables
        for column in table.columns
        if any(key.target_fullname == "customers.id" for key in column.foreign_keys)
    }
    moved = {f"{holding.table.name}.{holding.column}" for holding in HOLDINGS}
    assert referring == moved | set(STAYS)
    assert not moved & set(STAYS)


async def test_all_of_it_is_written_down(office: MergingOffice) -> None:
    anna, ania = await _two(office)
    merge = await office.merge(anna, ania)
    await office.merges.undo(merge.id, None)
    log = Base.metadata.tables["fact_log"]
    async with office.database.read() as connection:
        rows = await connection.execute(select(log.c.kind, log.c.subject).order_by(log.c.id))
        kinds = [row.kind for row in rows if row.subject == f"customer:{anna}"]
    assert kinds[-4:] == ["CustomerChanged", "CustomerMerged", "CustomerChanged", "CustomerUnmerged"]
