"""Pure. A number and the customers who hold it in; *exact*, *several* or *unknown* out (P8). Several are ranked,
never cut down to the first: an agent picks. Who holds a block around the number counts only where nobody holds the
number itself. Finding the candidates and keeping the answer is not done here."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from core.facts import MatchKind

MAX_CANDIDATES = 20
"""A card cannot usefully show more. A number with more holders is a switchboard: search by name instead."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A customer who holds the number, with what ranks them. `last_contact_at` is an instant, 0 for never; `is_owed`:
    we have promised to call them."""

    customer_id: int
    is_provisional: bool = False
    was_picked: bool = False
    last_contact_at: float = 0.0
    owner_id: int | None = None
    is_owed: bool = False


@dataclass(frozen=True, slots=True)
class Exact:
    """One customer holds the number, or (`by_block`) the block around it."""

    customer_id: int
    by_block: bool = False


@dataclass(frozen=True, slots=True)
class Several:
    """More than one customer holds it; the likeliest first, as a suggestion only."""

    customer_ids: tuple[int, ...]
    by_block: bool = False


@dataclass(frozen=True, slots=True)
class Unknown:
    """Nobody holds it, or there is no number."""


Match = Exact | Several | Unknown


def match(number: str | None, candidates: Iterable[Candidate], *, by_block: bool = False) -> Match:
    """`number` in E.164 (None when withheld, which never matches) and those who hold it (`by_block`: the block around
    it) to a verdict."""
    if number is None:
        return Unknown()
    ranked = tuple(candidate.customer_id for candidate in sorted(candidates, key=_likeliest_first))
    match ranked:
        case ():
            return Unknown()
        case (only,):
            return Exact(only, by_block)
        case _:
            return Several(ranked[:MAX_CANDIDATES], by_block)


def _likeliest_first(candidate: Candidate) -> tuple[bool, bool, bool, float, bool, int]:
    """The earlier pick for this number, then people over provisional records, then whom we owe a call, then the latest
    contact, then those somebody is responsible for; the id last, so that equal candidates keep their order from call
    to call."""
    return (
        not candidate.was_picked,
        candidate.is_provisional,
        not candidate.is_owed,
        -candidate.last_contact_at,
        candidate.owner_id is None,
        candidate.customer_id,
    )


def kind_of(result: Match) -> MatchKind:
    return {Exact: MatchKind.EXACT, Several: MatchKind.SEVERAL, Unknown: MatchKind.UNKNOWN}[type(result)]


def ids_of(result: Match) -> tuple[int, ...]:
    """The customers of a match, ranked."""
    match result:
        case Exact(customer_id=only):
            return (only,)
        case Several(customer_ids=ranked):
            return ranked
        case Unknown():
            return ()


def is_by_block(result: Match) -> bool:
    """Whether only a block around the number led to the customers."""
    return not isinstance(result, Unknown) and result.by_block
