"""Rarer things in the practice: keys that end and park, agents who wait in a bridge, pick-up by Replaces, races."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from tests.asterisk.call import Call
from tests.asterisk.lab import Lab
from tests.asterisk.other.practice_in import ring_in
from tests.asterisk.other.practice_moves import ask, talk
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
from tests.asterisk.sip import tag_of, token
from tests.asterisk.stories.story import pause
from tests.asterisk.truth import Moved, Truth, inbound

NUMBER = "01701234567"


@german()
async def de_busy_tone(lab: Lab) -> Sequence[Truth]:
    """Answer() and then Busy(): the caller hears the tone and hangs up. Nobody could have answered: missed."""
    customer = await ring_in(lab, "46", UWE)
    await customer.answered()
    await pause(1.5)
    await customer.hangup()
    return [inbound(customer, UWE, "missed", "caller")]


@german()
async def de_ended_by_key(lab: Lab) -> Sequence[Truth]:
    """Anna ends the call with the feature key *0: to everybody outside her phone the PBX ended it, just as when a
    time limit does."""
    customer, at_anna, answered = await talk(lab, HEINZ, "47")
    await at_anna.press("*0")
    await customer.ended()
    await at_anna.ended()
    return [inbound(customer, HEINZ, "answered", "pbx", human_at=answered, rang=["231"], talked=["231"])]


@german()
async def de_ended_by_limit(lab: Lab) -> Sequence[Truth]:
    """The dialplan ends the call after 2 s of talk: S(2)."""
    customer, _, answered = await talk(lab, UWE, "48")
    await customer.ended()
    return [inbound(customer, UWE, "answered", "pbx", human_at=answered, rang=["231"], talked=["231"])]


@german()
async def de_ended_by_program(lab: Lab) -> Sequence[Truth]:
    """A panel hangs up on the customer (AMI Hangup)."""
    customer, _, answered = await talk(lab, GRETA)
    await operate(lab, "Hangup", Channel=await channel_of(lab, "PJSIP/carrier-a"))
    await customer.ended()
    return [inbound(customer, GRETA, "answered", "pbx", human_at=answered, rang=["231"], talked=["231"])]


@german()
async def de_queue_absolute_timeout(lab: Lab) -> Sequence[Truth]:
    """TIMEOUT(absolute) ends the wait in the queue after 3 s."""
    await phones(lab, "anna", "clara")
    await pause(1.0)
    customer = await ring_in(lab, "49", UWE)
    await customer.ended()
    return [inbound(customer, UWE, "missed", "pbx", rang=["231", "233"], queue="beratung")]


@german()
async def de_queue_not_joined(lab: Lab) -> Sequence[Truth]:
    """The queue has nobody and takes no callers; the mailbox does. No queue was joined."""
    customer = await ring_in(lab, "52", GRETA)
    await customer.answered()
    await pause(1.0)
    await customer.hangup()
    return [inbound(customer, GRETA, "voicemail", "caller")]


@german()
async def de_parked_by_key(lab: Lab) -> Sequence[Truth]:
    """Anna parks the customer with the feature key *72 and fetches them herself from 701."""
    anna = await phone(lab, "anna")
    customer, at_anna, answered = await talk(lab, HEINZ, "47")
    await at_anna.press("*72")
    left = lab.now()
    await pause(1.5)
    await at_anna.hangup()
    await pause(0.5)
    fetching = await anna.dial("701")
    fetched = await fetching.answered()
    await pause(1.0)
    end = await customer.hangup()
    await fetching.ended()
    return [
        inbound(
            customer, HEINZ, "answered", "caller", human_at=answered, rang=["231"], talked=["231"],
            talks=[(answered, left), (fetched, end)],
        )
    ]  # fmt: skip


@german()
async def de_parked_and_left(lab: Lab) -> Sequence[Truth]:
    """Parked by REFER, the customer hangs up in the car park."""
    customer, at_anna, answered = await talk(lab, UWE)
    left = lab.now()
    await at_anna.refer("700")
    await at_anna.ended()
    await pause(1.5)
    await customer.hangup()
    return [
        inbound(
            customer, UWE, "answered", "caller", human_at=answered, rang=["231"], talked=["231"],
            talks=[(answered, left)],
        )
    ]  # fmt: skip


@german()
async def de_parked_after_question(lab: Lab) -> Sequence[Truth]:
    """Anna asks Clara, comes back, parks the customer; Clara fetches them."""
    anna, clara = await phones(lab, "anna", "clara")
    customer, at_anna, answered = await talk(lab, GRETA)
    asking, at_clara = await ask(at_anna, "233", clara)
    await asking.hangup()
    await at_clara.ended()
    await at_anna.unhold()
    await pause(0.5)
    left = lab.now()
    await at_anna.refer("700")
    await at_anna.ended()
    await pause(0.5)
    fetching = await clara.dial("701")
    fetched = await fetching.answered()
    await pause(1.0)
    await fetching.hangup()
    end = await customer.ended()
    assert anna is not clara
    return [
        inbound(
            customer, GRETA, "answered", "agent", human_at=answered, rang=["231", "233"],
            talked=["231", "233"], talks=[(answered, left), (fetched, end)],
        )
    ]  # fmt: skip


async def _in_team_queue(lab: Lab) -> tuple[Call, Call, float]:
    anna, clara = await phones(lab, "anna", "clara")
    await pause(1.0)
    customer = await ring_in(lab, "51", HEINZ)
    await clara.rings()
    at_anna = await anna.rings()
    await pause(0.4)
    answered = await at_anna.answer()
    await pause(1.0)
    return customer, at_anna, answered


@german()
async def de_queue_member_blind_by_key(lab: Lab) -> Sequence[Truth]:
    """A member behind Local/n transfers by #1 to Dora, who answers."""
    dora = await phone(lab, "dora")
    customer, at_anna, answered = await _in_team_queue(lab)
    await at_anna.press("#1")
    await pause(1.5)
    await at_anna.press("234")
    at_dora = await dora.rings()
    left = lab.now()
    await pause(0.5)
    again = await at_dora.answer()
    await pause(1.0)
    end = await customer.hangup()
    return [
        inbound(
            customer, HEINZ, "answered", "caller", human_at=answered, rang=["231", "233", "234"],
            talked=["231", "234"], talks=[(answered, left), (again, end)], queue="team-n",
            transfers=[Moved("blind", "231", "234")],
        )
    ]  # fmt: skip


