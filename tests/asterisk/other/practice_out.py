"""The practice calls: customers through one carrier or two, each other, and the PBX's own numbers."""

from __future__ import annotations

from collections.abc import Sequence

from tests.asterisk.call import Call
from tests.asterisk.lab import Lab
from tests.asterisk.other.practice_in import ring_in
from tests.asterisk.other.shop import (
    HEINZ,
    NAMES,
    carrier,
    german,
    operate,
    ours,
    phone,
    phones,
)
from tests.asterisk.stories.story import pause
from tests.asterisk.truth import Moved, Truth, inbound

DIALLED = "001701234567"
REACHED = "01701234567"


async def call_out(lab: Lab, who: str = "anna") -> tuple[Call, Call, float]:
    """A phone of ours calls Heinz, who answers: both ends, and when."""
    line = await carrier(lab, "carrier-a")
    call = await (await phone(lab, who)).dial(DIALLED)
    at_customer = await line.rings(REACHED)
    await pause(0.5)
    answered = await at_customer.answer()
    await call.answered()
    await pause(0.8)
    return call, at_customer, answered


@german()
async def de_out(lab: Lab) -> Sequence[Truth]:
    """Anna dials 0 and a number, the customer answers and hangs up."""
    call, at_customer, answered = await call_out(lab)
    await at_customer.hangup()
    await call.ended()
    return [ours(call, "outbound", "answered", "caller", human_at=answered, talked=["231"])]


@german()
async def de_out_busy(lab: Lab) -> Sequence[Truth]:
    """The number is busy; the caller hears the tone and hangs up? No: the dialplan ends the call."""
    (await carrier(lab, "carrier-a")).refuse_at_once["*"] = 486
    call = await (await phone(lab, "anna")).dial(DIALLED)
    await call.ended()
    return [ours(call, "outbound", "busy", "pbx")]


@german()
async def de_out_second_carrier_busy(lab: Lab) -> Sequence[Truth]:
    """The first carrier has no line, the second says busy, the dialplan plays the busy tone until it hangs up."""
    (await carrier(lab, "carrier-a")).refuse_at_once["*"] = 503
    (await carrier(lab, "carrier-b")).refuse_at_once["*"] = 486
    call = await (await phone(lab, "anna")).dial(DIALLED)
    await call.ended()
    return [ours(call, "outbound", "busy", "pbx")]


@german()
async def de_out_second_carrier(lab: Lab) -> Sequence[Truth]:
    """The first carrier has no line; the second is dialled by a SIP address and answers; Anna hangs up."""
    (await carrier(lab, "carrier-a")).refuse_at_once["*"] = 503
    second = await carrier(lab, "carrier-b")
    call = await (await phone(lab, "anna")).dial(DIALLED)
    at_customer = await second.rings(REACHED)
    await pause(0.6)
    answered = await at_customer.answer()
    await pause(1.0)
    await call.hangup()
    return [ours(call, "outbound", "answered", "agent", human_at=answered, talked=["231"])]


@german()
async def de_out_no_carrier(lab: Lab) -> Sequence[Truth]:
    """Neither carrier has a line."""
    for name in ("carrier-a", "carrier-b"):
        (await carrier(lab, name)).refuse_at_once["*"] = 503
    call = await (await phone(lab, "anna")).dial(DIALLED)
    await call.ended()
    return [ours(call, "outbound", "failed", "pbx")]


@german()
async def de_out_both_carriers(lab: Lab) -> Sequence[Truth]:
    """Both carriers are rung at once; the second one's customer answers."""
    first, second = await carrier(lab, "carrier-a"), await carrier(lab, "carrier-b")
    call = await (await phone(lab, "anna")).dial("80" + REACHED)
    await first.rings(REACHED)
    at_customer = await second.rings(REACHED)
    await pause(0.6)
    answered = await at_customer.answer()
    await pause(1.0)
    await at_customer.hangup()
    await call.ended()
    return [ours(call, "outbound", "answered", "caller", human_at=answered, talked=["231"])]


@german()
async def de_out_cancelled(lab: Lab) -> Sequence[Truth]:
    """Anna gives up while it rings."""
    line = await carrier(lab, "carrier-a")
    call = await (await phone(lab, "anna")).dial(DIALLED)
    await line.rings(REACHED)
    await pause(1.0)
    await call.cancel()
    return [ours(call, "outbound", "missed", "agent")]


@german()
async def de_out_unanswered(lab: Lab) -> Sequence[Truth]:
    """Nobody answers outside for 6 s."""
    line = await carrier(lab, "carrier-a")
    call = await (await phone(lab, "anna")).dial(DIALLED)
    await line.rings(REACHED)
    await call.ended()
    return [ours(call, "outbound", "missed", "pbx")]


