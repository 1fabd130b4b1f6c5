"""The desk in a real Chromium: cards on several desks at once, the same card after a refresh, in a second tab and after
the network was gone, notes that survive, states, sound in one tab, keyboard and accessibility."""

from __future__ import annotations

import contextlib
import re
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from playwright.async_api import Browser, Error, Page, expect
from sqlalchemy import select

from core.accounts import UserDevice
from core.clock import system_clock
from core.db import Database
from core.errors import PbxError
from core.facts import (
    AgentLeft,
    CallAnswered,
    CallQueued,
    CallTransferred,
    DeviceChanged,
    Direction,
    Parties,
    PbxConnected,
    PbxLost,
    PhoneRinging,
    PhoneStopped,
    StopReason,
    Transfer,
    TransferKind,
)
from crm_link.customers import NewCustomer
from pbx_bridge.tables import CallWrapUp
from server.schema import prepare
from server.tables import PopRow
from server.web.keys import CUSTOMERS
from tests.browser.conftest import DESKTOP, PHONE, Visit, assert_accessible, assert_fits, open_window
from tests.desk_site import DeskSite, desk_site
from tests.live_story import CUSTOMER, PBX, ended, inbound, internal, member, phone, started

pytestmark = pytest.mark.browser

WAIT_MS = 30_000
expect.set_options(timeout=WAIT_MS)


class Pauser:
    """The PBX's queues, as far as the desk can tell: agrees, or refuses like a PBX does."""

    def __init__(self) -> None:
        self.told: list[tuple[tuple[str, ...], bool, str | None]] = []
        self.refusal: str | None = None

    async def pause(self, devices: Sequence[UserDevice], paused: bool, reason: str | None) -> None:
        if self.refusal is not None:
            raise PbxError(self.refusal)
        self.told.append((tuple(one.device for one in devices), paused, reason))


@pytest.fixture
async def pauser() -> Pauser:
    return Pauser()


@pytest.fixture
async def desk_database(tmp_path: Path) -> AsyncIterator[Database]:
    database = Database(f"sqlite:///{tmp_path / 'desk.db'}")
    await prepare(database)
    yield database
    await database.close()


@pytest.fixture
async def site(desk_database: Database, pauser: Pauser) -> AsyncIterator[DeskSite]:
    async with desk_site(desk_database, pauser=pauser) as site:
        await site.tell(PbxConnected(PBX, system_clock()))
        yield site


@asynccontextmanager
async def desk_of(
    site: DeskSite, chromium: Browser, login: str, *, size: dict[str, int] = DESKTOP, dark: bool = False
) -> AsyncIterator[Visit]:
    """A browser window of its own, logged in and at the desk."""
    visit = await window_of(site, chromium, login, size=size, dark=dark)
    try:
        yield visit
    finally:
        await visit.context.close()


async def window_of(
    site: DeskSite, chromium: Browser, login: str, *, size: dict[str, int] = DESKTOP, dark: bool = False
) -> Visit:
    visit = await open_window(chromium, size=size, dark=dark)
    [(name, token)] = (await site.cookie(login)).items()
    await visit.context.add_cookies([{"name": name, "value": token, "url": site.url("/")}])
    await visit.page.goto(site.url("/desk"))
    await is_live(visit.page)
    return visit


def complaints_of(*visits: Visit) -> list[str]:
    return [text for visit in visits for text in visit.complaints]


BEYOND_ITS_CARD = """() => {
    const card = document.querySelector("call-card").getBoundingClientRect();
    const seen = (one) => !one.closest(".visually-hidden") && one.getBoundingClientRect().width > 0;
    const isOut = (one) => one.getBoundingClientRect().right > card.right + 1;
    const isCut = (one) => !one.matches("svg, svg *, input, textarea, select") && one.scrollWidth > one.clientWidth + 1
        && getComputedStyle(one).display !== "inline";
    const all = [...document.querySelectorAll("call-card *")].filter(seen);
    return all.filter((one) => isOut(one) || isCut(one)).map((one) => `${one.tagName}.${one.className}`);
}"""
"""What of the first card reaches beyond it, or is wider than its own box."""


