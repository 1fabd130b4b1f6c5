"""The practice is rung: direct numbers, groups through Local channels, queues, announcements, forwards, mailboxes."""

from __future__ import annotations

from collections.abc import Sequence

from tests.asterisk.call import Call
from tests.asterisk.lab import Lab
from tests.asterisk.other.shop import (
    GRETA,
    HEINZ,
    UWE,
    VIENNA,
    WITHHELD,
    carrier,
    from_outside,
    german,
    phone,
    phones,
)
from tests.asterisk.stories.story import pause
from tests.asterisk.truth import Customer, Truth, inbound

STEM = "+493012345"
ALL = ("231", "232", "233")


async def ring_in(lab: Lab, suffix: str, who: Customer = HEINZ, line: str = "carrier-a") -> Call:
    """A customer dials the practice."""
    return await from_outside(lab, line, STEM + suffix, who)


@german(everything=True)
async def de_direct(lab: Lab) -> Sequence[Truth]:
    """231 rings, Anna answers, the customer hangs up."""
    anna = await phone(lab, "anna")
    customer = await ring_in(lab, "231")
    at_anna = await anna.rings()
    await pause()
    answered = await at_anna.answer()
    await pause(1.2)
    await customer.hangup()
    return [inbound(customer, HEINZ, "answered", "caller", human_at=answered, rang=["231"], talked=["231"])]


@german()
async def de_direct_two_devices(lab: Lab) -> Sequence[Truth]:
    """232 has a desk phone and a cordless one with other names; the cordless one answers and hangs up."""
    desk, dect = await phones(lab, "bernd", "dect")
    customer = await ring_in(lab, "232", UWE, "carrier-b")
    await desk.rings()
    at_dect = await dect.rings()
    await pause()
    answered = await at_dect.answer()
    await pause()
    await at_dect.hangup()
    await customer.ended()
    return [inbound(customer, UWE, "answered", "agent", human_at=answered, rang=["232"], talked=["232"])]


@german()
async def de_direct_mailbox_greeting(lab: Lab) -> Sequence[Truth]:
    """231 rings 4 s, then a mailbox of which only the Cdr tells; the customer hangs up in the greeting."""
    await phone(lab, "anna")
    customer = await ring_in(lab, "231", GRETA)
    await customer.answered()
    await pause(1.0)
    await customer.hangup()
    return [inbound(customer, GRETA, "voicemail", "caller", rang=["231"])]


@german()
async def de_direct_mailbox_message(lab: Lab) -> Sequence[Truth]:
    """As before, the customer skips the greeting, leaves a message and ends it with #; the PBX says goodbye."""
    await phone(lab, "anna")
    customer = await ring_in(lab, "231", WITHHELD)
    await customer.answered()
    await pause(1.0)
    await customer.press("#")
    await pause(2.5)
    await customer.press("#")
    await customer.ended()
    return [inbound(customer, WITHHELD, "voicemail", "pbx", rang=["231"])]


@german()
async def de_busy_mailbox(lab: Lab) -> Sequence[Truth]:
    """Anna rings and refuses; the busy greeting of her mailbox plays; the customer hangs up."""
    anna = await phone(lab, "anna")
    customer = await ring_in(lab, "231", VIENNA)
    at_anna = await anna.rings()
    await pause()
    at_anna.refuse(486)
    await customer.answered()
    await pause(1.0)
    await customer.hangup()
    return [inbound(customer, VIENNA, "voicemail", "caller", rang=["231"])]


@german()
async def de_do_not_disturb(lab: Lab) -> Sequence[Truth]:
    """233 has do-not-disturb in the PBX: Busy() without any phone."""
    await lab.pbx.cli("database put ruhe 233 1")
    customer = await ring_in(lab, "233", UWE)
    await customer.ended()
    await lab.pbx.cli("database del ruhe 233")
    return [inbound(customer, UWE, "missed", "pbx")]


@german()
async def de_forward_inside(lab: Lab) -> Sequence[Truth]:
    """231 is forwarded to 233 in the PBX, through a Local channel; Clara answers and hangs up."""
    await lab.pbx.cli("database put umleitung 231 233")
    clara = await phone(lab, "clara")
    customer = await ring_in(lab, "231")
    at_clara = await clara.rings()
    await pause()
    answered = await at_clara.answer()
    await pause()
    await at_clara.hangup()
    await customer.ended()
    await lab.pbx.cli("database del umleitung 231")
    return [inbound(customer, HEINZ, "answered", "agent", human_at=answered, rang=["233"], talked=["233"])]