@german()
async def de_out_blind_inside(lab: Lab) -> Sequence[Truth]:
    """Anna called a customer and transfers them to Clara by REFER; Clara answers and hangs up."""
    clara = await phone(lab, "clara")
    call, at_customer, answered = await call_out(lab)
    left = lab.now()
    await call.refer("233")
    at_clara = await clara.rings()
    await pause(0.6)
    again = await at_clara.answer()
    await pause(1.0)
    await at_clara.hangup()
    end = await at_customer.ended()
    return [
        ours(
            call, "outbound", "answered", "agent", human_at=answered, rang=["233"], talked=["231", "233"],
            talks=[(answered, left), (again, end)], transfers=[Moved("blind", "231", "233")], ended_at=end,
        )
    ]  # fmt: skip


@german()
async def de_out_attended_inside(lab: Lab) -> Sequence[Truth]:
    """Anna called a customer, asks Clara on a second line, and joins them; the customer hangs up."""
    anna, clara = await phones(lab, "anna", "clara")
    call, at_customer, answered = await call_out(lab)
    await call.hold()
    asking = await anna.dial("233")
    at_clara = await clara.rings()
    await pause(0.5)
    await at_clara.answer()
    await asking.answered()
    await pause()
    await call.refer("233", asking)
    await asking.ended()
    await pause(1.0)
    end = await at_customer.hangup()
    await at_clara.ended()
    return [
        ours(
            call, "outbound", "answered", "caller", human_at=answered, rang=["233"], talked=["231", "233"],
            talks=[(answered, end)], transfers=[Moved("attended", "231", "233")], ended_at=end,
        )
    ]  # fmt: skip


@german()
async def de_out_joined_with_outside(lab: Lab) -> Sequence[Truth]:
    """Anna called a customer, calls a colleague's mobile on a second line, and joins the two outside parties."""
    anna = await phone(lab, "anna")
    line = await carrier(lab, "carrier-a")
    call, at_customer, answered = await call_out(lab)
    await call.hold()
    asking = await anna.dial("001719998877")
    at_mobile = await line.rings("01719998877")
    await pause(0.5)
    await at_mobile.answer()
    await asking.answered()
    await pause()
    await call.refer("001719998877", asking)
    await asking.ended()
    await pause(1.0)
    end = await at_customer.hangup()
    await at_mobile.ended()
    return [
        ours(
            call, "outbound", "answered", "caller", human_at=answered, talked=["231", "+491719998877"],
            talks=[(answered, end)], transfers=[Moved("attended", "231", "001719998877")], ended_at=end,
        )
    ]  # fmt: skip


@german()
async def de_inside(lab: Lab) -> Sequence[Truth]:
    """Anna calls Bernd, whose cordless phone answers; Anna hangs up."""
    anna, bernd, dect = await phones(lab, "anna", "bernd", "dect")
    call = await anna.dial("232")
    await bernd.rings()
    at_dect = await dect.rings()
    await pause(0.5)
    answered = await at_dect.answer()
    await pause(1.0)
    await call.hangup()
    return [
        ours(call, "internal", "answered", "caller", human_at=answered, rang=["232"], talked=["231", "232"])
    ]


@german()
async def de_inside_busy(lab: Lab) -> Sequence[Truth]:
    """Anna calls Clara, who rings and refuses; the dialplan plays the busy tone for 2 s."""
    anna, clara = await phones(lab, "anna", "clara")
    call = await anna.dial("233")
    at_clara = await clara.rings()
    await pause(0.5)
    at_clara.refuse(486)
    await call.ended()
    return [ours(call, "internal", "missed", "pbx", rang=["233"])]


@german()
async def de_inside_own_mailbox(lab: Lab) -> Sequence[Truth]:
    """Anna listens to her mailbox (VoiceMailMain) and hangs up."""
    call = await (await phone(lab, "anna")).dial("*97")
    await call.answered()
    await pause(1.5)
    await call.hangup()
    return [ours(call, "internal", "voicemail", "caller")]


@german()
async def de_inside_echo(lab: Lab) -> Sequence[Truth]:
    """Anna tests her sound with Echo(); nobody is there."""
    call = await (await phone(lab, "anna")).dial("*43")
    await call.answered()
    await pause(1.5)
    await call.hangup()
    return [ours(call, "internal", "abandoned", "caller")]


@german()
async def de_inside_page(lab: Lab) -> Sequence[Truth]:
    """Anna pages Bernd and Clara, whose phones are lifted; she speaks and hangs up."""
    anna, bernd, clara = await phones(lab, "anna", "bernd", "clara")
    call = await anna.dial("*81")
    answered = await (await bernd.rings()).answer()
    await (await clara.rings()).answer()
    await pause(1.5)
    await call.hangup()
    return [
        ours(
            call, "internal", "answered", "caller", human_at=answered, rang=["232", "233"],
            talked=["231", "232", "233"],
        )
    ]  # fmt: skip


