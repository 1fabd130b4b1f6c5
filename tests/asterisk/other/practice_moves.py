"""Calls move in the practice: transfers in every way people make them, chains, pick-ups, parking, other programs."""

from __future__ import annotations

from collections.abc import Sequence

from tests.asterisk.call import Call
from tests.asterisk.lab import Lab
from tests.asterisk.other.practice_in import ring_in
from tests.asterisk.other.shop import (
    GRETA,
    HEINZ,
    UWE,
    VIENNA,
    carrier,
    channel_of,
    german,
    operate,
    ours,
    phone,
    phones,
)
from tests.asterisk.phone import Phone
from tests.asterisk.stories.story import pause
from tests.asterisk.truth import Customer, Moved, Truth, inbound


async def talk(lab: Lab, who: Customer = HEINZ, suffix: str = "231") -> tuple[Call, Call, float]:
    """A customer talks to Anna: both ends, and since when."""
    anna = await phone(lab, "anna")
    customer = await ring_in(lab, suffix, who)
    at_anna = await anna.rings()
    await pause(0.4)
    answered = await at_anna.answer()
    await pause(0.8)
    return customer, at_anna, answered


async def ask(at_anna: Call, number: str, other: Phone, *, hold: bool = True) -> tuple[Call, Call]:
    """Anna asks somebody on a second line, and they answer: both ends."""
    if hold:
        await at_anna.hold()
    asking = await at_anna.phone.dial(number)
    at_other = await other.rings()
    await pause(0.4)
    await at_other.answer()
    await asking.answered()
    await pause(0.6)
    return asking, at_other


@german()
async def de_attended(lab: Lab) -> Sequence[Truth]:
    """Anna asks Clara and joins her with the customer, who hangs up."""
    clara = await phone(lab, "clara")
    customer, at_anna, answered = await talk(lab)
    asking, at_clara = await ask(at_anna, "233", clara)
    await at_anna.refer("233", asking)
    await asking.ended()
    await pause(1.0)
    await customer.hangup()
    await at_clara.ended()
    return [
        inbound(
            customer, HEINZ, "answered", "caller", human_at=answered, rang=["231", "233"],
            talked=["231", "233"], transfers=[Moved("attended", "231", "233")],
        )
    ]  # fmt: skip


@german()
async def de_attended_without_hold(lab: Lab) -> Sequence[Truth]:
    """A phone that opens a second line without a hold (it mixes by itself), and joins both."""
    clara = await phone(lab, "clara")
    customer, at_anna, answered = await talk(lab, UWE)
    asking, at_clara = await ask(at_anna, "233", clara, hold=False)
    await at_anna.refer("233", asking)
    await asking.ended()
    await pause(1.0)
    await at_clara.hangup()
    await customer.ended()
    return [
        inbound(
            customer, UWE, "answered", "agent", human_at=answered, rang=["231", "233"],
            talked=["231", "233"], transfers=[Moved("attended", "231", "233")],
        )
    ]  # fmt: skip


@german()
async def de_attended_back_and_forth(lab: Lab) -> Sequence[Truth]:
    """Anna hands the customer to Clara after a question, Clara hands them back to Anna in the same way."""
    anna, clara = await phones(lab, "anna", "clara")
    customer, at_anna, answered = await talk(lab, GRETA)
    asking, at_clara = await ask(at_anna, "233", clara)
    await at_anna.refer("233", asking)
    await asking.ended()
    await at_anna.ended()
    await pause(1.0)
    asking_back, at_anna_again = await ask(at_clara, "231", anna)
    await at_clara.refer("231", asking_back)
    await asking_back.ended()
    await pause(1.0)
    await at_anna_again.hangup()
    await customer.ended()
    return [
        inbound(
            customer, GRETA, "answered", "agent", human_at=answered, rang=["231", "233"],
            talked=["231", "233"], transfers=[Moved("attended", "231", "233"), Moved("attended", "233", "231")],
        )
    ]  # fmt: skip


