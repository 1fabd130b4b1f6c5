"""A finished call's state in, its `CallRecord` out: result, seconds, who ended it. *Pure.*

Each rule here has its case and its reason in `docs/verdicts.md`; the sentence for the manager is made in `why.py`."""

from __future__ import annotations

from collections.abc import Sequence

from core.facts import CallRecord, Direction, EndedBy, Verdict
from pbx_bridge.call_state import CallState, QueueStay
from pbx_bridge.legs import Leg, LegKind
from pbx_bridge.talks import Talk
from pbx_bridge.why import why

PEOPLE = (LegKind.PHONE, LegKind.TRUNK)
OURS_OUT = (Direction.OUTBOUND, Direction.CALLBACK)

MAILBOXES = frozenset({"voicemail", "voicemailmain", "minivmgreet", "minivmrecord", "vmauthenticate"})
"""Applications that are a mailbox, as a Cdr's LastApplication names them (in lower case)."""

ANNOUNCEMENTS = frozenset(
    {
        "playback",
        "controlplayback",
        "playtones",
        "zapateller",
        "saydigits",
        "saynumber",
        "festival",
        "busy",
        "congestion",
    }
)
"""Applications that speak and do not listen: whoever hangs up in one was told that nobody will come.
So do the tones of `Busy()` and `Congestion()`, which a caller who is Up hears until they put the receiver down."""

REFUSED_BY_PBX = frozenset({1, 3, 17, 20, 21, 22, 27, 34, 38, 42, 44, 58})
"""Causes with which the PBX itself turns a caller away (`Busy()`, `Congestion()`): Asterisk reports the end of that
channel as a HangupRequest too. The cause alone proves nothing: a caller's channel takes over the cause of the last
phone that refused."""

CANCELLED = 487
"""SIP status of a caller who gave up before an answer (TechCause, Asterisk 22)."""

BUSY_CAUSES = frozenset({17})
FAILED_CAUSES = frozenset(
    {1, 2, 3, 6, 20, 22, 25, 27, 28, 29, 34, 38, 41, 42, 43, 44, 50, 57, 58, 65, 66, 79, 88, 101, 102, 111}
)
DECLINED = 21
DECLINED_BY_PERSON = frozenset({None, 600, 603, 607})
"""SIP statuses that Asterisk turns into cause 21 and that a person sends; others (401, 403, 407) are the network's.
Asterisk 16 does not tell the status: a decline is then taken for a person's."""
FAILED_STATUSES = frozenset({"CONGESTION", "CHANUNAVAIL", "INVALIDARGS"})

OVERLAP_SECONDS = 0.05
"""An attempt that ends this shortly before the caller's hang-up was ended by it: the events overtake each other."""

SAME_END_SECONDS = 2.0
"""A customer's channel that is gone this soon after the talk ended with it; anything later was a further step
(an announcement, a survey), which the one who left the talk did not end."""


def record(
    state: CallState, call_id: str, pbx: str, linkedids: Sequence[str], blind: str | None
) -> CallRecord:
    """The log's row. `blind` is why we did not see the end, or None when we did."""
    result = verdict(state)
    parties = state.cast.parties()
    started = state.started_at or state.last_at
    human = first_human(state)
    ended = max(people_gone_at(state), started)
    end = ended_by(state, result)
    if blind:
        end = EndedBy.PBX if state.lost_by_pbx else EndedBy.UNKNOWN
    talked = talkers(state) if result is Verdict.ANSWERED else ()
    return CallRecord(
        call_id=call_id,
        pbx=pbx,
        linkedids=tuple(linkedids),
        direction=parties.direction,
        caller=parties.caller,
        caller_name=parties.caller_name,
        callee=parties.callee,
        customer_number=parties.customer_number,
        queue=state.stays[0].name if state.stays else None,
        result=result,
        started_at=started,
        answered_at=human if result is Verdict.ANSWERED else None,
        ended_at=ended,
        wait_s=round(max(0.0, (ended if human is None else human) - started), 3),
        talk_s=round(
            sum((max(0.0, (talk.end or ended) - talk.start) for talk in state.talk.stretches), 0.0), 3
        ),
        rang=tuple(sorted(state.rang, key=extension_order)),
        talked=talked,
        transfers=state.transfers.done(),
        ended_by=end,
        why=why(state, result, end, blind),
    )


def extension_order(extension: str) -> tuple[int, int, str]:
    """`rang` is a set; it is written in order of number."""
    return (0, int(extension), "") if extension.isascii() and extension.isdigit() else (1, 0, extension)


