"""Merging in a real Chromium: a manager looks for duplicates, sees two side by side, merges them, finds the merge in
the timeline and undoes it; at two sizes and in both colour schemes."""

from __future__ import annotations

import pytest
from playwright.async_api import Browser, expect

from core.bus import Bus
from crm_link.annotations import Annotations
from crm_link.customers import Customers, NewCustomer
from crm_link.merging.duplicates_search import DuplicateFinder
from tests.browser.conftest import PagesSite, enter, look, open_window
from tests.seed import NOW, seed_site

pytestmark = pytest.mark.browser

LONGEST_TAG = "speaks-only-polish-and-a-little-german-x"
"""Wider than a column on a phone."""


@pytest.fixture
async def anna(pages_site: PagesSite) -> int:
    """Two records of one person, among others."""
    await seed_site(pages_site.database, calls=20)
    customers = Customers(pages_site.database, Bus(), lambda: NOW, "PL")
    people = (
        NewCustomer(name="Anna Kowalska", company="Kancelaria Lis & Partnerzy", numbers=("22 123 45 67",)),
        NewCustomer(name="Kowalska Ana", company="Kancelaria Lis", numbers=("22 123 45 67", "601 000 111")),
    )
    first, _second = [await customers.create(person, None) for person in people]
    for tag in ("vip", LONGEST_TAG):
        await Annotations(pages_site.database, Bus(), lambda: NOW).add_tag(first.id, tag, None)
    await DuplicateFinder(pages_site.database, lambda: NOW).search(None)
    return first.id


async def test_from_the_list_of_duplicates_to_one_customer_and_back(
    chromium: Browser, pages_site: PagesSite, anna: int
) -> None:
    visit = await open_window(chromium)
    await enter(visit, pages_site, "maria")
    page = visit.page
    await page.goto(pages_site.url("/customers"))
    await page.get_by_role("link", name="Duplicates").click()
    pair = page.get_by_role("article", name="Anna Kowalska and Kowalska Ana")
    await expect(pair).to_contain_text("Same number")
    await look(page, "duplicates")
    await pair.get_by_role("link", name="Merge …").click()
    await expect(page.get_by_role("heading", name="Merge two customers")).to_be_visible()
    await look(page, "merge")
    await page.get_by_label("Kancelaria Lis", exact=True).check()
    await page.get_by_role("button", name="Merge").click()
    await page.wait_for_url(f"**/customers/{anna}")
    await expect(page.get_by_label("Company")).to_have_value("Kancelaria Lis")
    entry = page.locator(".merge-entry")
    await expect(entry).to_contain_text("Merged with Kowalska Ana")
    await look(page, "merged")
    await entry.get_by_role("button", name="Undo").click()
    await page.get_by_role("button", name="Undo the merge").click()
    await expect(entry).to_contain_text("undone")
    await expect(page.get_by_label("Company")).to_have_value("Kancelaria Lis & Partnerzy")
    assert visit.complaints == []
    await visit.context.close()


async def test_the_other_one_is_found_by_typing(chromium: Browser, pages_site: PagesSite, anna: int) -> None:
    visit = await open_window(chromium)
    await enter(visit, pages_site, "anna")
    page = visit.page
    await page.goto(pages_site.url(f"/customers/{anna}"))
    await page.get_by_role("link", name="Same as another customer …").click()
    await page.get_by_role("searchbox").fill("601 000 111")
    await expect(page.get_by_role("link", name="Kowalska Ana")).to_be_visible()
    await look(page, "choose")
    await page.get_by_role("link", name="Kowalska Ana").click()
    await page.get_by_role("button", name="Propose a merge").click()
    await expect(page.locator(".notice.good")).to_contain_text("managers")
    await look(page, "proposed")
    assert visit.complaints == []
    await visit.context.close()
