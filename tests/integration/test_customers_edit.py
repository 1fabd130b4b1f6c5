"""Editing customers on a real database: names, numbers, notes, tags, versions, history, and what is said of it (P7)."""

from __future__ import annotations

import pytest
from sqlalchemy import insert, select

from core.accounts import NewUser, Role, create_user, set_disabled
from core.db import Database
from core.errors import ConflictError, ForbiddenError, InvalidInputError, NotFoundError
from core.fact_log import FactLogRow
from crm_link.changes import What
from crm_link.customers import MOST_IDENTITIES, CustomerEdit, NewCustomer
from crm_link.directory import find_customers, read_customer, read_notes
from crm_link.identities import match_number
from crm_link.kinds import IdentityKind
from crm_link.match import Exact
from crm_link.tables import CustomerChange, Identity, IdentityKey
from tests.customers import NUMBER, OTHER, Office, count

SPELLINGS = ["022 123 45 67", "(022) 123-45-67", "0048 22 123 45 67", "+48/22/123 45 67", "tel:+48221234567"]


async def user(database: Database, login: str = "ewa") -> int:
    person = NewUser(login=login, name=login.title(), role=Role.AGENT, password_hash="x")
    async with database.write() as connection:
        return (await create_user(connection, person, 1.0)).id


@pytest.mark.parametrize("spelling", SPELLINGS)
async def test_p7_any_spelling_is_stored_and_found_as_e164(database: Database, spelling: str) -> None:
    office = Office(database)
    anna = await office.customers.create(NewCustomer("Anna", numbers=(spelling,)), None)
    assert anna.numbers == (NUMBER,)
    async with database.read() as connection:
        assert await match_number(connection, NUMBER) == Exact(anna.id)
        for other in SPELLINGS:
            found = await find_customers(connection, other, region="PL")
            assert [one.id for one in found.customers] == [anna.id]


async def test_p7_the_last_digits_alone_match_nobody(database: Database) -> None:
    office = Office(database)
    await office.customers.create(NewCustomer("Anna", numbers=(NUMBER,)), None)
    async with database.read() as connection:
        assert (await find_customers(connection, "1234567", region="PL")).customers == ()
        assert (await find_customers(connection, "+49 221234567", region="PL")).customers == ()


@pytest.mark.parametrize("text", ["anonymous", "", "Restricted", "12", "abc"])
async def test_what_is_no_number_is_refused_with_a_reason(database: Database, text: str) -> None:
    office = Office(database)
    anna = await office.customers.create(NewCustomer("Anna"), None)
    with pytest.raises(InvalidInputError) as refused:
        await office.customers.add_identity(anna.id, IdentityKind.PHONE, text, None)
    assert refused.value.field == "value"
    assert await count(database, Identity) == 0


async def test_the_database_itself_refuses_a_telephone_that_is_not_e164(database: Database) -> None:
    with pytest.raises(Exception, match="phone_is_e164"):
        async with database.write() as connection:
            await connection.execute(insert(IdentityKey).values(kind="phone", value="anonymous"))


async def test_a_new_customer_is_complete_logged_and_announced(database: Database) -> None:
    office = Office(database)
    ewa = await user(database)
    anna = await office.customers.create(
        NewCustomer("Anna  Kowalska", "Żabka", (NUMBER, OTHER), ("Anna@Example.PL",), owner_id=ewa), ewa
    )
    assert (anna.name, anna.company, anna.is_provisional, anna.owner_id) == (
        "Anna Kowalska",
        "Żabka",
        False,
        ewa,
    )
    assert [one.value for one in anna.identities] == [NUMBER, OTHER, "anna@example.pl"]
    assert [fact.customer_id for fact in office.desk.changed] == [anna.id]
    async with database.read() as connection:
        assert (await connection.scalars(select(FactLogRow.subject))).all() == [f"customer:{anna.id}"]
        changes = await connection.execute(select(CustomerChange.what, CustomerChange.changed_by))
        assert {tuple(row) for row in changes} == {("created", ewa), ("identity_added", ewa)}


async def test_a_customer_without_any_name_or_with_an_unknown_owner_is_refused(database: Database) -> None:
    office = Office(database)
    with pytest.raises(InvalidInputError, match="name or a company"):
        await office.customers.create(NewCustomer("\u200b ", numbers=(NUMBER,)), None)
    with pytest.raises(InvalidInputError, match="no user 77"):
        await office.customers.create(NewCustomer("Anna", owner_id=77, numbers=(NUMBER,)), None)
    assert await count(database, IdentityKey) == 0