@german()
async def de_forward_outside(lab: Lab) -> Sequence[Truth]:
    """231 is forwarded to a mobile in the PBX, through Local/0…/n and the same carrier; the mobile answers."""
    await lab.pbx.cli("database put umleitung 231 001719998877")
    line = await carrier(lab, "carrier-a")
    customer = await ring_in(lab, "231", GRETA)
    at_mobile = await line.rings("01719998877")
    await pause()
    answered = await at_mobile.answer()
    await pause()
    await customer.hangup()
    await lab.pbx.cli("database del umleitung 231")
    return [inbound(customer, GRETA, "answered", "caller", human_at=answered, talked=["+491719998877"])]


@german()
async def de_forward_outside_unanswered(lab: Lab) -> Sequence[Truth]:
    """As before, but nobody takes the mobile; the customer gives up."""
    await lab.pbx.cli("database put umleitung 231 001719998877")
    line = await carrier(lab, "carrier-a")
    customer = await ring_in(lab, "231", GRETA)
    await line.rings("01719998877")
    await pause(1.5)
    await customer.cancel()
    await lab.pbx.cli("database del umleitung 231")
    return [inbound(customer, GRETA, "abandoned", "caller")]


@german()
async def de_group(lab: Lab) -> Sequence[Truth]:
    """A greeting, then three people through Local channels with and without /n; Bernd's cordless phone answers."""
    anna, bernd, dect, clara = await phones(lab, "anna", "bernd", "dect", "clara")
    customer = await ring_in(lab, "10")
    for one in (anna, bernd, clara):
        await one.rings()
    at_dect = await dect.rings()
    await pause()
    answered = await at_dect.answer()
    await pause(1.2)
    await customer.hangup()
    return [inbound(customer, HEINZ, "answered", "caller", human_at=answered, rang=ALL, talked=["232"])]


@german()
async def de_group_optimised(lab: Lab) -> Sequence[Truth]:
    """The same group; Clara answers, whose Local channel goes away in mid-call; she hangs up."""
    anna, bernd, dect, clara = await phones(lab, "anna", "bernd", "dect", "clara")
    customer = await ring_in(lab, "10", UWE)
    for one in (anna, bernd, dect):
        await one.rings()
    at_clara = await clara.rings()
    await pause(0.5)
    answered = await at_clara.answer()
    await pause(1.5)
    await at_clara.hangup()
    await customer.ended()
    return [inbound(customer, UWE, "answered", "agent", human_at=answered, rang=ALL, talked=["233"])]


@german()
async def de_group_abandoned(lab: Lab) -> Sequence[Truth]:
    """The caller, Up since the greeting, gives up while the group rings."""
    people = await phones(lab, "anna", "bernd", "dect", "clara")
    customer = await ring_in(lab, "10", WITHHELD)
    for one in people:
        await one.rings()
    await pause(1.0)
    await customer.hangup()
    return [inbound(customer, WITHHELD, "abandoned", "caller", rang=ALL)]


@german()
async def de_group_missed(lab: Lab) -> Sequence[Truth]:
    """Nobody of the group answers for 6 s; the PBX hangs up."""
    await phones(lab, "anna", "bernd", "dect", "clara")
    customer = await ring_in(lab, "10", VIENNA)
    await customer.ended()
    return [inbound(customer, VIENNA, "missed", "pbx", rang=ALL)]


@german()
async def de_group_greeting_hung_up(lab: Lab) -> Sequence[Truth]:
    """The caller hangs up within the greeting, before any phone rang: abandoned, for people would have been called."""
    customer = await ring_in(lab, "10", UWE)
    await customer.answered()
    await pause(0.2)
    await customer.hangup()
    return [inbound(customer, UWE, "abandoned", "caller")]


@german()
async def de_early_media_group(lab: Lab) -> Sequence[Truth]:
    """An announcement before any answer, music while two phones ring, then a mailbox; hung up in its greeting."""
    await phones(lab, "anna", "clara")
    customer = await ring_in(lab, "11", GRETA)
    await customer.answered()
    await pause(0.8)
    await customer.hangup()
    return [inbound(customer, GRETA, "voicemail", "caller", rang=["231", "233"])]


@german()
async def de_early_media_group_cancelled(lab: Lab) -> Sequence[Truth]:
    """The caller gives up while the two phones ring behind early media."""
    anna, clara = await phones(lab, "anna", "clara")
    customer = await ring_in(lab, "11", GRETA)
    await anna.rings()
    await clara.rings()
    await pause(1.0)
    await customer.cancel()
    return [inbound(customer, GRETA, "abandoned", "caller", rang=["231", "233"])]


