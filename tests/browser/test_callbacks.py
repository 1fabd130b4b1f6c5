"""Callbacks in a real Chromium: the card while the phone rings and the announcement plays, what an agent owes, the
managers' list as it changes, keyboard and accessibility in both schemes and sizes."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from pathlib import Path

import pytest
from playwright.async_api import Browser, Error, Page, Route, expect
from sqlalchemy import select, update

from callback.kinds import Source, State
from callback.tables import Attempt, Callback, Submission
from core.accounts import Role, UserRow
from core.clock import system_clock
from core.db import Database
from core.facts import (
    CallAnswered,
    CustomerDialled,
    PbxConnected,
    PhoneRinging,
    QueueMemberChanged,
    Verdict,
)
from server.desk.callback_parts import DISMISSALS, LISTS
from server.schema import prepare
from tests.browser.conftest import PHONE, Visit, assert_accessible, in_each_look, open_window
from tests.callback_seed import seed_callbacks
from tests.callback_site import CallbackSite, begun, call_of, callback_site
from tests.live_story import PBX, ended, inbound, phone, started
from tests.site import eventually

pytestmark = pytest.mark.browser

HEARD = """() => {
    const page = document.documentElement.dataset;
    page.heard = 0;
    document.body.addEventListener("callbacks-changed", () => page.heard++);
}"""

expect.set_options(timeout=30_000)


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[CallbackSite]:
    database = Database(f"sqlite:///{tmp_path / 'callbacks.db'}")
    await prepare(database)
    async with callback_site(database) as site:
        now = system_clock()
        await site.tell(PbxConnected(PBX, now))
        await site.tell(QueueMemberChanged(PBX, now, "sales", "PJSIP/101", True, False, None))
        yield site
    await database.close()


async def visit(browser: Browser, site: CallbackSite, login: str, path: str, **options: object) -> Visit:
    window = await open_window(browser, **options)  # type: ignore[arg-type]
    for name, value in (await site.cookie(login)).items():
        await window.context.add_cookies([{"name": name, "value": value, "url": site.url("/")}])
    await window.page.goto(site.url(path))
    return window


def complaints_of(window: Visit) -> list[str]:
    """A page that nobody has clicked may make no sound: the desk says so itself."""
    return [one for one in window.complaints if "AudioContext" not in one]


async def ring(site: CallbackSite, attempt_id: str) -> str:
    """The agent's phone rings for this attempt; returns the call."""
    call_id = call_of(attempt_id)
    await site.tell(begun(attempt_id), PhoneRinging(call_id, system_clock(), phone("101")))
    return call_id


async def clicked(site: CallbackSite, callback_id: int) -> str:
    """The attempt that a click on this callback made, once it was sent."""

    async def sent() -> str:
        async with site.database.read() as connection:
            found = await connection.scalar(
                select(Attempt.id).where(Attempt.callback_id == callback_id, Attempt.sent_at.is_not(None))
            )
        return found or ""

    return await eventually(sent)


async def test_a_callback_from_the_panel_to_the_conversation(chromium: Browser, site: CallbackSite) -> None:
    callback_id = await site.ask()
    window = await visit(chromium, site, "anna", "/desk")
    page = window.page
    await expect(page.locator("#owed")).to_contain_text("Ewa Lis")
    await page.get_by_role("button", name="Call Ewa Lis now").click()
    attempt_id = await clicked(site, callback_id)
    assert [(order.number, order.agent and order.agent.extension) for order in site.dialer.orders] == [
        ("+48221234567", "101")
    ]
    site.dialer.announced_s = 60.0
    call_id = await ring(site, attempt_id)
    card = page.locator("call-card")
    await expect(card).to_contain_text("answering connects you to")
    await expect(card).to_contain_text("A quote for twelve ladders, please.")
    await expect(card).to_contain_text("newsletter")
    await expect(card.get_by_role("link", name="https://shop.example.com/ladders")).to_be_visible()
    await site.tell(CallAnswered(call_id, system_clock(), phone("101")))
    await expect(card.locator("[data-countdown]")).to_have_text(re.compile(r"[2-6]\d"))
    await assert_accessible(page)
    await page.get_by_role("button", name="Connect now").press("Enter")
    await eventually(lambda: _asked(site))
    assert site.dialer.asked == [("connect", attempt_id)]
    await page.reload()
    await expect(card).to_contain_text("A quote for twelve ladders, please.")
    await site.tell(CustomerDialled(call_id, system_clock()))
    await expect(card.locator("[data-countdown]")).to_have_count(0)
    await page.get_by_role("button", name="A machine answered").click()
    await expect(card).to_contain_text("still owed a call")
    await site.tell(ended(call_id, system_clock(), parties=begun(attempt_id).parties, talked=("101",)))
    row = await eventually(lambda: _standing(site, callback_id), lambda row: row[0] == State.WAITING)
    assert row == (State.WAITING, 1), "a machine is nobody: the next rung follows"
    assert not complaints_of(window)


