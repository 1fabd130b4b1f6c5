"""A real Chromium for tests, and a server of ours on a real socket whose clock stands still. `page_at` opens a page
at a size and in a colour scheme; every message on the browser's console and every failed request ends up in
`Visit.complaints`, which a test expects to be empty."""

from __future__ import annotations

import os
import shutil
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from aiohttp.test_utils import TestServer
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, BrowserContext, ConsoleMessage, Page, async_playwright, expect

from config.settings import Settings
from core.accounts import find_user_by_login
from core.db import Database
from core.sessions import start_session
from server.schema import prepare
from server.web.application import bare_application
from server.web.guard import LOCAL_COOKIE
from tests.seed import NOW, PASSWORD

expect.set_options(timeout=30_000)
"""Milliseconds: a machine that does other things meanwhile shows late what it shows."""

FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"]
DESKTOP = {"width": 1280, "height": 800}
PHONE = {"width": 390, "height": 844}
TABLET = {"width": 780, "height": 900}

SETTLED = """() => document.getAnimations().every(
    (one) => one.playState !== "running" || one.effect.getComputedTiming().endTime === Infinity
)"""
"""Colours change within a moment; what goes on for ever is not waited for."""

in_each_look = pytest.mark.parametrize(
    ("size", "dark"),
    [
        pytest.param(DESKTOP, False, id="desktop-light"),
        pytest.param(PHONE, True, id="phone-dark"),
        pytest.param(DESKTOP, True, id="desktop-dark", marks=pytest.mark.full),
        pytest.param(PHONE, False, id="phone-light", marks=pytest.mark.full),
    ],
)
"""Each width and each colour scheme once; all pairs of them in the full run."""


def chromium_program() -> str | None:
    """The browser to use: the one named in RINGBACK_CHROMIUM, else Debian's."""
    return os.environ.get("RINGBACK_CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")


@pytest.fixture
async def chromium() -> AsyncIterator[Browser]:
    program = chromium_program()
    if program is None:
        if os.environ.get("CI") == "true":
            pytest.fail("CI needs Chromium (Debian: apt install chromium)")
        pytest.skip("no Chromium (Debian: apt install chromium)")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=program, args=FLAGS)
        yield browser
        await browser.close()


@dataclass(slots=True)
class PagesSite:
    """Our pages on 127.0.0.1 over an empty SQLite file, at the instant `NOW`."""

    database: Database
    server: TestServer
    now: float = NOW

    def url(self, path: str) -> str:
        return str(self.server.make_url(path))


@pytest.fixture
async def pages_site(tmp_path: Path) -> AsyncIterator[PagesSite]:
    database = Database(f"sqlite:///{tmp_path / 'pages.db'}")
    await prepare(database)
    app = bare_application(Settings(), database, clock=lambda: site.now)
    site = PagesSite(database, TestServer(app, host="127.0.0.1"))
    await site.server.start_server()
    yield site
    await site.server.close()
    await database.close()


@dataclass(slots=True)
class Visit:
    """One browser window. `complaints` collects console errors and failed requests."""

    context: BrowserContext
    page: Page
    complaints: list[str] = field(default_factory=list)

    def listen(self) -> None:
        self.page.on("console", lambda message: self._on_console(message))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def _on_console(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            self.complaints.append(message.text)


async def open_window(
    browser: Browser, *, size: dict[str, int] | None = None, dark: bool = False, **options: Any
) -> Visit:
    context = await browser.new_context(
        viewport=size or DESKTOP,  # type: ignore[arg-type]
        color_scheme="dark" if dark else "light",
        reduced_motion="reduce",
        **options,
    )
    visit = Visit(context, await context.new_page())
    visit.listen()
    return visit


async def log_in(page: Page, url: str, login: str, password: str = PASSWORD) -> None:
    """`url` is any address of the server. Ends on the person's start page."""
    await page.goto(url)
    await page.fill("#login", login)
    await page.fill("#password", password)
    await page.keyboard.press("Enter")
    await page.wait_for_selector(".app-bar button.avatar")


async def enter(visit: Visit, site: PagesSite, login: str) -> None:
    """Be logged in on the pages' site without going through the form."""
    async with site.database.write() as connection:
        user = await find_user_by_login(connection, login)
        assert user is not None
        token = await start_session(connection, user.id, site.now, address="127.0.0.1", browser="test")
    await visit.context.add_cookies([{"name": LOCAL_COOKIE, "value": token, "url": site.url("/")}])


async def assert_accessible(page: Page, part: str | None = None) -> None:
    """axe finds nothing to complain about, by WCAG 2.2 A and AA and its best practices; `part` is a selector."""
    results = await Axe().run(page, context=part)
    found = [
        f"{violation['id']}: {violation['help']} at {node['target']}: {node.get('failureSummary', '')}"
        for violation in results.response["violations"]
        for node in violation["nodes"][:3]
    ]
    assert not found, "\n".join(found)


async def assert_fits(page: Page) -> None:
    """Nothing is wider than the screen."""
    surplus = await page.evaluate("document.documentElement.scrollWidth - innerWidth")
    assert surplus <= 0, f"{page.url} is {surplus} px too wide at {page.viewport_size}"


async def look(page: Page, name: str) -> None:
    """Accessible and not too wide, dark on a phone and light on a desktop. With a folder in RINGBACK_SHOTS, a picture
    of each is put there."""
    shots = os.environ.get("RINGBACK_SHOTS")
    for size, dark in ((PHONE, True), (DESKTOP, False)):
        await page.set_viewport_size({"width": size["width"], "height": size["height"]})
        await page.emulate_media(color_scheme="dark" if dark else "light")
        await page.wait_for_function(SETTLED)
        await assert_accessible(page)
        if shots is not None:
            await page.screenshot(path=Path(shots) / f"{name}-{size['width']}.png", full_page=True)
        await assert_fits(page)
