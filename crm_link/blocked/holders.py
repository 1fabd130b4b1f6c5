"""Entries of the block list in, the customers whose numbers they are out, for people who read the list: a bare number
tells nobody who is kept out. Beginnings of numbers and withheld numbers are nobody's."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from crm_link.blocked.entry import BlockKind
from crm_link.blocked.list import BlockedView
from crm_link.kinds import IdentityKind
from crm_link.tables import Customer, Identity


@dataclass(frozen=True, slots=True)
class Holder:
    id: int
    title: str


async def read_holders(
    connection: AsyncConnection, entries: Iterable[BlockedView]
) -> Mapping[str, tuple[Holder, ...]]:
    """By the entry's `value`; a number that nobody has is left out."""
    values = {entry.value for entry in entries if entry.kind is BlockKind.NUMBER}
    statement = (
        select(Identity.value, Customer.id, Customer.name, Customer.company)
        .join(Customer, Customer.id == Identity.customer_id)
        .where(Identity.kind == IdentityKind.PHONE.value, Identity.value.in_(values))
        .order_by(Customer.id)
    )
    found: dict[str, tuple[Holder, ...]] = {}
    for row in await connection.execute(statement):
        title = row.name or row.company or "Not named yet"
        found[row.value] = (*found.get(row.value, ()), Holder(row.id, title))
    return found
