"""An ended call and one person in, the line on that person's recent list out. *Pure.* The line says what the call
was for this person: a phone that rang for a call a colleague took is no missed call (rule P2). Loading older lines
from the log is done in `views/recent_calls.py`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from core.facts import CallMatched, CallRecord, Direction, MatchKind, Verdict
from server.live.calls_now import CallNow
from server.live.cards import CustomerSummary, Known, Owner

KEPT = 12
"""Lines on a recent list: a screen's worth; the call log has the rest."""


class Outcome(StrEnum):
    """What a call was for one person."""

    TALKED = "talked"
    ELSEWHERE = "elsewhere"
    MISSED = "missed"
    UNANSWERED = "unanswered"


@dataclass(frozen=True, slots=True)
class RecentCall:
    """`number` and `name` are the other party's; `by` is who took the call when it was not this person."""

    call_id: str
    at: float
    direction: Direction
    number: str | None
    name: str | None
    customer_id: int | None
    outcome: Outcome
    by: str | None
    talk_s: float


@dataclass(frozen=True, slots=True)
class Named:
    """The customer a call was matched to without doubt."""

    id: int
    name: str | None


def named_of(call: CallNow | None, known: Known) -> Named | None:
    """The one customer of a call in progress; several candidates are nobody."""
    if call is None or call.match is MatchKind.SEVERAL or len(call.customer_ids) != 1:
        return None
    customer = known.customers.get(call.customer_ids[0])
    return Named(call.customer_ids[0], customer.name if customer else None)


def recent_for(record: CallRecord, owner: Owner, customer: Named | None, known: Known) -> RecentCall | None:
    """The line `record` leaves on the owner's list, or None."""
    mine = {extension for pbx, extension in owner.extensions if pbx == record.pbx}
    placed = record.caller in mine
    outcome = _outcome(record, mine, placed)
    if outcome is None:
        return None
    others = [one for one in record.talked if one not in mine]
    by = others[0] if others and outcome is Outcome.ELSEWHERE else None
    number, name = _other_party(record, placed)
    colleague = known.people.get((record.pbx, number or ""))
    return RecentCall(
        call_id=record.call_id,
        at=record.started_at,
        direction=record.direction,
        number=number,
        name=(customer.name if customer else None) or colleague or name,
        customer_id=customer.id if customer else None,
        outcome=outcome,
        by=known.people.get((record.pbx, by), by) if by else None,
        talk_s=record.talk_s if outcome is Outcome.TALKED else 0.0,
    )


def _outcome(record: CallRecord, mine: set[str], placed: bool) -> Outcome | None:
    """What the call was for a person who placed it, or whose phone rang, or who talked; None: nothing."""
    answered = record.result is Verdict.ANSWERED
    if not mine.isdisjoint(record.talked) or (placed and answered):
        return Outcome.TALKED
    if placed and record.direction in (Direction.OUTBOUND, Direction.INTERNAL):
        return Outcome.UNANSWERED
    if mine.isdisjoint(record.rang):
        return None
    return Outcome.ELSEWHERE if answered else Outcome.MISSED


def _other_party(record: CallRecord, placed: bool) -> tuple[str | None, str | None]:
    """Number and PBX-given name of the other side, as this person sees it."""
    if record.direction is Direction.INTERNAL:
        return (record.callee if placed else record.caller), None
    if record.direction is Direction.INBOUND:
        return record.customer_number or record.caller, record.caller_name
    return record.customer_number or record.callee, None


def add_recent(lines: tuple[RecentCall, ...], line: RecentCall) -> tuple[RecentCall, ...]:
    """The list with `line` in its place, newest first, each call once, at most `KEPT`."""
    others = [one for one in lines if one.call_id != line.call_id]
    return tuple(sorted([*others, line], key=lambda one: (-one.at, one.call_id))[:KEPT])


def with_newer(loaded: Iterable[RecentCall], newer: Iterable[RecentCall]) -> tuple[RecentCall, ...]:
    """What was read from the log, and what ended meanwhile."""
    lines: tuple[RecentCall, ...] = ()
    for line in (*loaded, *newer):
        lines = add_recent(lines, line)
    return lines


def renamed(loaded: Mapping[int, CustomerSummary], line: RecentCall) -> RecentCall:
    """The line with its customer's name as it is now."""
    customer = loaded.get(line.customer_id) if line.customer_id is not None else None
    return replace(line, name=customer.name or line.name) if customer else line


def picked(fact: CallMatched, customers: Mapping[int, CustomerSummary], line: RecentCall) -> RecentCall:
    """The line when somebody has said whose call it is; the very same line of another call."""
    [customer_id] = fact.customer_ids
    if line.call_id != fact.call_id or line.customer_id == customer_id:
        return line
    customer = customers.get(customer_id)
    return replace(line, customer_id=customer_id, name=(customer and customer.name) or line.number)
