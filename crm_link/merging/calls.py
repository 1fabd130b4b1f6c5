"""Calls of a merged customer's numbers: which of them came while the merge stood, and belong with the number once it is
undone. Works inside the merge's transaction; calls that the merge moved are `journal.py`'s."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Select, exists, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.orm import aliased

from crm_link.blocks.claims import read_blocks
from crm_link.directory import CustomerView
from crm_link.kinds import IdentityKind, LinkHow
from crm_link.merging.journal import Action, Part, chunks
from crm_link.records import touch_contact
from crm_link.tables import CallCustomer, CallMatch, Identity, Note


@dataclass(frozen=True, slots=True)
class Page:
    """Of calls, in the order of their ids: at most `limit` behind `after`."""

    after: str
    limit: int


async def own_calls(connection: AsyncConnection, kept: CustomerView, merged: CustomerView) -> Part:
    """Calls of the merged one's numbers that stood with the kept customer before: they are no news of the merge."""
    numbers = sorted(set(merged.numbers) - set(kept.numbers))
    call_ids = (await connection.scalars(_of_numbers(kept.id, numbers))).all()
    return Part(Action.OWN, CallCustomer.__tablename__, [{"call_id": call_id} for call_id in call_ids])


async def follow_some(
    connection: AsyncConnection, source: int, target: int, own: Collection[str], page: Page
) -> str | None:
    """Calls that came since the merge go to `source`, whose numbers or blocks they came from, with what was noted about
    them, if `target` does not hold these too and nobody picked. `own` are calls that `target` had before. A page of
    them at a time: returns where the next one begins, None after the last."""
    calls = select(CallCustomer.call_id).join(CallMatch, CallMatch.call_id == CallCustomer.call_id)
    since = await _since(connection, source, target)
    theirs = calls.where(CallCustomer.customer_id == target, since, ~_stands_with(source))
    behind = theirs.where(CallCustomer.call_id > page.after).order_by(CallCustomer.call_id)
    found = (await connection.scalars(behind.limit(page.limit))).all()
    for some in chunks([one for one in found if one not in own]):
        await _move(connection, some, source, target)
    return found[-1] if len(found) == page.limit else None


async def _since(connection: AsyncConnection, source: int, target: int) -> ColumnElement[bool]:
    of_numbers = CallMatch.number.in_(await _only_of(connection, source, target))
    of_blocks = CallMatch.number.in_(await _only_in_blocks_of(connection, source, target))
    by_number = of_numbers & (CallCustomer.how != LinkHow.PICKED.value)
    return by_number | (of_blocks & (CallCustomer.how == LinkHow.BLOCK.value))


async def _move(connection: AsyncConnection, call_ids: Sequence[str], source: int, target: int) -> None:
    named = CallCustomer.call_id.in_(call_ids)
    # A sum for the reason given at `Holding.belongs_to`.
    theirs = update(CallCustomer).where(CallCustomer.customer_id + 0 == target, named)
    await connection.execute(theirs.values(customer_id=source))
    about = update(Note).where(Note.customer_id == target, Note.call_id.in_(call_ids))
    await connection.execute(about.values(customer_id=source))
    sure = (CallCustomer.customer_id == source, named, ~_stands_with_others(source))
    latest = await connection.scalar(select(func.max(CallCustomer.call_at)).where(*sure))
    if latest is not None:
        await touch_contact(connection, [source], latest)


async def _only_of(connection: AsyncConnection, source: int, target: int) -> list[str]:
    phones = select(Identity.value).where(Identity.kind == IdentityKind.PHONE.value)
    theirs = (await connection.scalars(phones.where(Identity.customer_id == source))).all()
    others = (await connection.scalars(phones.where(Identity.customer_id == target))).all()
    return sorted(set(theirs) - set(others))


async def _only_in_blocks_of(connection: AsyncConnection, source: int, target: int) -> list[str]:
    """Numbers of calls that came by a block which goes back."""
    theirs = [view.block for view in await read_blocks(connection, source)]
    if not theirs:
        return []
    others = [view.block for view in await read_blocks(connection, target)]
    numbers = await connection.scalars(
        select(CallMatch.number)
        .join(CallCustomer, CallCustomer.call_id == CallMatch.call_id)
        .where(CallCustomer.customer_id == target, CallCustomer.how == LinkHow.BLOCK.value)
        .distinct()
    )
    return sorted(
        number
        for number in numbers
        if number is not None
        and any(block.covers(number) for block in theirs)
        and not any(block.covers(number) for block in others)
    )


def _of_numbers(customer_id: int, numbers: Sequence[str]) -> Select[str]:
    return (
        select(CallCustomer.call_id)
        .join(CallMatch, CallMatch.call_id == CallCustomer.call_id)
        .where(CallCustomer.customer_id == customer_id, CallMatch.number.in_(numbers))
    )


def _stands_with(customer_id: int) -> ColumnElement[bool]:
    other = aliased(CallCustomer)
    return exists().where(other.call_id == CallCustomer.call_id, other.customer_id == customer_id)


def _stands_with_others(customer_id: int) -> ColumnElement[bool]:
    other = aliased(CallCustomer)
    return exists().where(other.call_id == CallCustomer.call_id, other.customer_id != customer_id)
