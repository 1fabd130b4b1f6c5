"""Who may merge, undo or erase now: one at a time, each holding the rows of those it is about, and nobody while an undo
is still being worked off. Works inside the caller's transaction."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from sqlalchemy import exists, func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from crm_link.merging.tables import CustomerMerge, CustomerMergeMove
from crm_link.tables import Customer

MERGE_LOCK = 0x52494E4D
"""PostgreSQL advisory lock: one merge or undo at a time. They hold several customers, each in an order of its own."""


async def take_turn(connection: AsyncConnection) -> None:
    """Let nobody else merge or undo until the transaction ends. Comes before keys and customers are held."""
    if connection.dialect.name == "postgresql":
        await connection.execute(select(func.pg_advisory_xact_lock(MERGE_LOCK)))


async def hold_rows(connection: AsyncConnection, ids: Sequence[int]) -> None:
    """In the order given: a redirecting record before the one it leads to."""
    for one in ids:
        await connection.execute(select(Customer.id).where(Customer.id == one).with_for_update())


async def undo_at_work(connection: AsyncConnection, ids: Collection[int] | None = None) -> int | None:
    """A merge that is undone, but not yet worked off: its journal is not used up. Only one of these customers, if `ids`
    are given."""
    left = exists().where(CustomerMergeMove.merge_id == CustomerMerge.id)
    found = select(CustomerMerge.id).where(CustomerMerge.undone_at.is_not(None), left)
    if ids is not None:
        found = found.where(or_(CustomerMerge.kept_id.in_(ids), CustomerMerge.merged_id.in_(ids)))
    merge_id: int | None = await connection.scalar(found.order_by(CustomerMerge.id).limit(1))
    return merge_id
