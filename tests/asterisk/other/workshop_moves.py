"""Calls move in the French workshop and leave it: transfers onto applications, recalls, callbacks, odd ways out."""

from __future__ import annotations

from collections.abc import Sequence

from tests.asterisk.call import Call
from tests.asterisk.lab import Lab
from tests.asterisk.other.shop import LUC, ZOE, carrier, french, operate, ours, phone, phones
from tests.asterisk.other.workshop_in import ring_in
from tests.asterisk.sip import token
from tests.asterisk.stories.story import pause
from tests.asterisk.truth import Customer, Moved, Truth, inbound

OUTSIDE = "0698765432"
CALLED_BACK = "33612345678"


async def talk(lab: Lab, who: Customer = LUC) -> tuple[Call, Call, float]:
    """A customer talks to 601."""
    alain = await phone(lab, "601")
    customer = await ring_in(lab, "01", who)
    at_alain = await alain.rings()
    await pause(0.4)
    answered = await at_alain.answer()
    await pause(0.8)
    return customer, at_alain, answered


async def _onto(lab: Lab, at_alain: Call, number: str) -> float:
    """601 asks a number, waits a second there, and puts the customer in their own place; returns when."""
    await at_alain.hold()
    asking = await at_alain.phone.dial(number)
    await pause(1.2)
    left = lab.now()
    await at_alain.refer(number, asking)
    return left


@french()
async def fr_onto_waiting_in_queue(lab: Lab) -> Sequence[Truth]:
    """601 waits in the queue 703 and puts the customer in their place there; 602 answers and hangs up."""
    brigitte = await phone(lab, "602")
    customer, at_alain, answered = await talk(lab)
    left = await _onto(lab, at_alain, "703")
    at_brigitte = await brigitte.rings()
    await pause(1.0)
    again = await at_brigitte.answer()
    await pause(0.8)
    await at_brigitte.hangup()
    end = await customer.ended()
    return [
        inbound(
            customer, LUC, "answered", "agent", human_at=answered, rang=["601", "602"], talked=["601", "602"],
            talks=[(answered, left), (again, end)], queue="dedans",
            transfers=[Moved("attended", "601", "703")],
        )
    ]  # fmt: skip


@french()
async def fr_onto_queue_given_up(lab: Lab) -> Sequence[Truth]:
    """The same, and the customer gives up in the queue."""
    brigitte = await phone(lab, "602")
    customer, at_alain, answered = await talk(lab, ZOE)
    left = await _onto(lab, at_alain, "703")
    await brigitte.rings()
    await pause(1.5)
    await customer.hangup()
    return [
        inbound(
            customer, ZOE, "answered", "caller", human_at=answered, rang=["601", "602"], talked=["601"],
            talks=[(answered, left)], queue="dedans", transfers=[Moved("attended", "601", "703")],
        )
    ]  # fmt: skip


@french()
async def fr_onto_mailbox(lab: Lab) -> Sequence[Truth]:
    """601 calls 602's mailbox and puts the customer there, who speaks for two seconds and hangs up."""
    customer, at_alain, answered = await talk(lab)
    left = await _onto(lab, at_alain, "8602")
    await pause(2.5)
    await customer.hangup()
    return [
        inbound(
            customer, LUC, "answered", "caller", human_at=answered, rang=["601"], talked=["601"],
            talks=[(answered, left)], transfers=[Moved("attended", "601", "8602")],
        )
    ]  # fmt: skip


@french()
async def fr_onto_menu(lab: Lab) -> Sequence[Truth]:
    """601 calls the menu and puts the customer there, who chooses 603; 603 answers, the customer hangs up."""
    claude = await phone(lab, "603")
    customer, at_alain, answered = await talk(lab, ZOE)
    left = await _onto(lab, at_alain, "720")
    await pause(0.8)
    await customer.press("603")
    at_claude = await claude.rings()
    await pause(0.5)
    again = await at_claude.answer()
    await pause(0.8)
    end = await customer.hangup()
    return [
        inbound(
            customer, ZOE, "answered", "caller", human_at=answered, rang=["601", "603"],
            talked=["601", "603"], talks=[(answered, left), (again, end)],
            transfers=[Moved("attended", "601", "720")],
        )
    ]  # fmt: skip


@french()
async def fr_onto_conference(lab: Lab) -> Sequence[Truth]:
    """602 is in the conference; 601 goes there and puts the customer in their own place; 602 hangs up last."""
    brigitte = await phone(lab, "602")
    customer, at_alain, answered = await talk(lab)
    waiting = await brigitte.dial("710")
    entered = await waiting.answered()
    await pause(0.5)
    asked = lab.now()
    await _onto(lab, at_alain, "710")
    await pause(1.5)
    end = await customer.hangup()
    await pause(0.5)
    await waiting.hangup()
    assert entered < asked
    return [
        inbound(
            customer, LUC, "answered", "caller", human_at=answered, rang=["601"], talked=["601", "602"],
            transfers=[Moved("attended", "601", "710")],
        ),
        ours(
            waiting, "internal", "answered", "caller", human_at=asked, talked=["602", "601"],
            talks=[(asked, end)],
        ),
    ]  # fmt: skip


