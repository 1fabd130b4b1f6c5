"""Customers from a file: what each line would become, what it became, and that all of it can be taken back. On both
databases; the file is a real one."""

from __future__ import annotations

import asyncio
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete, func, select, update

from core.db import Database
from core.errors import ConflictError, InvalidInputError, NotFoundError
from core.fact_log import FactLogRow
from crm_link.changes import What
from crm_link.customers import CustomerEdit, NewCustomer
from crm_link.directory import find_customers, read_customer, read_notes
from crm_link.imports.conflicts import Existing
from crm_link.imports.match import Fate
from crm_link.imports.office import Imports, Mapping
from crm_link.imports.state import ImportState, Step
from crm_link.imports.tables import CustomerImport, CustomerImportRow
from crm_link.imports.work import LostError
from crm_link.kinds import Confidence, IdentityKind
from crm_link.tables import CallCustomer, Customer, CustomerChange, CustomerWord, Identity, IdentityKey
from tests.customers import OTHER, Office

FILE = """Name;Company;Mobile;E-mail;Tags;Notes
Anna Kowalska;Kowalska sp. j.;501 234 567;anna@example.pl;vip, old;Likes tea
Jan Nowak;;22 123 45 67;;;
A. Kowalska;;+48 501-234-567;a.k@example.pl;;
Nobody;;12;;;
;;;info@example.pl;;
=SUM(1);;0048 601 000 222;;;
"""


class Importing:
    """Files handed in and worked on, as the server does it."""

    def __init__(self, office: Office, folder: Path) -> None:
        self.office = office
        self.folder = folder
        self.imports = Imports(office.database, office.desk.bus, lambda: office.now, "PL")

    async def add(self, text: str, encoding: str = "utf-8") -> int:
        path = self.folder / "customers.csv"
        path.write_text(text, encoding=encoding)
        return await self.imports.add(path, "customers.csv", None)

    async def look(self, text: str, existing: Existing = Existing.FILL, tag: str = "") -> ImportState:
        import_id = await self.add(text)
        columns = (await self.imports.state(import_id)).columns
        await self.imports.check(import_id, Mapping(columns, existing, tag))
        return await self.imports.work(import_id)

    async def do(self, text: str, existing: Existing = Existing.FILL, tag: str = "") -> ImportState:
        state = await self.look(text, existing, tag)
        await self.imports.start(state.id, None)
        return await self.imports.work(state.id)

    async def undo(self, import_id: int) -> ImportState:
        await self.imports.undo(import_id, None)
        return await self.imports.work(import_id)

    async def fates(self, import_id: int) -> dict[int, str]:
        return {one.line: str(one.fate) for one in await self.imports.lines(import_id)}


@pytest.fixture
def importing(database: Database, tmp_path: Path) -> Importing:
    return Importing(Office(database), tmp_path)


async def everything_of(database: Database, customer_id: int) -> dict[str, Any]:
    """What a customer is and has, without when it was edited."""
    async with database.read() as connection:
        view = await read_customer(connection, customer_id)
        notes = [note.text for note in await read_notes(connection, customer_id)]
        words = select(CustomerWord.word).where(CustomerWord.customer_id == customer_id)
        found = sorted(await connection.scalars(words))
    return asdict(view) | {"version": 0, "notes": notes, "words": found}


async def count(database: Database, table: type) -> int:
    async with database.read() as connection:
        return (await connection.execute(select(func.count()).select_from(table))).scalar_one()


async def test_a_look_says_what_would_become_of_every_line_and_changes_nothing(importing: Importing) -> None:
    state = await importing.look(FILE)
    assert state.step is Step.READY
    assert state.columns == ("name", "company", "phone", "email", "tags", "note")
    assert await importing.fates(state.id) == {
        2: "new",
        3: "new",
        4: "joined",
        5: "refused",
        6: "refused",
        7: "new",
    }
    lines = {one.line: one for one in await importing.imports.lines(state.id)}
    assert lines[4].first_line == 2
    assert lines[5].why == "'12': this telephone number is too short"
    assert "neither a name nor a company" in lines[6].why
    assert await count(importing.office.database, Customer) == 0


async def test_people_are_made_once_with_everything_their_lines_say(importing: Importing) -> None:
    state = await importing.do(FILE, tag="fair 2026")
    assert (state.step, state.done, state.lines) == (Step.DONE, 6, 6)
    database = importing.office.database
    async with database.read() as connection:
        found = await find_customers(connection, "501234567", region="PL")
        (anna,) = found.customers
        notes = await read_notes(connection, anna.id)
        facts = await connection.scalar(select(func.count()).where(FactLogRow.kind == "CustomerChanged"))
    assert (anna.name, anna.company, anna.tags) == (
        "Anna Kowalska",
        "Kowalska sp. j.",
        ("fair 2026", "old", "vip"),
    )
    assert [one.value for one in anna.identities] == ["+48501234567", "anna@example.pl", "a.k@example.pl"]
    assert not anna.is_provisional
    assert [note.text for note in notes] == ["Likes tea"]
    assert facts == await count(database, Customer) == 3
    again = await importing.do(FILE)
    assert again.same_as == state.id
    assert again.fates == {"skipped": 3, "joined": 1, "refused": 2}
    assert await count(database, Customer) == 3


