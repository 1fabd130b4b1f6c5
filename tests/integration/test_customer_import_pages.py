"""A file of customers from the page and from the command line: mapped, looked at, imported, mended, taken back."""

from __future__ import annotations

import html
import re
import sys
from asyncio import create_subprocess_exec, subprocess
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import func, select

from config.settings import load
from core.bus import Bus
from core.db import Database
from core.errors import InvalidInputError
from crm_link.customers import Customers, NewCustomer
from crm_link.directory import read_customer
from crm_link.tables import Customer
from server.imports.command import import_customers
from server.imports.page import SHOWN
from tests.customer_site import customer_site
from tests.process import ROOT
from tests.seed import NOW, seed_people
from tests.site import eventually
from tests.web import Visitor, visit

FILE = """Kontakt;Was;Telefon;Note
Ewa <b>Lis</b>;x;501 234 567;=1+1
Jan;y;12;
;;;
=HYPERLINK("x");z;12345;
"""


@pytest.fixture
async def maria(database: Database) -> AsyncIterator[Visitor]:
    await seed_people(database)
    async with customer_site(database) as site, visit(site) as visitor:
        await visitor.enter("maria")
        yield visitor


async def hand_in(visitor: Visitor, body: bytes, status: int = 201) -> str:
    answer = await visitor.session.post(
        f"{visitor.site.origin}/customers/import?name=people.csv",
        data=body,
        headers={"Origin": visitor.site.origin, "Content-Type": "text/csv"},
    )
    said = await answer.json()
    assert answer.status == status, said
    return str(said.get("path") or said["detail"])


async def settled(visitor: Visitor, path: str) -> str:
    async def text() -> str:
        return await (await visitor.get(path)).text()

    return await eventually(text, lambda page: "every 1s" not in page)


async def count(database: Database) -> int:
    async with database.read() as connection:
        return (await connection.execute(select(func.count()).select_from(Customer))).scalar_one()


async def test_a_file_is_mapped_looked_at_imported_and_taken_back(maria: Visitor) -> None:
    path = await hand_in(maria, FILE.encode())
    page = await (await maria.get(path)).text()
    assert '<option value="name" selected>' in page
    assert "Ewa &lt;b&gt;Lis&lt;/b&gt;" in page
    wrong = {"column-0": "name", "column-1": "name", "column-2": "phone", "existing": "fill"}
    refusal = await maria.post(f"{path}/check", wrong)
    assert refusal.status == 422
    assert "Two columns cannot both be name" in await refusal.text()
    mapping = {"column-0": "name", "column-2": "phone", "column-3": "note", "existing": "fill", "tag": "Fair"}
    assert (await maria.post(f"{path}/check", mapping)).status == 303
    page = await settled(maria, path)
    assert "nothing is changed yet" in page
    assert "Import 1 line<" in page
    assert "This telephone number is too short" in page or "telephone number is too short" in page
    assert await count(maria.site.database) == 0
    await maria.post(f"{path}/start")
    page = await settled(maria, path)
    assert "Take it back" in page
    refused = (await (await maria.get(f"{path}/refused.csv")).text()).splitlines()
    assert refused[0].lstrip("\ufeff") == "Kontakt,Was,Telefon,Note,Reason,Line"
    assert refused[2].startswith("\"'=HYPERLINK")
    assert refused[2].endswith(",5")
    assert await count(maria.site.database) == 1
    await maria.post(f"{path}/undo")
    assert "Everything is as it was" in await settled(maria, path)
    assert await count(maria.site.database) == 0
    assert "Taken back" in await (await maria.get("/customers/import")).text()


