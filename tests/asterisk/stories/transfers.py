"""Stories of blind transfers, by the phone's key (REFER) and by DTMF (#1)."""

from __future__ import annotations

from collections.abc import Sequence

from tests.asterisk.call import Call
from tests.asterisk.lab import Lab
from tests.asterisk.stories.queues import TEAM
from tests.asterisk.stories.story import EWA, JAN, KAROL, MARIA, OLA, PIOTR, pause, ring_in, story
from tests.asterisk.truth import Customer, Moved, Truth, inbound, outgoing


async def talk(lab: Lab, who: Customer = JAN, number: str = "48221000101") -> tuple[Call, Call, float]:
    """A customer talks to 101: the customer's call, 101's call, when 101 answered."""
    agent = await lab.phone("101")
    customer = await ring_in(lab, number, who)
    at_agent = await agent.rings()
    await pause(0.5)
    answered = await at_agent.answer()
    await pause(1.0)
    return customer, at_agent, answered


@story("101", "102", everything=True)
async def blind_transfer(lab: Lab) -> Sequence[Truth]:
    """101 transfers the customer to 102 by REFER; 102 answers; the customer hangs up."""
    customer, at_agent, answered = await talk(lab)
    left = lab.now()
    await at_agent.refer("102")
    at_colleague = await (await lab.phone("102")).rings()
    await pause()
    again = await at_colleague.answer()
    await pause(1.2)
    end = await customer.hangup()
    return [
        inbound(
            customer, JAN, "answered", "caller", human_at=answered, rang=["101", "102"], talked=["101", "102"],
            talks=[(answered, left), (again, end)], transfers=[Moved("blind", "101", "102")],
        )
    ]  # fmt: skip


@story(*TEAM)
async def blind_transfer_from_queue(lab: Lab) -> Sequence[Truth]:
    """A call from the queue is transferred by REFER to 102, who answers and hangs up."""
    customer, at_agent, answered = await talk(lab, MARIA, "48221000400")
    left = lab.now()
    await at_agent.refer("102")
    at_colleague = await (await lab.phone("102")).rings()
    await pause()
    again = await at_colleague.answer()
    await pause(1.2)
    await at_colleague.hangup()
    end = await customer.ended()
    return [
        inbound(
            customer, MARIA, "answered", "agent", human_at=answered, rang=TEAM, talked=["101", "102"],
            talks=[(answered, left), (again, end)], queue="sales", transfers=[Moved("blind", "101", "102")],
        )
    ]  # fmt: skip


@story("101", "102")
async def blind_transfer_unanswered(lab: Lab) -> Sequence[Truth]:
    """102 does not answer the transferred customer for 5 s, and the PBX hangs up. The call was answered by 101."""
    customer, at_agent, answered = await talk(lab, PIOTR)
    left = lab.now()
    await at_agent.refer("102")
    await (await lab.phone("102")).rings()
    await customer.ended()
    return [
        inbound(
            customer, PIOTR, "answered", "pbx", human_at=answered, rang=["101", "102"], talked=["101"],
            talks=[(answered, left)], transfers=[Moved("blind", "101", "102")],
        )
    ]  # fmt: skip


@story("101", "102")
async def blind_transfer_abandoned(lab: Lab) -> Sequence[Truth]:
    """The customer hangs up while 102 rings after the transfer."""
    customer, at_agent, answered = await talk(lab, OLA)
    left = lab.now()
    await at_agent.refer("102")
    await (await lab.phone("102")).rings()
    await pause(1.0)
    await customer.hangup()
    return [
        inbound(
            customer, OLA, "answered", "caller", human_at=answered, rang=["101", "102"], talked=["101"],
            talks=[(answered, left)], transfers=[Moved("blind", "101", "102")],
        )
    ]  # fmt: skip


@story("101")
async def blind_transfer_wrong_number(lab: Lab) -> Sequence[Truth]:
    """101 transfers to a number that does not exist; the PBX refuses, the two go on talking, 101 hangs up."""
    customer, at_agent, answered = await talk(lab, KAROL)
    await at_agent.refer("555")
    await pause()
    await at_agent.hangup()
    await customer.ended()
    return [inbound(customer, KAROL, "answered", "agent", human_at=answered, rang=["101"], talked=["101"])]


@story("101")
async def blind_transfer_outside(lab: Lab) -> Sequence[Truth]:
    """101 transfers the customer to an outside mobile, which answers for us."""
    customer, at_agent, answered = await talk(lab, EWA)
    left = lab.now()
    await at_agent.refer("600100300")
    at_mobile = await lab.trunk.rings("48600100300")
    await pause()
    again = await at_mobile.answer()
    await pause(1.2)
    end = await customer.hangup()
    return [
        inbound(
            customer, EWA, "answered", "caller", human_at=answered, rang=["101"], talked=["101", "+48600100300"],
            talks=[(answered, left), (again, end)], transfers=[Moved("blind", "101", "600100300")],
        )
    ]  # fmt: skip


