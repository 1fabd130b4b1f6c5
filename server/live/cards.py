"""A call as it stands and one person in, the card that person sees out. *Pure.* The card is the whole truth of a
screen pop: who the customer is, where the call comes from, what colleagues noted, what this person wrote so far.
Folding facts is done in `calls_now.py`, the rest of a person's screen in `snapshot.py`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

from core.accounts import UserDevice
from core.facts import Direction, MatchKind, OutsideContact, StopReason, Transfer, TransferKind
from server.live.callback_card import CallbackSummary
from server.live.calls_now import CONNECTED, PRESENCE, CallNow, PhoneNow, PhoneState


class CardState(StrEnum):
    DIALLING = "dialling"
    RINGING = "ringing"
    TALKING = "talking"
    HELD = "held"
    WRAP_UP = "wrap_up"


@dataclass(frozen=True, slots=True)
class Owner:
    """A person with phones. `devices` are (pbx, device), `extensions` (pbx, extension); `phones` are the pairs."""

    user_id: int
    name: str
    devices: frozenset[tuple[str, str]]
    extensions: frozenset[tuple[str, str]]
    phones: tuple[UserDevice, ...] = ()


@dataclass(frozen=True, slots=True)
class PastCall:
    """An earlier call with a customer, as one line of a card."""

    call_id: str
    at: float
    direction: str
    result: str | None
    agent: str | None
    disposition: str | None
    note: str | None


@dataclass(frozen=True, slots=True)
class Note:
    """What somebody wrote: about the customer, or (a colleague) in the same call."""

    by: str | None
    text: str
    at: float | None
    pinned: bool = False


@dataclass(frozen=True, slots=True)
class OpenTask:
    """A task that is still to be done. `by` is who has it, `call_id` the call it came up in."""

    id: int
    title: str
    due_at: float
    customer_id: int
    customer: str
    by: str | None
    call_id: str | None = None


@dataclass(frozen=True, slots=True)
class PendingDeal:
    """A deal or order the caller may be calling about. `money` is written out; `call_ids` were about it."""

    id: int
    kind: str
    title: str
    state: str
    money: str
    link: str
    call_ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class FieldLine:
    """One of the site's own fields with its value, as people read it; `link` when it leads somewhere."""

    label: str
    words: str
    link: str | None = None


@dataclass(frozen=True, slots=True)
class CustomerSummary:
    """What a card shows of a customer. `provisional`: made from an unknown number, nobody has named them yet."""

    id: int
    name: str | None
    provisional: bool = False
    company: str | None = None
    tags: tuple[str, ...] = ()
    notes: tuple[Note, ...] = ()
    past: tuple[PastCall, ...] = ()
    last_contact_at: float | None = None
    owner_id: int | None = None
    owner: str | None = None
    tasks: tuple[OpenTask, ...] = ()
    deals: tuple[PendingDeal, ...] = ()
    fields: tuple[FieldLine, ...] = ()


@dataclass(frozen=True, slots=True)
class Draft:
    """What an agent has written about a call so far; `closed` once the wrap-up is saved."""

    note: str = ""
    disposition: str | None = None
    saved_at: float | None = None
    closed: bool = False


@dataclass(frozen=True, slots=True)
class TransferredBy:
    kind: TransferKind
    extension: str
    name: str | None
    at: float


@dataclass(frozen=True, slots=True)
class Card:
    """One call on one person's screen. `since` is when `state` began; `number` is the other party: the customer in
    E.164, an outside number as dialled, or a colleague's extension (then `colleague` is that person's name)."""

    call_id: str
    state: CardState
    since: float
    started_at: float
    direction: Direction
    number: str | None
    caller_name: str | None
    colleague: str | None
    dialled: str | None
    queue: str | None
    extension: str
    answered_at: float | None = None
    match: MatchKind | None = None
    by_block: bool = False
    is_picked: bool = False
    customers: tuple[CustomerSummary, ...] = ()
    transferred: TransferredBy | None = None
    notes: tuple[Note, ...] = ()
    draft: Draft = field(default_factory=Draft)
    customer_dialled_at: float | None = None
    callback: CallbackSummary | None = None
    recording_paused_until: float | None = None
    contacts: tuple[OutsideContact, ...] = ()
    blocked: str | None = None


@dataclass(frozen=True, slots=True)
class Known:
    """What the board knows beside the calls: names by (pbx, extension), customers by id, drafts by (call, user)."""

    people: Mapping[tuple[str, str], str]
    names: Mapping[int, str]
    customers: Mapping[int, CustomerSummary]
    drafts: Mapping[str, Mapping[int, Draft]]


def my_phone(call: CallNow, owner: Owner) -> PhoneNow | None:
    """The liveliest of the owner's phones in this call."""
    mine = [one for one in call.phones if (call.pbx, one.phone.device) in owner.devices]
    return max(mine, key=lambda one: PRESENCE[one.state], default=None)


