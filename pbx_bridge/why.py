"""One sentence that explains a verdict to a manager. *Pure.* In: a finished call's state and its result."""

from __future__ import annotations

from core.facts import Direction, EndedBy, Verdict
from pbx_bridge.call_state import CallState


def why(state: CallState, result: Verdict, end: EndedBy, blind: str | None) -> str:
    """The reason in words, ending with a full stop."""
    sentence = _SENTENCES[state.cast.direction](state, result, end)
    return f"{sentence}; {blind}." if blind else f"{sentence}."


def _inbound(state: CallState, result: Verdict, end: EndedBy) -> str:
    tried = _tried(state)
    match result:
        case Verdict.ANSWERED:
            return f"{_people(state)} talked to the caller{_closing(end)}"
        case Verdict.VOICEMAIL:
            return f"{tried}; nobody answered, and the caller ended in a mailbox"
        case Verdict.ABANDONED:
            return f"{tried}; the caller hung up after {_waited(state)} before anybody answered"
        case _:
            return f"{tried}; nobody answered{_missed_end(state, end)}"


def _internal(state: CallState, result: Verdict, end: EndedBy) -> str:
    if result is not Verdict.ANSWERED:
        return _inbound(state, result, end)
    names = list(state.talk.talked)
    return f"{_people(state)} {'talked' if len(names) > 1 else 'was connected'}{_closing(end)}"


def _outgoing(state: CallState, result: Verdict, end: EndedBy) -> str:
    match result:
        case Verdict.ANSWERED:
            return f"The outside party answered{_closing(end)}"
        case Verdict.BUSY:
            return "The outside party was busy or declined"
        case Verdict.FAILED:
            return "The network or the number failed: the call could not be put through"
        case _ if end is EndedBy.AGENT:
            return f"Our side gave up after {_waited(state)} before the outside party answered"
        case _:
            return f"The outside party did not answer within {_waited(state)}"


def _callback(state: CallState, result: Verdict, end: EndedBy) -> str:
    if result is Verdict.MISSED and not any(state.cast.is_customer(leg) for leg in state.legs):
        answered = any(leg.answered_at is not None for leg in state.legs if state.cast.is_ours(leg))
        if answered:
            return "The agent answered, but the customer was not dialled"
        return "The agent did not take the callback; the customer was not dialled"
    return _outgoing(state, result, end)


_SENTENCES = {
    Direction.INBOUND: _inbound,
    Direction.INTERNAL: _internal,
    Direction.OUTBOUND: _outgoing,
    Direction.CALLBACK: _callback,
}


def _tried(state: CallState) -> str:
    queues = list(dict.fromkeys(stay.name for stay in state.stays))
    who = _and(sorted(state.rang))
    if queues and who:
        return f"Queue {_and(queues)} rang {who}"
    if queues:
        return f"The caller waited in queue {_and(queues)} and no phone rang"
    if who:
        return f"{who} rang"
    if any(leg.dialled_at is not None for leg in state.legs):
        return "No phone of ours rang"
    return "No phone was called"


def _missed_end(state: CallState, end: EndedBy) -> str:
    if any(stay.given_up is not None for stay in state.stays):
        return " before the queue gave the caller up" + (
            ", who then hung up" if end is EndedBy.CALLER else ""
        )
    return ", and the caller hung up afterwards" if end is EndedBy.CALLER else ", and the PBX ended the call"


def _closing(end: EndedBy) -> str:
    return {
        EndedBy.CALLER: "; the caller's side hung up",
        EndedBy.AGENT: "; our side hung up",
        EndedBy.PBX: "; the PBX ended the call",
        EndedBy.UNKNOWN: "",
    }[end]


def _people(state: CallState) -> str:
    return _and(list(state.talk.talked)) or "Somebody"


def _waited(state: CallState) -> str:
    return f"{max(0.0, state.ended_at - (state.started_at or state.ended_at)):.0f} s"


def _and(names: list[str]) -> str:
    return " and ".join(filter(None, (", ".join(names[:-1]), *names[-1:])))