async def test_whoever_may_not_log_in_is_made_responsible_for_nobody_new(database: Database) -> None:
    office, ewa = Office(database), await user(database)
    theirs = await office.customers.create(NewCustomer("Anna", owner_id=ewa), None)
    other = await office.customers.create(NewCustomer("Jan"), None)
    async with database.write() as connection:
        await set_disabled(connection, ewa, True, office.now)
    renamed = await office.customers.edit(theirs.id, CustomerEdit(name="Ania", owner_id=ewa), None)
    assert renamed.owner_id == ewa, "an edit of something else takes nobody their customer"
    with pytest.raises(InvalidInputError, match="could be responsible"):
        await office.customers.edit(other.id, CustomerEdit(owner_id=ewa), None)
    with pytest.raises(InvalidInputError, match="could be responsible"):
        await office.customers.create(NewCustomer("Ola", owner_id=ewa), None)


async def test_an_edit_changes_what_it_names_and_keeps_its_history(database: Database) -> None:
    office = Office(database)
    anna = await office.customers.create(NewCustomer("Anna", "Żabka"), None)
    edited = await office.customers.edit(anna.id, CustomerEdit(name="Anna Nowak"), None)
    assert (edited.name, edited.company, edited.version) == ("Anna Nowak", "Żabka", anna.version + 1)
    async with database.read() as connection:
        last = select(CustomerChange.what, CustomerChange.before, CustomerChange.after)
        row = (await connection.execute(last.order_by(CustomerChange.id.desc()).limit(1))).one()
        assert tuple(row) == (What.NAME, "Anna", "Anna Nowak")
        assert (await find_customers(connection, "nowak", region="PL")).customers == (edited,)


async def test_a_stale_edit_is_refused_and_changes_nothing(database: Database) -> None:
    office = Office(database)
    anna = await office.customers.create(NewCustomer("Anna"), None)
    await office.customers.edit(anna.id, CustomerEdit(name="Anna K."), None, anna.version)
    with pytest.raises(ConflictError):
        await office.customers.edit(anna.id, CustomerEdit(name="Anna N."), None, anna.version)
    async with database.read() as connection:
        assert (await read_customer(connection, anna.id)).name == "Anna K."


async def test_an_edit_that_changes_nothing_says_nothing(database: Database) -> None:
    office = Office(database)
    anna = await office.customers.create(NewCustomer("Anna"), None)
    await office.customers.edit(anna.id, CustomerEdit(name="Anna"), None)
    assert len(office.desk.changed) == 1


async def test_naming_a_provisional_customer_identifies_them(database: Database) -> None:
    office = Office(database)
    (provisional,) = (await office.desk.call("c1")).customer_ids
    named = await office.customers.edit(provisional, CustomerEdit(name="Anna"), None)
    assert (named.is_provisional, named.numbers) == (False, (NUMBER,))


async def test_editing_nobody_is_an_error(database: Database) -> None:
    with pytest.raises(NotFoundError):
        await Office(database).customers.edit(999, CustomerEdit(name="x"), None)


async def test_giving_a_number_twice_changes_nothing(database: Database) -> None:
    office = Office(database)
    anna = await office.customers.create(NewCustomer("Anna", numbers=(NUMBER,)), None)
    again = await office.customers.add_identity(anna.id, IdentityKind.PHONE, "022 123 45 67", None)
    assert again.identities == anna.identities


async def test_a_number_taken_away_is_free_for_the_next_unknown_caller(database: Database) -> None:
    office = Office(database)
    anna = await office.customers.create(NewCustomer("Anna", numbers=(NUMBER,)), None)
    left = await office.customers.remove_identity(anna.id, anna.identities[0].id, None)
    assert left.identities == ()
    assert await count(database, IdentityKey) == 0
    said = await office.desk.call("c1")
    assert said.created
    assert said.customer_ids != (anna.id,)


async def test_somebody_elses_identity_cannot_be_taken_through_a_customer(database: Database) -> None:
    office = Office(database)
    anna = await office.customers.create(NewCustomer("Anna", numbers=(NUMBER,)), None)
    jan = await office.customers.create(NewCustomer("Jan"), None)
    with pytest.raises(NotFoundError):
        await office.customers.remove_identity(jan.id, anna.identities[0].id, None)


