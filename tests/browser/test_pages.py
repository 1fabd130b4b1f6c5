"""The pages in a real Chromium: by keyboard, at two sizes and in both colour schemes, with nothing on the console,
nothing for axe to complain about, and nothing wider than the screen."""

from __future__ import annotations

import re
import ssl
import subprocess
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from playwright.async_api import Browser, Page, expect
from sqlalchemy import insert, update

from config.settings import Settings
from core.accounts import find_user_by_login
from pbx_bridge.tables import Call
from server.web.application import bare_application
from server.web.guard import LOCAL_COOKIE, SECURE_COOKIE
from tests.browser.conftest import (
    PHONE,
    PagesSite,
    Visit,
    assert_accessible,
    assert_fits,
    enter,
    in_each_look,
    log_in,
    open_window,
)
from tests.seed import PASSWORD, seed_people, seed_site

pytestmark = pytest.mark.browser

CROWDED = (
    "/calls?when=all", "/customers", "/customers/1", "/customers/new", "/account",
    "/admin/users", "/admin/users/new", "/admin/users/3", "/admin/keys", "/admin/keys/new", "/admin/pbx",
    "/no-such-page",
)  # fmt: skip
EMPTY = ("/calls", "/calls?verdict=missed", "/customers", "/customers?q=nobody", "/admin/keys", "/admin/pbx")


async def look(visit: Visit, url: str) -> None:
    """One page: nothing to complain about, and nothing wider than the screen."""
    await visit.page.goto(url)
    await assert_accessible(visit.page)
    await assert_fits(visit.page)


@in_each_look
async def test_every_page_is_accessible_and_fits(
    chromium: Browser, pages_site: PagesSite, size: dict[str, int], dark: bool
) -> None:
    site = await seed_site(pages_site.database, calls=60)
    visit = await open_window(chromium, size=size, dark=dark)
    await visit.page.goto(pages_site.url("/login"))
    await assert_accessible(visit.page)
    await enter(visit, pages_site, "admin")
    for path in (*CROWDED, f"/calls/{site.calls[0]}", f"/calls/{site.calls[5]}"):
        await look(visit, pages_site.url(path))
    assert [text for text in visit.complaints if "404" not in text] == []


async def test_empty_pages_say_what_will_be_there(chromium: Browser, pages_site: PagesSite) -> None:
    await seed_people(pages_site.database)
    visit = await open_window(chromium)
    await enter(visit, pages_site, "admin")
    for path in EMPTY:
        await look(visit, pages_site.url(path))
        await expect(visit.page.locator(".empty strong").first).to_be_visible()
    assert visit.complaints == []


async def test_logging_in_and_out_by_keyboard(chromium: Browser, pages_site: PagesSite) -> None:
    await seed_people(pages_site.database)
    visit = await open_window(chromium)
    page = visit.page
    await page.goto(pages_site.url("/admin/users"))
    await expect(page.locator("#login")).to_be_focused()
    for text in ("admin", "not the password"):
        await page.keyboard.type(text)
        await page.keyboard.press("Tab")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("alert")).to_contain_text("do not belong together")
    await expect(page.locator("#password")).to_be_focused()
    await page.keyboard.type(PASSWORD)
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("heading", name="People")).to_be_visible()
    (cookie,) = await visit.context.cookies()
    assert (cookie.get("name"), cookie.get("httpOnly"), cookie.get("sameSite")) == (LOCAL_COOKIE, True, "Lax")
    await page.get_by_role("button", name="Account: Ada Administrator").press("Enter")
    await page.get_by_role("button", name="Log out").press("Enter")
    await expect(page.locator("#login")).to_be_visible()
    await page.goto(pages_site.url("/admin/users"))
    await expect(page.locator("#login")).to_be_visible()


async def test_over_tls_the_cookie_has_the_host_prefix(
    chromium: Browser, pages_site: PagesSite, tmp_path: Path
) -> None:
    await seed_people(pages_site.database)
    app = bare_application(Settings(), pages_site.database, clock=lambda: pages_site.now)
    server = TestServer(app, host="127.0.0.1", scheme="https")
    await server.start_server(ssl=_certificate(tmp_path))
    visit = await open_window(chromium, ignore_https_errors=True)
    await log_in(visit.page, str(server.make_url("/account")), "anna")
    await expect(visit.page.get_by_role("heading", name="Your account")).to_be_visible()
    (cookie,) = await visit.context.cookies()
    assert (cookie.get("name"), cookie.get("secure"), cookie.get("path")) == (SECURE_COOKIE, True, "/")
    await visit.context.close()
    await server.close()


async def test_another_website_can_neither_send_our_forms_nor_frame_us(
    chromium: Browser, pages_site: PagesSite
) -> None:
    await seed_people(pages_site.database)
    target = pages_site.url("/logout")

    async def evil(_request: web.Request) -> web.Response:
        html = f'<form method="post" action="{target}"><button>Win a prize</button></form><iframe src="{target}">'
        return web.Response(text=html, content_type="text/html")

    stranger = web.Application()
    stranger.router.add_get("/", evil)
    async with TestServer(stranger, host="127.0.0.1") as server:
        visit = await open_window(chromium)
        await enter(visit, pages_site, "anna")
        await visit.page.goto(str(server.make_url("/")))
        await visit.page.get_by_role("button").click()
        await expect(visit.page.get_by_text("came from another website")).to_be_visible()
        await visit.page.goto(pages_site.url("/account"))
        await expect(visit.page.get_by_role("heading", name="Your account")).to_be_visible()


