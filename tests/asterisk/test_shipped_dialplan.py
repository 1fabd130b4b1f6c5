"""The contexts in config/asterisk/ do what they promise: nobody is dialled twice, by strangers, or without end."""

from __future__ import annotations

import asyncio
import math
import secrets
import struct
import wave
from pathlib import Path

import pytest

from core.accounts import UserDevice
from core.ports import DialOrder
from tests.asterisk.ami_tap import AmiTap
from tests.asterisk.lab import Lab
from tests.asterisk.pbx import Pbx
from tests.asterisk.phone import Phone
from tests.asterisk.sip import token

pytestmark = pytest.mark.asterisk

CUSTOMER = "48226019999"
AT_ONCE = 10
"""RINGBACK_AT_ONCE as shipped."""
PLACES = 20
"""RINGBACK_PLACES as shipped."""


async def markers(lab: Lab, attempt: str) -> str:
    """The console's view of the attempt's marker."""
    return await lab.pbx.cli(f"database showkey cb-{attempt}")


async def callback_to_its_end(lab: Lab, agent: Phone, attempt: str) -> None:
    """The agent answers, the customer answers, the customer hangs up."""
    await lab.originate("101", CUSTOMER, attempt=attempt)
    at_agent = await agent.rings()
    await at_agent.answer()
    at_customer = await lab.trunk.rings(CUSTOMER)
    await at_customer.answer()
    await at_agent.hears()
    await at_customer.hangup()
    await lab.pbx.idle()


async def test_an_attempt_that_was_placed_is_not_placed_again(lab: Lab) -> None:
    agent, attempt = await lab.phone("101"), token()
    await callback_to_its_end(lab, agent, attempt)
    rung, dialled = len(agent.calls), len(lab.trunk.calls)
    await lab.originate("101", CUSTOMER, attempt=attempt)
    await asyncio.sleep(0.5)
    await lab.pbx.idle()
    assert (len(agent.calls), len(lab.trunk.calls)) == (rung, dialled)


async def test_the_marker_tells_how_far_an_attempt_came(lab: Lab) -> None:
    agent, refused, placed = await lab.phone("101"), token(), token()
    await lab.originate("101", CUSTOMER, attempt=refused)
    (await agent.rings()).refuse(486)
    await lab.pbx.idle()
    await callback_to_its_end(lab, agent, placed)
    assert ": agent" in await markers(lab, refused)
    assert ": customer" in await markers(lab, placed)
    assert "0 results" in await markers(lab, token())


async def test_the_events_user_can_read_the_marker(lab: Lab) -> None:
    attempt = token()
    agent = await lab.phone("101")
    await lab.originate("101", CUSTOMER, attempt=attempt)
    (await agent.rings()).refuse(486)
    weekday = (await markers(lab, attempt)).split("ringback-")[1][0]
    async with AmiTap(lab.pbx, "ringback-events") as tap:
        await tap.say("DBGet", {"Family": f"ringback-{weekday}", "Key": f"cb-{attempt}"}, "marker")
        await tap.sees(b"Val: agent")


async def test_a_call_that_is_no_attempt_of_ours_is_refused(lab: Lab) -> None:
    agent = await lab.phone("101")
    headers = {"Channel": "Local/101@ringback-agent/n", "Context": "ringback-callback", "Exten": CUSTOMER}
    async with AmiTap(lab.pbx, "ringback-dial") as hand:
        await hand.say("Originate", headers | {"Priority": "1", "Async": "true", "ChannelId": "other-1"}, "1")
        await hand.sees(b"Event: OriginateResponse\r\n")
    assert agent.calls == []


async def test_no_more_callbacks_at_once_than_the_cap(lab: Lab) -> None:
    agent = await lab.phone("101")
    for _ in range(AT_ONCE + 2):
        await lab.originate("101", CUSTOMER)
    await asyncio.sleep(1.0)
    assert len(agent.calls) == AT_ONCE


async def test_no_more_places_in_queues_than_the_cap(lab: Lab) -> None:
    for _ in range(PLACES + 2):
        await lab.place(DialOrder(secrets.token_hex(10), "main", f"+{CUSTOMER}", queue="q-empty"))
    await asyncio.sleep(1.0)
    assert f"q-empty has {PLACES} calls" in await lab.pbx.cli("queue show q-empty")


