"""The widget in a real Chromium, on a shop's page of another origin under the policy that docs/widget.md asks for: it
can be seen, used by keyboard and by screen readers, asks once, follows its request, and says what is wrong."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from playwright.async_api import Browser, Page, expect
from sqlalchemy import select, update

from callback.kinds import State
from callback.tables import Callback, Submission
from core.clock import from_iso
from core.db import Database
from tests.browser.conftest import Visit, assert_accessible, open_window
from tests.public_site import PublicSite, public_site

pytestmark = pytest.mark.browser

NUMBER = "512 345 678"
SMALL_PHONE = {"width": 360, "height": 740}
SUNDAY = from_iso("2026-11-22T12:00:00+01:00")
PATIENCE_MS = 30_000
HERE: dict[str, Any] = {"locale": "en-GB", "timezone_id": "Europe/Warsaw"}


@pytest.fixture
async def database(sqlite_template: Path, tmp_path: Path) -> AsyncIterator[Database]:
    path = tmp_path / "widget.db"
    shutil.copy(sqlite_template, path)
    found = Database(f"sqlite:///{path}")
    yield found
    await found.close()


@pytest.fixture
async def site(database: Database) -> AsyncIterator[PublicSite]:
    async with public_site(database) as found:
        found.free_agent()
        yield found


async def visit_shop(
    chromium: Browser,
    site: PublicSite,
    query: str = "",
    *,
    size: Any = None,
    dark: bool = False,
    **options: Any,
) -> Visit:
    visit = await open_window(chromium, size=size, dark=dark, **(HERE | options))
    visit.page.set_default_timeout(PATIENCE_MS)
    # The server's clock stands at the test's time: the browser's goes from there.
    await visit.page.clock.install(time=site.time.now)
    await visit.page.goto(f"{site.origin}/?{query}")
    return visit


async def open_form(page: Page) -> None:
    await page.get_by_role("button", name="Call me back").click()
    await page.locator("form").wait_for()


async def send(site: PublicSite, page: Page, number: str = NUMBER) -> None:
    await page.get_by_role("textbox", name="Phone number").fill(number)
    site.time.now += 5
    await page.locator("button.send").click()


async def submissions(site: PublicSite) -> list[Any]:
    async with site.database.read() as connection:
        return list(await connection.execute(select(Submission)))


async def set_callback(site: PublicSite, **values: Any) -> None:
    async with site.database.write() as connection:
        await connection.execute(update(Callback).values(**values))


def says(page: Page, text: str) -> Any:
    return expect(page.get_by_role("status").get_by_role("heading", name=text))


async def test_who_can_be_offered_no_time_is_not_told_that_we_are_closed(
    chromium: Browser, database: Database
) -> None:
    """Everybody talks, too few calls were measured for a wait to be named, and no slot is left before closing."""
    async with public_site(database, department={"hours": ("mon 09:00-12:10",), "slot_days": 1}) as site:
        visit = await visit_shop(chromium, site)
        page = visit.page
        await open_form(page)
        await expect(page.locator(".notice:visible")).to_contain_text("as soon as somebody is free")
        await assert_accessible(page)
        await send(site, page)
        await says(page, "You are in line").to_be_visible(timeout=PATIENCE_MS)
        await expect(page.get_by_role("status")).to_contain_text("as soon as somebody is free")
        (row,) = await submissions(site)
        assert (row.wished_at, row.held) == (None, False)


async def test_a_visitor_asks_and_follows_their_request(chromium: Browser, site: PublicSite) -> None:
    visit = await visit_shop(chromium, site, "utm_source=letter&utm_medium=mail&x=1")
    page = visit.page
    await open_form(page)
    await expect(page.get_by_text("We can call you right now")).to_be_visible()
    await assert_accessible(page)
    await page.get_by_label("Name").fill("Ola Nowak")
    await page.get_by_label("What is it about?").fill("A lamp for the terrace")
    await send(site, page)
    await says(page, "You are in line").to_be_visible(timeout=PATIENCE_MS)
    await assert_accessible(page)
    (row,) = await submissions(site)
    assert (row.name, row.message, row.language) == ("Ola Nowak", "A lamp for the terrace", "en")
    assert row.page_url.startswith(f"{site.origin}/?utm_source=letter")
    assert row.utm == '{"utm_source": "letter", "utm_medium": "mail"}'
    assert row.consent.startswith("By sending you agree")
    assert not row.held, row.reasons

    await set_callback(site, state=State.DIALLING.value)
    await page.clock.fast_forward(4_000)
    await says(page, "We are calling you now").to_be_visible(timeout=PATIENCE_MS)
    await set_callback(site, state=State.WAITING.value, rung=1)
    await page.clock.fast_forward(4_000)
    await says(page, "We could not reach you").to_be_visible(timeout=PATIENCE_MS)
    await assert_accessible(page)
    assert visit.complaints == []


async def test_another_number_takes_the_place_of_the_first(chromium: Browser, site: PublicSite) -> None:
    visit = await visit_shop(chromium, site)
    page = visit.page
    await open_form(page)
    await send(site, page)
    await says(page, "You are in line").to_be_visible(timeout=PATIENCE_MS)
    site.free_agent(2)
    await set_callback(site, rung=1)
    await page.clock.fast_forward(4_000)
    await page.get_by_role("button", name="Change number or time").click()
    await expect(page.get_by_label("Phone number")).to_have_value(NUMBER)
    await send(site, page, "512 345 679")
    await says(page, "You are in line").to_be_visible(timeout=PATIENCE_MS)
    await expect(page.get_by_text("+48 512 345 679")).to_be_visible()
    first, second = await submissions(site)
    assert first.withdrawn_at is not None
    assert second.withdrawn_at is None


async def test_the_next_page_of_the_shop_knows_of_it(chromium: Browser, site: PublicSite) -> None:
    visit = await visit_shop(chromium, site)
    await open_form(visit.page)
    await send(site, visit.page)
    await says(visit.page, "You are in line").to_be_visible(timeout=PATIENCE_MS)
    await visit.page.goto(f"{site.origin}/?lamp=2")
    await visit.page.get_by_role("button", name="You are in line").click()
    await says(visit.page, "You are in line").to_be_visible()
    link = visit.page.get_by_role("link", name="Change or withdraw")
    address = await link.get_attribute("href")
    assert address is not None
    await visit.page.goto(address)
    await assert_accessible(visit.page)
    await visit.page.get_by_role("button", name="Withdraw the request").click()
    await expect(visit.page.get_by_role("heading", name="Your request is withdrawn")).to_be_visible()
    assert visit.complaints == []


async def test_the_keyboard_is_enough(chromium: Browser, site: PublicSite) -> None:
    visit = await visit_shop(chromium, site)
    page = visit.page
    await page.get_by_role("button", name="Call me back").wait_for()
    await page.keyboard.press("Tab")
    await page.keyboard.press("Enter")
    await page.locator("form").wait_for()
    await expect(page.get_by_role("dialog", name="We call you back")).to_be_focused()
    await page.keyboard.press("Escape")
    await expect(page.get_by_role("button", name="Call me back")).to_be_focused()
    await page.keyboard.press("Enter")
    for _ in range(2):  # close, then the choice of the moment
        await page.keyboard.press("Tab")
    await page.keyboard.press("ArrowRight")
    await expect(page.get_by_role("radio", name="At a time I choose")).to_be_checked()
    await page.keyboard.press("Tab")
    await page.keyboard.press("ArrowRight")  # the second day
    await page.keyboard.press("Tab")
    await page.keyboard.press("Space")  # its first time
    await page.keyboard.press("Tab")
    await page.keyboard.type(NUMBER)
    site.time.now += 5
    await page.keyboard.press("Enter")
    await says(page, "Your call is booked").to_be_visible(timeout=PATIENCE_MS)
    (row,) = await submissions(site)
    assert row.wished_at == from_iso("2026-11-24T09:00:00+01:00")


async def test_what_is_wrong_is_said_beside_its_field(chromium: Browser, site: PublicSite) -> None:
    visit = await visit_shop(chromium, site)
    page = visit.page
    await open_form(page)
    field = page.get_by_label("Phone number")
    await page.locator("button.send").click()
    await expect(field).to_be_focused()
    await expect(field).to_have_accessible_description("Please type the number we shall call.")
    await page.get_by_label("Name").fill("Ola")
    await send(site, page, "12")
    await expect(field).to_have_accessible_description(
        "This is not a number we can read. Please check its digits."
    )
    await expect(field).to_be_focused()
    await assert_accessible(page)
    await expect(page.get_by_label("Name")).to_have_value("Ola")
    await send(site, page)
    await says(page, "You are in line").to_be_visible(timeout=PATIENCE_MS)
    (row,) = await submissions(site)
    assert not row.held, row.reasons


async def test_a_lost_connection_loses_nothing(chromium: Browser, site: PublicSite) -> None:
    visit = await visit_shop(chromium, site)
    page = visit.page
    await open_form(page)
    await page.get_by_label("Phone number").fill(NUMBER)
    await page.wait_for_timeout(0)
    await visit.context.set_offline(True)
    await page.locator("button.send").click()
    await expect(page.get_by_text("There is no connection")).to_be_visible(timeout=PATIENCE_MS)
    await visit.context.set_offline(False)
    await send(site, page)
    await says(page, "You are in line").to_be_visible(timeout=PATIENCE_MS)


async def test_a_page_that_was_open_for_hours_sends_once_more(chromium: Browser, site: PublicSite) -> None:
    visit = await visit_shop(chromium, site)
    await open_form(visit.page)
    site.time.now += 2 * 3600
    async with visit.page.expect_response("**/offer"):  # with a token of that moment
        await send(site, visit.page)
    await expect(visit.page.get_by_text("Please send once more")).to_be_visible(timeout=PATIENCE_MS)
    await send(site, visit.page)
    await says(visit.page, "You are in line").to_be_visible(timeout=PATIENCE_MS)
    (row,) = await submissions(site)
    assert not row.held, row.reasons


async def test_when_nobody_is_free_times_are_offered(chromium: Browser, site: PublicSite) -> None:
    site.pool.agents.clear()
    visit = await visit_shop(chromium, site)
    page = visit.page
    await open_form(page)
    await expect(page.get_by_text("Choose a time and we call you")).to_be_visible()
    await expect(page.get_by_role("radio", name="Now")).to_have_count(0)
    await send(site, page)
    await expect(page.get_by_text("Please choose a time.")).to_be_visible()
    await page.get_by_role("radio", name="12:30").check()
    await expect(page.locator("button.send")).to_have_text("Call me: Today 23 Nov, 12:30")


async def test_when_closed_it_says_when_we_open(chromium: Browser, database: Database) -> None:
    department = {"slot_days": 1, "hours": ["tue 09:00-17:00"]}
    async with public_site(database, now=SUNDAY, department=department) as site:
        visit = await visit_shop(chromium, site)
        page = visit.page
        await open_form(page)
        await expect(page.get_by_text("We open Tuesday at 9:00")).to_be_visible()
        await expect(page.get_by_text("We are closed now.")).to_be_visible()
        await assert_accessible(page)
        await send(site, page)
        await says(page, "You are in line").to_be_visible(timeout=PATIENCE_MS)
        await expect(page.get_by_text("as soon as somebody is free")).to_be_visible()


@pytest.mark.parametrize(
    ("language", "button", "field"),
    [
        ("en", "Call me back", "Phone number"),
        ("pl", "Zamów rozmowę", "Numer telefonu"),
        ("es", "Llámenme", "Número de teléfono"),
    ],
)
async def test_it_speaks_the_pages_language(
    chromium: Browser, site: PublicSite, language: str, button: str, field: str
) -> None:
    visit = await visit_shop(chromium, site, f"lang={language}")
    await visit.page.get_by_role("button", name=button).click()
    await expect(visit.page.get_by_label(field)).to_be_visible()
    assert visit.complaints == []


@pytest.mark.parametrize("look", ["desktop", "phone", "dark", "rtl"])
async def test_it_fits_and_is_accessible(chromium: Browser, site: PublicSite, look: str) -> None:
    size = SMALL_PHONE if look == "phone" else None
    query = "dir=rtl" if look == "rtl" else ""
    visit = await visit_shop(chromium, site, query, size=size, dark=look == "dark")
    page = visit.page
    button = await page.locator(".launcher").bounding_box()
    assert button is not None
    width = page.viewport_size["width"] if page.viewport_size else 0
    at_the_left = button["x"] + button["width"] / 2 < width / 2
    assert at_the_left == (look == "rtl")
    await open_form(page)
    await page.get_by_role("radio", name="At a time I choose").check()
    overflow = "() => document.documentElement.scrollWidth - document.documentElement.clientWidth"
    assert await page.evaluate(overflow) <= 0
    body = "element => element.scrollWidth - element.clientWidth"
    assert await page.locator(".body").evaluate(body) <= 0
    await assert_accessible(page)
    assert visit.complaints == []


async def test_nothing_of_the_shops_style_reaches_in_and_properties_do(
    chromium: Browser, site: PublicSite
) -> None:
    attributes = quote('style="--ringback-accent: rgb(1, 2, 3)"')
    visit = await visit_shop(chromium, site, f"lax=1&attributes={attributes}")
    launcher = visit.page.locator(".launcher")
    await expect(launcher).to_have_css("background-color", "rgb(1, 2, 3)")
    await expect(launcher).to_have_css("transform", "none")


async def test_without_javascript_there_is_a_link_to_a_form(chromium: Browser, site: PublicSite) -> None:
    visit = await open_window(chromium, java_script_enabled=False, **HERE)
    page = visit.page
    await page.goto(f"{site.origin}/")
    await page.get_by_role("link", name="Ask us to call you").click()
    await page.get_by_label("Phone number").fill(NUMBER)
    await page.get_by_role("button", name="Call me back").click()
    await expect(page.get_by_role("heading", name="We have your request")).to_be_visible()
    (row,) = await submissions(site)
    assert row.held


async def test_our_own_form_page_shows_the_widget(chromium: Browser, site: PublicSite) -> None:
    visit = await open_window(chromium, size=SMALL_PHONE, **HERE)
    page = visit.page
    await page.clock.install(time=site.time.now)
    await page.goto(site.url("/w/shop/form"))
    await page.get_by_role("region", name="We call you back").wait_for()
    await page.locator("form.card").wait_for(state="hidden")
    await assert_accessible(page)
    await send(site, page)
    await says(page, "You are in line").to_be_visible(timeout=PATIENCE_MS)
    (row,) = await submissions(site)
    assert not row.held, row.reasons
    assert visit.complaints == []


async def test_the_page_of_a_link_follows_the_request(chromium: Browser, site: PublicSite) -> None:
    visit = await visit_shop(chromium, site)
    await open_form(visit.page)
    await send(site, visit.page)
    link = await visit.page.get_by_role("link", name="Change or withdraw").get_attribute("href")
    assert link is not None
    page = visit.page
    await page.goto(link)
    await page.get_by_label("Add a word").fill("half a sentence")
    await set_callback(site, rung=1)
    await page.clock.fast_forward(6_000)
    await expect(page.get_by_role("heading", name="We could not reach you")).to_be_visible(
        timeout=PATIENCE_MS
    )
    await expect(page.get_by_label("Add a word")).to_have_value("half a sentence")
    await page.get_by_role("button", name="Add", exact=True).click()
    await expect(page.get_by_text("half a sentence")).to_be_visible()
    assert visit.complaints == []
