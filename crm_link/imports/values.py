"""Values of a site's own fields that come with a file: given to customers, and put back when the import is undone. What
is there already stays unless it is to be overwritten; an empty cell takes nothing away. Works inside the caller's
transaction, which holds the customer."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from crm_link.changes import Edit, journal
from crm_link.fields.edit import read_values, rows_of, set_values
from crm_link.fields.tables import CustomerField, CustomerFieldWord
from crm_link.imports.columns import Person
from crm_link.imports.fields import Declared

if TYPE_CHECKING:
    from crm_link.imports.work import Did


async def insert_values(
    connection: AsyncConnection, people: Iterable[tuple[int, Person]], declared: Declared
) -> None:
    """Of customers who were made just now."""
    rows, words = [], []
    for customer_id, one in people:
        for key, value in one.values:
            if key in declared:
                row, found = rows_of(customer_id, declared[key], value)
                rows.append(row)
                words += found
    if rows:
        await connection.execute(insert(CustomerField), rows)
    if words:
        await connection.execute(insert(CustomerFieldWord), words)


async def give_values(
    connection: AsyncConnection,
    customer_id: int,
    person: Person,
    edit: Edit,
    did: Did,
    declared: Declared,
    *,
    overwrite: bool,
) -> None:
    """What was changed is noted in `did`."""
    held = (await read_values(connection, [customer_id]))[customer_id]
    wanted = {
        key: value
        for key, value in person.values
        if key in declared and value != held.get(key) and (overwrite or key not in held)
    }
    if wanted:
        changes = await set_values(connection, customer_id, declared, wanted)
        await journal(connection, customer_id, edit, *changes)
        did.values = {key: [held.get(key), value] for key, value in wanted.items()}


async def put_values_back(
    connection: AsyncConnection, customer_id: int, did: Did, edit: Edit, declared: Declared
) -> list[str]:
    """The values before, where they still stand as the import left them; returns what could not be put back."""
    if not did.values:
        return []
    held = (await read_values(connection, [customer_id]))[customer_id]
    gone = [key for key in did.values if key not in declared]
    changed = [key for key, (_, after) in did.values.items() if key in declared and held.get(key) != after]
    back = {key: before for key, (before, _) in did.values.items() if key not in (*gone, *changed)}
    await journal(connection, customer_id, edit, *await set_values(connection, customer_id, declared, back))
    return [
        *(f"the settings have no field {key} any more" for key in gone),
        *(f"{declared[key].title} was changed since" for key in changed),
    ]
