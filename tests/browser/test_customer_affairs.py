"""Tasks, deals and a site's own fields in a real Chromium: on the customer's page, on the page of tasks and at the
desk, at two sizes and in both colour schemes."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp.test_utils import TestServer
from playwright.async_api import Browser, expect

from config.crm import CrmSettings
from config.settings import Settings
from core.clock import system_clock
from core.db import Database
from core.facts import AgentLeft, CallAnswered, PbxConnected, PhoneRinging
from crm_link.customers import NewCustomer
from crm_link.deals.edit import NewDeal
from crm_link.deals.kinds import DealKind
from crm_link.tasks.edit import NewTask
from server.schema import prepare
from server.web.application import bare_application
from server.web.keys import CUSTOMERS, DEALS, FIELDS, TASKS
from tests.browser.conftest import DESKTOP, PHONE, PagesSite, assert_fits, enter, look, open_window
from tests.desk_site import desk_site
from tests.live_story import CUSTOMER, PBX, ended, phone, started
from tests.said import index
from tests.seed import NOW, seed_site

pytestmark = pytest.mark.browser

WAIT_MS = 30_000
expect.set_options(timeout=WAIT_MS)

CRM = CrmSettings.model_validate(
    {
        "fields": [
            {"key": "contract_no", "label": "Contract", "on_card": True},
            {"key": "branch", "type": "choice", "choices": ["Kraków", "Warszawa"]},
            {"key": "seats", "type": "number"},
        ]
    }
)


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[PagesSite]:
    database = Database(f"sqlite:///{tmp_path / 'pages.db'}")
    await prepare(database)
    app = bare_application(Settings(crm=CRM), database, clock=lambda: NOW)
    one = PagesSite(database, TestServer(app, host="127.0.0.1"))
    await one.server.start_server()
    yield one
    await one.server.close()
    await database.close()


async def test_a_customer_page_has_what_is_to_be_done_and_what_they_buy(
    chromium: Browser, site: PagesSite
) -> None:
    seeded = await seed_site(site.database, calls=60)
    visit = await open_window(chromium)
    await enter(visit, site, "maria")
    page = visit.page
    await page.goto(site.url(f"/customers/{seeded.customers[0]}"))
    tasks, deals = page.locator(".tasks-card"), page.locator(".deals-card")
    await tasks.get_by_text("New task").click()
    await tasks.get_by_label("What is to be done").fill("Send the price list")
    await tasks.get_by_label("Who").select_option(label="Anna Kowalska")
    await tasks.get_by_role("button", name="Add task").click()
    await expect(tasks.get_by_text("tomorrow")).to_be_visible()
    await deals.get_by_text("New deal or order").click()
    await deals.get_by_label("What it is about").fill("Shelves")
    await deals.get_by_label("Amount").fill("48 000")
    await deals.get_by_label("Currency").fill("pln")
    await deals.get_by_role("button", name="Add").click()
    await expect(deals.get_by_text("48\u202f000.00\u00a0PLN")).to_be_visible()
    await page.get_by_label("Contract").fill("K/2024/117")
    await page.get_by_label("Seats").fill("many")
    await page.locator("form[action$='/fields']").get_by_role("button", name="Save").click()
    await expect(page.get_by_text("Seats: write a number")).to_be_visible()
    await page.get_by_label("Seats").fill("12")
    await page.locator("form[action$='/fields']").get_by_role("button", name="Save").click()
    await expect(page.locator(".timeline").get_by_text("Seats: 12")).to_be_visible()
    await page.get_by_label("Responsible").select_option(label="Anna Kowalska")
    await (
        page.locator("form", has=page.get_by_label("Responsible")).get_by_role("button", name="Save").click()
    )
    await expect(page.locator(".timeline").get_by_text("nobody → Anna Kowalska")).to_be_visible()
    call = page.locator(".entry.call").first
    await call.locator(".link-deal > summary").click()
    await call.get_by_role("button", name="Link", exact=True).click()
    await expect(page.locator(".entry.call").first.locator(".about")).to_contain_text("Shelves")
    await look(page, "customer")
    await page.get_by_role("link", name="Tasks", exact=True).last.click()
    await expect(page.locator(".entry.call")).to_have_count(0)
    await expect(page.locator(".entry.task")).to_have_count(1)
    await page.goto(site.url("/tasks"))
    await look(page, "tasks")
    await page.get_by_role("button", name="Done: Send the price list").click()
    await expect(page.get_by_text("Nothing is to be done")).to_be_visible()
    await page.get_by_role("radio", name="Done", exact=True).check(force=True)
    await expect(page.get_by_role("button", name="To be done again: Send the price list")).to_be_visible()
    assert [text for text in visit.complaints if "422" not in text] == []
    await page.goto(site.url("/customers?q=k+2024"))
    await expect(page.get_by_text("Jan Malinowski")).to_be_visible()


async def test_whatever_they_are_called_everything_fits_the_screen(
    chromium: Browser, site: PagesSite
) -> None:
    """Names, tasks and orders of several lines and of one endless word."""
    seeded = await seed_site(site.database, calls=10)
    app, call_id = site.server.app, seeded.calls[1]
    for title in ("Lamps and all that belongs to them " * 5, "Lamps " + "W" * 190):
        long = await app[CUSTOMERS].create(NewCustomer(title[:200], company=title[:200]), None)
        deal = await app[DEALS].add(
            NewDeal(long.id, DealKind.DEAL, title, amount="1000000000", currency="PLN"), None
        )
        await app[DEALS].link(deal.id, call_id, None)
        await app[TASKS].add(NewTask(long.id, title, NOW, title, call_id=call_id), None)
    await index(site.database)
    for size in (PHONE, DESKTOP):
        visit = await open_window(chromium, size=size)
        await enter(visit, site, "maria")
        for path in (f"/customers/{long.id}", f"/calls/{call_id}", "/search?q=lamps", "/tasks", "/customers"):
            await visit.page.goto(site.url(path))
            await assert_fits(visit.page)


async def test_a_task_out_of_a_call_stands_on_the_desk_until_it_is_done(
    chromium: Browser, tmp_path: Path
) -> None:
    database = Database(f"sqlite:///{tmp_path / 'desk.db'}")
    await prepare(database)
    async with desk_site(database, sections={"crm": CRM}) as desk:
        at = system_clock()
        await desk.tell(PbxConnected(PBX, at))
        jan = await desk.app[CUSTOMERS].create(NewCustomer("Jan Malinowski", numbers=(CUSTOMER,)), None)
        await desk.app[DEALS].add(
            NewDeal(jan.id, DealKind.ORDER, "120 boxes", amount="1299.90", currency="PLN"), None
        )
        await desk.app[FIELDS].edit(jan.id, {"contract_no": "K/2024/117"}, None)
        late = NewTask(jan.id, "Send the price list", at - 90_000, assigned_to=desk.users["anna"].id)
        await desk.app[TASKS].add(late, None)
        visit = await open_window(chromium)
        [(name, token)] = (await desk.cookie("anna")).items()
        await visit.context.add_cookies([{"name": name, "value": token, "url": desk.url("/")}])
        page = visit.page
        await page.goto(desk.url("/desk"))
        own = page.locator("#tasks-card")
        await expect(own.get_by_text("Send the price list")).to_be_visible()
        await expect(own.locator(".late")).to_have_count(1)
        await desk.tell(started("c1", at), PhoneRinging("c1", at, phone("101")))
        card = page.locator("call-card")
        await expect(card.get_by_text("120 boxes")).to_be_visible()
        await expect(card.locator(".who-fields")).to_have_text("ContractK/2024/117")
        await desk.tell(CallAnswered("c1", at + 2, phone("101")))
        await card.get_by_role("button", name="Take over").click()
        await expect(card.get_by_text("You are responsible")).to_be_visible()
        await card.get_by_role("button", name="Is it about this?").click()
        await expect(card.get_by_role("button", name="About this")).to_be_visible()
        await card.get_by_text("New task").click()
        await card.get_by_placeholder("What is to be done?").fill("Call the warehouse")
        await card.get_by_role("button", name="Today").click()
        await look(page, "desk-card")
        await card.get_by_role("button", name="Add task").click()
        await expect(own.get_by_text("Call the warehouse")).to_be_visible()
        await expect(card.locator(".card-tasks")).to_contain_text("Call the warehouse")
        await own.get_by_role("button", name="Done: Send the price list").click()
        await expect(own.get_by_text("Send the price list")).to_have_count(0)
        await expect(card.locator(".card-tasks .own-task")).to_have_count(1)
        await desk.tell(AgentLeft("c1", at + 60, phone("101")), ended("c1", at + 60))
        await look(page, "desk")
        assert visit.complaints == []
        await visit.context.close()
    await database.close()
