"""An American depot and a British yard: extensions of four and of two digits, and a car park that calls elsewhere."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from tests.asterisk.call import Call
from tests.asterisk.lab import Lab
from tests.asterisk.other.shop import (
    JOHN,
    MARY,
    TOM,
    WITHHELD,
    american,
    british,
    carrier,
    from_outside,
    ours,
    phone,
    phones,
)
from tests.asterisk.stories.story import pause
from tests.asterisk.truth import Customer, Moved, Truth, inbound

AGENTS = ("2101", "2102")


async def ring_in(lab: Lab, number: str, who: Customer = MARY) -> Call:
    """A customer dials the depot."""
    return await from_outside(lab, "gw", number, who)


async def talk(lab: Lab, who: Customer = MARY) -> tuple[Call, Call, float]:
    """A customer talks to 2101."""
    alice = await phone(lab, "2101")
    customer = await ring_in(lab, "2125550107", who)
    at_alice = await alice.rings()
    await pause(0.4)
    answered = await at_alice.answer()
    await pause(0.8)
    return customer, at_alice, answered


@american(everything=True)
async def us_queue_round(lab: Lab) -> Sequence[Truth]:
    """A round-robin queue of Local members: the first does not answer for 2 s, the second does; the caller hangs up."""
    await phones(lab, *AGENTS)
    await pause(1.0)
    customer = await ring_in(lab, "2125550100")
    tasks = [asyncio.ensure_future((await phone(lab, one)).rings()) for one in AGENTS]
    done, rest = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    first = done.pop().result()
    at_second = await rest.pop()
    await pause(0.5)
    answered = await at_second.answer()
    await pause(1.0)
    await customer.hangup()
    assert first.phone is not at_second.phone
    return [
        inbound(
            customer, MARY, "answered", "caller", human_at=answered, rang=AGENTS,
            talked=[at_second.phone.extension], queue="orders",
        )
    ]  # fmt: skip


@american()
async def us_queue_timeout_mailbox(lab: Lab) -> Sequence[Truth]:
    """Nobody answers for 8 s, the mailbox takes the call, known from the Cdr alone; the caller leaves a message."""
    await phones(lab, *AGENTS)
    await pause(1.0)
    customer = await ring_in(lab, "2125550100", JOHN)
    await customer.answered()
    await pause(13.0)
    await customer.hangup()
    return [inbound(customer, JOHN, "voicemail", "caller", rang=AGENTS, queue="orders")]


@american()
async def us_queue_key_operator(lab: Lab) -> Sequence[Truth]:
    """0 in the queue: the operator 2104, who answers and hangs up."""
    carol, dave = await phones(lab, "2103", "2104")
    await pause(1.0)
    customer = await ring_in(lab, "2125550103")
    await carol.rings()
    await pause(1.0)
    await customer.press("0")
    at_dave = await dave.rings()
    await pause(0.4)
    answered = await at_dave.answer()
    await pause(0.8)
    await at_dave.hangup()
    await customer.ended()
    return [
        inbound(
            customer, MARY, "answered", "agent", human_at=answered, rang=["2103", "2104"], talked=["2104"],
            queue="returns",
        )
    ]  # fmt: skip


@american()
async def us_direct_mailbox(lab: Lab) -> Sequence[Truth]:
    """2102 rings 5 s, then the mailbox; a caller without a number hangs up in the greeting."""
    await phone(lab, "2102")
    customer = await ring_in(lab, "+12125550122", WITHHELD)
    await customer.answered()
    await pause(1.0)
    await customer.hangup()
    return [inbound(customer, WITHHELD, "voicemail", "caller", rang=["2102"])]


@american()
async def us_group_then_queue(lab: Lab) -> Sequence[Truth]:
    """Three phones ring 6 s in vain, then the queue; 2101 answers there."""
    alice, bob, carol = await phones(lab, "2101", "2102", "2103")
    await pause(1.0)
    customer = await ring_in(lab, "2125550104", JOHN)
    first = [await one.rings() for one in (alice, bob, carol)]
    for one in first:
        await one.ended()
    tasks = [asyncio.ensure_future(one.rings()) for one in (alice, bob)]
    done, rest = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in rest:
        task.cancel()
    ringing = done.pop().result()
    await pause(0.5)
    answered = await ringing.answer()
    await pause(1.0)
    await customer.hangup()
    return [
        inbound(
            customer, JOHN, "answered", "caller", human_at=answered, rang=["2101", "2102", "2103"],
            talked=[ringing.phone.extension], queue="orders",
        )
    ]  # fmt: skip


@american()
async def us_menu_extension(lab: Lab) -> Sequence[Truth]:
    """Read() in the menu, 1 for 2102, who answers; the caller hangs up."""
    bob = await phone(lab, "2102")
    customer = await ring_in(lab, "2125550105")
    await customer.answered()
    await pause(1.0)
    await customer.press("1")
    at_bob = await bob.rings()
    await pause(0.5)
    answered = await at_bob.answer()
    await pause(0.8)
    await customer.hangup()
    return [inbound(customer, MARY, "answered", "caller", human_at=answered, rang=["2102"], talked=["2102"])]


@american()
async def us_menu_nothing_pressed(lab: Lab) -> Sequence[Truth]:
    """No key in the menu: a goodbye, and the PBX hangs up."""
    customer = await ring_in(lab, "2125550105", JOHN)
    await customer.ended()
    return [inbound(customer, JOHN, "missed", "pbx")]


@american()
async def us_out(lab: Lab) -> Sequence[Truth]:
    """2101 dials 9 and ten digits; the customer answers; 2101 hangs up. The depot's number is shown outside."""
    line = await carrier(lab, "gw")
    call = await (await phone(lab, "2101")).dial("93105550162")
    at_customer = await line.rings("+13105550162")
    await pause(0.5)
    answered = await at_customer.answer()
    await pause(1.0)
    await call.hangup()
    return [ours(call, "outbound", "answered", "agent", human_at=answered, talked=["2101"])]