@german()
async def de_queue_member_attended_by_key(lab: Lab) -> Sequence[Truth]:
    """A member behind Local/n asks Dora by *2 and joins her with the customer, who hangs up."""
    dora = await phone(lab, "dora")
    customer, at_anna, answered = await _in_team_queue(lab)
    await at_anna.press("*2")
    await pause(1.5)
    await at_anna.press("234")
    at_dora = await dora.rings()
    await pause(0.4)
    await at_dora.answer()
    await pause(1.0)
    await at_anna.hangup()
    await pause(1.2)
    await customer.hangup()
    await at_dora.ended()
    return [
        inbound(
            customer, HEINZ, "answered", "caller", human_at=answered, rang=["231", "233", "234"],
            talked=["231", "234"], queue="team-n", transfers=[Moved("attended", "231", "234")],
        )
    ]  # fmt: skip


@german()
async def de_queue_member_attended_aborted(lab: Lab) -> Sequence[Truth]:
    """The member behind Local/n asks Dora by *2, comes back (*1), and hangs up."""
    dora = await phone(lab, "dora")
    customer, at_anna, answered = await _in_team_queue(lab)
    await at_anna.press("*2")
    await pause(1.5)
    await at_anna.press("234")
    at_dora = await dora.rings()
    await pause(0.4)
    await at_dora.answer()
    await pause(1.0)
    await at_anna.press("*1")
    await at_dora.ended()
    await pause(1.0)
    await at_anna.hangup()
    await customer.ended()
    return [
        inbound(
            customer, HEINZ, "answered", "agent", human_at=answered, rang=["231", "233", "234"],
            talked=["231"], queue="team-n",
        )
    ]  # fmt: skip


@german()
async def de_queue_member_parks(lab: Lab) -> Sequence[Truth]:
    """The member behind Local/n parks the customer by REFER; Dora fetches them."""
    dora = await phone(lab, "dora")
    customer, at_anna, answered = await _in_team_queue(lab)
    left = lab.now()
    await at_anna.refer("700")
    await at_anna.ended()
    await pause(0.8)
    fetching = await dora.dial("701")
    fetched = await fetching.answered()
    await pause(1.0)
    await fetching.hangup()
    end = await customer.ended()
    return [
        inbound(
            customer, HEINZ, "answered", "agent", human_at=answered, rang=["231", "233"],
            talked=["231", "234"], talks=[(answered, left), (fetched, end)], queue="team-n",
        )
    ]  # fmt: skip


