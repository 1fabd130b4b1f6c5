"""A French workshop is rung: queues that empty or nest, mailboxes left by 0, two contacts, limits, menus in menus."""

from __future__ import annotations

from collections.abc import Sequence

from tests.asterisk.call import Call
from tests.asterisk.lab import Lab
from tests.asterisk.other.shop import LUC, ZOE, french, from_outside, operate, phone, phones
from tests.asterisk.stories.story import pause
from tests.asterisk.truth import Customer, Truth, inbound


async def ring_in(lab: Lab, suffix: str, who: Customer = LUC) -> Call:
    """A customer dials the workshop."""
    return await from_outside(lab, "ovh", f"01703639{suffix}", who)


@french()
async def fr_direct_through_second_carrier(lab: Lab) -> Sequence[Truth]:
    """A call on the carrier whose name continues the other's; 601 answers, the customer hangs up."""
    alain = await phone(lab, "601")
    customer = await from_outside(lab, "ovh-2", "0170363901", ZOE)
    at_alain = await alain.rings()
    await pause(0.5)
    answered = await at_alain.answer()
    await pause(1.0)
    await customer.hangup()
    return [inbound(customer, ZOE, "answered", "caller", human_at=answered, rang=["601"], talked=["601"])]


@french()
async def fr_limit_cuts(lab: Lab) -> Sequence[Truth]:
    """Dial(…,gL(3000)): the PBX cuts the talk after 3 s."""
    alain = await phone(lab, "601")
    customer = await ring_in(lab, "02")
    at_alain = await alain.rings()
    answered = await at_alain.answer()
    await customer.ended()
    return [inbound(customer, LUC, "answered", "pbx", human_at=answered, rang=["601"], talked=["601"])]


@french()
async def fr_two_contacts(lab: Lab) -> Sequence[Truth]:
    """PJSIP_DIAL_CONTACTS: both phones of 605 ring under one device's name; the one at home answers."""
    desk, home = await phones(lab, "605", "605 at home")
    customer = await ring_in(lab, "03", ZOE)
    await desk.rings()
    at_home = await home.rings()
    await pause(0.5)
    answered = await at_home.answer()
    await pause(0.8)
    await at_home.hangup()
    await customer.ended()
    return [inbound(customer, ZOE, "answered", "agent", human_at=answered, rang=["605"], talked=["605"])]


@french()
async def fr_two_contacts_one_refuses(lab: Lab) -> Sequence[Truth]:
    """One phone of 605 refuses, the other goes on ringing; the customer gives up."""
    desk, home = await phones(lab, "605", "605 at home")
    customer = await ring_in(lab, "03")
    at_desk = await desk.rings()
    await home.rings()
    await pause(0.5)
    at_desk.refuse(486)
    await pause(1.0)
    await customer.cancel()
    return [inbound(customer, LUC, "abandoned", "caller", rang=["605"])]


async def _in_greeting(lab: Lab) -> Call:
    """A customer leaves 601's greeting by 0."""
    alain = await phone(lab, "601")
    customer = await ring_in(lab, "04")
    await alain.rings()
    await customer.answered()
    await pause(1.0)
    await customer.press("0")
    return customer


@french()
async def fr_mailbox_left_for_operator(lab: Lab) -> Sequence[Truth]:
    """0 in the greeting of the mailbox: the operator's phone rings and is answered."""
    claude = await phone(lab, "603")
    customer = await _in_greeting(lab)
    at_claude = await claude.rings()
    await pause(0.5)
    answered = await at_claude.answer()
    await pause(0.8)
    await at_claude.hangup()
    await customer.ended()
    return [
        inbound(customer, LUC, "answered", "agent", human_at=answered, rang=["601", "603"], talked=["603"])
    ]


@french()
async def fr_mailbox_left_then_given_up(lab: Lab) -> Sequence[Truth]:
    """0 in the greeting of the mailbox: the caller gives up while the operator's phone rings."""
    claude = await phone(lab, "603")
    customer = await _in_greeting(lab)
    await claude.rings()
    await pause(1.0)
    await customer.hangup()
    return [inbound(customer, LUC, "abandoned", "caller", rang=["601", "603"])]


@french()
async def fr_mailbox_left_in_vain(lab: Lab) -> Sequence[Truth]:
    """0 in the greeting of the mailbox: nobody answers at the operator's, the PBX hangs up."""
    await phone(lab, "603")
    customer = await _in_greeting(lab)
    await customer.ended()
    return [inbound(customer, LUC, "missed", "pbx", rang=["601", "603"])]


@french()
async def fr_mailbox_with_hangup_handler(lab: Lab) -> Sequence[Truth]:
    """A hangup handler runs after the mailbox whose greeting was hung up on."""
    brigitte = await phone(lab, "602")
    customer = await ring_in(lab, "05", ZOE)
    await brigitte.rings()
    await customer.answered()
    await pause(1.0)
    await customer.hangup()
    return [inbound(customer, ZOE, "voicemail", "caller", rang=["602"])]


