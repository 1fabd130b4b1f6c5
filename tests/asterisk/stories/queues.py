"""Stories of queues: every strategy, giving up, time-outs, members behind Local channels, leaving by a key."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from tests.asterisk.call import Call
from tests.asterisk.lab import Lab
from tests.asterisk.stories.story import (
    EWA,
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
)  # fmt: skip
from tests.asterisk.truth import Customer, Truth, inbound, moment

TEAM = ("101", "102", "103")


async def next_ring(lab: Lab, extensions: Sequence[str]) -> Call:
    """Whichever of these phones rings next."""
    tasks = [asyncio.ensure_future((await lab.phone(extension)).rings()) for extension in extensions]
    done, others = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in others:
        task.cancel()
    return done.pop().result()


async def _second_offer_wins(lab: Lab, number: str, queue: str, who: Customer = JAN) -> Sequence[Truth]:
    customer = await ring_in(lab, number, who)
    declined = await next_ring(lab, TEAM)
    await pause()
    declined.refuse(486)
    rest = [extension for extension in TEAM if extension != declined.phone.name]
    offered = await next_ring(lab, rest)
    await pause(0.5)
    answered = await offered.answer()
    await pause()
    await customer.hangup()
    rang, talked = [declined.phone.name, offered.phone.name], [offered.phone.name]
    return [
        inbound(customer, who, "answered", "caller", human_at=answered, rang=rang, talked=talked, queue=queue)
    ]


@story(*TEAM, everything=True)
async def queue_ringall_answered(lab: Lab) -> Sequence[Truth]:
    """A ring-all queue rings three phones, 101 answers, the agent hangs up."""
    first, second, third = await lab.phones(*TEAM)
    customer = await ring_in(lab, "48221000400")
    at_first = await first.rings()
    await second.rings()
    await third.rings()
    await pause()
    answered = await at_first.answer()
    await pause(1.2)
    await at_first.hangup()
    await customer.ended()
    return [
        inbound(
            customer, JAN, "answered", "agent", human_at=answered, rang=TEAM, talked=["101"], queue="sales"
        )
    ]


@story(*TEAM)
async def queue_abandoned(lab: Lab) -> Sequence[Truth]:
    """The customer gives up while the queue rings all phones."""
    customer = await ring_in(lab, "48221000400", MARIA)
    for phone in await lab.phones(*TEAM):
        await phone.rings()
    await pause(1.0)
    await customer.cancel()
    return [inbound(customer, MARIA, "abandoned", "caller", rang=TEAM, queue="sales")]


@story(*TEAM)
async def queue_abandoned_after_answer(lab: Lab) -> Sequence[Truth]:
    """The PBX answers and plays a tone before the queue, so the customer is Up while waiting; then gives up."""
    customer = await ring_in(lab, "48221000410", PIOTR)
    for phone in await lab.phones(*TEAM):
        await phone.rings()
    await pause(1.0)
    await customer.hangup()
    return [inbound(customer, PIOTR, "abandoned", "caller", rang=TEAM, queue="sales")]


@story(*TEAM)
async def queue_timeout(lab: Lab) -> Sequence[Truth]:
    """Nobody answers, and the queue gives the customer up after 4 s."""
    customer = await ring_in(lab, "48221000417", OLA)
    await customer.ended()
    return [inbound(customer, OLA, "missed", "pbx", rang=TEAM, queue="sales")]


@story(*TEAM)
async def queue_timeout_voicemail(lab: Lab) -> Sequence[Truth]:
    """The queue gives up after 4 s; the customer skips the greeting and leaves a message in the mailbox of sales."""
    customer = await ring_in(lab, "48221000413", KAROL)
    await asyncio.sleep(6)
    await customer.press("#")
    await pause(2.0)
    await customer.hangup()
    return [inbound(customer, KAROL, "voicemail", "caller", rang=TEAM, queue="sales")]


@story(*TEAM, "104")
async def queue_escalates(lab: Lab) -> Sequence[Truth]:
    """After 3 s in sales the customer goes on to support, where 104 answers. One call; the queue is the first one."""
    customer = await ring_in(lab, "48221000414", EWA)
    helper = await lab.phone("104")
    at_helper = await helper.rings()
    await pause(0.5)
    answered = await at_helper.answer()
    await pause()
    await customer.hangup()
    rang = [*TEAM, "104"]
    return [
        inbound(
            customer, EWA, "answered", "caller", human_at=answered, rang=rang, talked=["104"], queue="sales"
        )
    ]


@story(*TEAM)
async def queue_answer_before(lab: Lab) -> Sequence[Truth]:
    """Answer() and a tone before the queue; the wait still ends when 102 answers."""
    second = await lab.phone("102")
    customer = await ring_in(lab, "48221000410")
    at_second = await second.rings()
    await pause()
    answered = await at_second.answer()
    await pause()
    await customer.hangup()
    return [
        inbound(
            customer, JAN, "answered", "caller", human_at=answered, rang=TEAM, talked=["102"], queue="sales"
        )
    ]


@story(*TEAM)
async def queue_rings_again(lab: Lab) -> Sequence[Truth]:
    """All phones ring 3 s without an answer, ring again, then 103 answers: one call, each phone rang once."""
    phones = await lab.phones(*TEAM)
    customer = await ring_in(lab, "48221000400")
    first_round = [await phone.rings() for phone in phones]
    await first_round[2].ended()
    at_third = await phones[2].rings()
    answered = await at_third.answer()
    await pause()
    await customer.hangup()
    return [
        inbound(
            customer, JAN, "answered", "caller", human_at=answered, rang=TEAM, talked=["103"], queue="sales"
        )
    ]


@story(*TEAM)
async def queue_rrmemory(lab: Lab) -> Sequence[Truth]:
    """Round robin with memory: the first phone declines, the next answers."""
    return await _second_offer_wins(lab, "48221000401", "q-rrmemory")


@story(*TEAM)
async def queue_leastrecent(lab: Lab) -> Sequence[Truth]:
    """Least recent: the first phone declines, the next answers."""
    return await _second_offer_wins(lab, "48221000402", "q-leastrecent", MARIA)


@story(*TEAM)
async def queue_fewestcalls(lab: Lab) -> Sequence[Truth]:
    """Fewest calls: the first phone declines, the next answers."""
    return await _second_offer_wins(lab, "48221000403", "q-fewestcalls", PIOTR)


async def _one_by_one(lab: Lab, number: str, queue: str) -> Sequence[Truth]:
    customer = await ring_in(lab, number, OLA)
    declined: list[Call] = []
    while True:
        offered = await next_ring(lab, TEAM)
        await pause(0.4)
        if declined:
            break
        offered.refuse(486)
        declined.append(offered)
    answered = await offered.answer()
    await pause()
    await offered.hangup()
    await customer.ended()
    rang = {declined[0].phone.name, offered.phone.name}
    return [
        inbound(
            customer, OLA, "answered", "agent", human_at=answered, rang=list(rang),
            talked=[offered.phone.name], queue=queue,
        )
    ]  # fmt: skip


@story(*TEAM)
async def queue_random(lab: Lab) -> Sequence[Truth]:
    """Random: one phone declines, the next offer (perhaps to the same phone) is answered."""
    return await _one_by_one(lab, "48221000404", "q-random")


@story(*TEAM)
async def queue_rrordered(lab: Lab) -> Sequence[Truth]:
    """Round robin in the order of the settings: the first phone declines, the next answers."""
    return await _second_offer_wins(lab, "48221000405", "q-rrordered", KAROL)


@story(*TEAM)
async def queue_linear(lab: Lab) -> Sequence[Truth]:
    """Linear: 101 rings out after 3 s, then 102 answers."""
    first, second = await lab.phones("101", "102")
    customer = await ring_in(lab, "48221000406")
    await (await first.rings()).ended()
    at_second = await second.rings()
    await pause(0.5)
    answered = await at_second.answer()
    await pause()
    await customer.hangup()
    return [
        inbound(
            customer, JAN, "answered", "caller", human_at=answered,
            rang=["101", "102"], talked=["102"], queue="q-linear",
        )
    ]  # fmt: skip


@story(*TEAM)
async def queue_wrandom(lab: Lab) -> Sequence[Truth]:
    """Weighted random: one phone declines, the next offer (perhaps to the same phone) is answered."""
    return await _one_by_one(lab, "48221000407", "q-wrandom")


async def _local_members(lab: Lab, number: str, queue: str) -> Sequence[Truth]:
    first, second = await lab.phones("101", "102")
    customer = await ring_in(lab, number)
    at_first = await first.rings()
    await second.rings()
    await pause()
    answered = await at_first.answer()
    await pause(1.2)
    await customer.hangup()
    rang = ["101", "102"]
    return [
        inbound(
            customer, JAN, "answered", "caller", human_at=answered, rang=rang, talked=["101"], queue=queue
        )
    ]


@story("101", "102")
async def queue_local_n(lab: Lab) -> Sequence[Truth]:
    """Members are Local channels with /n, which stay in the call."""
    return await _local_members(lab, "48221000411", "q-local-n")


@story("101", "102")
async def queue_local(lab: Lab) -> Sequence[Truth]:
    """Members are Local channels without /n, which optimise themselves away in mid-call."""
    return await _local_members(lab, "48221000412", "q-local")


@story("101", "102")
async def queue_local_n_abandoned(lab: Lab) -> Sequence[Truth]:
    """Members are Local channels with /n; the customer gives up."""
    customer = await ring_in(lab, "48221000411", MARIA)
    for phone in await lab.phones("101", "102"):
        await phone.rings()
    await pause()
    await customer.cancel()
    return [inbound(customer, MARIA, "abandoned", "caller", rang=["101", "102"], queue="q-local-n")]


@story("101")
async def queue_left_by_digit_to_voicemail(lab: Lab) -> Sequence[Truth]:
    """While 101 rings the customer presses 1, which leaves the queue for a mailbox, and hangs up in its greeting."""
    customer = await ring_in(lab, "48221000415", PIOTR)
    await (await lab.phone("101")).rings()
    await pause()
    await customer.press("1")
    await pause(2.5)
    await customer.hangup()
    return [inbound(customer, PIOTR, "voicemail", "caller", rang=["101"], queue="q-digit")]


@story("101", "104")
async def queue_left_by_digit_to_operator(lab: Lab) -> Sequence[Truth]:
    """While 101 rings the customer presses 2, which leaves the queue for 104, who answers."""
    agent, operator = await lab.phones("101", "104")
    customer = await ring_in(lab, "48221000415")
    await agent.rings()
    await pause()
    await customer.press("2")
    at_operator = await operator.rings()
    await pause(0.5)
    answered = await at_operator.answer()
    await pause()
    await customer.hangup()
    return [
        inbound(
            customer, JAN, "answered", "caller", human_at=answered,
            rang=["101", "104"], talked=["104"], queue="q-digit",
        )
    ]  # fmt: skip


@story("101")
async def queue_mobile_confirms(lab: Lab) -> Sequence[Truth]:
    """A queue rings 101 and an outside mobile; the mobile answers and presses 1, and only then is a person."""
    await lab.phone("101")
    customer = await ring_in(lab, "48221000416", MARIA)
    at_mobile = await lab.trunk.rings(MOBILE)
    await pause(0.5)
    await at_mobile.answer()
    await pause(1.2)
    await at_mobile.press("1")
    confirmed = await _joined(lab, customer)
    await pause(1.0)
    await customer.hangup()
    return [
        inbound(
            customer, MARIA, "answered", "caller", human_at=confirmed,
            rang=["101"], talked=[MOBILE_NUMBER], queue="q-mobile",
        )
    ]  # fmt: skip


@story("101")
async def queue_mobile_never_confirms(lab: Lab) -> Sequence[Truth]:
    """The mobile (its own mailbox, perhaps) answers but presses nothing; the customer gives up: nobody talked."""
    await lab.phone("101")
    customer = await ring_in(lab, "48221000416", JAN)
    at_mobile = await lab.trunk.rings(MOBILE)
    await pause(0.5)
    await at_mobile.answer()
    await pause(2.6)
    await customer.cancel()
    # The PBX notices only when its question to the mobile is over.
    last = await at_mobile.ended()
    return [inbound(customer, JAN, "abandoned", "caller", rang=["101"], queue="q-mobile", ended_at=last)]


@story()
async def queue_nobody_there(lab: Lab) -> Sequence[Truth]:
    """A queue without members keeps the customer for 3 s and gives up."""
    customer = await ring_in(lab, "48221000418", OLA)
    await customer.ended()
    return [inbound(customer, OLA, "missed", "pbx", queue="q-empty")]


@story(*TEAM)
async def queue_two_callers(lab: Lab) -> Sequence[Truth]:
    """Jan and Maria wait in the same queue; 101 takes Jan, 102 takes Maria, and the phones ring for both."""
    first, second, third = await lab.phones(*TEAM)
    jan = await ring_in(lab, "48221000400", JAN)
    jan_at_first = await first.rings()
    await second.rings()
    await third.rings()
    maria = await ring_in(lab, "48221000400", MARIA)
    await pause()
    jan_answered = await jan_at_first.answer()
    maria_at_second = await second.rings()
    await pause()
    maria_answered = await maria_at_second.answer()
    await pause()
    await jan.hangup()
    await maria_at_second.hangup()
    await maria.ended()
    return [
        inbound(jan, JAN, "answered", "caller", human_at=jan_answered, rang=TEAM, talked=["101"], queue="sales"),
        inbound(
            maria, MARIA, "answered", "agent", human_at=maria_answered,
            rang=["102", "103"], talked=["102"], queue="sales",
        ),
    ]  # fmt: skip


async def _joined(lab: Lab, customer: Call) -> float:
    """The moment an unanswered customer's channel is answered, by the customer's own phone."""
    await customer.answered()
    return moment(customer.answered_at)
