"""What programs were answered lately and a person stands in: a person in, those stored answers gone. They are JSON in
many shapes, so each is read whole and looked through for names, numbers, addresses and the customer's id."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import delete, select, tuple_

from core.db import Database
from server.privacy.erase_person import Person
from server.tables import ApiAnswerRow

AT_ONCE = 100
"""Answers in memory at once; one may be a page of many calls."""

ID_FIELDS = frozenset({"customer_id", "customer_ids", "kept_id", "merged_id"})
SHORTEST_PART = 4
"""Letters of a name that is looked for inside longer texts; a shorter one has to be the whole text."""

ORDER = ApiAnswerRow.sender, ApiAnswerRow.key


@dataclass(frozen=True, slots=True)
class _Sought:
    person: Person
    names: tuple[str, ...]
    addresses: tuple[str, ...]

    def is_in(self, value: Any, field: str = "") -> bool:
        """Whether a JSON value, which stood under this name, speaks of the person."""
        match value:
            case dict():
                return any(self.is_in(one, _field(key, field)) for key, one in value.items())
            case list():
                return any(self.is_in(one, field) for one in value)
            case bool():
                return False
            case int():
                return field in ID_FIELDS and value in self.person.ids
            case str():
                return self._is_in_text(value.casefold())
        return False

    def _is_in_text(self, text: str) -> bool:
        named = any(one == text or (len(one) >= SHORTEST_PART and one in text) for one in self.names)
        return named or any(one in text for one in self.addresses) or self.person.is_named_in(text)


def _field(key: str, around: str) -> str:
    return "customer_id" if key == "id" and around == "customers" else key


async def forget_answers_about(database: Database, person: Person) -> int:
    """Take away what speaks of them, some at a time; returns how many."""
    names = tuple(one.casefold() for one in person.names)
    sought = _Sought(person, names, tuple(one.casefold() for one in person.addresses))
    last, gone = ("", ""), 0
    while True:
        rows = await _page(database, last)
        gone += await _forget(database, [(row.sender, row.key) for row in rows if _speaks_of(row, sought)])
        if len(rows) < AT_ONCE:
            return gone
        last = (rows[-1].sender, rows[-1].key)


async def _page(database: Database, last: tuple[str, str]) -> Sequence[Any]:
    page = select(*ORDER, ApiAnswerRow.headers, ApiAnswerRow.body).where(tuple_(*ORDER) > last)
    async with database.read() as connection:
        return (await connection.execute(page.order_by(*ORDER).limit(AT_ONCE))).all()


async def _forget(database: Database, keys: Collection[tuple[str, str]]) -> int:
    if not keys:
        return 0
    async with database.write() as connection:
        return (await connection.execute(delete(ApiAnswerRow).where(tuple_(*ORDER).in_(keys)))).rowcount


def _speaks_of(row: Any, sought: _Sought) -> bool:
    headers = json.loads(row.headers or "{}")
    place = headers.get("Location", "").rpartition("/customers/")
    if place[1] and place[2] in {str(one) for one in sought.person.ids}:
        return True
    if not row.body or "json" not in headers.get("Content-Type", ""):
        return False
    return sought.is_in(json.loads(row.body))