async def test_the_log_is_filtered_without_leaving_the_page(chromium: Browser, pages_site: PagesSite) -> None:
    await seed_site(pages_site.database, calls=120)
    visit = await open_window(chromium)
    page = visit.page
    await enter(visit, pages_site, "maria")
    await page.goto(pages_site.url("/calls?when=all"))
    rows, total = page.locator("tr.call"), await _figure(page, "All calls")
    await page.get_by_role("link", name="Show earlier calls").click()
    await expect(rows).to_have_count(min(total, 100))
    await page.get_by_role("link", name=re.compile("^Abandoned")).press("Enter")
    abandoned = await _figure(page, "Abandoned")
    await expect(rows).to_have_count(abandoned)
    await expect(page.locator("tr.call .badge")).to_have_text(["Abandoned"] * abandoned)
    await page.get_by_label("Queue").select_option("sales")
    await page.wait_for_url("**queue=sales**")
    assert "verdict=abandoned" in urlsplit(page.url).query, "a filter keeps the verdict chosen before"
    await expect(page.locator("tr.call td.queue")).to_have_text(["sales"] * await _figure(page, "Abandoned"))
    await page.go_back()
    await expect(page.get_by_label("Queue")).to_have_value("")
    await page.get_by_label("Number or extension").fill("000001")
    await expect(page.locator(".empty strong")).to_have_text("No calls match")
    await page.get_by_role("link", name="Clear filters").click()
    await page.get_by_text("Dates", exact=True).click()
    await page.get_by_label("From").fill("2026-11-21")
    await expect(page.locator("tr.day")).to_have_count(1)
    assert visit.complaints == []


async def test_a_call_opens_by_keyboard_and_its_picture_has_words(
    chromium: Browser, pages_site: PagesSite
) -> None:
    await seed_site(pages_site.database, calls=30)
    visit = await open_window(chromium)
    page = visit.page
    await enter(visit, pages_site, "maria")
    await page.goto(pages_site.url("/calls?when=all&verdict=answered&direction=inbound"))
    await page.locator("a.row-link").first.press("Enter")
    await expect(page.get_by_role("heading", name="The call at a glance")).to_be_visible()
    await expect(page.get_by_role("img", name=re.compile("Who waited, rang and talked"))).to_be_visible()
    assert await page.locator("rect.span.talking").count() >= 2
    await expect(page.locator(".why")).to_contain_text("talked to the caller")
    await expect(page.get_by_text("Times are in Europe/Warsaw.").first).to_be_visible()


async def test_the_chosen_appearance_is_kept(chromium: Browser, pages_site: PagesSite) -> None:
    await seed_people(pages_site.database)
    visit = await open_window(chromium)
    page = visit.page
    await enter(visit, pages_site, "anna")
    await page.goto(pages_site.url("/customers"))
    light = await _background(page)
    await page.get_by_role("button", name="Account: Anna Kowalska").click()
    await page.get_by_role("button", name="Dark").click()
    await expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    await page.wait_for_function(
        "light => getComputedStyle(document.documentElement).backgroundColor !== light", arg=light
    )
    dark = await _background(page)
    assert dark != light
    await page.goto(pages_site.url("/account"))
    assert await _background(page) == dark
    assert await page.evaluate("document.documentElement.dataset.theme") == "dark"


async def test_a_customer_is_named_and_annotated_in_place(chromium: Browser, pages_site: PagesSite) -> None:
    await seed_site(pages_site.database, calls=20)
    visit = await open_window(chromium)
    page = visit.page
    await enter(visit, pages_site, "anna")
    await page.goto(pages_site.url("/customers"))
    await page.get_by_label("Name, company, number or e-mail").fill("0048 22 600 00 05")
    await expect(page.locator("tr.linked")).to_have_count(1)
    await page.locator("a.row-link").click()
    await expect(page.get_by_text("New caller, not named yet")).to_be_visible()
    await page.get_by_label("Name", exact=True).fill("<img src=x onerror=alert(1)>")
    await page.get_by_role("button", name="Save", exact=True).click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("<img src=x onerror=alert(1)>")
    await page.get_by_label("New note").fill("Line one\nline two")
    await page.get_by_role("button", name="Add note").click()
    await expect(page.locator(".entry.note .note-text")).to_have_text("Line one\nline two")
    await page.get_by_role("button", name="Delete").click()
    dialog = page.get_by_role("dialog")
    await expect(dialog).to_contain_text("Delete this note?")
    await page.keyboard.press("Escape")
    await expect(dialog).to_have_count(0)
    await expect(page.locator(".entry.note")).to_have_count(1)
    await page.get_by_role("button", name="Delete").click()
    await dialog.get_by_role("button", name="Delete").click()
    await expect(page.locator(".entry.note")).to_have_count(0)
    number = page.get_by_label("Another number or e-mail")
    await number.fill("not a number")
    await number.press("Enter")
    await expect(number).to_have_attribute("aria-invalid", "true")
    await expect(page.get_by_text("this is not a telephone number")).to_be_visible()
    assert [text for text in visit.complaints if "422" not in text] == []


