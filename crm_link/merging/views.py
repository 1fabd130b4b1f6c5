"""What a merge would do, did, and how it reads: frozen views for pages and the API, and the plain reads behind them.
Nothing is changed here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy import Row, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from core.errors import ConflictError, InvalidInputError, NotFoundError
from crm_link.directory import CustomerView, read_customers
from crm_link.fields.edit import Values, read_values
from crm_link.merging.holdings import HOLDINGS
from crm_link.merging.journal import count_rows
from crm_link.merging.tables import CustomerMerge
from crm_link.records import resolve
from crm_link.timeline import Body, Entry, Position, behind

COUNTED = ("identities", "calls", "notes", "tags", "tasks", "deals", "fields", "number_blocks")
"""What a preview speaks of; the rest follows from these."""

MOST_MOVING = 50_000
"""Rows that one merge moves. It is one transaction, and SQLite has one writer: so many take about 3 seconds, in which
calls that come in wait for their customer."""


class Side(StrEnum):
    """Whose value the kept customer gets."""

    KEPT = "kept"
    MERGED = "merged"


@dataclass(frozen=True, slots=True)
class Choices:
    """Whose name, company and owner stay. None: the kept customer's, unless they have none. `fields` are keys of the
    site's own fields of which the merged customer's value stays, also where the kept one has another."""

    name: Side | None = None
    company: Side | None = None
    owner: Side | None = None
    fields: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Moving:
    """How many rows of one sort would change hands."""

    what: str
    count: int


@dataclass(frozen=True, slots=True)
class MergePreview:
    """`kept` stays, `merged` becomes part of it; `conflicts` names what both have and differ in. `name`, `company` and
    `owner_id` are what the kept one would have with these choices; `values` are both one's own fields as they are."""

    kept: CustomerView
    merged: CustomerView
    moving: tuple[Moving, ...]
    conflicts: tuple[str, ...]
    name: str
    company: str
    owner_id: int | None
    history: tuple[int, int]
    values: tuple[Values, Values]

    @property
    def field_conflicts(self) -> tuple[str, ...]:
        """Keys of the site's own fields that both have and differ in."""
        kept, merged = self.values
        return tuple(sorted(key for key in kept.keys() & merged.keys() if kept[key] != merged[key]))

    @property
    def is_too_large_both_ways(self) -> bool:
        """Whether neither fits into one merge."""
        return min(self.history) > MOST_MOVING

    @property
    def refusal(self) -> str | None:
        """Why these cannot be merged this way round, and what can be done; None when they can."""
        count = sum(one.count for one in self.moving)
        if count <= MOST_MOVING:
            return None
        fix = "keep that customer instead"
        if self.is_too_large_both_ways:
            fix = "both are more than one person's history: move their numbers one by one instead"
        return (
            f"{count} calls, notes and other entries of customer {self.merged.id} would have to move, and at most "
            f"{MOST_MOVING} can at once, because nothing else is written meanwhile; {fix}"
        )


@dataclass(frozen=True, slots=True)
class MergeView:
    """A merge as it was done. `undone_at` is None while it stands."""

    id: int
    kept_id: int
    merged_id: int
    merged_title: str
    merged_at: float
    merged_by: int | None
    calls: int
    notes: int
    undone_at: float | None
    undone_by: int | None


async def read_pair(connection: AsyncConnection, one: int, other: int) -> tuple[CustomerView, CustomerView]:
    """Both as they stand today. Raises NotFoundError, InvalidInputError for one and the same id, ConflictError for
    two ids of one customer."""
    if one == other:
        raise InvalidInputError("a customer cannot be merged with themselves", field="other_id")
    first, second = await resolve(connection, one), await resolve(connection, other)
    if first == second:
        raise ConflictError(f"customers {one} and {other} are one customer already: {first}")
    found = await read_customers(connection, [first, second])
    return found[0], found[1]


async def history_of(connection: AsyncConnection, customer_id: int) -> int:
    """Calls, notes, tasks and deals."""
    return sum([await count_rows(connection, one, customer_id) for one in HOLDINGS if one.is_history])