@german()
async def de_attended_chain_of_three(lab: Lab) -> Sequence[Truth]:
    """Anna asks and hands over to Clara, Clara to Dora, Dora blindly to Bernd, who hangs up."""
    clara, dora, bernd = await phones(lab, "clara", "dora", "bernd")
    customer, at_anna, answered = await talk(lab)
    asking, at_clara = await ask(at_anna, "233", clara)
    await at_anna.refer("233", asking)
    await asking.ended()
    await pause(0.8)
    asking, at_dora = await ask(at_clara, "234", dora)
    await at_clara.refer("234", asking)
    await asking.ended()
    await pause(0.8)
    left = lab.now()
    await at_dora.refer("232")
    at_bernd = await bernd.rings()
    await pause(0.6)
    again = await at_bernd.answer()
    await pause(0.8)
    await at_bernd.hangup()
    end = await customer.ended()
    return [
        inbound(
            customer, HEINZ, "answered", "agent", human_at=answered, rang=["231", "232", "233", "234"],
            talked=["231", "233", "234", "232"], talks=[(answered, left), (again, end)],
            transfers=[
                Moved("attended", "231", "233"), Moved("attended", "233", "234"), Moved("blind", "234", "232"),
            ],
        )
    ]  # fmt: skip


@german()
async def de_attended_outside(lab: Lab) -> Sequence[Truth]:
    """Anna asks a mobile outside and hands the customer over; the mobile hangs up."""
    line = await carrier(lab, "carrier-a")
    customer, at_anna, answered = await talk(lab, GRETA)
    await at_anna.hold()
    asking = await at_anna.phone.dial("001719998877")
    at_mobile = await line.rings("01719998877")
    await pause(0.4)
    await at_mobile.answer()
    await asking.answered()
    await pause()
    await at_anna.refer("001719998877", asking)
    await asking.ended()
    await pause(1.0)
    await at_mobile.hangup()
    await customer.ended()
    return [
        inbound(
            customer, GRETA, "answered", "agent", human_at=answered, rang=["231"],
            talked=["231", "+491719998877"], transfers=[Moved("attended", "231", "001719998877")],
        )
    ]  # fmt: skip


@german()
async def de_attended_early(lab: Lab) -> Sequence[Truth]:
    """Anna joins the customer with Clara while Clara's phone still rings; Clara answers."""
    clara = await phone(lab, "clara")
    customer, at_anna, answered = await talk(lab, VIENNA)
    await at_anna.hold()
    asking = await at_anna.phone.dial("233")
    at_clara = await clara.rings()
    await asking.ringing()
    await pause(0.5)
    left = lab.now()
    await at_anna.refer("233", asking)
    await pause(0.8)
    again = await at_clara.answer()
    await pause(1.0)
    end = await customer.hangup()
    return [
        inbound(
            customer, VIENNA, "answered", "caller", human_at=answered, rang=["231", "233"],
            talked=["231", "233"], talks=[(answered, left), (again, end)],
            transfers=[Moved("attended", "231", "233")],
        )
    ]  # fmt: skip


@german()
async def de_attended_early_given_up(lab: Lab) -> Sequence[Truth]:
    """The same, and the customer hangs up while Clara's phone rings."""
    clara = await phone(lab, "clara")
    customer, at_anna, answered = await talk(lab, UWE)
    await at_anna.hold()
    asking = await at_anna.phone.dial("233")
    await clara.rings()
    await asking.ringing()
    await pause(0.5)
    left = lab.now()
    await at_anna.refer("233", asking)
    await pause(1.0)
    await customer.hangup()
    return [
        inbound(
            customer, UWE, "answered", "caller", human_at=answered, rang=["231", "233"], talked=["231"],
            talks=[(answered, left)], transfers=[Moved("attended", "231", "233")],
        )
    ]  # fmt: skip


@german()
async def de_question_while_customer_leaves(lab: Lab) -> Sequence[Truth]:
    """The customer hangs up while held; Anna and Clara talk on about them for a while."""
    clara = await phone(lab, "clara")
    customer, at_anna, answered = await talk(lab)
    asking, at_clara = await ask(at_anna, "233", clara)
    left = await customer.hangup()
    await at_anna.ended()
    await pause(1.5)
    await asking.hangup()
    end = await at_clara.ended()
    return [
        inbound(
            customer, HEINZ, "answered", "caller", human_at=answered, rang=["231", "233"], talked=["231"],
            talks=[(answered, left)], ended_at=end,
        )
    ]  # fmt: skip


@german()
async def de_blind_busy(lab: Lab) -> Sequence[Truth]:
    """Anna transfers to Clara, whose phone refuses at once; the dialplan plays the busy tone and hangs up."""
    clara = await phone(lab, "clara")
    clara.refuse_at_once["*"] = 486
    customer, at_anna, answered = await talk(lab, UWE)
    left = lab.now()
    await at_anna.refer("233")
    await customer.ended()
    return [
        inbound(
            customer, UWE, "answered", "pbx", human_at=answered, rang=["231"], talked=["231"],
            talks=[(answered, left)], transfers=[Moved("blind", "231", "233")],
        )
    ]  # fmt: skip


