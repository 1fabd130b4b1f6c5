"""Several things at once in the French workshop: chains of forwards and hand-overs, conferences, listeners."""

from __future__ import annotations

from collections.abc import Sequence

from tests.asterisk.lab import Lab
from tests.asterisk.other.shop import LUC, ZOE, carrier, channel_of, french, operate, ours, phone, phones
from tests.asterisk.other.workshop_in import ring_in
from tests.asterisk.other.workshop_moves import OUTSIDE, talk
from tests.asterisk.stories.story import pause
from tests.asterisk.truth import Moved, Truth, inbound


@french()
async def fr_forwarded_twice(lab: Lab) -> Sequence[Truth]:
    """601 forwards to 602, 602 to 603 (302 each); 603 answers and hangs up."""
    alain, brigitte, claude = await phones(lab, "601", "602", "603")
    alain.forward_at_once, brigitte.forward_at_once = "602", "603"
    customer = await ring_in(lab, "01")
    at_claude = await claude.rings()
    await pause(0.5)
    answered = await at_claude.answer()
    await pause(0.8)
    await at_claude.hangup()
    await customer.ended()
    return [inbound(customer, LUC, "answered", "agent", human_at=answered, rang=["603"], talked=["603"])]


@french()
async def fr_forwarded_outside_busy(lab: Lab) -> Sequence[Truth]:
    """601 rings and forwards to a mobile, which is busy; an announcement, and the PBX hangs up."""
    alain, line = await phone(lab, "601"), await carrier(lab, "ovh")
    line.refuse_at_once[OUTSIDE] = 486
    customer = await ring_in(lab, "01", ZOE)
    at_alain = await alain.rings()
    await pause(0.8)
    at_alain.forward(OUTSIDE)
    await customer.ended()
    return [inbound(customer, ZOE, "missed", "pbx", rang=["601"])]


@french()
async def fr_blind_to_forwarded(lab: Lab) -> Sequence[Truth]:
    """601 transfers blindly to 602, whose phone forwards to 603; 603 answers, the customer hangs up."""
    brigitte, claude = await phones(lab, "602", "603")
    brigitte.forward_at_once = "603"
    customer, at_alain, answered = await talk(lab)
    left = lab.now()
    await at_alain.refer("602")
    at_claude = await claude.rings()
    await pause(0.6)
    again = await at_claude.answer()
    await pause(0.8)
    end = await customer.hangup()
    return [
        inbound(
            customer, LUC, "answered", "caller", human_at=answered, rang=["601", "603"],
            talked=["601", "603"], talks=[(answered, left), (again, end)],
            transfers=[Moved("blind", "601", "602")],
        )
    ]  # fmt: skip


@french()
async def fr_attended_to_forwarded(lab: Lab) -> Sequence[Truth]:
    """601 asks 602, whose phone forwards to 603; 603 takes the customer over and hangs up."""
    brigitte, claude = await phones(lab, "602", "603")
    brigitte.forward_at_once = "603"
    customer, at_alain, answered = await talk(lab, ZOE)
    await at_alain.hold()
    asking = await at_alain.phone.dial("602")
    at_claude = await claude.rings()
    await pause(0.4)
    await at_claude.answer()
    await asking.answered()
    await pause(0.6)
    await at_alain.refer("602", asking)
    await asking.ended()
    await pause(0.8)
    await at_claude.hangup()
    await customer.ended()
    return [
        inbound(
            customer, ZOE, "answered", "agent", human_at=answered, rang=["601", "603"],
            talked=["601", "603"], transfers=[Moved("attended", "601", "602")],
        )
    ]  # fmt: skip


@french()
async def fr_asked_two_joined_second(lab: Lab) -> Sequence[Truth]:
    """601 asks 602, who refuses, then 603, and joins 603 with the customer."""
    brigitte, claude = await phones(lab, "602", "603")
    customer, at_alain, answered = await talk(lab)
    await at_alain.hold()
    first = await at_alain.phone.dial("602")
    at_brigitte = await brigitte.rings()
    await pause(0.5)
    at_brigitte.refuse(486)
    await first.ended()
    await pause(0.5)
    asking = await at_alain.phone.dial("603")
    at_claude = await claude.rings()
    await pause(0.3)
    await at_claude.answer()
    await asking.answered()
    await pause(0.5)
    await at_alain.refer("603", asking)
    await asking.ended()
    await pause(0.8)
    await customer.hangup()
    await at_claude.ended()
    return [
        inbound(
            customer, LUC, "answered", "caller", human_at=answered, rang=["601", "602", "603"],
            talked=["601", "603"], transfers=[Moved("attended", "601", "603")],
        )
    ]  # fmt: skip


