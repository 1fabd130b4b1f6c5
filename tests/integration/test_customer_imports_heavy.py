"""Files that nobody thought of: thousands of lines about one person, people chained by shared numbers, and a line that
cannot be worked on. The server goes on meanwhile, and other files are imported."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from sqlalchemy import select, update

from core.db import Database
from crm_link.directory import find_customers
from crm_link.imports.columns import Person, join
from crm_link.imports.people import part
from crm_link.imports.state import Step
from crm_link.imports.tables import CustomerImportRow
from tests.customers import Office
from tests.integration.test_customer_imports import Importing
from tests.site import eventually


@pytest.fixture
def importing(database: Database, tmp_path: Path) -> Importing:
    return Importing(Office(database), tmp_path)


async def test_an_export_of_orders_becomes_one_customer(importing: Importing) -> None:
    """Thousands of lines about one person took minutes, squared and cubed."""
    orders = "".join(f"John Smith;+48225557777;order {one}\n" for one in range(4000))
    state = await importing.do(f"Name;Phone;Notes\n{orders}")
    assert (state.step, state.fates["joined"], state.fates["new"]) == (Step.DONE, 3999, 1)


def test_twenty_thousand_lines_about_one_person_are_parted_and_joined() -> None:
    lines = [
        (place, Person("John Smith", keys=(("phone", "+48225557777"),), note=f"order {place}"))
        for place in range(20_000)
    ]
    [one] = part(lines).people
    assert len(one.lines) == 20_000
    assert one.whole.note.startswith("order 0\norder 1\n")


def test_people_chained_by_shared_numbers_are_one_while_their_names_agree() -> None:
    lines = [
        (place, Person("Ann Same", keys=(("phone", f"+4850{place}"), ("phone", f"+4850{place + 1}"))))
        for place in range(3000)
    ]
    [one] = part(lines).people
    assert len(one.whole.keys) == 3001


def test_the_first_word_counts() -> None:
    said = [
        Person("", "Firm", note="one", values=(("a", "1"),), tags=("x",)),
        Person("Ann", "Other", note="two", values=(("a", "2"), ("b", "3")), tags=("y", "x")),
        Person("Bea", "", note="one"),
    ]
    whole = join(said[0], said[1:])
    assert (whole.name, whole.company, whole.note, whole.tags) == ("Ann", "Firm", "one\ntwo", ("x", "y"))
    assert dict(whole.values) == {"a": "1", "b": "3"}


async def test_a_file_that_cannot_be_worked_on_says_so_and_holds_up_no_other(importing: Importing) -> None:
    imports = importing.imports
    broken = await importing.look("name,phone\nEwa,501000001\nJan,501000002\n")
    fine = await importing.look("name,phone\nPiotr,501000003\n")
    async with importing.office.database.write() as connection:
        of = CustomerImportRow.import_id == broken.id, CustomerImportRow.line == 3
        await connection.execute(update(CustomerImportRow).where(*of).values(person="{"))
    for state in (broken, fine):
        await imports.start(state.id, None)
    working = asyncio.create_task(imports.run())
    try:
        stopped = await eventually(lambda: imports.state(broken.id), lambda state: bool(state.fault))
        await eventually(lambda: imports.state(fine.id), lambda state: state.step is Step.DONE)
        assert (stopped.step, stopped.can_undo) == (Step.IMPORT, True)
        await imports.undo(broken.id, None)
        undone = await eventually(lambda: imports.state(broken.id), lambda state: state.step is Step.UNDONE)
        assert undone.fault == ""
    finally:
        working.cancel()
        await asyncio.gather(working, return_exceptions=True)


async def test_a_line_without_a_person_any_more_is_passed_over(importing: Importing) -> None:
    """As an erasure leaves it."""
    state = await importing.look("name,phone\nEwa,501000001\nJan,501000002\n")
    async with importing.office.database.write() as connection:
        of = CustomerImportRow.import_id == state.id, CustomerImportRow.line == 2
        await connection.execute(update(CustomerImportRow).where(*of).values(person="", cells="[]"))
    await importing.imports.start(state.id, None)
    assert (await importing.imports.work(state.id)).step is Step.DONE
    async with importing.office.database.read() as connection:
        page = await find_customers(connection, "", region="PL")
        rows = await connection.execute(select(CustomerImportRow.line, CustomerImportRow.customer_id))
        made = {row.line: row.customer_id is not None for row in rows}
    assert ([one.name for one in page.customers], made) == (["Jan"], {2: False, 3: True})
