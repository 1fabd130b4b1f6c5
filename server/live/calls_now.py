"""Facts about one call in, the call as it stands now out. *Pure*: `fold(call, fact)` gives a new `CallNow`, the old
one stays as it was. Who is logged in, which card a person sees and what a browser is told is not decided here
(`snapshot.py`); what a PBX event means is not either (`pbx_bridge/calls.py`)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from core.facts import (
    AgentLeft,
    CallAnswered,
    CallDequeued,
    CallDescribed,
    CallEnded,
    CallerBlocked,
    CallerWelcome,
    CallHeld,
    CallMatched,
    CallQueued,
    CallResumed,
    CallStarted,
    CallTransferred,
    ContactsFound,
    CustomerDialled,
    Fact,
    MatchKind,
    OutsideContact,
    Parties,
    Phone,
    PhoneRinging,
    PhoneStopped,
    RecordingPaused,
    StopReason,
    Transfer,
)
from server.live.callback_card import CallbackKnown, CallbackSummary


class PhoneState(StrEnum):
    """What one phone does in one call. LEFT: its owner talked and no longer does. STOPPED: rang only."""

    RINGING = "ringing"
    TALKING = "talking"
    HELD = "held"
    LEFT = "left"
    STOPPED = "stopped"


CONNECTED = frozenset({PhoneState.TALKING, PhoneState.HELD})


@dataclass(frozen=True, slots=True)
class PhoneNow:
    """One phone in one call. `since` is when `state` began; `answered_at` the first time its owner was connected."""

    phone: Phone
    state: PhoneState
    since: float
    answered_at: float | None = None
    stopped: StopReason | None = None


@dataclass(frozen=True, slots=True)
class CallNow:
    """A call in progress, or one that ended and still has a wrap-up open. `phones` is in order of first ring."""

    call_id: str
    pbx: str
    started_at: float
    parties: Parties
    queue: str | None = None
    waiting_in: str | None = None
    waiting_since: float | None = None
    phones: tuple[PhoneNow, ...] = ()
    transfers: tuple[Transfer, ...] = ()
    match: MatchKind | None = None
    customer_ids: tuple[int, ...] = ()
    created: bool = field(default=False)
    by_block: bool = False
    is_picked: bool = False
    ended_at: float | None = None
    customer_dialled_at: float | None = None
    callback: CallbackSummary | None = None
    recording_paused_until: float | None = None
    contacts: tuple[OutsideContact, ...] = ()
    blocked: str | None = None

    def phone(self, device: str) -> PhoneNow | None:
        return next((one for one in self.phones if one.phone.device == device), None)

    def connected(self) -> tuple[PhoneNow, ...]:
        """The phones whose owners are in the conversation."""
        return tuple(one for one in self.phones if one.state in CONNECTED)

    def with_phone(self, now: PhoneNow) -> CallNow:
        """The call with that phone's state replaced, or added at the end."""
        if self.phone(now.phone.device) is None:
            return replace(self, phones=(*self.phones, now))
        phones = tuple(now if one.phone.device == now.phone.device else one for one in self.phones)
        return replace(self, phones=phones)


def _described(call: CallNow, fact: CallDescribed) -> CallNow:
    return replace(call, parties=fact.parties)


def _queued(call: CallNow, fact: CallQueued) -> CallNow:
    return replace(call, queue=fact.queue, waiting_in=fact.queue, waiting_since=fact.at)


def _dequeued(call: CallNow, fact: CallDequeued) -> CallNow:
    if call.waiting_in != fact.queue:
        return call
    return replace(call, waiting_in=None, waiting_since=None)


def _ringing(call: CallNow, fact: PhoneRinging) -> CallNow:
    now = call.phone(fact.phone.device)
    if now is not None and now.state in (*CONNECTED, PhoneState.RINGING):
        return call
    answered_at = now.answered_at if now else None
    return call.with_phone(PhoneNow(fact.phone, PhoneState.RINGING, fact.at, answered_at))


def _stopped(call: CallNow, fact: PhoneStopped) -> CallNow:
    now = call.phone(fact.phone.device)
    if now is None or now.state is not PhoneState.RINGING:
        return call
    return call.with_phone(_no_longer(now, fact.at, fact.reason))


def _no_longer(now: PhoneNow, at: float, reason: StopReason | None) -> PhoneNow:
    # A phone that talked, was rung again and did not answer has still talked: its owner owes a wrap-up.
    state = PhoneState.STOPPED if now.answered_at is None else PhoneState.LEFT
    return replace(now, state=state, since=at, stopped=reason)


def _answered(call: CallNow, fact: CallAnswered) -> CallNow:
    now = call.phone(fact.phone.device)
    if now is not None and now.state in CONNECTED:
        return call
    first = now.answered_at if now and now.answered_at is not None else fact.at
    return call.with_phone(PhoneNow(fact.phone, PhoneState.TALKING, fact.at, first))


def _held(call: CallNow, fact: CallHeld) -> CallNow:
    return _switch(call, fact.phone, PhoneState.TALKING, PhoneState.HELD, fact.at)


def _resumed(call: CallNow, fact: CallResumed) -> CallNow:
    return _switch(call, fact.phone, PhoneState.HELD, PhoneState.TALKING, fact.at)


