"""P10: a number has found its customer, so its old calls find them too. Calls of that number that stood with a
provisional customer, with the firm in whose block it lies, or with nobody, move; a provisional customer who held
nothing but that number becomes part of the identified one and redirects there. Works inside the caller's transaction,
which holds the number's key.

Calls somebody identified already stay where they are: those of another customer who shares the number, and those
an agent picked, as long as the picked record lives on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import (
    ColumnElement,
    String,
    and_,
    delete,
    exists,
    func,
    insert,
    literal,
    select,
    update,
)
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.orm import aliased

from crm_link.blocks.claims import let_go_of_block
from crm_link.changes import Change, Edit, What, journal, row_of
from crm_link.identities import Claim, give, take
from crm_link.kinds import IdentityKind, LinkHow
from crm_link.merging.holdings import HOLDINGS
from crm_link.merging.journal import hand_over
from crm_link.records import bump, store_words, touch_contact
from crm_link.tables import CallCustomer, CallMatch, Customer, Identity, IdentityKey


@dataclass(frozen=True, slots=True)
class Relabelled:
    """How many calls moved, and the provisional customers who lost the number."""

    calls: int = 0
    provisional_ids: tuple[int, ...] = ()


async def give_and_relabel(
    connection: AsyncConnection, customer_id: int, claim: Claim, edit: Edit
) -> Relabelled:
    """Attach a claim whose key is held, and let the old calls of a number follow it."""
    isolated = claim.kind is not IdentityKind.PHONE
    provisional = [] if isolated else await _provisional_holders(connection, claim.value, but=customer_id)
    for one in sorted({customer_id, *provisional}):
        await bump(connection, one)
    if not await give(connection, customer_id, claim, edit) or isolated:
        return Relabelled()
    return await _relabel(connection, customer_id, claim.value, provisional, edit)


async def _provisional_holders(connection: AsyncConnection, number: str, *, but: int) -> Sequence[int]:
    rows = await connection.scalars(
        select(Customer.id)
        .join(Identity, Identity.customer_id == Customer.id)
        .where(_phone(number), Customer.is_provisional, Customer.id != but)
        .order_by(Customer.id)
    )
    return rows.all()


def _phone(number: str) -> ColumnElement[bool]:
    return and_(Identity.kind == IdentityKind.PHONE.value, Identity.value == number)


async def _relabel(
    connection: AsyncConnection, customer_id: int, number: str, provisional: Sequence[int], edit: Edit
) -> Relabelled:
    """Move the old calls of `number` to `customer_id`, away from the `provisional` customers and from nobody."""
    of_number = and_(
        CallCustomer.call_id.in_(select(CallMatch.call_id).where(CallMatch.number == number)),
        CallCustomer.how != LinkHow.PICKED.value,
    )
    theirs = select(func.count(CallCustomer.call_id.distinct()))
    theirs = theirs.where(of_number, CallCustomer.customer_id.in_(provisional))
    moved = (await connection.execute(theirs)).scalar_one()
    for one in provisional:
        await _move_calls(connection, one, customer_id, of_number, how=LinkHow.RELABELLED.value)
    await let_go_of_block(connection, number)
    moved += await attach_unattached(connection, customer_id, number)
    for one in provisional:
        await _retire(connection, one, customer_id, number, edit)
    if moved:
        await _note_contact(connection, customer_id)
        count = Change(What.CALLS_RELABELLED, before=number, after=str(moved))
        await journal(connection, customer_id, edit, count)
    return Relabelled(moved, tuple(provisional))


async def _move_calls(
    connection: AsyncConnection, source: int, target: int, which: ColumnElement[bool], **values: str
) -> None:
    """A call that names both keeps the target's row."""
    theirs = aliased(CallCustomer)
    both = exists().where(theirs.call_id == CallCustomer.call_id, theirs.customer_id == target)
    mine = CallCustomer.customer_id == source
    await connection.execute(delete(CallCustomer).where(mine, which, both))
    await connection.execute(update(CallCustomer).where(mine, which).values(customer_id=target, **values))


async def attach_unattached(connection: AsyncConnection, customer_id: int, number: str) -> int:
    """Calls of `number` that stand with nobody become the customer's; returns how many."""
    attached = exists().where(CallCustomer.call_id == CallMatch.call_id)
    rows = select(
        CallMatch.call_id,
        literal(customer_id),
        literal(LinkHow.RELABELLED.value, String),
        literal(1),
        CallMatch.call_at,
    ).where(CallMatch.number == number, ~attached)
    columns = ["call_id", "customer_id", "how", "rank", "call_at"]
    return (await connection.execute(insert(CallCustomer).from_select(columns, rows))).rowcount


async def _retire(connection: AsyncConnection, source: int, target: int, number: str, edit: Edit) -> None:
    """Take the number from a provisional customer; one who holds nothing else goes over into `target`."""
    first_seen = await connection.scalar(
        select(Identity.first_seen).where(_phone(number), Identity.customer_id == source)
    )
    await connection.execute(
        update(Identity)
        .where(_phone(number), Identity.customer_id == target, Identity.first_seen > first_seen)
        .values(first_seen=first_seen)
    )
    await connection.execute(
        update(IdentityKey)
        .where(IdentityKey.kind == IdentityKind.PHONE.value, IdentityKey.value == number)
        .where(IdentityKey.picked_customer_id == source)
        .values(picked_customer_id=target)
    )
    await take(connection, source, IdentityKind.PHONE, number)
    held = await connection.scalar(select(func.count()).where(Identity.customer_id == source))
    if held:
        about = row_of(Identity.__tablename__, IdentityKind.PHONE, number)
        await journal(connection, source, edit, Change(What.IDENTITY_REMOVED, number, about=about))
    else:
        await absorb(connection, source, target, number, edit)


async def absorb(connection: AsyncConnection, source: int, target: int, number: str, edit: Edit) -> None:
    """Make `source`, who has no `number` any more, part of `target`, who has it."""
    for holding in HOLDINGS:
        await hand_over(connection, holding, source, target)
    await store_words(connection, source)
    await connection.execute(update(Customer).where(Customer.id == source).values(merged_into_id=target))
    await journal(connection, source, edit, Change(What.MERGED_AWAY, after=str(target)))
    await journal(connection, target, edit, Change(What.ABSORBED, before=number, after=str(source)))


async def _note_contact(connection: AsyncConnection, customer_id: int) -> None:
    latest = await connection.scalar(
        select(func.max(CallCustomer.call_at)).where(
            CallCustomer.customer_id == customer_id,
            CallCustomer.how.in_([LinkHow.RELABELLED.value, LinkHow.PICKED.value]),
        )
    )
    if latest is not None:
        await touch_contact(connection, [customer_id], latest)
