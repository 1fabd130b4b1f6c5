"""Provisional customers whom nothing identifies go after a while (P10): nobody named them, noted, promised or planned
anything, and they have not called for long. Their calls stay in the log with the number, and find whoever the number
is seen to belong to later. What is left of them is a row of `expired_customers`.

Works in bounded steps inside the caller's transaction; when it runs is `server/housekeeping.py`'s."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, delete, exists, func, insert, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from core.db import Base
from core.equivalences import key_of, spellings
from core.facts import CustomerRemoved, RemovalReason
from core.ports import OpenPromises
from crm_link.call_links import is_of_call
from crm_link.changes import announce_removed
from crm_link.expiry_tables import ExpiredCustomer
from crm_link.identities import keep_holders, take
from crm_link.kinds import IdentityKind, LinkHow, Source
from crm_link.tables import CallCustomer, Customer, Identity

BATCH = 100
"""Customers looked at in one transaction: on SQLite a ringing call waits for it, a few milliseconds."""

SAYS_NOTHING = frozenset(
    {
        "call_customers",  # looked at here: recent calls, and those somebody picked
        "customer_changes",  # that they were made, and by themselves
        "customer_words",  # of a name, which is looked at here
        "duplicate_pairs",  # a proposal of ours
        "identities",  # looked at here
        "identity_keys",  # a pick among those who share the number, which is of no use without the call
        "search_documents",  # what was said in calls, which stays with the calls
    }
)
"""Tables that refer to customers without saying who they are. Every other table does, also one that is still to come:
a customer it knows is kept."""


@dataclass(frozen=True, slots=True)
class Step:
    """What one step did: who went, and where the next one begins (None: there is no more)."""

    removed: Sequence[CustomerRemoved]
    next_id: int | None


async def expire_some(
    connection: AsyncConnection, promises: OpenPromises | None, *, before: float, at: float, after_id: int = 0
) -> Step:
    """Let go of some provisional customers who were last heard of before `before`. Begin with `after_id` 0, and go on
    where the last step says."""
    old = (Customer.created_at < before) & (Customer.last_contact_at < before)
    recent = exists().where(CallCustomer.customer_id == Customer.id, CallCustomer.call_at >= before)
    condition = old & ~recent
    query = select(Customer.id).where(_unidentified(), condition, Customer.id > after_id)
    found = (await connection.scalars(query.order_by(Customer.id).limit(BATCH))).all()
    gone = await _let_go(connection, found, promises, condition, at)
    removed = await announce_removed(connection, gone, RemovalReason.EXPIRED, at)
    return Step(removed, found[-1] if len(found) == BATCH else None)


async def release(
    connection: AsyncConnection, numbers: Sequence[str], promises: OpenPromises | None, at: float
) -> list[int]:
    """Let go of provisional customers of these numbers (keys) whom nothing identifies, however lately they called: it
    is known now whose the numbers are. At most BATCH of them; returns their ids, for whoever ends the transaction to
    announce."""
    phones = (Identity.kind == IdentityKind.PHONE.value) & Identity.value.in_(numbers)
    theirs = Customer.id.in_(select(Identity.customer_id).where(phones))
    found = await connection.scalars(select(Customer.id).where(_unidentified(), theirs).limit(BATCH))
    return await _let_go(connection, found.all(), promises, theirs, at)


def _unidentified() -> ColumnElement[bool]:
    """Provisional, and nothing anywhere says who it is."""
    claimed = exists().where(
        Identity.customer_id == Customer.id,
        or_(Identity.kind != IdentityKind.PHONE.value, Identity.source != Source.CALL.value),
    )
    picked = exists().where(CallCustomer.customer_id == Customer.id, CallCustomer.how == LinkHow.PICKED.value)
    bare = (Customer.name == "") & (Customer.company == "") & Customer.owner_id.is_(None)
    said = [exists().where(column == Customer.id) for column in _references()]
    return Customer.is_provisional & Customer.merged_into_id.is_(None) & bare & ~or_(claimed, picked, *said)


def _references() -> Iterable[ColumnElement[int]]:
    """Every column anywhere that names a customer and says something about them."""
    customers = Customer.__table__
    for table in Base.metadata.sorted_tables:
        aliased = table.alias() if table is customers else table
        if table.name not in SAYS_NOTHING:
            for column in table.columns:
                if any(key.column.table is customers for key in column.foreign_keys):
                    yield aliased.columns[column.name]


async def _let_go(
    connection: AsyncConnection,
    found: Sequence[int],
    promises: OpenPromises | None,
    condition: ColumnElement[bool],
    at: float,
) -> list[int]:
    """Hold the numbers and then the rows of those found, in the order in which calls do; delete who is still nobody."""
    if not found:
        return []
    claims = await connection.execute(
        select(Identity.customer_id, Identity.value).where(Identity.customer_id.in_(found))
    )
    numbers = {(row.customer_id, row.value) for row in claims}
    for number in sorted({number for _, number in numbers}):
        await keep_holders(connection, number, alone=True)
    owed = await _owed(connection, {number for _, number in numbers}, promises)
    spared = {customer_id for customer_id, number in numbers if number in owed}
    await connection.execute(select(Customer.id).where(Customer.id.in_(found)).with_for_update())
    still = select(Customer.id).where(Customer.id.in_(found), _unidentified(), condition)
    gone = sorted(set(await connection.scalars(still)) - spared)
    if gone:
        await _write_down(connection, gone, at)
    for customer_id, number in sorted(numbers):
        if customer_id in gone:
            await take(connection, customer_id, IdentityKind.PHONE, number)
    await connection.execute(delete(Customer).where(Customer.id.in_(gone)))
    return gone


async def _owed(
    connection: AsyncConnection, numbers: set[str], promises: OpenPromises | None
) -> frozenset[str]:
    """Those of the numbers that somebody has promised to call."""
    if promises is None:
        return frozenset()
    asked = [spelling for number in sorted(numbers) for spelling in spellings(number)]
    return frozenset(key_of(one.number) for one in await promises.open_for(connection, asked))


async def _write_down(connection: AsyncConnection, gone: Sequence[int], at: float) -> None:
    theirs = (CallCustomer.customer_id == Customer.id) & is_of_call(CallCustomer.call_id)
    calls = select(func.count()).where(theirs).scalar_subquery()
    rows = await connection.execute(
        select(Customer.id, Customer.created_at, calls.label("calls")).where(Customer.id.in_(gone))
    )
    kept = [
        {"customer_id": row.id, "created_at": row.created_at, "expired_at": at, "calls": row.calls}
        for row in rows
    ]
    await connection.execute(insert(ExpiredCustomer), kept)
