"""A site's own fields in files: mapped, checked and compared before anything is changed, given, put back, and out and
in again with nothing changed."""

from __future__ import annotations

import csv
import io
import zipfile
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Table, select

from config.crm import CrmSettings
from config.settings import Settings
from core.csv_files import guarded
from core.db import Base, Database
from crm_link.customers import NewCustomer
from crm_link.directory import find_customers, read_customer, read_customers
from crm_link.fields.edit import Fields
from crm_link.imports.conflicts import Conflict, Existing
from crm_link.imports.fields import by_key
from crm_link.imports.match import Fate
from crm_link.imports.office import Imports, Mapping
from crm_link.imports.sheets import cells_of, columns_of
from crm_link.imports.state import ImportState
from crm_link.imports.vcards import Version, card_of
from crm_link.kinds import IdentityKind
from tests.customer_site import customer_site
from tests.customers import OTHER, Office
from tests.seed import seed_people
from tests.web import visit

FIELDS = CrmSettings.model_validate(
    {
        "fields": [
            {"key": "contract_no", "label": "Contract"},
            {"key": "seats", "type": "number"},
            {"key": "since", "type": "date"},
            {"key": "branch", "type": "choice", "choices": ["Kraków", "-; Warszawa"]},
            {"key": "newsletter", "type": "yes-no"},
            {"key": "phone", "label": "Phone", "type": "link"},
        ]
    }
).fields
DECLARED = by_key(FIELDS)


class Importing:
    def __init__(self, office: Office, folder: Path) -> None:
        self.office = office
        self.path = folder / "customers.csv"
        self.imports = Imports(office.database, office.desk.bus, lambda: office.now, "PL", FIELDS)
        self.fields = Fields(office.database, office.desk.bus, lambda: office.now, FIELDS)

    async def look(self, text: str, existing: Existing = Existing.FILL) -> ImportState:
        self.path.write_text(text, encoding="utf-8", newline="")
        import_id = await self.imports.add(self.path, "customers.csv", None)
        columns = (await self.imports.state(import_id)).columns
        await self.imports.check(import_id, Mapping(columns, existing))
        return await self.imports.work(import_id)

    async def do(self, text: str, existing: Existing = Existing.FILL) -> ImportState:
        state = await self.look(text, existing)
        await self.imports.start(state.id, None)
        return await self.imports.work(state.id)

    async def undo(self, import_id: int) -> ImportState:
        await self.imports.undo(import_id, None)
        return await self.imports.work(import_id)

    async def said(self, import_id: int) -> dict[int, tuple[str, str]]:
        return {one.line: (str(one.fate), one.why) for one in await self.imports.lines(import_id)}

    async def values(self, customer_id: int) -> dict[str, Any]:
        async with self.office.database.read() as connection:
            return dict((await read_customer(connection, customer_id)).fields)


@pytest.fixture
def importing(database: Database, tmp_path: Path) -> Importing:
    return Importing(Office(database), tmp_path)


async def test_people_come_with_their_fields_and_are_found_by_them(importing: Importing) -> None:
    header = "Name;Mobile;Contract;Seats;Since;newsletter;field:phone"
    text = f"{header}\nEwa Lis;501 234 567;K/2024 117;12,5;2026-01-31;YES;"
    state = await importing.do(text)
    assert state.columns == (
        "name",
        "phone",
        "field:contract_no",
        "field:seats",
        "field:since",
        "field:newsletter",
        "field:phone",
    )
    async with importing.office.database.read() as connection:
        (ewa,) = (await find_customers(connection, "ewa 117", region="PL")).customers
    assert ewa.fields == {
        "contract_no": "K/2024 117",
        "seats": 12.5,
        "since": "2026-01-31",
        "newsletter": True,
    }
    undone = await importing.undo(state.id)
    assert undone.kept == 0
    assert await rows_of(importing.office.database, Base.metadata.tables["customers"]) == []


async def test_what_does_not_fit_or_differs_is_said_before_anything_is_changed(importing: Importing) -> None:
    anna = await importing.office.customers.create(NewCustomer("Anna", numbers=(OTHER,)), None)
    await importing.fields.edit(anna.id, {"contract_no": "K/1", "seats": 3}, None)
    text = (
        f"name,phone,contract,seats\nAnna,{OTHER},K/2,3\nAnna,{OTHER},K/3,\n"
        "Jan,501000001,,many\nEwa,501000002,K/9,1\nEwa,501000002,K/8,1\n"
    )
    said = await importing.said((await importing.look(text)).id)
    assert said == {
        2: ("skipped", "there is nothing to add"),
        3: ("joined", "a line before says otherwise: Contract stays “K/2”, not “K/3”"),
        4: ("refused", "Seats: write a number, such as 12 or 12.5"),
        5: ("new", ""),
        6: ("joined", "a line before says otherwise: Contract stays “K/9”, not “K/8”"),
    }
    overwriting = await importing.look(text, Existing.OVERWRITE)
    first = (await importing.imports.lines(overwriting.id))[0]
    assert (first.fate, first.differences.conflicts) == (Fate.CHANGED, (Conflict("Contract", "K/1", "K/2"),))
    assert await importing.values(anna.id) == {"contract_no": "K/1", "seats": 3}


