"""The page of what is kept in a real Chromium: at two sizes and in both colour schemes, filtered, paged, and while a
comparison goes on."""

from __future__ import annotations

import re

import pytest
from playwright.async_api import Browser, expect
from sqlalchemy import insert, update

from recordings.coverage.tables import AuditRun
from tests.browser.conftest import (
    PagesSite,
    Visit,
    assert_accessible,
    assert_fits,
    enter,
    in_each_look,
    open_window,
)
from tests.coverage_seed import run, seed_coverage
from tests.seed import seed_site

pytestmark = pytest.mark.browser

PAGE = "/recordings/coverage"


async def looking(chromium: Browser, site: PagesSite, path: str = PAGE, **options: object) -> Visit:
    visit = await open_window(chromium, **options)  # type: ignore[arg-type]
    await enter(visit, site, "maria")
    await visit.page.goto(site.url(path))
    return visit


@in_each_look
async def test_it_is_accessible_and_fits(
    chromium: Browser, pages_site: PagesSite, size: dict[str, int], dark: bool
) -> None:
    await seed_site(pages_site.database, calls=60)
    await seed_coverage(pages_site.database)
    async with pages_site.database.write() as connection:
        row = run(is_running=True, progress=0.4, step="calls", ended_at=None)
        await connection.execute(insert(AuditRun).values(row))
    visit = await looking(chromium, pages_site, f"{PAGE}?when=90d", size=size, dark=dark)
    page = visit.page
    await expect(page.locator("#run-progress")).to_have_attribute("value", "40.0")
    await page.get_by_text("In numbers").click()
    await assert_accessible(page)
    await assert_fits(page)
    assert visit.complaints == []


async def test_days_queues_and_findings_lead_on(chromium: Browser, pages_site: PagesSite) -> None:
    await seed_site(pages_site.database, calls=60)
    visit = await looking(chromium, pages_site, "/calls")
    page = visit.page
    await page.get_by_role("link", name="Recordings kept").click()
    await expect(page.get_by_role("heading", name="Recordings kept")).to_be_visible()
    await expect(page.get_by_text("Nothing has been compared yet").first).to_be_visible()
    await assert_accessible(page)
    await seed_coverage(pages_site.database)
    await page.reload()
    await expect(page.locator(".coverage-picture g")).to_have_count(7)
    await page.get_by_text("30 days").click()
    await expect(page.locator(".coverage-picture g")).to_have_count(30)
    await expect(page).to_have_url(re.compile("when=30d"))
    await expect(page.locator(".finding")).to_have_count(50)
    await page.get_by_label("Open or settled").select_option("closed")
    await expect(page.locator(".finding")).to_have_count(10)
    await page.get_by_label("Open or settled").select_option("open")
    await page.get_by_label("What was found").select_option("missing")
    await expect(page.locator(".finding")).to_have_count(7)
    await expect(page.locator(".finding .badge").first).to_have_text("Missing")
    await page.get_by_text("In numbers").click()
    await expect(page.locator(".coverage-days a").first).to_have_attribute(
        "href", "/calls?from=2026-11-21&to=2026-11-21&verdict=answered"
    )
    await page.locator(".finding-call").first.press("Enter")
    await expect(page).to_have_url(re.compile("/calls/office-"))
    assert visit.complaints == []


async def test_a_page_that_waits_shows_the_outcome(chromium: Browser, pages_site: PagesSite) -> None:
    await seed_site(pages_site.database, calls=20)
    await seed_coverage(pages_site.database, findings=0)
    async with pages_site.database.write() as connection:
        row = run(is_running=True, progress=0.4, step="calls", ended_at=None)
        await connection.execute(insert(AuditRun).values(row))
    visit = await looking(chromium, pages_site)
    page = visit.page
    await expect(page.get_by_text("Looking through the calls")).to_be_visible()
    async with pages_site.database.write() as connection:
        done = {"is_running": None, "outcome": "failed", "error": "the object store is away"}
        await connection.execute(update(AuditRun).where(AuditRun.is_running.is_(True)).values(done))
    await expect(page.get_by_text("The last comparison failed: the object store is away")).to_be_visible()
    await expect(page.locator("#run")).to_have_count(0)
    assert visit.complaints == []
