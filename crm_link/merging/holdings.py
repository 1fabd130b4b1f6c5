"""What belongs to customers in this room, table by table: what changes hands when two are merged. A table that refers
to customers and stands neither here nor in `STAYS` fails a test, so that nobody forgets to decide. Other rooms keep no
customer ids of their own that could go stale: they hear `CustomerChanged` of both and read anew."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

from sqlalchemy import Table

from crm_link.blocks.tables import NumberBlock
from crm_link.deals.tables import Deal
from crm_link.fields.tables import CustomerField, CustomerFieldWord
from crm_link.kinds import Confidence, LinkHow
from crm_link.merging.journal import Holding
from crm_link.tables import CallCustomer, CustomerTag, Identity, IdentityKey, Note
from crm_link.tasks.tables import Task

SUREST = (Confidence.SEEN.value, Confidence.STATED.value, Confidence.CONFIRMED.value)


def _surer(one: str, other: str) -> str:
    return max(one, other, key=SUREST.index)


CALLS = Holding(
    "calls",
    cast(Table, CallCustomer.__table__),
    key=("call_id",),
    guard=("how",),
    alone=("call_id",),
    best={"rank": min},
    undecided=CallCustomer.how != LinkHow.PICKED.value,
    is_history=True,
)
NOTES = Holding("notes", cast(Table, Note.__table__), key=("id",), guard=("created_at",), is_history=True)
IDENTITIES = Holding(
    "identities",
    cast(Table, Identity.__table__),
    key=("id",),
    guard=("kind", "value"),
    alone=("kind", "value"),
    best={"first_seen": min, "last_seen": max, "confidence": _surer},
)
TAGS = Holding("tags", cast(Table, CustomerTag.__table__), key=("tag",), guard=("added_at",), alone=("tag",))

HOLDINGS = (
    IDENTITIES,
    Holding(
        "picks",
        cast(Table, IdentityKey.__table__),
        key=("kind", "value"),
        guard=("picked_at",),
        column="picked_customer_id",
    ),
    Holding(
        "number_blocks",
        cast(Table, NumberBlock.__table__),
        key=("id",),
        guard=("added_at",),
        alone=("prefix", "shortest", "longest", "first", "last"),
    ),
    CALLS,
    NOTES,
    TAGS,
    Holding("tasks", cast(Table, Task.__table__), key=("id",), guard=("created_at",), is_history=True),
    Holding("deals", cast(Table, Deal.__table__), key=("id",), guard=("opened_at",), is_history=True),
    # Before the fields themselves: whose words stay depends on who has the field.
    Holding(
        "field_words",
        cast(Table, CustomerFieldWord.__table__),
        key=("word", "key"),
        alone=("key",),
        against=cast(Table, CustomerField.__table__),
    ),
    Holding("fields", cast(Table, CustomerField.__table__), key=("key",), guard=("value",), alone=("key",)),
)
"""In the order in which they change hands."""

HISTORY = {holding.table.name: holding for holding in HOLDINGS if holding.is_history}
"""Of what one customer may have tens of thousands of rows, by the names of the tables."""

STAYS: Mapping[str, str] = {
    "customer_changes.customer_id": "edits of the merged record stay its story, and show again after an undo",
    "customer_words.customer_id": "made anew from the names",
    "customers.merged_into_id": "an older redirect goes on leading to the merged record, which leads on",
    "customer_merges.kept_id": "the journal of merges itself",
    "customer_merges.merged_id": "the journal of merges itself",
    "duplicate_pairs.first_id": "pairs with a merged record are not shown, and are again after an undo",
    "duplicate_pairs.second_id": "pairs with a merged record are not shown, and are again after an undo",
    "search_documents.customer_id": "the search hears CustomerChanged of both and reads anew",
}
"""Columns that refer to customers and are left alone, each with its reason."""