def _switch(call: CallNow, phone: Phone, old: PhoneState, new: PhoneState, at: float) -> CallNow:
    now = call.phone(phone.device)
    if now is None or now.state is not old:
        return call
    return call.with_phone(replace(now, state=new, since=at))


def _left(call: CallNow, fact: AgentLeft) -> CallNow:
    now = call.phone(fact.phone.device)
    if now is None:
        # Who placed an internal or outbound call is known by extension only until they are heard of here.
        return call.with_phone(PhoneNow(fact.phone, PhoneState.STOPPED, fact.at))
    if now.state not in (*CONNECTED, PhoneState.RINGING):
        return call
    return call.with_phone(_no_longer(now, fact.at, None))


def _transferred(call: CallNow, fact: CallTransferred) -> CallNow:
    if fact.transfer in call.transfers:
        return call
    return replace(call, transfers=(*call.transfers, fact.transfer))


def _matched(call: CallNow, fact: CallMatched) -> CallNow:
    return replace(
        call,
        match=fact.match,
        customer_ids=fact.customer_ids,
        created=fact.created,
        by_block=fact.by_block,
        is_picked=fact.is_picked,
    )


def _blocked(call: CallNow, fact: CallerBlocked) -> CallNow:
    return replace(call, blocked=f"On the block list: {fact.reason}")


def _welcome(call: CallNow, _fact: CallerWelcome) -> CallNow:
    return replace(call, blocked=None)


def _contacts_found(call: CallNow, fact: ContactsFound) -> CallNow:
    others = tuple(one for one in call.contacts if one.connector != fact.connector)
    return replace(call, contacts=(*others, *fact.contacts), blocked=call.blocked or fact.blocked)


def _customer_dialled(call: CallNow, fact: CustomerDialled) -> CallNow:
    return call if call.customer_dialled_at is not None else replace(call, customer_dialled_at=fact.at)


def _callback_known(call: CallNow, fact: CallbackKnown) -> CallNow:
    return replace(call, callback=fact.callback)


def _recording_paused(call: CallNow, fact: RecordingPaused) -> CallNow:
    return replace(call, recording_paused_until=fact.until)


def _ended(call: CallNow, fact: CallEnded) -> CallNow:
    record = fact.record
    parties = Parties(
        record.direction, record.caller, record.caller_name, record.callee, record.customer_number
    )
    active = (*CONNECTED, PhoneState.RINGING)
    phones = tuple(_no_longer(one, fact.at, None) if one.state in active else one for one in call.phones)
    return replace(
        call, parties=parties, phones=phones, waiting_in=None, waiting_since=None, ended_at=record.ended_at
    )


FOLDS: Mapping[type[Fact], Callable[[CallNow, Any], CallNow]] = {
    CallDescribed: _described,
    CallQueued: _queued,
    CallDequeued: _dequeued,
    PhoneRinging: _ringing,
    PhoneStopped: _stopped,
    CallAnswered: _answered,
    CallHeld: _held,
    CallResumed: _resumed,
    AgentLeft: _left,
    CallTransferred: _transferred,
    CallMatched: _matched,
    CallerBlocked: _blocked,
    CallerWelcome: _welcome,
    ContactsFound: _contacts_found,
    CustomerDialled: _customer_dialled,
    CallbackKnown: _callback_known,
    RecordingPaused: _recording_paused,
    CallEnded: _ended,
}
"""What each fact does to the call it is about. Starting and joining calls needs more than one call: `joined`."""


AFTERWARDS = (CallMatched, CallerBlocked, CallerWelcome, ContactsFound, CallbackKnown)
"""What may still be learnt of a call that is over."""


def started(fact: CallStarted) -> CallNow:
    return CallNow(fact.call_id, fact.pbx, fact.at, fact.parties)


def fold(call: CallNow, fact: Fact) -> CallNow:
    """The call after `fact`; unchanged (the very same object) when the fact says nothing new about it."""
    change = FOLDS.get(type(fact))
    if change is None or (call.ended_at is not None and not isinstance(fact, AFTERWARDS)):
        return call
    return change(call, fact)


PRESENCE = {
    PhoneState.TALKING: 4,
    PhoneState.HELD: 3,
    PhoneState.RINGING: 2,
    PhoneState.LEFT: 1,
    PhoneState.STOPPED: 0,
}
"""Where one phone is in both of two joined calls, the livelier state is the true one."""


def joined(call: CallNow, absorbed: CallNow) -> CallNow:
    """`call` with the people of `absorbed` (a consultation about it), as `CallsJoined` says."""
    result = call
    for theirs in absorbed.phones:
        ours = result.phone(theirs.phone.device)
        if ours is None or PRESENCE[theirs.state] > PRESENCE[ours.state]:
            first = ours.answered_at if ours and ours.answered_at is not None else theirs.answered_at
            result = result.with_phone(replace(theirs, answered_at=first))
    transfers = tuple(one for one in absorbed.transfers if one not in call.transfers)
    contacts = call.contacts or absorbed.contacts
    return replace(
        result,
        transfers=call.transfers + transfers,
        contacts=contacts,
        blocked=call.blocked or absorbed.blocked,
    )
