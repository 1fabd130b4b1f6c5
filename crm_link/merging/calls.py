"""Calls of a merged customer's numbers: which of them came while the merge stood, and belong with the number once it is
undone. Works inside the merge's transaction; calls that the merge moved are `journal.py`'s."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from sqlalchemy import ColumnElement, Select, exists, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.orm import aliased

from crm_link.blocks.claims import read_blocks
from crm_link.directory import CustomerView
from crm_link.kinds import IdentityKind, LinkHow
from crm_link.merging.journal import Action, Part, chunks
from crm_link.records import touch_contact
from crm_link.tables import CallCustomer, CallMatch, Identity, Note


async def own_calls(connection: AsyncConnection, kept: CustomerView, merged: CustomerView) -> Part:
    """Calls of the merged one's numbers that stood with the kept customer before: they are no news of the merge."""
    numbers = sorted(set(merged.numbers) - set(kept.numbers))
    call_ids = (await connection.scalars(_of_numbers(kept.id, numbers))).all()
    return Part(Action.OWN, CallCustomer.__tablename__, [{"call_id": call_id} for call_id in call_ids])


async def follow_numbers(
    connection: AsyncConnection, source: int, target: int, parts: Iterable[Part]
) -> None:
    """Calls that came since the merge go to `source`, whose numbers or blocks they came from, if `target` does not hold
    these too and nobody picked."""
    own = {
        row["call_id"]
        for part in parts
        if part.action is Action.OWN and part.table == CallCustomer.__tablename__
        for row in part.rows
    }
    numbers = await _only_of(connection, source, target)
    since = _of_numbers(target, numbers).where(CallCustomer.how != LinkHow.PICKED.value)
    by_block = _of_numbers(target, await _only_in_blocks_of(connection, source, target))
    by_block = by_block.where(CallCustomer.how == LinkHow.BLOCK.value)
    found = [
        call_id
        for calls in (since, by_block)
        for call_id in (await connection.scalars(calls.where(~_stands_with(source)))).all()
        if call_id not in own
    ]
    if not found:
        return
    # A sum for the reason given at `Holding.belongs_to`.
    theirs = update(CallCustomer).where(CallCustomer.customer_id + 0 == target).values(customer_id=source)
    for part in chunks(found):
        await connection.execute(theirs.where(CallCustomer.call_id.in_(part)))
    for part in chunks(await _notes_about(connection, target, set(found))):
        await connection.execute(update(Note).where(Note.id.in_(part)).values(customer_id=source))
    await _contact(connection, source)


async def _notes_about(connection: AsyncConnection, customer_id: int, call_ids: Collection[str]) -> list[int]:
    about = select(Note.id, Note.call_id).where(Note.customer_id == customer_id, Note.call_id.is_not(None))
    return [row.id for row in await connection.execute(about) if row.call_id in call_ids]


async def _contact(connection: AsyncConnection, customer_id: int) -> None:
    latest = await connection.scalar(
        select(func.max(CallCustomer.call_at)).where(
            CallCustomer.customer_id == customer_id, ~_stands_with_others(customer_id)
        )
    )
    if latest is not None:
        await touch_contact(connection, [customer_id], latest)


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
