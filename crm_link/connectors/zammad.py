"""Zammad's generic CTI: Zammad is told of each call while it goes on (`newCall`, `answer`) and at its end (`hangup`),
and may answer that a caller is to be refused, which is kept for the PBX to ask at their next call. What is told live is
told once and in order, and lost when Zammad is away; the end is durable work like every connector's: Zammad is then
told of the whole call, if it does not know it yet. Who calls it looks up itself."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Sequence
from typing import Any

import structlog

from core.bus import Bus
from core.clock import Clock
from core.errors import RingbackError
from core.facts import (
    CallAnswered,
    CallDescribed,
    CallEnded,
    CallsJoined,
    CallStarted,
    ContactsFound,
    Direction,
    Parties,
    Verdict,
)
from core.outside import OutsideError
from core.phone import parse_number
from core.ports import RecordingCopy
from core.shown import shown
from crm_link.connectors.asking import ask_json
from crm_link.connectors.protocol import (
    Beginning,
    ConnectorError,
    Contact,
    LoggedCall,
    Sender,
    Traits,
    marker_of,
)

log = structlog.get_logger(__name__)

TRAITS = Traits(finds_contacts=False, creates_contacts=False, finds_logs=True, needs_contact=False)
"""`finds_logs`: a hang-up told twice changes nothing there, so nothing is ever uncertain."""

CAUSES = {
    Verdict.ANSWERED: "normalClearing",
    Verdict.VOICEMAIL: "normalClearing",
    Verdict.ABANDONED: "cancel",
    Verdict.MISSED: "noAnswer",
    Verdict.BUSY: "busy",
    Verdict.FAILED: "congestion",
}
PART_OF_ANOTHER = "forwarded"
"""The one cause with which an inbound call that nobody took is no missed call there."""

UNKNOWN_CALL = "No such call_id"
"""What Zammad says of an event whose newCall it never got."""

WAITING = 200
"""Events waiting to be told; beyond it the oldest is given up, as the hang-up makes up for it."""

REMEMBERED = 1000
"""Calls whose end was told lately, and callers who were refused lately."""

Event = dict[str, Any]


class Zammad:
    """One Zammad. `url` is the endpoint of its CTI integration, token and all."""

    traits = TRAITS

    def __init__(self, url: str, seconds: float, sender: Sender) -> None:
        self._url = url
        self._seconds = seconds
        self._sender = sender
        self._one_by_one = asyncio.Lock()
        self._over: OrderedDict[str, None] = OrderedDict()
        self._refused: OrderedDict[str, str] = OrderedDict()
        self._asked: OrderedDict[str, None] = OrderedDict()

    async def propose(self, call_id: str, ours: str, number: str) -> str | None:
        """Tell of a call that we are about to dial; the number of ours (digits) that it is to show, None for none.
        Raises ConnectorError and OutsideError."""
        event = {"event": "newCall", "user": [], **_outgoing(call_id, ours, number)}
        # A time limit may end this after Zammad was told; what it was not told it is told with the call's end.
        self._asked[event["callId"]] = None
        _keep_latest(self._asked)
        try:
            async with self._one_by_one:
                answer = await self.tell(event)
        except (ConnectorError, OutsideError) as error:
            if not error.perhaps_done:
                self._asked.pop(event["callId"], None)
            raise
        return _caller_id(answer)

    async def withdraw(self, call_id: str, ours: str, number: str) -> None:
        """A call that `propose` told of was not dialled. Raises ConnectorError and OutsideError."""
        base = _outgoing(call_id, ours, number)
        if base["callId"] in self._asked:
            async with self._one_by_one:
                self._remember_over(base["callId"])
                await self.tell({**base, "event": "hangup", "cause": CAUSES[Verdict.FAILED]})

    def refusal(self, number: str) -> str | None:
        """Why this caller (E.164) was to be refused when they last called; None when they were not, or nobody knows."""
        return self._refused.get(_digits(number))

    async def tell_live(self, event: Event) -> Event:
        """As `tell`, unless the call's end was told already: a late beginning would begin it anew; or the beginning
        itself, when Zammad was asked."""
        async with self._one_by_one:
            is_told = event["event"] == "newCall" and event["callId"] in self._asked
            return {} if is_told or event["callId"] in self._over else await self.tell(event)

    async def tell_absorbed(self, base: Event) -> None:
        """A call that Zammad perhaps knows is part of another one now. Raises ConnectorError and OutsideError."""
        async with self._one_by_one:
            await self._end_absorbed(base)

    async def _end_absorbed(self, base: Event) -> None:
        if base["callId"] in self._over:
            return
        try:
            await self.tell({**base, "event": "hangup", "cause": PART_OF_ANOTHER})
        except ConnectorError as error:
            if UNKNOWN_CALL not in str(error):
                raise
        self._remember_over(base["callId"])

    def _remember_over(self, marker: str) -> None:
        self._over[marker] = None
        _keep_latest(self._over)

    async def tell(self, event: Event) -> Event:
        """Post one event; what Zammad answers, {} for nothing. Raises ConnectorError and OutsideError."""
        said = await ask_json(self._sender, "POST", self._url, body=event, seconds=self._seconds)
        answer = said if isinstance(said, dict) else {}
        if event["event"] == "newCall" and event["direction"] == "in":
            self._remember_refusal(event["from"], answer)
        return answer

    def _remember_refusal(self, caller: str, answer: Event) -> None:
        """Also when the PBX refuses the call by itself by now: Zammad hears of it and may think otherwise today."""
        self._refused.pop(caller, None)
        if answer.get("action") == "reject":
            self._refused[caller] = _reason(answer)
            _keep_latest(self._refused)

    async def find_contact(self, number: str) -> Sequence[Contact]:  # noqa: ARG002
        raise ConnectorError("Zammad's CTI cannot be asked who has a number")

    async def create_contact(self, number: str, name: str, marker: str) -> Contact:  # noqa: ARG002
        raise ConnectorError("Zammad's CTI makes no contacts")

    async def find_made(self, marker: str) -> Contact | None:  # noqa: ARG002
        raise ConnectorError("Zammad's CTI makes no contacts")

    async def find_call_log(self, call: LoggedCall) -> str | None:  # noqa: ARG002
        return None

    async def attach_recording(self, reference: str, copy: RecordingCopy) -> None:  # noqa: ARG002
        raise ConnectorError("Zammad's CTI is sent no recordings")

    async def begin_call(self, contact: Contact | None, call: Beginning) -> str:  # noqa: ARG002
        raise ConnectorError("Zammad's CTI is told of calls by its own events")

    async def log_call(self, contact: Contact | None, call: LoggedCall) -> str:  # noqa: ARG002
        """The end of the call; the beginning too, if Zammad was away then. Likewise of calls that are part of it."""
        async with self._one_by_one:
            for call_id in call.absorbed:
                await self._end_absorbed({**_event("hangup", call), "callId": marker_of(call_id)})
            self._remember_over(call.marker)
            await self._tell_end(call)
        return call.marker

    async def _tell_end(self, call: LoggedCall) -> None:
        end = {
            **_event("hangup", call),
            "cause": CAUSES[call.result],
            "answeringNumber": _first(call.extensions),
        }
        try:
            await self.tell(end)
        except ConnectorError as error:
            if UNKNOWN_CALL not in str(error):
                raise
            await self.tell({**_event("newCall", call), "user": list(call.people)})
            if call.talk_s > 0:
                answer = {"user": list(call.people), "answeringNumber": _first(call.extensions)}
                await self.tell({**_event("answer", call), **answer})
            await self.tell(end)

    async def update_call_log(self, reference: str, call: LoggedCall) -> None:  # noqa: ARG002
        raise ConnectorError("Zammad's CTI takes no notes")


class ZammadLive:
    """Tells one Zammad of calls while they go on. Hearing of a call only puts an event into a queue."""

    def __init__(self, name: str, zammad: Zammad, bus: Bus, clock: Clock) -> None:
        self._name = name
        self._zammad = zammad
        self._bus = bus
        self._clock = clock
        self._open: dict[str, Event] = {}
        self._answered: set[str] = set()
        self._waiting: list[tuple[str, Event]] = []
        self._news = asyncio.Event()
        self.last_error = ""

    def subscribe(self) -> None:
        self._bus.subscribe(CallStarted, self._described, name="zammad")
        self._bus.subscribe(CallDescribed, self._described, name="zammad")
        self._bus.subscribe(CallAnswered, self._heard_answer, name="zammad")
        self._bus.subscribe(CallsJoined, self._joined, name="zammad")
        self._bus.subscribe(CallEnded, self._ended, name="zammad")

    async def run(self) -> None:
        while True:
            while self._waiting:
                await self._tell(*self._waiting.pop(0))
            self._news.clear()
            await self._news.wait()

    async def _described(self, fact: CallStarted | CallDescribed) -> None:
        parties = fact.parties
        if fact.call_id in self._open or parties.customer_number is None:
            return
        if parties.direction is Direction.INTERNAL:
            return
        base = _base(fact.call_id, parties)
        self._open[fact.call_id] = base
        self._put(fact.call_id, {"event": "newCall", **base})

    async def _heard_answer(self, fact: CallAnswered) -> None:
        base = self._open.get(fact.call_id)
        if base is not None and fact.call_id not in self._answered:
            self._answered.add(fact.call_id)
            self._put(fact.call_id, {"event": "answer", **base, "answeringNumber": fact.phone.extension})

    async def _joined(self, fact: CallsJoined) -> None:
        base = self._forget(fact.absorbed_id)
        if base is not None:
            self._put(fact.absorbed_id, {"event": "absorbed", **base})

    async def _ended(self, fact: CallEnded) -> None:
        # What was not told by now is told together with the end, by the durable row.
        self._forget(fact.call_id)

    def _forget(self, call_id: str) -> Event | None:
        """The call, if it was told or is just being told."""
        base = self._open.pop(call_id, None)
        self._answered.discard(call_id)
        untold = [event["event"] for about, event in self._waiting if about == call_id]
        self._waiting = [one for one in self._waiting if one[0] != call_id]
        return None if "newCall" in untold else base

    def _put(self, call_id: str, event: Event) -> None:
        self._waiting.append((call_id, event))
        del self._waiting[:-WAITING]
        self._news.set()

    async def _tell(self, call_id: str, event: Event) -> None:
        try:
            said = await self._say(event)
        except RingbackError as error:
            self.last_error = str(error)
            log.warning("an event was not told", connector=self._name, call_id=call_id, why=str(error))
            return
        self.last_error = ""
        if said.get("action") == "reject":
            why = f"{self._name} has this number blocked ({_reason(said)})"
            await self._bus.publish(ContactsFound(call_id, self._clock(), self._name, (), why))
        elif said.get("action") == "dial":
            # Dialled by somebody's phone, and already: which number it shows is decided by the PBX.
            log.info("another caller id was proposed", connector=self._name, call_id=call_id)

    async def _say(self, event: Event) -> Event:
        if event["event"] == "absorbed":
            await self._zammad.tell_absorbed(event)
            return {}
        return await self._zammad.tell_live(event)


def _base(call_id: str, parties: Parties) -> Event:
    inbound = parties.direction is Direction.INBOUND
    theirs, ours = _digits(parties.customer_number or ""), parties.callee if inbound else parties.caller
    pair = (theirs, _digits(ours or "")) if inbound else (_digits(ours or ""), theirs)
    return {
        "from": pair[0],
        "to": pair[1],
        "direction": "in" if inbound else "out",
        "callId": marker_of(call_id),
        "user": [],
    }


def _outgoing(call_id: str, ours: str, number: str) -> Event:
    numbers = {"from": _digits(ours), "to": _digits(number)}
    return {**numbers, "direction": "out", "callId": marker_of(call_id)}


def _caller_id(answer: Event) -> str | None:
    """What stands in the answer, if it is a number with its country code, as Zammad's settings have them."""
    if answer.get("action") != "dial":
        return None
    digits = _digits(str(answer.get("caller_id") or ""))
    return digits if parse_number(f"+{digits}", "ZZ").e164 == f"+{digits}" else None


def _event(event: str, call: LoggedCall) -> Event:
    inbound = call.direction is Direction.INBOUND
    caller, callee = _digits(call.number), _digits(call.ours)
    pair = (caller, callee) if inbound else (callee, caller)
    direction = "in" if inbound else "out"
    return {"event": event, "from": pair[0], "to": pair[1], "direction": direction, "callId": call.marker}


def _reason(answer: Event) -> str:
    return shown(str(answer.get("reason", "no reason")))


def _keep_latest(given: OrderedDict[str, Any]) -> None:
    while len(given) > REMEMBERED:
        given.popitem(last=False)


def _digits(number: str) -> str:
    return number.lstrip("+")


def _first(extensions: Sequence[str]) -> str:
    return extensions[0] if extensions else ""