@french()
async def fr_blind_recalled(lab: Lab) -> Sequence[Truth]:
    """601 transfers blindly to 603, who lets it ring; the dialplan rings 601 again, who answers and hangs up."""
    alain, claude = await phones(lab, "601", "603")
    customer, at_alain, answered = await talk(lab)
    left = lab.now()
    await at_alain.refer("603")
    at_claude = await claude.rings()
    await at_claude.ended()
    again_at_alain = await alain.rings()
    await pause(0.5)
    again = await again_at_alain.answer()
    await pause(0.8)
    await again_at_alain.hangup()
    end = await customer.ended()
    return [
        inbound(
            customer, LUC, "answered", "agent", human_at=answered, rang=["601", "603"], talked=["601"],
            talks=[(answered, left), (again, end)], transfers=[Moved("blind", "601", "603")],
        )
    ]  # fmt: skip


@french()
async def fr_caller_transfers_colleague_outside(lab: Lab) -> Sequence[Truth]:
    """601 calls 602 and transfers them blindly to a mobile, which answers and hangs up."""
    alain, brigitte = await phones(lab, "601", "602")
    line = await carrier(lab, "ovh-2")
    call = await alain.dial("602")
    at_brigitte = await brigitte.rings()
    await pause(0.4)
    answered = await at_brigitte.answer()
    await pause(0.8)
    left = lab.now()
    await call.refer("9" + OUTSIDE)
    at_mobile = await line.rings(OUTSIDE)
    await pause(0.5)
    again = await at_mobile.answer()
    await pause(0.8)
    await at_mobile.hangup()
    end = await at_brigitte.ended()
    return [
        ours(
            call, "internal", "answered", "agent", human_at=answered, rang=["602"],
            talked=["601", "602", "+33698765432"], talks=[(answered, left), (again, end)], ended_at=end,
            transfers=[Moved("blind", "601", "9" + OUTSIDE)],
        )
    ]  # fmt: skip


@french()
async def fr_pickup_by_extension(lab: Lab) -> Sequence[Truth]:
    """602 calls 603, whose phone rings; 601 takes it with *8603 (Pickup by extension) and hangs up."""
    alain, brigitte, claude = await phones(lab, "601", "602", "603")
    call = await brigitte.dial("603")
    await claude.rings()
    await pause(0.6)
    taking = await alain.dial("*8603")
    answered = await taking.answered()
    await pause(0.8)
    await taking.hangup()
    await call.ended()
    return [
        ours(
            call, "internal", "answered", "agent", human_at=answered, rang=["603"], talked=["602", "601"],
        )
    ]  # fmt: skip


@french()
async def fr_page_two_ways(lab: Lab) -> Sequence[Truth]:
    """601 pages 602 and 603 (duplex); both lift, 602 leaves, 601 hangs up."""
    alain, brigitte, claude = await phones(lab, "601", "602", "603")
    call = await alain.dial("730")
    at_brigitte, at_claude = await brigitte.rings(), await claude.rings()
    await pause(0.3)
    answered = await at_brigitte.answer()
    await pause(0.2)
    await at_claude.answer()
    await pause(0.8)
    await at_brigitte.hangup()
    await pause(0.6)
    await call.hangup()
    await at_claude.ended()
    return [
        ours(
            call, "internal", "answered", "caller", human_at=answered, rang=["602", "603"],
            talked=["601", "602", "603"],
        )
    ]  # fmt: skip


@french()
async def fr_out_then_announcement(lab: Lab) -> Sequence[Truth]:
    """601 calls a customer, who hangs up; Dial(…,g) goes on with an announcement, in which 601 hangs up."""
    line = await carrier(lab, "ovh")
    call = await (await phone(lab, "601")).dial(OUTSIDE)
    at_customer = await line.rings(OUTSIDE)
    await pause(0.4)
    answered = await at_customer.answer()
    await pause(0.8)
    left = await at_customer.hangup()
    await pause(0.8)
    await call.hangup()
    return [
        ours(
            call, "outbound", "answered", "caller", human_at=answered, talked=["601"],
            talks=[(answered, left)],
        )
    ]  # fmt: skip


@french()
async def fr_out_second_carrier_without_first(lab: Lab) -> Sequence[Truth]:
    """The first carrier does not exist at all; the second, whose name continues another's, is answered."""
    line = await carrier(lab, "ovh-2")
    call = await (await phone(lab, "601")).dial("90612345678")
    at_customer = await line.rings("0612345678")
    await pause(0.4)
    answered = await at_customer.answer()
    await pause(0.8)
    await call.hangup()
    return [ours(call, "outbound", "answered", "agent", human_at=answered, talked=["601"])]


