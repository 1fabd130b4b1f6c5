"""Which notes, tasks and deals came up in a call: when two calls turn out to be one conversation, what named the
absorbed one names the survivor. Works inside the caller's transaction; whose call it is, is `call_links.py`."""

from __future__ import annotations

from sqlalchemy import delete, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from crm_link.deals.tables import DealCall
from crm_link.tables import CallCustomer, Note
from crm_link.tasks.tables import Task


async def join_mentions(connection: AsyncConnection, survivor: str, absorbed: str) -> None:
    """Before the calls' own links are joined: notes are looked for among those of both calls' customers."""
    theirs = select(CallCustomer.customer_id).where(CallCustomer.call_id.in_((survivor, absorbed)))
    named = (Note.call_id == absorbed) & Note.customer_id.in_(theirs.scalar_subquery())
    await connection.execute(update(Note).where(named).values(call_id=survivor))
    await connection.execute(update(Task).where(Task.call_id == absorbed).values(call_id=survivor))
    linked = select(DealCall.deal_id).where(DealCall.call_id == survivor)
    both = (DealCall.call_id == absorbed) & DealCall.deal_id.in_(linked.scalar_subquery())
    await connection.execute(delete(DealCall).where(both))
    await connection.execute(update(DealCall).where(DealCall.call_id == absorbed).values(call_id=survivor))
