"""A call that several customers, and several contacts of another CRM, could have made, on its page in a real Chromium:
who it was is said there once no agent has its card any more, and the call is written on them."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.async_api import Browser, expect

from core.accounts import NewUser, Role, create_user
from core.db import Database
from crm_link.connectors.tables import LogState
from crm_link.customers import NewCustomer
from server.schema import prepare
from server.web.keys import CUSTOMERS
from tests.browser.conftest import look, open_window
from tests.integration.test_connectors import beside
from tests.integration.test_connectors_picks import family, notes_on
from tests.live_story import CUSTOMER

pytestmark = pytest.mark.browser


async def test_who_it_was_is_said_on_the_calls_page(chromium: Browser, tmp_path: Path) -> None:
    book, peer, jan, _maria = family()
    database = Database(f"sqlite:///{tmp_path / 'desk.db'}")
    await prepare(database)
    async with peer, beside(database, peer) as desk:
        site = desk.site
        async with database.write() as connection:
            site.users["maria"] = await create_user(
                connection, NewUser("maria", "Maria Wiśniewska", Role.MANAGER, "unused"), desk.clock()
            )
        for name in ("Jan Nowak", "Maria Nowak"):
            await site.app[CUSTOMERS].create(NewCustomer(name, numbers=(CUSTOMER,)), None)
        await desk.rings()
        await desk.talks()
        await desk.ends()
        await desk.becomes(LogState.SKIPPED)
        visit = await open_window(chromium)
        [(name, token)] = (await site.cookie("maria")).items()
        await visit.context.add_cookies([{"name": name, "value": token, "url": site.url("/")}])
        page = visit.page
        await page.goto(site.url("/calls/c1"))
        await expect(page.get_by_text("Say first which customer it was")).to_be_visible()
        await look(page, "call-several")
        await page.get_by_role("button", name="It was Jan Nowak").click()
        await expect(page.get_by_text("customers have this number")).to_have_count(0)
        await expect(page.locator(".person-link")).to_contain_text("Jan Nowak")
        await page.get_by_role("button", name="It was Jan Nowak").click()
        await expect(page.locator(".pick-list").get_by_text("Picked")).to_be_visible()
        await desk.becomes(LogState.DONE)
        await page.reload()
        await look(page, "call-picked")
        assert notes_on(book) == [jan]
        assert visit.complaints == []
        await visit.context.close()
    await database.close()