async def test_not_now(chromium: Browser, site: CallbackSite) -> None:
    callback_id = await site.ask()
    window = await visit(chromium, site, "anna", "/desk")
    await window.page.get_by_role("button", name="Call Ewa Lis now").click()
    attempt_id = await clicked(site, callback_id)
    call_id = await ring(site, attempt_id)
    await site.tell(CallAnswered(call_id, system_clock(), phone("101")))
    await window.page.get_by_role("button", name="Not now").click()
    await eventually(lambda: _asked(site))
    assert site.dialer.asked == [("hang up", attempt_id)]


async def test_an_agent_postpones_with_the_keyboard(chromium: Browser, site: CallbackSite) -> None:
    callback_id = await site.ask()
    window = await visit(chromium, site, "anna", "/desk")
    page = window.page
    await page.get_by_role("button", name="What to do with Ewa Lis").press("Enter")
    await expect(page.locator("#callback-menu")).to_be_visible()
    await page.keyboard.press("ArrowDown")
    await page.keyboard.press("ArrowDown")
    await page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog")
    await expect(dialog).to_contain_text("Postpone the call to Ewa Lis")
    await assert_accessible(page)
    await dialog.get_by_label("Why").fill("in a meeting until then")
    await page.keyboard.press("Enter")
    await expect(dialog).to_be_hidden()
    await expect(page.locator("#toasts")).to_contain_text("Postponed")
    async with site.database.read() as connection:
        due = await connection.scalar(select(Callback.due_at).where(Callback.id == callback_id))
    assert due is not None
    assert due > system_clock() + 1800


async def test_an_agent_promises_in_a_conversation(chromium: Browser, site: CallbackSite) -> None:
    window = await visit(chromium, site, "anna", "/desk")
    page = window.page
    now = system_clock()
    await site.tell(
        started("c1", now, inbound()),
        PhoneRinging("c1", now, phone("101")),
        CallAnswered("c1", now + 1, phone("101")),
    )
    await page.get_by_role("button", name="Promise a callback").click()
    await page.get_by_role("dialog").get_by_label("What it is about").fill("the price of twelve ladders")
    await page.get_by_role("button", name="Promise it").click()
    await expect(page.locator("#owed")).to_contain_text("Yours")
    await site.tell(ended("c1", system_clock(), talked=("101",)))
    async with site.database.read() as connection:
        row = (
            await connection.execute(
                select(Callback.owner_id, Submission.source, Submission.message).join(
                    Submission, Submission.callback_id == Callback.id
                )
            )
        ).one()
    assert row == (site.users["anna"].id, Source.AGENT, "the price of twelve ladders")


async def test_the_managers_list_follows_what_happens(chromium: Browser, site: CallbackSite) -> None:
    await seed_callbacks(site.database, site.users, count=40, now=system_clock())
    window = await visit(chromium, site, "maria", "/callbacks?show=held")
    page = window.page
    await expect(page.locator("html[data-callbacks=live]")).to_have_count(1)
    rows = page.locator(".cb-row")
    held = await rows.count()
    assert held > 1
    await rows.first.get_by_role("button", name="Release").click()
    await expect(rows).to_have_count(held - 1)
    waiting = int(await page.locator("#tab-waiting .cb-count").inner_text())
    await site.ask("+48221112233")
    await expect(page.locator("#tab-waiting .cb-count")).to_have_text(str(waiting + 1))
    await page.locator("#tab-closed").click()
    await expect(page).to_have_url(re.compile("show=closed"))
    await expect(page.locator(".cb-tab[aria-current]")).to_contain_text("Closed")
    await rows.first.get_by_role("link").press("Enter")
    await expect(page.get_by_role("heading", name="What was asked")).to_be_visible()
    assert not complaints_of(window)


