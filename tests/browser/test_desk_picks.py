"""Several contacts of another CRM have the caller's number, on the desk in a real Chromium: none is taken for the
caller, the agent picks one, and the card says so. Accessible in each look."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.async_api import Browser, Locator, Page, expect

from core.db import Database
from crm_link.connectors.tables import LogState
from server.schema import prepare
from tests.browser.conftest import assert_accessible, in_each_look, open_window
from tests.integration.test_connectors import beside
from tests.scripted_odoo import scripted_odoo

pytestmark = pytest.mark.browser


@in_each_look
async def test_one_of_several_contacts_is_picked(
    chromium: Browser, tmp_path: Path, size: dict[str, int], dark: bool
) -> None:
    database = Database(f"sqlite:///{tmp_path / 'desk.db'}")
    await prepare(database)
    book, peer = scripted_odoo()
    book.add("Jan Nowak", phone="022 123 45 67", owner="Ewa Lis")
    maria = book.add("Maria Nowak <b>", phone="+48 22 123 45 67", company="Example Ltd")
    async with peer, beside(database, peer) as desk:
        visit = await open_window(chromium, size=size, dark=dark)
        cookies = await desk.site.cookie("anna")
        await visit.context.add_cookies(
            [{"name": name, "value": value, "url": desk.site.url("/")} for name, value in cookies.items()]
        )
        await visit.page.goto(desk.site.url("/desk"))
        await desk.rings()
        await desk.talks()
        await expect(_choice(visit.page, "Jan")).to_contain_text(
            "Ewa Lis is responsible there", timeout=30_000
        )
        await expect(visit.page.locator(".who-name")).not_to_contain_text("Nowak")
        await assert_accessible(visit.page)
        await _choice(visit.page, "Maria").click()
        await expect(_choice(visit.page, "Maria")).to_have_attribute("aria-pressed", "true")
        await expect(visit.page.locator(".who-name")).to_contain_text("Maria Nowak <b>")
        page_there = f"{peer.url}/web#id={maria}&model=res.partner&view_type=form"
        await expect(visit.page.locator(".who-contacts a")).to_have_attribute("href", page_there)
        await assert_accessible(visit.page)
        await desk.ends()
        await desk.becomes(LogState.DONE)
        assert visit.complaints == []
        await visit.context.close()
    assert [note["res_id"] for note in book.notes.values()] == [maria]
    await database.close()


def _choice(page: Page, name: str) -> Locator:
    return page.locator(".contact-choice .choice", has_text=name)