@german()
async def de_queue_member_conference(lab: Lab) -> Sequence[Truth]:
    """The member behind Local/n transfers the customer into a conference (260) where Dora waits."""
    dora = await phone(lab, "dora")
    waiting = await dora.dial("260")
    await waiting.answered()
    customer, at_anna, answered = await _in_team_queue(lab)
    left = lab.now()
    await at_anna.refer("260")
    await at_anna.ended()
    met = lab.now()
    await pause(1.2)
    end = await customer.hangup()
    await pause(0.3)
    await waiting.hangup()
    return [
        ours(
            waiting, "internal", "answered", "caller", human_at=met, talked=["234"], talks=[(met, end)],
        ),
        inbound(
            customer, HEINZ, "answered", "caller", human_at=answered, rang=["231", "233"],
            talked=["231", "234"], talks=[(answered, left), (met, end)], queue="team-n",
            transfers=[Moved("blind", "231", "260")],
        ),
    ]  # fmt: skip


@german()
async def de_mobile_transfers_back(lab: Lab) -> Sequence[Truth]:
    """A mobile takes the call for us (after pressing 1) and gives it back by #1 to Clara."""
    clara = await phone(lab, "clara")
    line = await carrier(lab, "carrier-b")
    customer = await ring_in(lab, "53", GRETA)
    at_mobile = await line.rings("01719998877")
    await pause(0.4)
    await at_mobile.answer()
    await pause(1.0)
    await at_mobile.press("1")
    answered = await customer.answered()
    await pause(1.0)
    await at_mobile.press("#1")
    await pause(1.5)
    await at_mobile.press("233")
    at_clara = await clara.rings()
    left = lab.now()
    await pause(0.4)
    again = await at_clara.answer()
    await pause(1.0)
    await at_clara.hangup()
    end = await customer.ended()
    return [
        inbound(
            customer, GRETA, "answered", "agent", human_at=answered, rang=["233"],
            talked=["+491719998877", "233"], talks=[(answered, left), (again, end)],
            transfers=[Moved("blind", "+491719998877", "233")],
        )
    ]  # fmt: skip


@german()
async def de_desk_and_confirming_mobile(lab: Lab) -> Sequence[Truth]:
    """Desk and mobile ring together behind Local/n; the mobile is lifted and asked for 1 when Anna answers."""
    anna = await phone(lab, "anna")
    line = await carrier(lab, "carrier-a")
    customer = await ring_in(lab, "54", UWE)
    at_anna = await anna.rings()
    at_mobile = await line.rings("01719998877")
    await pause(0.4)
    await at_mobile.answer()
    await pause(0.8)
    answered = await at_anna.answer()
    await pause(1.2)
    await at_anna.hangup()
    await customer.ended()
    return [inbound(customer, UWE, "answered", "agent", human_at=answered, rang=["231"], talked=["231"])]


def _replacing(ringing: Call) -> list[tuple[str, str]]:
    """INVITE with Replaces, as phones with busy lamps pick up: the dialog between the PBX and the ringing phone."""
    value = f"{ringing.id};to-tag={tag_of(ringing.remote)};from-tag={tag_of(ringing.local)}"
    return [("Replaces", value), ("Supported", "replaces")]


@german()
async def de_pickup_by_replaces(lab: Lab) -> Sequence[Truth]:
    """Anna's phone rings; Dora's phone takes the call with an INVITE that replaces Anna's."""
    anna, dora = await phones(lab, "anna", "dora")
    customer = await ring_in(lab, "231", HEINZ)
    at_anna = await anna.rings()
    await pause(0.5)
    picking = await dora.dial("231", headers=_replacing(at_anna))
    picked = await picking.answered()
    await pause(1.0)
    await customer.hangup()
    await picking.ended()
    return [inbound(customer, HEINZ, "answered", "caller", human_at=picked, rang=["231"], talked=["234"])]


@german()
async def de_talk_taken_by_replaces(lab: Lab) -> Sequence[Truth]:
    """Anna talks; Dora's phone takes the talk over with an INVITE that replaces Anna's; Dora hangs up."""
    dora = await phone(lab, "dora")
    customer, at_anna, answered = await talk(lab, UWE)
    taking = await dora.dial("231", headers=_replacing(at_anna))
    await taking.answered()
    await at_anna.ended()
    await pause(1.0)
    await taking.hangup()
    await customer.ended()
    return [
        inbound(customer, UWE, "answered", "agent", human_at=answered, rang=["231"], talked=["231", "234"])
    ]


