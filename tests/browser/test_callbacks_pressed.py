"""Lists that are drawn anew by themselves, under the hand of who uses them: a press and its release are one click, and
the keyboard stays where it was."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from playwright.async_api import Browser, expect

from core.clock import system_clock
from core.db import Database
from core.facts import PbxConnected, Verdict
from server.schema import prepare
from tests.browser.test_callbacks import complaints_of, held_back, visit
from tests.callback_site import CallbackSite, callback_site
from tests.live_story import PBX, ended, inbound, started

pytestmark = pytest.mark.browser

DRAWN = "() => document.querySelector('#inbox').drawn = 'before'"
IS_DRAWN_ANEW = "() => document.querySelector('#inbox').drawn !== 'before'"


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[CallbackSite]:
    database = Database(f"sqlite:///{tmp_path / 'callbacks.db'}")
    await prepare(database)
    async with callback_site(database) as site:
        now = system_clock()
        await site.tell(PbxConnected(PBX, now))
        missed = ended("c1", now, result=Verdict.MISSED)
        missed = replace(missed, record=replace(missed.record, started_at=now - 60))
        await site.tell(started("c1", now - 60, inbound()), missed)
        yield site
    await database.close()


async def test_a_list_that_changes_between_press_and_release_swallows_no_click(
    chromium: Browser, site: CallbackSite
) -> None:
    window = await visit(chromium, site, "maria", "/inbox")
    page = window.page
    await expect(page.locator("html")).to_have_attribute("data-callbacks", "live")
    await page.evaluate(DRAWN)
    async with held_back(page, "**/inbox"):
        await page.get_by_role("button", name="Dismiss").hover()
        await page.mouse.down()
    await page.evaluate("new Promise((go_on) => requestAnimationFrame(() => requestAnimationFrame(go_on)))")
    await page.mouse.up()
    await expect(page.get_by_role("dialog")).to_be_visible()
    await page.wait_for_function(IS_DRAWN_ANEW)
    assert not complaints_of(window)


async def test_the_keyboard_stays_on_a_button_that_is_drawn_anew(
    chromium: Browser, site: CallbackSite
) -> None:
    window = await visit(chromium, site, "maria", "/inbox")
    page = window.page
    await expect(page.locator("html")).to_have_attribute("data-callbacks", "live")
    await page.get_by_role("button", name="Dismiss").focus()
    await page.evaluate(DRAWN)
    async with held_back(page, "**/inbox"):
        pass
    await page.wait_for_function(IS_DRAWN_ANEW)
    await expect(page.get_by_role("button", name="Dismiss")).to_be_focused()
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("dialog")).to_be_visible()
