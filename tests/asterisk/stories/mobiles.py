"""Stories of follow-me and of colleagues' mobiles, which take calls for us through the trunk."""

from __future__ import annotations

from collections.abc import Sequence

from tests.asterisk.call import Call
from tests.asterisk.lab import Lab
from tests.asterisk.stories.story import (
    JAN,
    KAROL,
    MARIA,
    MOBILE,
    MOBILE_NUMBER,
    OLA,
    PIOTR,
    pause,
    ring_in,
    story,
)
from tests.asterisk.truth import Truth, inbound


async def _together(at_callee: Call) -> float:
    """The moment a callee who pressed the accepting key hears the customer.

    The customer's channel is already up (FollowMe answers it), and nothing tells a phone that it was bridged; the
    PBX reads the key within a packet or two.
    """
    return at_callee.phone.note("accepted")


@story()
async def mobile_confirms(lab: Lab) -> Sequence[Truth]:
    """The number rings a colleague's mobile, which must press 1; it does, and talks."""
    customer = await ring_in(lab, "48221000501")
    at_mobile = await lab.trunk.rings(MOBILE)
    await pause(0.5)
    await at_mobile.answer()
    await pause(1.0)
    await at_mobile.press("1")
    confirmed = await customer.answered()
    await pause(1.0)
    await at_mobile.hangup()
    await customer.ended()
    return [inbound(customer, JAN, "answered", "agent", human_at=confirmed, talked=[MOBILE_NUMBER])]


@story()
async def mobile_never_confirms(lab: Lab) -> Sequence[Truth]:
    """The mobile answers but never presses 1; the PBX gives both up. Nobody talked to the customer."""
    customer = await ring_in(lab, "48221000501", MARIA)
    at_mobile = await lab.trunk.rings(MOBILE)
    await pause(0.5)
    await at_mobile.answer()
    await customer.ended()
    return [inbound(customer, MARIA, "missed", "pbx")]


@story()
async def mobile_customer_gives_up(lab: Lab) -> Sequence[Truth]:
    """The customer hangs up while the mobile is being asked to press 1."""
    customer = await ring_in(lab, "48221000501", PIOTR)
    at_mobile = await lab.trunk.rings(MOBILE)
    await at_mobile.answer()
    await pause(2.6)
    await customer.cancel()
    # The PBX notices only when its question to the mobile is over.
    last = await at_mobile.ended()
    return [inbound(customer, PIOTR, "abandoned", "caller", ended_at=last)]


@story("101", "102")
async def phone_then_mobile(lab: Lab) -> Sequence[Truth]:
    """101 rings 2 s, then 102 and a mobile ring together (no key asked); the mobile answers."""
    customer = await ring_in(lab, "48221000502", OLA)
    at_mobile = await lab.trunk.rings(MOBILE)
    await (await lab.phone("102")).rings()
    await pause(0.5)
    answered = await at_mobile.answer()
    await pause()
    await customer.hangup()
    rang = ["101", "102"]
    return [
        inbound(customer, OLA, "answered", "caller", human_at=answered, rang=rang, talked=[MOBILE_NUMBER])
    ]


@story("101")
async def followme_mobile_accepts(lab: Lab) -> Sequence[Truth]:
    """The FollowMe application rings 101 for 3 s, then the mobile, which answers and accepts with 1."""
    customer = await ring_in(lab, "48221000500")
    await (await lab.phone("101")).rings()
    at_mobile = await lab.trunk.rings(MOBILE)
    await pause(0.5)
    await at_mobile.answer()
    await pause(1.5)
    await at_mobile.press("1")
    accepted = await _together(at_mobile)
    await pause()
    await customer.hangup()
    return [
        inbound(customer, JAN, "answered", "caller", human_at=accepted, rang=["101"], talked=[MOBILE_NUMBER])
    ]


@story("101")
async def followme_extension_accepts(lab: Lab) -> Sequence[Truth]:
    """The FollowMe application rings 101, who answers and accepts with 1."""
    agent = await lab.phone("101")
    customer = await ring_in(lab, "48221000500", KAROL)
    at_agent = await agent.rings()
    await pause(0.5)
    await at_agent.answer()
    await pause(1.5)
    await at_agent.press("1")
    accepted = await _together(at_agent)
    await pause()
    await at_agent.hangup()
    await customer.ended()
    return [inbound(customer, KAROL, "answered", "agent", human_at=accepted, rang=["101"], talked=["101"])]