async def test_customer_first_refuses_a_number_outside_the_allow_list(lab: Lab) -> None:
    agent = UserDevice("main", "PJSIP/101", "101")
    attempt = secrets.token_hex(10)
    await lab.place(DialOrder(attempt, "main", "+442079460000", agent=agent, customer_first=True))
    await asyncio.sleep(0.5)
    await lab.pbx.idle()
    assert lab.trunk.calls == []
    assert "0 results" in await markers(lab, attempt)


async def test_a_customer_who_presses_the_transfer_key_is_only_heard_to_press_it(lab: Lab) -> None:
    agent = await lab.phone("101")
    await lab.originate("101", CUSTOMER)
    at_agent = await agent.rings()
    await at_agent.answer()
    await asyncio.sleep(0.3)
    await at_agent.press("1")
    at_customer = await lab.trunk.rings(CUSTOMER)
    await at_customer.answer()
    await asyncio.sleep(1.5)
    await at_customer.press("#1")
    await asyncio.sleep(0.3)
    assert at_agent.rtp is not None
    heard = at_agent.rtp.received
    await asyncio.sleep(1.0)
    # A transfer that has begun holds the other side: not a packet would come.
    assert at_agent.rtp.received > heard + 25


def speak(folder: Path, name: str, hertz: int) -> None:
    """A prompt of a site's own: some seconds of a tone, long enough for a test that is kept waiting."""
    samples = (int(8000 * math.sin(2 * math.pi * hertz * n / 8000)) for n in range(10 * 8000))
    folder.mkdir(exist_ok=True)
    with wave.open(str(folder / f"{name}.wav"), "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(8000)
        sound.writeframes(b"".join(struct.pack("<h", sample) for sample in samples))


async def test_prompts_of_a_sites_own_are_heard_in_the_place_of_tones(own_pbx: Pbx) -> None:
    dialplan = own_pbx.folder / "etc" / "extensions_ringback.conf"
    dialplan.write_text(dialplan.read_text().replace("${ASTDATADIR}/sounds/ringback", "/mnt/sounds"))
    for name, hertz in (("callback-agent", 700), ("callback-customer", 900), ("callback-promised", 500)):
        speak(own_pbx.folder / "sounds", name, hertz)
    await own_pbx.cli("dialplan reload")
    async with Lab(own_pbx) as lab:
        agent = await lab.phone("101")
        await lab.originate("101", CUSTOMER)
        at_agent = await agent.rings()
        await at_agent.answer()
        await at_agent.hears_tone(700)
        assert lab.trunk.calls == []
        await at_agent.press("1")
        at_customer = await lab.trunk.rings(CUSTOMER)
        await at_customer.answer()
        await at_customer.hears_tone(900)
        await at_customer.press("9")
        await at_customer.ended()
        await at_agent.ended()
        waiting = await lab.trunk.dial("48221000419", caller="48226011111")
        await waiting.answered()
        await asyncio.sleep(0.5)
        await waiting.press("1")
        await waiting.hears_tone(500)
        await waiting.ended()


async def test_nothing_to_dial_with_but_the_dial_user(lab: Lab) -> None:
    async with AmiTap(lab.pbx, "ringback-events") as tap:
        await tap.say("Originate", {"Channel": "Local/101@ringback-agent/n", "Exten": CUSTOMER}, "forbidden")
        assert b"Permission denied" in tap.received


async def test_trunk_context_tells_that_a_number_was_withheld(lab: Lab) -> None:
    agent = await lab.phone("201")
    headers = [("P-Asserted-Identity", "<sip:+48226011111@carrier.example>"), ("Privacy", "id")]
    async with AmiTap(lab.pbx, "ringback-events") as tap:
        customer = await lab.second_trunk.dial("48229000201", caller="anonymous", headers=headers)
        await agent.rings()
        await customer.cancel()
        await tap.sees(b"UserEvent: RingbackCaller\r\nPresentation: prohib")