@story("101")
async def blind_transfer_to_voicemail(lab: Lab) -> Sequence[Truth]:
    """101 transfers the customer to a mailbox (850): answered, because 101 had talked; the mailbox is no talk."""
    customer, at_agent, answered = await talk(lab, OLA)
    left = lab.now()
    await at_agent.refer("850")
    await at_agent.ended()
    await pause(1.5)
    await customer.hangup()
    return [
        inbound(
            customer, OLA, "answered", "caller", human_at=answered, rang=["101"], talked=["101"],
            talks=[(answered, left)], transfers=[Moved("blind", "101", "850")],
        )
    ]  # fmt: skip


@story("101", "103", "104")
async def blind_transfer_to_queue(lab: Lab) -> Sequence[Truth]:
    """101 transfers the customer to the queue support (401), where 104 answers."""
    customer, at_agent, answered = await talk(lab)
    left = lab.now()
    await at_agent.refer("401")
    await (await lab.phone("103")).rings()
    at_helper = await (await lab.phone("104")).rings()
    await pause()
    again = await at_helper.answer()
    await pause(1.2)
    end = await customer.hangup()
    return [
        inbound(
            customer, JAN, "answered", "caller", human_at=answered, rang=["101", "103", "104"],
            talked=["101", "104"], talks=[(answered, left), (again, end)], queue="support",
            transfers=[Moved("blind", "101", "401")],
        )
    ]  # fmt: skip


@story("101", "102")
async def blind_transfer_by_keys(lab: Lab) -> Sequence[Truth]:
    """101 presses #1 102; 102 answers; the customer hangs up."""
    customer, at_agent, answered = await talk(lab, MARIA)
    await at_agent.press("#1")
    await pause(1.5)
    await at_agent.press("102")
    left = await at_agent.ended()
    at_colleague = await (await lab.phone("102")).rings()
    await pause()
    again = await at_colleague.answer()
    await pause(1.2)
    end = await customer.hangup()
    return [
        inbound(
            customer, MARIA, "answered", "caller", human_at=answered, rang=["101", "102"], talked=["101", "102"],
            talks=[(answered, left), (again, end)], transfers=[Moved("blind", "101", "102")],
        )
    ]  # fmt: skip


@story("101", "102", "103")
async def blind_transfer_twice(lab: Lab) -> Sequence[Truth]:
    """101 transfers to 102, who transfers to 103; the customer talks to all three."""
    customer, at_agent, answered = await talk(lab, PIOTR)
    first_left = lab.now()
    await at_agent.refer("102")
    at_second = await (await lab.phone("102")).rings()
    await pause(0.5)
    second = await at_second.answer()
    await pause(1.0)
    second_left = lab.now()
    await at_second.refer("103")
    at_third = await (await lab.phone("103")).rings()
    await pause(0.5)
    third = await at_third.answer()
    await pause(1.0)
    await at_third.hangup()
    end = await customer.ended()
    return [
        inbound(
            customer, PIOTR, "answered", "agent", human_at=answered, rang=TEAM, talked=list(TEAM),
            talks=[(answered, first_left), (second, second_left), (third, end)],
            transfers=[Moved("blind", "101", "102"), Moved("blind", "102", "103")],
        )
    ]  # fmt: skip


@story("101", "102", "104")
async def blind_transfer_local_n(lab: Lab) -> Sequence[Truth]:
    """A member behind Local/…/n transfers by REFER: the PBX moves the Local half, the customer stays behind it."""
    first, second = await lab.phones("101", "102")
    customer = await ring_in(lab, "48221000411")
    at_first = await first.rings()
    at_second = await second.rings()
    answered = await at_first.answer()
    await at_second.ended()
    await pause(1.2)
    left = lab.now()
    await at_first.refer("104")
    at_third = await (await lab.phone("104")).rings()
    await pause()
    again = await at_third.answer()
    await pause(1.2)
    end = await customer.hangup()
    return [
        inbound(
            customer, JAN, "answered", "caller", human_at=answered, rang=["101", "102", "104"],
            talked=["101", "104"], talks=[(answered, left), (again, end)], queue="q-local-n",
            transfers=[Moved("blind", "101", "104")],
        )
    ]  # fmt: skip


@story("101", "102")
async def outbound_blind_transfer(lab: Lab) -> Sequence[Truth]:
    """101 calls a customer and transfers them to 102."""
    agent, colleague = await lab.phones("101", "102")
    ours = await agent.dial("226018888")
    at_customer = await lab.trunk.rings("48226018888")
    await pause(0.5)
    answered = await at_customer.answer()
    await pause(1.0)
    left = lab.now()
    await ours.refer("102")
    at_colleague = await colleague.rings()
    await pause(0.5)
    again = await at_colleague.answer()
    await pause(1.0)
    end = await at_customer.hangup()
    return [
        outgoing(
            ours, "answered", "caller", human_at=answered, rang=["102"], talked=["101", "102"],
            talks=[(answered, left), (again, end)], transfers=[Moved("blind", "101", "102")], ended_at=end,
        )
    ]  # fmt: skip
