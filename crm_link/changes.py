"""What was changed on a customer, by whom: a row for the timeline and the durable `CustomerChanged`, both inside the
caller's transaction. Which edits are allowed is decided by those who call this."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from core import fact_log
from core.facts import CustomerChanged, CustomerRemoved, RemovalReason
from crm_link.tables import CustomerChange

LONGEST = 200
"""Width of the before and after columns."""


class What(StrEnum):
    CREATED = "created"
    NAME = "name"
    COMPANY = "company"
    OWNER = "owner"
    IDENTIFIED = "identified"
    IDENTITY_ADDED = "identity_added"
    IDENTITY_REMOVED = "identity_removed"
    BLOCK_ADDED = "block_added"
    BLOCK_REMOVED = "block_removed"
    TAG_ADDED = "tag_added"
    TAG_REMOVED = "tag_removed"
    CALLS_RELABELLED = "calls_relabelled"
    ABSORBED = "absorbed"
    MERGED_AWAY = "merged_away"
    FIELD = "field"
    TASK_CHANGED = "task_changed"
    TASK_REOPENED = "task_reopened"
    TASK_REMOVED = "task_removed"
    DEAL_CHANGED = "deal_changed"
    DEAL_REMOVED = "deal_removed"


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that changed; `before` and `after` as people would read them. `about` says of which row (`row_of`),
    where that can change hands: when a merge is undone its history goes back with it."""

    what: What
    before: str | None = None
    after: str | None = None
    about: str | None = None


@dataclass(frozen=True, slots=True)
class Edit:
    """Who edits, when. `user_id` is None for what the server does by itself."""

    at: float
    user_id: int | None = None


def row_of(table: str, *names: object) -> str:
    """How the history names a row: its table and the values that no other row of the table has, also later (an id of
    SQLite's making may be given again)."""
    return " ".join((table, *map(str, names)))


async def journal(connection: AsyncConnection, customer_id: int, edit: Edit, *changes: Change) -> None:
    """Write the timeline's rows. Call `announce` once at the end of the transaction as well."""
    rows = [
        {
            "customer_id": customer_id,
            "at": edit.at,
            "changed_by": edit.user_id,
            "what": change.what.value,
            "before": _fit(change.before),
            "after": _fit(change.after),
            "about": change.about,
        }
        for change in changes
    ]
    if rows:
        await connection.execute(insert(CustomerChange), rows)


async def announce(connection: AsyncConnection, customer_id: int, at: float) -> CustomerChanged:
    """Append `CustomerChanged` to the fact log, and return it for the bus.

    Must be the transaction's last step: on PostgreSQL it waits for other writers of the fact log, and whoever
    holds row locks then must not need more of them.
    """
    fact = CustomerChanged(customer_id=customer_id, at=at)
    await fact_log.append(connection, fact, subject=f"customer:{customer_id}", at=at)
    return fact


async def announce_all(connection: AsyncConnection, ids: Iterable[int], at: float) -> None:
    """`announce` for many customers."""
    await _append(connection, [CustomerChanged(one, at) for one in ids], at)


async def announce_removed(
    connection: AsyncConnection, ids: Iterable[int], reason: RemovalReason, at: float
) -> list[CustomerRemoved]:
    """As `announce`, of customers who are no more."""
    facts = [CustomerRemoved(one, at, reason) for one in ids]
    await _append(connection, facts, at)
    return facts


async def _append(
    connection: AsyncConnection, facts: Sequence[CustomerChanged | CustomerRemoved], at: float
) -> None:
    await fact_log.append_all(connection, {f"customer:{one.customer_id}": one for one in facts}, at=at)


def _fit(text: str | None) -> str | None:
    return None if text is None else text[:LONGEST]