@german()
async def de_queue(lab: Lab) -> Sequence[Truth]:
    """A queue entered on early media, with announcements; Clara answers; Anna's card goes; Clara hangs up."""
    anna, clara = await phones(lab, "anna", "clara")
    customer = await ring_in(lab, "20")
    await anna.rings()
    at_clara = await clara.rings()
    await pause(1.0)
    answered = await at_clara.answer()
    await pause(1.2)
    await at_clara.hangup()
    await customer.ended()
    return [
        inbound(
            customer, HEINZ, "answered", "agent", human_at=answered, rang=["231", "233"], talked=["233"],
            queue="beratung",
        )
    ]  # fmt: skip


@german()
async def de_queue_gone_at_the_answer(lab: Lab) -> Sequence[Truth]:
    """Clara lifts the receiver and puts it down again within a fifth of a second: that was an answer."""
    anna, clara = await phones(lab, "anna", "clara")
    customer = await ring_in(lab, "20", UWE)
    await anna.rings()
    at_clara = await clara.rings()
    await pause(0.6)
    answered = await at_clara.answer()
    await pause(0.2)
    await at_clara.hangup()
    await customer.ended()
    return [
        inbound(
            customer, UWE, "answered", "agent", human_at=answered, rang=["231", "233"], talked=["233"],
            queue="beratung",
        )
    ]  # fmt: skip


@german()
async def de_queue_cancelled_early(lab: Lab) -> Sequence[Truth]:
    """The caller gives up in the queue before anybody has answered the channel at all."""
    anna, clara = await phones(lab, "anna", "clara")
    customer = await ring_in(lab, "20", VIENNA)
    await anna.rings()
    await clara.rings()
    await pause(1.0)
    await customer.cancel()
    return [inbound(customer, VIENNA, "abandoned", "caller", rang=["231", "233"], queue="beratung")]


@german()
async def de_queue_mobile_behind_member(lab: Lab) -> Sequence[Truth]:
    """A member's desk rings 2 s, then his mobile through a second Local channel; the mobile presses 1."""
    bernd, clara = await phones(lab, "bernd", "clara")
    line = await carrier(lab, "carrier-a")
    customer = await ring_in(lab, "21", GRETA)
    await bernd.rings()
    await clara.rings()
    at_mobile = await line.rings("01715554433")
    await pause(0.5)
    await at_mobile.answer()
    await pause(1.0)
    await at_mobile.press("1")
    accepted = at_mobile.phone.note("accepted")
    await pause(1.5)
    await customer.hangup()
    return [
        inbound(
            customer, GRETA, "answered", "caller", human_at=accepted, rang=["232", "233"],
            talked=["+491715554433"], queue="notdienst",
        )
    ]  # fmt: skip


@german()
async def de_queue_mobile_silent(lab: Lab) -> Sequence[Truth]:
    """The mobile is lifted (by its own mailbox, say) and never presses 1; the queue times out; a goodbye is spoken."""
    bernd, clara = await phones(lab, "bernd", "clara")
    line = await carrier(lab, "carrier-a")
    customer = await ring_in(lab, "21", UWE)
    await bernd.rings()
    await clara.rings()
    at_mobile = await line.rings("01715554433")
    await pause(0.5)
    await at_mobile.answer()
    await customer.ended()
    return [inbound(customer, UWE, "missed", "pbx", rang=["232", "233"], queue="notdienst")]


@german()
async def de_queue_local_optimised(lab: Lab) -> Sequence[Truth]:
    """Clara, a member behind a Local channel without /n, answers; the customer hangs up."""
    bernd, clara = await phones(lab, "bernd", "clara")
    await pause(1.0)  # the queue learns of a registration a moment later
    customer = await ring_in(lab, "21", HEINZ)
    await bernd.rings()
    at_clara = await clara.rings()
    await pause(0.8)
    answered = await at_clara.answer()
    await pause(1.5)
    await customer.hangup()
    return [
        inbound(
            customer, HEINZ, "answered", "caller", human_at=answered, rang=["232", "233"], talked=["233"],
            queue="notdienst",
        )
    ]  # fmt: skip


@german()
async def de_closed(lab: Lab) -> Sequence[Truth]:
    """The closed announcement on early media, then Congestion()."""
    customer = await ring_in(lab, "30", GRETA)
    await customer.ended()
    return [inbound(customer, GRETA, "missed", "pbx")]


