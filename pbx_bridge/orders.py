"""An order to dial in, the headers of its Originate out; and what the PBX answered to one that did not come about.

*Pure.* The headers name the contexts of `config/asterisk/extensions_ringback.conf` and nothing else: no channel, no
context comes from a request, and of variables only the digits of numbers. Sending them is `dialer.py`'s work."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass

from core.errors import PbxError
from core.facts import ATTEMPT_PREFIX
from core.ports import DialOrder

AGENT_RINGS_S = 30
"""A phone rings no longer for an attempt than this; the dialplan's own RINGBACK_AGENT_SECONDS is less."""

CUSTOMER_RINGS_S = 60
PLACE_WAITS_S = 1830
"""A place in a queue; the dialplan's own RINGBACK_PLACE_SECONDS is less."""

_ATTEMPT = re.compile(r"[0-9a-f]{20}")
_NUMBER = re.compile(r"\+?([0-9]{7,15})")
_EXTENSION = re.compile(r"[0-9a-zA-Z][0-9a-zA-Z_.-]{0,59}")

STAR = "*"
"""Before an extension or queue that takes a customer on: a pattern that matched any word would match `failed` too,
which the PBX looks for when an Originate comes to nothing."""

REASONS = {
    "0": "the PBX could not begin it: is the shipped dialplan loaded, the number on its allow-list, and no call of the "
    "same attempt going on?",
    "1": "it was hung up",
    "3": "nobody answered",
    "5": "busy",
    "8": "the PBX had no way to place it",
}
"""`Reason` of an OriginateResponse that says Failure."""


@dataclass(frozen=True, slots=True)
class RingTimes:
    """Seconds after which the PBX gives the first party up, whoever that is."""

    agent: int = AGENT_RINGS_S
    customer: int = CUSTOMER_RINGS_S
    place: int = PLACE_WAITS_S


@dataclass(frozen=True, slots=True)
class Originate:
    """One Originate. `variables` go escaped, each in a header of its own."""

    headers: Mapping[str, str]
    variables: Mapping[str, str]


def channel_id(attempt_id: str) -> str:
    """The Uniqueid and Linkedid of the attempt's call."""
    return f"{ATTEMPT_PREFIX}{attempt_id}"


def originate(order: DialOrder, times: RingTimes, ahead: float = 0.0, shown: str | None = None) -> Originate:
    """The order as the PBX is asked, whose clock is `ahead` of ours by so many seconds; `shown` is the number that the
    customer is to see, if the dialplan lets it. Raises PbxError for one that must not be sent."""
    asked = _originate(order, times)
    more: dict[str, str] = {}
    if order.begin_before is not None:
        more["RINGBACK_BEFORE"] = str(math.ceil(order.begin_before + ahead))
    if shown is not None:
        more["RINGBACK_SHOW"] = _match(_NUMBER, shown, "own number")
    return Originate(asked.headers, {**asked.variables, **more})


def _originate(order: DialOrder, times: RingTimes) -> Originate:
    digits = _match(_NUMBER, order.number, "number")
    _match(_ATTEMPT, order.attempt_id, "attempt")
    second = _second(order)
    number = {"RINGBACK_NUMBER": digits}
    if order.customer_first:
        context, name = second
        return _headers(order, f"{digits}@ringback-customer", (context, STAR + name), times.customer)
    if order.agent is not None:
        agent = _headers(order, f"{second[1]}@ringback-agent", ("ringback-callback", digits), times.agent)
        return Originate(agent.headers, number)
    place = _headers(order, f"{second[1]}@ringback-place", ("ringback-callback", digits), times.place)
    position = {} if order.position is None else {"RINGBACK_POSITION": str(max(1, order.position))}
    return Originate(place.headers, number | position)


def _second(order: DialOrder) -> tuple[str, str]:
    """Context and extension of our own side, by which a customer who was rung first is taken on."""
    if (order.agent is None) == (order.queue is None):
        raise PbxError("the order names neither or both of an agent and a queue")
    if order.agent is not None:
        return "ringback-then-agent", _match(_EXTENSION, order.agent.extension, "extension")
    return "ringback-then-queue", _match(_EXTENSION, order.queue or "", "queue")


def _headers(order: DialOrder, local: str, then: tuple[str, str], seconds: int) -> Originate:
    context, exten = then
    return Originate(
        {
            "Action": "Originate",
            "Channel": f"Local/{local}/n",
            "Context": context,
            "Exten": exten,
            "Priority": "1",
            "Timeout": str(seconds * 1000),
            "ChannelId": channel_id(order.attempt_id),
            # What the agent's phone shows, and how the card knows the customer before they are dialled.
            "CallerID": f"<{order.number}>",
        },
        {},
    )


def _match(pattern: re.Pattern[str], text: str, what: str) -> str:
    found = pattern.fullmatch(text)
    if found is None:
        raise PbxError(f"{text!r} cannot be the {what} of a call: the PBX was not asked to place it")
    return found[1] if pattern.groups else text