async def is_live(page: Page) -> None:
    await expect(page.locator("#desk")).to_have_attribute("data-line", "up")


async def makes_noise(page: Page) -> bool:
    return await page.locator("html").get_attribute("data-ringing") == "here"


async def kill(page: Page) -> None:
    """The tab's process is gone at once: no page of it says good-bye."""
    async with page.expect_event("crash"):
        with contextlib.suppress(Error):
            await page.goto("chrome://crash", timeout=2000)


def card(page: Page, state: str, call_id: str = "c1") -> str:
    return f"call-card[data-call-id={call_id}][data-state={state}]"


async def ring(site: DeskSite, *extensions: str, call_id: str = "c1", number: str | None = CUSTOMER) -> None:
    at = system_clock()
    await site.tell(started(call_id, at, inbound(number)), CallQueued(call_id, at, "support"))
    await site.tell(*(PhoneRinging(call_id, at, phone(one)) for one in extensions))


async def answer(site: DeskSite, extension: str, *losers: str, call_id: str = "c1") -> None:
    at = system_clock()
    await site.tell(
        CallAnswered(call_id, at, phone(extension)),
        *(PhoneStopped(call_id, at, phone(one), StopReason.ANSWERED_ELSEWHERE) for one in losers),
    )


async def hang_up(
    site: DeskSite,
    *talked: str,
    also_rang: tuple[str, ...] = (),
    call_id: str = "c1",
    number: str | None = CUSTOMER,
) -> None:
    at = system_clock()
    await site.tell(*(AgentLeft(call_id, at, phone(one)) for one in talked))
    rang = (*talked, *also_rang)
    await site.tell(ended(call_id, at, parties=inbound(number), rang=rang, talked=talked, queue="support"))


async def test_the_card_is_on_both_ringing_desks_and_leaves_one_when_the_other_answers(
    site: DeskSite, chromium: Browser
) -> None:
    async with desk_of(site, chromium, "anna") as anna, desk_of(site, chromium, "bartek") as bartek:
        await ring(site, "101", "102")
        for desk in (anna, bartek):
            ringing = desk.page.locator(card(desk.page, "ringing"))
            await expect(ringing).to_contain_text("+48 22 123 45 67")
            await expect(ringing).to_contain_text("New customer")
            await expect(ringing).to_contain_text("support")
        await answer(site, "101", "102")
        await expect(bartek.page.locator("call-card")).to_have_count(0)
        await expect(bartek.page.locator("#toasts")).to_contain_text("Anna Kowalska answered")
        await expect(anna.page.locator(card(anna.page, "talking"))).to_be_visible()
        await hang_up(site, "101", also_rang=("102",))
        await expect(bartek.page.locator("#recent .elsewhere")).to_contain_text("Anna Kowalska answered")
        assert await bartek.page.locator("#recent .missed").count() == 0
        assert complaints_of(anna, bartek) == []


async def test_a_refresh_and_a_second_tab_show_the_same_card(site: DeskSite, chromium: Browser) -> None:
    async with desk_of(site, chromium, "anna") as anna:
        await ring(site, "101")
        await expect(anna.page.locator(".who-name")).to_contain_text("New customer")
        words = await anna.page.locator(card(anna.page, "ringing")).locator(".call-who").inner_text()
        second = await anna.context.new_page()
        await second.goto(site.url("/desk"))
        await anna.page.reload()
        for page in (anna.page, second):
            again = page.locator(card(page, "ringing")).locator(".call-who")
            await expect(again).to_be_visible()
            assert await again.inner_text() == words


