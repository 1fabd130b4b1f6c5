"""One person's screen and how it changes. *Pure.* `diff(old, new)` are the changes a browser must be told and
`patch(old, changes)` is what the browser then has, so that old snapshot + facts = new snapshot; the facts that never
leave the server (drafts, owners, loaded customers) are here too. What is on a screen is decided in `board.py`;
sockets, numbering and storage are not here (`hub.py`, `desk_store.py`)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any

from core.facts import Fact
from server.live.calls_now import CallNow
from server.live.cards import Card, CustomerSummary, Draft, GoneReason, OpenTask, Owner
from server.live.recent import RecentCall

# --- what a screen shows --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class QueueNow:
    """One of a person's queues: how many callers wait and since when the first; whether they are paused there."""

    pbx: str
    name: str
    waiting: int
    oldest_since: float | None
    paused: bool
    pause_reason: str | None


@dataclass(frozen=True, slots=True)
class DeviceNow:
    pbx: str
    device: str
    state: str


@dataclass(frozen=True, slots=True)
class LinkNow:
    """Whether we see a PBX. `since` is when that began, `reason` why it is not so (None before the first link)."""

    pbx: str
    up: bool
    since: float
    reason: str | None


@dataclass(frozen=True, slots=True)
class AgentNow:
    """What a person says of themselves: `available`, `paused` (with a reason) or `wrap_up`."""

    state: str = "available"
    reason: str | None = None
    since: float | None = None


@dataclass(frozen=True, slots=True)
class UserView:
    """One person's screen. Two equal views look the same in every tab."""

    cards: tuple[Card, ...] = ()
    queues: tuple[QueueNow, ...] = ()
    devices: tuple[DeviceNow, ...] = ()
    links: tuple[LinkNow, ...] = ()
    agent: AgentNow = AgentNow()
    recent: tuple[RecentCall, ...] = ()
    tasks: tuple[OpenTask, ...] = ()


PARTS = ("queues", "devices", "links", "agent", "recent", "tasks")
"""What is sent whole when anything in it changed. Cards are sent one by one."""


# --- changes --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class CardSet:
    card: Card


@dataclass(frozen=True, slots=True)
class CardGone:
    """`by` is the person who answered instead; `moved_to` the call this one turned out to belong to."""

    call_id: str
    reason: GoneReason
    by: str | None = None
    moved_to: str | None = None


@dataclass(frozen=True, slots=True)
class PartSet:
    part: str
    value: Any


Change = CardSet | CardGone | PartSet


def diff(old: UserView, new: UserView, gone: Callable[[Card], CardGone]) -> list[Change]:
    """What turns `old` into `new`; `gone` says why a card left."""
    before = {card.call_id: card for card in old.cards}
    after = {card.call_id: card for card in new.cards}
    changes: list[Change] = [gone(card) for call_id, card in before.items() if call_id not in after]
    changes += [CardSet(card) for call_id, card in after.items() if before.get(call_id) != card]
    changes += [
        PartSet(part, getattr(new, part)) for part in PARTS if getattr(old, part) != getattr(new, part)
    ]
    return changes


def patch(view: UserView, changes: Iterable[Change]) -> UserView:
    """What a browser that had `view` has after `changes`."""
    cards = {card.call_id: card for card in view.cards}
    for change in changes:
        match change:
            case CardSet(card):
                cards[card.call_id] = card
            case CardGone(call_id):
                cards.pop(call_id, None)
            case PartSet(part, value):
                view = replace(view, **{part: value})
    return replace(view, cards=in_order(cards.values()))


def in_order(cards: Iterable[Card]) -> tuple[Card, ...]:
    """Oldest call first: a new card never moves the ones people are working on."""
    return tuple(sorted(cards, key=lambda card: (card.started_at, card.call_id)))


# --- facts of this room: they never leave the server ------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class OwnersChanged(Fact):
    """Everybody who has phones, with all their phones. Replaces what was known."""

    owners: tuple[Owner, ...]


@dataclass(frozen=True, slots=True)
class CustomersLoaded(Fact):
    """`relabel` when their names may have changed, so that recent calls must be written anew."""

    customers: tuple[CustomerSummary, ...]
    relabel: bool = False


@dataclass(frozen=True, slots=True)
class DraftSaved(Fact):
    """An agent wrote about a call, or closed its wrap-up (`draft.closed`)."""

    call_id: str
    user_id: int
    draft: Draft


@dataclass(frozen=True, slots=True)
class WrapUpRestored(Fact):
    """A wrap-up that was open when the server stopped."""

    call: CallNow
    user_id: int
    draft: Draft


@dataclass(frozen=True, slots=True)
class RecentLoaded(Fact):
    """A person's recent calls as the log has them."""

    user_id: int
    calls: tuple[RecentCall, ...]


@dataclass(frozen=True, slots=True)
class TasksLoaded(Fact):
    """What a person is to do, the one due first first. Replaces what was known."""

    user_id: int
    tasks: tuple[OpenTask, ...]
