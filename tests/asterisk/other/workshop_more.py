"""More of the French workshop: agents who wait on the line, mobiles that take calls for us, calls that go on."""

from __future__ import annotations

from collections.abc import Sequence

from tests.asterisk.lab import Lab
from tests.asterisk.other.shop import LUC, ZOE, carrier, french, ours, phone, phones
from tests.asterisk.other.workshop_in import joined, ring_in
from tests.asterisk.other.workshop_moves import CALLED_BACK, OUTSIDE, call_back, called_back, talk
from tests.asterisk.stories.story import pause
from tests.asterisk.truth import Moved, Truth, inbound

MOBILE = "+33698765432"


@french()
async def fr_agent_waits_on_the_line(lab: Lab) -> Sequence[Truth]:
    """Agent 11 has logged in on 601 and waits there (AgentLogin); the queue gives them a caller, who hangs up."""
    alain = await phone(lab, "601")
    waiting = await alain.dial("*22")
    await waiting.answered()
    await pause(2.5)
    customer = await ring_in(lab, "16")
    human = await joined(lab, "ovh")
    await pause(1.2)
    end = await customer.hangup()
    await pause(0.8)
    await waiting.hangup()
    return [
        ours(waiting, "internal", "answered", "caller", human_at=human, talked=["601"], talks=[(human, end)]),
        inbound(customer, LUC, "answered", "caller", human_at=human, talked=["601"], queue="agents"),
    ]


@french()
async def fr_queue_member_is_a_mobile(lab: Lab) -> Sequence[Truth]:
    """The queue rings a mobile through the carrier and 602; the mobile answers and hangs up."""
    brigitte, line = await phone(lab, "602"), await carrier(lab, "ovh")
    customer = await ring_in(lab, "17", ZOE)
    at_mobile = await line.rings(OUTSIDE)
    await brigitte.rings()
    await pause(0.5)
    answered = await at_mobile.answer()
    await pause(0.8)
    await at_mobile.hangup()
    await customer.ended()
    return [
        inbound(
            customer, ZOE, "answered", "agent", human_at=answered, rang=["602"], talked=[MOBILE],
            queue="mobiles",
        )
    ]  # fmt: skip


@french()
async def fr_goes_on_to_queue(lab: Lab) -> Sequence[Truth]:
    """601 answers and hangs up; the dialplan goes on with the queue, where 602 answers; the customer hangs up."""
    alain, brigitte = await phones(lab, "601", "602")
    customer = await ring_in(lab, "18")
    at_alain = await alain.rings()
    answered = await at_alain.answer()
    await pause(1.0)
    left = await at_alain.hangup()
    at_brigitte = await brigitte.rings()
    await pause(1.0)
    again = await at_brigitte.answer()
    await pause(0.8)
    end = await customer.hangup()
    return [
        inbound(
            customer, LUC, "answered", "caller", human_at=answered, rang=["601", "602"],
            talked=["601", "602"], talks=[(answered, left), (again, end)], queue="dedans",
        )
    ]  # fmt: skip


@french()
async def fr_goes_on_to_queue_in_vain(lab: Lab) -> Sequence[Truth]:
    """As before, but nobody answers in the queue, and the PBX ends the call 10 s later."""
    alain, brigitte = await phones(lab, "601", "602")
    customer = await ring_in(lab, "18", ZOE)
    at_alain = await alain.rings()
    answered = await at_alain.answer()
    await pause(1.0)
    left = await at_alain.hangup()
    await brigitte.rings()
    await customer.ended()
    return [
        inbound(
            customer, ZOE, "answered", "pbx", human_at=answered, rang=["601", "602"], talked=["601"],
            talks=[(answered, left)], queue="dedans",
        )
    ]  # fmt: skip