@german()
async def de_closed_cancelled(lab: Lab) -> Sequence[Truth]:
    """The caller gives up within the closed announcement, before any answer."""
    customer = await ring_in(lab, "30", UWE)
    await customer.ringing()
    await pause(0.6)
    await customer.cancel()
    return [inbound(customer, UWE, "missed", "caller")]


@german()
async def de_blacklisted(lab: Lab) -> Sequence[Truth]:
    """A blocked caller is rejected at once (Hangup 21)."""
    customer = await ring_in(lab, "38", VIENNA)
    await customer.ended()
    return [inbound(customer, VIENNA, "missed", "pbx")]


@german()
async def de_congestion(lab: Lab) -> Sequence[Truth]:
    """A pretended ringing of a second, then Congestion()."""
    customer = await ring_in(lab, "39", WITHHELD)
    await customer.ended()
    return [inbound(customer, WITHHELD, "missed", "pbx")]


@german()
async def de_chain_mobile(lab: Lab) -> Sequence[Truth]:
    """Anna's desk, then Clara's, then a mobile, one after the other; the mobile answers and hangs up."""
    line = await carrier(lab, "carrier-a")
    anna, clara = await phones(lab, "anna", "clara")
    customer = await ring_in(lab, "42", GRETA)
    await anna.rings()
    await clara.rings()
    at_mobile = await line.rings("01719998877")
    await pause(0.6)
    answered = await at_mobile.answer()
    await pause(1.0)
    await at_mobile.hangup()
    await customer.ended()
    return [
        inbound(
            customer, GRETA, "answered", "agent", human_at=answered, rang=["231", "233"],
            talked=["+491719998877"],
        )
    ]  # fmt: skip


@german()
async def de_chain_mailbox(lab: Lab) -> Sequence[Truth]:
    """The same chain; the mobile is busy, the mailbox takes the call, the caller hangs up there."""
    line = await carrier(lab, "carrier-a")
    line.refuse_at_once["01719998877"] = 486
    await phones(lab, "anna", "clara")
    customer = await ring_in(lab, "42", HEINZ)
    await customer.answered()
    await pause(0.8)
    await customer.hangup()
    return [inbound(customer, HEINZ, "voicemail", "caller", rang=["231", "233"])]


@german()
async def de_mailbox_at_once(lab: Lab) -> Sequence[Truth]:
    """A number that is a mailbox; the caller hangs up after a message."""
    customer = await ring_in(lab, "43", GRETA)
    await customer.answered()
    await pause(2.5)
    await customer.hangup()
    return [inbound(customer, GRETA, "voicemail", "caller")]


@german()
async def de_layers_kept(lab: Lab) -> Sequence[Truth]:
    """Four dialplan layers, two with /n, before Anna's phone rings."""
    anna = await phone(lab, "anna")
    customer = await ring_in(lab, "44", HEINZ)
    at_anna = await anna.rings()
    await pause(0.6)
    answered = await at_anna.answer()
    await pause(1.2)
    await at_anna.hangup()
    await customer.ended()
    return [inbound(customer, HEINZ, "answered", "agent", human_at=answered, rang=["231"], talked=["231"])]


@german()
async def de_layers_optimised(lab: Lab) -> Sequence[Truth]:
    """The same layers without /n at the outermost, and no Answer() before."""
    anna = await phone(lab, "anna")
    customer = await ring_in(lab, "45", UWE)
    at_anna = await anna.rings()
    await pause(0.6)
    answered = await at_anna.answer()
    await pause(1.5)
    await customer.hangup()
    return [inbound(customer, UWE, "answered", "caller", human_at=answered, rang=["231"], talked=["231"])]


@german()
async def de_layers_missed(lab: Lab) -> Sequence[Truth]:
    """Nobody lifts behind the layers for 8 s."""
    await phone(lab, "anna")
    customer = await ring_in(lab, "45", UWE)
    await customer.ended()
    return [inbound(customer, UWE, "missed", "pbx", rang=["231"])]


@german()
async def de_survey_after(lab: Lab) -> Sequence[Truth]:
    """Dial(…,g): Anna hangs up, a survey asks on for 3 s, then the customer hangs up. The talk ended with Anna."""
    anna = await phone(lab, "anna")
    customer = await ring_in(lab, "31")
    at_anna = await anna.rings()
    await pause(0.6)
    answered = await at_anna.answer()
    await pause(1.0)
    left = await at_anna.hangup()
    await pause(3.0)
    await customer.hangup()
    return [
        inbound(
            customer, HEINZ, "answered", "caller", human_at=answered, rang=["231"], talked=["231"],
            talks=[(answered, left)],
        )
    ]  # fmt: skip


