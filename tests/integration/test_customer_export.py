"""Customers out as CSV, workbook and vCards: what the list finds, nothing a spreadsheet would run, and to be read
again."""

from __future__ import annotations

import asyncio
import csv
import io
import re
import zipfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import delete, func, insert, select, update

from core.bus import Bus
from core.db import Database
from crm_link.customers import Customers, NewCustomer
from crm_link.directory import MOST_LISTED
from crm_link.imports.office import Imports, Mapping
from crm_link.tables import Customer
from server.customers.export import Wanted, customers_of
from tests.customer_site import customer_site
from tests.seed import NOW, seed_people
from tests.web import Visitor, visit

FORMULA = '=HYPERLINK("http://evil")'


@pytest.fixture
async def maria(database: Database) -> AsyncIterator[Visitor]:
    await seed_people(database)
    customers = Customers(database, Bus(), lambda: NOW, "PL")
    for place in range(3):
        emails = (f"p{place}@example.pl",)
        await customers.create(NewCustomer(f"Person {place}", "Firm", (f"50100000{place}",), emails), None)
    await customers.create(NewCustomer(FORMULA, "@SUM(1)", ("501000009", "501000008")), None)
    async with customer_site(database) as site, visit(site) as visitor:
        await visitor.enter("maria")
        yield visitor


async def test_csv_has_what_the_list_finds_and_can_be_imported_again(maria: Visitor, tmp_path: Path) -> None:
    answer = await maria.get("/customers.csv")
    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
    rows = list(csv.reader(io.StringIO((await answer.text()).lstrip("\ufeff"))))
    assert len(rows) == 5
    assert rows[1][1:4] == ["'" + FORMULA, "'@SUM(1)", "'+48501000009; +48501000008"]
    found = await (await maria.get("/customers.csv?q=person+1")).text()
    assert len(found.splitlines()) == 2
    path = tmp_path / "again.csv"
    path.write_bytes(await answer.read())
    imports = Imports(maria.site.database, Bus(), lambda: NOW, "PL")
    import_id = await imports.add(path, "again.csv", None)
    await imports.check(import_id, Mapping((await imports.state(import_id)).columns))
    await imports.work(import_id)
    await imports.start(import_id, None)
    assert (await imports.work(import_id)).fates == {"skipped": 4}, "everybody is known, and lacks nothing"


async def test_a_workbook_holds_text_and_no_formula(maria: Visitor) -> None:
    body = await (await maria.get("/customers.xlsx")).read()
    with zipfile.ZipFile(io.BytesIO(body)) as book:
        assert book.testzip() is None
        sheet = book.read("xl/worksheets/sheet1.xml").decode()
        styles = book.read("xl/styles.xml").decode()
    assert "<f>" not in sheet
    assert "HYPERLINK(" in sheet
    assert "<hyperlink" not in sheet
    assert 'quotePrefix="1"' in styles
    assert len(re.findall("<row ", sheet)) == 5


async def test_vcards_of_all_of_some_and_of_one(maria: Visitor) -> None:
    every = await (await maria.get("/customers.vcf")).text()
    assert every.count("BEGIN:VCARD") == 4
    assert "VERSION:4.0" in every
    some = await (await maria.get("/customers.vcf?ids=1,3&version=3.0")).text()
    assert re.findall(r"FN:(.*)\r\n", some) == ["Person 0", "Person 2"]
    assert "VERSION:3.0" in some
    one = await maria.get("/customers/2.vcf")
    assert one.headers["Content-Disposition"] == 'attachment; filename="customer-2.vcf"'
    assert "tel:+48501000001" in await one.text()
    assert (await maria.get("/customers/99.vcf")).status == 404
    assert (await maria.get("/customers.vcf?ids=1,x")).status == 422
    assert (await maria.get("/customers.vcf?version=2.1")).status == 422
    async with visit(maria.site) as anna:
        await anna.enter("anna")
        assert (await anna.get("/customers.csv")).status == 403
        assert (await anna.get("/customers/2.vcf")).status == 200


async def test_a_file_of_vcards_is_imported_like_any_other(maria: Visitor) -> None:
    cards = "BEGIN:VCARD\nVERSION:3.0\nFN:Ewa Lis\nTEL:501 000 077\nEND:VCARD\n"
    answer = await maria.session.post(
        f"{maria.site.origin}/customers/import?name=cards.vcf",
        data=cards.encode(),
        headers={"Origin": maria.site.origin, "Content-Type": "text/vcard"},
    )
    path = (await answer.json())["path"]
    page = await (await maria.get(path)).text()
    assert "Ewa Lis" in page
    assert page.count(" selected>") == 6


async def many(database: Database, people: int) -> None:
    row = {"name": "Person", "created_at": NOW, "created_from": "import", "is_provisional": False}
    async with database.write() as connection:
        await connection.execute(insert(Customer), [row] * people)


@pytest.mark.parametrize("ids", ["", ",".join(map(str, range(1, MOST_LISTED + 2)))])
async def test_who_reads_an_export_slowly_holds_no_connection(database: Database, ids: str) -> None:
    await many(database, MOST_LISTED + 1)
    readers = [customers_of(database, "PL", Wanted(ids=ids)) for _ in range(12)]
    for reader in readers:
        assert len(await anext(reader)) == MOST_LISTED
    async with asyncio.timeout(20), database.read() as connection:
        assert await connection.scalar(select(func.count(Customer.id))) == MOST_LISTED + 1


async def test_a_call_during_an_export_neither_loses_nor_doubles_anybody(database: Database) -> None:
    await many(database, MOST_LISTED + 2)
    pages = customers_of(database, "PL", Wanted())
    found = [one.id for one in await anext(pages)]
    async with database.write() as connection:
        await connection.execute(update(Customer).where(Customer.id == 1).values(last_contact_at=NOW))
        await connection.execute(delete(Customer).where(Customer.id == 2))
    found += [one.id async for page in pages for one in page]
    assert found == [*range(MOST_LISTED + 2, 2, -1), 1]
