"""What the histories of two customers say once their merge is undone: nothing of the other one. What the merge wrote of
itself goes, and what was written since about rows that go back, or would have, goes back too. A merge and what it moved
in; works inside the undo's transactions, after the rows themselves."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, delete, select, tuple_, update
from sqlalchemy.ext.asyncio import AsyncConnection

from crm_link.changes import What, row_of
from crm_link.merging.holdings import HOLDINGS
from crm_link.merging.journal import Action, Holding, Part, Values, chunks
from crm_link.merging.tables import CustomerMerge
from crm_link.merging.views import MergeView
from crm_link.tables import Customer, CustomerChange

WRITTEN = ((What.NAME, "name"), (What.COMPANY, "company"), (What.OWNER, "owner_id"))
"""What a merge writes into the history of the customer who stays, and of which column."""


def merge_row(merge_id: int) -> str:
    """As the history names a merge."""
    return row_of(CustomerMerge.__tablename__, merge_id)


def text_of(value: object) -> str | None:
    """As the history writes a column's value."""
    return None if value is None else str(value)


async def forget_merge(
    connection: AsyncConnection, merge: MergeView, current: int, parts: Iterable[Part]
) -> None:
    """What it wrote goes; whoever wrote another name since wrote it over the one from before. `current` has everything
    of the kept customer today."""
    since = _since(merge, current)
    await connection.execute(delete(CustomerChange).where(since, CustomerChange.about == merge_row(merge.id)))
    changed = (part for part in parts if part.table == Customer.__tablename__)
    for row in (row for part in changed for row in part.rows):
        for what, name in WRITTEN:
            before, after = text_of(row["before"][name]), text_of(row["after"][name])
            if before != after:
                over = (CustomerChange.what == what.value, CustomerChange.before == after)
                await connection.execute(update(CustomerChange).where(since, *over).values(before=before))


async def send_histories_back(
    connection: AsyncConnection, merge: MergeView, current: int, parts: Sequence[Part]
) -> None:
    """The histories of rows of these parts, but of those that `current` has: somebody decided anew about them."""
    told = select(CustomerChange.id, CustomerChange.about).where(
        _since(merge, current), CustomerChange.about.is_not(None)
    )
    ids: dict[str, list[int]] = {}
    for row in await connection.execute(told):
        ids.setdefault(row.about, []).append(row.id)
    moved = await asyncio.to_thread(_moved, parts, ids.keys())
    for holding, rows in moved:
        gone = rows.keys() - await _held(connection, holding, current, list(rows.values()))
        for some in chunks([one for name in gone for one in ids[name]]):
            back = update(CustomerChange).where(CustomerChange.id.in_(some))
            await connection.execute(back.values(customer_id=merge.merged_id))


def _since(merge: MergeView, current: int) -> ColumnElement[bool]:
    theirs = CustomerChange.customer_id.in_({merge.kept_id, current})
    return theirs & (CustomerChange.at >= merge.merged_at)


def _moved(parts: Sequence[Part], told: Iterable[str]) -> list[tuple[Holding, dict[str, Values]]]:
    """By its name each row that is told of."""
    known = set(told)
    return [
        (
            holding,
            {
                name: row
                for part in parts
                if part.action is Action.MOVED and part.table == holding.table.name
                for row in part.rows
                if (name := _name(holding, row)) in known
            },
        )
        for holding in HOLDINGS
        if known and holding.column == "customer_id"
    ]


async def _held(
    connection: AsyncConnection, holding: Holding, current: int, rows: Sequence[Values]
) -> set[str]:
    columns = holding.columns(*holding.names)
    found: set[str] = set()
    for some in chunks(rows):
        named = tuple_(*columns).in_([tuple(row[name] for name in holding.names) for row in some])
        theirs = await connection.execute(select(*columns).where(holding.belongs_to(current), named))
        found.update(_name(holding, row._mapping) for row in theirs)
    return found


def _name(holding: Holding, row: Mapping[Any, Any]) -> str:
    return row_of(holding.table.name, *(row[name] for name in holding.names))