@american()
async def us_out_rejected(lab: Lab) -> Sequence[Truth]:
    """The number does not exist (404)."""
    (await carrier(lab, "gw")).refuse_at_once["*"] = 404
    call = await (await phone(lab, "2101")).dial("13105550162")
    await call.ended()
    return [ours(call, "outbound", "failed", "pbx")]


@american()
async def us_park_comes_back_elsewhere(lab: Lab) -> Sequence[Truth]:
    """2101 parks the caller in a lot of their own; nobody fetches them for 3 s; 2104 rings, answers and
    hangs up. Parking is no transfer."""
    dave = await phone(lab, "2104")
    customer, at_alice, answered = await talk(lab)
    left = lab.now()
    await at_alice.refer("7000")
    at_dave = await dave.rings()
    await pause(0.5)
    again = await at_dave.answer()
    await pause(0.8)
    await at_dave.hangup()
    end = await customer.ended()
    return [
        inbound(
            customer, MARY, "answered", "agent", human_at=answered, rang=["2101", "2104"],
            talked=["2101", "2104"], talks=[(answered, left), (again, end)],
        )
    ]  # fmt: skip


@american()
async def us_blind_group(lab: Lab) -> Sequence[Truth]:
    """2101 transfers to the group 2199; 2103 answers; the customer hangs up."""
    bob, carol = await phones(lab, "2102", "2103")
    customer, at_alice, answered = await talk(lab, JOHN)
    left = lab.now()
    await at_alice.refer("2199")
    await bob.rings()
    at_carol = await carol.rings()
    await pause(0.5)
    again = await at_carol.answer()
    await pause(0.8)
    end = await customer.hangup()
    return [
        inbound(
            customer, JOHN, "answered", "caller", human_at=answered, rang=["2101", "2102", "2103"],
            talked=["2101", "2103"], talks=[(answered, left), (again, end)],
            transfers=[Moved("blind", "2101", "2199")],
        )
    ]  # fmt: skip


