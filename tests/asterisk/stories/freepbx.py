"""Stories on a FreePBX-shaped dialplan: from-did-direct, ext-group, ext-queues, Local/…@from-queue/n, follow-me."""

from __future__ import annotations

from collections.abc import Sequence

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
)
from tests.asterisk.truth import Moved, Truth, inbound, outgoing


@story("201")
async def freepbx_direct_answered(lab: Lab) -> Sequence[Truth]:
    """A direct number rings 201, who answers."""
    customer = await ring_in(lab, "48229000201")
    at_agent = await (await lab.phone("201")).rings()
    await pause()
    answered = await at_agent.answer()
    await pause(1.0)
    await customer.hangup()
    return [inbound(customer, JAN, "answered", "caller", human_at=answered, rang=["201"], talked=["201"])]


@story("201")
async def freepbx_direct_voicemail(lab: Lab) -> Sequence[Truth]:
    """201 rings 3 s, then the mailbox; the customer hangs up in the greeting."""
    customer = await ring_in(lab, "48229000201", MARIA)
    await (await lab.phone("201")).rings()
    await customer.answered()
    await pause(1.0)
    await customer.hangup()
    return [inbound(customer, MARIA, "voicemail", "caller", rang=["201"])]


@story("201", "202", "203")
async def freepbx_group_answered(lab: Lab) -> Sequence[Truth]:
    """A ring group rings 201 and 202 through Local channels and 203 directly; 202 answers."""
    first, second, third = await lab.phones("201", "202", "203")
    customer = await ring_in(lab, "48229000600", PIOTR)
    await first.rings()
    await third.rings()
    at_second = await second.rings()
    await pause()
    answered = await at_second.answer()
    await pause(1.0)
    await at_second.hangup()
    await customer.ended()
    rang = ["201", "202", "203"]
    return [inbound(customer, PIOTR, "answered", "agent", human_at=answered, rang=rang, talked=["202"])]


@story("201", "202", "203")
async def freepbx_group_missed(lab: Lab) -> Sequence[Truth]:
    """Nobody in the ring group answers for 6 s."""
    customer = await ring_in(lab, "48229000600", OLA)
    await customer.ended()
    return [inbound(customer, OLA, "missed", "pbx", rang=["201", "202", "203"])]


@story("201", "202", everything=True)
async def freepbx_queue_answered(lab: Lab) -> Sequence[Truth]:
    """A queue rings Local/201@from-queue/n and 202's; 201 answers."""
    first, second = await lab.phones("201", "202")
    customer = await ring_in(lab, "48229000900")
    await second.rings()
    at_first = await first.rings()
    await pause()
    answered = await at_first.answer()
    await pause(1.2)
    await customer.hangup()
    rang = ["201", "202"]
    return [
        inbound(
            customer, JAN, "answered", "caller", human_at=answered, rang=rang, talked=["201"], queue="900"
        )
    ]


@story("201", "202")
async def freepbx_queue_abandoned(lab: Lab) -> Sequence[Truth]:
    """The customer gives up in the queue, whose caller is Up since Answer()."""
    customer = await ring_in(lab, "48229000900", MARIA)
    for phone in await lab.phones("201", "202"):
        await phone.rings()
    await pause(1.0)
    await customer.hangup()
    return [inbound(customer, MARIA, "abandoned", "caller", rang=["201", "202"], queue="900")]


@story("201", "202", "203")
async def freepbx_queue_transferred(lab: Lab) -> Sequence[Truth]:
    """A queue's member transfers the customer to 203 by REFER; 203 answers."""
    first, second, third = await lab.phones("201", "202", "203")
    customer = await ring_in(lab, "48229000900", KAROL)
    await second.rings()
    at_first = await first.rings()
    answered = await at_first.answer()
    await pause(1.2)
    left = lab.now()
    await at_first.refer("203")
    at_third = await third.rings()
    await pause(0.5)
    again = await at_third.answer()
    await pause(1.0)
    end = await customer.hangup()
    return [
        inbound(
            customer, KAROL, "answered", "caller", human_at=answered, rang=["201", "202", "203"],
            talked=["201", "203"], talks=[(answered, left), (again, end)], queue="900",
            transfers=[Moved("blind", "201", "203")],
        )
    ]  # fmt: skip


