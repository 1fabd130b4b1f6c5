"""Pausing the recording at the desk: the button on the card of the call somebody talks in, what all their tabs then
show, and that a PBX which refuses is said."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import ClientSession
from playwright.async_api import Browser, expect
from sqlalchemy import select

from core.clock import system_clock
from core.db import Database
from core.errors import PbxError
from core.facts import CallAnswered, PbxConnected, PhoneRinging
from recordings.tables import RecordingPause
from server.recordings.keeping import PAUSES
from server.schema import prepare
from tests.browser.conftest import DESKTOP, PHONE, assert_accessible
from tests.browser.test_desk import card, desk_of
from tests.desk_site import DeskSite, desk_site
from tests.live_story import PBX, ended, phone, started

pytestmark = pytest.mark.browser


class Switch:
    def __init__(self) -> None:
        self.told: list[bool] = []
        self.refusal: str | None = None

    async def mute(self, pbx: str, call_id: str, *, muted: bool) -> None:
        if self.refusal is not None:
            raise PbxError(self.refusal)
        self.told.append(muted)


@pytest.fixture
async def switch() -> Switch:
    return Switch()


@pytest.fixture
async def site(tmp_path: Path, switch: Switch) -> AsyncIterator[DeskSite]:
    database = Database(f"sqlite:///{tmp_path / 'desk.db'}")
    await prepare(database)
    async with desk_site(database, switch=switch) as site:
        await site.tell(PbxConnected(PBX, system_clock()))
        yield site
    await database.close()


async def anna_talks(site: DeskSite) -> None:
    now = system_clock()
    await site.tell(
        started("c1", now),
        PhoneRinging("c1", now, phone("101")),
        CallAnswered("c1", now, phone("101")),
    )


@pytest.mark.parametrize(("size", "dark"), [(DESKTOP, False), (PHONE, True)], ids=["desktop", "phone-dark"])
async def test_pause_and_resume(
    chromium: Browser, site: DeskSite, switch: Switch, size: dict[str, int], dark: bool
) -> None:
    async with desk_of(site, chromium, "anna", size=size, dark=dark) as visit:
        page = visit.page
        await anna_talks(site)
        await expect(page.locator(card(page, "talking"))).to_be_visible()
        await page.get_by_role("button", name="Pause recording").click()
        await expect(page.locator(".rec-paused")).to_contain_text("Recording paused")
        await assert_accessible(page)
        other = await visit.context.new_page()
        await other.goto(site.url("/desk"))
        await expect(other.locator(".rec-paused")).to_be_visible()
        await page.get_by_role("button", name="Resume now").click()
        await expect(page.get_by_role("button", name="Pause recording")).to_be_visible()
        await expect(other.locator(".rec-paused")).to_have_count(0)
        assert switch.told == [True, False]
        assert visit.complaints == []
    async with site.database.read() as connection:
        rows = await connection.execute(select(RecordingPause.paused_by, RecordingPause.resumed_by))
        assert [tuple(row) for row in rows] == [("anna", "anna")]


async def test_a_pbx_that_refuses_is_said(chromium: Browser, site: DeskSite, switch: Switch) -> None:
    switch.refusal = "no recording of this call could be reached"
    async with desk_of(site, chromium, "anna") as visit:
        await anna_talks(site)
        await visit.page.get_by_role("button", name="Pause recording").click()
        await expect(visit.page.locator(".toast.error")).to_contain_text(
            "No recording of this call could be reached"
        )
        await expect(visit.page.get_by_role("button", name="Pause recording")).to_be_enabled()


async def test_an_own_call_leads_to_its_recording(chromium: Browser, site: DeskSite) -> None:
    async with desk_of(site, chromium, "anna") as visit:
        await anna_talks(site)
        now = system_clock()
        await site.tell(ended("c1", now, talked=("101",)))
        link = visit.page.locator("#recent a[href='/calls/c1/listen']")
        await expect(link).to_have_attribute("title", "Hear the recording")
        assert visit.complaints == []


async def test_nobody_pauses_another_persons_call(site: DeskSite) -> None:
    await anna_talks(site)
    cookies = await site.cookie("bartek")
    async with (
        ClientSession(cookies=cookies, headers={"Origin": site.url("/").rstrip("/")}) as session,
        session.post(site.url("/desk/calls/c1/recording"), json={"paused": True}) as response,
    ):
        assert response.status == 404
    assert PAUSES in site.app
