"""Stories of attended transfers, by the phone (REFER with Replaces) and by DTMF (*2)."""

from __future__ import annotations

from collections.abc import Sequence

from tests.asterisk.call import Call
from tests.asterisk.lab import Lab
from tests.asterisk.stories.story import EWA, JAN, KAROL, MARIA, OLA, PIOTR, pause, story
from tests.asterisk.stories.transfers import talk
from tests.asterisk.truth import Moved, Truth, inbound, outgoing


async def consult(lab: Lab, at_agent: Call, number: str = "102") -> tuple[Call, Call]:
    """101 holds the customer and talks to a colleague: 101's second call, the colleague's call."""
    await at_agent.hold()
    consultation = await at_agent.phone.dial(number)
    colleague = await lab.phone(number)
    at_colleague = await colleague.rings()
    await pause(0.5)
    await at_colleague.answer()
    await consultation.answered()
    await pause()
    return consultation, at_colleague


@story("101", "102", everything=True)
async def attended_transfer(lab: Lab) -> Sequence[Truth]:
    """101 holds the customer, talks to 102, joins both by REFER with Replaces; the customer hangs up."""
    customer, at_agent, answered = await talk(lab)
    consultation, _ = await consult(lab, at_agent)
    await at_agent.refer("102", consultation)
    await consultation.ended()
    await pause(1.2)
    await customer.hangup()
    return [
        inbound(
            customer, JAN, "answered", "caller", human_at=answered, rang=["101", "102"],
            talked=["101", "102"], transfers=[Moved("attended", "101", "102")],
        )
    ]  # fmt: skip


@story("101", "102", "103")
async def attended_transfer_from_queue(lab: Lab) -> Sequence[Truth]:
    """A queue's caller is handed to 104 after a consultation; 104 hangs up."""
    customer, at_agent, answered = await talk(lab, MARIA, "48221000400")
    consultation, at_colleague = await consult(lab, at_agent, "104")
    await at_agent.refer("104", consultation)
    await consultation.ended()
    await pause(1.2)
    await at_colleague.hangup()
    await customer.ended()
    return [
        inbound(
            customer, MARIA, "answered", "agent", human_at=answered, rang=["101", "102", "103", "104"],
            talked=["101", "104"], queue="sales", transfers=[Moved("attended", "101", "104")],
        )
    ]  # fmt: skip


@story("101", "102")
async def attended_transfer_cancelled(lab: Lab) -> Sequence[Truth]:
    """101 consults 102, ends the consultation and goes back to the customer. 102 never talked to the customer."""
    customer, at_agent, answered = await talk(lab, PIOTR)
    consultation, _ = await consult(lab, at_agent)
    await consultation.hangup()
    await at_agent.unhold()
    await pause(1.0)
    await customer.hangup()
    return [
        inbound(customer, PIOTR, "answered", "caller", human_at=answered, rang=["101", "102"], talked=["101"])
    ]


@story("101", "102")
async def attended_transfer_unanswered(lab: Lab) -> Sequence[Truth]:
    """102 does not answer 101's question for 5 s; 101 goes back to the customer and hangs up."""
    customer, at_agent, answered = await talk(lab, OLA)
    await at_agent.hold()
    consultation = await at_agent.phone.dial("102")
    await consultation.ended()
    await at_agent.unhold()
    await pause()
    await at_agent.hangup()
    await customer.ended()
    return [
        inbound(customer, OLA, "answered", "agent", human_at=answered, rang=["101", "102"], talked=["101"])
    ]


@story("101", "102")
async def attended_transfer_early(lab: Lab) -> Sequence[Truth]:
    """101 joins the customer with 102 while 102 still rings (semi-attended); 102 answers."""
    customer, at_agent, answered = await talk(lab, KAROL)
    await at_agent.hold()
    consultation = await at_agent.phone.dial("102")
    at_colleague = await (await lab.phone("102")).rings()
    await consultation.ringing()
    await pause(0.5)
    left = lab.now()
    await at_agent.refer("102", consultation)
    await pause()
    again = await at_colleague.answer()
    await pause(1.2)
    end = await customer.hangup()
    return [
        inbound(
            customer, KAROL, "answered", "caller", human_at=answered, rang=["101", "102"],
            talked=["101", "102"], talks=[(answered, left), (again, end)],
            transfers=[Moved("attended", "101", "102")],
        )
    ]  # fmt: skip


@story("101")
async def attended_transfer_outside(lab: Lab) -> Sequence[Truth]:
    """101 consults an outside mobile and hands the customer over to it."""
    customer, at_agent, answered = await talk(lab, EWA)
    await at_agent.hold()
    consultation = await at_agent.phone.dial("600100300")
    at_mobile = await lab.trunk.rings("48600100300")
    await pause(0.5)
    await at_mobile.answer()
    await consultation.answered()
    await pause()
    await at_agent.refer("600100300", consultation)
    await consultation.ended()
    await pause(1.2)
    await at_mobile.hangup()
    await customer.ended()
    return [
        inbound(
            customer, EWA, "answered", "agent", human_at=answered, rang=["101"],
            talked=["101", "+48600100300"], transfers=[Moved("attended", "101", "600100300")],
        )
    ]  # fmt: skip