@american()
async def us_attended_queue(lab: Lab) -> Sequence[Truth]:
    """2101 asks in the queue (2200), whoever answers there takes the customer over and hangs up."""
    bob = await phone(lab, "2102")
    customer, at_alice, answered = await talk(lab)
    await at_alice.hold()
    asking = await at_alice.phone.dial("2200")
    at_bob = await bob.rings()
    await pause(0.4)
    await at_bob.answer()
    await asking.answered()
    await pause(0.8)
    await at_alice.refer("2200", asking)
    await asking.ended()
    await pause(1.0)
    await at_bob.hangup()
    await customer.ended()
    return [
        inbound(
            customer, MARY, "answered", "agent", human_at=answered, rang=["2101", "2102"],
            talked=["2101", "2102"], queue="orders", transfers=[Moved("attended", "2101", "2200")],
        )
    ]  # fmt: skip


@american()
async def us_two_calls_swapped(lab: Lab) -> Sequence[Truth]:
    """2101 holds Mary for John, swaps twice, and both customers hang up: two calls."""
    alice = await phone(lab, "2101")
    mary, with_mary, mary_at = await talk(lab)
    john = await ring_in(lab, "2125550107", JOHN)
    with_john = await alice.rings()
    await pause(0.4)
    await with_mary.hold()
    john_at = await with_john.answer()
    await pause(0.8)
    await with_john.hold()
    await with_mary.unhold()
    await pause(0.8)
    await with_mary.hold()
    await with_john.unhold()
    await pause(0.5)
    await john.hangup()
    await with_mary.unhold()
    await pause(0.5)
    await mary.hangup()
    return [
        inbound(mary, MARY, "answered", "caller", human_at=mary_at, rang=["2101"], talked=["2101"]),
        inbound(john, JOHN, "answered", "caller", human_at=john_at, rang=["2101"], talked=["2101"]),
    ]


@american()
async def us_two_customers_joined(lab: Lab) -> Sequence[Truth]:
    """2101 talks to Mary, takes John's call too, and joins the two customers (REFER with Replaces). Both
    customers' calls stay in the log: what they say to each other is talk with nobody of ours."""
    alice = await phone(lab, "2101")
    mary, with_mary, mary_at = await talk(lab)
    john = await ring_in(lab, "2125550107", JOHN)
    with_john = await alice.rings()
    await with_mary.hold()
    john_at = await with_john.answer()
    await pause(0.8)
    left = lab.now()
    await with_mary.refer("2101", with_john)
    await pause(1.2)
    await mary.hangup()
    await john.ended()
    return [
        inbound(
            mary, MARY, "answered", "caller", human_at=mary_at, rang=["2101"], talked=["2101"],
            talks=[(mary_at, left)], transfers=[Moved("attended", "2101", JOHN.number)],
        ),
        inbound(
            john, JOHN, "answered", "pbx", human_at=john_at, rang=["2101"], talked=["2101"],
            talks=[(john_at, left)],
        ),
    ]  # fmt: skip


@american()
async def us_new_call_while_holding(lab: Lab) -> Sequence[Truth]:
    """2101 holds Mary, calls the warehouse man's mobile outside about her, comes back to Mary. One conversation."""
    line = await carrier(lab, "gw")
    customer, at_alice, answered = await talk(lab)
    await at_alice.hold()
    asking = await at_alice.phone.dial("93105550162")
    at_mobile = await line.rings("+13105550162")
    await pause(0.4)
    await at_mobile.answer()
    await asking.answered()
    await pause(0.8)
    await asking.hangup()
    await at_mobile.ended()
    await at_alice.unhold()
    await pause(0.8)
    await customer.hangup()
    return [inbound(customer, MARY, "answered", "caller", human_at=answered, rang=["2101"], talked=["2101"])]


