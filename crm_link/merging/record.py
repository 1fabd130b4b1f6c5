"""The two customers' own rows in a merge and its undo: name, company, owner, whether anybody has named them, the words
they are found by, and the redirect. What belongs to them is `journal.py`'s."""

from __future__ import annotations

from collections.abc import Iterable
from typing import cast

from sqlalchemy import Table, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from core.accounts import find_user
from crm_link.changes import Change
from crm_link.merging.history import WRITTEN, merge_row, text_of
from crm_link.merging.journal import Action, Holding, Part, Values, change_back
from crm_link.merging.views import MergePreview, MergeView
from crm_link.records import store_words, touch_contact
from crm_link.tables import Customer

RECORD = Holding("record", cast(Table, Customer.__table__), key=("id",), column="id")


async def change_record(connection: AsyncConnection, plan: MergePreview) -> Part:
    """Write what was chosen, let the old id redirect; returns it for the journal."""
    kept, merged = plan.kept, plan.merged
    owner_id = plan.owner_id
    if owner_id is not None and await find_user(connection, owner_id) is None:
        owner_id = kept.owner_id
    before: Values = {
        "name": kept.name,
        "company": kept.company,
        "owner_id": kept.owner_id,
        "is_provisional": kept.is_provisional,
        "last_contact_at": kept.last_contact_at or 0.0,
    }
    after: Values = {
        "name": plan.name,
        "company": plan.company,
        "owner_id": owner_id,
        "is_provisional": kept.is_provisional and merged.is_provisional,
        "last_contact_at": max(kept.last_contact_at or 0.0, merged.last_contact_at or 0.0),
    }
    await connection.execute(update(Customer).where(Customer.id == kept.id).values(**after))
    await connection.execute(update(Customer).where(Customer.id == merged.id).values(merged_into_id=kept.id))
    await store_words(connection, kept.id, plan.name, plan.company)
    await store_words(connection, merged.id)
    row = {"key": {"id": kept.id}, "before": before, "after": after}
    return Part(Action.CHANGED, Customer.__tablename__, [row])


def history_of_record(record: Part, merge_id: int) -> list[Change]:
    """What a merge changed, for the timeline. It goes when the merge is undone: it names the other customer."""
    (row,) = record.rows
    before, after = row["before"], row["after"]
    return [
        Change(what, text_of(before[name]), text_of(after[name]), merge_row(merge_id))
        for what, name in WRITTEN
        if before[name] != after[name]
    ]


async def restore_record(
    connection: AsyncConnection, merge: MergeView, current: int, parts: Iterable[Part]
) -> None:
    """The old id is a customer of its own again; `current` gets back what the merge changed of it, column by column,
    where nobody changed it since."""
    await connection.execute(
        update(Customer).where(Customer.id == merge.merged_id).values(merged_into_id=None)
    )
    changed = (part for part in parts if part.table == Customer.__tablename__)
    for row in (row for part in changed for row in part.rows):
        if current == merge.kept_id:
            await _change_back(connection, current, row)
    for customer_id in (merge.merged_id, current):
        names = select(Customer.name, Customer.company).where(Customer.id == customer_id)
        await store_words(connection, customer_id, *(await connection.execute(names)).one())
    # Others who became part of them were in contact too, perhaps later.
    latest = await connection.scalar(
        select(func.max(Customer.last_contact_at)).where(Customer.merged_into_id == current)
    )
    if latest is not None:
        await touch_contact(connection, [current], latest)


async def _change_back(connection: AsyncConnection, customer_id: int, row: Values) -> None:
    """Who got a name from a person meanwhile is no unnamed caller again."""
    before = row["before"]
    plain = {name for name in before if name != "is_provisional" and before[name] != row["after"][name]}
    await change_back(connection, RECORD, customer_id, [_only(row, plain)])
    names = select(Customer.name, Customer.company).where(Customer.id == customer_id)
    if tuple((await connection.execute(names)).one()) == (before["name"], before["company"]):
        await change_back(connection, RECORD, customer_id, [_only(row, {"is_provisional"})])


def _only(row: Values, names: Iterable[str]) -> Values:
    return {
        "key": row["key"],
        "before": {name: row["before"][name] for name in names},
        "after": {name: row["after"][name] for name in names},
    }
