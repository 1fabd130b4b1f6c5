"""A manager imports a file of customers in a real Chromium, from choosing it to taking it back; an administrator erases
a person. Looked at on a desktop and a telephone, in both colour schemes."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import Browser, expect

from core.bus import Bus
from core.db import Database
from crm_link.customers import Customers, NewCustomer
from server.schema import prepare
from tests.browser.conftest import PagesSite, enter, look, open_window
from tests.customer_site import customer_site
from tests.seed import NOW, seed_people

pytestmark = pytest.mark.browser

FILE = """Imię;Nazwisko;Firma;Telefon komórkowy;E-mail;Uwagi;Rabat
Zuzanna;Lis-Wiśniewska;Rowery Lis sp. j.;501 234 567;zuzanna@lis.example;Woli rano;5
Jan;Nowak;;22 123 45 67;;;
Z.;Lis;;+48 501-234-567;z.lis@lis.example;;
Marek;Błąd;;12;;;
Ewa;Znana;Nowa firma;600 100 200;;;
Kto;To;;600 100 300;dwa@firma.example;;
"""


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[PagesSite]:
    database = Database(f"sqlite:///{tmp_path / 'pages.db'}")
    await prepare(database)
    await seed_people(database)
    customers = Customers(database, Bus(), lambda: NOW, "PL")
    await customers.create(NewCustomer("Ewa Znana", "Stara firma", numbers=("600100200",)), None)
    await customers.create(NewCustomer("Adam Pierwszy", numbers=("600100300",)), None)
    await customers.create(NewCustomer("Beata Druga", emails=("dwa@firma.example",)), None)
    async with customer_site(database) as one:
        yield PagesSite(database, one.server)
    await database.close()


async def test_a_file_is_chosen_mapped_imported_and_taken_back(
    chromium: Browser, site: PagesSite, tmp_path: Path
) -> None:
    file = tmp_path / "klienci.csv"
    file.write_text(FILE)
    visit = await open_window(chromium)
    page = visit.page
    await enter(visit, site, "maria")
    await page.goto(site.url("/customers"))
    await page.get_by_role("link", name="Import").click()
    await look(page, "import-form")
    await page.get_by_label("File: CSV or vCards").set_input_files(file)
    await page.get_by_role("button", name="Look at it first").click()
    await expect(page.get_by_label("Telefon komórkowy")).to_have_value("phone")
    await look(page, "import-mapping")
    await page.get_by_label("A tag for everybody in it").fill("targi")
    await page.get_by_role("button", name="Look at every line").click()
    await expect(page.get_by_text("nothing is changed yet")).to_be_visible()
    await expect(page.get_by_role("heading", name="1 customer you have already")).to_be_visible()
    await page.get_by_role("link", name="Conflicts 1").click()
    kept = page.get_by_role("cell").get_by_text("Company stays “Stara firma”, the file says “Nowa firma”")
    await expect(kept).to_be_visible()
    await look(page, "import-conflicts")
    await page.get_by_role("button", name="Choose: Overwrite").click()
    await expect(page.get_by_text("Company becomes “Nowa firma”, it is “Stara firma”").first).to_be_visible()
    await expect(page.get_by_role("button", name="Choose: Fill gaps")).to_be_visible()
    await page.get_by_role("link", name="New, shares a number 1").click()
    await expect(page.get_by_text("+48600100300 is also that of somebody by another name")).to_be_visible()
    await look(page, "import-look")
    await page.get_by_role("button", name="Import 5 lines").click()
    await expect(page.get_by_text("Take it back")).to_be_visible()
    await look(page, "import-done")
    await page.get_by_role("button", name="Take it back").click()
    await page.get_by_role("dialog").get_by_role("button", name="Take it back").click()
    await expect(page.get_by_text("Everything is as it was")).to_be_visible()
    assert visit.complaints == []
    await visit.context.close()


async def test_an_administrator_erases_a_person(chromium: Browser, site: PagesSite) -> None:
    visit = await open_window(chromium)
    page = visit.page
    await enter(visit, site, "admin")
    await page.goto(site.url("/customers/1"))
    await page.get_by_role("link", name="Everything we have of this person").click()
    name = (await page.get_by_role("heading", level=1).inner_text()).removeprefix("Everything we have of ")
    assert name in await page.title()
    await look(page, "person-data")
    await page.get_by_label("Type “erase”").fill("erasse")
    await page.get_by_role("button", name=f"Erase {name}").click()
    refused = page.get_by_role("alert")
    await expect(refused).to_have_text(f"Type the word “erase” to erase {name}: nothing is erased yet")
    await look(page, "person-mistyped")
    await page.get_by_label("Type “erase”").fill("erase ")
    await expect(refused).to_have_count(0)
    await page.get_by_role("button", name=f"Erase {name}").click()
    await expect(page.get_by_role("dialog")).to_contain_text(f"Erase {name}, customer 1, for ever?")
    await page.get_by_role("dialog").get_by_role("button", name="Erase for ever").click()
    await expect(page.get_by_role("heading", name="Certificate of erasure")).to_be_visible()
    await look(page, "person-certificate")
    await page.get_by_role("link", name="Certificates").click()
    await look(page, "person-certificates")
    assert visit.complaints == []
    await visit.context.close()