def talkers(state: CallState) -> tuple[str, ...]:
    """Our people in the order in which they were connected; an internal call's caller stands first, also where the
    colleagues were brought together before (a page)."""
    origin = state.cast.origin
    if state.cast.direction is not Direction.INTERNAL or origin is None:
        return tuple(state.talk.talked)
    caller = state.cast.extension(origin)
    return tuple(sorted(state.talk.talked, key=lambda one: one != caller))


def first_human(state: CallState) -> float | None:
    """When a human first answered the one who waited: the agent in a callback, the outside party in a call of ours."""
    if state.cast.direction is Direction.CALLBACK:
        agents = [leg.answered_at for leg in state.legs if state.cast.is_ours(leg)]
        return min((at for at in agents if at is not None), default=None)
    first = state.talk.stretches[0].start if state.talk.stretches else None
    if state.cast.direction is Direction.OUTBOUND and state.cast.reached_at is not None:
        return state.cast.reached_at if first is None else min(first, state.cast.reached_at)
    return first


def people_gone_at(state: CallState) -> float:
    """The last hang-up of anybody who was in the conversation. A mobile that is still being asked to press 1 after
    the caller has gone is no part of it, nor is a phone that has handed its talk over and is put down late."""
    origin = state.cast.origin
    talks = [{leg.uniqueid for leg in talk.legs} for talk in state.talk.stretches]
    last, earlier = (talks[-1] if talks else set[str]()), set[str]().union(*talks[:-1])
    if origin is None or origin.kind is LegKind.LOCAL:
        return state.ended_at
    people = [leg for leg in state.legs if leg.kind in PEOPLE and not leg.is_guest]
    ends = [
        leg.ended_at
        for leg in people
        if leg is origin or leg.uniqueid in last or (leg.is_caller and leg.uniqueid not in earlier)
    ]
    return max((at for at in ends if at is not None), default=state.ended_at)


def verdict(state: CallState) -> Verdict:
    """One result, by precedence answered > voicemail > abandoned > missed."""
    if state.cast.direction in OURS_OUT:
        return _outgoing(state)
    if state.talk.stretches:
        return Verdict.ANSWERED
    if is_mailbox(state):
        return Verdict.VOICEMAIL
    return Verdict.ABANDONED if gave_up(state) else Verdict.MISSED


def is_mailbox(state: CallState) -> bool:
    """The caller ended in a mailbox: the shipped dialplan said so, or a Cdr did."""
    return state.mailbox_at is not None or any(
        application in MAILBOXES for found in state.applications.values() for application in found
    )


def gave_up(state: CallState) -> bool:
    """The caller hung up while somebody could still have answered."""
    at = hung_up_at(state)
    if at is None:
        return False
    if is_waiting(state, at):
        return True
    if tried(state):
        return left_by_key(state)
    origin = state.cast.origin
    heard = [] if origin is None else state.applications.get(origin.uniqueid, [])
    return not any(application in ANNOUNCEMENTS for application in heard)


def hung_up_at(state: CallState) -> float | None:
    """When the caller of an inbound or internal call put the receiver down, if they did."""
    origin = state.cast.origin
    if origin is None or origin.requested_at is None or is_turned_away(state, origin):
        return None
    return origin.requested_at


def is_turned_away(state: CallState, leg: Leg) -> bool:
    """The PBX refused a caller who never was Up: `Busy()` and its like, at a moment when nobody was being called."""
    if not leg.is_caller or leg.up_at is not None or leg.requested_at is None:
        return False
    if leg.turned_away:
        return True
    refusing = leg.request_cause in REFUSED_BY_PBX and leg.request_tech != CANCELLED
    return refusing and not is_waiting(state, leg.requested_at)


def is_waiting(state: CallState, at: float) -> bool:
    """A phone was being called for the caller, or they stood in a queue, at that moment."""
    edge = at - OVERLAP_SECONDS
    if any(
        stay.joined <= at and (stay.left is None or stay.left >= edge) and not _timed_out(stay, edge)
        for stay in state.stays
    ):
        return True
    return any(
        leg.dialled_at is not None and leg.dialled_at <= at and _offer_end(leg) >= edge
        for leg in _attempts(state)
    )


def _timed_out(stay: QueueStay, edge: float) -> bool:
    return stay.given_up is not None and stay.given_up < edge


def tried(state: CallState) -> list[Leg] | list[QueueStay]:
    """What was done to find somebody; empty when the PBX only spoke to the caller."""
    return state.stays or _attempts(state)


def left_by_key(state: CallState) -> bool:
    """The last thing tried was a queue that the caller left by a digit: no time-out ever sent them away."""
    ends = [_offer_end(leg) for leg in _attempts(state)]
    last = state.stays[-1] if state.stays else None
    if last is None or last.left is None or last.given_up is not None:
        return False
    return all(end <= last.left + OVERLAP_SECONDS for end in ends)


