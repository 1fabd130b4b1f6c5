"""What really happened in a call, as the people in it would swear, in the fields `ringback replay` prints.

In: the verdict, names and order of events by hand from the story, the times from the phones' clocks. Out: the
``calls`` of a capture's expected result; ``check`` compares the times with the PBX's channel event log and raises.
Nothing here reads AMI, and nothing of the product is used.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from tests.asterisk.call import Call
from tests.asterisk.pbx import CelRow
from tests.asterisk.phone import Seen

NEAR_SECONDS = 0.5
"""How far a phone's clock and the PBX's log may lie apart; both read this machine's clock."""

Json = dict[str, object]


class TruthError(Exception):
    """The story tells another time than the PBX's own log."""


@dataclass(frozen=True, slots=True)
class Customer:
    """A person outside: the number as the carrier spells it, in E.164, and the name as it reaches us."""

    raw: str
    number: str
    name: str | None = None
    shown: str | None = None
    """The display name exactly as it stands in From; None makes it from ``name``."""

    @property
    def display(self) -> str | None:
        """What goes into From."""
        return self.shown if self.shown is not None or self.name is None else f'"{self.name}"'


@dataclass(frozen=True, slots=True)
class Moved:
    """A transfer that took place: ``to`` is the number the transferer chose."""

    kind: str
    sender: str
    to: str


@dataclass(frozen=True, slots=True)
class Truth:
    """One call. Times are Unix seconds; ``talks`` are the stretches the customer was connected to a human."""

    direction: str
    caller: str | None
    callee: str | None
    result: str
    started_at: float
    ended_at: float
    ended_by: str
    caller_name: str | None = None
    queue: str | None = None
    human_at: float | None = None
    rang: Sequence[str] = ()
    talked: Sequence[str] = ()
    talks: Sequence[tuple[float, float]] = ()
    transfers: Sequence[Moved] = ()
    pbx_died: bool = False
    """The PBX's own log has no end of this call."""

    def as_json(self) -> Json:
        """The call as the expected result holds it. ``rang`` is a set, written in order of number."""
        answered = self.human_at if self.result == "answered" else None
        return {
            "direction": self.direction,
            "caller": self.caller,
            "caller_name": self.caller_name,
            "callee": self.callee,
            "queue": self.queue,
            "result": self.result,
            "started_at": iso(self.started_at),
            "answered_at": None if answered is None else iso(answered),
            "ended_at": iso(self.ended_at),
            "wait_s": round((self.human_at or self.ended_at) - self.started_at, 3),
            "talk_s": round(sum(end - start for start, end in self.talks), 3),
            "rang": sorted(self.rang),
            "talked": list(self.talked),
            "transfers": [{"kind": m.kind, "from": m.sender, "to": m.to} for m in self.transfers],
            "ended_by": self.ended_by,
        }


def inbound(
    customer: Call, who: Customer, result: str, ended_by: str, *,
    human_at: float | None = None, talks: Sequence[tuple[float, float]] = (), rang: Sequence[str] = (),
    talked: Sequence[str] = (), queue: str | None = None, transfers: Sequence[Moved] = (),
    ended_at: float | None = None,
) -> Truth:  # fmt: skip
    """A customer's call; with ``human_at`` alone the talk lasts from there to the end. Raises TruthError."""
    _ended_alike(customer, ended_by)
    end = ended_at or moment(customer.ended_at)
    spoken = talks or ([(human_at, end)] if human_at and result == "answered" else [])
    return Truth(
        "inbound", who.number or None, customer.number, result, customer.started_at, end, ended_by,
        who.name, queue, human_at, rang, talked, spoken, transfers,
    )  # fmt: skip


def outgoing(
    ours: Call, result: str, ended_by: str, *, direction: str = "outbound", human_at: float | None = None,
    rang: Sequence[str] = (), talked: Sequence[str] = (), talks: Sequence[tuple[float, float]] = (),
    queue: str | None = None, transfers: Sequence[Moved] = (), ended_at: float | None = None,
) -> Truth:  # fmt: skip
    """A call that one of our phones made, to the outside or (``direction="internal"``) to a colleague."""
    end = ended_at or moment(ours.ended_at)
    spoken = talks or ([(human_at, end)] if human_at and result == "answered" else [])
    if direction == "internal":
        _ended_alike(ours, ended_by)
    me = ours.phone.name
    return Truth(
        direction, me, ours.number, result, ours.started_at, end, ended_by,
        f"Phone {me}", queue, human_at, rang, talked, spoken, transfers,
    )  # fmt: skip


def _ended_alike(call: Call, ended_by: str) -> None:
    if call.ended_by and ended_by != "unknown" and (call.ended_by == "us") != (ended_by == "caller"):
        raise TruthError(f"the story says {ended_by} ended it, the caller's phone says {call.ended_by}")


def moment(at: float | None) -> float:
    """A moment that must have come. Raises TruthError."""
    if at is None:
        raise TruthError("the story needs a moment that never came")
    return at


def iso(at: float) -> str:
    """ISO 8601 in UTC with milliseconds."""
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def check(truths: Sequence[Truth], cel: Sequence[CelRow], seen: Iterable[Seen]) -> None:
    """The story, the PBX's own log and what the phones saw agree. Raises TruthError."""
    told = {extension for truth in truths for extension in truth.rang}
    heard = {line.phone for line in seen if line.what == "ring" and line.phone.isdigit()}
    if told != heard:
        raise TruthError(f"the story says {sorted(told)} rang, the phones say {sorted(heard)}")
    in_mailbox = any(row.event == "APP_START" and row.app.startswith("VoiceMail") for row in cel)
    if not in_mailbox and any(truth.result == "voicemail" for truth in truths):
        raise TruthError("the story ends in a mailbox and the PBX's log has none")
    for truth in truths:
        _near(truth.started_at, cel, {"CHAN_START"}, "start")
        if not truth.pbx_died:
            _near(truth.ended_at, cel, {"CHAN_END"}, "end")
        if truth.human_at is not None:
            _near(truth.human_at, cel, {"ANSWER", "BRIDGE_ENTER"}, "answer")
        for start, end in truth.talks:
            _near(start, cel, {"BRIDGE_ENTER"}, "talk's start")
            if not truth.pbx_died:
                _near(end, cel, {"BRIDGE_EXIT"}, "talk's end")


def _near(at: float, cel: Sequence[CelRow], events: set[str], what: str) -> None:
    distances = [abs(row.at - at) for row in cel if row.event in events]
    if not distances or min(distances) > NEAR_SECONDS:
        raise TruthError(
            f"the {what} at {iso(at)} has no {'/'.join(sorted(events))} in the PBX's log near it"
        )
