"""Stories of calls our people make: to the outside, and to each other."""

from __future__ import annotations

from collections.abc import Sequence

from tests.asterisk.lab import Lab
from tests.asterisk.stories.story import pause, story
from tests.asterisk.truth import Moved, Truth, outgoing

DIALLED = "226018888"
REACHED = "48226018888"


@story("101")
async def outbound_answered(lab: Lab) -> Sequence[Truth]:
    """101 calls a customer, who answers and later hangs up."""
    ours = await (await lab.phone("101")).dial(DIALLED)
    at_customer = await lab.trunk.rings(REACHED)
    await pause()
    answered = await at_customer.answer()
    await pause(1.2)
    await at_customer.hangup()
    await ours.ended()
    return [outgoing(ours, "answered", "caller", human_at=answered, talked=["101"])]


@story("101")
async def outbound_answered_agent_hangs_up(lab: Lab) -> Sequence[Truth]:
    """101 calls abroad (00…), the customer is held and taken back, 101 hangs up."""
    ours = await (await lab.phone("101")).dial("004930901820")
    at_customer = await lab.trunk.rings("4930901820")
    await pause()
    answered = await at_customer.answer()
    await ours.answered()
    await pause(0.5)
    await ours.hold()
    await pause(0.5)
    await ours.unhold()
    await pause(0.5)
    await ours.hangup()
    return [outgoing(ours, "answered", "agent", human_at=answered, talked=["101"])]


@story("101")
async def outbound_busy(lab: Lab) -> Sequence[Truth]:
    """The customer's line is busy (486)."""
    lab.trunk.refuse_at_once["*"] = 486
    ours = await (await lab.phone("101")).dial(DIALLED)
    await ours.ended()
    return [outgoing(ours, "busy", "pbx")]


@story("101")
async def outbound_declined(lab: Lab) -> Sequence[Truth]:
    """The customer's phone rings, and the customer declines (603); the second carrier refuses at once with the same.
    Neither busy nor a fault of network or number: missed."""
    lab.second_trunk.refuse_at_once["*"] = 603
    ours = await (await lab.phone("101")).dial(DIALLED)
    at_customer = await lab.trunk.rings(REACHED)
    await pause()
    at_customer.refuse(603)
    await ours.ended()
    return [outgoing(ours, "missed", "pbx")]


@story("101")
async def outbound_cancelled(lab: Lab) -> Sequence[Truth]:
    """101 gives up while the customer's phone rings."""
    ours = await (await lab.phone("101")).dial(DIALLED)
    await lab.trunk.rings(REACHED)
    await pause(1.2)
    await ours.cancel()
    return [outgoing(ours, "missed", "agent")]


@story("101")
async def outbound_unanswered(lab: Lab) -> Sequence[Truth]:
    """The customer does not answer for 5 s, and the dialplan gives up."""
    ours = await (await lab.phone("101")).dial(DIALLED)
    await lab.trunk.rings(REACHED)
    await ours.ended()
    return [outgoing(ours, "missed", "pbx")]


@story("101")
async def outbound_second_carrier(lab: Lab) -> Sequence[Truth]:
    """The first carrier has no line (503), the second one reaches the customer, who answers. One call."""
    lab.trunk.refuse_at_once["*"] = 503
    ours = await (await lab.phone("101")).dial(DIALLED)
    at_customer = await lab.second_trunk.rings(REACHED)
    await pause()
    answered = await at_customer.answer()
    await pause(1.2)
    await ours.hangup()
    return [outgoing(ours, "answered", "agent", human_at=answered, talked=["101"])]


@story("101")
async def outbound_both_carriers_fail(lab: Lab) -> Sequence[Truth]:
    """Neither carrier has a line (503)."""
    lab.trunk.refuse_at_once["*"] = 503
    lab.second_trunk.refuse_at_once["*"] = 503
    ours = await (await lab.phone("101")).dial(DIALLED)
    await ours.ended()
    return [outgoing(ours, "failed", "pbx")]


@story("101")
async def outbound_wrong_number(lab: Lab) -> Sequence[Truth]:
    """Both carriers say that the number does not exist (404)."""
    lab.trunk.refuse_at_once["*"] = 404
    lab.second_trunk.refuse_at_once["*"] = 404
    ours = await (await lab.phone("101")).dial(DIALLED)
    await ours.ended()
    return [outgoing(ours, "failed", "pbx")]