@story("201", "202", "203")
async def freepbx_queue_attended(lab: Lab) -> Sequence[Truth]:
    """A queue's member behind Local/…/n consults 203 and hands the customer over by REFER with Replaces."""
    first, second, third = await lab.phones("201", "202", "203")
    customer = await ring_in(lab, "48229000900", OLA)
    await second.rings()
    at_first = await first.rings()
    answered = await at_first.answer()
    await pause(1.2)
    await at_first.hold()
    consultation = await first.dial("203")
    at_third = await third.rings()
    await pause(0.5)
    await at_third.answer()
    await consultation.answered()
    await pause()
    await at_first.refer("203", consultation)
    await consultation.ended()
    await pause(1.0)
    await at_third.hangup()
    await customer.ended()
    return [
        inbound(
            customer, OLA, "answered", "agent", human_at=answered, rang=["201", "202", "203"],
            talked=["201", "203"], queue="900", transfers=[Moved("attended", "201", "203")],
        )
    ]  # fmt: skip


@story("201", "202", "204")
async def freepbx_queue_pickup(lab: Lab) -> Sequence[Truth]:
    """A queue rings 201 and 202; 204 takes the call with the group pick-up *8."""
    first, second, outsider = await lab.phones("201", "202", "204")
    customer = await ring_in(lab, "48229000900", KAROL)
    await first.rings()
    await second.rings()
    await pause()
    picking = await outsider.dial("*8")
    picked = await picking.answered()
    await pause(1.0)
    await customer.hangup()
    return [
        inbound(
            customer, KAROL, "answered", "caller", human_at=picked, rang=["201", "202"],
            talked=["204"], queue="900",
        )
    ]  # fmt: skip


@story("202")
async def freepbx_followme_mobile(lab: Lab) -> Sequence[Truth]:
    """Follow-me rings 202 and a mobile together; the mobile answers and confirms with 1."""
    customer = await ring_in(lab, "48229000202", EWA)
    await (await lab.phone("202")).rings()
    at_mobile = await lab.trunk.rings(MOBILE)
    await pause(0.5)
    await at_mobile.answer()
    await pause(1.0)
    await at_mobile.press("1")
    confirmed = await customer.answered()
    await pause(1.0)
    await customer.hangup()
    return [
        inbound(customer, EWA, "answered", "caller", human_at=confirmed, rang=["202"], talked=[MOBILE_NUMBER])
    ]


@story("202")
async def freepbx_followme_extension(lab: Lab) -> Sequence[Truth]:
    """Follow-me rings 202 and a mobile together; 202 answers, the mobile stops."""
    customer = await ring_in(lab, "48229000202", JAN)
    at_agent = await (await lab.phone("202")).rings()
    at_mobile = await lab.trunk.rings(MOBILE)
    await pause()
    answered = await at_agent.answer()
    await at_mobile.ended()
    await pause(1.0)
    await at_agent.hangup()
    await customer.ended()
    return [inbound(customer, JAN, "answered", "agent", human_at=answered, rang=["202"], talked=["202"])]


@story()
async def freepbx_closed(lab: Lab) -> Sequence[Truth]:
    """A time condition leads to the closed announcement."""
    customer = await ring_in(lab, "48229000777", OLA)
    await customer.ended()
    return [inbound(customer, OLA, "missed", "pbx")]


@story("201")
async def freepbx_outbound(lab: Lab) -> Sequence[Truth]:
    """201 calls a customer through macro-dialout-trunk."""
    ours = await (await lab.phone("201")).dial("226018888")
    at_customer = await lab.trunk.rings("48226018888")
    await pause()
    answered = await at_customer.answer()
    await pause(1.0)
    await ours.hangup()
    return [outgoing(ours, "answered", "agent", human_at=answered, talked=["201"])]


@story("201", "203")
async def freepbx_internal(lab: Lab) -> Sequence[Truth]:
    """201 calls 203, who answers; 203 hangs up."""
    ours = await (await lab.phone("201")).dial("203")
    at_colleague = await (await lab.phone("203")).rings()
    await pause()
    answered = await at_colleague.answer()
    await pause(1.0)
    await at_colleague.hangup()
    await ours.ended()
    return [
        outgoing(
            ours, "answered", "agent", direction="internal", human_at=answered,
            rang=["203"], talked=["201", "203"],
        )
    ]  # fmt: skip


@story("201", "204")
async def freepbx_pickup(lab: Lab) -> Sequence[Truth]:
    """201 rings; 204 dials **201 and takes the call."""
    customer = await ring_in(lab, "48229000201", PIOTR)
    await (await lab.phone("201")).rings()
    await pause()
    picking = await (await lab.phone("204")).dial("**201")
    picked = await picking.answered()
    await pause(1.0)
    await customer.hangup()
    return [inbound(customer, PIOTR, "answered", "caller", human_at=picked, rang=["201"], talked=["204"])]