@german()
async def de_announced_to_callee(lab: Lab) -> Sequence[Truth]:
    """Dial(…,U()): Anna hears a beep before she is joined with the customer."""
    anna = await phone(lab, "anna")
    customer = await ring_in(lab, "32", GRETA)
    at_anna = await anna.rings()
    await pause(0.6)
    await at_anna.answer()
    together = await customer.answered()
    await pause(1.2)
    await customer.hangup()
    return [inbound(customer, GRETA, "answered", "caller", human_at=together, rang=["231"], talked=["231"])]


@german()
async def de_callee_goes_on(lab: Lab) -> Sequence[Truth]:
    """Dial(…,F()): after the customer hung up Anna hears something for a second and a half; nobody talks then."""
    anna = await phone(lab, "anna")
    customer = await ring_in(lab, "33", UWE)
    at_anna = await anna.rings()
    await pause(0.6)
    answered = await at_anna.answer()
    await pause(1.0)
    left = await customer.hangup()
    last = await at_anna.ended()
    return [
        inbound(
            customer, UWE, "answered", "caller", human_at=answered, rang=["231"], talked=["231"],
            talks=[(answered, left)], ended_at=last,
        )
    ]  # fmt: skip


@german()
async def de_both_go_on(lab: Lab) -> Sequence[Truth]:
    """Dial(…,G()): both are sent into a conference and talk there; the customer hangs up, Anna after."""
    anna = await phone(lab, "anna")
    customer = await ring_in(lab, "34", HEINZ)
    at_anna = await anna.rings()
    await pause(0.6)
    answered = await at_anna.answer()
    await pause(2.5)
    left = await customer.hangup()
    await pause(0.5)
    last = await at_anna.hangup()
    return [
        inbound(
            customer, HEINZ, "answered", "caller", human_at=answered, rang=["231"], talked=["231"],
            talks=[(answered, left)], ended_at=last,
        )
    ]  # fmt: skip


async def _menu(lab: Lab, keys: str, who: Customer = HEINZ, suffix: str = "40") -> Call:
    customer = await ring_in(lab, suffix, who)
    await customer.answered()
    await pause(0.8)
    await customer.press(keys)
    return customer


@german()
async def de_menu_extension(lab: Lab) -> Sequence[Truth]:
    """A wrong key, then 233 dialled in the menu; Clara answers."""
    clara = await phone(lab, "clara")
    customer = await _menu(lab, "5")
    await pause(1.5)
    await customer.press("233")
    at_clara = await clara.rings()
    await pause(0.5)
    answered = await at_clara.answer()
    await pause(0.8)
    await customer.hangup()
    return [inbound(customer, HEINZ, "answered", "caller", human_at=answered, rang=["233"], talked=["233"])]


@german()
async def de_menu_mailbox(lab: Lab) -> Sequence[Truth]:
    """9 in the menu is a mailbox."""
    customer = await _menu(lab, "9", GRETA)
    await pause(2.0)
    await customer.hangup()
    return [inbound(customer, GRETA, "voicemail", "caller")]


@german()
async def de_menu_timeout(lab: Lab) -> Sequence[Truth]:
    """No key: the operator's phone rings 4 s, nobody answers."""
    await phone(lab, "dora")
    customer = await ring_in(lab, "40", UWE)
    await customer.ended()
    return [inbound(customer, UWE, "missed", "pbx", rang=["234"])]


@german()
async def de_menu_queue_abandoned(lab: Lab) -> Sequence[Truth]:
    """1 in the menu is the queue; the caller gives up there."""
    anna, clara = await phones(lab, "anna", "clara")
    customer = await _menu(lab, "1", VIENNA)
    await anna.rings()
    await clara.rings()
    await pause(1.0)
    await customer.hangup()
    return [inbound(customer, VIENNA, "abandoned", "caller", rang=["231", "233"], queue="beratung")]


@german()
async def de_parked_by_dialplan(lab: Lab) -> Sequence[Truth]:
    """The dialplan parks the caller; Anna fetches them from 701 and hangs up."""
    anna = await phone(lab, "anna")
    customer = await ring_in(lab, "41", HEINZ)
    await customer.answered()
    await pause(0.8)
    fetching = await anna.dial("701")
    fetched = await fetching.answered()
    await pause(1.0)
    await fetching.hangup()
    await customer.ended()
    return [inbound(customer, HEINZ, "answered", "agent", human_at=fetched, talked=["231"])]
