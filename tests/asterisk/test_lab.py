"""The laboratory itself: a real Asterisk rings real phones, and what they saw agrees with the PBX's own records."""

from __future__ import annotations

import asyncio

import pytest

from tests.asterisk.lab import Lab
from tests.asterisk.load import Played, answering, customers_call
from tests.asterisk.pbx import Pbx

pytestmark = pytest.mark.asterisk


async def test_ring_group_is_answered_by_one_phone(lab: Lab) -> None:
    first, second = await lab.phones("101", "102")
    customer = await lab.trunk.dial("48221000300", caller="+48226011111", name='"Jan"')
    at_first, at_second = await first.rings(), await second.rings()
    answered = await at_first.answer()
    await customer.answered()
    assert await at_second.ended() >= answered
    await customer.hears()
    await at_first.hears()
    await customer.hangup()
    await at_first.ended()
    assert (at_first.ended_by, at_second.answered_at) == ("them", None)


async def test_queue_call_is_in_the_records_of_the_pbx(lab: Lab) -> None:
    agent = await lab.phone("101")
    customer = await lab.trunk.dial("48221000400", caller="+48226011111")
    ringing = await agent.rings()
    answered = await ringing.answer()
    await asyncio.sleep(0.3)
    await ringing.hangup()
    await customer.ended()
    await lab.pbx.idle()
    entered = [
        row for row in lab.pbx.cel() if row.event == "BRIDGE_ENTER" and row.channel.startswith("PJSIP/trunk-")
    ]
    assert abs(entered[-1].at - answered) < 1
    assert "COMPLETEAGENT" in {row[4] for row in lab.pbx.queue_log()}


async def test_killed_pbx_starts_again(own_pbx: Pbx) -> None:
    async with Lab(own_pbx) as lab:
        agent = await lab.phone("101")
        await lab.trunk.dial("48221000101", caller="+48226011111")
        await (await agent.rings()).answer()
        await own_pbx.kill9()
        await own_pbx.start()
        assert (await own_pbx.cli("core show channels count")).startswith("0 active channels")


async def test_sipp_plays_customers(lab: Lab) -> None:
    async with answering(await lab.phone("101")):
        played = await customers_call(lab.pbx, "48221000101", calls=5, per_second=5, talk_ms=300)
    assert played == Played(good=5, failed=0)