@german()
async def de_cancelled_while_lifted(lab: Lab) -> Sequence[Truth]:
    """The customer gives up in the very moment Anna lifts; whoever was quicker."""
    anna = await phone(lab, "anna")
    customer = await ring_in(lab, "231", VIENNA)
    at_anna = await anna.rings()
    await pause(0.6)
    await at_anna.answer()
    await asyncio.sleep(0.001)
    await customer.answered()
    human = at_anna.answered_at
    await customer.hangup()
    return [inbound(customer, VIENNA, "answered", "caller", human_at=human, rang=["231"], talked=["231"])]


async def _callback(lab: Lab, extension: str, number: str) -> float:
    at = lab.now()
    await operate(
        lab, "Originate", Channel=f"Local/{extension}@rueckruf-agent/n", Context="rueckruf", Exten=number,
        Priority="1", Timeout="30000", Async="true", ChannelId=f"cb-{token()}",
    )  # fmt: skip
    return at


def _called_back(
    start: float, end: float, result: str, ended_by: str, *, human_at: float | None = None,
    rang: Sequence[str] = ("231",), talked: Sequence[str] = (), talks: Sequence[tuple[float, float]] = (),
    transfers: Sequence[Moved] = (), caller: str = "231",
) -> Truth:  # fmt: skip
    return Truth(
        "callback", caller, "491701234567", result, start, end, ended_by, None, None, human_at, rang, talked,
        talks, transfers,
    )  # fmt: skip


@german()
async def de_callback(lab: Lab) -> Sequence[Truth]:
    """A callback through contexts of the practice: Anna first, then the customer, whom Clara gets in the end."""
    anna, clara = await phones(lab, "anna", "clara")
    line = await carrier(lab, "carrier-a")
    start = await _callback(lab, "231", "491701234567")
    at_anna = await anna.rings()
    await pause(0.5)
    human = await at_anna.answer()
    at_customer = await line.rings("491701234567")
    await pause(0.5)
    joined = await at_customer.answer()
    await pause(0.8)
    asking, at_clara = await ask(at_anna, "233", clara)
    await at_anna.refer("233", asking)
    await asking.ended()
    await pause(1.0)
    await at_clara.hangup()
    end = await at_customer.ended()
    return [
        _called_back(
            start, end, "answered", "agent", human_at=human, rang=["231", "233"], talked=["231", "233"],
            talks=[(joined, end)], transfers=[Moved("attended", "231", "233")],
        )
    ]  # fmt: skip


@german()
async def de_callback_two_devices(lab: Lab) -> Sequence[Truth]:
    """A callback rings both of Bernd's devices; he takes the cordless one; the customer does not answer."""
    bernd, dect = await phones(lab, "bernd", "dect")
    line = await carrier(lab, "carrier-a")
    start = await _callback(lab, "232", "491701234567")
    await bernd.rings()
    at_dect = await dect.rings()
    await pause(0.5)
    human = await at_dect.answer()
    await line.rings("491701234567")
    end = await at_dect.ended()
    return [_called_back(start, end, "missed", "pbx", human_at=human, rang=["232"], caller="232")]


@german()
async def de_callback_agent_gives_up(lab: Lab) -> Sequence[Truth]:
    """Anna hangs up while the customer's phone rings."""
    anna = await phone(lab, "anna")
    line = await carrier(lab, "carrier-a")
    start = await _callback(lab, "231", "491701234567")
    at_anna = await anna.rings()
    await pause(0.4)
    human = await at_anna.answer()
    await line.rings("491701234567")
    await pause(1.0)
    end = await at_anna.hangup()
    return [_called_back(start, end, "missed", "agent", human_at=human)]


@german()
async def de_callback_busy_agent(lab: Lab) -> Sequence[Truth]:
    """Anna's phone says busy at once; the customer is never dialled."""
    anna = await phone(lab, "anna")
    anna.refuse_at_once["*"] = 486
    start = await _callback(lab, "231", "491701234567")
    await pause(1.0)
    return [_called_back(start, start + 0.1, "missed", "pbx", rang=[])]


@german()
async def de_announcement_then_phone(lab: Lab) -> Sequence[Truth]:
    """A greeting is played to the end, then Anna's phone rings; the caller gives up."""
    anna = await phone(lab, "anna")
    customer = await ring_in(lab, "55", HEINZ)
    await customer.answered()
    await anna.rings()
    await pause(1.0)
    await customer.hangup()
    return [inbound(customer, HEINZ, "abandoned", "caller", rang=["231"])]