@german()
async def de_spied(lab: Lab) -> Sequence[Truth]:
    """Dora listens in (ChanSpy) to Anna's talk with a customer, and goes; two calls, and hers reached nobody."""
    anna, dora = await phones(lab, "anna", "dora")
    customer = await ring_in(lab, "231")
    at_anna = await anna.rings()
    answered = await at_anna.answer()
    await pause(0.5)
    spying = await dora.dial("*90231")
    await spying.answered()
    await pause(1.5)
    await spying.hangup()
    await pause(0.5)
    await customer.hangup()
    return [
        inbound(customer, HEINZ, "answered", "caller", human_at=answered, rang=["231"], talked=["231"]),
        ours(spying, "internal", "abandoned", "caller"),
    ]


async def _originate(lab: Lab, channel: str, exten: str, **more: str) -> float:
    headers = {
        "Channel": channel,
        "Context": "haus",
        "Exten": exten,
        "Priority": "1",
        "Async": "true",
        **more,
    }
    at = lab.now()
    await operate(lab, "Originate", **headers)
    return at


def _placed(
    start: float, end: float, result: str, ended_by: str, *, human_at: float | None, talked: Sequence[str],
    talks: Sequence[tuple[float, float]], callee: str, name: str | None = NAMES["231"],
) -> Truth:  # fmt: skip
    return Truth(
        "outbound", "231", callee, result, start, end, ended_by, name, None, human_at, ["231"], talked, talks
    )


@german()
async def de_click_to_dial(lab: Lab) -> Sequence[Truth]:
    """Another program rings Anna first, then the customer (an Originate without an id of ours)."""
    anna, line = await phone(lab, "anna"), await carrier(lab, "carrier-a")
    start = await _originate(lab, "PJSIP/anna-desk", DIALLED, CallerID="Klick <231>")
    at_anna = await anna.rings()
    await pause(0.5)
    await at_anna.answer()
    at_customer = await line.rings(REACHED)
    await pause(0.5)
    answered = await at_customer.answer()
    await pause(1.0)
    end = await at_anna.hangup()
    await at_customer.ended()
    return [
        _placed(
            start, end, "answered", "agent", human_at=answered, talked=["231"], talks=[(answered, end)],
            callee=DIALLED,
        )
    ]  # fmt: skip


@german()
async def de_click_to_dial_local(lab: Lab) -> Sequence[Truth]:
    """The same through Local/231@haus; the customer does not answer and Anna hangs up."""
    anna, line = await phone(lab, "anna"), await carrier(lab, "carrier-a")
    start = await _originate(lab, "Local/231@haus", DIALLED)
    at_anna = await anna.rings()
    await pause(0.5)
    await at_anna.answer()
    await line.rings(REACHED)
    await pause(1.0)
    end = await at_anna.hangup()
    return [
        _placed(
            start, end, "missed", "agent", human_at=None, talked=[], talks=[], callee=DIALLED,
        )
    ]  # fmt: skip


@german()
async def de_originate_customer_first(lab: Lab) -> Sequence[Truth]:
    """A dialler rings the customer first and then Anna (extension 231), who talks and hangs up."""
    anna, line = await phone(lab, "anna"), await carrier(lab, "carrier-a")
    start = await _originate(lab, f"PJSIP/{REACHED}@carrier-a", "231")
    at_customer = await line.rings(REACHED)
    await pause(0.5)
    human = await at_customer.answer()
    at_anna = await anna.rings()
    await pause(0.5)
    joined = await at_anna.answer()
    await pause(1.0)
    await at_anna.hangup()
    end = await at_customer.ended()
    return [
        _placed(
            start, end, "answered", "agent", human_at=human, talked=["231"], talks=[(joined, end)],
            callee=REACHED,
        )
    ]  # fmt: skip


@german()
async def de_click_to_colleague(lab: Lab) -> Sequence[Truth]:
    """A program rings Anna and then calls Bernd's extension; Bernd's cordless phone answers; she hangs up."""
    anna, bernd, dect = await phones(lab, "anna", "bernd", "dect")
    start = await _originate(lab, "PJSIP/anna-desk", "232")
    at_anna = await anna.rings()
    await pause(0.4)
    await at_anna.answer()
    await bernd.rings()
    at_dect = await dect.rings()
    await pause(0.4)
    answered = await at_dect.answer()
    await pause(1.0)
    end = await at_anna.hangup()
    await at_dect.ended()
    return [
        Truth(
            "internal", "231", "232", "answered", start, end, "caller", NAMES["231"], None, answered,
            ["231", "232"], ["231", "232"], [(answered, end)],
        )
    ]  # fmt: skip


@german()
async def de_reminder(lab: Lab) -> Sequence[Truth]:
    """A program rings a customer and plays a reminder; nobody of ours takes part; the customer hangs up."""
    line = await carrier(lab, "carrier-a")
    start = lab.now()
    await operate(
        lab, "Originate", Channel=f"PJSIP/{REACHED}@carrier-a", Application="Playback", Data="vm-options&vm-options",
        Async="true",
    )  # fmt: skip
    at_customer = await line.rings(REACHED)
    await pause(0.4)
    answered = await at_customer.answer()
    await pause(1.0)
    end = await at_customer.hangup()
    return [Truth("outbound", None, REACHED, "answered", start, end, "caller", human_at=answered)]