async def test_a_lost_network_is_shown_and_the_same_card_comes_back(
    site: DeskSite, chromium: Browser
) -> None:
    async with desk_of(site, chromium, "anna") as anna:
        await ring(site, "101")
        await expect(anna.page.locator(card(anna.page, "ringing"))).to_be_visible()
        await anna.context.set_offline(True)
        await expect(anna.page.locator("#banners")).to_contain_text("No connection to the server since")
        await expect(anna.page.locator("#link-state")).to_contain_text("Reconnecting")
        await expect(anna.page.locator(card(anna.page, "ringing"))).to_be_visible()
        await answer(site, "101")
        await anna.context.set_offline(False)
        await expect(anna.page.locator(card(anna.page, "talking"))).to_be_visible()
        await expect(anna.page.locator("#banners")).to_be_empty()


async def test_a_server_that_was_restarted_shows_open_wrap_ups_and_notes_again(
    desk_database: Database, chromium: Browser
) -> None:
    async with desk_site(desk_database) as first:
        port = first.server.port
        visit = await window_of(first, chromium, "anna")
        await ring(first, "101")
        await answer(first, "101")
        await visit.page.fill("call-card textarea", "call back on Monday")
        await expect(visit.page.locator(".note-status")).to_have_text("Saved")
        await hang_up(first, "101")
        await expect(visit.page.locator(card(visit.page, "wrap_up"))).to_be_visible()
    await expect(visit.page.locator("#banners")).to_contain_text("No connection to the server")
    async with desk_site(desk_database, port=port):
        await is_live(visit.page)
        await expect(visit.page.locator(card(visit.page, "wrap_up"))).to_be_visible()
        await visit.page.reload()
        await expect(visit.page.locator("call-card textarea")).to_have_value("call back on Monday")
        await visit.page.click("text=Save and close")
        await expect(visit.page.locator("call-card")).to_have_count(0)
    await visit.context.close()


async def test_a_note_is_kept_while_writing_and_saving_closes_the_card(
    site: DeskSite, chromium: Browser, desk_database: Database
) -> None:
    async with desk_of(site, chromium, "anna") as anna:
        await ring(site, "101")
        await answer(site, "101")
        await anna.page.fill("call-card textarea", "wants an invoice")
        await expect(anna.page.locator(".note-status")).to_have_text("Saved")
        await hang_up(site, "101")
        await anna.page.select_option("call-card .note select", "Solved")
        await anna.page.focus("call-card textarea")
        await anna.page.keyboard.press("Control+Enter")
        await expect(anna.page.locator("call-card")).to_have_count(0)
        async with desk_database.read() as connection:
            [row] = (await connection.execute(select(*CallWrapUp.__table__.c))).all()
        assert (row.note, row.disposition) == ("wants an invoice", "Solved")
        assert row.saved_at is not None
        assert complaints_of(anna) == []


async def test_text_written_without_a_network_is_saved_when_it_is_back(
    site: DeskSite, chromium: Browser
) -> None:
    async with desk_of(site, chromium, "anna") as anna:
        await ring(site, "101")
        await answer(site, "101")
        await expect(anna.page.locator(card(anna.page, "talking"))).to_be_visible()
        await anna.context.set_offline(True)
        await anna.page.fill("call-card textarea", "typed in the tunnel")
        await expect(anna.page.locator(".note-status")).to_contain_text("Not saved yet")
        await anna.context.set_offline(False)
        await expect(anna.page.locator(".note-status")).to_have_text("Saved")
        assert site.hub.board.draft(site.users["anna"].id, "c1").note == "typed in the tunnel"


async def test_after_a_transfer_the_next_desk_shows_the_customer_and_who_sent_them(
    site: DeskSite, chromium: Browser
) -> None:
    async with desk_of(site, chromium, "anna") as anna, desk_of(site, chromium, "bartek") as bartek:
        await ring(site, "101")
        await answer(site, "101")
        await anna.page.fill("call-card textarea", "asks for a quote")
        await expect(anna.page.locator(".note-status")).to_have_text("Saved")
        at = system_clock()
        await site.tell(
            CallTransferred("c1", at, Transfer(TransferKind.BLIND, "101", "102", at)),
            AgentLeft("c1", at, phone("101")),
            PhoneRinging("c1", at, phone("102")),
        )
        ringing = bartek.page.locator(card(bartek.page, "ringing"))
        await expect(ringing.locator(".who-number")).to_have_text("+48 22 123 45 67")
        await expect(ringing.locator(".call-told")).to_contain_text("Transferred by Anna Kowalska (101)")
        await expect(ringing.locator(".call-told")).to_contain_text("asks for a quote")
        await expect(anna.page.locator(card(anna.page, "wrap_up"))).to_be_visible()