async def test_what_to_do_with_customers_we_have_is_chosen_by_what_it_would_do(maria: Visitor) -> None:
    customers = Customers(maria.site.database, Bus(), lambda: NOW, "PL")
    ewa = await customers.create(NewCustomer("Ewa Lis", "Lis", numbers=("501234567",)), None)
    path = await hand_in(maria, b"Name;Company;Phone;E-mail\nEwa Lis;<b>Fox</b>;501 234 567;e@x.pl\n")
    columns = {f"column-{place}": word for place, word in enumerate(("name", "company", "phone", "email"))}
    await maria.post(f"{path}/check", columns | {"existing": "fill"})
    page = await settled(maria, path)
    assert "Changes 1 customer: adds 1 missing value. 1 value that differs stays as you have it." in page
    assert "adds 1 missing value and replaces 1 value of yours by the file&#39;s." in page
    assert "Leaves 1 customer as they are: 1 missing value is not added." in page
    assert "Company stays “Lis”, the file says “&lt;b&gt;Fox&lt;/b&gt;”" in page
    assert (await maria.post(f"{path}/existing", {"existing": "theirs"})).status == 422
    assert (await maria.post(f"{path}/existing", {"existing": "overwrite"})).status == 303
    page = await settled(maria, f"{path}?show=conflicts")
    assert 'value="fill" aria-label="Choose: Fill gaps"' in page
    await maria.post(f"{path}/start")
    page = await settled(maria, f"{path}?show=conflicts")
    assert "Company became “&lt;b&gt;Fox&lt;/b&gt;”, it was “Lis”" in page
    assert (await maria.post(f"{path}/existing", {"existing": "skip"})).status == 409
    await maria.post(f"{path}/undo")
    await settled(maria, path)
    async with maria.site.database.read() as connection:
        after = await read_customer(connection, ewa.id)
    assert (after.company, len(after.identities)) == ("Lis", 1)


async def test_every_line_can_be_looked_at(maria: Visitor) -> None:
    lines = "".join(f"Person {place};12\n" for place in range(SHOWN + 1))
    path = await hand_in(maria, f"Name;Phone\n{lines}".encode())
    form = {"column-0": "name", "column-1": "phone", "existing": "fill"}
    await maria.post(f"{path}/check", form)
    page = await settled(maria, path)
    assert f"Person {SHOWN - 1}<" in page
    assert f"Person {SHOWN}<" not in page
    (more,) = re.findall(r'class="card-body"><a class="button" href="([^"]+)"', page)
    rest = await (await maria.get(html.unescape(more))).text()
    assert f"Person {SHOWN}<" in rest
    assert "The next lines" not in rest
    assert (await maria.get(f"{path}?after=x")).status == 200


async def test_files_and_people_that_may_not(maria: Visitor) -> None:
    assert "CSV UTF-8" in await hand_in(maria, "name\nŁucja\n".encode("cp1250"), 422)
    assert "somebody already" in await hand_in(maria, b"Ewa,501234567\n", 422)
    path = await hand_in(maria, FILE.encode())
    await maria.post(f"{path}/drop")
    assert (await maria.get(path)).status == 404
    async with visit(maria.site) as anna:
        await anna.enter("anna")
        assert (await anna.get("/customers/import")).status == 403


@pytest.fixture
def settings(tmp_path: Path) -> Path:
    path = tmp_path / "ringback.toml"
    path.write_text(f'[database]\nurl = "sqlite:///{tmp_path}/ringback.db"\n[site]\nregion = "PL"\n')
    return path


async def test_the_command_shows_imports_and_fails_for_refused_lines(
    tmp_path: Path, settings: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "people.csv"
    path.write_text(FILE)
    with pytest.raises(SystemExit):
        await import_customers(load(settings), path, "fill", "", dry_run=True)
    said = capsys.readouterr().out
    assert "column 'Was': left out" in said
    assert "nothing was done. It would be: 1 new" in said
    path.write_text("name,phone\nEwa,501 234 567\n")
    await import_customers(load(settings), path, "fill", "fair", dry_run=False)
    assert "1 new, 0 new, sharing a number" in capsys.readouterr().out
    path.write_text("name,phone\nEwa Lis,501 234 567\n")
    await import_customers(load(settings), path, "fill", "", dry_run=True)
    said = capsys.readouterr().out
    assert "line 2, customer 1: Name stays “Ewa”, the file says “Ewa Lis”" in said
    assert (
        "--existing fill: 0 changed, 0 missing values added, 0 of yours replaced, 1 that differ kept" in said
    )
    assert "--existing overwrite: 1 changed, 0 missing values added, 1 of yours replaced, 0 that" in said
    await import_customers(load(settings), path, "overwrite", "", dry_run=False)
    assert "line 2, customer 1: Name became “Ewa Lis”, it was “Ewa”" in capsys.readouterr().out
    with pytest.raises(InvalidInputError, match="--existing is one of"):
        await import_customers(load(settings), path, "merge", "", dry_run=False)


async def test_the_command_line_itself(tmp_path: Path, settings: Path) -> None:
    path = tmp_path / "people.csv"
    path.write_text("name,phone\nEwa,501 234 567\n")
    words = ["customers", "import", str(path), "--dry-run", "--config", str(settings)]
    process = await create_subprocess_exec(
        sys.executable, "-m", "server", *words, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    out, error = await process.communicate()
    assert process.returncode == 0, error.decode()
    assert "It would be: 1 new" in out.decode()
