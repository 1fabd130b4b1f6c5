"""Stories of callbacks that stand in a queue for the customer (virtual hold), of customers who are rung first, and of
the key by which a waiting caller asks to be called back. All by the shipped dialplan."""

from __future__ import annotations

import secrets
from collections.abc import Sequence

from core.accounts import UserDevice
from core.ports import DialOrder
from tests.asterisk.call import Call
from tests.asterisk.lab import Lab
from tests.asterisk.phone import Phone
from tests.asterisk.stories.callbacks import CUSTOMER, accept, callback, greeted
from tests.asterisk.stories.story import (
    JAN,
    MARIA,
    MOBILE,
    MOBILE_NUMBER,
    OLA,
    PIOTR,
    pause,
    ring_in,
    story,
)
from tests.asterisk.truth import Customer, Truth, inbound, moment

ANNA = UserDevice("main", "PJSIP/101", "101")


def place(queue: str, position: int | None = None) -> DialOrder:
    return DialOrder(secrets.token_hex(10), "main", f"+{CUSTOMER}", queue=queue, position=position)


def customer_first(*, queue: str | None = None) -> DialOrder:
    agent = ANNA if queue is None else None
    return DialOrder(
        secrets.token_hex(10), "main", f"+{CUSTOMER}", agent=agent, queue=queue, customer_first=True
    )


@story("101")
async def place_answered(lab: Lab) -> Sequence[Truth]:
    """A place in the queue is answered by 101, who hears the announcement; then the customer is dialled."""
    agent = await lab.phone("101")
    start = await lab.place(place("desk"))
    at_agent = await agent.rings()
    await pause()
    human = await at_agent.answer()
    await accept(at_agent)
    at_customer = await lab.trunk.rings(CUSTOMER)
    await pause(0.5)
    await at_customer.answer()
    joined = await greeted(at_agent)
    await pause(1.2)
    end = await at_customer.hangup()
    await at_agent.ended()
    return [
        callback(
            start, end, "answered", "caller", human_at=human, talked=["101"], talks=[(joined, end)], queue="desk"
        )
    ]  # fmt: skip


@story("101")
async def place_answered_by_mobile(lab: Lab) -> Sequence[Truth]:
    """A place in a queue rings 101 and an outside mobile, which confirms with 1, and again to go on; then the customer
    is dialled. That the mobile is behind a carrier too makes its owner no customer."""
    await lab.phone("101")
    start = await lab.place(place("q-mobile"))
    at_mobile = await lab.trunk.rings(MOBILE)
    await pause(0.5)
    await at_mobile.answer()
    await pause(1.2)
    await at_mobile.press("1")
    await pause(0.5)
    human = lab.now() - 0.5
    await accept(at_mobile)
    at_customer = await lab.trunk.rings(CUSTOMER)
    await at_customer.answer()
    joined = await greeted(at_mobile)
    await pause(1.0)
    end = await at_customer.hangup()
    await at_mobile.ended()
    return [
        callback(
            start, end, "answered", "caller", human_at=human, rang=["101"], talked=[MOBILE_NUMBER],
            talks=[(joined, end)], queue="q-mobile", caller=MOBILE_NUMBER,
        )
    ]  # fmt: skip


@story("101")
async def place_that_nobody_takes(lab: Lab) -> Sequence[Truth]:
    """A place in the queue rings 101, who does not answer; the customer is not dialled."""
    agent = await lab.phone("101")
    start = await lab.place(place("desk"), seconds=3)
    at_agent = await agent.rings()
    end = await at_agent.ended()
    return [callback(start, end, "missed", "pbx", queue="desk", caller="101")]


@story()
async def place_with_nobody_there(lab: Lab) -> Sequence[Truth]:
    """A place in a queue without anybody: no phone rings, and the time runs out."""
    start = await lab.place(place("q-empty"), seconds=3)
    await pause(3.2)
    return [callback(start, lab.now(), "missed", "pbx", rang=[], queue="q-empty", caller=None)]