@pytest.mark.parametrize(
    ("existing", "contract"), [(Existing.FILL, "K/1"), (Existing.OVERWRITE, "K/2"), (Existing.SKIP, "K/1")]
)
async def test_undo_gives_back_the_value_before_and_leaves_what_was_changed_since(
    importing: Importing, existing: Existing, contract: str
) -> None:
    anna = await importing.office.customers.create(NewCustomer("Anna", numbers=(OTHER,)), None)
    await importing.fields.edit(anna.id, {"contract_no": "K/1"}, None)
    state = await importing.do(f"name,phone,contract,seats,newsletter\nAnna,{OTHER},K/2,7,no\n", existing)
    after = {"contract_no": contract, "seats": 7, "newsletter": False}
    skipped = existing is Existing.SKIP
    assert await importing.values(anna.id) == ({"contract_no": "K/1"} if skipped else after)
    if not skipped:
        await importing.fields.edit(anna.id, {"newsletter": True}, None)
    await importing.undo(state.id)
    left = {} if skipped else {"newsletter": True}
    assert await importing.values(anna.id) == {"contract_no": "K/1"} | left
    (line,) = await importing.imports.lines(state.id)
    assert line.kept == ("" if skipped else "Newsletter was changed since")


async def rows_of(database: Database, table: Table) -> list[dict[str, Any]]:
    async with database.read() as connection:
        rows = await connection.execute(select(table).order_by(*table.primary_key))
        return [dict(row._mapping) for row in rows]


async def everything(database: Database) -> dict[str, list[dict[str, Any]]]:
    """Of customers, in every table that has some but those of imports."""
    tables = Base.metadata.tables
    named = {name for name, table in tables.items() if "customer_id" in table.c} - {"customer_import_rows"}
    return {name: await rows_of(database, tables[name]) for name in sorted(named | {"customers"})}


async def seed(importing: Importing) -> int:
    """People with everything that is hard to write into a cell; returns how many."""
    office = importing.office
    create = office.customers.create
    anna = await create(NewCustomer("=Anna; O'Hara, dr", "@Firm; Ltd", ("501000001", "+5491145678901")), None)
    await importing.fields.edit(
        anna.id,
        {"contract_no": '=K/1; "2", 3', "seats": 0.123456789, "branch": "-; Warszawa", "newsletter": False},
        None,
    )
    for tag in ("likes, otters", "vip; old"):
        await office.notes.add_tag(anna.id, tag, None)
    jan = await create(NewCustomer("Jan", emails=("jan@example.pl",)), None)
    await importing.fields.edit(jan.id, {"phone": "https://x.example/?a=1;b=2", "since": "2026-02-28"}, None)
    await office.notes.add_tag(jan.id, "one, tag", None)
    for kind, values in ((IdentityKind.EXTERNAL, ("A-1, b", "A-2; c")), (IdentityKind.CHAT, ("tg: 5",))):
        for value in values:
            await office.customers.add_identity(jan.id, kind, value, None)
    await office.desk.call("1", "+48501000003", name="J Kowal")
    return 3


@pytest.mark.parametrize(
    ("form", "existing"),
    [("csv", Existing.FILL), *((form, Existing.OVERWRITE) for form in ("csv", *Version))],
)
async def test_what_is_exported_and_imported_again_changes_nothing(
    importing: Importing, form: str, existing: Existing
) -> None:
    people = await seed(importing)
    database = importing.office.database
    before = await everything(database)
    assert {"identities", "customer_fields", "customer_tags", "customer_changes"} <= set(before)
    async with database.read() as connection:
        ids = [row["id"] for row in before["customers"]]
        customers = await read_customers(connection, ids)
    assert len(customers) == people
    if form == "csv":
        out = io.StringIO()
        lines = [columns_of(DECLARED), *(cells_of(one, {}, DECLARED) for one in customers)]
        csv.writer(out).writerows(guarded(line) for line in lines)
        text = out.getvalue()
    else:
        text = "".join(card_of(one, Version(form), DECLARED) for one in customers if not one.is_provisional)
    state = await importing.do(text, existing)
    assert state.fates[Fate.SKIPPED] == state.lines, await importing.said(state.id)
    assert await everything(database) == before


async def test_the_pages_show_and_hand_out_the_fields(importing: Importing) -> None:
    database = importing.office.database
    await seed(importing)
    await seed_people(database)
    settings = Settings(crm=CrmSettings(fields=FIELDS))
    async with customer_site(database, settings) as site, visit(site) as maria:
        await maria.enter("maria")
        text = (await (await maria.get("/customers.csv?q=jan")).text()).lstrip("\ufeff")
        header, jan = csv.reader(io.StringIO(text))
        assert header[-6:] == ["Contract", "Seats", "Since", "Branch", "Newsletter", "field:phone"]
        assert jan[-6:] == ["", "", "2026-02-28", "", "", "https://x.example/?a=1;b=2"]
        body = await (await maria.get("/customers.xlsx")).read()
        with zipfile.ZipFile(io.BytesIO(body)) as book:
            assert "2026-02-28" in book.read("xl/worksheets/sheet1.xml").decode()
        assert "X-RINGBACK-SINCE:2026-02-28" in await (await maria.get("/customers/2.vcf")).text()
        sent = {"Origin": site.origin, "Content-Type": "text/csv"}
        answer = await maria.session.post(
            f"{site.origin}/customers/import?name=x", data=text.encode(), headers=sent
        )
        page = await (await maria.get((await answer.json())["path"])).text()
    assert page.count('<option value="field:since" selected>Since</option>') == 1
