"""Stories in which the PBX itself speaks: menu, announcement, mailbox, conference."""

from __future__ import annotations

from collections.abc import Sequence

from tests.asterisk.lab import Lab
from tests.asterisk.stories.queues import TEAM
from tests.asterisk.stories.story import ADAM, EWA, JAN, KAROL, MARIA, OLA, PIOTR, pause, ring_in, story
from tests.asterisk.truth import Truth, inbound, outgoing


@story("101")
async def menu_to_extension(lab: Lab) -> Sequence[Truth]:
    """A menu answers, the customer presses 1, 101 rings and answers."""
    agent = await lab.phone("101")
    customer = await ring_in(lab, "48221000600")
    await customer.answered()
    await pause()
    await customer.press("1")
    at_agent = await agent.rings()
    await pause(0.5)
    answered = await at_agent.answer()
    await pause()
    await customer.hangup()
    return [inbound(customer, JAN, "answered", "caller", human_at=answered, rang=["101"], talked=["101"])]


@story(*TEAM)
async def menu_to_queue_abandoned(lab: Lab) -> Sequence[Truth]:
    """The customer presses 2 for the queue, and gives up there."""
    customer = await ring_in(lab, "48221000600", MARIA)
    await customer.answered()
    await pause()
    await customer.press("2")
    for phone in await lab.phones(*TEAM):
        await phone.rings()
    await pause()
    await customer.hangup()
    return [inbound(customer, MARIA, "abandoned", "caller", rang=TEAM, queue="sales")]


@story()
async def menu_abandoned(lab: Lab) -> Sequence[Truth]:
    """The customer hangs up while the menu speaks."""
    customer = await ring_in(lab, "48221000600", PIOTR)
    await customer.answered()
    await pause(1.2)
    await customer.hangup()
    return [inbound(customer, PIOTR, "abandoned", "caller")]


@story("101")
async def menu_extension_missed(lab: Lab) -> Sequence[Truth]:
    """Through the menu to 101, who does not answer for 5 s; the PBX hangs up."""
    customer = await ring_in(lab, "48221000600", OLA)
    await customer.answered()
    await pause()
    await customer.press("1")
    await (await lab.phone("101")).rings()
    await customer.ended()
    return [inbound(customer, OLA, "missed", "pbx", rang=["101"])]


@story()
async def closed_announcement(lab: Lab) -> Sequence[Truth]:
    """Outside opening hours the PBX answers, says so and hangs up."""
    customer = await ring_in(lab, "48221000700", KAROL)
    await customer.ended()
    return [inbound(customer, KAROL, "missed", "pbx")]


@story()
async def closed_announcement_early(lab: Lab) -> Sequence[Truth]:
    """The announcement is played without answering (early media), then the PBX hangs up."""
    customer = await ring_in(lab, "48221000701", EWA)
    await customer.ended()
    return [inbound(customer, EWA, "missed", "pbx")]


@story()
async def closed_announcement_hung_up(lab: Lab) -> Sequence[Truth]:
    """The customer hangs up during the closed announcement: still missed, nobody of ours could answer."""
    customer = await ring_in(lab, "48221000700", ADAM)
    await customer.answered()
    await pause(0.5)
    await customer.hangup()
    return [inbound(customer, ADAM, "missed", "caller")]


@story("102")
async def voicemail_message(lab: Lab) -> Sequence[Truth]:
    """102 rings 2 s, then the mailbox; the customer skips the greeting and leaves a message."""
    customer = await ring_in(lab, "48221000202")
    await (await lab.phone("102")).rings()
    await customer.answered()
    await pause(1.5)
    await customer.press("#")
    await pause(2.5)
    await customer.hangup()
    return [inbound(customer, JAN, "voicemail", "caller", rang=["102"])]


@story("101")
async def voicemail_greeting_hung_up(lab: Lab) -> Sequence[Truth]:
    """101 rings 2 s, then the mailbox; the customer hangs up in its greeting."""
    customer = await ring_in(lab, "48221000201", MARIA)
    await (await lab.phone("101")).rings()
    await customer.answered()
    await pause(1.0)
    await customer.hangup()
    return [inbound(customer, MARIA, "voicemail", "caller", rang=["101"])]


@story()
async def voicemail_at_once(lab: Lab) -> Sequence[Truth]:
    """The number leads to a mailbox; the customer ends the message with #, and the PBX hangs up."""
    customer = await ring_in(lab, "48221000850", PIOTR)
    await customer.answered()
    await pause(1.0)
    await customer.press("#")
    await pause(2.5)
    await customer.press("#")
    await customer.ended()
    return [inbound(customer, PIOTR, "voicemail", "pbx")]


@story("101")
async def voicemail_refused_first(lab: Lab) -> Sequence[Truth]:
    """101 declines, the PBX answers with the mailbox, the customer hangs up in the greeting."""
    agent = await lab.phone("101")
    customer = await ring_in(lab, "48221000201", OLA)
    at_agent = await agent.rings()
    await pause()
    at_agent.refuse(486)
    await customer.answered()
    await pause(1.0)
    await customer.hangup()
    return [inbound(customer, OLA, "voicemail", "caller", rang=["101"])]


@story()
async def busy_number(lab: Lab) -> Sequence[Truth]:
    """The dialplan answers with Busy(): nothing rang."""
    customer = await ring_in(lab, "48221000860", KAROL)
    await customer.ended()
    return [inbound(customer, KAROL, "missed", "pbx")]


@story("101")
async def conference_with_agent(lab: Lab) -> Sequence[Truth]:
    """101 waits in a conference, a customer dials in, they talk, the customer leaves first. Two dialled calls that
    never become one in the PBX: the customer's is answered, 101's is answered by the customer."""
    agent = await lab.phone("101")
    ours = await agent.dial("800")
    await ours.answered()
    await pause()
    customer = await ring_in(lab, "48221000800")
    met = await customer.answered()
    await pause(1.2)
    await customer.hangup()
    await pause()
    await ours.hangup()
    left = float(customer.ended_at or 0)
    return [
        outgoing(
            ours,
            "answered",
            "caller",
            direction="internal",
            human_at=met,
            talked=["101"],
            talks=[(met, left)],
        ),
        inbound(customer, JAN, "answered", "caller", human_at=met, talked=["101"]),
    ]


@story()
async def conference_alone(lab: Lab) -> Sequence[Truth]:
    """A customer waits alone in a conference and leaves: nobody talked to them."""
    customer = await ring_in(lab, "48221000800", MARIA)
    await customer.answered()
    await pause(1.5)
    await customer.hangup()
    return [inbound(customer, MARIA, "abandoned", "caller")]


@story("101", "102")
async def conference_of_colleagues(lab: Lab) -> Sequence[Truth]:
    """101 and 102 dial into the same conference and talk; 102 leaves first."""
    first, second = await lab.phones("101", "102")
    one = await first.dial("800")
    await one.answered()
    await pause()
    two = await second.dial("800")
    met = await two.answered()
    await pause(1.2)
    await two.hangup()
    await pause(0.5)
    await one.hangup()
    talks = [(met, float(two.ended_at or 0))]
    return [
        outgoing(
            one, "answered", "caller", direction="internal", human_at=met, talked=["101", "102"], talks=talks
        ),
        outgoing(
            two, "answered", "caller", direction="internal", human_at=met, talked=["102", "101"], talks=talks
        ),
    ]