@pytest.mark.parametrize(
    ("existing", "name", "company"),
    [
        (Existing.FILL, "Nowak", "New firm"),
        (Existing.OVERWRITE, "Ewa Nowak", "New firm"),
        (Existing.SKIP, "Nowak", ""),
    ],
)
async def test_somebody_we_have_is_filled_overwritten_or_skipped(
    importing: Importing, existing: Existing, name: str, company: str
) -> None:
    held = await importing.office.customers.create(NewCustomer(name="Nowak", numbers=(OTHER,)), None)
    text = f"name,company,phone,email\nEwa Nowak,New firm,{OTHER},new@example.pl\n"
    state = await importing.do(text, existing)
    async with importing.office.database.read() as connection:
        after = await read_customer(connection, held.id)
    assert (after.name, after.company) == (name, company)
    assert len(after.identities) == (1 if existing is Existing.SKIP else 2)
    await importing.undo(state.id)
    async with importing.office.database.read() as connection:
        back = await read_customer(connection, held.id)
    assert (back.name, back.company, len(back.identities)) == ("Nowak", "", 1)


async def test_a_line_that_fits_several_customers_is_refused_with_their_numbers(importing: Importing) -> None:
    office = importing.office
    one = await office.customers.create(NewCustomer(name="Who", numbers=("501000001",)), None)
    two = await office.customers.create(NewCustomer(name="Who", emails=("two@example.pl",)), None)
    text = "name,phone,email\nWho,501000001,two@example.pl\nWho again,501000001,\nFree,501000009,\n"
    state = await importing.do(text)
    lines = {line.line: line for line in await importing.imports.lines(state.id)}
    assert lines[2].others == (one.id, two.id)
    assert "2 customers fit" in lines[2].why
    assert lines[3].fate is Fate.REFUSED, "it is about the same person as a refused line"
    assert "line 2" in lines[3].why
    assert lines[4].fate is Fate.NEW


async def test_an_unknown_caller_becomes_who_the_file_says(importing: Importing) -> None:
    await importing.office.desk.call("main-1", OTHER)
    await importing.office.desk.call("main-2", "+48601000112")
    state = await importing.do(f"name,phone\nEwa Lis,{OTHER}; 601 000 112\n")
    assert state.fates == {"changed": 1}
    async with importing.office.database.read() as connection:
        (ewa,) = (await find_customers(connection, "ewa", region="PL")).customers
        calls = await connection.scalar(select(func.count()).where(CallCustomer.customer_id == ewa.id))
    assert not ewa.is_provisional
    assert (len(ewa.numbers), calls) == (2, 2)
    await importing.undo(state.id)
    (line,) = await importing.imports.lines(state.id, kept=True)
    assert "became part of this customer" in line.kept


async def test_calls_of_a_number_nobody_held_come_along(importing: Importing) -> None:
    await importing.office.desk.call("main-1", OTHER, at=50.0)
    async with importing.office.database.write() as connection:
        await connection.execute(delete(CallCustomer))
        await connection.execute(delete(Identity))
        await connection.execute(delete(IdentityKey))
    await importing.do(f"name,phone\nEwa Lis,{OTHER}\n")
    async with importing.office.database.read() as connection:
        (ewa,) = (await find_customers(connection, "ewa", region="PL")).customers
        assert await connection.scalar(select(CallCustomer.call_id)) == "main-1"
    assert ewa.last_contact_at == 50.0


async def test_undo_removes_whom_nobody_touched_and_says_what_stays(importing: Importing) -> None:
    office, database = importing.office, importing.office.database
    state = await importing.do(
        "name,phone,note\nUntouched,501000001,x\nEdited,501000002,\nCalled,501000003,\nNoted,501000004,\n"
    )
    ids = {}
    async with database.read() as connection:
        for word in ("untouched", "edited", "called", "noted"):
            ids[word] = (await find_customers(connection, word, region="PL")).customers[0].id
    await office.customers.edit(ids["edited"], CustomerEdit(company="Firm"), None)
    await office.desk.call("main-9", "+48501000003")
    await office.notes.add_note(ids["noted"], "somebody wrote this", None)
    after = await importing.undo(state.id)
    assert (after.step, after.kept) == (Step.UNDONE, 3)
    kept = {line.line: line.kept for line in await importing.imports.lines(state.id, kept=True)}
    assert kept == {
        3: "was edited since",
        4: "has had calls since",
        5: "has notes that were written since",
    }
    async with database.read() as connection:
        with pytest.raises(NotFoundError):
            await read_customer(connection, ids["untouched"])
        gone = select(FactLogRow.body).where(FactLogRow.kind == "CustomerRemoved")
        (said,) = [json.loads(body) for body in await connection.scalars(gone)]
    assert (said["customer_id"], said["reason"]) == (ids["untouched"], "import_undone")
    assert await count(database, Identity) == await count(database, IdentityKey) == 3
    fresh = await office.customers.create(NewCustomer(name="Fresh"), None)
    assert fresh.id > max(ids.values()), "an old number leads to nobody else"


