"""One sentence that explains a verdict to a manager. *Pure.* In: a finished call's state and its result."""

from __future__ import annotations

from core.facts import Direction, EndedBy, Transfer, TransferKind, Verdict
from pbx_bridge.call_state import CallState
from pbx_bridge.legs import LegKind

NOBODY_RANG = "no phone of ours rang"
NOBODY_CALLED = "no phone was called"
DECLINED = 21
"""Q.850 cause of a party who declines."""


def why(state: CallState, result: Verdict, end: EndedBy, blind: str | None) -> str:
    """The reason in words, ending with a full stop. `blind` says why the end was not seen."""
    parts = _PARTS[state.cast.direction](state, result, end if blind is None else EndedBy.UNKNOWN)
    sentence = "; ".join(part for part in (*parts, blind) if part)
    return sentence[0].upper() + sentence[1:] + "."


def _inbound(state: CallState, result: Verdict, end: EndedBy) -> list[str]:
    tried = _tried(state)
    match result:
        case Verdict.ANSWERED:
            return [_answer(state), _closing(end)]
        case Verdict.VOICEMAIL:
            return [f"{tried}; nobody answered, and the caller ended in a mailbox"]
        case Verdict.ABANDONED:
            return [_given_up(state, tried)]
        case _:
            return [f"{tried}; nobody answered{_missed_end(state, end)}"]


def _outgoing(state: CallState, result: Verdict, end: EndedBy) -> list[str]:
    match result:
        case Verdict.ANSWERED if state.declined_at is not None:
            return ["the outside party answered and said that they had not asked for this call"]
        case Verdict.ANSWERED:
            return [_with_moves(state, "the outside party answered", ""), _closing_out(end)]
        case Verdict.BUSY:
            return ["the outside party's line was busy"]
        case Verdict.FAILED:
            return ["the network or the number failed, and the call could not be put through"]
        case _ if end is EndedBy.AGENT:
            return [f"our side gave up after {_waited(state)}, before the outside party answered"]
        case _ if any(leg.request_cause == DECLINED and state.cast.is_customer(leg) for leg in state.legs):
            return ["the outside party declined"]
        case _:
            return [f"the outside party did not answer within {_waited(state)}"]


def _callback(state: CallState, result: Verdict, end: EndedBy) -> list[str]:
    if result is Verdict.MISSED and not any(state.cast.is_customer(leg) for leg in state.legs):
        lifted = any(leg.answered_at is not None for leg in state.legs if state.cast.is_ours(leg))
        nobody = f"{'nobody took' if state.stays else 'the agent did not take'} the callback"
        taken = "the agent answered" if lifted else nobody
        return [f"{taken}, and the customer was not dialled"]
    return _outgoing(state, result, end)


_PARTS = {
    Direction.INBOUND: _inbound,
    Direction.INTERNAL: _inbound,
    Direction.OUTBOUND: _outgoing,
    Direction.CALLBACK: _callback,
}


def _tried(state: CallState) -> str:
    """Whom the PBX rang for the caller, and how long."""
    queues, who = _queues(state), _and(_rung(state))
    if queues and who:
        return f"queue {_and(queues)} rang {who}{_for(state)}"
    if queues:
        return f"the caller waited in queue {_and(queues)}, and no phone rang"
    if who:
        return f"{who} rang{_for(state)}"
    if any(leg.dialled_at is not None and not leg.is_guest for leg in state.legs):
        return NOBODY_RANG
    return NOBODY_CALLED


def _queues(state: CallState) -> list[str]:
    """Those the caller had joined before the first answer."""
    until = _first_answer(state)
    return list(dict.fromkeys(stay.name for stay in state.stays if stay.joined <= until))


def _rung(state: CallState) -> list[str]:
    """Who had rung by the first answer."""
    until = _first_answer(state)
    return sorted(extension for extension, at in state.rang.items() if at <= until)


def _first_answer(state: CallState) -> float:
    return state.talk.stretches[0].start if state.talk.stretches else float("inf")


def _for(state: CallState) -> str:
    """How long phones rang before somebody answered or all had stopped."""
    length = _rang_for(state)
    if length is None:
        return ""
    return " briefly" if length < 1 else f" for {_seconds(length)}"