@german()
async def de_refused_then_caller_leaves(lab: Lab) -> Sequence[Truth]:
    """Anna refuses an internal caller, who listens to the busy tone for a second and hangs up."""
    anna, dora = await phones(lab, "anna", "dora")
    call = await dora.dial("231")
    at_anna = await anna.rings()
    await pause(0.5)
    at_anna.refuse(486)
    await call.ended()
    return [ours(call, "internal", "missed", "pbx", rang=["231"])]


@german()
async def de_inside_hold_and_third(lab: Lab) -> Sequence[Truth]:
    """Anna calls Bernd, holds him, asks Clara, and joins Bernd and Clara; Clara hangs up. One internal call."""
    anna, bernd, clara = await phones(lab, "anna", "bernd", "clara")
    call = await anna.dial("232")
    at_bernd = await bernd.rings()
    await pause(0.4)
    answered = await at_bernd.answer()
    await call.answered()
    await pause(0.8)
    asking, at_clara = await ask(call, "233", clara)
    await call.refer("233", asking)
    await asking.ended()
    await pause(1.0)
    await at_clara.hangup()
    end = await at_bernd.ended()
    return [
        ours(
            call, "internal", "answered", "agent", human_at=answered, rang=["232", "233"],
            talked=["231", "232", "233"], talks=[(answered, end)], ended_at=end,
            transfers=[Moved("attended", "231", "233")],
        )
    ]  # fmt: skip


@german()
async def de_inside_blind_slow(lab: Lab) -> Sequence[Truth]:
    """Anna calls Bernd, who transfers her blindly to Clara; Clara's phone rings 2.5 s, which is no talk."""
    anna, bernd, clara = await phones(lab, "anna", "bernd", "clara")
    call = await anna.dial("232")
    at_bernd = await bernd.rings()
    await pause(0.4)
    answered = await at_bernd.answer()
    await pause(0.8)
    left = lab.now()
    await at_bernd.refer("233")
    at_clara = await clara.rings()
    await pause(2.5)
    again = await at_clara.answer()
    await pause(0.8)
    end = await call.hangup()
    await at_clara.ended()
    return [
        ours(
            call, "internal", "answered", "caller", human_at=answered, rang=["232", "233"],
            talked=["231", "232", "233"], talks=[(answered, left), (again, end)],
            transfers=[Moved("blind", "232", "233")],
        )
    ]  # fmt: skip


@german()
async def de_inside_parked(lab: Lab) -> Sequence[Truth]:
    """Anna calls Bernd, who parks her; Clara fetches her after 3 s, in which nobody talks."""
    anna, bernd, clara = await phones(lab, "anna", "bernd", "clara")
    call = await anna.dial("232")
    at_bernd = await bernd.rings()
    await pause(0.4)
    answered = await at_bernd.answer()
    await pause(0.8)
    left = lab.now()
    await at_bernd.refer("700")
    await pause(3.0)
    fetching = await clara.dial("701")
    fetched = await fetching.answered()
    await pause(0.8)
    end = await call.hangup()
    await fetching.ended()
    return [
        ours(
            call, "internal", "answered", "caller", human_at=answered, rang=["232"],
            talked=["231", "232", "233"], talks=[(answered, left), (fetched, end)],
        )
    ]  # fmt: skip


@german()
async def de_out_blind_by_key_rings_out(lab: Lab) -> Sequence[Truth]:
    """Anna calls a customer and transfers them by #1 to Clara, who lets it ring for 5 s; the PBX ends the call."""
    anna, clara = await phones(lab, "anna", "clara")
    line = await carrier(lab, "carrier-a")
    call = await anna.dial("0" + NUMBER)
    at_customer = await line.rings(NUMBER)
    await pause(0.4)
    answered = await at_customer.answer()
    await call.answered()
    await pause(0.8)
    await call.press("#1")
    await pause(1.5)
    await call.press("233")
    await clara.rings()
    left = lab.now()
    end = await at_customer.ended()
    return [
        ours(
            call, "outbound", "answered", "pbx", human_at=answered, rang=["233"], talked=["231"],
            talks=[(answered, left)], transfers=[Moved("blind", "231", "233")], ended_at=end,
        )
    ]  # fmt: skip
