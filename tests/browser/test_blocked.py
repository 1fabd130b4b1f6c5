"""The block list and blocks of numbers in a real Chromium: what a ringing card says and offers, the managers' page and
the customer's, at two sizes and in both colour schemes."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.async_api import Browser, expect
from sqlalchemy import select

from core.clock import system_clock
from core.db import Database
from core.facts import PhoneRinging
from crm_link.blocked.entry import BlockKind
from crm_link.blocked.list import NewBlock, find_blocked
from crm_link.customers import NewCustomer
from crm_link.tables import IdentityKey
from server.customers.blocked_parts import BLOCK_LIST, BLOCKS
from server.schema import prepare
from server.web.keys import CUSTOMERS
from tests.browser.conftest import PagesSite, enter, look, open_window
from tests.desk_site import DeskSite, desk_site
from tests.live_story import CUSTOMER, inbound, phone, started
from tests.seed import seed_people

pytestmark = pytest.mark.browser


async def rings(site: DeskSite, call_id: str, number: str | None) -> None:
    at = system_clock()
    await site.tell(started(call_id, at, inbound(number)), PhoneRinging(call_id, at, phone("101")))


async def test_a_card_blocks_its_caller_names_somebody_of_a_firm_and_picks_for_once(
    chromium: Browser, tmp_path: Path
) -> None:
    database = Database(f"sqlite:///{tmp_path / 'desk.db'}")
    await prepare(database)
    async with desk_site(database) as site:
        customers = site.app[CUSTOMERS]
        acme = await customers.create(NewCustomer(company="Acme"), None)
        await site.app[BLOCKS].add(acme.id, "+48 22 555 10 00–99", None)
        for name in ("Anna", "Jan"):
            await customers.create(NewCustomer(name, numbers=("+48221112233",)), None)
        visit = await open_window(chromium)
        page = visit.page
        cookies = await site.cookie("anna")
        await visit.context.add_cookies(
            [{"name": name, "value": value, "url": site.url("/")} for name, value in cookies.items()]
        )
        await page.goto(site.url("/desk"))
        await rings(site, "c1", CUSTOMER)
        card = page.locator("call-card[data-call-id=c1]")
        await card.get_by_text("Block this caller").click(timeout=30_000)
        await card.get_by_label("Why").fill("shouts <b>at</b> everybody")
        await expect(card.get_by_label("For how long")).to_have_value("30")
        await card.get_by_role("button", name="Block", exact=True).click()
        await expect(card.locator(".who-blocked")).to_have_text(
            "On the block list: shouts <b>at</b> everybody"
        )
        await expect(card.get_by_text("Block this caller")).to_have_count(0)
        await expect(card.get_by_text("On the block list")).to_have_count(1)
        await page.get_by_role("button", name="Undo").click()
        await expect(card.locator(".who-blocked")).to_have_count(0)
        async with database.read() as connection:
            assert await find_blocked(connection, CUSTOMER, system_clock()) is None

        await rings(site, "c2", "+48225551042")
        firm = page.locator("call-card[data-call-id=c2]")
        await expect(firm.locator(".who-facts")).to_contain_text("A number of Acme’s block", timeout=30_000)
        await look(page, "cards")
        await firm.get_by_label("Name").fill("Ewa Lis")
        await firm.get_by_role("button", name="Save").click()
        await expect(firm.locator(".who-name")).to_have_text("Ewa Lis")
        await expect(firm.locator(".who-facts")).to_contain_text("Acme")

        await rings(site, "c3", "+48221112233")
        shared = page.locator("call-card[data-call-id=c3]")
        await shared.get_by_label("Suggest them first").uncheck(timeout=30_000)
        await shared.get_by_role("button", name="Jan").click()
        await expect(shared.locator(".who-name")).to_have_text("Jan")
        async with database.read() as connection:
            picked = await connection.scalars(select(IdentityKey.picked_customer_id).distinct())
        assert picked.all() == [None], "for this call only"
        assert visit.complaints == []
        await visit.context.close()
    await database.close()


async def test_a_manager_blocks_a_prefix_and_unblocks_it(chromium: Browser, pages_site: PagesSite) -> None:
    await seed_people(pages_site.database)
    visit = await open_window(chromium)
    page = visit.page
    await enter(visit, pages_site, "maria")
    await page.goto(pages_site.url("/admin/blocked"))
    await expect(page.get_by_text("Nobody is blocked")).to_be_visible()
    await page.get_by_label("Whom").select_option("prefix")
    await page.get_by_label("Number, or its beginning").fill("+48")
    await page.get_by_label("Why").fill("premium lines that ring once")
    await page.get_by_role("button", name="Block", exact=True).click()
    await expect(page.locator(".error")).to_contain_text("site's own country")
    await page.get_by_label("Number, or its beginning").fill("+48 70")
    await page.get_by_label("Last day").fill("2027-01-31")
    await page.get_by_role("button", name="Block", exact=True).click()
    await expect(page.locator("tbody tr")).to_contain_text("+4870…")
    lists = pages_site.server.app[BLOCK_LIST]
    await lists.add(NewBlock(BlockKind.WITHHELD, "", "a week of silent calls every night"), None)
    await pages_site.server.app[CUSTOMERS].create(NewCustomer("Ewa Lis", numbers=("601 234 567",)), None)
    await lists.add(NewBlock(BlockKind.NUMBER, "+48 601 234 567", "threatens the reception"), None)
    await page.reload()
    await expect(page.get_by_label("Last day")).to_have_value("2026-12-21")
    await expect(page.get_by_role("link", name="Ewa Lis")).to_be_visible()
    await look(page, "blocked")
    await page.get_by_role("button", name="Unblock +4870").click()
    await page.get_by_role("button", name="Unblock", exact=True).last.click()
    await expect(page.locator("tbody tr")).to_have_count(2)
    await page.get_by_role("link", name="No longer blocked").click()
    await expect(page.locator("tbody tr")).to_contain_text("Maria Wiśniewska")
    made = await pages_site.server.app[CUSTOMERS].create(NewCustomer(company="Acme"), None)
    await page.goto(pages_site.url(f"/customers/{made.id}"))
    await page.get_by_label("Block of numbers").fill("+48 22 123 45 00–99")
    await page.locator("form", has=page.get_by_label("Block of numbers")).get_by_role("button").click()
    await expect(page.locator("#timeline").get_by_text("+48 22 123 45 00–99")).to_be_visible()
    await look(page, "blocks")
    assert [one for one in visit.complaints if "422" not in one] == []
    await visit.context.close()