def _attempts(state: CallState) -> list[Leg]:
    return [leg for leg in state.legs if leg.dialled_at is not None and not leg.is_guest]


def _offer_end(leg: Leg) -> float:
    """When a phone stopped being offered the call."""
    return min((at for at in (leg.released_at, leg.ended_at) if at is not None), default=float("inf"))


def _outgoing(state: CallState) -> Verdict:
    if state.cast.reached_at is not None:
        return Verdict.ANSWERED
    dialled = [leg for leg in state.legs if not leg.is_caller and state.cast.is_customer(leg)]
    return outcome(dialled[-1]) if dialled else Verdict.MISSED


def outcome(leg: Leg) -> Verdict:
    """What became of the last attempt to reach the outside party."""
    status = leg.dial_status or ""
    cause = leg.request_cause or leg.cause
    refused = leg.requested_at is not None
    if status == "BUSY" or cause in BUSY_CAUSES:
        return Verdict.BUSY
    if status in FAILED_STATUSES or (refused and cause in FAILED_CAUSES):
        return Verdict.FAILED
    if refused and cause == DECLINED and leg.tech_cause not in DECLINED_BY_PERSON:
        return Verdict.FAILED
    return Verdict.MISSED


def ended_by(state: CallState, result: Verdict) -> EndedBy:
    """Who put the receiver down: the first to do so at the end. Nobody: the PBX."""
    talk = state.talk.stretches[-1] if state.talk.stretches else None
    requests = _final_requests(state, talk) if talk is not None else _early_requests(state, result)
    if not requests and talk is not None:
        requests = _guests_requests(state, talk)
    return min(requests, default=(0.0, EndedBy.PBX))[1]


def _early_requests(state: CallState, result: Verdict) -> list[tuple[float, EndedBy]]:
    """Nobody has talked: a phone that refuses ends nothing, the one who called can."""
    if state.cast.direction not in OURS_OUT:
        at = hung_up_at(state)
        return [] if at is None else [(at, EndedBy.CALLER)]
    found: list[tuple[float, EndedBy]] = []
    for leg in state.legs:
        if leg.requested_at is None or not (leg.is_caller or leg.answered_at is not None):
            continue
        if state.cast.is_ours(leg) and not is_turned_away(state, leg):
            found.append((leg.requested_at, EndedBy.AGENT))
        elif result is Verdict.ANSWERED and state.cast.is_customer(leg):
            found.append((leg.requested_at, EndedBy.CALLER))
    return found


def _final_requests(state: CallState, talk: Talk) -> list[tuple[float, EndedBy]]:
    """The customer at any time after the last talk began; one of ours only when the call ended with that talk."""
    found: list[tuple[float, EndedBy]] = []
    over, together = _end_of(state, talk)
    for leg in state.legs:
        at = leg.requested_at
        if at is None or at < talk.start or leg.kind not in PEOPLE:
            continue
        if is_caller_side(state, leg):
            found.append((at, EndedBy.CALLER))
        elif together and at <= over + OVERLAP_SECONDS and leg in talk.legs and not leg.is_guest:
            found.append((at, EndedBy.AGENT))
    return found


def _guests_requests(state: CallState, talk: Talk) -> list[tuple[float, EndedBy]]:
    """Nobody of this call hung up: somebody of ours who has a call of their own (an agent waiting on the line, a
    conference's leader) may have ended it."""
    over, together = _end_of(state, talk)
    return [
        (leg.requested_at, EndedBy.AGENT)
        for leg in talk.legs
        if together and leg.is_guest and leg.kind is LegKind.PHONE
        and leg.requested_at is not None and talk.start <= leg.requested_at <= over + OVERLAP_SECONDS
    ]  # fmt: skip


def _end_of(state: CallState, talk: Talk) -> tuple[float, bool]:
    """When the last talk was over, and whether the call ended with it."""
    over = talk.end if talk.end is not None else state.ended_at
    together = state.ended_at - over < SAME_END_SECONDS or _customer_end(state) - over < SAME_END_SECONDS
    return over, together


def _customer_end(state: CallState) -> float:
    ends = [leg.ended_at for leg in state.legs if leg.ended_at is not None and is_caller_side(state, leg)]
    return max(ends, default=state.ended_at)


def is_caller_side(state: CallState, leg: Leg) -> bool:
    """Whether `ended_by` calls this leg the caller: the outside party, or the calling extension of an internal call."""
    if leg.is_guest:
        return False
    if state.cast.direction is Direction.INTERNAL:
        return leg is state.cast.origin
    return state.cast.is_customer(leg)