async def test_a_list_from_the_file_to_its_callbacks(
    chromium: Browser, site: CallbackSite, tmp_path: Path
) -> None:
    file = tmp_path / "people.csv"
    window = await visit(chromium, site, "maria", "/callbacks/lists")
    page = window.page
    await page.get_by_label("Department").select_option("sales")
    file.write_text("colour\n501234567\n")
    await page.get_by_label("CSV file").set_input_files(file)
    await page.get_by_role("button", name="Look at it first").click()
    await expect(page.get_by_role("alert")).to_contain_text("Here it says 'colour'")
    file.write_text("number,name\n501234567,Ewa\nnonsense,Jan\n")
    await page.get_by_label("CSV file").set_input_files(file)
    await page.get_by_role("button", name="Look at it first").press("Enter")
    await expect(page.locator("main")).to_contain_text("'nonsense' is no number that can be dialled")
    await assert_accessible(page)
    await page.get_by_role("link", name="New callback 1").click()
    await expect(page.locator(".list-rows tbody tr")).to_have_count(1)
    await page.get_by_role("button", name="Ask for 1 new callback").click()
    await expect(page.locator("#list")).to_contain_text("Done")
    await expect(page.get_by_role("link", name="Refused lines")).to_be_visible()
    await page.get_by_role("link", name="Its callbacks").click()
    await expect(page.locator(".cb-row")).to_contain_text("Ewa")
    assert all("422" in one for one in complaints_of(window))


async def test_a_missed_call_is_dismissed_and_owed_again(chromium: Browser, site: CallbackSite) -> None:
    now = system_clock()
    missed = ended("c1", now, result=Verdict.MISSED)
    missed = replace(missed, record=replace(missed.record, started_at=now - 60))
    await site.tell(started("c1", now - 60, inbound()), missed)
    window = await visit(chromium, site, "maria", "/inbox", size=PHONE)
    page = window.page
    await page.get_by_role("button", name="Dismiss").press("Enter")
    dialog = page.get_by_role("dialog")
    await dialog.get_by_role("button", name="Dismiss").click()
    await expect(dialog).to_be_visible()
    await dialog.get_by_label("Why nobody has to call").fill("answered by e-mail")
    await assert_accessible(page)
    await page.keyboard.press("Enter")
    await expect(page.locator("#inbox")).to_contain_text("We owe nobody a call")
    await page.get_by_role("link", name="Dismissed").click()
    await expect(page.locator(".cb-row")).to_contain_text("answered by e-mail")
    await page.get_by_role("button", name="Owe").click()
    await expect(page.locator(".cb-row")).to_contain_text("Taken back")
    await page.get_by_role("link", name="Owed").click()
    await expect(page.get_by_role("button", name="Dismiss")).to_be_visible()
    assert not complaints_of(window)


@asynccontextmanager
async def held_back(page: Page, address: str) -> AsyncIterator[None]:
    """The page's next reading of that address has been answered as it enters, and hears the answer as it leaves."""
    read, go_on, given = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def old_news(route: Route) -> None:
        answer = await route.fetch()
        read.set()
        await go_on.wait()
        with suppress(Error):  # the page no longer wants it
            await route.fulfill(response=answer)
        given.set()

    await page.route(address, old_news, times=1)
    await page.evaluate("document.body.dispatchEvent(new Event('callbacks-changed'))")
    await read.wait()
    yield
    go_on.set()
    await given.wait()


async def test_what_changes_while_the_list_is_being_read_is_shown(
    chromium: Browser, site: CallbackSite
) -> None:
    window = await visit(chromium, site, "maria", "/inbox")
    page = window.page
    await expect(page.locator("#inbox")).to_contain_text("We owe nobody a call")
    await expect(page.locator("html")).to_have_attribute("data-callbacks", "live")
    await page.evaluate(HEARD)
    async with held_back(page, "**/inbox"):
        await site.ask()
        await expect(page.locator("html")).not_to_have_attribute("data-heard", re.compile("^[01]$"))
    await expect(page.locator("#inbox")).to_contain_text("Ewa Lis")
    assert not complaints_of(window)