@american()
async def us_same_caller_twice(lab: Lab) -> Sequence[Truth]:
    """Mary has two lines and rings 2101 and 2102 at once; each answers one of them."""
    alice, bob = await phones(lab, "2101", "2102")
    one = await ring_in(lab, "+12125550121")
    await pause(0.1)
    two = await ring_in(lab, "+12125550122")
    at_bob = await bob.rings()
    at_alice = await alice.rings()
    await pause(0.5)
    second = await at_bob.answer()
    await pause(0.3)
    first = await at_alice.answer()
    await pause(0.8)
    await two.hangup()
    await pause(0.3)
    await at_alice.hangup()
    await one.ended()
    return [
        inbound(one, MARY, "answered", "agent", human_at=first, rang=["2101"], talked=["2101"]),
        inbound(two, MARY, "answered", "caller", human_at=second, rang=["2102"], talked=["2102"]),
    ]


@american()
async def us_inside_standup(lab: Lab) -> Sequence[Truth]:
    """Two colleagues dial into a conference: two internal calls."""
    alice, bob = await phones(lab, "2101", "2102")
    one = await alice.dial("2300")
    await one.answered()
    await pause(0.8)
    two = await bob.dial("2300")
    met = await two.answered()
    await pause(1.0)
    left = await one.hangup()
    await pause(0.5)
    await two.hangup()
    return [
        ours(
            one, "internal", "answered", "caller", human_at=met, talked=["2101", "2102"], talks=[(met, left)]
        ),
        ours(
            two, "internal", "answered", "caller", human_at=met, talked=["2102", "2101"], talks=[(met, left)]
        ),
    ]


@british()
async def gb_group(lab: Lab) -> Sequence[Truth]:
    """Two phones named after their hardware ring; the gate answers; Tom hangs up."""
    office, gate = await phones(lab, "31", "32")
    customer = await from_outside(lab, "bt", "441632960100", TOM)
    await office.rings()
    at_gate = await gate.rings()
    await pause(0.5)
    answered = await at_gate.answer()
    await pause(0.8)
    await customer.hangup()
    return [inbound(customer, TOM, "answered", "caller", human_at=answered, rang=["31", "32"], talked=["32"])]


@british()
async def gb_out(lab: Lab) -> Sequence[Truth]:
    """The office calls a mobile, which answers and hangs up."""
    line = await carrier(lab, "bt")
    call = await (await phone(lab, "31")).dial("07400123456")
    at_customer = await line.rings("07400123456")
    await pause(0.5)
    answered = await at_customer.answer()
    await pause(0.8)
    await at_customer.hangup()
    await call.ended()
    return [ours(call, "outbound", "answered", "caller", human_at=answered, talked=["31"])]


@british()
async def gb_inside(lab: Lab) -> Sequence[Truth]:
    """The office calls the gate, nobody answers."""
    office, gate = await phones(lab, "31", "32")
    call = await office.dial("32")
    await gate.rings()
    await call.ended()
    return [ours(call, "internal", "missed", "pbx", rang=["32"])]


@british()
async def gb_blind(lab: Lab) -> Sequence[Truth]:
    """The office hands Tom to the gate blindly; the gate answers and hangs up."""
    office, gate = await phones(lab, "31", "32")
    customer = await from_outside(lab, "bt", "441632960100", TOM)
    await gate.rings()
    at_office = await office.rings()
    answered = await at_office.answer()
    await pause(0.8)
    left = lab.now()
    await at_office.refer("32")
    at_gate = await gate.rings()
    await pause(0.4)
    again = await at_gate.answer()
    await pause(0.8)
    await at_gate.hangup()
    end = await customer.ended()
    return [
        inbound(
            customer, TOM, "answered", "agent", human_at=answered, rang=["31", "32"], talked=["31", "32"],
            talks=[(answered, left), (again, end)], transfers=[Moved("blind", "31", "32")],
        )
    ]  # fmt: skip
