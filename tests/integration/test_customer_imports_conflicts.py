"""Customers a file names whom we have already: known by the id they have at the source whatever they are called, told
where the file differs, treated as was chosen, and put back exactly. On both databases."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.db import Database
from core.errors import InvalidInputError
from crm_link.customers import NewCustomer
from crm_link.directory import CustomerView, find_customers, read_customer, read_notes
from crm_link.imports.conflicts import Conflict, Existing, Gap, Outlook
from crm_link.imports.office import Mapping
from crm_link.imports.state import ImportState
from crm_link.kinds import IdentityKind
from tests.customers import OTHER, Office
from tests.integration.test_customer_imports import Importing, everything_of

RENAMED = f"id,name,company,phone,tags\nC-7,Anna Nowak,New firm,{OTHER};501000002,vip\n"


@pytest.fixture
def importing(database: Database, tmp_path: Path) -> Importing:
    return Importing(Office(database), tmp_path)


async def anna_with(importing: Importing, *ids: str, name: str = "Anna Kowalska") -> int:
    office = importing.office
    anna = await office.customers.create(NewCustomer(name, "Old firm", numbers=(OTHER,)), None)
    for one in ids:
        await office.customers.add_identity(anna.id, IdentityKind.EXTERNAL, one, None)
    return anna.id


async def of(importing: Importing, customer_id: int) -> CustomerView:
    async with importing.office.database.read() as connection:
        return await read_customer(connection, customer_id)


async def all_of(importing: Importing) -> int:
    async with importing.office.database.read() as connection:
        return len((await find_customers(connection, "", region="PL")).customers)


@pytest.mark.parametrize(
    ("existing", "name", "company", "numbers", "outlook"),
    [
        (Existing.FILL, "Anna Kowalska", "Old firm", 2, Outlook(1, 2, 0, 2)),
        (Existing.OVERWRITE, "Anna Nowak", "New firm", 2, Outlook(1, 2, 2, 0)),
        (Existing.SKIP, "Anna Kowalska", "Old firm", 1, Outlook(0, 0, 0, 2)),
    ],
)
async def test_who_was_renamed_at_the_source_stays_one_customer(
    importing: Importing, existing: Existing, name: str, company: str, numbers: int, outlook: Outlook
) -> None:
    anna = await anna_with(importing, "C-7")
    before = await everything_of(importing.office.database, anna)
    looked = await importing.look(RENAMED, existing)
    assert looked.figures.outlook(existing) == outlook
    state = await importing.do(RENAMED, existing)
    after = await of(importing, anna)
    assert (after.name, after.company, len(after.numbers)) == (name, company, numbers)
    assert await all_of(importing) == 1
    assert state.figures.outlook(existing) == outlook, "what was foreseen is what was done"
    undone = await importing.undo(state.id)
    assert undone.kept == 0
    assert await everything_of(importing.office.database, anna) == before


async def test_the_look_tells_what_differs_and_what_is_missing(importing: Importing) -> None:
    anna = await anna_with(importing, "C-7")
    for existing in Existing:
        state = await importing.look(RENAMED, existing)
        (line,) = await importing.imports.lines(state.id, conflicts=True)
        assert line.customer_id == anna
        assert line.differences.conflicts == (
            Conflict("Name", "Anna Kowalska", "Anna Nowak"),
            Conflict("Company", "Old firm", "New firm"),
        )
        assert line.differences.gaps == (Gap("Number", "+48501000002"), Gap("Tag", "vip"))
    assert (await of(importing, anna)).name == "Anna Kowalska"
    state = await importing.look(RENAMED)
    (line,) = await importing.imports.lines(state.id)
    assert line.why == "the same number in another CRM, by another name"


async def test_what_nobody_lacks_is_foreseen_as_left(importing: Importing) -> None:
    await anna_with(importing, "C-7")
    same = f"id,name,company,phone\nC-7,Anna Kowalska,Old firm,{OTHER}\n"
    for existing in Existing:
        looked = await importing.look(same, existing)
        assert looked.fates == {"skipped": 1}
        assert looked.figures.outlook(existing) == Outlook(0, 0, 0, 0)
    text = f"id,name,phone,note\nC-7,Anna Kowalska,{OTHER},Likes \u202etea\nC-8,Jan,,\u200b\n"
    first = await importing.do(text)
    assert first.fates == {"changed": 1, "new": 1}, "a note that nobody sees is none"
    assert (await importing.look(text)).fates == {"skipped": 2}
    async with importing.office.database.read() as connection:
        (note,) = await read_notes(connection, 1)
    assert note.text == "Likes tea"


async def test_an_id_outweighs_a_name_that_another_customer_has(importing: Importing) -> None:
    create = importing.office.customers.create
    anna = await anna_with(importing, "C-7")
    other = await create(NewCustomer("Anna Nowak", numbers=("501000002",)), None)
    state = await importing.look(RENAMED)
    (line,) = await importing.imports.lines(state.id)
    assert (line.customer_id, line.others) == (anna, (other.id,))
    assert "+48501000002 is also that of somebody else" in line.why


async def said(importing: Importing, state: ImportState) -> dict[int, tuple[str, int | None]]:
    return {one.line: (str(one.fate), one.customer_id) for one in await importing.imports.lines(state.id)}


async def test_an_id_of_several_people_says_of_nobody_who_they_are(importing: Importing) -> None:
    anna = await anna_with(importing, "ACME")
    both = "id,name,email\nACME,Anna Kowalska,a@acme.pl\nACME,Piotr Nowak,p@acme.pl\n"
    state = await importing.look(both)
    assert await said(importing, state) == {2: ("changed", anna), 3: ("shared", None)}
    done = await importing.do(both)
    assert done.fates == {"changed": 1, "shared": 1}
    again = await importing.look(both)
    assert again.fates == {"skipped": 2}, "each is known by name"
    new = await importing.look("id,name\nACME,Ewa Lis\n")
    assert new.fates == {"shared": 1}, "two have this id by now"
    assert (await importing.undo(done.id)).kept == 0


async def test_ids_that_are_of_two_customers_refuse_the_line(importing: Importing) -> None:
    one = await anna_with(importing, "C-7")
    two = await importing.office.customers.create(NewCustomer("Jan"), None)
    await importing.office.customers.add_identity(two.id, IdentityKind.EXTERNAL, "C-8", None)
    state = await importing.look("id,external id,name\nC-7,C-8,Zofia\n")
    (line,) = await importing.imports.lines(state.id)
    assert (line.fate, line.others) == ("refused", (one, two.id))


async def test_an_id_is_of_the_crm_that_was_named(importing: Importing) -> None:
    anna = await anna_with(importing, "odoo:7")
    text = "id,name\n7,Zofia\nodoo:7,Zofia\n"
    import_id = await importing.add(text)
    columns = (await importing.imports.state(import_id)).columns
    for ids_of, found in (("", {2: ("new", None), 3: ("skipped", anna)}), ("hubspot", None), ("odoo", anna)):
        await importing.imports.check(import_id, Mapping(columns, ids_of=ids_of))
        state = await importing.imports.work(import_id)
        assert state.ids_of == ids_of
        fates = await said(importing, state)
        if isinstance(found, dict):
            assert fates == found
        else:
            assert fates[2] == (("new", None) if found is None else ("skipped", anna))
    await importing.imports.start(import_id, None)
    await importing.imports.work(import_id)
    with pytest.raises(InvalidInputError, match="no colon"):
        await importing.imports.check(await importing.add(text), Mapping(columns, ids_of="a:b"))
    assert [one.value for one in (await of(importing, anna)).identities if one.kind == "external"] == [
        "odoo:7"
    ]
