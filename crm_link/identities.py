"""Who holds a number, or the block around it: finding the holders, making the one automatic customer for a number
nobody holds, giving a number to a customer and taking it away. Works inside the caller's transaction; knows nothing of
calls but whose they are."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from sqlalchemy import bindparam, delete, exists, func, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from core.equivalences import key_of, spellings
from core.errors import ConflictError, NotFoundError
from core.ports import OpenPromises
from crm_link.blocks.claims import block_holders
from crm_link.changes import Change, Edit, What, journal, row_of
from crm_link.kinds import Confidence, IdentityKind, Source
from crm_link.match import MAX_CANDIDATES, Candidate, Match, Unknown, match
from crm_link.records import NewRecord, insert_customer
from crm_link.tables import CallCustomer, Customer, Identity, IdentityKey

ATTEMPTS = 5
"""Turns of "match, else claim": each further turn needs somebody else to have taken and given up the number in
between, so even a second one is rare."""

WAS_PICKED = (func.coalesce(IdentityKey.picked_customer_id, 0) == Customer.id).label("was_picked")

HOLDERS = (
    select(Customer.id, Customer.is_provisional, Customer.last_contact_at, Customer.owner_id, WAS_PICKED)
    .select_from(Identity)
    .join(Customer, Customer.id == Identity.customer_id)
    .join(IdentityKey, (IdentityKey.kind == Identity.kind) & (IdentityKey.value == Identity.value))
    .where(Identity.kind == bindparam("kind"), Identity.value == bindparam("value"))
    .order_by(WAS_PICKED.desc(), Customer.is_provisional, func.coalesce(Customer.last_contact_at, 0.0).desc())
    .limit(MAX_CANDIDATES)
)
"""The order only decides who is left out where there are too many; the ranking itself is `match.py`. Written once,
with parameters: building it anew for every call took a third of the time of the match."""

INSERT_IDENTITY = insert(Identity)
INSERT_KEY = {
    "sqlite": sqlite.insert(IdentityKey).on_conflict_do_nothing(),
    "postgresql": postgresql.insert(IdentityKey).on_conflict_do_nothing(),
}
SEEN = (
    update(Identity)
    .where(
        Identity.kind == IdentityKind.PHONE.value,
        Identity.value == bindparam("number"),
        Identity.customer_id == bindparam("of"),
        Identity.last_seen < bindparam("at"),
    )
    .values(last_seen=bindparam("at"))
)


@dataclass(frozen=True, slots=True)
class Claim:
    """A claim to make. `value` is normalised already (`spelling.py`): the key of a telephone, whose spelling is
    `spelled` where that is another."""

    kind: IdentityKind
    value: str
    source: Source
    confidence: Confidence
    spelled: str | None = None

    @property
    def shown(self) -> str:
        """As people write and dial it."""
        return self.spelled or self.value

    @property
    def row(self) -> str:
        """As the history names it."""
        return row_of(Identity.__tablename__, self.kind, self.value)


async def holders(
    connection: AsyncConnection, value: str, kind: IdentityKind = IdentityKind.PHONE
) -> list[Candidate]:
    """The customers who hold `value`, at most MAX_CANDIDATES of them. Every spelling of a telephone will do."""
    key = key_of(value) if kind is IdentityKind.PHONE else value
    rows = await connection.execute(HOLDERS, {"kind": kind.value, "value": key})
    return [
        Candidate(
            customer_id=row.id,
            is_provisional=row.is_provisional,
            was_picked=row.was_picked,
            last_contact_at=row.last_contact_at,
            owner_id=row.owner_id,
        )
        for row in rows
    ]


async def keep_holders(connection: AsyncConnection, number: str, *, alone: bool = False) -> None:
    """Let nobody give or take `number` until the transaction ends, so that a call cannot be attached to a record
    that disappears at the same moment; `alone` keeps other calls of the number waiting too. SQLite writers are
    alone anyway."""
    if connection.dialect.name == "postgresql":
        key = (IdentityKey.kind == IdentityKind.PHONE.value) & (IdentityKey.value == number)
        await connection.execute(select(IdentityKey.value).where(key).with_for_update(read=not alone))


async def match_number(
    connection: AsyncConnection, number: str | None, promises: OpenPromises | None = None
) -> Match:
    """Who `number` (E.164, or None when withheld) belongs to. `promises` ranks those who share it."""
    if number is None:
        return match(None, ())
    found = await holders(connection, number)
    if not found:
        return match(number, await block_holders(connection, number), by_block=True)
    if len(found) > 1 and promises is not None:
        owed = await _owed(connection, key_of(number), [one.customer_id for one in found], promises)
        found = [replace(one, is_owed=one.customer_id in owed) for one in found]
    return match(number, found)


async def _owed(
    connection: AsyncConnection, number: str, customer_ids: list[int], promises: OpenPromises
) -> set[int]:
    """Which of the customers who share `number` we owe a call: on a number that is theirs alone, or because of a call
    that is known to be theirs."""
    rows = await connection.execute(
        select(Identity.customer_id, Identity.value).where(
            Identity.kind == IdentityKind.PHONE.value, Identity.customer_id.in_(customer_ids)
        )
    )
    theirs = {row.value: row.customer_id for row in rows if row.value != number}
    asked = [one for key in (number, *theirs) for one in spellings(key)]
    open_ones = await promises.open_for(connection, asked)
    owed = {theirs[key] for one in open_ones if (key := key_of(one.number)) in theirs}
    return owed | await _callers(connection, [call for one in open_ones for call in one.call_ids])


async def _callers(connection: AsyncConnection, call_ids: list[str]) -> set[int]:
    """The customers of those of these calls that have exactly one."""
    rows = await connection.execute(
        select(func.min(CallCustomer.customer_id))
        .where(CallCustomer.call_id.in_(call_ids))
        .group_by(CallCustomer.call_id)
        .having(func.count() == 1)
    )
    return set(rows.scalars())


async def match_or_create(
    connection: AsyncConnection,
    claim: Claim,
    name: str,
    at: float,
    promises: OpenPromises | None = None,
) -> tuple[Match, int | None]:
    """Like `match_number` for a telephone the network has shown, but one that nobody holds, and no block is around,
    becomes a provisional customer, whose id is returned too.

    Only the transaction whose key is really inserted creates (P9). Whoever loses waits for the winner's commit
    inside the insert (PostgreSQL), or for its turn to write (SQLite), and then finds the winner's customer.
    """
    number = claim.value
    for _ in range(ATTEMPTS):
        await keep_holders(connection, number)
        result = await match_number(connection, number, promises)
        if not isinstance(result, Unknown):
            return result, None
        if await _insert_key(connection, IdentityKind.PHONE, number):
            created = await _create_provisional(connection, claim, name, at)
            return await match_number(connection, number), created
    raise ConflictError("this number is being given and taken away at the same time; try again")


async def _create_provisional(connection: AsyncConnection, claim: Claim, name: str, at: float) -> int:
    edit = Edit(at)
    record = NewRecord(Source.CALL, name=name, is_provisional=True)
    customer_id = await insert_customer(connection, record, edit)
    await _insert_identity(connection, customer_id, claim, at)
    return customer_id


async def _insert_key(connection: AsyncConnection, kind: IdentityKind, value: str) -> bool:
    """Whether this transaction is the one that made the key."""
    key = {"kind": kind.value, "value": value}
    return (await connection.execute(INSERT_KEY[connection.dialect.name], key)).rowcount == 1


async def hold_key(connection: AsyncConnection, kind: IdentityKind, value: str) -> None:
    """Make the key if it is not there and keep everybody else from changing its holders until the transaction
    ends. Comes before any customer row is touched, so that two editors cannot wait for each other."""
    if not await _insert_key(connection, kind, value):
        held = await connection.scalar(
            select(IdentityKey.value)
            .where(IdentityKey.kind == kind.value, IdentityKey.value == value)
            .with_for_update()
        )
        if held is None:
            raise ConflictError("this number was being taken away at the same moment; try again")


async def hold_keys(connection: AsyncConnection, claims: Iterable[Claim]) -> None:
    """`hold_key` for all of them, always in the same order."""
    for kind, value in sorted({(claim.kind, claim.value) for claim in claims}):
        await hold_key(connection, kind, value)


async def count_identities(connection: AsyncConnection, customer_id: int) -> int:
    held = select(func.count()).select_from(Identity).where(Identity.customer_id == customer_id)
    return (await connection.execute(held)).scalar_one()


async def keep_pick(connection: AsyncConnection, number: str, customer_id: int, edit: Edit) -> None:
    """Remember whom somebody chose for `number`, if that customer holds it."""
    holds = exists().where(
        Identity.kind == IdentityKind.PHONE.value,
        Identity.value == number,
        Identity.customer_id == customer_id,
    )
    await connection.execute(
        update(IdentityKey)
        .where(IdentityKey.kind == IdentityKind.PHONE.value, IdentityKey.value == number, holds)
        .values(picked_customer_id=customer_id, picked_by=edit.user_id, picked_at=edit.at)
    )


async def _insert_identity(connection: AsyncConnection, customer_id: int, claim: Claim, at: float) -> None:
    row = {
        "customer_id": customer_id,
        "kind": claim.kind.value,
        "value": claim.value,
        "spelled": claim.spelled,
        "source": claim.source.value,
        "confidence": claim.confidence.value,
        "first_seen": at,
        "last_seen": at,
    }
    await connection.execute(INSERT_IDENTITY, row)


async def give(connection: AsyncConnection, customer_id: int, claim: Claim, edit: Edit) -> bool:
    """Attach a claim whose key is held (`hold_key`). False, and nothing changed, when the customer has it already."""
    has_it = select(Identity.id).where(
        Identity.kind == claim.kind.value,
        Identity.value == claim.value,
        Identity.customer_id == customer_id,
    )
    if await connection.scalar(has_it) is not None:
        return False
    await _insert_identity(connection, customer_id, claim, edit.at)
    await journal(
        connection, customer_id, edit, Change(What.IDENTITY_ADDED, after=claim.shown, about=claim.row)
    )
    return True


async def read_claim(connection: AsyncConnection, customer_id: int, identity_id: int) -> Claim:
    """One claim of this customer. Raises NotFoundError."""
    row = (
        await connection.execute(
            select(
                Identity.kind, Identity.value, Identity.source, Identity.confidence, Identity.spelled
            ).where(Identity.id == identity_id, Identity.customer_id == customer_id)
        )
    ).one_or_none()
    if row is None:
        raise NotFoundError(f"customer {customer_id} has no identity {identity_id}")
    kind, source, confidence = IdentityKind(row.kind), Source(row.source), Confidence(row.confidence)
    return Claim(kind, row.value, source, confidence, row.spelled)


async def take(connection: AsyncConnection, customer_id: int, kind: IdentityKind, value: str) -> bool:
    """Detach a claim whose key is held; the key goes with its last holder, a pick with the picked one. False when
    the customer has no such claim."""
    key = (IdentityKey.kind == kind.value) & (IdentityKey.value == value)
    claim = (Identity.kind == kind.value) & (Identity.value == value)
    taken = await connection.execute(delete(Identity).where(claim, Identity.customer_id == customer_id))
    await connection.execute(
        update(IdentityKey)
        .where(key, IdentityKey.picked_customer_id == customer_id)
        .values(picked_customer_id=None, picked_by=None, picked_at=None)
    )
    held = exists().where(Identity.kind == IdentityKey.kind, Identity.value == IdentityKey.value)
    await connection.execute(delete(IdentityKey).where(key, ~held))
    return taken.rowcount == 1


async def touch_seen(
    connection: AsyncConnection, customer_id: int, number: str, at: float, spelled: str | None = None
) -> None:
    """The network has shown this number for this customer again; `spelled` as the network wrote it, where the key
    differs: that is how it is dialled from now on."""
    await connection.execute(SEEN, {"number": number, "of": customer_id, "at": at})
    if spelled is not None:
        held = (Identity.kind == IdentityKind.PHONE.value) & (Identity.value == number)
        theirs = held & (Identity.customer_id == customer_id)
        await connection.execute(update(Identity).where(theirs).values(spelled=spelled))