@story()
async def place_second_of_four(lab: Lab) -> Sequence[Truth]:
    """Three customers wait; the place enters at position 2. When 101 comes, the calls arrive in that order."""
    waiting = []
    for who in (JAN, MARIA, PIOTR):
        waiting.append((who, await ring_in(lab, "48221000900", who)))
        await pause(0.3)
    start = await lab.place(place("desk", 2))
    await pause(0.5)
    agent = await lab.phone("101")
    first, *others = waiting
    truths = [await _served(agent, *first)]
    at_agent = await agent.rings()
    await pause(0.3)
    human = await at_agent.answer()
    await accept(at_agent)
    at_customer = await lab.trunk.rings(CUSTOMER)
    await at_customer.answer()
    joined = await greeted(at_agent)
    await pause(1.0)
    end = await at_customer.hangup()
    await at_agent.ended()
    truths.append(
        callback(
            start, end, "answered", "caller", human_at=human, talked=["101"], talks=[(joined, end)], queue="desk"
        )
    )  # fmt: skip
    return truths + [await _served(agent, *one) for one in others]


async def _served(agent: Phone, who: Customer, caller: Call) -> Truth:
    """The next call at the agent is this waiting customer's."""
    at_agent = await agent.rings()
    await pause(0.3)
    human = await at_agent.answer()
    await caller.hears()
    await pause(1.0)
    await caller.hangup()
    await at_agent.ended()
    return inbound(
        caller, who, "answered", "caller", human_at=human, rang=["101"], talked=["101"], queue="desk"
    )


@story("101")
async def customer_first_to_agent(lab: Lab) -> Sequence[Truth]:
    """The customer is rung first and greeted, then 101."""
    agent = await lab.phone("101")
    start = await lab.place(customer_first())
    at_customer = await lab.trunk.rings(CUSTOMER)
    await pause(0.5)
    await at_customer.answer()
    at_agent = await agent.rings()
    await pause()
    human = await at_agent.answer()
    await pause(1.2)
    end = await at_agent.hangup()
    await at_customer.ended()
    return [callback(start, end, "answered", "agent", human_at=human, talked=["101"], talks=[(human, end)])]


@story("101", "102")
async def customer_first_to_queue(lab: Lab) -> Sequence[Truth]:
    """The customer is rung first and greeted, then goes to a queue, where 102 answers."""
    agent, colleague = await lab.phones("101", "102")
    start = await lab.place(customer_first(queue="desk"))
    at_customer = await lab.trunk.rings(CUSTOMER)
    await at_customer.answer()
    await agent.rings()
    at_colleague = await colleague.rings()
    await pause()
    human = await at_colleague.answer()
    await pause(1.2)
    end = await at_customer.hangup()
    await at_colleague.ended()
    return [
        callback(
            start, end, "answered", "caller", human_at=human, rang=["101", "102"], talked=["102"],
            talks=[(human, end)], queue="desk", caller="102",
        )
    ]  # fmt: skip


@story("101")
async def customer_first_unanswered(lab: Lab) -> Sequence[Truth]:
    """The customer is rung first and does not answer: 101 is not troubled."""
    await lab.phone("101")
    start = await lab.place(customer_first(), seconds=3)
    at_customer = await lab.trunk.rings(CUSTOMER)
    end = await at_customer.ended()
    return [callback(start, end, "missed", "pbx", rang=[], caller=None)]


@story("101")
async def customer_first_agent_unanswered(lab: Lab) -> Sequence[Truth]:
    """The customer answers first, 101 does not answer, and the customer gives up."""
    agent = await lab.phone("101")
    start = await lab.place(customer_first())
    at_customer = await lab.trunk.rings(CUSTOMER)
    await at_customer.answer()
    await agent.rings()
    await pause(1.2)
    end = await at_customer.hangup()
    return [callback(start, end, "answered", "caller")]


@story()
async def queue_call_me(lab: Lab) -> Sequence[Truth]:
    """Three customers wait, nobody is there; the second presses 1 to be called back, the others give up."""
    waiting = []
    for who in (JAN, MARIA, OLA):
        waiting.append(await ring_in(lab, "48221000419", who))
        await waiting[-1].answered()
        await pause(0.4)
    await pause()
    await waiting[1].press("1")
    end = await waiting[1].ended()
    for caller in (waiting[0], waiting[2]):
        await caller.hangup()
    return [
        inbound(waiting[0], JAN, "abandoned", "caller", queue="q-callme"),
        inbound(waiting[1], MARIA, "missed", "pbx", queue="q-callme", ended_at=moment(end)),
        inbound(waiting[2], OLA, "abandoned", "caller", queue="q-callme"),
    ]