async def preview_merge(
    connection: AsyncConnection,
    one: int,
    other: int,
    *,
    keep: int | None = None,
    choices: Choices | None = None,
) -> MergePreview:
    """What merging the two would do. The one with more history stays, unless `keep` (an id of one of the two, old ones
    included) says which.

    Raises like `read_pair`, and InvalidInputError when `keep` is neither.
    """
    pair = await read_pair(connection, one, other)
    history = {view.id: await history_of(connection, view.id) for view in pair}
    kept, merged = await _sides(connection, pair, history, keep)
    counts = {holding.name: await count_rows(connection, holding, merged.id) for holding in HOLDINGS}
    values = await read_values(connection, [kept.id, merged.id])
    counts["fields"] = len(values[merged.id].keys() - values[kept.id].keys())
    name, company, owner_id = chosen(kept, merged, choices or Choices())
    return MergePreview(
        kept=kept,
        merged=merged,
        moving=tuple(Moving(what, counts[what]) for what in COUNTED if counts[what]),
        conflicts=tuple(_conflicts(kept, merged)),
        name=name,
        company=company,
        owner_id=owner_id,
        history=(history[kept.id], history[merged.id]),
        values=(values[kept.id], values[merged.id]),
    )


async def _sides(
    connection: AsyncConnection,
    pair: tuple[CustomerView, CustomerView],
    history: dict[int, int],
    keep: int | None,
) -> tuple[CustomerView, CustomerView]:
    if keep is None:
        first, second = sorted(
            pair, key=lambda view: (-history[view.id], view.is_provisional, view.created_at, view.id)
        )
        return first, second
    kept_id = await resolve(connection, keep)
    if kept_id not in history:
        raise InvalidInputError("the customer who stays is one of the two", field="keep")
    return (pair[0], pair[1]) if pair[0].id == kept_id else (pair[1], pair[0])


def chosen(kept: CustomerView, merged: CustomerView, choices: Choices) -> tuple[str, str, int | None]:
    """Name, company and owner of the customer who stays."""

    def pick(side: Side | None, mine: Any, theirs: Any) -> Any:
        return (mine or theirs) if side is None else (mine if side is Side.KEPT else theirs)

    # A provisional customer's name is what the telephone network sent: a name people gave is better.
    named = choices.name
    if named is None and kept.is_provisional and not merged.is_provisional and merged.name:
        named = Side.MERGED
    return (
        pick(named, kept.name, merged.name),
        pick(choices.company, kept.company, merged.company),
        pick(choices.owner, kept.owner_id, merged.owner_id),
    )


def _conflicts(kept: CustomerView, merged: CustomerView) -> list[str]:
    pairs: Sequence[tuple[str, object, object]] = (
        ("name", kept.name, merged.name),
        ("company", kept.company, merged.company),
        ("owner", kept.owner_id, merged.owner_id),
    )
    return [what for what, mine, theirs in pairs if mine and theirs and mine != theirs]


async def read_merge(connection: AsyncConnection, merge_id: int) -> MergeView:
    """Raises NotFoundError."""
    statement = select(*CustomerMerge.__table__.c).where(CustomerMerge.id == merge_id)
    row = (await connection.execute(statement)).one_or_none()
    if row is None:
        raise NotFoundError(f"there is no merge {merge_id}")
    return merge_view(row)


def merge_view(row: Row[Any]) -> MergeView:
    return MergeView(
        id=row.id,
        kept_id=row.kept_id,
        merged_id=row.merged_id,
        merged_title=row.merged_title,
        merged_at=row.merged_at,
        merged_by=row.merged_by,
        calls=row.calls,
        notes=row.notes,
        undone_at=row.undone_at,
        undone_by=row.undone_by,
    )


@dataclass(frozen=True, slots=True)
class MergeBody(Body):
    merge: MergeView


class MergeSource:
    """The merges a customer was part of, for the timeline; undone ones stand with both."""

    kind = "merge"

    async def entries(
        self, connection: AsyncConnection, customer_id: int, before: Position | None, limit: int
    ) -> Sequence[Entry]:
        rows = await connection.execute(
            select(*CustomerMerge.__table__.c)
            .where(
                or_(CustomerMerge.kept_id == customer_id, CustomerMerge.merged_id == customer_id),
                behind(before, self.kind, CustomerMerge.merged_at, CustomerMerge.id),
            )
            .order_by(CustomerMerge.merged_at.desc(), CustomerMerge.id.desc())
            .limit(limit)
        )
        return [
            Entry(row.merged_at, self.kind, row.id, row.merged_by, MergeBody(merge_view(row))) for row in rows
        ]
