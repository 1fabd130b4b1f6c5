"""The forms of a customer's page in a real Chromium: what is half-written outlives the other forms, what two people
change at once is said, and errors and the focus stay where they belong."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp.test_utils import TestServer
from playwright.async_api import Browser, Page, expect

from config.crm import CrmSettings
from config.settings import Settings
from core.accounts import find_user_by_login
from core.db import Database
from crm_link.blocked.entry import BlockKind
from crm_link.blocked.list import NewBlock
from crm_link.customers import CustomerEdit, NewCustomer
from server.customers.blocked_parts import BLOCK_LIST
from server.schema import prepare
from server.web.application import bare_application
from server.web.keys import ANNOTATIONS, CUSTOMERS
from tests.browser.conftest import PagesSite, Visit, enter, look, open_window
from tests.seed import NOW, seed_people

pytestmark = pytest.mark.browser

CRM = CrmSettings.model_validate(
    {"fields": [{"key": "contract_no", "label": "Contract"}, {"key": "seats", "type": "number"}]}
)
NUMBER = "+48221112233"
FOCUS = "document.activeElement.id || document.activeElement.textContent.trim()"


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[PagesSite]:
    database = Database(f"sqlite:///{tmp_path / 'pages.db'}")
    await prepare(database)
    app = bare_application(Settings(crm=CRM), database, clock=lambda: NOW)
    one = PagesSite(database, TestServer(app, host="127.0.0.1"))
    await one.server.start_server()
    await seed_people(database)
    yield one
    await one.server.close()
    await database.close()


async def opened(chromium: Browser, site: PagesSite, login: str = "maria") -> tuple[Visit, int]:
    """The page of a new customer."""
    made = await site.server.app[CUSTOMERS].create(NewCustomer("Jan Lis", "Acme", numbers=(NUMBER,)), None)
    visit = await open_window(chromium)
    await enter(visit, site, login)
    await visit.page.goto(site.url(f"/customers/{made.id}"))
    return visit, made.id


async def test_what_is_half_written_outlives_every_other_form(chromium: Browser, site: PagesSite) -> None:
    visit, _id = await opened(chromium, site)
    page = visit.page
    await page.get_by_label("New note").fill("A long note")
    await page.get_by_label("Pin:").check()
    await page.get_by_label("Contract").fill("C-77")
    await page.get_by_text("New task").click()
    await page.get_by_label("What is to be done").fill("Send the list")
    await page.get_by_label("New tag").fill("priority")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("button", name="Remove tag priority")).to_be_visible()
    assert await page.evaluate(FOCUS) == "tag"
    await expect(page.get_by_label("New note")).to_have_value("A long note")
    await expect(page.get_by_label("Pin:")).to_be_checked()
    await expect(page.get_by_label("Contract")).to_have_value("C-77")
    await expect(page.get_by_label("What is to be done")).to_be_visible()
    await expect(page.get_by_label("What is to be done")).to_have_value("Send the list")
    await page.get_by_role("button", name="Add note").click()
    await expect(page.locator(".pinned")).to_contain_text("A long note")
    await expect(page.get_by_label("New note")).to_have_value("")
    assert await page.evaluate(FOCUS) == "Add note"
    await page.locator("form[action$='/fields']").get_by_role("button", name="Save").click()
    await expect(page.locator(".timeline")).to_contain_text("C-77")
    await page.get_by_role("button", name="Remove tag priority").click()
    await expect(page.get_by_role("button", name="Remove tag priority")).to_have_count(0)
    assert await page.evaluate(FOCUS) != "BODY"
    assert visit.complaints == []


async def test_who_saves_second_sees_what_the_first_one_changed(chromium: Browser, site: PagesSite) -> None:
    visit, customer_id = await opened(chromium, site)
    page, customers = visit.page, site.server.app[CUSTOMERS]
    await page.get_by_label("Name").fill("Jan Lis-Nowak")
    await customers.edit(customer_id, CustomerEdit(name="Johann Lis", company="Acme & Sons"), None)
    profile = page.locator("form", has=page.get_by_label("Company"))
    await profile.get_by_role("button", name="Save").click()
    await expect(profile.get_by_role("alert")).to_contain_text("Somebody else saved this meanwhile")
    await expect(page.get_by_label("Name")).to_have_value("Jan Lis-Nowak")
    await expect(profile).to_contain_text("Changed meanwhile to “Johann Lis”")
    await expect(page.get_by_label("Company")).to_have_value("Acme & Sons")
    await expect(profile).to_contain_text("it was “Acme”")
    await look(page, "stale")
    await profile.get_by_role("button", name="Save").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("Jan Lis-Nowak")
    assert [one for one in visit.complaints if "409" not in one] == []
    await page.get_by_label("Name").fill("Mine")
    await customers.edit(customer_id, CustomerEdit(name="Theirs"), None)
    await profile.get_by_role("button", name="Save").click()
    await profile.get_by_role("button", name="Take theirs").click()
    await expect(page.get_by_label("Name")).to_have_value("Theirs")


async def refuse(page: Page, label: str, text: str, sentence: str) -> None:
    """The field keeps its text, has the focus, and says what is wrong."""
    field = page.get_by_label(label)
    await field.fill(text)
    await field.press("Enter")
    await expect(page.locator(".error")).to_contain_text(sentence)
    await expect(field).to_have_attribute("aria-invalid", "true")
    await expect(field).to_be_focused()
    await expect(field).to_have_value(text)
    await expect(page.locator(".toast")).to_have_count(0)


async def test_an_error_stands_at_its_field(chromium: Browser, site: PagesSite) -> None:
    visit, _id = await opened(chromium, site)
    await refuse(visit.page, "Seats", "many", "write a number")
    await look(visit.page, "field-error")
    await visit.page.get_by_label("Seats").fill("12")
    await expect(visit.page.locator(".error")).to_have_count(0)
    await refuse(visit.page, "Another number or e-mail", "abc", "telephone number")
    await look(visit.page, "number-error")


async def test_the_top_of_the_page_calls_tags_and_unblocks(chromium: Browser, site: PagesSite) -> None:
    app = site.server.app
    visit, customer_id = await opened(chromium, site, "anna")
    await app[ANNOTATIONS].add_tag(customer_id, "vip", None)
    async with site.database.read() as connection:
        anna = await find_user_by_login(connection, "anna")
    assert anna is not None
    await app[BLOCK_LIST].add(NewBlock(BlockKind.NUMBER, NUMBER, "shouts", NOW + 86_400), anna.id)
    page = visit.page
    await page.reload()
    await look(page, "customer-head")
    await page.set_viewport_size({"width": 390, "height": 844})
    for part in (".head-numbers", ".head-tags", ".blocked-notice"):
        box = await page.locator(part).bounding_box()
        assert box is not None
        assert box["y"] + box["height"] < 844, part
    await expect(page.locator(".blocked-notice")).to_contain_text("shouts")
    await page.get_by_role("button", name="Unblock").click()
    await expect(page.locator(".blocked-notice")).to_have_count(0)
    await app[BLOCK_LIST].add(NewBlock(BlockKind.NUMBER, NUMBER, "by a manager"), None)
    await page.reload()
    await expect(page.locator(".blocked-notice")).to_contain_text("for good: by a manager")
    await expect(page.get_by_role("button", name="Unblock")).to_have_count(0)