async def test_several_candidates_are_picked_and_a_new_customer_is_named_and_tagged(
    site: DeskSite, chromium: Browser
) -> None:
    customers = site.app[CUSTOMERS]
    for name in ("Ewa Lis", "Tomasz Wójcik"):
        await customers.create(NewCustomer(name=name, numbers=("+48601000111",)), None)
    async with desk_of(site, chromium, "anna") as anna:
        await ring(site, "101", number="+48601000111")
        await expect(anna.page.locator(".who-name")).to_have_text("2 customers have this number")
        await anna.page.click("button.choice:has-text('Tomasz')")
        await expect(anna.page.locator(".who-name")).to_contain_text("Tomasz Wójcik")
        await ring(site, "101", call_id="c2", number=CUSTOMER)
        unknown = anna.page.locator(card(anna.page, "ringing", "c2"))
        await unknown.locator("input[name=name]").fill("Jan Malinowski")
        await unknown.locator("input[name=company]").fill("Malin")
        await unknown.locator(".naming button").click()
        await expect(unknown.locator(".who-name")).to_have_text("Jan Malinowski")
        await unknown.locator(".tag-input").fill("VIP")
        await anna.page.keyboard.press("Enter")
        await expect(unknown.locator(".who-tags")).to_contain_text("vip")
        await unknown.locator(".tag-remove").click()
        await expect(unknown.locator(".who-tags .chip")).to_have_count(0)
        assert complaints_of(anna) == []


async def test_own_state_is_agreed_with_the_pbx_and_a_refusal_is_said(
    site: DeskSite, chromium: Browser, pauser: Pauser
) -> None:
    async with desk_of(site, chromium, "anna") as anna:
        await anna.page.click("[data-state=paused]")
        await anna.page.click("[data-reason=Lunch]")
        pressed = anna.page.locator("#agent-state [aria-pressed=true]")
        await expect(pressed).to_contain_text("Paused: Lunch")
        assert pauser.told == [(("PJSIP/101",), True, "Lunch")]
        await expect(anna.page.locator("#no-cards")).to_contain_text("You are paused")
        pauser.refusal = "the PBX does not answer"
        await anna.page.click("[data-state=available]")
        await expect(anna.page.locator("#toasts")).to_contain_text("The PBX does not answer")
        await expect(pressed).to_contain_text("Paused: Lunch")
        pauser.refusal = None
        await anna.page.click("[data-state=available]")
        await expect(pressed).to_contain_text("Available")
        assert pauser.told[-1] == (("PJSIP/101",), False, None)


async def test_after_a_call_one_wraps_up_until_the_note_is_saved(
    site: DeskSite, chromium: Browser, pauser: Pauser
) -> None:
    async with desk_of(site, chromium, "anna") as anna:
        await ring(site, "101")
        await answer(site, "101")
        await hang_up(site, "101")
        pressed = anna.page.locator("#agent-state [aria-pressed=true]")
        await expect(pressed).to_contain_text("Wrap-up")
        await anna.page.click("text=Save and close")
        await expect(pressed).to_contain_text("Available")
        assert [(paused, reason) for _, paused, reason in pauser.told] == [(True, "Wrap-up"), (False, None)]