@french()
async def fr_queue_empties(lab: Lab) -> Sequence[Truth]:
    """The only member pauses while a caller waits, the queue sends the caller away, a goodbye plays, and they
    hang up in it: missed, for the queue gave up first."""
    alain = await phone(lab, "601")
    customer = await ring_in(lab, "06")
    at_alain = await alain.rings()
    await pause(0.8)
    await operate(lab, "QueuePause", Queue="vide", Interface="PJSIP/601", Paused="true")
    await at_alain.ended()
    await pause(0.7)
    await customer.hangup()
    await operate(lab, "QueuePause", Queue="vide", Interface="PJSIP/601", Paused="false")
    return [inbound(customer, LUC, "missed", "caller", rang=["601"], queue="vide")]


@french()
async def fr_queue_paused_and_answered(lab: Lab) -> Sequence[Truth]:
    """The member pauses while their phone rings, and answers all the same."""
    alain = await phone(lab, "601")
    customer = await ring_in(lab, "06", ZOE)
    at_alain = await alain.rings()
    await pause(0.5)
    await operate(lab, "QueuePause", Queue="vide", Interface="PJSIP/601", Paused="true")
    await pause(0.5)
    answered = await at_alain.answer()
    await pause(0.8)
    await customer.hangup()
    await operate(lab, "QueuePause", Queue="vide", Interface="PJSIP/601", Paused="false")
    return [
        inbound(
            customer, ZOE, "answered", "caller", human_at=answered, rang=["601"], talked=["601"], queue="vide"
        )
    ]


@french()
async def fr_queue_announced_to_member(lab: Lab) -> Sequence[Truth]:
    """The member hears an announcement before they are joined with the caller."""
    alain = await phone(lab, "601")
    customer = await ring_in(lab, "07")
    at_alain = await alain.rings()
    await pause(0.5)
    await at_alain.answer()
    await pause(0.5)
    together = await joined(lab, "601")
    await pause(1.0)
    await at_alain.hangup()
    await customer.ended()
    return [
        inbound(
            customer, LUC, "answered", "agent", human_at=together, rang=["601"], talked=["601"], queue="annonce"
        )
    ]  # fmt: skip


@french()
async def fr_queue_given_up_in_announcement(lab: Lab) -> Sequence[Truth]:
    """The caller hangs up while the member, who has lifted the receiver, hears the announcement: nobody ever
    talked to them."""
    alain = await phone(lab, "601")
    customer = await ring_in(lab, "07", ZOE)
    at_alain = await alain.rings()
    await pause(0.5)
    await at_alain.answer()
    await pause(0.5)
    await customer.hangup()
    await at_alain.ended()
    return [inbound(customer, ZOE, "abandoned", "caller", rang=["601"], queue="annonce")]


@french()
async def fr_queue_refused_then_other(lab: Lab) -> Sequence[Truth]:
    """One member refuses whenever asked, the other, of a higher penalty, lets it ring; after 8 s the dialplan rings
    603, who answers."""
    alain, _, claude = await phones(lab, "601", "602", "603")
    alain.refuse_at_once["*"] = 486
    customer = await ring_in(lab, "08")
    at_claude = await claude.rings()
    await pause(0.5)
    answered = await at_claude.answer()
    await pause(0.8)
    await customer.hangup()
    return [
        inbound(
            customer, LUC, "answered", "caller", human_at=answered, rang=["602", "603"], talked=["603"],
            queue="penalite",
        )
    ]  # fmt: skip


@french()
async def fr_queue_gosub_on_answer(lab: Lab) -> Sequence[Truth]:
    """Queue(…,gosub): what runs for the member after they lifted is not yet a talk."""
    alain = await phone(lab, "601")
    customer = await ring_in(lab, "08", ZOE)
    at_alain = await alain.rings()
    await pause(0.5)
    await at_alain.answer()
    together = await joined(lab, "601")
    await pause(1.0)
    await customer.hangup()
    return [
        inbound(
            customer, ZOE, "answered", "caller", human_at=together, rang=["601"], talked=["601"],
            queue="penalite",
        )
    ]  # fmt: skip


@french()
async def fr_queue_in_queue(lab: Lab) -> Sequence[Truth]:
    """The queue's only member is another queue behind Local/n, where 602 answers and hangs up."""
    brigitte = await phone(lab, "602")
    customer = await ring_in(lab, "09")
    at_brigitte = await brigitte.rings()
    await pause(0.5)
    answered = await at_brigitte.answer()
    await pause(1.0)
    await at_brigitte.hangup()
    await customer.ended()
    return [
        inbound(
            customer, LUC, "answered", "agent", human_at=answered, rang=["602"], talked=["602"],
            queue="dehors",
        )
    ]  # fmt: skip


@french()
async def fr_queue_in_queue_mailbox(lab: Lab) -> Sequence[Truth]:
    """Nobody answers in either queue; the mailbox does; the caller hangs up in its greeting."""
    await phone(lab, "602")
    customer = await ring_in(lab, "09", ZOE)
    await customer.answered()
    await pause(1.0)
    await customer.hangup()
    return [inbound(customer, ZOE, "voicemail", "caller", rang=["602"], queue="dehors")]


