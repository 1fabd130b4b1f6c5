"""Contexts with work to do after the hang-up (`h`), as every FreePBX has: what the Cdr says last is not the mailbox."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from tests.asterisk.lab import Lab
from tests.asterisk.other.practice_in import ring_in
from tests.asterisk.other.shop import HEINZ, UWE, VIENNA, carrier, german, phone, phones
from tests.asterisk.stories.story import pause
from tests.asterisk.truth import Truth, inbound


@german()
async def de_h_mailbox_greeting(lab: Lab) -> Sequence[Truth]:
    """231 rings 2 s, then the mailbox in a subroutine; the caller hangs up in the greeting, and `h` runs."""
    await phone(lab, "anna")
    customer = await ring_in(lab, "56", HEINZ)
    await customer.answered()
    await pause(1.0)
    await customer.hangup()
    return [inbound(customer, HEINZ, "voicemail", "caller", rang=["231"])]


@german()
async def de_h_mailbox_message(lab: Lab) -> Sequence[Truth]:
    """The same, and the caller leaves a message before they hang up."""
    await phone(lab, "anna")
    customer = await ring_in(lab, "56", UWE)
    await customer.answered()
    await pause(0.8)
    await customer.press("#")
    await pause(2.5)
    await customer.hangup()
    return [inbound(customer, UWE, "voicemail", "caller", rang=["231"])]


@german()
async def de_h_closed(lab: Lab) -> Sequence[Truth]:
    """The closed announcement is hung up on, and `h` runs: missed."""
    customer = await ring_in(lab, "57", VIENNA)
    await customer.answered()
    await pause(0.6)
    await customer.hangup()
    return [inbound(customer, VIENNA, "missed", "caller")]


@german()
async def de_h_menu(lab: Lab) -> Sequence[Truth]:
    """A menu is hung up on, and `h` runs: abandoned."""
    customer = await ring_in(lab, "58", UWE)
    await customer.answered()
    await pause(0.6)
    await customer.hangup()
    return [inbound(customer, UWE, "abandoned", "caller")]


@german()
async def de_h_escalated_to_mailbox(lab: Lab) -> Sequence[Truth]:
    """Queue, announcement, another phone, mailbox: the caller hangs up in its greeting."""
    await phones(lab, "anna", "clara", "dora")
    await pause(1.0)
    customer = await ring_in(lab, "59", HEINZ)
    await (await phone(lab, "dora")).rings()
    await pause(6.0)
    await customer.hangup()
    return [inbound(customer, HEINZ, "voicemail", "caller", rang=["231", "233", "234"], queue="beratung")]


@german()
async def de_h_hung_up_between(lab: Lab) -> Sequence[Truth]:
    """The queue timed out; the caller hangs up in the announcement that follows: missed, the queue had sent them on."""
    await phones(lab, "anna", "clara", "dora")
    await pause(1.0)
    customer = await ring_in(lab, "59", UWE)
    await pause(2.5)
    await customer.hangup()
    return [inbound(customer, UWE, "missed", "caller", rang=["231", "233"], queue="beratung")]


@german()
async def de_no_number_dialled(lab: Lab) -> Sequence[Truth]:
    """The carrier hands over without a number (`s`); the caller dials 233 in the menu, which nobody answers, and
    hangs up in the mailbox. What they dialled from outside is not known."""
    await phone(lab, "clara")
    customer = await (await carrier(lab, "carrier-a")).dial("s", caller=UWE.raw)
    await customer.answered()
    await pause(0.6)
    await customer.press("233")
    await (await phone(lab, "clara")).rings()
    await pause(7.0)
    await customer.hangup()
    return [replace(inbound(customer, UWE, "voicemail", "caller", rang=["233"]), callee=None)]
