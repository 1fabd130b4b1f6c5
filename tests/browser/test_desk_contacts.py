"""A caller whom only another CRM knows, on the desk in a real Chromium: the name as the headline, the link to that CRM,
nothing a stranger's name could run, and the page accessible."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.async_api import Browser, expect

from core.clock import system_clock
from core.db import Database
from core.facts import ContactsFound, OutsideContact, PhoneRinging
from server.schema import prepare
from tests.browser.conftest import assert_accessible, open_window
from tests.desk_site import desk_site
from tests.live_story import CUSTOMER, inbound, phone, started

pytestmark = pytest.mark.browser

LINES_PX = 50.0
"""Two lines of the card's text; squeezed into a column it took four."""


async def test_the_card_names_whom_another_crm_knows(chromium: Browser, tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'desk.db'}")
    await prepare(database)
    async with desk_site(database) as site:
        visit = await open_window(chromium)
        cookies = await site.cookie("anna")
        await visit.context.add_cookies(
            [{"name": name, "value": value, "url": site.url("/")} for name, value in cookies.items()]
        )
        await visit.page.goto(site.url("/desk"))
        at = system_clock()
        await site.tell(started("c1", at, inbound(CUSTOMER)), PhoneRinging("c1", at, phone("101")))
        hostile = "Jan <img src=x onerror=alert(1)>"
        url = "https://crm.example.com/web#id=7"
        contact = OutsideContact("odoo", "7", hostile, "Example Ltd", url, at - 7200, "Zofia Owner")
        await site.tell(ContactsFound("c1", at, "odoo", (contact,), None))
        await expect(visit.page.locator(".who-name")).to_contain_text(hostile, timeout=30_000)
        link = visit.page.locator(".who-contacts a")
        await expect(link).to_have_attribute("href", url)
        await expect(visit.page.locator(".who-contacts")).to_contain_text("as of")
        await visit.page.set_viewport_size({"width": 390, "height": 844})
        line = await visit.page.locator(".who-contacts li > .muted").last.bounding_box()
        assert line is not None
        assert line["height"] < LINES_PX, "the words are squeezed into a column"
        await assert_accessible(visit.page)
        assert visit.complaints == []
        await visit.context.close()
    await database.close()
