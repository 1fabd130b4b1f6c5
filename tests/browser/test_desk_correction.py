"""An agent picked the wrong one of several customers, and corrects it on the card, in a real Chromium: during the call
and after it."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.async_api import Browser, Locator, Page, expect

from core.clock import system_clock
from core.db import Database
from core.facts import AgentLeft, CallAnswered, PhoneRinging
from crm_link.customers import NewCustomer
from server.schema import prepare
from server.web.keys import CUSTOMERS
from tests.browser.conftest import PHONE, assert_accessible, assert_fits, open_window
from tests.desk_site import DeskSite, desk_site
from tests.live_story import ended, inbound, phone, started

pytestmark = pytest.mark.browser

SHARED = "+48601000111"


async def test_a_wrong_pick_is_corrected_on_the_card(chromium: Browser, tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'desk.db'}")
    await prepare(database)
    async with desk_site(database) as site:
        for name in ("Ewa Lis", "Tomasz Wójcik"):
            await site.app[CUSTOMERS].create(NewCustomer(name=name, numbers=(SHARED,)), None)
        visit = await open_window(chromium, size=PHONE, dark=True)
        cookies = await site.cookie("anna")
        await visit.context.add_cookies(
            [{"name": name, "value": value, "url": site.url("/")} for name, value in cookies.items()]
        )
        await visit.page.goto(site.url("/desk"))
        await _talk(site)
        who = visit.page.locator(".who-name")
        await _choice(visit.page, "Tomasz").click()
        await expect(who).to_contain_text("Tomasz Wójcik", timeout=30_000)
        await _correct(visit.page, "Ewa")
        await expect(who).to_contain_text("Ewa Lis", timeout=30_000)
        await _hang_up(site)
        await expect(visit.page.locator("#recent")).to_contain_text("Ewa Lis", timeout=30_000)
        await visit.page.locator(".other-choice summary").click()
        await expect(_choice(visit.page, "Tomasz")).to_be_visible(timeout=30_000)
        await assert_accessible(visit.page)
        await assert_fits(visit.page)
        await _choice(visit.page, "Tomasz").click()
        await expect(who).to_contain_text("Tomasz Wójcik", timeout=30_000)
        await expect(visit.page.locator("#recent")).to_contain_text("Tomasz Wójcik", timeout=30_000)
        await expect(visit.page.locator("#recent")).not_to_contain_text("Ewa Lis")
        assert visit.complaints == []
        await visit.context.close()
    await database.close()


async def _talk(site: DeskSite) -> None:
    at = system_clock()
    ringing = PhoneRinging("c1", at, phone("101"))
    await site.tell(started("c1", at, inbound(SHARED)), ringing, CallAnswered("c1", at, phone("101")))


async def _hang_up(site: DeskSite) -> None:
    at = system_clock()
    over = ended("c1", at, parties=inbound(SHARED), rang=("101",), talked=("101",))
    await site.tell(AgentLeft("c1", at, phone("101")), over)


async def _correct(page: Page, name: str) -> None:
    await page.locator(".other-choice summary").click()
    await _choice(page, name).click()


def _choice(page: Page, name: str) -> Locator:
    return page.locator("button.choice", has_text=name)
