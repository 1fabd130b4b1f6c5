"""Unknown callers after an undo. Whose number was given to somebody while the merge stood comes out of the undo without
any number: nobody would find them again. They become part of whoever has their number now, as they would have without
the merge. Works inside the undo's transaction, which holds the keys of these numbers."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from sqlalchemy import exists, select
from sqlalchemy.ext.asyncio import AsyncConnection

from crm_link.changes import Edit, What
from crm_link.kinds import IdentityKind
from crm_link.merging.journal import Action, Part
from crm_link.records import bump
from crm_link.relabel import absorb
from crm_link.tables import Customer, CustomerChange, Identity


def numbers_moved(parts: Iterable[Part]) -> set[str]:
    """Those of the merged customer as the merge found them."""
    gone = [part for part in parts if part.action in (Action.MOVED, Action.DROPPED)]
    return {
        row["value"]
        for part in gone
        if part.table == Identity.__tablename__
        for row in part.rows
        if row["kind"] == IdentityKind.PHONE.value
    }


async def numbers_lost(connection: AsyncConnection, customer_id: int) -> set[str]:
    """Those that were taken from the customer at any time."""
    lost = select(CustomerChange.before).where(
        CustomerChange.customer_id == customer_id, CustomerChange.what == What.IDENTITY_REMOVED.value
    )
    return {value for value in await connection.scalars(lost) if value is not None}


async def find_a_home(
    connection: AsyncConnection, customer_id: int, numbers: Collection[str], edit: Edit
) -> int | None:
    """Make an unknown caller who has no number or address at all part of the one customer who has one of `numbers`;
    returns that customer, None where nothing had to be done or nobody, or more than one, has them."""
    held = exists().where(Identity.customer_id == Customer.id)
    alone = (Customer.id == customer_id, Customer.is_provisional, Customer.merged_into_id.is_(None))
    nobody = select(Customer.id).where(*alone, ~held)
    if await connection.scalar(nobody) is None:
        return None
    theirs = select(Identity.customer_id, Identity.value).where(
        Identity.kind == IdentityKind.PHONE.value, Identity.value.in_(sorted(numbers))
    )
    found: dict[int, str] = {row.customer_id: row.value for row in await connection.execute(theirs)}
    if len(found) != 1:
        return None
    ((home, number),) = found.items()
    await bump(connection, home)
    await absorb(connection, customer_id, home, number, edit)
    return home