@story("101", "103", "104")
async def attended_transfer_to_queue(lab: Lab) -> Sequence[Truth]:
    """101 asks in the queue support (401), talks to 104 and hands the customer over."""
    customer, at_agent, answered = await talk(lab)
    await at_agent.hold()
    consultation = await at_agent.phone.dial("401")
    await (await lab.phone("103")).rings()
    at_helper = await (await lab.phone("104")).rings()
    await pause(0.5)
    await at_helper.answer()
    await consultation.answered()
    await pause()
    await at_agent.refer("401", consultation)
    await consultation.ended()
    await pause(1.2)
    await customer.hangup()
    return [
        inbound(
            customer, JAN, "answered", "caller", human_at=answered, rang=["101", "103", "104"],
            talked=["101", "104"], queue="support", transfers=[Moved("attended", "101", "401")],
        )
    ]  # fmt: skip


async def _ask_by_keys(lab: Lab, at_agent: Call) -> Call:
    await at_agent.press("*2")
    await pause(1.5)
    await at_agent.press("102")
    return await (await lab.phone("102")).rings()


@story("101", "102")
async def attended_by_keys(lab: Lab) -> Sequence[Truth]:
    """101 presses *2 102, talks to 102 and hangs up, which joins the customer with 102."""
    customer, at_agent, answered = await talk(lab, MARIA)
    at_colleague = await _ask_by_keys(lab, at_agent)
    await pause(0.5)
    await at_colleague.answer()
    await pause(1.0)
    await at_agent.hangup()
    await pause(1.2)
    await customer.hangup()
    return [
        inbound(
            customer, MARIA, "answered", "caller", human_at=answered, rang=["101", "102"],
            talked=["101", "102"], transfers=[Moved("attended", "101", "102")],
        )
    ]  # fmt: skip


@story("101", "102")
async def attended_by_keys_cancelled(lab: Lab) -> Sequence[Truth]:
    """101 asks 102 by *2; 102 hangs up; 101 is back with the customer, who hangs up."""
    customer, at_agent, answered = await talk(lab, PIOTR)
    at_colleague = await _ask_by_keys(lab, at_agent)
    await pause(0.5)
    await at_colleague.answer()
    await pause(1.0)
    await at_colleague.hangup()
    await pause(1.5)
    await customer.hangup()
    return [
        inbound(customer, PIOTR, "answered", "caller", human_at=answered, rang=["101", "102"], talked=["101"])
    ]


@story("101", "102")
async def attended_by_keys_unanswered(lab: Lab) -> Sequence[Truth]:
    """101 asks 102 by *2, who does not answer for 4 s; 101 is back with the customer and hangs up."""
    customer, at_agent, answered = await talk(lab, OLA)
    at_colleague = await _ask_by_keys(lab, at_agent)
    await at_colleague.ended()
    await pause(1.5)
    await at_agent.hangup()
    await customer.ended()
    return [
        inbound(customer, OLA, "answered", "agent", human_at=answered, rang=["101", "102"], talked=["101"])
    ]


@story("101", "102")
async def attended_by_keys_early(lab: Lab) -> Sequence[Truth]:
    """101 asks by *2 and hangs up while 102 still rings; 102 answers and has the customer."""
    customer, at_agent, answered = await talk(lab, KAROL)
    at_colleague = await _ask_by_keys(lab, at_agent)
    await pause(0.5)
    left = await at_agent.hangup()
    await pause(1.0)
    again = await at_colleague.answer()
    await pause(1.2)
    end = await customer.hangup()
    return [
        inbound(
            customer, KAROL, "answered", "caller", human_at=answered, rang=["101", "102"],
            talked=["101", "102"], talks=[(answered, left), (again, end)],
            transfers=[Moved("attended", "101", "102")],
        )
    ]  # fmt: skip


@story("101", "102")
async def attended_by_keys_recalled(lab: Lab) -> Sequence[Truth]:
    """101 asks by *2 and hangs up while 102 rings; 102 never answers, so the PBX rings 101 back, who answers."""
    customer, at_agent, answered = await talk(lab, EWA)
    await _ask_by_keys(lab, at_agent)
    await pause(0.5)
    left = await at_agent.hangup()
    back = await at_agent.phone.rings()
    await pause(0.5)
    again = await back.answer()
    await pause(1.2)
    end = await customer.hangup()
    return [
        inbound(
            customer, EWA, "answered", "caller", human_at=answered, rang=["101", "102"],
            talked=["101"], talks=[(answered, left), (again, end)],
        )
    ]  # fmt: skip


@story("101", "102")
async def outbound_attended_transfer(lab: Lab) -> Sequence[Truth]:
    """101 calls a customer, consults 102, and hands the customer over."""
    agent = await lab.phone("101")
    ours = await agent.dial("226018888")
    at_customer = await lab.trunk.rings("48226018888")
    await pause(0.5)
    answered = await at_customer.answer()
    await ours.answered()
    await pause(1.0)
    consultation, _ = await consult(lab, ours)
    await ours.refer("102", consultation)
    await consultation.ended()
    await pause(1.0)
    end = await at_customer.hangup()
    return [
        outgoing(
            ours, "answered", "caller", human_at=answered, rang=["102"], talked=["101", "102"],
            transfers=[Moved("attended", "101", "102")], ended_at=end,
        )
    ]  # fmt: skip