async def test_disabling_asks_first(chromium: Browser, pages_site: PagesSite) -> None:
    await seed_people(pages_site.database)
    visit = await open_window(chromium)
    page = visit.page
    await enter(visit, pages_site, "admin")
    await page.goto(pages_site.url("/admin/users"))
    await page.get_by_role("link", name="Bartosz Nowak").click()
    await page.get_by_role("button", name="Disable").click()
    dialog = page.get_by_role("dialog")
    await assert_accessible(page)
    await dialog.get_by_role("button", name="Cancel").click()
    async with pages_site.database.read() as connection:
        user = await find_user_by_login(connection, "bartek")
    assert user is not None
    assert not user.disabled
    await page.get_by_role("button", name="Disable").click()
    await dialog.get_by_role("button", name="Disable").click()
    await expect(page.locator("tr", has_text="Bartosz Nowak").locator(".badge")).to_have_text("Disabled")
    assert visit.complaints == []


async def _figure(page: Page, name: str) -> int:
    text = await page.locator("a.figure", has_text=name).locator(".figure-value").inner_text()
    return int(text)


async def _background(page: Page) -> str:
    return str(await page.evaluate("getComputedStyle(document.documentElement).backgroundColor"))


def _certificate(folder: Path) -> ssl.SSLContext:
    both = folder / "both.pem"
    command = f"openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost -keyout {both}"
    subprocess.run([*command.split(), "-out", f"{folder}/c.pem"], check=True, capture_output=True)
    both.write_text(both.read_text() + (folder / "c.pem").read_text())
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(both)
    return context


async def test_the_log_shows_new_calls_and_ends_by_itself_and_touches_nothing_else(
    chromium: Browser, pages_site: PagesSite
) -> None:
    site = await seed_site(pages_site.database, calls=60)
    visit = await open_window(chromium)
    page = visit.page
    await enter(visit, pages_site, "maria")
    await page.goto(pages_site.url("/calls?when=all"))
    await page.get_by_role("link", name="Show earlier calls").click()
    await expect(page.locator("tr.call")).to_have_count(60)
    await page.locator("a.row-link").nth(3).focus()
    await page.evaluate("document.querySelectorAll('tr.call').forEach((row) => (row.mark = 1))")
    going_on = page.locator(f"tr[data-row='call-{site.calls[0]}']")
    await expect(going_on).to_contain_text("In progress")
    new = {"id": "new-1", "pbx": "office", "direction": "inbound", "started_at": pages_site.now - 1}
    async with pages_site.database.write() as connection:
        await connection.execute(insert(Call).values(linkedids="new-1", **new))
        await connection.execute(
            update(Call).where(Call.id == site.calls[0]).values(result="answered", ended_at=pages_site.now)
        )
    await expect(page.locator("tr.call").first).to_have_attribute("data-row", "call-new-1")
    await expect(going_on).to_contain_text("Answered")
    await expect(page.locator("tr.call")).to_have_count(61)
    assert await _figure(page, "All calls") == 61
    assert (
        await page.evaluate("[...document.querySelectorAll('tr.call')].filter((row) => !row.mark).length")
        == 2
    )
    assert await page.evaluate("document.activeElement.matches('a.row-link')")
    assert visit.complaints == []


async def test_a_key_is_made_copied_and_revoked(chromium: Browser, pages_site: PagesSite) -> None:
    await seed_people(pages_site.database)
    visit = await open_window(chromium, size=PHONE)
    page = visit.page
    await visit.context.grant_permissions(["clipboard-read", "clipboard-write"])
    await enter(visit, pages_site, "admin")
    await page.goto(pages_site.url("/admin/keys"))
    await page.get_by_role("link", name="New key").first.click()
    await page.get_by_label("Name").fill("CRM")
    await page.get_by_role("button", name="Make key").click()
    await expect(page.locator("#scopes-error")).to_be_visible()
    await page.get_by_label("calls:read").check()
    await assert_accessible(page)
    await page.get_by_role("button", name="Make key").click()
    shown = await page.locator("#fresh-key").inner_text()
    await assert_accessible(page)
    await page.get_by_role("button", name="Copy key").click()
    await expect(page.locator(".toast")).to_have_text("Copied")
    assert await page.evaluate("navigator.clipboard.readText()") == shown
    await look(visit, pages_site.url("/admin/keys"))
    await page.get_by_role("button", name="Revoke CRM").click()
    await page.get_by_role("dialog").get_by_role("button", name="Revoke").click()
    await expect(page.locator(".badge")).to_have_text("Revoked")
    await assert_accessible(page)
    assert [text for text in visit.complaints if "422" not in text] == []
