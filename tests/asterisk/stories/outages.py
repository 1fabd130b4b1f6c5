"""Stories in which we or the PBX die in mid-call. The captures have a part per connection (NAME.1.ami, NAME.2.ami).

After each reconnect the recorder asks for the PBX's state, so the second part begins with those answers. Blind gaps
are short: what a log can only know to the second agrees with the truth.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from tests.asterisk.lab import Lab
from tests.asterisk.stories.queues import TEAM
from tests.asterisk.stories.story import JAN, KAROL, MARIA, OLA, PIOTR, pause, ring_in, story
from tests.asterisk.stories.transfers import talk
from tests.asterisk.truth import Truth, inbound

GAP = 0.4


@story("101")
async def cut_while_talking(lab: Lab) -> Sequence[Truth]:
    """Our connection is cut while 101 talks, and comes back before the customer hangs up."""
    customer, _, answered = await talk(lab)
    await lab.cut()
    await pause(GAP)
    await lab.reconnect()
    await pause(1.0)
    await customer.hangup()
    return [inbound(customer, JAN, "answered", "caller", human_at=answered, rang=["101"], talked=["101"])]


@story("101")
async def cut_while_ringing(lab: Lab) -> Sequence[Truth]:
    """The connection is cut while 101 rings, and comes back before 101 answers."""
    agent = await lab.phone("101")
    customer = await ring_in(lab, "48221000101", MARIA)
    at_agent = await agent.rings()
    await pause(0.5)
    await lab.cut()
    await pause(GAP)
    await lab.reconnect()
    await pause(0.5)
    answered = await at_agent.answer()
    await pause(1.0)
    await at_agent.hangup()
    await customer.ended()
    return [inbound(customer, MARIA, "answered", "agent", human_at=answered, rang=["101"], talked=["101"])]


@story("101")
async def cut_answered_unseen(lab: Lab) -> Sequence[Truth]:
    """The connection is cut while 101 rings; 101 answers before it is back."""
    agent = await lab.phone("101")
    customer = await ring_in(lab, "48221000101", PIOTR)
    at_agent = await agent.rings()
    await pause(0.5)
    await lab.cut()
    answered = await at_agent.answer()
    await pause(GAP)
    await lab.reconnect()
    await pause(1.0)
    await customer.hangup()
    return [inbound(customer, PIOTR, "answered", "caller", human_at=answered, rang=["101"], talked=["101"])]


@story("101")
async def cut_ended_unseen(lab: Lab) -> Sequence[Truth]:
    """The call ends while we are blind, right after 101 has held the customer: who hung up cannot be known."""
    customer, at_agent, answered = await talk(lab, OLA)
    await at_agent.hold()
    await at_agent.unhold()
    await lab.cut()
    await customer.hangup()
    await pause(GAP)
    await lab.reconnect()
    return [inbound(customer, OLA, "answered", "unknown", human_at=answered, rang=["101"], talked=["101"])]


@story(*TEAM)
async def cut_in_queue(lab: Lab) -> Sequence[Truth]:
    """The connection is cut while the customer waits in the queue, and comes back before 102 answers."""
    second = await lab.phone("102")
    customer = await ring_in(lab, "48221000400", KAROL)
    at_second = await second.rings()
    await pause(0.5)
    await lab.cut()
    await pause(GAP)
    await lab.reconnect()
    await pause(0.4)
    answered = await at_second.answer()
    await pause(1.0)
    await customer.hangup()
    return [
        inbound(
            customer, KAROL, "answered", "caller", human_at=answered, rang=TEAM, talked=["102"], queue="sales"
        )
    ]


async def _died_and_back(lab: Lab, before: Truth) -> Sequence[Truth]:
    agent = await lab.phone("101")
    for call in [*agent.calls, *lab.trunk.calls]:
        call.drop()
    await lab.pbx.start()
    await agent.register()
    await lab.reconnect()
    customer, _, answered = await talk(lab, MARIA)
    await customer.hangup()
    after = inbound(customer, MARIA, "answered", "caller", human_at=answered, rang=["101"], talked=["101"])
    return [replace(before, pbx_died=True), after]


@story("101")
async def pbx_stopped_while_talking(lab: Lab) -> Sequence[Truth]:
    """The PBX is stopped in order while 101 talks, and started again; then another call, with channel names anew."""
    customer, _, answered = await talk(lab)
    stopped = lab.now()
    await lab.pbx.stop()
    before = inbound(
        customer, JAN, "answered", "pbx", human_at=answered, rang=["101"], talked=["101"], ended_at=stopped
    )
    return await _died_and_back(lab, before)


@story("101")
async def pbx_killed_while_talking(lab: Lab) -> Sequence[Truth]:
    """The PBX dies at once (kill -9) while 101 talks, and is started again: no Hangup was ever sent for the first."""
    customer, _, answered = await talk(lab)
    killed = lab.now()
    await lab.pbx.kill9()
    before = inbound(
        customer, JAN, "answered", "pbx", human_at=answered, rang=["101"], talked=["101"], ended_at=killed
    )
    return await _died_and_back(lab, before)


@story("101")
async def pbx_killed_while_ringing(lab: Lab) -> Sequence[Truth]:
    """The PBX dies at once while 101 rings: nobody answered, and the customer did not give up."""
    agent = await lab.phone("101")
    customer = await ring_in(lab, "48221000101")
    await agent.rings()
    await pause(1.0)
    killed = lab.now()
    await lab.pbx.kill9()
    before = inbound(customer, JAN, "missed", "pbx", rang=["101"], ended_at=killed)
    return await _died_and_back(lab, before)
