"""Who the outside party of a call is, and what changed about customers and the tasks about them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from core.facts.fact import Fact


class MatchKind(StrEnum):
    EXACT = "exact"
    SEVERAL = "several"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class CallMatched(Fact):
    """Who the outside party is. `customer_ids` is ranked, best first; one id for an exact match.

    `created` says that the caller was unknown and became the (provisional) customer named here. `by_block`: nobody
    holds the number itself, it lies in a block of numbers of theirs. `is_picked`: somebody said so, and may say
    otherwise. A withheld number gives UNKNOWN with no ids.
    """

    call_id: str
    at: float
    match: MatchKind
    customer_ids: tuple[int, ...]
    created: bool
    by_block: bool = False
    is_picked: bool = False


@dataclass(frozen=True, slots=True)
class CallerBlocked(Fact):
    """The caller is on the site's block list, for this reason. The call rings and is logged all the same."""

    call_id: str
    at: float
    reason: str


@dataclass(frozen=True, slots=True)
class CallerWelcome(Fact):
    """Whoever put this call's caller on the block list in the call has taken it back."""

    call_id: str
    at: float


@dataclass(frozen=True, slots=True)
class OutsideContact:
    """Somebody in another CRM who has the number of a call. `connector` is that CRM's name in the settings, `url` their
    page there, `seen_at` when the CRM said so, `owner` who is responsible for them there. `is_picked`: of several, the
    one whom the call is with, as an agent said."""

    connector: str
    id: str
    name: str
    company: str
    url: str
    seen_at: float
    owner: str = ""
    is_picked: bool = False


@dataclass(frozen=True, slots=True)
class ContactsFound(Fact):
    """What one other CRM knows of the outside party of a call; no contacts: it knows nobody. Replaces what the same CRM
    said of this call before. `blocked`: that CRM wants calls of this number refused, and says why."""

    call_id: str
    at: float
    connector: str
    contacts: tuple[OutsideContact, ...]
    blocked: str | None = None


@dataclass(frozen=True, slots=True)
class CustomerChanged(Fact):
    """*Durable.* A customer's own data (name, identities, notes, tags) was created or edited."""

    customer_id: int
    at: float


@dataclass(frozen=True, slots=True)
class CustomerMerged(Fact):
    """*Durable.* Two customers were one: `merged_id` became part of `customer_id` and redirects there."""

    customer_id: int
    at: float
    merged_id: int
    merge_id: int


@dataclass(frozen=True, slots=True)
class CustomerUnmerged(Fact):
    """*Durable.* That merge was undone: `merged_id` is a customer of its own again."""

    customer_id: int
    at: float
    merged_id: int
    merge_id: int


class RemovalReason(StrEnum):
    ERASED = "erased"
    EXPIRED = "expired"
    IMPORT_UNDONE = "import_undone"


@dataclass(frozen=True, slots=True)
class CustomerRemoved(Fact):
    """*Durable.* There is no such customer any more: erased on their request, an unknown caller whom nothing ever
    identified, or made by an import that was taken back. A merge is none: there the id leads on."""

    customer_id: int
    at: float
    reason: RemovalReason


@dataclass(frozen=True, slots=True)
class TaskChanged(Fact):
    """A task was made, edited, done or removed: screens that show it read it anew. `user_ids` are the people on whose
    lists it stands, or stood until now."""

    task_id: int
    at: float
    customer_id: int
    user_ids: tuple[int, ...]