@french()
async def fr_joined_with_colleague_who_called(lab: Lab) -> Sequence[Truth]:
    """602 calls 601, who talks to a customer: 601 holds the customer, answers 602, and joins the two."""
    alain, brigitte = await phones(lab, "601", "602")
    customer, at_alain, answered = await talk(lab)
    calling = await brigitte.dial("601")
    second = await alain.rings()
    await pause(0.4)
    await at_alain.hold()
    await second.answer()
    await calling.answered()
    await pause(0.8)
    await at_alain.refer("602", second)
    await second.ended()
    await pause(0.8)
    await customer.hangup()
    await calling.ended()
    return [
        inbound(
            customer, LUC, "answered", "caller", human_at=answered, rang=["601"], talked=["601", "602"],
            transfers=[Moved("attended", "601", "602")],
        )
    ]  # fmt: skip


@french()
async def fr_parked_fetched_passed_on(lab: Lab) -> Sequence[Truth]:
    """601 parks the customer, 602 fetches them and transfers them blindly to 603, who answers and hangs up."""
    brigitte, claude = await phones(lab, "602", "603")
    customer, at_alain, answered = await talk(lab)
    left = lab.now()
    await at_alain.refer("700")
    await pause(1.2)
    fetching = await brigitte.dial("701")
    fetched = await fetching.answered()
    await pause(0.8)
    gone = lab.now()
    await fetching.refer("603")
    at_claude = await claude.rings()
    await pause(0.6)
    again = await at_claude.answer()
    await pause(0.8)
    await at_claude.hangup()
    end = await customer.ended()
    return [
        inbound(
            customer, LUC, "answered", "agent", human_at=answered, rang=["601", "603"],
            talked=["601", "602", "603"], talks=[(answered, left), (fetched, gone), (again, end)],
            transfers=[Moved("blind", "602", "603")],
        )
    ]  # fmt: skip


@french()
async def fr_parked_twice(lab: Lab) -> Sequence[Truth]:
    """601 parks the customer and fetches them, parks them again, and 602 fetches them; 602 hangs up."""
    alain, brigitte = await phones(lab, "601", "602")
    customer, at_alain, answered = await talk(lab, ZOE)
    left = lab.now()
    await at_alain.refer("700")
    await pause(1.0)
    mine = await alain.dial("701")
    fetched = await mine.answered()
    await pause(0.8)
    gone = lab.now()
    await mine.refer("700")
    await pause(1.0)
    fetching = await brigitte.dial("701")
    again = await fetching.answered()
    await pause(0.8)
    await fetching.hangup()
    end = await customer.ended()
    return [
        inbound(
            customer, ZOE, "answered", "agent", human_at=answered, rang=["601"], talked=["601", "602"],
            talks=[(answered, left), (fetched, gone), (again, end)],
        )
    ]  # fmt: skip


@french()
async def fr_three_in_conference(lab: Lab) -> Sequence[Truth]:
    """The customer, 601 and 602 meet; 601 leaves, the customer and 602 talk on; 602 leaves, the customer hears
    music for a second and hangs up."""
    alain, brigitte = await phones(lab, "601", "602")
    customer = await ring_in(lab, "10")
    await customer.answered()
    await pause(0.5)
    one = await alain.dial("710")
    met = await one.answered()
    await pause(0.6)
    two = await brigitte.dial("710")
    third = await two.answered()
    await pause(0.6)
    first_gone = await one.hangup()
    await pause(0.6)
    second_gone = await two.hangup()
    await pause(1.0)
    await customer.hangup()
    return [
        inbound(
            customer, LUC, "answered", "caller", human_at=met, talked=["601", "602"],
            talks=[(met, second_gone)],
        ),
        ours(
            one, "internal", "answered", "caller", human_at=met, talked=["601", "602"],
            talks=[(met, first_gone)],
        ),
        ours(
            two, "internal", "answered", "caller", human_at=third, talked=["602", "601"],
            talks=[(third, second_gone)],
        ),
    ]  # fmt: skip