@french()
async def fr_chain_refused_then_mobile_and_desk(lab: Lab) -> Sequence[Truth]:
    """601 refuses, 602 behind Local/n lets it ring, then a mobile and 603 ring together; the mobile answers."""
    alain, brigitte, claude = await phones(lab, "601", "602", "603")
    line = await carrier(lab, "ovh-2")
    customer = await ring_in(lab, "19")
    at_alain = await alain.rings()
    await pause(0.4)
    at_alain.refuse(486)
    await brigitte.rings()
    at_mobile = await line.rings(OUTSIDE)
    await claude.rings()
    await pause(0.5)
    answered = await at_mobile.answer()
    await pause(0.8)
    await customer.hangup()
    return [
        inbound(
            customer,
            LUC,
            "answered",
            "caller",
            human_at=answered,
            rang=["601", "602", "603"],
            talked=[MOBILE],
        )
    ]


@french()
async def fr_transferred_call_picked_up(lab: Lab) -> Sequence[Truth]:
    """601 transfers blindly to 603, whose phone rings; 602 picks the call up with *8603 and hangs up."""
    brigitte, claude = await phones(lab, "602", "603")
    customer, at_alain, answered = await talk(lab)
    left = lab.now()
    await at_alain.refer("603")
    await claude.rings()
    await pause(1.0)
    taking = await brigitte.dial("*8603")
    again = await taking.answered()
    await pause(0.8)
    await taking.hangup()
    end = await customer.ended()
    return [
        inbound(
            customer, LUC, "answered", "agent", human_at=answered, rang=["601", "603"],
            talked=["601", "602"], talks=[(answered, left), (again, end)],
            transfers=[Moved("blind", "601", "603")],
        )
    ]  # fmt: skip


@french()
async def fr_forwarded_to_queue(lab: Lab) -> Sequence[Truth]:
    """601's phone sends every call to the queue (302), where 602 answers; the customer hangs up."""
    (await phone(lab, "601")).forward_at_once = "702"
    brigitte = await phone(lab, "602")
    customer = await ring_in(lab, "01")
    at_brigitte = await brigitte.rings()
    await pause(0.6)
    answered = await at_brigitte.answer()
    await pause(0.8)
    await customer.hangup()
    return [
        inbound(
            customer, LUC, "answered", "caller", human_at=answered, rang=["602"], talked=["602"],
            queue="dedans",
        )
    ]  # fmt: skip


@french()
async def fr_forwarded_to_queue_given_up(lab: Lab) -> Sequence[Truth]:
    """The same, and the customer gives up there."""
    (await phone(lab, "601")).forward_at_once = "702"
    brigitte = await phone(lab, "602")
    customer = await ring_in(lab, "01", ZOE)
    await brigitte.rings()
    await pause(1.2)
    await customer.cancel()
    return [inbound(customer, ZOE, "abandoned", "caller", rang=["602"], queue="dedans")]


@french()
async def fr_out_handed_to_queue(lab: Lab) -> Sequence[Truth]:
    """601 calls a customer and transfers them to the queue, where 602 answers; the customer hangs up."""
    brigitte, line = await phone(lab, "602"), await carrier(lab, "ovh-2")
    call = await (await phone(lab, "601")).dial("9" + OUTSIDE)
    at_customer = await line.rings(OUTSIDE)
    await pause(0.4)
    answered = await at_customer.answer()
    await pause(0.8)
    left = lab.now()
    await call.refer("702")
    at_brigitte = await brigitte.rings()
    await pause(1.0)
    again = await at_brigitte.answer()
    await pause(0.8)
    end = await at_customer.hangup()
    await at_brigitte.ended()
    return [
        ours(
            call, "outbound", "answered", "caller", human_at=answered, rang=["602"], talked=["601", "602"],
            talks=[(answered, left), (again, end)], ended_at=end, queue="dedans",
            transfers=[Moved("blind", "601", "702")],
        )
    ]  # fmt: skip


@french()
async def fr_out_through_detour(lab: Lab) -> Sequence[Truth]:
    """601 calls out through Local/n with Progress() in it; the customer is busy."""
    (await carrier(lab, "ovh-2")).refuse_at_once["*"] = 486
    call = await (await phone(lab, "601")).dial("5" + OUTSIDE)
    await call.ended()
    return [ours(call, "outbound", "busy", "pbx")]


