"""What is told of a merge and its undo: to programs and colleagues that the customers changed, to screens whose the
calls on them are now. Works inside the caller's transaction; the facts that come out are for the bus, after it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from core import fact_log
from core.facts import CustomerMerged, CustomerUnmerged, Fact
from crm_link.call_links import MOST_RECENT, is_of_call, read_links
from crm_link.changes import Edit, announce
from crm_link.customers import ON_A_SCREEN_S
from crm_link.records import bump
from crm_link.tables import CallCustomer


async def tell(
    connection: AsyncConnection,
    changed: Iterable[int | None],
    edit: Edit,
    said: CustomerMerged | CustomerUnmerged,
) -> list[Fact]:
    """The transaction's last step: what is announced of the customers who `changed`, and the cards of calls that may
    still be on a screen."""
    ids = list(dict.fromkeys(one for one in changed if one is not None))
    for one in ids:
        await bump(connection, one)
    cards: list[Fact] = list(await _recent_calls(connection, ids, edit.at))
    facts: list[Fact] = [await announce(connection, one, edit.at) for one in ids]
    await fact_log.append(connection, said, subject=f"customer:{said.customer_id}", at=edit.at)
    return [said, *facts, *cards]


async def _recent_calls(connection: AsyncConnection, ids: Sequence[int], at: float) -> list[Any]:
    recent = (
        select(CallCustomer.call_id)
        .where(CallCustomer.customer_id.in_(ids), CallCustomer.call_at >= at - ON_A_SCREEN_S)
        .where(is_of_call(CallCustomer.call_id))
        .group_by(CallCustomer.call_id)
        .order_by(func.max(CallCustomer.call_at).desc())
        .limit(MOST_RECENT)
    )
    found = [await read_links(connection, call_id) for call_id in (await connection.scalars(recent)).all()]
    return [links.fact(at) for links in found if links is not None]
