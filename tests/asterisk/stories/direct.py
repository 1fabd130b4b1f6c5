"""Stories of one number that rings one or several phones, without a queue."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from tests.asterisk.lab import Lab
from tests.asterisk.load import customers_call
from tests.asterisk.stories.story import ADAM, EWA, JAN, KAROL, MARIA, OLA, PIOTR, pause, ring_in, story
from tests.asterisk.truth import Truth, inbound


@story("101", everything=True)
async def direct_answered(lab: Lab) -> Sequence[Truth]:
    """A customer dials 101's number, 101 answers, they talk, the customer hangs up."""
    agent = await lab.phone("101")
    customer = await ring_in(lab, "48221000101")
    at_agent = await agent.rings()
    await pause()
    answered = await at_agent.answer()
    await pause(1.2)
    await customer.hangup()
    return [inbound(customer, JAN, "answered", "caller", human_at=answered, rang=["101"], talked=["101"])]


@story("101")
async def direct_answered_agent_hangs_up(lab: Lab) -> Sequence[Truth]:
    """As direct_answered, but the agent hangs up. The caller's number is spelled 0048…"""
    agent = await lab.phone("101")
    customer = await ring_in(lab, "48221000101", MARIA)
    at_agent = await agent.rings()
    await pause()
    answered = await at_agent.answer()
    await pause()
    await at_agent.hangup()
    await customer.ended()
    return [inbound(customer, MARIA, "answered", "agent", human_at=answered, rang=["101"], talked=["101"])]


@story("101")
async def direct_missed(lab: Lab) -> Sequence[Truth]:
    """101 rings until the dialplan gives up after 4 s; nobody answers."""
    agent = await lab.phone("101")
    customer = await ring_in(lab, "48221000101", PIOTR)
    await agent.rings()
    await customer.ended()
    return [inbound(customer, PIOTR, "missed", "pbx", rang=["101"])]


@story("101")
async def direct_abandoned(lab: Lab) -> Sequence[Truth]:
    """The customer gives up while 101 rings."""
    agent = await lab.phone("101")
    customer = await ring_in(lab, "48221000101", OLA)
    await agent.rings()
    await pause(1.2)
    await customer.cancel()
    return [inbound(customer, OLA, "abandoned", "caller", rang=["101"])]


@story("101")
async def direct_busy(lab: Lab) -> Sequence[Truth]:
    """101's phone says busy at once, without ringing, and the PBX releases the customer."""
    agent = await lab.phone("101")
    agent.refuse_at_once["*"] = 486
    customer = await ring_in(lab, "48221000101", KAROL)
    await customer.ended()
    return [inbound(customer, KAROL, "missed", "pbx")]


@story("101")
async def direct_declined(lab: Lab) -> Sequence[Truth]:
    """101 rings, and the agent presses the decline key (603)."""
    agent = await lab.phone("101")
    customer = await ring_in(lab, "48221000101", EWA)
    at_agent = await agent.rings()
    await pause()
    at_agent.refuse(603)
    await customer.ended()
    return [inbound(customer, EWA, "missed", "pbx", rang=["101"])]


@story()
async def direct_nobody_registered(lab: Lab) -> Sequence[Truth]:
    """108's phone is switched off, so nothing rings."""
    customer = await ring_in(lab, "48221000108", ADAM)
    await customer.ended()
    return [inbound(customer, ADAM, "missed", "pbx")]


@story("101", "102", "103")
async def group_answered(lab: Lab) -> Sequence[Truth]:
    """A ring group rings 101, 102 and 103 at once; 102 answers, the others stop; the customer hangs up."""
    first, second, third = await lab.phones("101", "102", "103")
    customer = await ring_in(lab, "48221000300")
    at_second = await second.rings()
    await first.rings()
    await third.rings()
    await pause()
    answered = await at_second.answer()
    await pause(1.2)
    await customer.hangup()
    rang = ["101", "102", "103"]
    return [inbound(customer, JAN, "answered", "caller", human_at=answered, rang=rang, talked=["102"])]


@story("101", "102", "103")
async def group_two_answer_at_once(lab: Lab) -> Sequence[Truth]:
    """101 and 102 lift in the same instant; the PBX gives the customer to one and hangs up on the other."""
    first, second, third = await lab.phones("101", "102", "103")
    customer = await ring_in(lab, "48221000300", KAROL)
    rivals = [await first.rings(), await second.rings()]
    await third.rings()
    await pause()
    answered = min(await asyncio.gather(*(rival.answer() for rival in rivals)))
    await pause(1.2)
    [winner] = [rival for rival in rivals if rival.ended_at is None]
    await customer.hangup()
    rang = ["101", "102", "103"]
    return [
        inbound(
            customer, KAROL, "answered", "caller", human_at=answered, rang=rang, talked=[winner.phone.name]
        )
    ]


@story("101", "102", "103")
async def group_missed(lab: Lab) -> Sequence[Truth]:
    """A ring group rings out after 5 s."""
    customer = await ring_in(lab, "48221000300", MARIA)
    await customer.ended()
    return [inbound(customer, MARIA, "missed", "pbx", rang=["101", "102", "103"])]


@story("101", "102", "103")
async def group_abandoned_one_busy(lab: Lab) -> Sequence[Truth]:
    """103 refuses at once, 101 and 102 ring, the customer gives up."""
    first, second, third = await lab.phones("101", "102", "103")
    third.refuse_at_once["*"] = 486
    customer = await ring_in(lab, "48221000300", PIOTR)
    await first.rings()
    await second.rings()
    await pause()
    await customer.cancel()
    return [inbound(customer, PIOTR, "abandoned", "caller", rang=["101", "102"])]