async def test_a_shared_number_survives_one_of_its_holders(database: Database) -> None:
    office = Office(database)
    anna = await office.customers.create(NewCustomer("Anna", numbers=(NUMBER,)), None)
    jan = await office.customers.create(NewCustomer("Jan", numbers=(NUMBER,)), None)
    await office.customers.remove_identity(anna.id, anna.identities[0].id, None)
    assert (await office.desk.call("c1")).customer_ids == (jan.id,)


async def test_identities_are_bounded(database: Database) -> None:
    office = Office(database)
    numbers = tuple(f"+48601{number:06}" for number in range(MOST_IDENTITIES + 1))
    with pytest.raises(InvalidInputError, match="at most"):
        await office.customers.create(NewCustomer("Anna", numbers=numbers), None)
    assert await count(database, Identity) == 0


async def test_search_goes_by_the_beginnings_of_words_latest_contact_first(database: Database) -> None:
    office = Office(database)
    people = [
        ("Anna Kowalska", "Łódź Sp. z o.o."),
        ("Jan Kowalski", "Żabka"),
        ("Anna Nowak", "Kowal"),
        ("Zbigniew Ęąśćó", ""),
    ]
    ids = [(await office.customers.create(NewCustomer(*one), None)).id for one in people]

    async def found(text: str) -> list[int]:
        async with database.read() as connection:
            page = await find_customers(connection, text, region="PL")
            return [ids.index(one.id) for one in page.customers]

    assert await found("kow") == [2, 1, 0]
    assert await found("KOW ann") == [2, 0]
    assert await found("lodz") == [0]
    assert await found("easco") == [3]
    assert await found("owalska") == []
    assert await found("") == [3, 2, 1, 0]
    for nothing in ("%", "-", "???", "😀", " _ "):
        assert await found(nothing) == []


async def test_search_pages_with_a_cursor(database: Database) -> None:
    office = Office(database)
    ids = [(await office.customers.create(NewCustomer(f"Anna {one}"), None)).id for one in range(7)]
    seen: list[int] = []
    after = None
    async with database.read() as connection:
        for _ in range(3):
            page = await find_customers(connection, "anna", region="PL", limit=3, after=after)
            seen += [one.id for one in page.customers]
            after = page.next
    assert seen == ids[::-1]
    assert after is None


@pytest.mark.parametrize("cursor", ["", "x", "WzFd", "bnVsbA==", "WzEuMCwgdHJ1ZV0=", "[" * 700])
async def test_a_cursor_that_is_not_ours_is_refused(database: Database, cursor: str) -> None:
    async with database.read() as connection:
        with pytest.raises(InvalidInputError):
            await find_customers(connection, "", region="PL", after=cursor)


async def test_tags_are_kept_once_in_one_spelling(database: Database) -> None:
    office = Office(database)
    anna = await office.customers.create(NewCustomer("Anna"), None)
    await office.notes.add_tag(anna.id, " VIP ", None)
    tagged = await office.notes.add_tag(anna.id, "vip", None)
    assert tagged.tags == ("vip",)
    assert len(office.desk.changed) == 2, "created, tagged; the second time nothing changed"
    assert (await office.notes.remove_tag(anna.id, "Vip", None)).tags == ()
    with pytest.raises(InvalidInputError):
        await office.notes.add_tag(anna.id, "\u202e", None)


async def test_notes_are_the_authors_and_pinned_ones_come_first(database: Database) -> None:
    office = Office(database)
    ewa, jan = await user(database), await user(database, "jan")
    anna = await office.customers.create(NewCustomer("Anna"), None)
    old = await office.notes.add_note(anna.id, "allergic to calls before 10\r\nreally", ewa, is_pinned=True)
    new = await office.notes.add_note(anna.id, "asked for\x00 an invoice", jan, call_id="c1")
    async with database.read() as connection:
        notes = await read_notes(connection, anna.id)
    assert [note.id for note in notes] == [old.id, new.id]
    assert [note.text for note in notes] == ["allergic to calls before 10\nreally", "asked for an invoice"]
    with pytest.raises(ForbiddenError):
        await office.notes.edit_note(old.id, jan, text="mine now")
    with pytest.raises(ForbiddenError):
        await office.notes.delete_note(old.id, jan)
    assert not (await office.notes.edit_note(old.id, jan, is_pinned=False)).is_pinned
    assert (await office.notes.edit_note(old.id, ewa, text="no calls before 10")).edited_at is not None
    await office.notes.delete_note(old.id, ewa)
    async with database.read() as connection:
        assert [note.id for note in await read_notes(connection, anna.id)] == [new.id]