async def test_undo_leaves_what_was_changed_since(importing: Importing) -> None:
    office = importing.office
    held = await office.customers.create(NewCustomer(name="Old", numbers=(OTHER,)), None)
    text = f"name,company,phone,tags\nOld,Firm,{OTHER};501000009,vip\n"
    state = await importing.do(text)
    await office.customers.edit(held.id, CustomerEdit(company="Other firm"), None)
    office.now += 10
    await office.desk.call("main-1", "+48501000009", at=office.now)
    await importing.undo(state.id)
    (line,) = await importing.imports.lines(state.id, kept=True)
    assert line.kept == "the company was changed since; +48501000009 has called since"
    async with office.database.read() as connection:
        after = await read_customer(connection, held.id)
    assert (after.company, after.tags, len(after.numbers)) == ("Other firm", (), 2)


async def test_undo_leaves_what_people_gave_and_pinned_themselves_since(importing: Importing) -> None:
    office = importing.office
    held = await office.customers.create(NewCustomer(name="Old", numbers=(OTHER,)), None)
    state = await importing.do(f"name,phone,tags,note\nOld,{OTHER};501000009,vip,Likes tea\n")
    office.now += 10
    [number] = [one for one in await identities(office, held.id) if one.value == "+48501000009"]
    await office.customers.remove_identity(held.id, number.id, None)
    confirmed = Confidence.CONFIRMED
    await office.customers.add_identity(held.id, IdentityKind.PHONE, "501000009", None, confidence=confirmed)
    await office.notes.remove_tag(held.id, "vip", None)
    await office.notes.add_tag(held.id, "vip", None)
    async with office.database.read() as connection:
        [note] = await read_notes(connection, held.id)
    await office.notes.edit_note(note.id, None, is_pinned=True)
    assert (await importing.undo(state.id)).kept == 1
    (line,) = await importing.imports.lines(state.id, kept=True)
    assert line.kept == (
        "+48501000009 was given anew since; the tag vip was set anew since; its note was rewritten or pinned since"
    )
    async with office.database.read() as connection:
        after = await read_customer(connection, held.id)
        notes = await read_notes(connection, held.id)
    assert (after.tags, len(after.numbers), len(notes)) == (("vip",), 2, 1)


async def identities(office: Office, customer_id: int) -> list[Any]:
    async with office.database.read() as connection:
        rows = await connection.execute(
            select(*Identity.__table__.c).where(Identity.customer_id == customer_id)
        )
        return list(rows)


async def test_a_broken_off_import_goes_on_and_does_nothing_twice(importing: Importing) -> None:
    people = "".join(f"Person {one},5010{one:05}\n" for one in range(950))
    state = await importing.look(f"name,phone\n{people}")
    await importing.imports.start(state.id, None)

    def die(now: ImportState) -> None:
        if now.done >= 400:
            raise ConnectionError("the server dies here")

    with pytest.raises(ConnectionError):
        await importing.imports.work(state.id, die)
    database = importing.office.database
    assert await count(database, Customer) == 400
    async with database.write() as connection:  # the note of how far it came was lost as well
        await connection.execute(update(CustomerImport).values(done=0))
    assert (await importing.imports.work(state.id)).step is Step.IMPORT, "somebody else holds the lease"
    importing.office.now += 61
    assert (await importing.imports.work(state.id)).step is Step.DONE
    assert await count(database, Customer) == await count(database, Identity) == 950


async def test_two_processes_do_not_do_one_line_twice(importing: Importing) -> None:
    state = await importing.look("name,phone\nEwa,501000001\n")
    await importing.imports.start(state.id, None)
    done: list[int] = []

    def meanwhile(now: ImportState) -> None:
        done.append(now.done)

    await importing.imports.work(state.id, meanwhile)
    async with importing.office.database.write() as connection:
        await connection.execute(
            update(CustomerImport).values(step=Step.IMPORT.value, done=0, leased_until=0.0)
        )
        await connection.execute(update(CustomerImportRow).values(fate=Fate.NEW.value))
    assert (await importing.imports.work(state.id)).step is Step.DONE
    assert await count(importing.office.database, Customer) == 1
    assert issubclass(LostError, Exception)