@story("105")
async def two_phones_one_extension(lab: Lab) -> Sequence[Truth]:
    """Extension 105 has two phones; both ring, the second answers."""
    desk, pocket = await lab.phone("105"), await lab.phone("105", 2)
    customer = await ring_in(lab, "48221000155")
    await desk.rings()
    at_pocket = await pocket.rings()
    await pause()
    answered = await at_pocket.answer()
    await pause()
    await customer.hangup()
    return [inbound(customer, JAN, "answered", "caller", human_at=answered, rang=["105"], talked=["105"])]


@story("101")
async def call_waiting(lab: Lab) -> Sequence[Truth]:
    """101 talks to Jan when Maria rings too; 101 holds Jan, talks to Maria, who hangs up, then goes on with Jan."""
    agent = await lab.phone("101")
    jan = await ring_in(lab, "48221000101", JAN)
    with_jan = await agent.rings()
    jan_answered = await with_jan.answer()
    await pause()
    maria = await ring_in(lab, "48221000101", MARIA)
    with_maria = await agent.rings()
    await pause()
    await with_jan.hold()
    maria_answered = await with_maria.answer()
    await pause()
    await maria.hangup()
    await with_jan.unhold()
    await pause()
    await jan.hangup()
    return [
        inbound(jan, JAN, "answered", "caller", human_at=jan_answered, rang=["101"], talked=["101"]),
        inbound(maria, MARIA, "answered", "caller", human_at=maria_answered, rang=["101"], talked=["101"]),
    ]


@story("101")
async def call_waiting_missed(lab: Lab) -> Sequence[Truth]:
    """101 talks to Jan and lets Maria's call ring; Maria gives up."""
    agent = await lab.phone("101")
    jan = await ring_in(lab, "48221000101", JAN)
    with_jan = await agent.rings()
    answered = await with_jan.answer()
    await pause()
    maria = await ring_in(lab, "48221000101", MARIA)
    await agent.rings()
    await pause(1.0)
    await maria.cancel()
    await with_jan.hangup()
    await jan.ended()
    return [
        inbound(jan, JAN, "answered", "agent", human_at=answered, rang=["101"], talked=["101"]),
        inbound(maria, MARIA, "abandoned", "caller", rang=["101"]),
    ]


@story("101")
async def hold_and_back(lab: Lab) -> Sequence[Truth]:
    """101 puts the customer on hold twice; the held time counts as talk. The customer hangs up while held."""
    agent = await lab.phone("101")
    customer = await ring_in(lab, "48221000101")
    at_agent = await agent.rings()
    answered = await at_agent.answer()
    await pause()
    await at_agent.hold()
    await pause()
    await at_agent.unhold()
    await pause()
    await at_agent.hold()
    await pause()
    await customer.hangup()
    return [inbound(customer, JAN, "answered", "caller", human_at=answered, rang=["101"], talked=["101"])]


@story("101", "102")
async def forwarded_at_once(lab: Lab) -> Sequence[Truth]:
    """101 is forwarded to 102 (302 before any ringing); 102 answers."""
    agent, colleague = await lab.phones("101", "102")
    agent.forward_at_once = "102"
    customer = await ring_in(lab, "48221000101")
    at_colleague = await colleague.rings()
    await pause()
    answered = await at_colleague.answer()
    await pause()
    await customer.hangup()
    return [inbound(customer, JAN, "answered", "caller", human_at=answered, rang=["102"], talked=["102"])]


@story("101", "102")
async def forwarded_while_ringing(lab: Lab) -> Sequence[Truth]:
    """101 rings, then the agent deflects the call to 102 (302), where nobody answers."""
    agent, colleague = await lab.phones("101", "102")
    customer = await ring_in(lab, "48221000101", MARIA)
    at_agent = await agent.rings()
    await pause()
    at_agent.forward("102")
    await colleague.rings()
    await customer.ended()
    return [inbound(customer, MARIA, "missed", "pbx", rang=["101", "102"])]


@story("101")
async def forwarded_to_mobile(lab: Lab) -> Sequence[Truth]:
    """101 is forwarded to an outside mobile (302), which answers for us."""
    agent = await lab.phone("101")
    agent.forward_at_once = "600100200"
    customer = await ring_in(lab, "48221000101")
    at_mobile = await lab.trunk.rings("48600100200")
    await pause()
    answered = await at_mobile.answer()
    await pause()
    await at_mobile.hangup()
    await customer.ended()
    return [inbound(customer, JAN, "answered", "agent", human_at=answered, talked=["+48600100200"])]


@story("101")
async def direct_answered_sipp(lab: Lab) -> Sequence[Truth]:
    """As direct_answered, but the customer is SIPp: another SIP stack than the other stories'."""
    agent = await lab.phone("101")
    calling = asyncio.create_task(customers_call(lab.pbx, "48221000101", talk_ms=1000))
    at_agent = await agent.rings()
    await pause()
    answered = await at_agent.answer()
    ended = await at_agent.ended()
    await calling
    return [
        Truth(
            "inbound", "+48226010000", "48221000101", "answered", at_agent.started_at, ended, "caller",
            caller_name="Load 10000", human_at=answered, rang=["101"], talked=["101"], talks=[(answered, ended)],
        )
    ]  # fmt: skip
