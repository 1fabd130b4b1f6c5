"""Stories of callbacks: the PBX is told to ring our agent first, then the customer (the shipped dialplan)."""

from __future__ import annotations

from collections.abc import Sequence

from tests.asterisk.lab import Lab
from tests.asterisk.stories.story import pause, story
from tests.asterisk.truth import Moved, Truth

CUSTOMER = "48226019999"


def callback(
    started_at: float, ended_at: float, result: str, ended_by: str, *, human_at: float | None = None,
    rang: Sequence[str] = ("101",), talked: Sequence[str] = (), talks: Sequence[tuple[float, float]] = (),
    transfers: Sequence[Moved] = (), callee: str = CUSTOMER,
) -> Truth:  # fmt: skip
    """A callback by 101; ``human_at`` is the agent's answer."""
    return Truth(
        "callback", "101", callee, result, started_at, ended_at, ended_by, None, None, human_at,
        rang, talked, talks, transfers,
    )  # fmt: skip


@story("101", everything=True)
async def callback_answered(lab: Lab) -> Sequence[Truth]:
    """101 answers the callback's first half, the customer the second; the customer hangs up."""
    agent = await lab.phone("101")
    start = await lab.originate("101", CUSTOMER)
    at_agent = await agent.rings()
    await pause()
    human = await at_agent.answer()
    at_customer = await lab.trunk.rings(CUSTOMER)
    await pause()
    joined = await at_customer.answer()
    await pause(1.2)
    end = await at_customer.hangup()
    await at_agent.ended()
    return [callback(start, end, "answered", "caller", human_at=human, talked=["101"], talks=[(joined, end)])]


@story("101")
async def callback_agent_hangs_up(lab: Lab) -> Sequence[Truth]:
    """The callback succeeds; 101 hangs up."""
    agent = await lab.phone("101")
    start = await lab.originate("101", CUSTOMER)
    at_agent = await agent.rings()
    human = await at_agent.answer()
    at_customer = await lab.trunk.rings(CUSTOMER)
    await pause()
    joined = await at_customer.answer()
    await pause(1.0)
    end = await at_agent.hangup()
    await at_customer.ended()
    return [callback(start, end, "answered", "agent", human_at=human, talked=["101"], talks=[(joined, end)])]


@story("101")
async def callback_agent_refuses(lab: Lab) -> Sequence[Truth]:
    """101 declines the offered callback; the customer is never dialled."""
    agent = await lab.phone("101")
    start = await lab.originate("101", CUSTOMER)
    at_agent = await agent.rings()
    await pause()
    at_agent.refuse(486)
    return [callback(start, lab.now(), "missed", "pbx")]


@story("101")
async def callback_agent_unanswered(lab: Lab) -> Sequence[Truth]:
    """101 does not answer for 3 s, the Originate's time-out; the customer is never dialled."""
    agent = await lab.phone("101")
    start = await lab.originate("101", CUSTOMER, seconds=3)
    at_agent = await agent.rings()
    end = await at_agent.ended()
    return [callback(start, end, "missed", "pbx")]


@story()
async def callback_agent_not_registered(lab: Lab) -> Sequence[Truth]:
    """101's phone is switched off, so nothing rings and the customer is never dialled."""
    start = await lab.originate("101", CUSTOMER)
    return [callback(start, lab.now(), "missed", "pbx", rang=[])]


@story("101")
async def callback_customer_busy(lab: Lab) -> Sequence[Truth]:
    """101 answers, the customer is busy."""
    agent = await lab.phone("101")
    lab.trunk.refuse_at_once["*"] = 486
    start = await lab.originate("101", CUSTOMER)
    at_agent = await agent.rings()
    await pause()
    human = await at_agent.answer()
    end = await at_agent.ended()
    return [callback(start, end, "busy", "pbx", human_at=human)]


@story("101")
async def callback_customer_unanswered(lab: Lab) -> Sequence[Truth]:
    """101 answers, the customer's phone rings, 101 gives up."""
    agent = await lab.phone("101")
    start = await lab.originate("101", CUSTOMER)
    at_agent = await agent.rings()
    await pause(0.5)
    human = await at_agent.answer()
    await lab.trunk.rings(CUSTOMER)
    await pause(1.5)
    end = await at_agent.hangup()
    return [callback(start, end, "missed", "agent", human_at=human)]


@story("101")
async def callback_number_fails(lab: Lab) -> Sequence[Truth]:
    """101 answers, the carrier says the number does not exist (404)."""
    agent = await lab.phone("101")
    lab.trunk.refuse_at_once["*"] = 404
    start = await lab.originate("101", CUSTOMER)
    at_agent = await agent.rings()
    await pause(0.5)
    human = await at_agent.answer()
    end = await at_agent.ended()
    return [callback(start, end, "failed", "pbx", human_at=human)]


@story("101")
async def callback_number_not_allowed(lab: Lab) -> Sequence[Truth]:
    """101 answers, and the shipped dialplan refuses a number outside its allow-list: our side gave up."""
    agent = await lab.phone("101")
    start = await lab.originate("101", "442079460000")
    at_agent = await agent.rings()
    await pause(0.5)
    human = await at_agent.answer()
    end = await at_agent.ended()
    return [callback(start, end, "missed", "pbx", human_at=human, callee="442079460000")]


@story("101")
async def callback_same_id_twice(lab: Lab) -> Sequence[Truth]:
    """The same attempt is sent a second time while the first lives: the PBX refuses it, the customer is rung once."""
    agent = await lab.phone("101")
    start = await lab.originate("101", CUSTOMER, attempt="twice")
    at_agent = await agent.rings()
    await lab.originate("101", CUSTOMER, attempt="twice")
    await pause(0.5)
    human = await at_agent.answer()
    at_customer = await lab.trunk.rings(CUSTOMER)
    joined = await at_customer.answer()
    await pause(1.0)
    end = await at_customer.hangup()
    await at_agent.ended()
    return [callback(start, end, "answered", "caller", human_at=human, talked=["101"], talks=[(joined, end)])]


@story("101", "102")
async def callback_blind_transfer(lab: Lab) -> Sequence[Truth]:
    """After the callback 101 transfers the customer to 102 by REFER."""
    agent, colleague = await lab.phones("101", "102")
    start = await lab.originate("101", CUSTOMER)
    at_agent = await agent.rings()
    human = await at_agent.answer()
    at_customer = await lab.trunk.rings(CUSTOMER)
    joined = await at_customer.answer()
    await pause(1.0)
    left = lab.now()
    await at_agent.refer("102")
    at_colleague = await colleague.rings()
    await pause(0.5)
    again = await at_colleague.answer()
    await pause(1.0)
    end = await at_customer.hangup()
    return [
        callback(
            start, end, "answered", "caller", human_at=human, rang=["101", "102"], talked=["101", "102"],
            talks=[(joined, left), (again, end)], transfers=[Moved("blind", "101", "102")],
        )
    ]  # fmt: skip
