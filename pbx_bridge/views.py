"""A call as others see it at one moment, and the facts that lead from one such view to the next.

*Pure.* Facts are drawn from differences, so an event that repeats, arrives late or changes nothing says nothing twice.
In: a `CallState`. Out: facts in the order of a story: who is it, where does it wait, who answered, who stopped."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from core.facts import (
    AgentLeft,
    CallAnswered,
    CallbackDeclined,
    CallDequeued,
    CallDescribed,
    CallerLeftByKey,
    CallHeld,
    CallQueued,
    CallResumed,
    CallTransferred,
    CustomerDialled,
    Direction,
    Fact,
    NoticePlayed,
    Parties,
    Phone,
    PhoneRinging,
    PhoneStopped,
    StopReason,
    Transfer,
    attempt_of,
)
from pbx_bridge.call_state import CallState
from pbx_bridge.legs import Leg, LegKind, LegState

REFUSALS = frozenset({"BUSY"})
PBX_STATUSES = frozenset({"CONGESTION", "CHANUNAVAIL", "INVALIDARGS"})
ANSWERED_ELSEWHERE_CAUSE = 26


@dataclass(frozen=True, slots=True)
class View:
    """What the screens know of a call. Phones are keyed by device."""

    parties: Parties | None = None
    queue: str | None = None
    ringing: Mapping[str, Phone] = field(default_factory=dict)
    connected: Mapping[str, Phone] = field(default_factory=dict)
    held: frozenset[str] = frozenset()
    transfers: tuple[Transfer, ...] = ()
    customer_dialled: bool = False
    declined: bool = False
    call_me: int = 0
    """How often the caller left a queue by the key for "call me back"."""
    notices: int = 0


NOTHING_YET = View()


def view_of(state: CallState) -> View:
    """The call at this moment."""
    connected = dict(state.talk.connected)
    ringing: dict[str, Phone] = {}
    held: set[str] = set()
    for leg in state.legs:
        if not leg.is_live or leg.kind is LegKind.LOCAL or leg.kind is LegKind.INNER or leg.is_guest:
            continue
        if leg.state is LegState.ANSWERED and _was_asked_first(state, leg):
            phone = state.cast.phone(leg)
            connected.setdefault(phone.device, phone)
        elif leg.is_offered:
            if state.cast.is_ours(leg):
                phone = state.cast.phone(leg)
                ringing[phone.device] = phone
        elif _is_between(state, leg):
            phone = state.cast.phone(leg)
            (connected if leg.was_connected else ringing).setdefault(phone.device, phone)
        if leg.is_held and leg.device in connected:
            held.add(leg.device)
    for device in connected:
        ringing.pop(device, None)
    return View(
        state.cast.parties(),
        state.waiting_in,
        ringing,
        connected,
        frozenset(held),
        state.transfers.done(state.last_at),
        state.cast.customer_dialled,
        state.declined_at is not None,
        len(state.call_me),
        len(state.notices),
    )


def _is_between(state: CallState, leg: Leg) -> bool:
    """A phone of ours that is lifted, in no bridge for some milliseconds: on its way to its first one (it still counts
    as ringing), or from one to the next, as in a transfer (it never left)."""
    has_part = leg.was_connected or not leg.is_caller
    on_its_way = leg.state is LegState.ANSWERED and leg.bridge is None and has_part
    stays = leg.requested_at is None and leg.soft_at is None
    return on_its_way and stays and state.cast.is_ours(leg)


def _was_asked_first(state: CallState, leg: Leg) -> bool:
    """The agent of a callback or of an Originate: in the call from the answer on, before anybody else is."""
    if leg.is_caller or not state.cast.is_ours(leg):
        return False
    if state.cast.direction is Direction.CALLBACK:
        return True
    return leg is state.cast.origin and leg.kind is LegKind.PHONE


def facts_between(
    old: View, new: View, state: CallState, pbx: str, call_id: str, at: float
) -> Iterator[Fact]:
    """What to tell of the step from `old` to `new`."""
    if old.parties is not None and new.parties is not None and old.parties != new.parties:
        yield CallDescribed(call_id, at, new.parties)
    for transfer in new.transfers[len(old.transfers) :]:
        yield CallTransferred(call_id, at, transfer)
    if old.queue is not None and old.queue != new.queue:
        yield CallDequeued(call_id, at, old.queue)
    if new.queue is not None and old.queue != new.queue:
        yield CallQueued(call_id, at, new.queue)
    for stay in state.call_me[old.call_me :]:
        number = None if new.parties is None else new.parties.customer_number
        yield CallerLeftByKey(call_id, pbx, at, stay.name, number, stay.position, stay.joined)
    for notice in state.notices[old.notices :]:
        yield NoticePlayed(call_id, at, notice.prompt, notice.whole)
    yield from _phones_between(old, new, state, call_id, at)
    if new.customer_dialled and not old.customer_dialled:
        yield CustomerDialled(call_id, at)
    attempt = attempt_of(call_id)
    if new.declined and not old.declined and attempt is not None:
        yield CallbackDeclined(attempt, pbx, at)
    for device in sorted(new.held - old.held):
        yield CallHeld(call_id, at, new.connected[device])
    for device in sorted(old.held - new.held):
        if device in new.connected:
            yield CallResumed(call_id, at, new.connected[device])


def _phones_between(old: View, new: View, state: CallState, call_id: str, at: float) -> Iterator[Fact]:
    for device, phone in new.connected.items():
        if device not in old.connected:
            yield CallAnswered(call_id, at, phone)
    for device, phone in old.ringing.items():
        if device not in new.ringing and device not in new.connected:
            yield PhoneStopped(call_id, at, phone, stop_reason(state, device))
    for device, phone in old.connected.items():
        if device not in new.connected:
            yield AgentLeft(call_id, at, phone)
    for device, phone in new.ringing.items():
        if device not in old.ringing and device not in old.connected:
            yield PhoneRinging(call_id, at, phone)


def may_be_moving(state: CallState, device: str) -> bool:
    """A leg of this phone lives, was connected, and nobody has asked to hang it up."""
    return any(
        leg.is_live and leg.was_connected and leg.requested_at is None and leg.soft_at is None
        for leg in state.legs
        if not leg.is_guest and _fits(state, leg, device)
    )  # fmt: skip


def stop_reason(state: CallState, device: str) -> StopReason:
    """Why a phone rings no more, though its owner did not take the call."""
    legs = [
        leg
        for leg in state.legs
        if not leg.is_guest and leg.kind is not LegKind.LOCAL and _fits(state, leg, device)
    ]
    leg = max(legs, key=lambda one: (one.rang_at or one.born, one.uniqueid), default=None)
    if leg is None:
        return StopReason.PBX
    if leg.dial_status == "FORWARD":
        return StopReason.FORWARDED
    if leg.dial_status in REFUSALS:
        return StopReason.REFUSED if leg.rang_at is not None else StopReason.BUSY
    if leg.requested_at is not None:
        return StopReason.REFUSED
    if leg.dial_status in PBX_STATUSES:
        return StopReason.PBX
    return _not_refused(state, leg)


def _fits(state: CallState, leg: Leg, device: str) -> bool:
    return leg.device == device or (leg.kind is LegKind.TRUNK and state.cast.phone(leg).device == device)


def _not_refused(state: CallState, leg: Leg) -> StopReason:
    """The caller's side or the PBX ended the ringing."""
    if leg.cause == ANSWERED_ELSEWHERE_CAUSE:
        return StopReason.ANSWERED_ELSEWHERE
    origin = state.cast.origin
    if not state.talk.stretches and origin is not None and origin.requested_at is not None:
        return StopReason.CALLER_GONE
    if _somebody_answered(state, leg):
        return StopReason.ANSWERED_ELSEWHERE
    return StopReason.CALLER_GONE if origin is not None and not origin.is_live else StopReason.TIMEOUT


def _somebody_answered(state: CallState, leg: Leg) -> bool:
    """Another phone that rang at the same time was lifted."""
    since = leg.dialled_at or leg.born
    return any(
        other is not leg and not other.is_caller and other.kind is not LegKind.LOCAL
        and any(at is not None and at >= since for at in (other.answered_at, other.up_at))
        for other in state.legs
    )  # fmt: skip
