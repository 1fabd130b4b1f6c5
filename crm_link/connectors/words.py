"""*Pure.* A finished call in words for another CRM: its record and what people said of it go in, a `LoggedCall` comes
out. Which CRM gets it, and how it looks there, is each connector's."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from core.facts import Direction, Verdict
from crm_link.connectors.protocol import LoggedCall

DIRECTIONS = {
    Direction.INBOUND: "Inbound call from",
    Direction.OUTBOUND: "Outbound call to",
    Direction.CALLBACK: "Callback to",
    Direction.INTERNAL: "Internal call with",
}
VERDICTS = {
    Verdict.ANSWERED: "answered",
    Verdict.VOICEMAIL: "left a voice message",
    Verdict.ABANDONED: "hung up before an answer",
    Verdict.MISSED: "missed",
    Verdict.BUSY: "busy",
    Verdict.FAILED: "failed",
}


@dataclass(frozen=True, slots=True)
class CallWords:
    """What the call's record does not say: `people` and `devices` by extension, the wrap-up, and our page of the
    call."""

    people: Mapping[str, str]
    disposition: str = ""
    note: str = ""
    url: str = ""
    devices: Mapping[str, str] = field(default_factory=dict)


def told(record: Mapping[str, Any], words: CallWords) -> LoggedCall:
    """`record` is a `CallRecord` as JSON values; its customer's number is known."""
    extensions = tuple(record["talked"])
    direction, result = Direction(record["direction"]), Verdict(record["result"])
    people = tuple(words.people.get(one, one) for one in extensions)
    inbound = direction is Direction.INBOUND
    return LoggedCall(
        call_id=record["call_id"],
        number=record["customer_number"],
        direction=direction,
        result=result,
        started_at=record["started_at"],
        ended_at=record["ended_at"],
        talk_s=record["talk_s"],
        caller_name=(record["caller_name"] or "") if inbound else "",
        people=people,
        extensions=extensions,
        ours=(record["callee"] if inbound else record["caller"]) or "",
        queue=record["queue"] or "",
        disposition=words.disposition,
        note=words.note,
        summary=_summary(direction, result, record["customer_number"], record["talk_s"], people),
        url=words.url,
        absorbed=_absorbed(record),
        phones=_phones(extensions or (() if inbound else (record["caller"],)), words.devices),
    )


def _phones(extensions: Iterable[str | None], devices: Mapping[str, str]) -> tuple[str, ...]:
    """Whoever talked, by both names of their phones; of an outgoing call that nobody took, whoever called out."""
    both = (name for one in extensions if one for name in (one, devices.get(one)))
    return tuple(name for name in both if name is not None)


def _absorbed(record: Mapping[str, Any]) -> tuple[str, ...]:
    """A call's id is made of the PBX's name and its first linkedid, so the other linkedids lead to what it absorbed."""
    ids = (f"{record['pbx']}-{one}" for one in record["linkedids"])
    return tuple(one for one in ids if one != record["call_id"])


def _summary(
    direction: Direction, result: Verdict, number: str, talk_s: float, people: tuple[str, ...]
) -> str:
    parts = [f"{DIRECTIONS[direction]} {number}: {VERDICTS[result]}"]
    if talk_s > 0:
        minutes, seconds = divmod(round(talk_s), 60)
        parts.append(f"talked {minutes}:{seconds:02}")
    if people:
        parts.append("with " + ", ".join(people))
    return ", ".join(parts)
