"""The customer row itself: inserting one, its search words, its version, and following a merged id to the record it
became part of. Works inside the caller's transaction; numbers are `identities.py`, permissions the caller's."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import Select, bindparam, delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from core.errors import NotFoundError, StaleError
from core.folding import clean_line, words
from crm_link.changes import Change, Edit, What, journal
from crm_link.kinds import Source
from crm_link.tables import Customer, CustomerWord

LONGEST_CHAIN = 100
"""Merges followed from an old id. Each merge lengthens a chain by one; a longer one would be a loop."""

CONTACT = (
    update(Customer)
    .where(Customer.id.in_(bindparam("ids", expanding=True)), Customer.last_contact_at < bindparam("at"))
    .values(last_contact_at=bindparam("at"))
)


@dataclass(frozen=True, slots=True)
class NewRecord:
    source: Source
    name: str = ""
    company: str = ""
    is_provisional: bool = False
    owner_id: int | None = None


async def insert_customer(connection: AsyncConnection, record: NewRecord, edit: Edit) -> int:
    """Add a customer row with its search words and its first line of history; returns the id."""
    name, company = clean_line(record.name), clean_line(record.company)
    statement = insert(Customer).values(
        name=name,
        company=company,
        is_provisional=record.is_provisional,
        owner_id=record.owner_id,
        created_at=edit.at,
        created_from=record.source.value,
    )
    customer_id: int = (await connection.execute(statement.returning(Customer.id))).scalar_one()
    await store_words(connection, customer_id, name, company)
    await journal(connection, customer_id, edit, Change(What.CREATED, after=record.source.value))
    return customer_id


async def store_words(connection: AsyncConnection, customer_id: int, *texts: str) -> None:
    """Replace the words `customer_id` is found by."""
    await connection.execute(delete(CustomerWord).where(CustomerWord.customer_id == customer_id))
    rows = [{"word": word, "customer_id": customer_id} for word in sorted(words(*texts))]
    if rows:
        await connection.execute(insert(CustomerWord), rows)


async def resolve(connection: AsyncConnection, customer_id: int) -> int:
    """The id that `customer_id` stands for today. Raises NotFoundError when there never was such a customer."""
    return await _follow(connection, customer_id, select(Customer.merged_into_id))


async def hold_customer(connection: AsyncConnection, customer_id: int) -> int:
    """`resolve` for editing: nobody can make the record part of another until the transaction ends."""
    return await _follow(connection, customer_id, select(Customer.merged_into_id).with_for_update())


async def _follow(connection: AsyncConnection, customer_id: int, query: Select[int | None]) -> int:
    current = customer_id
    for _ in range(LONGEST_CHAIN):
        row = (await connection.execute(query.where(Customer.id == current))).one_or_none()
        if row is None:
            raise NotFoundError(f"there is no customer {customer_id}")
        if row.merged_into_id is None:
            return current
        current = row.merged_into_id
    raise NotFoundError(f"customer {customer_id} was merged round in a circle")


async def bump(connection: AsyncConnection, customer_id: int, expected: int | None = None) -> int:
    """Give the customer its next version and hold its row until the transaction ends; returns the version.

    Raises StaleError when `expected` is not the current version: somebody else edited meanwhile.
    """
    statement = update(Customer).where(Customer.id == customer_id).values(version=Customer.version + 1)
    if expected is not None:
        statement = statement.where(Customer.version == expected)
    version = (await connection.execute(statement.returning(Customer.version))).scalar_one_or_none()
    if version is None:
        raise StaleError("this customer was changed by somebody else meanwhile: look again, then save")
    return version


async def touch_contact(connection: AsyncConnection, customer_ids: Iterable[int], at: float) -> None:
    """Remember that we were in contact with these customers at `at`."""
    await connection.execute(CONTACT, {"ids": sorted(customer_ids), "at": at})
