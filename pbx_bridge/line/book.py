"""What one line sees, as calls: the monitor's words go in, facts come out, the same facts as a whole PBX gives.

*Pure.* From one line only ringing can be seen, not talking: an answer on another phone ends the call for us, and `why`
says so. A PBX that tries again (a queue, a ring group with rounds) rings anew after a pause: that is one call."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from core.facts import (
    CallEnded,
    CallRecord,
    CallStarted,
    Direction,
    EndedBy,
    Fact,
    Parties,
    Phone,
    PhoneRinging,
    PhoneStopped,
    StopReason,
    Verdict,
)
from core.phone import is_withheld, parse_number
from pbx_bridge.line.wire import How, Rings, Stopped

AGAIN_S = 10.0
"""A queue rings the same phone again within this many seconds (Asterisk's `retry` is 5 by default)."""

LONGEST_RING_S = 300.0
"""Nobody lets a phone ring so long: the word that it stopped was lost."""

LONGEST_EXTENSION = 6
"""Digits; a longer number that cannot be read is somebody outside."""

STOPPED = {
    How.ELSEWHERE: StopReason.ANSWERED_ELSEWHERE,
    How.CALLER: StopReason.CALLER_GONE,
    How.UNSAID: StopReason.TIMEOUT,
}
RESULTS = {
    How.ELSEWHERE: (Verdict.ANSWERED, EndedBy.UNKNOWN),
    How.CALLER: (Verdict.ABANDONED, EndedBy.CALLER),
    How.UNSAID: (Verdict.MISSED, EndedBy.UNKNOWN),
}
WORDS = {
    How.ELSEWHERE: "then another phone took the call; who talked, and how long, cannot be seen from here",
    How.CALLER: "then the caller hung up",
    How.UNSAID: "and nobody answered; the PBX does not say whether the caller gave up or time ran out",
}


@dataclass(slots=True)
class LineCall:
    """One call. `stopped_at` is None while it rings."""

    call_id: str
    parties: Parties
    started_at: float
    ringing: str | None = None
    stopped_at: float | None = None
    rounds: int = 1


@dataclass(slots=True)
class LineBook:
    """The calls of one line. `line` is its name in the settings, `extension` what people call it."""

    line: str
    extension: str
    region: str
    _calls: list[LineCall] = field(default_factory=list)

    @property
    def phone(self) -> Phone:
        return phone_of(self.extension)

    @property
    def open_calls(self) -> int:
        return len(self._calls)

    def rings(self, told: Rings) -> Iterator[Fact]:
        """The line rings: a new call, or another round of one that has just stopped."""
        if any(call.ringing == told.call for call in self._calls):
            return
        parties = self._parties(told)
        call = self._paused(parties, told.at)
        if call is None:
            call = LineCall(self._new_id(told), parties, told.at)
            self._calls.append(call)
            yield CallStarted(call.call_id, self.line, told.at, parties)
        else:
            call.rounds += 1
        call.ringing, call.stopped_at = told.call, None
        yield PhoneRinging(call.call_id, told.at, self.phone)

    def stopped(self, told: Stopped) -> Iterator[Fact]:
        """It rings no more. What a queue does not say may go on: `tick` ends it when it does not."""
        call = next((call for call in self._calls if call.ringing == told.call), None)
        if call is None:
            return
        call.ringing, call.stopped_at = None, told.at
        yield PhoneStopped(call.call_id, told.at, self.phone, STOPPED[told.how])
        if told.how is not How.UNSAID:
            yield self._end(call, told.how, told.at)

    def tick(self, at: float) -> Iterator[Fact]:
        """Time passes: calls whose pause was too long for another round end, and those whose end we never heard of."""
        for call in tuple(self._calls):
            if call.stopped_at is not None and at - call.stopped_at > AGAIN_S:
                yield self._end(call, How.UNSAID, call.stopped_at)
            elif call.stopped_at is None and at - call.started_at > LONGEST_RING_S:
                yield from self._forget(call, at, f"no end of it was seen within {LONGEST_RING_S:g} seconds")

    def lost(self, at: float, reason: str) -> Iterator[Fact]:
        """We do not see the line any more: nothing goes on ringing on a screen."""
        for call in tuple(self._calls):
            if call.stopped_at is not None:
                yield self._end(call, How.UNSAID, call.stopped_at)
            else:
                yield from self._forget(call, at, reason)

    def _forget(self, call: LineCall, at: float, reason: str) -> Iterator[Fact]:
        yield PhoneStopped(call.call_id, at, self.phone, StopReason.PBX)
        self._calls.remove(call)
        yield CallEnded(call.call_id, at, unseen_end(call, self.line, self.extension, at, reason))

    def _end(self, call: LineCall, how: How, at: float) -> CallEnded:
        self._calls.remove(call)
        result, ended_by = RESULTS[how]
        rang = f"it rang {at - call.started_at:.0f} s"
        if call.rounds > 1:
            rang += f" in {call.rounds} rounds"
        why = f"{seen_from(self.extension)} {rang}, {WORDS[how]}."
        return CallEnded(
            call.call_id, at, _record(call, self.line, self.extension, at, result, ended_by, why)
        )

    def _paused(self, parties: Parties, at: float) -> LineCall | None:
        """The call this may be another round of. Two callers who withhold their numbers are never taken for one."""
        if parties.caller is None:
            return None
        return next(
            (
                call
                for call in self._calls
                if call.stopped_at is not None
                and at - call.stopped_at <= AGAIN_S
                and call.parties.caller == parties.caller
            ),
            None,
        )

    def _parties(self, told: Rings) -> Parties:
        """What was dialled cannot be seen: the line itself stands in its place."""
        if is_withheld(told.number):
            return Parties(Direction.INBOUND, None, None, self.extension)
        e164 = parse_number(told.number, self.region).e164
        raw = told.number or ""
        if e164 is None and raw.isascii() and raw.isdigit() and len(raw) <= LONGEST_EXTENSION:
            return Parties(Direction.INTERNAL, raw, told.name, self.extension)
        return Parties(Direction.INBOUND, e164 or raw, told.name, self.extension, e164)

    def _new_id(self, told: Rings) -> str:
        """The PBX may give the same id again after its restart."""
        return f"{self.line}-{told.at:.3f}-{told.call}"


def phone_of(extension: str) -> Phone:
    """The line as a phone: people get it as `SIP/<extension>` of the line's name."""
    return Phone(f"SIP/{extension}", extension)


def seen_from(extension: str) -> str:
    """How every `why` of a line begins."""
    return f"Seen from one line only ({extension}):"


def unseen_end(call: LineCall, line: str, extension: str, at: float, reason: str) -> CallRecord:
    """The record of a call that rang when we lost sight of it. Nobody was seen answering, so it counts as missed."""
    why = f"{seen_from(extension)} it rang when {reason}, so how it ended was not seen."
    return _record(call, line, extension, at, Verdict.MISSED, EndedBy.UNKNOWN, why)


def _record(
    call: LineCall, line: str, extension: str, at: float, result: Verdict, ended_by: EndedBy, why: str
) -> CallRecord:
    parties = call.parties
    return CallRecord(
        call_id=call.call_id,
        pbx=line,
        linkedids=(),
        direction=parties.direction,
        caller=parties.caller,
        caller_name=parties.caller_name,
        callee=parties.callee,
        customer_number=parties.customer_number,
        queue=None,
        result=result,
        started_at=call.started_at,
        answered_at=at if result is Verdict.ANSWERED else None,
        ended_at=at,
        wait_s=at - call.started_at,
        talk_s=0.0,
        rang=(extension,),
        talked=(),
        transfers=(),
        ended_by=ended_by,
        why=why,
    )
