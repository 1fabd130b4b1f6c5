"""The page about the API in a real Chromium: requests are tried with a session and with a key, hostile text in answers
stays text, and axe finds nothing, at two sizes and in both colour schemes."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
from playwright.async_api import Browser, Locator, Page, expect
from sqlalchemy import func, select

from core.api_keys import create_key
from crm_link.tables import Customer
from tests.browser.conftest import (
    DESKTOP,
    PHONE,
    PagesSite,
    assert_accessible,
    assert_fits,
    enter,
    open_window,
)
from tests.seed import seed_people

pytestmark = pytest.mark.browser

HOSTILE = "<img src=x onerror=alert(1)>"


async def docs(chromium: Browser, site: PagesSite) -> Page:
    """The page, opened by an agent."""
    await seed_people(site.database)
    visit = await open_window(chromium)
    await enter(visit, site, "anna")
    await visit.page.goto(site.url("/api/docs"))
    return visit.page


def tried(page: Page, action: str) -> Locator:
    return page.locator(f"article:has(#{action}) .api-try")


async def send(page: Page, action: str, **values: str) -> Locator:
    form = tried(page, action)
    await form.locator("summary").click()
    for name, value in values.items():
        await form.locator(f'[name="{name}"]').fill(value)
    await form.get_by_role("button").click()
    answer = form.locator(".api-answer")
    await expect(answer.locator(".mono").first).to_contain_text(" ms ")
    return answer


async def test_requests_are_tried_as_whoever_is_logged_in(chromium: Browser, pages_site: PagesSite) -> None:
    page = await docs(chromium, pages_site)
    made = await send(page, "create_customer", body=f'{{"name": "{HOSTILE}"}}')
    await expect(made).to_contain_text("201 Created")
    await expect(made).to_contain_text("etag: ")
    await expect(made).to_contain_text(HOSTILE)
    found = await send(page, "list_customers", q="img", limit="5")
    await expect(found).to_contain_text("/api/v1/customers?limit=5&q=img")
    await expect(found).to_contain_text(HOSTILE)
    missing = await send(page, "read_one_customer", customer_id="99999")
    await expect(missing).to_contain_text('"code": "not-found"')
    refused = await send(page, "list_webhooks")
    await expect(refused).to_contain_text("403 Forbidden")
    assert await page.locator(".api-answer img").count() == 0


async def test_a_sample_with_gaps_is_not_sent(chromium: Browser, pages_site: PagesSite) -> None:
    page = await docs(chromium, pages_site)
    await page.set_viewport_size({"width": 390, "height": 844})
    head = await page.get_by_role("heading", level=1).bounding_box()
    assert head is not None
    assert head["y"] < 400, "the words come before the list of operations"
    form = tried(page, "create_customer")
    await form.locator("summary").click()
    await form.get_by_role("button").click()
    body = form.locator("[data-place=body]")
    assert await body.evaluate("field => field.validationMessage") != ""
    await expect(form.locator(".api-answer")).to_be_hidden()
    async with pages_site.database.read() as connection:
        assert await connection.scalar(select(func.count()).select_from(Customer)) == 0
    await body.fill('{"name": "Ewa"}')
    await form.get_by_role("button").click()
    await expect(form.locator(".api-answer")).to_contain_text("201 Created")


async def test_requests_are_tried_with_a_key(chromium: Browser, pages_site: PagesSite) -> None:
    async with pages_site.database.write() as connection:
        _, key = await create_key(connection, "try", ("webhooks:read",), time.time())
    page = await docs(chromium, pages_site)
    await page.get_by_label("API key").fill(key)
    await expect(await send(page, "list_webhooks")).to_contain_text("200 OK")
    await expect(await send(page, "list_customers")).to_contain_text("lacks the scope customers:read")


async def test_the_page_with_an_answer_looks_right(chromium: Browser, pages_site: PagesSite) -> None:
    page = await docs(chromium, pages_site)
    await send(page, "list_customers", limit="1")
    shots = os.environ.get("RINGBACK_SHOTS")
    for size, dark in ((PHONE, True), (DESKTOP, False)):
        await page.set_viewport_size({"width": size["width"], "height": size["height"]})
        await page.emulate_media(color_scheme="dark" if dark else "light")
        if dark:  # the page is long: axe takes its time even for a part of it
            await assert_accessible(page, "article:has(#list_customers)")
        if shots is not None:
            await page.locator("#api-key").scroll_into_view_if_needed()
            await page.screenshot(path=Path(shots) / f"api-key-{size['width']}.png")
            await tried(page, "list_customers").scroll_into_view_if_needed()
            await page.screenshot(path=Path(shots) / f"api-try-{size['width']}.png")
        await assert_fits(page)
