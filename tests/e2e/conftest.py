"""Fixtures of the whole product: a site beside a real PBX, and two desks in Chromium (Anna at 101, Marek at 102)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.async_api import Browser, Locator, Page, expect

from config.settings import Settings
from core.accounts import Role
from tests.asterisk.conftest import lab, own_pbx, pbx
from tests.asterisk.pbx import AMI_SECRETS, Pbx
from tests.browser.conftest import Visit, chromium, log_in, open_window
from tests.site import DEADLINE_S, PASSWORD, Site, running, settings_for

__all__ = ["anna", "boss", "chromium", "lab", "marek", "own_pbx", "pbx", "site", "wrap_up_s"]


@dataclass(slots=True)
class Desk:
    """One person's open desk."""

    visit: Visit

    @property
    def page(self) -> Page:
        return self.visit.page

    @property
    def cards(self) -> Locator:
        return self.page.locator("call-card")

    def card(self, state: str) -> Locator:
        return self.page.locator(f'call-card[data-state="{state}"]')

    async def shows(self, state: str, *texts: str) -> Locator:
        """Exactly one card in this state, with these texts."""
        card = self.card(state)
        await expect(card).to_have_count(1, timeout=DEADLINE_S * 1000)
        for text in texts:
            await expect(card).to_contain_text(text, timeout=DEADLINE_S * 1000)
        return card

    async def is_empty(self) -> None:
        await expect(self.cards).to_have_count(0, timeout=DEADLINE_S * 1000)


def assert_seconds(told: float, begun: float | None, ended: float | None) -> None:
    """Within a second of the phones' clocks."""
    assert begun is not None
    assert ended is not None
    assert abs(told - (ended - begun)) < 1


@pytest.fixture
def wrap_up_s() -> int:
    """None: the shared PBX must find nobody paused when the next test's call comes."""
    return 0


def dialling_settings(pbx: Pbx, folder: Path, *, wrap_up_s: int = 0) -> Settings:
    """Of a server beside this PBX that may dial through it."""
    secrets = AMI_SECRETS
    return settings_for(
        pbx.ami,
        secrets["ringback-events"],
        folder,
        dial_secret=secrets["ringback-dial"],
        wrap_up_s=wrap_up_s,
    )


@pytest.fixture
async def site(pbx: Pbx, tmp_path: Path, wrap_up_s: int) -> AsyncIterator[Site]:
    """A server beside the shared PBX, with people, seeing."""
    async with running(dialling_settings(pbx, tmp_path, wrap_up_s=wrap_up_s)) as site:
        await site.add_person("anna", "101")
        await site.add_person("marek", "102")
        await site.add_person("boss", role=Role.MANAGER)
        await site.sees_the_pbx()
        yield site


async def open_desk(browser: Browser, site: Site, login: str) -> Desk:
    visit = await open_window(browser)
    await log_in(visit.page, site.url, login, PASSWORD)
    await visit.page.goto(f"{site.url}/desk")
    await expect(visit.page.locator("#desk[data-line='up']")).to_be_attached(timeout=DEADLINE_S * 1000)
    return Desk(visit)


@pytest.fixture
async def anna(chromium: Browser, site: Site) -> Desk:
    return await open_desk(chromium, site, "anna")


@pytest.fixture
async def marek(chromium: Browser, site: Site) -> Desk:
    return await open_desk(chromium, site, "marek")


@pytest.fixture
async def boss(chromium: Browser, site: Site) -> Page:
    """The manager's browser, logged in."""
    visit = await open_window(chromium)
    await log_in(visit.page, site.url, "boss", PASSWORD)
    return visit.page