@german()
async def de_blind_menu(lab: Lab) -> Sequence[Truth]:
    """Anna transfers to the menu (240), the customer presses 233 there, Clara answers."""
    clara = await phone(lab, "clara")
    customer, at_anna, answered = await talk(lab, GRETA)
    left = lab.now()
    await at_anna.refer("240")
    await at_anna.ended()
    await pause(0.8)
    await customer.press("233")
    at_clara = await clara.rings()
    await pause(0.5)
    again = await at_clara.answer()
    await pause(1.0)
    end = await customer.hangup()
    return [
        inbound(
            customer, GRETA, "answered", "caller", human_at=answered, rang=["231", "233"],
            talked=["231", "233"], talks=[(answered, left), (again, end)],
            transfers=[Moved("blind", "231", "240")],
        )
    ]  # fmt: skip


@german()
async def de_blind_queue_abandoned(lab: Lab) -> Sequence[Truth]:
    """Anna transfers to the queue (220); the customer gives up there while Clara's phone rings."""
    clara = await phone(lab, "clara")
    customer, at_anna, answered = await talk(lab, UWE)
    left = lab.now()
    await at_anna.refer("220")
    await clara.rings()
    await pause(1.2)
    await customer.hangup()
    return [
        inbound(
            customer, UWE, "answered", "caller", human_at=answered, rang=["231", "233"], talked=["231"],
            talks=[(answered, left)], queue="beratung", transfers=[Moved("blind", "231", "220")],
        )
    ]  # fmt: skip


@german()
async def de_blind_mailbox(lab: Lab) -> Sequence[Truth]:
    """Anna transfers to Clara's mailbox (2233), known from the Cdr alone: the call stays answered."""
    customer, at_anna, answered = await talk(lab, HEINZ)
    left = lab.now()
    await at_anna.refer("2233")
    await at_anna.ended()
    await pause(1.5)
    await customer.hangup()
    return [
        inbound(
            customer, HEINZ, "answered", "caller", human_at=answered, rang=["231"], talked=["231"],
            talks=[(answered, left)], transfers=[Moved("blind", "231", "2233")],
        )
    ]  # fmt: skip


@german()
async def de_blind_back(lab: Lab) -> Sequence[Truth]:
    """Anna to Clara, Clara back to Anna, both blindly; the customer hangs up."""
    anna, clara = await phones(lab, "anna", "clara")
    customer, at_anna, answered = await talk(lab)
    left = lab.now()
    await at_anna.refer("233")
    at_clara = await clara.rings()
    await pause(0.5)
    second = await at_clara.answer()
    await pause(0.8)
    left_again = lab.now()
    await at_clara.refer("231")
    at_anna = await anna.rings()
    await pause(0.5)
    third = await at_anna.answer()
    await pause(0.8)
    end = await customer.hangup()
    return [
        inbound(
            customer, HEINZ, "answered", "caller", human_at=answered, rang=["231", "233"],
            talked=["231", "233"], talks=[(answered, left), (second, left_again), (third, end)],
            transfers=[Moved("blind", "231", "233"), Moved("blind", "233", "231")],
        )
    ]  # fmt: skip


async def _ask_by_keys(lab: Lab, at_anna: Call, number: str, who: str) -> Call:
    other = await phone(lab, who)
    await at_anna.press("*2")
    await pause(1.5)
    await at_anna.press(number)
    return await other.rings()


@german()
async def de_keys_three_way(lab: Lab) -> Sequence[Truth]:
    """Anna asks Clara by *2, then *3 makes a conference of three; the customer hangs up first, then Anna."""
    customer, at_anna, answered = await talk(lab, GRETA)
    at_clara = await _ask_by_keys(lab, at_anna, "233", "clara")
    await pause(0.4)
    await at_clara.answer()
    await pause(0.8)
    await at_anna.press("*3")
    await pause(1.2)
    left = await customer.hangup()
    await pause(0.8)
    await at_anna.hangup()
    end = await at_clara.ended()
    return [
        inbound(
            customer, GRETA, "answered", "caller", human_at=answered, rang=["231", "233"],
            talked=["231", "233"], talks=[(answered, left)], ended_at=end,
            transfers=[Moved("attended", "231", "233")],
        )
    ]  # fmt: skip


