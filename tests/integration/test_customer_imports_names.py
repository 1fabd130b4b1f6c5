"""Imports of people who share a number: nobody becomes part of somebody by another name. On both databases."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.db import Database
from crm_link.customers import NewCustomer
from crm_link.directory import CustomerView, find_customers, read_customer, read_notes
from crm_link.imports.conflicts import Existing
from crm_link.imports.match import MOST_TOLD, Fate
from crm_link.imports.state import ImportState
from crm_link.imports.vcards import Version, card_of
from tests.customers import OTHER, Office
from tests.integration.test_customer_imports import Importing

OFFICE = "+48221112233"


@pytest.fixture
def importing(database: Database, tmp_path: Path) -> Importing:
    return Importing(Office(database), tmp_path)


async def named(importing: Importing, text: str) -> CustomerView:
    async with importing.office.database.read() as connection:
        (one,) = (await find_customers(connection, text, region="PL")).customers
    return one


async def said(importing: Importing, state: ImportState) -> dict[int, tuple[str, str]]:
    return {one.line: (str(one.fate), one.why) for one in await importing.imports.lines(state.id)}


async def test_people_of_a_file_who_share_a_number_stay_apart(importing: Importing) -> None:
    text = (
        f"Name;Company;Phone;E-mail\nAnna Kowalska;ACME;{OFFICE};anna@acme.pl\n"
        "Piotr Nowak;ACME;22 111 22 33;piotr@acme.pl\nEwa Lis;LIS;501000111;piotr@acme.pl\n"
        "Kowalska Anna;;0048221112233;\n"
    )
    expected = {
        2: ("new", ""),
        3: ("shared", f"{OFFICE} is also that of line 2, by another name: both have it afterwards"),
        4: ("shared", "piotr@acme.pl is also that of line 3, by another name: both have it afterwards"),
        5: ("joined", ""),
    }
    assert await said(importing, await importing.look(text)) == expected
    state = await importing.do(text)
    assert state.fates == {"new": 1, "shared": 2, "joined": 1}
    anna = await named(importing, "Anna")
    assert {one.value for one in anna.identities} == {OFFICE, "anna@acme.pl"}
    piotr, ewa = await named(importing, "Nowak"), await named(importing, "Ewa Lis")
    assert {one.value for one in piotr.identities} == {OFFICE, "piotr@acme.pl"}
    assert {one.value for one in ewa.identities} == {"+48501000111", "piotr@acme.pl"}
    assert (await importing.do(text)).fates == {"skipped": 3, "joined": 1}, "the same file adds nobody twice"
    undone = await importing.undo(state.id)
    assert undone.kept == 0
    async with importing.office.database.read() as connection:
        assert not (await find_customers(connection, "", region="PL")).customers


@pytest.mark.parametrize("existing", Existing)
async def test_nobody_takes_the_words_of_somebody_by_another_name(
    importing: Importing, existing: Existing
) -> None:
    held = await importing.office.customers.create(NewCustomer("Anna Kowalska", "ACME", (OFFICE,)), None)
    text = f"Name;Phone;E-mail;Notes\nPiotr Nowak;{OFFICE};piotr@x.pl;Owes us 5000\n"
    sentence = f"{OFFICE} is also that of somebody by another name: both have it afterwards"
    looked = await importing.look(text, existing)
    (line,) = await importing.imports.lines(looked.id, Fate.SHARED)
    assert (line.why, line.others, line.customer_id) == (sentence, (held.id,), None)
    state = await importing.do(text, existing)
    assert state.fates == {"shared": 1}
    async with importing.office.database.read() as connection:
        anna = await read_customer(connection, held.id)
        assert not await read_notes(connection, held.id)
    assert (anna.name, anna.version, [one.value for one in anna.identities]) == (
        "Anna Kowalska",
        held.version,
        [OFFICE],
    )
    piotr = await named(importing, "Nowak")
    assert piotr.id != held.id
    assert {one.value for one in piotr.identities} == {OFFICE, "piotr@x.pl"}


async def test_among_holders_of_a_number_the_name_decides(importing: Importing) -> None:
    create = importing.office.customers.create
    jan = await create(NewCustomer("Jan Wilk", numbers=(OTHER,)), None)
    iga = await create(NewCustomer("Iga Wilk", numbers=(OTHER,)), None)
    await create(NewCustomer("Ola Bak", emails=("ola@bak.pl",)), None)
    text = (
        f"Name;Phone;E-mail\nJan Wilk;{OTHER};jan@wilk.pl\nIga Wilk;{OTHER};\nWilk;;\nJan Wilk;;ola@bak.pl\n"
    )
    lines = {one.line: one for one in await importing.imports.lines((await importing.look(text)).id)}
    assert [lines[line].customer_id for line in (2, 3)] == [jan.id, iga.id]
    assert lines[5].fate is Fate.SHARED
    half = await importing.look(f"Name;Phone\nWilk;{OTHER}\n")
    (line,) = await importing.imports.lines(half.id)
    assert (line.fate, line.others) == (Fate.REFUSED, (jan.id, iga.id))
    assert line.why == "2 customers fit: merge them, or write the whole name"


async def test_lines_that_agree_do_not_make_two_customers_into_one(importing: Importing) -> None:
    create = importing.office.customers.create
    anna = await create(NewCustomer("Anna", numbers=(OTHER,), emails=("a@x.pl",)), None)
    whole = await create(NewCustomer("Anna Lis", numbers=(OTHER,), emails=("b@x.pl",)), None)
    state = await importing.do(f"name,phone,email\nAnna,{OTHER},a@x.pl\nAnna Lis,{OTHER},b@x.pl\n")
    assert state.fates == {"refused": 2}
    (first, _) = await importing.imports.lines(state.id)
    assert first.others == (anna.id, whole.id)


async def test_of_many_who_share_a_number_some_are_told(importing: Importing) -> None:
    lines = "".join(f"Person{place} Lis,{OFFICE}\n" for place in range(MOST_TOLD + 2))
    state = await importing.do(f"name,phone\n{lines}")
    *_, last = await importing.imports.lines(state.id)
    assert state.fates == {"new": 1, "shared": MOST_TOLD + 1}
    assert len(last.others) == MOST_TOLD


async def test_a_number_that_is_somebody_elses_is_told_of(importing: Importing) -> None:
    create = importing.office.customers.create
    anna = await create(NewCustomer("Anna", numbers=(OTHER,)), None)
    jan = await create(NewCustomer("Jan", emails=("office@example.pl",)), None)
    state = await importing.look(f"name,phone,email\nAnna,{OTHER},office@example.pl\n")
    (line,) = await importing.imports.lines(state.id)
    assert (line.fate, line.customer_id, line.others) == (Fate.CHANGED, anna.id, (jan.id,))
    assert line.why == "office@example.pl is also that of somebody else"


async def test_two_people_are_not_put_onto_a_customer_with_half_a_name(importing: Importing) -> None:
    nowak = await importing.office.customers.create(NewCustomer("Nowak", numbers=(OTHER,)), None)
    state = await importing.do(f"name,phone\nAnna Nowak,{OTHER}\nPiotr Nowak,{OTHER}\n")
    lines = await importing.imports.lines(state.id)
    assert {one.fate for one in lines} == {Fate.REFUSED}
    assert {one.others for one in lines} == {(nowak.id,)}
    assert "lines 2 and 3 name different people" in lines[0].why


async def test_an_unknown_caller_whose_number_two_share_is_not_made_into_both(importing: Importing) -> None:
    await importing.office.desk.call("main-1", OTHER)
    state = await importing.do(f"name,phone\nAnna Nowak,{OTHER}\nPiotr Lis,{OTHER}\n")
    assert await importing.fates(state.id) == {2: "changed", 3: "shared"}
    assert (await named(importing, "Anna")).id != (await named(importing, "Piotr")).id


@pytest.mark.parametrize("version", Version)
async def test_an_unknown_caller_stays_one_when_their_card_comes_back(
    importing: Importing, version: Version
) -> None:
    await importing.office.desk.call("main-1", OTHER)
    async with importing.office.database.read() as connection:
        (caller,) = (await find_customers(connection, "", region="PL")).customers
    card = card_of(caller, version)
    assert f"FN:{OTHER}" in card, "a card must have a name"
    for text in (card, f"Name;Phone\n{OTHER};{OTHER}\n"):
        state = await importing.do(text)
        assert await said(importing, state) == {
            1 if text is card else 2: ("skipped", "an unknown caller, in the file as well")
        }
    async with importing.office.database.read() as connection:
        after = await read_customer(connection, caller.id)
    assert (after.name, after.is_provisional) == ("", True)


async def test_a_broken_card_is_a_refused_line(importing: Importing) -> None:
    good = "BEGIN:VCARD\nVERSION:3.0\nFN:Ewa\nTEL:501234567\nEND:VCARD\n"
    state = await importing.do(f"{good}BEGIN:VCARD\nnonsense\nEND:VCARD\nBEGIN:VCARD\nFN:Jan\n")
    found = await said(importing, state)
    assert {line: fate for line, (fate, _) in found.items()} == {1: "new", 6: "refused", 9: "refused"}
    assert found[9][1] == "the card has no end"


async def test_one_line_in_twenty_about_somebody_before_in_another_spelling_is_found(
    importing: Importing,
) -> None:
    spellings = ("+48 {} {} {}", "0048{}{}{}", "tel:+48-{}-{}-{}", "(0{}) {} {}", "{}-{}{}")
    lines = []
    for place in range(200):
        known = place - 10 if place % 20 == 19 else place
        number = spellings[place % 7 % 5].format("501", "777", f"{known:03}")
        lines.append(f"{'Lis, Person' if known != place else 'Person Lis'} {known};{number}")
    state = await importing.do("Name;Phone\n" + "\n".join(lines) + "\n")
    assert state.fates == {"new": 190, "joined": 10}
