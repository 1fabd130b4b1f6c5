"""Stories of parking and of picking up a colleague's ringing phone."""

from __future__ import annotations

from collections.abc import Sequence

from tests.asterisk.lab import Lab
from tests.asterisk.stories.queues import TEAM
from tests.asterisk.stories.story import EWA, JAN, KAROL, MARIA, OLA, PIOTR, pause, ring_in, story
from tests.asterisk.stories.transfers import talk
from tests.asterisk.truth import Truth, inbound


@story("101", "102")
async def park_fetched(lab: Lab) -> Sequence[Truth]:
    """101 parks the customer (REFER to 700); 102 dials 701 and has them. Parking is no transfer."""
    customer, at_agent, answered = await talk(lab)
    left = lab.now()
    await at_agent.refer("700")
    await at_agent.ended()
    await pause(0.5)
    fetching = await (await lab.phone("102")).dial("701")
    fetched = await fetching.answered()
    await pause(1.2)
    end = await customer.hangup()
    return [
        inbound(
            customer, JAN, "answered", "caller", human_at=answered, rang=["101"], talked=["101", "102"],
            talks=[(answered, left), (fetched, end)],
        )
    ]  # fmt: skip


@story("101")
async def park_comes_back(lab: Lab) -> Sequence[Truth]:
    """Nobody fetches the parked customer for 5 s; 101 rings again, answers and hangs up."""
    customer, at_agent, answered = await talk(lab, MARIA)
    left = lab.now()
    await at_agent.refer("700")
    again = await at_agent.phone.rings()
    await pause(0.5)
    back = await again.answer()
    await pause(1.2)
    await again.hangup()
    end = await customer.ended()
    return [
        inbound(
            customer, MARIA, "answered", "agent", human_at=answered, rang=["101"], talked=["101"],
            talks=[(answered, left), (back, end)],
        )
    ]  # fmt: skip


@story("101")
async def park_given_up(lab: Lab) -> Sequence[Truth]:
    """The parked customer hangs up before anybody fetches them."""
    customer, at_agent, answered = await talk(lab, PIOTR)
    left = lab.now()
    await at_agent.refer("700")
    await at_agent.ended()
    await pause(0.5)
    await customer.hangup()
    return [
        inbound(
            customer, PIOTR, "answered", "caller", human_at=answered, rang=["101"], talked=["101"],
            talks=[(answered, left)],
        )
    ]  # fmt: skip


@story("101")
async def park_comes_back_unanswered(lab: Lab) -> Sequence[Truth]:
    """The parked customer comes back to 101, who does not answer; the PBX hangs up."""
    customer, at_agent, answered = await talk(lab, OLA)
    left = lab.now()
    await at_agent.refer("700")
    await at_agent.phone.rings()
    await customer.ended()
    return [
        inbound(
            customer, OLA, "answered", "pbx", human_at=answered, rang=["101"], talked=["101"],
            talks=[(answered, left)],
        )
    ]  # fmt: skip


@story("101", "102")
async def pickup_group(lab: Lab) -> Sequence[Truth]:
    """101 rings; 102 dials *8 and takes the call."""
    agent, colleague = await lab.phones("101", "102")
    customer = await ring_in(lab, "48221000101", KAROL)
    await agent.rings()
    await pause()
    picking = await colleague.dial("*8")
    picked = await picking.answered()
    await pause(1.2)
    await customer.hangup()
    return [inbound(customer, KAROL, "answered", "caller", human_at=picked, rang=["101"], talked=["102"])]


@story("101", "102")
async def pickup_directed(lab: Lab) -> Sequence[Truth]:
    """101 rings; 102 dials **101 and takes the call, then hangs up."""
    agent, colleague = await lab.phones("101", "102")
    customer = await ring_in(lab, "48221000101", EWA)
    await agent.rings()
    await pause()
    picking = await colleague.dial("**101")
    picked = await picking.answered()
    await pause(1.2)
    await picking.hangup()
    await customer.ended()
    return [inbound(customer, EWA, "answered", "agent", human_at=picked, rang=["101"], talked=["102"])]


@story(*TEAM, "104")
async def pickup_from_queue(lab: Lab) -> Sequence[Truth]:
    """A queue rings three members; 104, who is none, takes the call from 101's ringing phone."""
    agent, outsider = await lab.phones("101", "104")
    customer = await ring_in(lab, "48221000400")
    await agent.rings()
    await pause()
    picking = await outsider.dial("**101")
    picked = await picking.answered()
    await pause(1.2)
    await customer.hangup()
    return [
        inbound(
            customer, JAN, "answered", "caller", human_at=picked, rang=TEAM, talked=["104"], queue="sales"
        )
    ]


@story(*TEAM, "104")
async def pickup_ring_group(lab: Lab) -> Sequence[Truth]:
    """A ring group rings; 104 dials *8 and takes the call."""
    agent, outsider = await lab.phones("101", "104")
    customer = await ring_in(lab, "48221000300", MARIA)
    await agent.rings()
    await pause()
    picking = await outsider.dial("*8")
    picked = await picking.answered()
    await pause(1.2)
    await customer.hangup()
    return [inbound(customer, MARIA, "answered", "caller", human_at=picked, rang=TEAM, talked=["104"])]
