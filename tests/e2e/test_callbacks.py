"""Promises kept on a real Asterisk with a real desk in Chromium: an abandoned call is returned by a free agent, whose
phone rings first; both really hear each other; the promise is closed. And what happens when it does not go so well."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from aiohttp.test_utils import TestServer
from playwright.async_api import Browser, Page
from sqlalchemy import select

from callback.ask import Accepted, Ask
from callback.kinds import Source
from callback.tables import Attempt, Callback
from config.callbacks import CallbackSettings, Department, Website
from config.settings import Public
from core.ports import FreeAgent
from server.callbacks.parts import POOL
from server.desk.callback_parts import REQUESTS
from server.web.public import public_application
from tests.asterisk.call import Call
from tests.asterisk.lab import Lab
from tests.asterisk.pbx import Pbx
from tests.browser.conftest import open_window
from tests.e2e.conftest import Desk, assert_seconds, dialling_settings
from tests.e2e.test_pops import QUEUE, SHOWN, logged
from tests.public_site import shop_application
from tests.site import DEADLINE_S, Site, eventually, free_port, running

pytestmark = [pytest.mark.asterisk, pytest.mark.browser]

CALLER, DIGITS = "+48226011111", "48226011111"
LEAST_FILL_MS = 4000
"""A form that is filled sooner looks like a program's, and is held."""

GREETING_S = 1.0
"""Without a site's own prompt: a tone, and time for a key."""

SALES = Department(queue="desk", hours=("mon-sun 24h",), missed_after_seconds=0)
NO_QUIET_TIME = CallbackSettings(quiet_from="00:00", quiet_until="00:00")


@pytest.fixture
def shop_port() -> int:
    return free_port()


@pytest.fixture
async def site(pbx: Pbx, tmp_path: Path, shop_port: int) -> AsyncIterator[Site]:
    """A server that returns calls of the queue `desk`, and of visitors to a shop on another origin."""
    shop = Website(origins=(f"http://127.0.0.1:{shop_port}",), department="sales")
    settings = dialling_settings(pbx, tmp_path).model_copy(
        update={
            "department": {"sales": SALES},
            "website": {"shop": shop},
            "callback": NO_QUIET_TIME,
            "public": Public(port=free_port()),
        }
    )
    async with running(settings) as site:
        await site.add_person("anna", "101")
        await site.add_person("marek", "102")
        await site.sees_the_pbx()
        yield site


async def anna_is_free(site: Site) -> None:
    """Only then does the form offer a call at once."""

    async def free() -> Sequence[FreeAgent]:
        return site.app[POOL].free("main", "desk")

    await eventually(free)


async def callbacks(site: Site) -> list[Any]:
    async with site.database.read() as connection:
        return list((await connection.execute(select(Callback.__table__))).all())


async def attempts(site: Site) -> list[Any]:
    async with site.database.read() as connection:
        return list((await connection.execute(select(Attempt.__table__).order_by(Attempt.made_at))).all())


async def settled(site: Site) -> Any:
    """The one callback once no attempt runs."""

    async def rested() -> list[Any]:
        return [one for one in await callbacks(site) if one.state != "dialling" and await attempts(site)]

    (callback,) = await eventually(rested)
    return callback


async def ask(site: Site) -> int:
    """A customer asks to be called back at once."""
    answer = await site.app[REQUESTS].submit(Ask(Source.AGENT, CALLER, department="sales"))
    assert isinstance(answer, Accepted)
    return answer.callback_id


async def both_hear(at_agent: Call, at_customer: Call) -> None:
    """Each hears the other's tone."""
    at_agent.plays(1000)
    at_customer.plays(600)
    await at_agent.hears_tone(600)
    await at_customer.hears_tone(1000)


async def takes(site: Site, lab: Lab, anna: Desk, then: str) -> Call:
    """Anna takes the call back that a customer asks for, and presses this button."""
    phone = await lab.phone("101")
    await ask(site)
    at_agent = await phone.rings()
    await at_agent.answer()
    await anna.cards.get_by_role("button", name=then).click()
    return at_agent


@pytest.fixture
async def visitor(site: Site, shop_port: int, chromium: Browser) -> AsyncIterator[Page]:
    """Somebody at the shop's page, in which our widget stands."""
    port = site.settings.public.port
    assert port is not None
    ours = TestServer(public_application(site.app), host="127.0.0.1", port=port)
    shop = TestServer(shop_application(port), host="127.0.0.1", port=shop_port)
    async with ours, shop:
        visit = await open_window(chromium)
        visit.page.set_default_timeout(DEADLINE_S * 1000)
        await visit.page.goto(f"http://127.0.0.1:{shop_port}/?utm_source=newsletter")
        yield visit.page


