"""Which lines of imported files are a person's: those that led to them, and those that led to nobody yet and hold a
number or an address only theirs, or no number anybody could read and their name, which nobody else has. A person in,
(import, line) of each out, or these lines gone. Reads some lines at a time: a file has up to 200,000."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Mapping, Sequence, Set
from typing import Any

from sqlalchemy import ColumnElement, func, or_, select, tuple_, update

from core.db import Database
from core.folding import fold
from crm_link.imports.match import Fate
from crm_link.imports.tables import CustomerImportRow as Row
from crm_link.tables import Customer
from server.privacy.erase_person import TAIL, Line, Person, parts_of

AT_ONCE = 2000

KEY = Row.import_id, Row.line

UNREAD = or_(Row.person == "", Row.person.contains('"keys": []', autoescape=True))
"""Nothing in it says whose it is but its cells."""


ERASED = "its person was erased"

NO_LINE: Mapping[str, str | None] = {
    **dict.fromkeys(("person", "did", "differs", "kept", "others"), ""),
    **dict.fromkeys(("customer_id", "first_line"), None),
    **dict.fromkeys(("fault", "why"), ERASED),
    "cells": "[]",
    "fate": Fate.REFUSED.value,
}
"""Of a line of an imported file: whoever goes on with the file leaves it out."""


async def find_lines(database: Database, person: Person) -> tuple[Line, ...]:
    """In the order of the files."""
    found = {
        *await _read(database, Row.customer_id.in_(person.ids)),
        *[line for some in parts_of(_keys(person), 20) for line in await _read(database, _holds(some))],
        *await _in_cells(database, person),
    }
    return tuple(sorted(found | await _followers(database, found)))


async def forget_lines(database: Database, person: Person) -> int:
    """Leave of them that they were; returns how many."""
    gone = 0
    for some in parts_of(await find_lines(database, person)):
        async with database.write() as connection:
            forgotten = update(Row).where(tuple_(*KEY).in_(list(some))).values(NO_LINE)
            gone += (await connection.execute(forgotten)).rowcount
    return gone


def _keys(person: Person) -> list[str]:
    """As JSON has them."""
    return [json.dumps(one, ensure_ascii=False) for one in (*person.numbers, *person.addresses)]


def _holds(keys: Sequence[str]) -> ColumnElement[bool]:
    return Row.customer_id.is_(None) & or_(*(Row.person.contains(key, autoescape=True) for key in keys))


async def _read(database: Database, which: ColumnElement[bool]) -> list[Line]:
    async with database.read() as connection:
        return [(row.import_id, row.line) for row in await connection.execute(select(*KEY).where(which))]


async def _followers(database: Database, leading: Set[Line]) -> set[Line]:
    """What was joined to them is about the same person."""
    first = tuple_(Row.import_id, Row.first_line)
    return {
        line for some in parts_of(sorted(leading)) for line in await _read(database, first.in_(list(some)))
    }


async def _in_cells(database: Database, person: Person) -> set[Line]:
    names, last = await _own_names(database, person), (0, 0)
    found: set[Line] = set()
    while True:
        unread = select(*KEY, Row.cells).where(UNREAD, Row.customer_id.is_(None), tuple_(*KEY) > last)
        async with database.read() as connection:
            rows = (await connection.execute(unread.order_by(*KEY).limit(AT_ONCE))).all()
        found |= await asyncio.to_thread(_speaking_of, rows, person, names)
        if len(rows) < AT_ONCE:
            return found
        last = (rows[-1].import_id, rows[-1].line)


async def _own_names(database: Database, person: Person) -> frozenset[str]:
    """Names of two words and more that no other customer has."""
    others = select(Customer.name).where(
        func.lower(Customer.name).in_([one.lower() for one in person.names]), Customer.id.not_in(person.ids)
    )
    async with database.read() as connection:
        taken = {fold(one) for one in await connection.scalars(others)}
    return frozenset({fold(one) for one in person.names if " " in one} - taken)


def _speaking_of(rows: Sequence[Any], person: Person, names: Set[str]) -> set[Line]:
    numbers = [re.sub(r"\D", "", one) for one in person.numbers]
    addresses = frozenset(one.casefold() for one in person.addresses)

    def is_theirs(cell: str) -> bool:
        text = cell.strip()
        if text.casefold() in addresses or (names and fold(text) in names):
            return True
        digits = re.sub(r"\D", "", text.replace("(0)", "")).lstrip("0")
        return len(digits) >= TAIL and any(one.endswith(digits) for one in numbers)

    return {(row.import_id, row.line) for row in rows if any(map(is_theirs, json.loads(row.cells)))}