def card_for(call: CallNow, owner: Owner, known: Known) -> Card | None:
    """The card of `call` on this person's screen, or None when it does not concern them (rule P5)."""
    mine = my_phone(call, owner)
    placed = _placed_by(call, owner)
    draft = known.drafts.get(call.call_id, {}).get(owner.user_id, Draft())
    state = _placed_state(call) if mine is None and placed else _state(call, mine, draft)
    if state is None:
        return None
    internal = call.parties.direction is Direction.INTERNAL
    # Of a call that goes out the PBX knows our own agent's name.
    caller_name = call.parties.caller_name if call.parties.direction is Direction.INBOUND else None
    other = _other_party(call, placed)
    return Card(
        call_id=call.call_id,
        state=state,
        since=mine.since if mine else _placed_since(call),
        started_at=call.started_at,
        direction=call.parties.direction,
        number=other,
        caller_name=caller_name,
        colleague=known.people.get((call.pbx, other or "")) if internal else None,
        dialled=call.parties.callee,
        queue=call.queue,
        extension=mine.phone.extension if mine else (call.parties.caller or ""),
        answered_at=mine.answered_at if mine else _placed_answer(call),
        match=call.match,
        by_block=call.by_block,
        is_picked=call.is_picked,
        customers=_customers(call, known),
        transferred=_transferred(call, owner, known),
        notes=_notes(call, owner, known),
        draft=draft,
        customer_dialled_at=call.customer_dialled_at,
        callback=call.callback,
        recording_paused_until=call.recording_paused_until,
        contacts=call.contacts,
        blocked=call.blocked,
    )


def _state(call: CallNow, mine: PhoneNow | None, draft: Draft) -> CardState | None:
    if mine is None or mine.state is PhoneState.STOPPED:
        return None
    if mine.state is not PhoneState.LEFT:
        return CardState(mine.state.value)
    # Colleagues owe no wrap-up to each other.
    over = draft.closed or call.parties.direction is Direction.INTERNAL
    return None if over else CardState.WRAP_UP


def _placed_by(call: CallNow, owner: Owner) -> bool:
    """Whether this person called: the PBX names the caller of such a call by extension only."""
    ours = call.parties.direction in (Direction.OUTBOUND, Direction.INTERNAL)
    return ours and (call.pbx, call.parties.caller or "") in owner.extensions


def _placed_state(call: CallNow) -> CardState | None:
    if call.ended_at is not None:
        return None
    return CardState.TALKING if call.connected() else CardState.DIALLING


def _placed_answer(call: CallNow) -> float | None:
    return min((one.since for one in call.connected()), default=None)


def _placed_since(call: CallNow) -> float:
    answer = _placed_answer(call)
    return call.started_at if answer is None else answer


def _other_party(call: CallNow, placed: bool) -> str | None:
    parties = call.parties
    if parties.direction is Direction.INTERNAL:
        return parties.callee if placed else parties.caller
    if parties.direction is Direction.INBOUND:
        return parties.customer_number or parties.caller
    return parties.customer_number or parties.callee


def _customers(call: CallNow, known: Known) -> tuple[CustomerSummary, ...]:
    found = (known.customers.get(one) for one in call.customer_ids)
    return tuple(_without(one, call.call_id) for one in found if one is not None)


def _without(customer: CustomerSummary, call_id: str) -> CustomerSummary:
    """The call of a card is not one of the earlier calls on it."""
    earlier = tuple(one for one in customer.past if one.call_id != call_id)
    return customer if len(earlier) == len(customer.past) else replace(customer, past=earlier)


def _transferred(call: CallNow, owner: Owner, known: Known) -> TransferredBy | None:
    """Who handed the call on last, unless it was the owner of this screen (rule P3)."""
    if not call.transfers:
        return None
    last: Transfer = max(call.transfers, key=lambda one: one.at)
    key = (call.pbx, last.from_extension)
    if key in owner.extensions:
        return None
    return TransferredBy(last.kind, last.from_extension, known.people.get(key), last.at)


def _notes(call: CallNow, owner: Owner, known: Known) -> tuple[Note, ...]:
    written = known.drafts.get(call.call_id, {})
    notes = [
        Note(known.names.get(user_id, "a colleague"), draft.note, draft.saved_at)
        for user_id, draft in written.items()
        if user_id != owner.user_id and draft.note.strip()
    ]
    return tuple(sorted(notes, key=lambda note: (note.at or 0.0, note.by)))


class GoneReason(StrEnum):
    """Why a card left the screen; the first seven are the PBX room's reasons for a phone that stopped ringing."""

    ANSWERED_ELSEWHERE = StopReason.ANSWERED_ELSEWHERE.value
    CALLER_GONE = StopReason.CALLER_GONE.value
    REFUSED = StopReason.REFUSED.value
    BUSY = StopReason.BUSY.value
    TIMEOUT = StopReason.TIMEOUT.value
    FORWARDED = StopReason.FORWARDED.value
    PBX = StopReason.PBX.value
    JOINED = "joined"
    SAVED = "saved"
    ENDED = "ended"
    LEFT = "left"


def why_gone(card: Card, call: CallNow | None, owner: Owner) -> GoneReason:
    """Why this person's card of `call` is no more; `call` as it stands now, or None when nobody knows it."""
    if card.state is CardState.WRAP_UP:
        return GoneReason.SAVED
    mine = my_phone(call, owner) if call else None
    if mine is not None and mine.stopped is not None:
        return GoneReason(mine.stopped.value)
    return GoneReason.LEFT if call is not None and call.ended_at is None else GoneReason.ENDED


def answerer(call: CallNow | None, known: Known) -> str | None:
    """The name (or extension) of the person who was connected last, for "answered by …"."""
    talking = [one for one in call.phones if one.state in CONNECTED] if call else []
    if call is None or not talking:
        return None
    last = max(talking, key=lambda one: one.since)
    return known.people.get((call.pbx, last.phone.extension), last.phone.extension)