async def test_files_as_spreadsheets_write_them(importing: Importing) -> None:
    state = await importing.do(
        "Vorname\tNachname\tTelefon\nJürgen\tMüller\t+49 30 901820\n".replace("\n", "\r\n")
    )
    assert state.fates == {"new": 1}
    import_id = await importing.add("Имя;Телефон\nИван;+7 495 123-45-67\n", "utf-16")
    assert (await importing.imports.state(import_id)).columns == ("name", "phone")
    written = 'sep=;\r\nNazwa;"Telefon"\r\n"Nowak, Ewa";22 123 45 67 wew. 12\r\n'
    assert (await importing.do(written)).fates == {"new": 1}
    with pytest.raises(InvalidInputError, match="line 2 holds letters that are not UTF-8"):
        await importing.add("name,phone\nŁucja,501000001\n", "cp1250")
    with pytest.raises(InvalidInputError, match="the first line is somebody already"):
        await importing.add("Ewa,501000001\nJan,501000002\n")
    with pytest.raises(InvalidInputError, match="nobody in this file"):
        await importing.add("name,phone\n\n")
    assert len((await importing.imports.listed()).imports) == 3, "what could not be read left nothing behind"


async def test_steps_come_in_order(importing: Importing) -> None:
    import_id = await importing.add("name,phone\nEwa,501000001\n")
    with pytest.raises(ConflictError):
        await importing.imports.start(import_id, None)
    with pytest.raises(InvalidInputError, match="two columns cannot both be name"):
        await importing.imports.check(import_id, Mapping(("name", "name")))
    with pytest.raises(InvalidInputError, match="which column holds the name"):
        await importing.imports.check(import_id, Mapping(("", "phone")))
    await importing.imports.check(import_id, Mapping(("name", "phone")))
    await importing.imports.work(import_id)
    await importing.imports.drop(import_id)
    with pytest.raises(NotFoundError):
        await importing.imports.state(import_id)
    assert await count(importing.office.database, CustomerImportRow) == 0
    done = await importing.do("name,phone\nEwa,501000001\n")
    with pytest.raises(ConflictError, match="undo it instead"):
        await importing.imports.drop(done.id)
    async with importing.office.database.read() as connection:
        (ewa,) = (await find_customers(connection, "ewa", region="PL")).customers
    assert [one.kind for one in ewa.identities] == [IdentityKind.PHONE]


async def test_a_mobile_stays_as_the_file_spells_it(importing: Importing) -> None:
    office = importing.office
    importing.imports = Imports(office.database, office.desk.bus, lambda: office.now, "AR")
    held = await office.customers.create(NewCustomer(name="Luz", emails=("luz@example.ar",)), None)
    text = (
        "name,phone,email\nAna,+54 9 11 4567-8901,\nLuz,+54 9 11 2345-6789,luz@example.ar\n"
        "Ana,011 4567 8901,ana@example.ar\n"
    )
    state = await importing.do(text)
    async with office.database.read() as connection:
        (ana,) = (await find_customers(connection, "ana", region="AR")).customers
        luz = await read_customer(connection, held.id)
    assert ana.numbers == ("+5491145678901",)
    assert luz.numbers == ("+5491123456789",)
    await importing.undo(state.id)
    async with office.database.read() as connection:
        removed = select(CustomerChange.before).where(CustomerChange.what == What.IDENTITY_REMOVED)
        assert (await connection.scalars(removed)).all() == ["+5491123456789"]


async def test_a_call_at_the_same_moment_makes_no_second_customer(importing: Importing) -> None:
    """P9: whose key is really inserted makes the customer; the other one finds them."""
    numbers = [f"+4850100{place:04}" for place in range(40)]
    lines = "".join(f"Person {place},{number}\n" for place, number in enumerate(numbers))
    state = await importing.look(f"name,phone\n{lines}")
    await importing.imports.start(state.id, None)
    calls = [importing.office.desk.call(f"main-{place}", one) for place, one in enumerate(numbers[::4])]
    await asyncio.gather(importing.imports.work(state.id), *calls)
    database = importing.office.database
    assert (await importing.imports.state(state.id)).step is Step.DONE
    assert await count(database, Customer) == await count(database, Identity) == 40
    async with database.read() as connection:
        unknown = await connection.scalar(select(func.count()).where(Customer.is_provisional))
        linked = await connection.scalar(
            select(func.count())
            .select_from(CallCustomer)
            .join(Customer, Customer.id == CallCustomer.customer_id)
        )
    assert (unknown, linked) == (0, 10)
