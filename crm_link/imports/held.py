"""What we have of customers whom a file names: their ids and what its lines say in, what could be missing or differ out
(`conflicts.py` compares). Reads on the caller's connection, many at a time."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.orm import InstrumentedAttribute

from crm_link.fields.edit import read_values
from crm_link.imports.columns import Person
from crm_link.imports.conflicts import Held
from crm_link.imports.match import parts_of
from crm_link.tables import Customer, CustomerTag, Identity, Note


async def read_held(connection: AsyncConnection, people: Mapping[int, Iterable[Person]]) -> dict[int, Held]:
    """By customer; `people` is what lines say of each."""
    found: dict[int, Held] = {}
    for ids in parts_of(people):
        notes = {one.note for customer_id in ids for one in people[customer_id] if one.note}
        found |= await _some(connection, ids, notes)
    return found


async def _some(connection: AsyncConnection, ids: list[int], said: set[str]) -> dict[int, Held]:
    keys = await _by_customer(connection, ids, Identity.customer_id, Identity.kind, Identity.value)
    tags = await _by_customer(connection, ids, CustomerTag.customer_id, CustomerTag.tag)
    notes = await _by_customer(connection, ids, Note.customer_id, Note.text) if said else {}
    values = await read_values(connection, ids)
    rows = await connection.execute(
        select(Customer.id, Customer.name, Customer.company).where(Customer.id.in_(ids))
    )
    return {
        row.id: Held(
            name=row.name,
            company=row.company,
            keys=frozenset((kind, value) for kind, value in keys.get(row.id, ())),
            tags=frozenset(tag for (tag,) in tags.get(row.id, ())),
            notes=frozenset(text for (text,) in notes.get(row.id, ()) if text in said),
            values=values[row.id],
        )
        for row in rows
    }


async def _by_customer(
    connection: AsyncConnection,
    ids: list[int],
    of: InstrumentedAttribute[Any],
    *columns: InstrumentedAttribute[Any],
) -> dict[int, list[tuple[Any, ...]]]:
    found: dict[int, list[tuple[Any, ...]]] = defaultdict(list)
    for customer_id, *values in await connection.execute(select(of, *columns).where(of.in_(ids))):
        found[customer_id].append(tuple(values))
    return found
