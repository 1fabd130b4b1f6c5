"""New customers many at a time: people whose numbers nobody holds in, rows of all tables that a customer has out, a few
statements for hundreds of them. The keys are inserted first, and only whose keys were really inserted is made (P9).
Works inside the caller's transaction."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import String, delete, exists, func, insert, literal, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from core.folding import words
from crm_link.changes import Edit, What, announce_all
from crm_link.identities import Claim
from crm_link.imports.columns import Key, Person
from crm_link.imports.fields import Declared
from crm_link.imports.match import parts_of
from crm_link.imports.values import insert_values
from crm_link.kinds import Confidence, IdentityKind, LinkHow, Source
from crm_link.records import touch_contact
from crm_link.tables import (
    CallCustomer,
    CallMatch,
    Customer,
    CustomerChange,
    CustomerTag,
    CustomerWord,
    Identity,
    IdentityKey,
    Note,
)

KEYS: dict[str, sqlite.Insert | postgresql.Insert] = {
    "sqlite": sqlite.insert(IdentityKey).on_conflict_do_nothing(),
    "postgresql": postgresql.insert(IdentityKey).on_conflict_do_nothing(),
}


@dataclass(frozen=True, slots=True)
class Made:
    """A customer that was made, with the notes about them."""

    customer_id: int
    notes: tuple[int, ...] = ()


def claims_of(person: Person) -> list[Claim]:
    """What the file says of a person's numbers, as claims."""
    spelled = dict(person.spelled)
    return [
        Claim(IdentityKind(kind), value, Source.IMPORT, Confidence.STATED, spelled.get(value))
        for kind, value in person.keys
    ]


async def take_keys(connection: AsyncConnection, keys: set[Key]) -> set[Key]:
    """Make these keys; returns those that were not there. Always in the same order, so that two transactions never
    wait for each other; whoever comes second waits for the first one's end."""
    if not keys:
        return set()
    rows = [{"kind": kind, "value": value} for kind, value in sorted(keys)]
    statement = KEYS[connection.dialect.name].returning(IdentityKey.kind, IdentityKey.value)
    return {(row.kind, row.value) for row in await connection.execute(statement, rows)}


async def free_keys(connection: AsyncConnection, keys: set[Key]) -> None:
    """Take those of these keys away that nobody holds."""
    held = exists().where(Identity.kind == IdentityKey.kind, Identity.value == IdentityKey.value)
    for kind in {kind for kind, _ in keys}:
        for some in parts_of(value for of, value in keys if of == kind):
            await connection.execute(
                delete(IdentityKey).where(IdentityKey.kind == kind, IdentityKey.value.in_(some), ~held)
            )


async def insert_people(
    connection: AsyncConnection, people: Sequence[Person], edit: Edit, declared: Declared
) -> list[Made]:
    """Customers with everything the file says of them; their keys are there already. Calls of their numbers that stood
    with nobody come along (P10)."""
    inserted = await connection.execute(
        insert(Customer).returning(Customer.id, sort_by_parameter_order=True),
        [
            {
                "name": one.name,
                "company": one.company,
                "is_provisional": False,
                "created_at": edit.at,
                "created_from": Source.IMPORT.value,
            }
            for one in people
        ],
    )
    ids = [int(row.id) for row in inserted]
    pairs = list(zip(ids, people, strict=True))
    await _insert(connection, CustomerWord, _words(pairs))
    await _insert(connection, Identity, _identities(pairs, edit))
    await _insert(connection, CustomerTag, _tags(pairs, edit))
    await insert_values(connection, pairs, declared)
    await _insert(connection, CustomerChange, [_created(one, edit) for one in ids])
    notes = await _insert_notes(connection, pairs, edit)
    await _attach_calls(connection, ids)
    # The last step but for the lines of the file, which are our own.
    await announce_all(connection, ids, edit.at)
    return [Made(one, (notes[one],) if one in notes else ()) for one in ids]


async def _insert(connection: AsyncConnection, table: Any, rows: list[dict[str, Any]]) -> None:
    if rows:
        await connection.execute(insert(table), rows)


def _words(pairs: Iterable[tuple[int, Person]]) -> list[dict[str, Any]]:
    return [
        {"word": word, "customer_id": customer_id}
        for customer_id, one in pairs
        for word in sorted(words(one.name, one.company))
    ]


def _identities(pairs: Iterable[tuple[int, Person]], edit: Edit) -> list[dict[str, Any]]:
    return [
        {
            "customer_id": customer_id,
            "kind": claim.kind.value,
            "value": claim.value,
            "spelled": claim.spelled,
            "source": claim.source.value,
            "confidence": claim.confidence.value,
            "first_seen": edit.at,
            "last_seen": edit.at,
        }
        for customer_id, one in pairs
        for claim in claims_of(one)
    ]


def _tags(pairs: Iterable[tuple[int, Person]], edit: Edit) -> list[dict[str, Any]]:
    return [
        {"customer_id": customer_id, "tag": tag, "added_at": edit.at, "added_by": edit.user_id}
        for customer_id, one in pairs
        for tag in one.tags
    ]


def _created(customer_id: int, edit: Edit) -> dict[str, Any]:
    return {
        "customer_id": customer_id,
        "at": edit.at,
        "changed_by": edit.user_id,
        "what": What.CREATED.value,
        "after": Source.IMPORT.value,
    }


async def _insert_notes(
    connection: AsyncConnection, pairs: Sequence[tuple[int, Person]], edit: Edit
) -> dict[int, int]:
    """The id of each customer's note."""
    rows = [
        {
            "customer_id": customer_id,
            "author_id": edit.user_id,
            "text": one.note,
            "created_at": edit.at,
        }
        for customer_id, one in pairs
        if one.note
    ]
    if not rows:
        return {}
    made = await connection.execute(insert(Note).returning(Note.customer_id, Note.id), rows)
    return {row.customer_id: row.id for row in made}


async def _attach_calls(connection: AsyncConnection, ids: Sequence[int]) -> None:
    attached = exists().where(CallCustomer.call_id == CallMatch.call_id)
    rows = (
        select(
            CallMatch.call_id,
            Identity.customer_id,
            literal(LinkHow.RELABELLED.value, String),
            literal(1),
            CallMatch.call_at,
        )
        .join(Identity, Identity.value == CallMatch.number)
        .where(Identity.kind == IdentityKind.PHONE.value, Identity.customer_id.in_(ids), ~attached)
    )
    columns = ["call_id", "customer_id", "how", "rank", "call_at"]
    moved = await connection.execute(insert(CallCustomer).from_select(columns, rows))
    if not moved.rowcount:
        return
    latest = await connection.execute(
        select(CallCustomer.customer_id, func.max(CallCustomer.call_at).label("at"))
        .where(CallCustomer.customer_id.in_(ids))
        .group_by(CallCustomer.customer_id)
    )
    for row in latest.all():
        await touch_contact(connection, [row.customer_id], row.at)