@french()
async def fr_both_sent_to_conference(lab: Lab) -> Sequence[Truth]:
    """A panel sends both the customer and 601 into the conference (AMI Redirect of two); 602 joins; the customer
    hangs up first."""
    brigitte = await phone(lab, "602")
    customer, at_alain, answered = await talk(lab)
    await operate(
        lab, "Redirect", Channel=await channel_of(lab, "PJSIP/ovh"), Context="interne", Exten="710",
        Priority="1", ExtraChannel=await channel_of(lab, "PJSIP/601"), ExtraContext="interne",
        ExtraExten="710", ExtraPriority="1",
    )  # fmt: skip
    await pause(1.5)
    joining = await brigitte.dial("710")
    third = await joining.answered()
    await pause(0.8)
    await customer.hangup()
    await pause(0.4)
    end = await at_alain.hangup()
    await pause(0.3)
    await joining.hangup()
    return [
        inbound(
            customer, LUC, "answered", "caller", human_at=answered, rang=["601"], talked=["601", "602"],
            ended_at=end,
        ),
        ours(
            joining, "internal", "answered", "caller", human_at=third, talked=["602", "601"],
            talks=[(third, end)],
        ),
    ]  # fmt: skip


@french()
async def fr_barged_in(lab: Lab) -> Sequence[Truth]:
    """602 breaks into 601's talk (ChanSpy with B): it is no call of the customer's that 602 had."""
    brigitte = await phone(lab, "602")
    customer, at_alain, answered = await talk(lab, ZOE)
    listening = await brigitte.dial("*31")
    await listening.answered()
    await pause(1.5)
    await listening.hangup()
    await pause(0.5)
    await at_alain.hangup()
    await customer.ended()
    return [
        inbound(customer, ZOE, "answered", "agent", human_at=answered, rang=["601"], talked=["601"]),
        ours(listening, "internal", "abandoned", "caller"),
    ]


@french()
async def fr_speed_dial(lab: Lab) -> Sequence[Truth]:
    """601 dials a short code that reaches a customer, who answers and hangs up."""
    line = await carrier(lab, "ovh")
    call = await (await phone(lab, "601")).dial("*21")
    at_customer = await line.rings("0612345678")
    await pause(0.5)
    answered = await at_customer.answer()
    await pause(0.8)
    await at_customer.hangup()
    await call.ended()
    return [ours(call, "outbound", "answered", "caller", human_at=answered, talked=["601"])]


@french()
async def fr_second_caller_while_asking(lab: Lab) -> Sequence[Truth]:
    """601 holds Luc and asks 602 when Zoé rings at 601, in vain; 601 comes back to Luc, who hangs up."""
    alain, brigitte = await phones(lab, "601", "602")
    luc, at_alain, answered = await talk(lab)
    await at_alain.hold()
    asking = await alain.dial("602")
    at_brigitte = await brigitte.rings()
    await at_brigitte.answer()
    await asking.answered()
    zoe = await ring_in(lab, "01", ZOE)
    await alain.rings()
    await pause(1.0)
    await zoe.cancel()
    await asking.hangup()
    await at_alain.unhold()
    await pause(0.8)
    await luc.hangup()
    return [
        inbound(luc, LUC, "answered", "caller", human_at=answered, rang=["601", "602"], talked=["601"]),
        inbound(zoe, ZOE, "abandoned", "caller", rang=["601"]),
    ]


@french()
async def fr_asks_about_the_second_of_two(lab: Lab) -> Sequence[Truth]:
    """601 holds Luc for Zoé, holds Zoé to ask 602, hands Zoé to 602, and goes on with Luc."""
    alain, brigitte = await phones(lab, "601", "602")
    luc, with_luc, luc_at = await talk(lab)
    zoe = await ring_in(lab, "01", ZOE)
    with_zoe = await alain.rings()
    await pause(0.4)
    await with_luc.hold()
    zoe_at = await with_zoe.answer()
    await pause(0.6)
    await with_zoe.hold()
    asking = await alain.dial("602")
    at_brigitte = await brigitte.rings()
    await pause(0.3)
    await at_brigitte.answer()
    await asking.answered()
    await pause(0.5)
    await with_zoe.refer("602", asking)
    await asking.ended()
    await with_luc.unhold()
    await pause(0.8)
    await luc.hangup()
    await pause(0.4)
    await at_brigitte.hangup()
    await zoe.ended()
    return [
        inbound(luc, LUC, "answered", "caller", human_at=luc_at, rang=["601"], talked=["601"]),
        inbound(
            zoe, ZOE, "answered", "agent", human_at=zoe_at, rang=["601", "602"], talked=["601", "602"],
            transfers=[Moved("attended", "601", "602")],
        ),
    ]  # fmt: skip
