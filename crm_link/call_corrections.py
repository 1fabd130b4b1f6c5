"""A call stood with one customer, and was another's: what came with the mistake follows the call. What was written and
promised about it goes along; the wrong customer's deals were not what it was about; they were not in contact, and are
not suggested first because of it. What a CRM was told by then stays there. Works inside the caller's transaction, which
holds the call, its number and both customers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, delete, exists, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.orm import aliased

from crm_link.call_links import CallLinks
from crm_link.changes import Change, Edit, What, journal
from crm_link.connectors.picks import external_id
from crm_link.connectors.tables import ConnectorPick
from crm_link.deals.tables import Deal, DealCall
from crm_link.identities import Claim, give, hold_keys, take
from crm_link.kinds import Confidence, IdentityKind, LinkHow, Source
from crm_link.records import bump
from crm_link.tables import CallCustomer, CallMatch, Customer, Identity, IdentityKey, Note
from crm_link.tasks.tables import Task


@dataclass(frozen=True, slots=True)
class Mistake:
    """`call` as it stands now: with `right`, no more with `wrong`."""

    call: CallLinks
    wrong: int
    right: int


async def hold_contact_ids(connection: AsyncConnection, call_id: str) -> None:
    """Contacts' ids that a customer got by this call. Comes before the call's number and the customers are held."""
    await hold_keys(connection, [claim for _, claim in await _contact_ids(connection, call_id)])


async def correct(connection: AsyncConnection, mistake: Mistake, edit: Edit) -> None:
    await _move_mentions(connection, mistake)
    await _move_contact_ids(connection, mistake, edit)
    await _forget_contact(connection, mistake)
    if mistake.call.number is not None:
        await _forget_seen(connection, mistake, mistake.call.number)
        await _forget_default(connection, mistake, mistake.call.number)


async def _move_mentions(connection: AsyncConnection, mistake: Mistake) -> None:
    call_id = mistake.call.call_id
    for table in (Note, Task):
        theirs = update(table).where(table.call_id == call_id, table.customer_id == mistake.wrong)
        await connection.execute(theirs.values(customer_id=mistake.right))
    deals = select(Deal.id).where(Deal.customer_id == mistake.wrong).scalar_subquery()
    about = delete(DealCall).where(DealCall.call_id == call_id, DealCall.deal_id.in_(deals))
    await connection.execute(about)


async def _contact_ids(connection: AsyncConnection, call_id: str) -> Sequence[tuple[str, Claim]]:
    """The ids, each with its CRM's name."""
    rows = await connection.execute(
        select(ConnectorPick.connector, ConnectorPick.contact_id).where(
            ConnectorPick.call_id == call_id, ConnectorPick.made_claim
        )
    )
    return [(row.connector, _claim(external_id(row.connector, row.contact_id))) for row in rows]


def _claim(value: str) -> Claim:
    return Claim(IdentityKind.EXTERNAL, value, Source.PERSON, Confidence.STATED)


async def _move_contact_ids(connection: AsyncConnection, mistake: Mistake, edit: Edit) -> None:
    """Whom the other CRM's contact is: the right customer, if nobody has taken the id away meanwhile."""
    for connector, claim in await _contact_ids(connection, mistake.call.call_id):
        theirs = Identity.customer_id == mistake.wrong
        id_of = (Identity.kind == claim.kind.value) & (Identity.value == claim.value)
        if await connection.scalar(select(Identity.id).where(theirs, id_of)) is None:
            given = False
        else:
            for one in sorted((mistake.wrong, mistake.right)):
                await bump(connection, one)
            given = await give(connection, mistake.right, claim, edit)
            lost = Change(What.IDENTITY_REMOVED, claim.shown, about=claim.row)
            await journal(connection, mistake.wrong, edit, lost)
        # Also where there is nothing to take: a key that was only held has no holder, and goes.
        await take(connection, mistake.wrong, claim.kind, claim.value)
        picked = (ConnectorPick.call_id == mistake.call.call_id) & (ConnectorPick.connector == connector)
        await connection.execute(update(ConnectorPick).where(picked).values(made_claim=given))


async def _forget_contact(connection: AsyncConnection, mistake: Mistake) -> None:
    """Only this call made it the latest."""
    latest = await connection.scalar(_latest(mistake.wrong))
    theirs = (Customer.id == mistake.wrong) & (Customer.last_contact_at == mistake.call.call_at)
    await connection.execute(update(Customer).where(theirs).values(last_contact_at=latest or 0.0))


async def _forget_seen(connection: AsyncConnection, mistake: Mistake, number: str) -> None:
    latest = await connection.scalar(_latest(mistake.wrong, CallMatch.number == number))
    held = (Identity.kind == IdentityKind.PHONE.value) & (Identity.value == number)
    by_this = (Identity.customer_id == mistake.wrong) & (Identity.last_seen == mistake.call.call_at)
    row = (await connection.execute(select(Identity.first_seen).where(held, by_this))).one_or_none()
    if row is not None:
        seen = max(row.first_seen, latest or 0.0)
        await connection.execute(update(Identity).where(held, by_this).values(last_seen=seen))


def _latest(customer_id: int, *conditions: ColumnElement[bool]) -> Any:
    """The begin of the latest call that is surely the customer's."""
    other = aliased(CallCustomer)
    shared = exists().where(
        other.call_id == CallCustomer.call_id, other.customer_id != CallCustomer.customer_id
    )
    return (
        select(func.max(CallCustomer.call_at))
        .join(CallMatch, CallMatch.call_id == CallCustomer.call_id)
        .where(CallCustomer.customer_id == customer_id, ~shared, *conditions)
    )


async def _forget_default(connection: AsyncConnection, mistake: Mistake, number: str) -> None:
    """Unless they were picked for another call of the number."""
    elsewhere = exists().where(
        CallCustomer.customer_id == mistake.wrong,
        CallCustomer.how == LinkHow.PICKED.value,
        CallMatch.call_id == CallCustomer.call_id,
        CallMatch.number == number,
    )
    key = (IdentityKey.kind == IdentityKind.PHONE.value) & (IdentityKey.value == number)
    suggested = update(IdentityKey).where(key, IdentityKey.picked_customer_id == mistake.wrong, ~elsewhere)
    await connection.execute(suggested.values(picked_customer_id=None, picked_by=None, picked_at=None))