@french()
async def fr_colleague_forwards_to_mobile(lab: Lab) -> Sequence[Truth]:
    """601 calls 602, whose phone forwards to a mobile; the mobile answers, 601 hangs up. Still an internal call."""
    alain, brigitte = await phones(lab, "601", "602")
    line = await carrier(lab, "ovh")
    brigitte.forward_at_once = OUTSIDE
    call = await alain.dial("602")
    at_mobile = await line.rings(OUTSIDE)
    await pause(0.5)
    answered = await at_mobile.answer()
    await pause(0.8)
    await call.hangup()
    await at_mobile.ended()
    return [ours(call, "internal", "answered", "caller", human_at=answered, talked=["601", MOBILE])]


@french()
async def fr_callback_agent_forwards_to_mobile(lab: Lab) -> Sequence[Truth]:
    """A callback rings 601, whose phone forwards to a mobile; the mobile answers for us, then the customer does
    and hangs up."""
    (await phone(lab, "601")).forward_at_once = OUTSIDE
    line = await carrier(lab, "ovh")
    start = await call_back(lab, "Local/601@rappel-agent/n", "rappel", CALLED_BACK)
    at_mobile = await line.rings(OUTSIDE)
    await pause(0.5)
    await at_mobile.answer()
    await pause(0.3)
    await at_mobile.press("1")
    human = lab.now()
    at_customer = await line.rings(CALLED_BACK)
    await pause(0.6)
    both = await at_customer.answer()
    await pause(0.8)
    end = await at_customer.hangup()
    await at_mobile.ended()
    return [
        called_back(
            start, end, "answered", "caller", human_at=human, rang=[], talked=[MOBILE], talks=[(both, end)]
        )
    ]  # fmt: skip


@french()
async def fr_callback_agent_is_a_mobile(lab: Lab) -> Sequence[Truth]:
    """The agent of a callback, extension 611, is a mobile; the customer does not answer, the mobile hangs up."""
    line = await carrier(lab, "ovh")
    start = await call_back(lab, "Local/611@rappel-agent/n", "rappel", CALLED_BACK)
    at_mobile = await line.rings(OUTSIDE)
    await pause(0.5)
    human = await at_mobile.answer()
    await line.rings(CALLED_BACK)
    await pause(1.2)
    end = await at_mobile.hangup()
    return [called_back(start, end, "missed", "agent", human_at=human, rang=[], caller="611")]


@french()
async def fr_mailbox_left_by_star(lab: Lab) -> Sequence[Truth]:
    """* in the greeting of the mailbox leaves for the dialplan's `a`: 603 answers and the customer hangs up."""
    alain, claude = await phones(lab, "601", "603")
    customer = await ring_in(lab, "04", ZOE)
    await alain.rings()
    await customer.answered()
    await pause(1.0)
    await customer.press("*")
    at_claude = await claude.rings()
    await pause(0.4)
    answered = await at_claude.answer()
    await pause(0.8)
    await customer.hangup()
    return [
        inbound(customer, ZOE, "answered", "caller", human_at=answered, rang=["601", "603"], talked=["603"])
    ]


@french()
async def fr_handed_to_ringing_mobile(lab: Lab) -> Sequence[Truth]:
    """601 asks a mobile and hands the customer over while it still rings; it answers, the customer hangs up."""
    line = await carrier(lab, "ovh")
    customer, at_alain, answered = await talk(lab)
    await at_alain.hold()
    asking = await at_alain.phone.dial(OUTSIDE)
    at_mobile = await line.rings(OUTSIDE)
    await asking.ringing()
    await pause(0.5)
    left = lab.now()
    await at_alain.refer(OUTSIDE, asking)
    await pause(1.2)
    again = await at_mobile.answer()
    await pause(0.8)
    end = await customer.hangup()
    await at_mobile.ended()
    return [
        inbound(
            customer, LUC, "answered", "caller", human_at=answered, rang=["601"], talked=["601", MOBILE],
            talks=[(answered, left), (again, end)], transfers=[Moved("attended", "601", OUTSIDE)],
        )
    ]  # fmt: skip