async def test_a_pile_of_open_notes_is_folded_and_closed_at_once(
    site: DeskSite, chromium: Browser, desk_database: Database
) -> None:
    async with desk_of(site, chromium, "anna", size=PHONE) as anna:
        page, calls = anna.page, [f"c{number}" for number in range(6)]
        for call_id in calls:
            await ring(site, "101", call_id=call_id)
            await answer(site, "101", call_id=call_id)
            await hang_up(site, "101", call_id=call_id)
        await ring(site, "101", call_id="live")
        await answer(site, "101", call_id="live")
        pile = page.locator("#wrap-up-pile")
        await expect(pile).to_contain_text("6 calls wait for a note")
        await expect(page.locator("call-card:visible")).to_have_count(4)
        await assert_accessible(page)
        await pile.get_by_role("button", name="Show all").click()
        await expect(page.locator("call-card:visible")).to_have_count(7)
        await pile.get_by_role("button", name="Close all 6").click()
        await page.get_by_role("button", name="Close them").click()
        await expect(page.locator("call-card")).to_have_count(1)
        await expect(pile).to_be_hidden()
    async with desk_database.read() as connection:
        saved = await connection.scalars(select(CallWrapUp.saved_at).where(CallWrapUp.call_id.in_(calls)))
        assert None not in saved.all()


@pytest.mark.parametrize("dies", [False, True], ids=["closed", "killed"])
@pytest.mark.parametrize("locks", [True, False], ids=["web locks", "broadcast channel"])
async def test_only_one_of_two_tabs_makes_the_noise_and_the_next_takes_over(
    site: DeskSite, chromium: Browser, locks: bool, dies: bool
) -> None:
    async with desk_of(site, chromium, "anna") as anna:
        if not locks:
            await anna.context.add_init_script(
                "Object.defineProperty(Navigator.prototype, 'locks', { value: null })"
            )
            await anna.page.reload()
            await is_live(anna.page)
        second = await anna.context.new_page()
        await second.goto(site.url("/desk"))
        await is_live(second)
        for page in (anna.page, second):
            await page.bring_to_front()
            await expect(page.locator("#sound-button")).to_have_text("Click to hear calls")
            await page.click("h1")
            await expect(page.locator("#sound-button")).to_have_text("Sound on")
        await ring(site, "101")
        for page in (anna.page, second):
            await expect(page.locator(card(page, "ringing"))).to_be_visible()
        # Without locks, two tabs that a busy machine kept from hearing each other may play together for a moment.
        while len(playing := [page for page in (anna.page, second) if await makes_noise(page)]) != 1:
            await second.wait_for_timeout(20)
        other = second if playing[0] is anna.page else anna.page
        await expect(other).to_have_title(re.compile("^☎"))
        assert not await makes_noise(other)
        if dies:
            await kill(playing[0])
        else:
            await playing[0].close(run_before_unload=True)
        await expect(other.locator("html")).to_have_attribute("data-ringing", "here")
        await answer(site, "101")
        await expect(other.locator("html")).not_to_have_attribute("data-ringing", "here")
        await expect(other).to_have_title(re.compile("^Desk"))


async def test_a_lost_pbx_and_an_unreachable_phone_are_said(site: DeskSite, chromium: Browser) -> None:
    async with desk_of(site, chromium, "anna") as anna:
        at = system_clock()
        await site.tell(
            PbxLost(PBX, at, "connection refused"), DeviceChanged(PBX, at, "PJSIP/101", "UNAVAILABLE")
        )
        banners = anna.page.locator("#banners")
        await expect(banners).to_contain_text("We cannot see the PBX since")
        await expect(banners).to_contain_text("PJSIP/101 is not connected")
        await expect(anna.page.locator("#no-cards")).to_contain_text("Calls cannot be shown now")
        await site.tell(PbxConnected(PBX, at), DeviceChanged(PBX, at, "PJSIP/101", "NOT_INUSE"))
        await expect(banners).to_be_empty()
        await expect(anna.page.locator("#no-cards")).to_contain_text("Ready for calls")
        await expect(anna.page.locator("#phones")).to_contain_text("ready")


async def test_the_queues_count_waiting_callers(site: DeskSite, chromium: Browser) -> None:
    async with desk_of(site, chromium, "anna") as anna:
        at = system_clock()
        await site.tell(member("support", "101", at), started("w1", at), CallQueued("w1", at, "support"))
        await expect(anna.page.locator("#queues")).to_contain_text("1 waiting")
        await expect(anna.page.locator("call-card")).to_have_count(0)