@german()
async def de_keys_swap_and_join(lab: Lab) -> Sequence[Truth]:
    """Anna asks Clara by *2, swaps back to the customer and again (*4), and joins them by hanging up."""
    customer, at_anna, answered = await talk(lab)
    at_clara = await _ask_by_keys(lab, at_anna, "233", "clara")
    await pause(0.4)
    await at_clara.answer()
    await pause(0.8)
    await at_anna.press("*4")
    await pause(0.8)
    await at_anna.press("*4")
    await pause(0.8)
    await at_anna.hangup()
    await pause(1.0)
    await customer.hangup()
    await at_clara.ended()
    return [
        inbound(
            customer, HEINZ, "answered", "caller", human_at=answered, rang=["231", "233"],
            talked=["231", "233"], transfers=[Moved("attended", "231", "233")],
        )
    ]  # fmt: skip


@german()
async def de_keys_aborted(lab: Lab) -> Sequence[Truth]:
    """Anna asks Clara by *2 and comes back alone (*1); Clara never had the customer; Anna hangs up."""
    customer, at_anna, answered = await talk(lab, UWE)
    at_clara = await _ask_by_keys(lab, at_anna, "233", "clara")
    await pause(0.4)
    await at_clara.answer()
    await pause(0.8)
    await at_anna.press("*1")
    await at_clara.ended()
    await pause(1.0)
    await at_anna.hangup()
    await customer.ended()
    return [
        inbound(customer, UWE, "answered", "agent", human_at=answered, rang=["231", "233"], talked=["231"])
    ]


@german()
async def de_keys_outside(lab: Lab) -> Sequence[Truth]:
    """Anna asks a mobile outside by *2 and joins it with the customer."""
    line = await carrier(lab, "carrier-a")
    customer, at_anna, answered = await talk(lab, GRETA)
    await at_anna.press("*2")
    await pause(1.5)
    await at_anna.press("001719998877")
    at_mobile = await line.rings("01719998877")
    await pause(0.4)
    await at_mobile.answer()
    await pause(0.8)
    await at_anna.hangup()
    await pause(1.2)
    await at_mobile.hangup()
    await customer.ended()
    return [
        inbound(
            customer, GRETA, "answered", "agent", human_at=answered, rang=["231"],
            talked=["231", "+491719998877"], transfers=[Moved("attended", "231", "001719998877")],
        )
    ]  # fmt: skip


@german()
async def de_pickup_of_device(lab: Lab) -> Sequence[Truth]:
    """231 rings; Dora dials *8231 (PickupChan) and has the customer; Dora hangs up."""
    anna, dora = await phones(lab, "anna", "dora")
    customer = await ring_in(lab, "231", UWE)
    await anna.rings()
    await pause(0.6)
    picking = await dora.dial("*8231")
    picked = await picking.answered()
    await pause(1.0)
    await picking.hangup()
    await customer.ended()
    return [inbound(customer, UWE, "answered", "agent", human_at=picked, rang=["231"], talked=["234"])]


@german()
async def de_pickup_of_queue(lab: Lab) -> Sequence[Truth]:
    """The queue rings two phones behind Local channels; Dora takes the call with *89 (Pickup())."""
    bernd, clara, dora = await phones(lab, "bernd", "clara", "dora")
    await pause(1.0)
    customer = await ring_in(lab, "21", HEINZ)
    await bernd.rings()
    await clara.rings()
    await pause(0.6)
    picking = await dora.dial("*89")
    picked = await picking.answered()
    await pause(1.2)
    await customer.hangup()
    return [
        inbound(
            customer, HEINZ, "answered", "caller", human_at=picked, rang=["232", "233"], talked=["234"],
            queue="notdienst",
        )
    ]  # fmt: skip


@german()
async def de_redirected_by_program(lab: Lab) -> Sequence[Truth]:
    """An operator's panel redirects the customer from Anna to 233 (AMI Redirect); Clara answers. No transfer by
    anybody on a phone."""
    clara = await phone(lab, "clara")
    customer, at_anna, answered = await talk(lab)
    name = await channel_of(lab, "PJSIP/carrier-a")
    left = lab.now()
    await operate(lab, "Redirect", Channel=name, Context="haus", Exten="233", Priority="1")
    await at_anna.ended()
    at_clara = await clara.rings()
    await pause(0.5)
    again = await at_clara.answer()
    await pause(1.0)
    end = await customer.hangup()
    return [
        inbound(
            customer, HEINZ, "answered", "caller", human_at=answered, rang=["231", "233"],
            talked=["231", "233"], talks=[(answered, left), (again, end)],
        )
    ]  # fmt: skip


