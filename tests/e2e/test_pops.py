"""Real calls on a real Asterisk: cards shown, retracted and moved on two Chromium desks (P1–P3), and the truth in the
log, measured against the phones' own clocks."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.async_api import Page, expect
from sqlalchemy import select

from pbx_bridge.tables import Call, CallPerson, CallTransfer
from tests.asterisk.lab import Lab
from tests.e2e.conftest import Desk, assert_seconds
from tests.site import DEADLINE_S, Site, eventually

pytestmark = [pytest.mark.asterisk, pytest.mark.browser]

CALLER = "+48226011111"
SHOWN = "+48 22 601 11 11"
QUEUE, DIRECT_101 = "48221000900", "48221000901"


async def logged(site: Site) -> Any:
    """The one finished call."""

    async def finished() -> list[Any]:
        async with site.database.read() as connection:
            rows = await connection.execute(select(Call.__table__).where(Call.ended_at.is_not(None)))
            return list(rows)

    (call,) = await eventually(finished)
    return call


async def people(site: Site, role: str) -> list[str]:
    async with site.database.read() as connection:
        query = select(CallPerson.extension).where(CallPerson.role == role).order_by(CallPerson.position)
        return list((await connection.execute(query)).scalars())


async def transfers(site: Site) -> list[tuple[str, str, str]]:
    async with site.database.read() as connection:
        query = select(CallTransfer.kind, CallTransfer.from_extension, CallTransfer.to)
        found = await connection.execute(query.order_by(CallTransfer.position))
        return [(row.kind, row.from_extension, row.to) for row in found]


async def test_p1_a_direct_call_pops_where_it_rings(site: Site, lab: Lab, anna: Desk, marek: Desk) -> None:
    phone = await lab.phone("101")
    customer = await lab.trunk.dial(DIRECT_101, caller=CALLER)
    ringing = await phone.rings()
    await anna.shows("ringing", SHOWN, "New customer")
    await marek.is_empty()
    await ringing.answer()
    await anna.shows("talking", SHOWN)
    await customer.hears()
    await ringing.hangup()
    await anna.shows("wrap_up", SHOWN)
    call = await logged(site)
    assert (call.result, call.direction, call.callee) == ("answered", "inbound", DIRECT_101)
    assert call.ended_by == "agent"
    assert_seconds(call.talk_s, ringing.answered_at, ringing.ended_at)


async def test_p2_ring_all_shows_both_and_leaves_the_one_who_answers(
    site: Site, lab: Lab, anna: Desk, marek: Desk, boss: Page
) -> None:
    phone_101, phone_102 = await lab.members("desk", "101", "102")
    customer = await lab.trunk.dial(QUEUE, caller=CALLER)
    ringing_101, _ = await phone_101.rings(), await phone_102.rings()
    await anna.shows("ringing", SHOWN, "desk")
    await marek.shows("ringing", SHOWN, "desk")
    await ringing_101.answer()
    await anna.shows("talking", SHOWN)
    await marek.is_empty()
    await expect(marek.page.get_by_text("Missed")).to_have_count(0)
    await customer.hears()
    await customer.hangup()
    await anna.shows("wrap_up", SHOWN)
    call = await logged(site)
    assert (call.result, call.caller, call.queue, call.ended_by) == ("answered", CALLER, "desk", "caller")
    assert (sorted(await people(site, "rang")), await people(site, "talked")) == (["101", "102"], ["101"])
    assert_seconds(call.wait_s, customer.started_at, ringing_101.answered_at)
    assert_seconds(call.talk_s, ringing_101.answered_at, customer.ended_at)
    await boss.goto(f"{site.url}/calls")
    await expect(boss.get_by_text(SHOWN).first).to_be_visible(timeout=DEADLINE_S * 1000)


async def test_an_abandoned_call_leaves_every_screen(site: Site, lab: Lab, anna: Desk, marek: Desk) -> None:
    phone_101, _ = await lab.members("desk", "101", "102")
    customer = await lab.trunk.dial(QUEUE, caller=CALLER)
    await phone_101.rings()
    await anna.shows("ringing", SHOWN)
    await marek.shows("ringing", SHOWN)
    await customer.cancel()
    await anna.is_empty()
    await marek.is_empty()
    call = await logged(site)
    assert (call.result, call.ended_by, call.talk_s) == ("abandoned", "caller", 0)
    assert_seconds(call.wait_s, customer.started_at, customer.ended_at)


async def test_a_refused_call_is_missed(site: Site, lab: Lab, anna: Desk) -> None:
    phone = await lab.phone("101")
    customer = await lab.trunk.dial(DIRECT_101, caller=CALLER)
    ringing = await phone.rings()
    await anna.shows("ringing", SHOWN)
    ringing.refuse(486)
    await customer.ended()
    await anna.is_empty()
    call = await logged(site)
    assert (call.result, await people(site, "rang")) == ("missed", ["101"])


async def test_p3_a_blind_transfer_brings_the_customer_not_the_colleague(
    site: Site, lab: Lab, anna: Desk, marek: Desk
) -> None:
    phone_101, phone_102 = await lab.phones("101", "102")
    customer = await lab.trunk.dial(DIRECT_101, caller=CALLER)
    first = await phone_101.rings()
    await first.answer()
    await anna.shows("talking", SHOWN)
    await first.refer("902")
    second = await phone_102.rings()
    await marek.shows("ringing", SHOWN, "Anna")
    await second.answer()
    await marek.shows("talking", SHOWN)
    await anna.shows("wrap_up", SHOWN)
    await customer.hears()
    await customer.hangup()
    await marek.shows("wrap_up", SHOWN)
    call = await logged(site)
    assert (call.result, call.caller, await people(site, "talked")) == ("answered", CALLER, ["101", "102"])
    assert await transfers(site) == [("blind", "101", "902")]


async def test_p3_an_attended_transfer_moves_the_card(site: Site, lab: Lab, anna: Desk, marek: Desk) -> None:
    phone_101, phone_102 = await lab.phones("101", "102")
    customer = await lab.trunk.dial(DIRECT_101, caller=CALLER)
    first = await phone_101.rings()
    await first.answer()
    await anna.shows("talking", SHOWN)
    await first.hold()
    consultation = await phone_101.dial("902")
    second = await phone_102.rings()
    await second.answer()
    await marek.shows("talking")
    await consultation.hears()
    await first.refer("902", consultation)
    await marek.shows("talking", SHOWN, "Anna")
    await anna.shows("wrap_up", SHOWN)
    await customer.hears()
    await second.hangup()
    call = await logged(site)
    assert (call.result, call.ended_by, call.caller) == ("answered", "agent", CALLER)
    assert await transfers(site) == [("attended", "101", "902")]
    assert await people(site, "talked") == ["101", "102"]
    assert_seconds(call.talk_s, first.answered_at, second.ended_at)
