"""The dialer on a real PBX: what it places, asks and ends really happens, once, and it knows when nothing did."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from core.accounts import UserDevice
from core.errors import PbxError
from core.facts import (
    CallAnswered,
    CallbackDeclined,
    CallEnded,
    CustomerDialled,
    Direction,
    Verdict,
    attempt_of,
)
from core.ports import DialOrder
from tests.asterisk.dialling import Dialling, dialling
from tests.asterisk.lab import Lab
from tests.asterisk.pbx import PATIENT_GREETING, Pbx

pytestmark = pytest.mark.asterisk

CUSTOMER = "48226019999"
ANNA = UserDevice("main", "PJSIP/101", "101")


@pytest.fixture
async def ours(lab: Lab, tmp_path: Path) -> AsyncIterator[Dialling]:
    async with dialling(lab, tmp_path) as ours:
        yield ours


def to_anna(number: str = CUSTOMER) -> DialOrder:
    return DialOrder(secrets.token_hex(10), "main", f"+{number}", agent=ANNA)


async def test_placed_call_is_live_until_it_is_hung_up_and_leaves_a_marker(lab: Lab, ours: Dialling) -> None:
    agent, order = await lab.phone("101"), to_anna()
    assert await ours.dialer.marker("main", order.attempt_id) is None
    await ours.dialer.place(order)
    assert ours.dialer.is_live("main", order.attempt_id)
    at_agent = await agent.rings()
    assert await ours.dialer.marker("main", order.attempt_id) == "agent"
    await ours.dialer.hang_up("main", order.attempt_id)
    await at_agent.ended()
    record = (await ours.hears(CallEnded)).record
    assert (record.result, record.call_id) == (Verdict.MISSED, f"main-cb-{order.attempt_id}")
    assert not ours.dialer.is_live("main", order.attempt_id)
    assert lab.trunk.calls == []


async def test_connect_now_ends_the_announcement_at_once(lab: Lab, ours: Dialling) -> None:
    agent, order = await lab.phone("101"), to_anna()
    assert ours.dialer.announcement_s("main") == 5.0
    await ours.dialer.place(order)
    at_agent = await agent.rings()
    answered = await at_agent.answer()
    await ours.hears(CallAnswered)
    assert lab.trunk.calls == []
    await ours.dialer.connect_now("main", order.attempt_id)
    at_customer = await lab.trunk.rings(CUSTOMER)
    assert at_customer.started_at - answered < 3.0
    # While the customer is being dialled a second click changes nothing.
    await ours.dialer.connect_now("main", order.attempt_id)
    await at_customer.answer()
    at_agent.plays(1000)
    at_customer.plays(600)
    await at_agent.hears_tone(600)
    await at_customer.hears_tone(1000)
    await at_customer.hangup()
    record = (await ours.hears(CallEnded)).record
    assert (record.result, record.customer_number) == (Verdict.ANSWERED, f"+{CUSTOMER}")
    assert await ours.dialer.marker("main", order.attempt_id) == "customer"


class Proposing:
    """Another CRM that routes by the caller id."""

    def __init__(self, shown: str) -> None:
        self.shown = shown

    async def to_show(self, _order: DialOrder, _call_id: str) -> str | None:
        return self.shown

    async def not_dialled(self, _order: DialOrder, _call_id: str) -> None:
        raise AssertionError("it was dialled")


SHOWN = [("48221000150", "48221000150"), ("48600100200", "48221000101")]
"""A number of the site's own is seen, anybody else's is not: RINGBACK_CALLERS of the dialplan."""


@pytest.mark.parametrize(("proposed", "seen"), SHOWN)
@pytest.mark.parametrize("customer_first", [False, True])
async def test_the_customer_sees_a_number_of_ours_that_another_crm_proposed(
    lab: Lab, tmp_path: Path, proposed: str, seen: str, customer_first: bool
) -> None:
    agent = await lab.phone("101")
    async with dialling(lab, tmp_path, caller_ids=Proposing(proposed)) as ours:
        order = replace(to_anna(), customer_first=customer_first)
        await ours.dialer.place(order)
        if not customer_first:
            at_agent = await agent.rings()
            await at_agent.answer()
            await ours.hears(CallAnswered)
            await ours.dialer.connect_now("main", order.attempt_id)
        at_customer = await lab.trunk.rings(CUSTOMER)
        assert f"<sip:{seen}@" in at_customer.remote
        await ours.dialer.hang_up("main", order.attempt_id)
        await at_customer.ended()


async def test_the_announcement_lasts_as_long_as_the_dialplan_of_the_site_says(
    lab: Lab, tmp_path: Path
) -> None:
    line = "RINGBACK_ANNOUNCEMENT="
    async with lab.pbx.edited(f"{line}5", f"{line}12"), dialling(lab, tmp_path) as ours:
        assert ours.dialer.announcement_s("main") == 12.0
    async with lab.pbx.edited(f"{line}5", f"{line}${{GLOBAL(SECONDS)}}"), dialling(lab, tmp_path) as ours:
        assert ours.dialer.announcement_s("main") == 5.0


async def test_nothing_is_placed_while_a_call_of_the_same_attempt_lives(lab: Lab, ours: Dialling) -> None:
    agent, order = await lab.phone("101"), to_anna()
    await ours.dialer.place(order)
    await agent.rings()
    await ours.dialer.place(order)
    await asyncio.sleep(0.5)
    assert len(agent.calls) == 1


async def test_who_comes_after_a_crash_finds_the_call_and_hears_its_end(lab: Lab, tmp_path: Path) -> None:
    agent, order = await lab.phone("101"), to_anna()
    before, after = tmp_path / "before", tmp_path / "after"
    before.mkdir()
    after.mkdir()
    async with dialling(lab, before) as ours:
        await ours.dialer.place(order)
        at_agent = await agent.rings()
        await at_agent.answer()
    async with dialling(lab, after) as ours:
        assert ours.dialer.is_live("main", order.attempt_id)
        assert await ours.dialer.marker("main", order.attempt_id) == "agent"
        await ours.dialer.connect_now("main", order.attempt_id)
        at_customer = await lab.trunk.rings(CUSTOMER)
        await ours.hears(CustomerDialled)
        await at_customer.answer()
        await at_agent.hears()
        await at_customer.hangup()
        record = (await ours.hears(CallEnded)).record
    assert (record.direction, record.result) == (Direction.CALLBACK, Verdict.ANSWERED)
    assert attempt_of(record.call_id) == order.attempt_id
    assert len(lab.trunk.calls) == 1


async def test_a_place_in_a_queue_is_answered_by_who_is_free(lab: Lab, ours: Dialling) -> None:
    agent = await lab.phone("101")
    order = DialOrder(secrets.token_hex(10), "main", f"+{CUSTOMER}", queue="desk", position=1)
    await ours.dialer.place(order)
    at_agent = await agent.rings()
    await at_agent.answer()
    assert (await ours.hears(CallAnswered)).phone.extension == "101"
    await ours.dialer.connect_now("main", order.attempt_id)
    await lab.trunk.rings(CUSTOMER)
    await ours.hears(CustomerDialled)
    await ours.dialer.hang_up("main", order.attempt_id)
    record = (await ours.hears(CallEnded)).record
    assert (record.result, record.queue, record.caller) == (Verdict.MISSED, "desk", "101")


async def test_a_pbx_without_our_contexts_rings_nobody_and_says_so(lab: Lab, ours: Dialling) -> None:
    await lab.pbx.cli("dialplan remove context ringback-agent")
    try:
        await ours.dialer.place(to_anna())
    finally:
        await lab.pbx.cli("dialplan reload")
    record = (await ours.hears(CallEnded)).record
    assert (record.result, record.rang) == (Verdict.MISSED, ())


async def test_no_agent_is_rung_for_a_number_that_the_dialplan_does_not_allow(
    lab: Lab, ours: Dialling
) -> None:
    agent, order = await lab.phone("101"), to_anna("4915112345678")
    await ours.dialer.place(order)
    record = (await ours.hears(CallEnded)).record
    assert (record.result, record.rang) == (Verdict.MISSED, ())
    assert await ours.dialer.marker("main", order.attempt_id) == "refused"
    assert agent.calls == []


async def test_key_9_leaves_a_marker(pbx: Pbx, lab: Lab, ours: Dialling) -> None:
    agent, order = await lab.phone("101"), to_anna()
    async with pbx.edited(*PATIENT_GREETING):
        await ours.dialer.place(order)
        await (await agent.rings()).answer()
        await ours.hears(CallAnswered)
        await ours.dialer.connect_now("main", order.attempt_id)
        at_customer = await lab.trunk.rings(CUSTOMER)
        await at_customer.answer()
        await at_customer.hears()
        await at_customer.press("9")
        await at_customer.ended()
    assert (await ours.hears(CallbackDeclined)).attempt_id == order.attempt_id
    assert await ours.dialer.marker("main", order.attempt_id) == "declined"


async def test_an_order_that_says_too_little_is_not_sent(ours: Dialling) -> None:
    attempt = secrets.token_hex(10)
    for order in (
        DialOrder(attempt, "main", "+48226019999"),
        DialOrder(attempt, "main", "+48,22", agent=ANNA),
        DialOrder("not ours", "main", "+48226019999", agent=ANNA),
        DialOrder(attempt, "main", "+48226019999", queue="sales@elsewhere"),
        DialOrder(attempt, "elsewhere", "+48226019999", agent=ANNA),
    ):
        with pytest.raises(PbxError):
            await ours.dialer.place(order)
    assert not ours.dialer.is_live("main", attempt)