async def call_back(lab: Lab, channel: str, context: str, exten: str) -> float:
    """Start a callback as the product would; returns when."""
    at = lab.now()
    await operate(
        lab, "Originate", Channel=channel, Context=context, Exten=exten, Priority="1", Timeout="20000",
        Async="true", ChannelId=f"cb-{token()}",
    )  # fmt: skip
    return at


def called_back(
    start: float, end: float, result: str, ended_by: str, *, human_at: float | None = None,
    rang: Sequence[str] = ("601",), talked: Sequence[str] = (), talks: Sequence[tuple[float, float]] = (),
    callee: str = CALLED_BACK, caller: str = "601",
) -> Truth:  # fmt: skip
    """A callback of the workshop's; ``human_at`` is the agent's answer."""
    return Truth(
        "callback", caller, callee, result, start, end, ended_by, None, None, human_at, rang, talked, talks
    )


@french()
async def fr_callback_to_device(lab: Lab) -> Sequence[Truth]:
    """A callback rings 601's device itself, without a Local channel; the customer answers and hangs up."""
    alain, line = await phone(lab, "601"), await carrier(lab, "ovh")
    start = await call_back(lab, "PJSIP/601", "rappel", CALLED_BACK)
    at_alain = await alain.rings()
    await pause(0.4)
    human = await at_alain.answer()
    at_customer = await line.rings(CALLED_BACK)
    await pause(0.4)
    joined = await at_customer.answer()
    await pause(0.8)
    end = await at_customer.hangup()
    await at_alain.ended()
    return [
        called_back(
            start, end, "answered", "caller", human_at=human, talked=["601"], talks=[(joined, end)]
        )
    ]  # fmt: skip


@french()
async def fr_callback_device_declines(lab: Lab) -> Sequence[Truth]:
    """A callback rings 601's device itself, which declines."""
    alain = await phone(lab, "601")
    start = await call_back(lab, "PJSIP/601", "rappel", CALLED_BACK)
    at_alain = await alain.rings()
    await pause(0.8)
    at_alain.refuse(603)
    return [called_back(start, lab.now(), "missed", "pbx")]


@french()
async def fr_callback_customer_busy(lab: Lab) -> Sequence[Truth]:
    """601's device answers, the customer is busy."""
    alain, line = await phone(lab, "601"), await carrier(lab, "ovh")
    line.refuse_at_once["*"] = 486
    start = await call_back(lab, "PJSIP/601", "rappel", CALLED_BACK)
    at_alain = await alain.rings()
    await pause(0.4)
    human = await at_alain.answer()
    end = await at_alain.ended()
    return [called_back(start, end, "busy", "pbx", human_at=human)]


@french()
async def fr_callback_nothing_pressed(lab: Lab) -> Sequence[Truth]:
    """601 lifts and presses nothing, so that the customer is never dialled: our agent did not take it."""
    alain = await phone(lab, "601")
    start = await call_back(lab, "Local/601@rappel-agent/n", "rappel", CALLED_BACK)
    at_alain = await alain.rings()
    await pause(0.4)
    await at_alain.answer()
    end = await at_alain.ended()
    return [called_back(start, end, "missed", "pbx")]


@french()
async def fr_callback_key_pressed(lab: Lab) -> Sequence[Truth]:
    """601 lifts and presses 1; the customer answers; 601 hangs up."""
    alain, line = await phone(lab, "601"), await carrier(lab, "ovh")
    start = await call_back(lab, "Local/601@rappel-agent/n", "rappel", CALLED_BACK)
    at_alain = await alain.rings()
    await pause(0.4)
    await at_alain.answer()
    await pause(1.0)
    await at_alain.press("1")
    human = lab.now()
    at_customer = await line.rings(CALLED_BACK)
    await pause(0.4)
    joined = await at_customer.answer()
    await pause(0.8)
    end = await at_alain.hangup()
    await at_customer.ended()
    return [
        called_back(start, end, "answered", "agent", human_at=human, talked=["601"], talks=[(joined, end)])
    ]


@french()
async def fr_callback_customer_first(lab: Lab) -> Sequence[Truth]:
    """The customer is rung first and answers, then 601, who answers and hangs up."""
    alain, line = await phone(lab, "601"), await carrier(lab, "ovh")
    start = await call_back(lab, f"PJSIP/{CALLED_BACK}@ovh", "interne", "601")
    at_customer = await line.rings(CALLED_BACK)
    await pause(0.4)
    await at_customer.answer()
    at_alain = await alain.rings()
    await pause(0.6)
    joined = await at_alain.answer()
    await pause(0.8)
    end = await at_alain.hangup()
    await at_customer.ended()
    return [
        called_back(start, end, "answered", "agent", human_at=joined, talked=["601"], talks=[(joined, end)])
    ]