@french()
async def fr_callback_customer_first_through_detour(lab: Lab) -> Sequence[Truth]:
    """The customer is rung first, through Local/n, then 601, who does not answer for 4 s; the PBX ends the call."""
    alain, line = await phone(lab, "601"), await carrier(lab, "ovh")
    start = await call_back(lab, f"Local/{CALLED_BACK}@rappel/n", "interne", "601")
    at_customer = await line.rings(CALLED_BACK)
    await pause(0.4)
    await at_customer.answer()
    await alain.rings()
    end = await at_customer.ended()
    return [called_back(start, end, "answered", "pbx")]


@french()
async def fr_callback_agent_mobile_talks(lab: Lab) -> Sequence[Truth]:
    """A callback whose agent is a mobile: it answers, the customer does too, and the mobile hangs up."""
    line = await carrier(lab, "ovh")
    start = await call_back(lab, "Local/611@rappel-agent/n", "rappel", CALLED_BACK)
    at_mobile = await line.rings(OUTSIDE)
    await pause(0.5)
    human = await at_mobile.answer()
    at_customer = await line.rings(CALLED_BACK)
    await pause(0.8)
    both = await at_customer.answer()
    await pause(0.8)
    end = await at_mobile.hangup()
    await at_customer.ended()
    return [
        called_back(
            start, end, "answered", "agent", human_at=human, rang=[], talked=[MOBILE], talks=[(both, end)],
            caller="611",
        )
    ]  # fmt: skip


@french()
async def fr_two_callers_for_agent_on_the_line(lab: Lab) -> Sequence[Truth]:
    """Agent 11 waits on 601's line and is given two callers, one after the other; 601 hangs up on the second."""
    alain = await phone(lab, "601")
    waiting = await alain.dial("*22")
    await waiting.answered()
    await pause(2.5)
    first = await ring_in(lab, "16")
    one = await joined(lab, "ovh")
    await pause(0.8)
    first_end = await first.hangup()
    second = await ring_in(lab, "16", ZOE)
    two = await joined(lab, "ovh")
    await pause(0.8)
    end = await waiting.hangup()
    await second.ended()
    return [
        ours(
            waiting, "internal", "answered", "caller", human_at=one, talked=["601"],
            talks=[(one, first_end), (two, end)],
        ),
        inbound(first, LUC, "answered", "caller", human_at=one, talked=["601"], queue="agents"),
        inbound(second, ZOE, "answered", "agent", human_at=two, talked=["601"], queue="agents"),
    ]  # fmt: skip


@french()
async def fr_asked_without_hold(lab: Lab) -> Sequence[Truth]:
    """601's phone puts customers aside by itself, without a hold: it asks 602, comes back, asks 603 in vain, and
    comes back again; the customer hangs up. One conversation."""
    brigitte, claude = await phones(lab, "602", "603")
    customer, at_alain, answered = await talk(lab)
    asking = await at_alain.phone.dial("602")
    at_brigitte = await brigitte.rings()
    await pause(0.4)
    await at_brigitte.answer()
    await asking.answered()
    await pause(0.6)
    await asking.hangup()
    await at_brigitte.ended()
    await pause(0.4)
    again = await at_alain.phone.dial("603")
    await claude.rings()
    await pause(1.0)
    await again.cancel()
    await pause(0.4)
    await customer.hangup()
    return [
        inbound(
            customer, LUC, "answered", "caller", human_at=answered, rang=["601", "602", "603"], talked=["601"]
        )
    ]


@french()
async def fr_other_phone_calls_meanwhile(lab: Lab) -> Sequence[Truth]:
    """605's desk talks to a customer while 605's phone at home calls 602: two calls."""
    desk, home = await phones(lab, "605", "605 at home")
    brigitte = await phone(lab, "602")
    customer = await ring_in(lab, "03", ZOE)
    at_desk = await desk.rings()
    await home.rings()
    await pause(0.4)
    answered = await at_desk.answer()
    await pause(0.6)
    call = await home.dial("602")
    at_brigitte = await brigitte.rings()
    await pause(0.4)
    met = await at_brigitte.answer()
    await pause(0.8)
    await call.hangup()
    await at_brigitte.ended()
    await customer.hangup()
    return [
        inbound(customer, ZOE, "answered", "caller", human_at=answered, rang=["605"], talked=["605"]),
        ours(call, "internal", "answered", "caller", human_at=met, rang=["602"], talked=["605", "602"]),
    ]
