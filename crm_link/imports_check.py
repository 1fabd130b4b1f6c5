"""Looks at every line of an import before anything is done: read what it says, join lines about one person, ask who
that is among our customers. The answers stand with the lines afterwards; no customer is touched. Done anew from the
start whenever it is broken off: it promises nothing."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

from sqlalchemy import bindparam, update

from core.db import Database
from core.errors import InvalidInputError
from crm_link.fields import read_values
from crm_link.imports_columns import MOST_KEYS, Person, differ, join, read_person
from crm_link.imports_fields import Declared, conflict
from crm_link.imports_groups import Groups
from crm_link.imports_match import Existing, Fate, Verdict, find_holders, judge, with_conflicts
from crm_link.imports_rows import STEP, batches, refuse_followers
from crm_link.imports_tables import CustomerImportRow as Row

AT_ONCE = 50
"""Lines whose numbers are read before others get a turn: some milliseconds."""

Progress = Callable[[int], Awaitable[None]]
"""Told how many lines more have been looked at, half a line for each of the two looks."""

WHERE = (Row.import_id == bindparam("of"), Row.line == bindparam("at"))
READ = (
    update(Row)
    .where(*WHERE)
    .values(
        person=bindparam("new_person"),
        fate=bindparam("new_fate"),
        why=bindparam("new_why"),
        first_line=None,
        customer_id=None,
        others="",
    )
)
FOLLOW = update(Row).where(*WHERE).values(first_line=bindparam("first"), fate=Fate.JOINED.value)
SAY = update(Row).where(*WHERE).values(why=bindparam("new_why"))
JUDGED = (
    update(Row)
    .where(*WHERE)
    .values(
        person=bindparam("new_person"),
        fate=bindparam("new_fate"),
        why=bindparam("new_why"),
        customer_id=bindparam("new_customer"),
        others=bindparam("new_others"),
    )
)


@dataclass(frozen=True, slots=True)
class Check:
    """Of one import."""

    database: Database
    import_id: int
    columns: Sequence[str]
    existing: Existing
    region: str
    declared: Declared

    async def run(self, progress: Progress) -> None:
        groups = Groups()
        async for rows in batches(self.database, self.import_id, (Row.cells,)):
            await self._read(rows, groups)
            await progress(len(rows))
        followers = groups.followers()
        while some := list(islice(followers, STEP)):
            async with self.database.write() as connection:
                await connection.execute(FOLLOW, [self._at(line) | {"first": first} for line, first in some])
        async for rows in batches(self.database, self.import_id, (Row.person, Row.fate, Row.first_line)):
            await self._judge([row for row in rows if not row.fate])
            await progress(len(rows))

    def _at(self, line: int) -> dict[str, Any]:
        return {"of": self.import_id, "at": line}

    async def _read(self, rows: Sequence[Any], groups: Groups) -> None:
        values = []
        for place, row in enumerate(rows):
            if place % AT_ONCE == 0:
                await asyncio.sleep(0)
            person, why = self._person(row.cells)
            if person is not None:
                groups.add(row.line, person.keys)
            values.append(
                self._at(row.line)
                | {
                    "new_person": person.as_json() if person is not None else "",
                    "new_fate": Fate.REFUSED.value if person is None else "",
                    "new_why": why,
                }
            )
        async with self.database.write() as connection:
            await connection.execute(READ, values)

    def _person(self, cells: str) -> tuple[Person | None, str]:
        try:
            return read_person(self.columns, json.loads(cells), self.region, self.declared), ""
        except InvalidInputError as error:
            return None, str(error)

    async def _judge(self, rows: Sequence[Any]) -> None:
        """Say what becomes of the lines that lead, each with what the lines that follow it add."""
        persons = {row.line: Person.from_json(row.person) for row in rows}
        followers = await self._followers(list(persons))
        whole = {
            line: join(one, (other for _, other in followers.get(line, ()))) for line, one in persons.items()
        }
        said = [
            self._at(at) | {"new_why": why}
            for line, ones in followers.items()
            for at, other in ones
            if (why := self._what_is_taken(line, persons[line], whole[line], other))
        ]
        values = [
            self._at(line)
            | {
                "new_person": whole[line].as_json(),
                "new_fate": verdict.fate.value,
                "new_why": verdict.why,
                "new_customer": verdict.customer_id,
                "new_others": " ".join(map(str, verdict.others)),
            }
            for line, verdict in (await self._verdicts(whole)).items()
        ]
        async with self.database.write() as connection:
            if values:
                await connection.execute(JUDGED, values)
            if said:
                await connection.execute(SAY, said)
            refused = [one["at"] for one in values if one["new_fate"] == Fate.REFUSED]
            await refuse_followers(connection, self.import_id, refused)

    def _what_is_taken(self, line: int, first: Person, whole: Person, other: Person) -> str:
        """Where a line says something else than lines before it about the same person."""
        said = []
        if differ(first, other):
            said.append(f"line {line} calls the same person {first.name!r}: that name is taken")
        theirs = conflict(other.values, dict(whole.values), self.declared, overwrite=False)
        if theirs:
            said.append(f"a line before says otherwise: {theirs}")
        return "; ".join(said)

    async def _verdicts(self, people: dict[int, Person]) -> dict[int, Verdict]:
        async with self.database.read() as connection:
            holders = await find_holders(connection, (key for one in people.values() for key in one.keys))
            found = {line: judge(one, holders, self.existing) for line, one in people.items()}
            ids = {one.customer_id for one in found.values() if one.fate is Fate.CHANGED and one.customer_id}
            held = await read_values(connection, sorted(ids)) if self.declared else {}
        for line, person in people.items():
            if len(person.keys) > MOST_KEYS:
                why = f"with the lines about the same person it has more than {MOST_KEYS} numbers"
                found[line] = replace(found[line], fate=Fate.REFUSED, why=why)
            elif values := held.get(found[line].customer_id or 0):
                found[line] = with_conflicts(found[line], person, values, self.declared, self.existing)
        return found

    async def _followers(self, lines: Sequence[int]) -> dict[int, list[tuple[int, Person]]]:
        found: dict[int, list[tuple[int, Person]]] = {}
        followers = batches(
            self.database, self.import_id, (Row.person, Row.first_line), Row.first_line.in_(lines)
        )
        async for rows in followers:
            for row in rows:
                found.setdefault(row.first_line, []).append((row.line, Person.from_json(row.person)))
        return found