@story("101", "102")
async def internal_answered(lab: Lab) -> Sequence[Truth]:
    """101 calls 102, who answers; 101 hangs up."""
    agent, colleague = await lab.phones("101", "102")
    ours = await agent.dial("102")
    at_colleague = await colleague.rings()
    await pause()
    answered = await at_colleague.answer()
    await pause(1.2)
    await ours.hangup()
    return [
        outgoing(
            ours, "answered", "caller", direction="internal", human_at=answered,
            rang=["102"], talked=["101", "102"],
        )
    ]  # fmt: skip


@story("101", "102")
async def internal_answered_callee_hangs_up(lab: Lab) -> Sequence[Truth]:
    """101 calls 102, who answers and hangs up."""
    agent, colleague = await lab.phones("101", "102")
    ours = await agent.dial("102")
    at_colleague = await colleague.rings()
    await pause()
    answered = await at_colleague.answer()
    await pause()
    await at_colleague.hangup()
    await ours.ended()
    return [
        outgoing(
            ours, "answered", "agent", direction="internal", human_at=answered,
            rang=["102"], talked=["101", "102"],
        )
    ]  # fmt: skip


@story("101", "102")
async def internal_missed(lab: Lab) -> Sequence[Truth]:
    """101 calls 102, who does not answer for 5 s; the dialplan gives up."""
    ours = await (await lab.phone("101")).dial("102")
    await (await lab.phone("102")).rings()
    await ours.ended()
    return [outgoing(ours, "missed", "pbx", direction="internal", rang=["102"])]


@story("101", "102")
async def internal_cancelled(lab: Lab) -> Sequence[Truth]:
    """101 calls 102 and gives up."""
    ours = await (await lab.phone("101")).dial("102")
    await (await lab.phone("102")).rings()
    await pause(1.0)
    await ours.cancel()
    return [outgoing(ours, "abandoned", "caller", direction="internal", rang=["102"])]


@story("101", "102")
async def internal_busy(lab: Lab) -> Sequence[Truth]:
    """101 calls 102, whose phone says busy at once."""
    colleague = await lab.phone("102")
    colleague.refuse_at_once["*"] = 486
    ours = await (await lab.phone("101")).dial("102")
    await ours.ended()
    return [outgoing(ours, "missed", "pbx", direction="internal")]


@story("101")
async def internal_voicemail(lab: Lab) -> Sequence[Truth]:
    """101 dials a mailbox's number and hangs up in the greeting."""
    ours = await (await lab.phone("101")).dial("850")
    await ours.answered()
    await pause(1.0)
    await ours.hangup()
    return [outgoing(ours, "voicemail", "caller", direction="internal")]


@story("104", "101", "102", "103")
async def internal_to_queue(lab: Lab) -> Sequence[Truth]:
    """104 calls the queue sales (400); 102 answers; 104 hangs up."""
    caller, agent = await lab.phones("104", "102")
    ours = await caller.dial("400")
    at_agent = await agent.rings()
    await pause()
    answered = await at_agent.answer()
    await pause()
    await ours.hangup()
    return [
        outgoing(
            ours, "answered", "caller", direction="internal", human_at=answered, queue="sales",
            rang=["101", "102", "103"], talked=["104", "102"],
        )
    ]  # fmt: skip


@story("101", "102", "103")
async def internal_blind_transfer(lab: Lab) -> Sequence[Truth]:
    """101 calls 102, who transfers 101 to 103 by REFER; 101 hangs up."""
    agent, colleague, third = await lab.phones("101", "102", "103")
    ours = await agent.dial("102")
    at_colleague = await colleague.rings()
    answered = await at_colleague.answer()
    await pause(1.0)
    left = lab.now()
    await at_colleague.refer("103")
    at_third = await third.rings()
    await pause(0.5)
    again = await at_third.answer()
    await pause(1.0)
    end = await ours.hangup()
    return [
        outgoing(
            ours, "answered", "caller", direction="internal", human_at=answered, rang=["102", "103"],
            talked=["101", "102", "103"], talks=[(answered, left), (again, end)],
            transfers=[Moved("blind", "102", "103")],
        )
    ]  # fmt: skip
