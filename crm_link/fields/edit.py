"""A site's own fields of its customers: values are read and written here, one transaction per edit that ends with the
durable `CustomerChanged`. Which fields there are comes from the settings; what a value may be is `values.py`.
Values of a field that the settings no longer have stay stored, and are neither shown nor edited."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import delete, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from config.crm import CustomField, FieldType
from core.bus import Bus
from core.clock import Clock
from core.db import Database
from core.errors import InvalidInputError
from core.folding import words
from crm_link.changes import Change, Edit, What, announce, journal, row_of
from crm_link.fields.tables import CustomerField, CustomerFieldWord
from crm_link.fields.values import FieldValue, checked, loaded, stored, words_of
from crm_link.records import bump, hold_customer

Values = Mapping[str, FieldValue]


class Fields:
    """All edits of values. One instance serves the whole process; `declared` are the fields of the settings."""

    def __init__(self, database: Database, bus: Bus, clock: Clock, declared: Sequence[CustomField]) -> None:
        self._database = database
        self._bus = bus
        self._clock = clock
        self.declared = tuple(declared)
        self._by_key = {one.key: one for one in declared}

    @property
    def on_card(self) -> tuple[CustomField, ...]:
        return tuple(one for one in self.declared if one.on_card)

    async def edit(
        self,
        customer_id: int,
        given: Mapping[str, FieldValue | None],
        by: int | None,
        expected_version: int | None = None,
    ) -> int:
        """Set these values and leave the others; None takes one away. The customer's id today is answered.

        Raises NotFoundError, InvalidInputError, and StaleError when `expected_version` is no longer current.
        """
        edit, wanted = Edit(self._clock(), by), self.check(given)
        changed = None
        async with self._database.write() as connection:
            current = await hold_customer(connection, customer_id)
            await bump(connection, current, expected_version)
            changes = await set_values(connection, current, self._by_key, wanted)
            if changes:
                await journal(connection, current, edit, *changes)
                changed = await announce(connection, current, edit.at)
        if changed is not None:
            await self._bus.publish(changed)
        return current

    def check(self, given: Mapping[str, FieldValue | None]) -> dict[str, FieldValue | None]:
        """Each value as it is kept. Raises InvalidInputError for a key nobody declared and a value that is none."""
        for key in given:
            if key not in self._by_key:
                known = ", ".join(self._by_key) or "this site has none"
                raise InvalidInputError(f"there is no field {key[:60]!r}: {known}", field=key[:60])
        return {key: checked(self._by_key[key], value) for key, value in given.items()}

    async def read(self, connection: AsyncConnection, customer_id: int) -> dict[str, FieldValue]:
        """The declared fields' values, in the order of the settings."""
        return self.shown((await read_values(connection, [customer_id]))[customer_id])

    def shown(self, values: Values) -> dict[str, FieldValue]:
        """Of stored values those of declared fields, in the order of the settings."""
        return {one.key: values[one.key] for one in self.declared if one.key in values}


async def set_values(
    connection: AsyncConnection,
    customer_id: int,
    declared: Mapping[str, CustomField],
    wanted: Mapping[str, FieldValue | None],
) -> list[Change]:
    """Write what differs, for a customer who is held; returns it as history."""
    before = (await read_values(connection, [customer_id]))[customer_id]
    changes = []
    for key, value in wanted.items():
        if before.get(key) == value and type(before.get(key)) is type(value):
            continue
        await _replace(connection, customer_id, declared[key], value)
        old, new = words_of(before.get(key)), words_of(value)
        label = declared[key].title
        said = f"{label}: {old}" if old else None
        about = row_of(CustomerField.__tablename__, key)
        changes.append(Change(What.FIELD, before=said, after=f"{label}: {new}", about=about))
    return changes


async def read_values(
    connection: AsyncConnection, customer_ids: Sequence[int]
) -> defaultdict[int, dict[str, FieldValue]]:
    """All stored values by customer."""
    rows = await connection.execute(
        select(CustomerField.customer_id, CustomerField.key, CustomerField.value).where(
            CustomerField.customer_id.in_(customer_ids)
        )
    )
    found: defaultdict[int, dict[str, FieldValue]] = defaultdict(dict)
    for row in rows:
        found[row.customer_id][row.key] = loaded(row.value)
    return found


async def _replace(
    connection: AsyncConnection, customer_id: int, field: CustomField, value: FieldValue | None
) -> None:
    for table in (CustomerField, CustomerFieldWord):
        await connection.execute(
            delete(table).where(table.customer_id == customer_id, table.key == field.key)
        )
    if value is None:
        return
    row, found = rows_of(customer_id, field, value)
    await connection.execute(insert(CustomerField), row)
    if found:
        await connection.execute(insert(CustomerFieldWord), found)


def rows_of(
    customer_id: int, field: CustomField, value: FieldValue
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """The row of a value, and those of the words by which its customer is found."""
    row = {"customer_id": customer_id, "key": field.key}
    found = sorted(words(str(value))) if field.type is FieldType.TEXT else []
    return row | {"value": stored(value)}, [row | {"word": word} for word in found]