async def test_a_visitor_of_another_origin_is_called_back_and_both_hear_each_other(
    site: Site, lab: Lab, anna: Desk, visitor: Page
) -> None:
    phone = await lab.phone("101")
    await anna_is_free(site)
    await visitor.get_by_role("button", name="Call me back").click()
    await visitor.get_by_role("textbox", name="Phone number").fill("22 601 11 11")
    await visitor.get_by_role("textbox", name="Phone number").press("Tab")
    await visitor.wait_for_timeout(LEAST_FILL_MS)
    await visitor.locator("button.send").click()
    at_agent = await phone.rings()
    await anna.shows("ringing", SHOWN, "newsletter")
    assert lab.trunk.calls == []
    await at_agent.answer()
    await anna.cards.get_by_role("button", name="Connect now").click()
    at_customer = await lab.trunk.rings(DIGITS)
    await at_customer.answer()
    await both_hear(at_agent, at_customer)
    await anna.shows("talking", SHOWN)
    await at_customer.hangup()
    await anna.shows("wrap_up", SHOWN)
    callback = await settled(site)
    assert (callback.outcome, callback.number, callback.proven) == ("reached", CALLER, False)
    call = await logged(site)
    assert (call.direction, call.result, call.caller, call.callee) == ("callback", "answered", "101", DIGITS)
    # Between the customer's answer and the talk stands the greeting, in which they can press 9.
    assert_seconds(call.talk_s + GREETING_S, at_customer.answered_at, at_customer.ended_at)
    assert len(lab.trunk.calls) == 1


async def test_an_abandoned_call_is_returned_once_and_both_hear_each_other(
    site: Site, lab: Lab, anna: Desk
) -> None:
    phone_101, _ = await lab.members("desk", "101", "102")
    customer = await lab.trunk.dial(QUEUE, caller=CALLER)
    await phone_101.rings()
    await anna.shows("ringing", SHOWN)
    await customer.cancel()
    at_agent = await phone_101.rings()
    await anna.shows("ringing", SHOWN)
    assert [one.number for one in lab.trunk.calls if one is not customer] == []
    await at_agent.answer()
    at_customer = await lab.trunk.rings(DIGITS)
    await at_customer.answer()
    await both_hear(at_agent, at_customer)
    await anna.shows("talking", SHOWN)
    await at_customer.hangup()
    callback = await settled(site)
    assert (callback.state, callback.outcome, callback.number, callback.proven) == (
        "closed", "reached", CALLER, True,
    )  # fmt: skip
    (attempt,) = await attempts(site)
    assert (attempt.result, attempt.extension) == ("reached", "101")


async def test_an_agent_who_does_not_answer_costs_the_customer_nothing(
    site: Site, lab: Lab, anna: Desk
) -> None:
    phone = await lab.phone("101")
    await ask(site)
    ringing = await phone.rings()
    await anna.shows("ringing", SHOWN)
    ringing.refuse(486)
    callback = await settled(site)
    assert (callback.state, callback.rung, callback.offers) == ("waiting", 0, 1)
    assert lab.trunk.calls == []


async def test_an_agent_who_says_not_now_at_the_desk_costs_the_customer_nothing(
    site: Site, lab: Lab, anna: Desk
) -> None:
    at_agent = await takes(site, lab, anna, "Not now")
    await at_agent.ended()
    callback = await settled(site)
    assert (callback.state, callback.rung, callback.offers) == ("waiting", 0, 1)
    (attempt,) = await attempts(site)
    assert (attempt.result, attempt.customer_dialled_at) == ("agent_declined", None)
    assert at_agent.ended_by == "them"
    assert lab.trunk.calls == []


async def test_a_customer_whose_machine_answered_is_still_owed_the_call(
    site: Site, lab: Lab, anna: Desk
) -> None:
    at_agent = await takes(site, lab, anna, "Connect now")
    at_machine = await lab.trunk.rings(DIGITS)
    await at_machine.answer()
    at_machine.plays(600)
    await at_agent.hears_tone(600)
    await anna.cards.get_by_role("button", name="A machine answered").click()
    await anna.shows("talking", "still owed a call")
    await at_agent.hangup()
    callback = await settled(site)
    assert (callback.state, callback.rung, callback.outcome) == ("waiting", 1, None)
    (attempt,) = await attempts(site)
    assert (attempt.result, attempt.machine) == ("no_answer", True)
    assert len(lab.trunk.calls) == 1


async def test_a_busy_customer_is_tried_again_later(site: Site, lab: Lab, anna: Desk) -> None:
    phone = await lab.phone("101")
    await ask(site)
    at_agent = await phone.rings()
    await at_agent.answer()
    at_customer = await lab.trunk.rings(DIGITS)
    at_customer.refuse(486)
    await at_agent.ended()
    callback = await settled(site)
    assert (callback.state, callback.rung, callback.offers) == ("waiting", 1, 0)
    assert callback.due_at >= callback.created_at + 15 * 60
    assert [one.result for one in await attempts(site)] == ["busy"]


async def test_p18_a_customer_who_rings_in_is_not_called_back(site: Site, lab: Lab, anna: Desk) -> None:
    phone_101 = await lab.phone("101")
    await ask(site)
    at_agent = await phone_101.rings()
    at_agent.refuse(486)
    await settled(site)
    customer = await lab.trunk.dial("48221000901", caller=CALLER)
    talking = await phone_101.rings()
    await talking.answer()
    await customer.hears()
    await customer.hangup()

    async def closed() -> list[Any]:
        return [one for one in await callbacks(site) if one.closed_at is not None]

    (callback,) = await eventually(closed)
    assert callback.outcome == "contact"
    assert len(lab.trunk.calls) == 1