@german()
async def de_blind_by_program(lab: Lab) -> Sequence[Truth]:
    """A panel transfers for Anna (AMI BlindTransfer): the same as her own."""
    clara = await phone(lab, "clara")
    customer, at_anna, answered = await talk(lab, UWE)
    name = await channel_of(lab, "PJSIP/anna-desk")
    left = lab.now()
    await operate(lab, "BlindTransfer", Channel=name, Context="haus", Exten="233")
    await at_anna.ended()
    at_clara = await clara.rings()
    await pause(0.5)
    again = await at_clara.answer()
    await pause(1.0)
    await at_clara.hangup()
    end = await customer.ended()
    return [
        inbound(
            customer, UWE, "answered", "agent", human_at=answered, rang=["231", "233"],
            talked=["231", "233"], talks=[(answered, left), (again, end)],
            transfers=[Moved("blind", "231", "233")],
        )
    ]  # fmt: skip


@german()
async def de_attended_by_program(lab: Lab) -> Sequence[Truth]:
    """A panel asks Clara for Anna (AMI Atxfer); Anna hangs up and the customer has Clara."""
    clara = await phone(lab, "clara")
    customer, at_anna, answered = await talk(lab, GRETA)
    name = await channel_of(lab, "PJSIP/anna-desk")
    await operate(lab, "Atxfer", Channel=name, Context="haus", Exten="233")
    at_clara = await clara.rings()
    await pause(0.5)
    await at_clara.answer()
    await pause(0.8)
    await at_anna.hangup()
    await pause(1.0)
    await customer.hangup()
    await at_clara.ended()
    return [
        inbound(
            customer, GRETA, "answered", "caller", human_at=answered, rang=["231", "233"],
            talked=["231", "233"], transfers=[Moved("attended", "231", "233")],
        )
    ]  # fmt: skip


@german()
async def de_parked_by_program(lab: Lab) -> Sequence[Truth]:
    """A panel parks the customer (AMI Park); Clara fetches them at 701 and hangs up."""
    clara = await phone(lab, "clara")
    customer, at_anna, answered = await talk(lab, VIENNA)
    name = await channel_of(lab, "PJSIP/carrier-a")
    left = lab.now()
    await operate(lab, "Park", Channel=name, TimeoutChannel=await channel_of(lab, "PJSIP/anna-desk"))
    await pause(1.0)
    fetching = await clara.dial("701")
    fetched = await fetching.answered()
    await pause(1.0)
    await fetching.hangup()
    end = await customer.ended()
    await at_anna.hangup()
    return [
        inbound(
            customer, VIENNA, "answered", "agent", human_at=answered, rang=["231"], talked=["231", "233"],
            talks=[(answered, left), (fetched, end)],
        )
    ]  # fmt: skip


@german()
async def de_bridged_by_program(lab: Lab) -> Sequence[Truth]:
    """The customer waits in BridgeWait(); a panel joins them with Dora, who listens to Echo() (AMI Bridge)."""
    dora = await phone(lab, "dora")
    customer = await ring_in(lab, "35", HEINZ)
    await customer.answered()
    await pause(0.6)
    call = await dora.dial("*43")
    await call.answered()
    await pause(0.5)
    one, two = await channel_of(lab, "PJSIP/carrier-a"), await channel_of(lab, "PJSIP/dora-desk")
    joined = lab.now()
    await operate(lab, "Bridge", Channel1=one, Channel2=two, Tone="no")
    await pause(1.5)
    await customer.hangup()
    await call.ended()
    return [inbound(customer, HEINZ, "answered", "caller", human_at=joined, talked=["234"])]


@german()
async def de_third_into_conference(lab: Lab) -> Sequence[Truth]:
    """Customer and Anna meet in a conference; Anna has Clara rung into it by a program."""
    anna, clara = await phones(lab, "anna", "clara")
    customer = await ring_in(lab, "36", UWE)
    await customer.answered()
    await pause(0.6)
    joining = await anna.dial("260")
    met = await joining.answered()
    await pause(0.5)
    asked = lab.now()
    await operate(
        lab,
        "Originate",
        Channel="PJSIP/clara-desk",
        Application="ConfBridge",
        Data="besprechung",
        Async="true",
    )
    at_clara = await clara.rings()
    await pause(0.4)
    third = await at_clara.answer()
    await pause(1.0)
    end = await customer.hangup()
    await joining.hangup()
    last = await at_clara.hangup()
    return [
        inbound(
            customer, UWE, "answered", "caller", human_at=met, talked=["231", "233"], talks=[(met, end)],
        ),
        ours(
            joining, "internal", "answered", "caller", human_at=met, talked=["231", "233"],
        ),
        Truth(
            "internal", "233", None, "answered", asked, last, "caller", "Clara Curth", None, third, ["233"],
            ["233", "231"], [(third, last)],
        ),
    ]  # fmt: skip
