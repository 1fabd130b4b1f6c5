"""The search in a real Chromium: typed into, by keyboard, at two sizes and in both colour schemes."""

from __future__ import annotations

import re

import pytest
from playwright.async_api import Browser, expect

from crm_link.customers import NewCustomer
from server.web.keys import CUSTOMERS
from tests.browser.conftest import (
    TABLET,
    PagesSite,
    Visit,
    assert_accessible,
    assert_fits,
    enter,
    in_each_look,
    open_window,
)
from tests.said import announce_everything, calls_began, index, say
from tests.seed import seed_site

pytestmark = pytest.mark.browser

SAID = (
    "Good morning, this is about the refund for order 4711, which was promised for Friday.",
    'He said <script>alert("refund")</script> <b>loudly</b> \u202e' + "x" * 200 + " refund",
    "Dzień dobry, dzwonię z Łodzi w sprawie faktury: refund, zwrot pieniędzy.",
)


async def seed(site: PagesSite) -> list[str]:
    made = await seed_site(site.database, calls=45)
    for number, (call_id, began) in enumerate((await calls_began(site.database)).items()):
        await say(site.database, call_id, SAID[number % len(SAID)], at=began)
    await announce_everything(site.database)
    await index(site.database)
    return made.calls


async def searching(chromium: Browser, site: PagesSite, login: str, **options: object) -> Visit:
    visit = await open_window(chromium, **options)  # type: ignore[arg-type]
    await enter(visit, site, login)
    await visit.page.goto(site.url("/search"))
    return visit


@in_each_look
async def test_the_search_is_accessible_and_fits(
    chromium: Browser, pages_site: PagesSite, size: dict[str, int], dark: bool
) -> None:
    await seed(pages_site)
    visit = await searching(chromium, pages_site, "admin", size=size, dark=dark)
    for path in (
        "/search",
        "/search?q=refund",
        "/search?q=malinowski&from=2026-11-01",
        "/search?q=nobodysaid",
    ):
        await visit.page.goto(pages_site.url(path))
        for width in (TABLET, size):
            await visit.page.set_viewport_size(width)  # type: ignore[arg-type]
            await assert_accessible(visit.page)
            await assert_fits(visit.page)
    assert visit.complaints == []


async def test_answers_come_while_one_types_and_lead_to_the_call(
    chromium: Browser, pages_site: PagesSite
) -> None:
    calls = await seed(pages_site)
    visit = await searching(chromium, pages_site, "maria")
    page = visit.page
    await expect(page.locator("#q")).to_be_focused()
    await page.keyboard.type("lodzi zwrot")
    await expect(page.locator(".search-hit mark").first).to_have_text("Łodzi")
    await expect(page.locator(".search-hit mark").nth(1)).to_have_text("zwrot")
    assert "q=lodzi" in page.url
    await page.locator("#q").fill("refund")
    await expect(page.locator(".search-hit")).to_have_count(20)
    await page.get_by_role("link", name="Show earlier ones").press("Enter")
    await expect(page.locator(".search-hit")).to_have_count(40)
    await page.get_by_label("Direction").select_option("outbound")
    await expect(page.locator(".search-hit .direction.inbound")).to_have_count(0)
    await page.get_by_label("Direction").select_option("")
    await expect(page.locator(".search-hit")).to_have_count(20)
    await page.locator(".search-hit a").first.press("Enter")
    await expect(page).to_have_url(re.compile(rf"/calls/{re.escape(calls[0])}\?q=refund$"))
    assert visit.complaints == []


async def test_more_customers_than_fit_lead_to_all_of_them(chromium: Browser, pages_site: PagesSite) -> None:
    await seed(pages_site)
    for number in range(6):
        await pages_site.server.app[CUSTOMERS].create(NewCustomer(f"Zoe Number{number}"), None)
    visit = await searching(chromium, pages_site, "admin")
    await visit.page.goto(pages_site.url("/search?q=zoe"))
    await visit.page.get_by_role("link", name="All customers who fit").click()
    await expect(visit.page.locator("tbody tr").filter(has_text="Zoe")).to_have_count(6)


async def test_what_was_said_stays_text(chromium: Browser, pages_site: PagesSite) -> None:
    await seed(pages_site)
    visit = await searching(chromium, pages_site, "maria")
    await visit.page.goto(pages_site.url("/search?q=loudly"))
    first = visit.page.locator(".search-text").first
    await expect(first).to_contain_text('He said <script>alert("refund")</script> <b>loudly</b>')
    assert await visit.page.locator(".search-text script, .search-text b").count() == 0
    assert "\u202e" not in await first.inner_text()
    assert visit.complaints == []
