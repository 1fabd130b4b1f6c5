"""Whether a merge can be undone now. A merge in; the id of the customer who has everything today out, or the merge that
has to be undone first. Reads only."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from core.errors import ConflictError
from crm_link.fields.tables import CustomerField
from crm_link.merging.holdings import HOLDINGS
from crm_link.merging.journal import Action, Part, read_parts
from crm_link.merging.tables import CustomerMerge
from crm_link.merging.views import MergeView
from crm_link.records import LONGEST_CHAIN
from crm_link.tables import Customer

Mark = tuple[str, tuple[Any, ...]]


async def check_undoable(connection: AsyncConnection, merge: MergeView) -> int:
    """Raises ConflictError when the merge is undone already, when the kept customer was merged with another since, or
    when a later merge let go of something because this one had brought the same."""
    if merge.undone_at is not None:
        raise ConflictError(f"merge {merge.id} is undone already")
    current = await _current(connection, merge.kept_id)
    found = await connection.scalars(
        select(CustomerMerge.id)
        .where(CustomerMerge.kept_id == current, CustomerMerge.undone_at.is_(None))
        .where(CustomerMerge.id > merge.id)
        .order_by(CustomerMerge.id.desc())
    )
    later = found.all()
    # Read only where it is asked for: it may be tens of thousands of rows.
    brought = await asyncio.to_thread(_brought, await read_parts(connection, merge.id)) if later else set()
    for other in later:
        if brought & _relied_on(
            await read_parts(connection, other, actions=(Action.DROPPED, Action.CHANGED))
        ):
            raise _first(other)
    return current


async def _current(connection: AsyncConnection, kept_id: int) -> int:
    """Who has the kept customer's rows today. Not refused when that is because a number was given to somebody (P10):
    such a joining is no merge, and what it moved stays with whom it moved to."""
    current = kept_id
    for _ in range(LONGEST_CHAIN):
        above = select(CustomerMerge.id).where(
            CustomerMerge.merged_id == current, CustomerMerge.undone_at.is_(None)
        )
        blocking = await connection.scalar(above)
        if blocking is not None:
            raise _first(blocking)
        into = await connection.scalar(select(Customer.merged_into_id).where(Customer.id == current))
        if into is None:
            break
        current = into
    return current


def _first(merge_id: int) -> ConflictError:
    return ConflictError(f"a later merge builds on this one: undo merge {merge_id} first")


def _brought(parts: Iterable[Part]) -> set[Mark]:
    """What of this merge could make another row superfluous, and what it changed of the kept customer."""
    return _marks(parts, Action.MOVED)


def _relied_on(parts: Iterable[Part]) -> set[Mark]:
    return _marks(parts, Action.DROPPED)


def _marks(parts: Iterable[Part], action: Action) -> set[Mark]:
    unique = {holding.table.name: holding.alone for holding in HOLDINGS if holding.alone}
    found: set[Mark] = set()
    for part in parts:
        if part.action is action and part.table in unique:
            found.update((part.table, tuple(row[name] for name in unique[part.table])) for row in part.rows)
        if part.action is Action.CHANGED and part.table == CustomerField.__tablename__:
            found.update((part.table, ("value", row["key"]["key"])) for row in part.rows)
        if part.action is Action.CHANGED and part.table == Customer.__tablename__:
            names = ("name", "company", "owner_id")
            found.update(
                (part.table, (name,))
                for row in part.rows
                for name in names
                if row["before"][name] != row["after"][name]
            )
    return found