@french()
async def fr_conference_kicked(lab: Lab) -> Sequence[Truth]:
    """The customer and 601 talk in a conference; a moderator kicks the customer, who hears a goodbye to its end."""
    alain = await phone(lab, "601")
    customer = await ring_in(lab, "10")
    await customer.answered()
    await pause(0.5)
    joining = await alain.dial("710")
    met = await joining.answered()
    await pause(1.5)
    name = (await lab.pbx.cli("confbridge list salle")).split("PJSIP/ovh-")[1].split()[0]
    left = lab.now()
    await operate(lab, "ConfbridgeKick", Conference="salle", Channel=f"PJSIP/ovh-{name}")
    await customer.ended()
    await joining.hangup()
    return [
        inbound(
            customer, LUC, "answered", "pbx", human_at=met, talked=["601"], talks=[(met, left)],
        ),
        Truth(
            "internal", "601", "710", "answered", joining.started_at, joining.ended_at or 0.0, "caller", "Alain",
            None, met, [], ["601"], [(met, left)],
        ),
    ]  # fmt: skip


@french()
async def fr_absolute_timeout(lab: Lab) -> Sequence[Truth]:
    """TIMEOUT(absolute) ends the talk after 4 s."""
    alain = await phone(lab, "601")
    customer = await ring_in(lab, "11")
    at_alain = await alain.rings()
    await pause(0.5)
    answered = await at_alain.answer()
    await customer.ended()
    return [inbound(customer, LUC, "answered", "pbx", human_at=answered, rang=["601"], talked=["601"])]


@french()
async def fr_menu_in_menu(lab: Lab) -> Sequence[Truth]:
    """1 for the second menu, a wrong key, back by *, 1 and 2 for the queue, where 602 answers."""
    brigitte = await phone(lab, "602")
    customer = await ring_in(lab, "13", ZOE)
    await customer.answered()
    for keys in ("1", "7", "*", "1", "2"):
        await pause(0.9)
        await customer.press(keys)
    at_brigitte = await brigitte.rings()
    await pause(0.4)
    answered = await at_brigitte.answer()
    await pause(0.8)
    await customer.hangup()
    return [
        inbound(
            customer, ZOE, "answered", "caller", human_at=answered, rang=["602"], talked=["602"],
            queue="dedans",
        )
    ]  # fmt: skip


@french()
async def fr_accepted_by_key(lab: Lab) -> Sequence[Truth]:
    """Whoever lifts must press 1: 601 does not, 602 does."""
    alain, brigitte = await phones(lab, "601", "602")
    customer = await ring_in(lab, "14")
    at_alain, at_brigitte = await alain.rings(), await brigitte.rings()
    await pause(0.4)
    await at_brigitte.answer()
    await pause(1.0)
    await at_brigitte.press("1")
    together = lab.now()
    await pause(1.0)
    await customer.hangup()
    await at_alain.ended()
    return [
        inbound(
            customer, LUC, "answered", "caller", human_at=together, rang=["601", "602"], talked=["602"],
        )
    ]  # fmt: skip


@french()
async def fr_lifted_and_not_accepted(lab: Lab) -> Sequence[Truth]:
    """602 lifts and presses nothing; the mailbox takes the call, and the caller hangs up there."""
    alain, brigitte = await phones(lab, "601", "602")
    customer = await ring_in(lab, "14", ZOE)
    await alain.rings()
    at_brigitte = await brigitte.rings()
    await pause(0.4)
    await at_brigitte.answer()
    await at_brigitte.ended()
    await pause(1.5)
    await customer.hangup()
    return [inbound(customer, ZOE, "voicemail", "caller", rang=["601", "602"])]


@french(only_on=("22",))
async def fr_group_won_by_mailbox(lab: Lab) -> Sequence[Truth]:
    """A ring group in which one branch is a mailbox, which lifts at once; 602's phone rang for a moment."""
    await phone(lab, "602")
    customer = await ring_in(lab, "15")
    await customer.answered()
    await pause(1.5)
    await customer.hangup()
    return [inbound(customer, LUC, "voicemail", "caller", rang=["602"])]


@french()
async def fr_forwarded_to_mailbox(lab: Lab) -> Sequence[Truth]:
    """601's phone sends every call to 602's mailbox (302); the caller hangs up in its greeting."""
    (await phone(lab, "601")).forward_at_once = "8602"
    customer = await ring_in(lab, "01", ZOE)
    await customer.answered()
    await pause(1.2)
    await customer.hangup()
    return [inbound(customer, ZOE, "voicemail", "caller")]


async def joined(lab: Lab, device: str) -> float:
    """When that device's channel is in a bridge."""
    device = f"PJSIP/{device}-"
    for _ in range(200):
        for line in (await lab.pbx.cli("core show channels concise")).splitlines():
            if line.startswith(device) and line.split("!")[-2] not in ("", "(None)"):
                return lab.now()
        await pause(0.1)
    raise AssertionError(f"{device} was never joined with anybody")