async def test_what_a_manager_asks_for_goes_before_what_changes(
    chromium: Browser, site: CallbackSite
) -> None:
    await seed_callbacks(site.database, site.users, count=40, now=system_clock())
    window = await visit(chromium, site, "maria", "/callbacks?show=held")
    page = window.page
    await expect(page.locator("html")).to_have_attribute("data-callbacks", "live")
    late = asyncio.Event()

    async def slowly(route: Route) -> None:
        await late.wait()
        await route.continue_()

    await page.route("**/callbacks?*show=closed*", slowly)
    async with held_back(page, "**/callbacks?*show=held*"):
        await page.locator("#tab-closed").click()
    await page.evaluate("new Promise((go_on) => setTimeout(go_on, 100))")
    late.set()
    await expect(page.locator(".cb-tab[aria-current]")).to_contain_text("Closed")


async def test_what_administrators_open_now_and_then_is_behind_more(
    chromium: Browser, site: CallbackSite
) -> None:
    async with site.database.write() as connection:
        await connection.execute(
            update(UserRow).where(UserRow.login == "maria").values(role=Role.ADMINISTRATOR.value)
        )
    window = await visit(chromium, site, "maria", "/inbox", size=PHONE)
    page, people = window.page, window.page.get_by_role("link", name="People")
    await expect(people).to_be_hidden()
    await page.get_by_role("button", name="More").press("Enter")
    await expect(people).to_be_visible()
    await assert_accessible(page)
    await people.click()
    await expect(page.get_by_role("heading", name="People")).to_be_visible()
    await page.set_viewport_size({"width": 1500, "height": 800})
    await expect(page.locator(".nav").get_by_role("link", name="Keys")).to_be_visible()
    await expect(page.get_by_role("button", name="More")).to_be_hidden()
    assert not complaints_of(window)


async def test_an_inbox_line_that_needs_a_person_has_a_call_button(
    chromium: Browser, site: CallbackSite
) -> None:
    await seed_callbacks(site.database, site.users, count=30, now=system_clock())
    window = await visit(chromium, site, "maria", "/inbox", size=PHONE)
    row = window.page.locator("tr.cb-row", has_text="Needs a person").first
    await expect(row.get_by_role("button", name="Call")).to_be_visible()
    await expect(row.locator("[data-menu]")).to_be_visible()
    assert await _overflow(window.page) <= 0


@in_each_look
async def test_pages_are_accessible(
    chromium: Browser, site: CallbackSite, size: dict[str, int], dark: bool
) -> None:
    ids = await seed_callbacks(site.database, site.users, count=30, now=system_clock())
    await site.app[DISMISSALS].dismiss("+48227770000", "advertising", site.users["maria"].id)
    await site.app[LISTS].add(b"number\n501234567\nnonsense\n", "people.csv", "sales", None)
    window = await visit(chromium, site, "maria", "/callbacks", size=size, dark=dark)
    for path in PATHS:
        await window.page.goto(site.url(path.format(one=ids[0])))
        await assert_accessible(window.page)
        assert await _overflow(window.page) <= 0, path
    assert not complaints_of(window)


PATHS = (
    "/callbacks",
    "/callbacks?show=held",
    "/callbacks?show=closed",
    "/callbacks/{one}",
    "/callbacks?when=custom",
    "/callbacks/suppressions",
    "/callbacks/lists",
    "/callbacks/lists/1",
    "/inbox",
    "/inbox?show=dismissed",
    "/desk",
)


async def _overflow(page: Page) -> int:
    return int(await page.evaluate("document.documentElement.scrollWidth - innerWidth"))


async def _asked(site: CallbackSite) -> int:
    return len(site.dialer.asked)


async def _standing(site: CallbackSite, callback_id: int) -> tuple[str, int]:
    async with site.database.read() as connection:
        row = (
            await connection.execute(select(Callback.state, Callback.rung).where(Callback.id == callback_id))
        ).one()
    return row.state, row.rung