async def test_a_pop_is_acknowledged_with_its_visibility(
    site: DeskSite, chromium: Browser, desk_database: Database
) -> None:
    async with desk_of(site, chromium, "anna") as anna:
        await ring(site, "101")
        await expect(anna.page.locator(card(anna.page, "ringing"))).to_be_visible()
        while not site.hub.pops.is_shown(site.users["anna"].id, "c1"):
            await anna.page.wait_for_timeout(20)
        await answer(site, "101")
        rows: Sequence[object] = []
        while not rows:
            await anna.page.wait_for_timeout(20)
            async with desk_database.read() as connection:
                rows = (await connection.execute(select(*PopRow.__table__.c))).all()
        [row] = rows
        assert row.visible  # type: ignore[attr-defined]
        assert row.rang_at <= row.shown_at <= row.over_at  # type: ignore[attr-defined]


async def test_hostile_names_are_only_text(site: DeskSite, chromium: Browser) -> None:
    async with desk_of(site, chromium, "anna") as anna:
        at = system_clock()
        nasty = '<img src=x onerror="document.title=1">'
        await site.tell(started("c1", at, inbound(None, nasty)), PhoneRinging("c1", at, phone("101")))
        await expect(anna.page.locator("call-card h2")).to_have_text(nasty)
        await expect(anna.page.locator("call-card")).to_contain_text("Withheld number")
        assert complaints_of(anna) == []


async def test_an_ended_session_leads_to_the_login(site: DeskSite, chromium: Browser) -> None:
    async with desk_of(site, chromium, "anna") as anna:
        second = await anna.context.new_page()
        await second.goto(site.url("/desk"))
        await second.click("button.avatar")
        await second.click("text=Log out")
        await expect(anna.page.locator("#password")).to_be_visible()


@pytest.mark.parametrize(
    ("size", "dark"), [(DESKTOP, False), (PHONE, True)], ids=["desktop light", "phone dark"]
)
async def test_accessible_and_within_the_page(
    site: DeskSite, chromium: Browser, size: dict[str, int], dark: bool
) -> None:
    async with desk_of(site, chromium, "anna", size=size, dark=dark) as anna:
        await assert_accessible(anna.page)
        await site.tell(member("support", "101", 1.0, paused=True))
        await ring(site, "101")
        await expect(anna.page.locator(".naming")).to_be_visible()
        await assert_accessible(anna.page)
        await answer(site, "101")
        await ring(site, "101", call_id="c2", number=None)
        await site.tell(started("c3", system_clock(), internal("102", "101")))
        await site.tell(PhoneRinging("c3", system_clock(), phone("101")), PbxLost(PBX, 5.0, "gone"))
        await expect(anna.page.locator("call-card")).to_have_count(3)
        await assert_accessible(anna.page)
        await hang_up(site, "101")
        await hang_up(site, "101", call_id="c2", number=None)
        await expect(anna.page.locator(card(anna.page, "wrap_up"))).to_be_visible()
        await assert_accessible(anna.page)
        wide = "document.documentElement.scrollWidth > document.documentElement.clientWidth"
        assert not await anna.page.evaluate(wide)
        assert complaints_of(anna) == []


@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
async def test_long_numbers_and_names_are_cut_nowhere(
    site: DeskSite, chromium: Browser, size: dict[str, int]
) -> None:
    long = Parties(Direction.INBOUND, "9" * 48, "W" * 80, "8" * 48, None)
    async with desk_of(site, chromium, "anna", size=size) as anna:
        at = system_clock()
        await site.tell(started("c1", at, long), CallQueued("c1", at, "q" * 60))
        await site.tell(PhoneRinging("c1", at, phone("101")))
        await expect(anna.page.locator(card(anna.page, "ringing"))).to_be_visible()
        assert await anna.page.evaluate(BEYOND_ITS_CARD) == []
        await assert_fits(anna.page)
        assert len(await anna.page.title()) < 80
        assert complaints_of(anna) == []