def _rang_for(state: CallState) -> float | None:
    answered = _first_answer(state)
    legs = [
        leg
        for leg in state.legs
        if leg.kind is LegKind.PHONE and leg.rang_at is not None and not leg.is_guest
    ]
    starts = [leg.rang_at for leg in legs if leg.rang_at is not None and leg.rang_at < answered]
    ends = [min(at for at in (leg.released_at, leg.ended_at, answered) if at is not None) for leg in legs]
    if not starts or max(ends) == float("inf"):
        return None
    return min(answered, max(ends)) - min(starts)


def _answer(state: CallState) -> str:
    """Who answered when, who rang beside, and who came to the call later."""
    people = list(state.talk.talked)
    waited = _first_answer(state) - (state.started_at or _first_answer(state))
    first = people[0] if people else "somebody"
    if state.cast.direction is Direction.INTERNAL:
        both = [one for one in people if one not in _moved(state)]
        said = f"{_and(both)} talked" if len(both) > 1 else f"{first} was connected"
        return _with_moves(state, said, "")
    others = [one for one in _rung(state) if one != first]
    queues = _queues(state)
    place = f" in queue {_and(queues)}" if queues else ""
    beside = f" while {_and(others)} rang too" if others else ""
    return _with_moves(state, f"{first} answered {_after(waited)}{place}{beside}", first)


def _with_moves(state: CallState, said: str, subject: str) -> str:
    """`said`, then the transfers; whoever the sentence is about already is not named again."""
    clauses = [said]
    for transfer in state.transfers.done():
        who, words = transfer.from_extension, _move(transfer)
        clauses.append(words if who == subject else f"{who} {words}")
        subject = who
    joined = [one for one in list(state.talk.talked)[1:] if one not in _moved(state)]
    also = ""
    if joined and state.cast.direction is Direction.INBOUND:
        also = f"; {_and(joined)} talked to the caller too"
    return ", then ".join(clauses) + also


def _moved(state: CallState) -> set[str]:
    """Who got the call by a transfer."""
    return {transfer.to for transfer in state.transfers.done()}


def _move(transfer: Transfer) -> str:
    if transfer.kind is TransferKind.BLIND:
        return f"transferred the call to {transfer.to}"
    return f"asked {transfer.to} and handed the call over"


def _given_up(state: CallState, tried: str) -> str:
    """The caller's patience; how long phones rang is said where it is another time than the wait."""
    waited = _wait(state)
    if tried in (NOBODY_CALLED, NOBODY_RANG):
        return f"the caller hung up {_after(waited)}, before any phone rang"
    if _rang_for(state) is not None and round(_rang_for(state) or 0) == round(waited):
        return f"{tried} until the caller hung up, before anybody answered"
    return f"{tried}, and the caller hung up {_after(waited)}, before anybody answered"


def _missed_end(state: CallState, end: EndedBy) -> str:
    timed_out = any(stay.given_up is not None for stay in state.stays)
    said = " before the queue's time-out" if timed_out else ""
    return {
        EndedBy.CALLER: f"{said}, and the caller hung up afterwards",
        EndedBy.PBX: f"{said}, and the PBX ended the call",
    }.get(end, said)


def _closing(end: EndedBy) -> str:
    return {
        EndedBy.CALLER: "the caller's side hung up",
        EndedBy.AGENT: "our side hung up",
        EndedBy.PBX: "the PBX ended the call",
        EndedBy.UNKNOWN: "",
    }[end]


def _closing_out(end: EndedBy) -> str:
    return "the outside party hung up" if end is EndedBy.CALLER else _closing(end)


def _waited(state: CallState) -> str:
    return _seconds(_wait(state))


def _wait(state: CallState) -> float:
    """Seconds from the first ring to the moment the waiting side gave up, else to the end."""
    origin = state.cast.origin
    end = state.ended_at if origin is None else origin.requested_at or origin.ended_at or state.ended_at
    return end - (state.started_at or end)


def _after(length: float) -> str:
    return "at once" if length < 1 else f"after {length:.0f} s"


def _seconds(length: float) -> str:
    return "less than 1 s" if length < 1 else f"{length:.0f} s"


def _and(names: list[str]) -> str:
    return " and ".join(filter(None, (", ".join(names[:-1]), *names[-1:])))
