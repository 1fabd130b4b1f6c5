"""Looks at every line of an import before anything is done: read what it says, join lines about one person, ask who
that is among our customers. The answers stand with the lines afterwards; no customer is touched. Done anew from the
start whenever it is broken off: it promises nothing."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, islice
from typing import Any

from sqlalchemy import bindparam, update

from core.db import Database
from core.errors import InvalidInputError
from core.folding import words
from crm_link.imports.columns import MOST_KEYS, Person, read_person
from crm_link.imports.conflicts import Differences, Existing, compare
from crm_link.imports.fields import Declared, conflict
from crm_link.imports.groups import Groups
from crm_link.imports.held import read_held
from crm_link.imports.match import (
    Fate,
    Verdict,
    called_exactly,
    find_holders,
    judge,
    several,
    with_differences,
)
from crm_link.imports.names import agree
from crm_link.imports.people import One, Parted, Shared, part
from crm_link.imports.rows import STEP, batches, refuse_followers
from crm_link.imports.tables import CustomerImportRow as Row

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
        gaps=None,
        conflicts=0,
        differs="",
    )
)
FOLLOW = update(Row).where(*WHERE).values(first_line=bindparam("first"), fate=Fate.JOINED.value)
TOGETHER = (
    update(Row)
    .where(*WHERE)
    .values(first_line=bindparam("first"), fate=Fate.JOINED.value, why=bindparam("new_why"))
)
JUDGED = (
    update(Row)
    .where(*WHERE)
    .values(
        person=bindparam("new_person"),
        fate=bindparam("new_fate"),
        why=bindparam("new_why"),
        first_line=None,
        customer_id=bindparam("new_customer"),
        others=bindparam("new_others"),
        gaps=bindparam("new_gaps"),
        conflicts=bindparam("new_conflicts"),
        differs=bindparam("new_differs"),
    )
)


@dataclass(frozen=True, slots=True)
class Check:
    """Of one import."""

    database: Database
    import_id: int
    columns: Sequence[str]
    existing: Existing
    tag: str
    ids_of: str
    region: str
    declared: Declared

    async def run(self, progress: Progress) -> None:
        groups = Groups()
        async for rows in batches(self.database, self.import_id, (Row.cells, Row.fault)):
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
            person, why = self._person(row)
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

    def _person(self, row: Any) -> tuple[Person | None, str]:
        if row.fault:
            return None, row.fault
        try:
            return self._read_person(json.loads(row.cells)), ""
        except InvalidInputError as error:
            return None, str(error)

    def _read_person(self, cells: Sequence[str]) -> Person:
        return read_person(self.columns, cells, self.region, self.declared, self.ids_of)

    async def _judge(self, rows: Sequence[Any]) -> None:
        """Say what becomes of the lines that lead a group and of those that follow, by the people they are about."""
        leading = {row.line: Person.from_json(row.person) for row in rows}
        followers = await self._followers(list(leading))
        parted, people, whole = await asyncio.to_thread(_people_of, leading, followers)
        verdicts = _without_quarrels(people, await self._verdicts(people, whole, parted.shared))
        for line, (person, why) in parted.refused.items():
            whole[line], verdicts[line] = person, Verdict(Fate.REFUSED, why)
        await self._join(parted.people, whole)
        differing = await self._differences(whole, verdicts)
        for line, differences in differing.items():
            verdicts[line] = with_differences(verdicts[line], differences, self.existing)
        async with self.database.write() as connection:
            values = [
                self._judged(line, whole[line], verdict, differing.get(line))
                for line, verdict in verdicts.items()
            ]
            if values:
                await connection.execute(JUDGED, values)
            refused = [line for line, verdict in verdicts.items() if verdict.fate is Fate.REFUSED]
            await refuse_followers(connection, self.import_id, refused)

    async def _join(self, people: Sequence[One], whole: Mapping[int, Person]) -> None:
        """Lines that say more about the person of a line before them; thousands are not written at once."""
        following = (one for lead in people for one in self._following(lead, whole[lead.first_line]))
        while some := await asyncio.to_thread(lambda: list(islice(following, STEP))):
            async with self.database.write() as connection:
                await connection.execute(TOGETHER, some)

    async def _differences(
        self, whole: Mapping[int, Person], verdicts: Mapping[int, Verdict]
    ) -> dict[int, Differences]:
        """Of the lines about customers we have: the same whatever is chosen to be done with these."""
        ours = {
            line: verdict.customer_id
            for line, verdict in verdicts.items()
            if verdict.is_ours and verdict.customer_id is not None
        }
        tagged = {line: whole[line].tagged(self.tag) for line in ours}
        said: dict[int, list[Person]] = {}
        for line, customer_id in ours.items():
            said.setdefault(customer_id, []).append(tagged[line])
        async with self.database.read() as connection:
            held = await read_held(connection, said)
        return {
            line: compare(tagged[line], held[customer_id], self.declared)
            for line, customer_id in ours.items()
            if customer_id in held
        }

    def _judged(
        self, line: int, person: Person, verdict: Verdict, differences: Differences | None
    ) -> dict[str, Any]:
        return self._at(line) | {
            "new_gaps": len(differences.gaps) if differences is not None else None,
            "new_conflicts": len(differences.conflicts) if differences is not None else 0,
            "new_differs": differences.as_json() if differences is not None else "",
            "new_person": person.as_json(),
            "new_fate": verdict.fate.value,
            "new_why": verdict.why,
            "new_customer": verdict.customer_id,
            "new_others": " ".join(map(str, verdict.others)),
        }

    def _following(self, one: One, whole: Person) -> Iterator[dict[str, Any]]:
        (first, _), *others = one.lines
        for line, person in others:
            yield self._at(line) | {"first": first, "new_why": self._what_is_taken(one, whole, person)}

    def _what_is_taken(self, one: One, whole: Person, other: Person) -> str:
        """Where a line says something else than lines before it about the same person."""
        said = []
        line, first = one.lines[0]
        if first.name and other.name and words(first.name) != words(other.name):
            said.append(f"line {line} calls the same person {first.name!r}: that name is taken")
        theirs = conflict(other.values, dict(whole.values), self.declared)
        if theirs:
            said.append(f"a line before says otherwise: {theirs}")
        return "; ".join(said)

    async def _verdicts(
        self, people: Mapping[int, One], whole: Mapping[int, Person], shared: Mapping[int, Shared]
    ) -> dict[int, Verdict]:
        async with self.database.read() as connection:
            holders = await find_holders(connection, (key for one in whole.values() for key in one.keys))
            found = {
                line: judge(one, holders, self.existing, shared.get(line)) for line, one in whole.items()
            }
            for line, one in people.items():
                if len(one.lines) > 1:
                    exact = called_exactly((person for _, person in one.lines), holders)
                    found[line] = several(sorted(exact)) if len(exact) > 1 else found[line]
        for line, person in whole.items():
            if len(person.keys) > MOST_KEYS:
                why = f"with the lines about the same person it has more than {MOST_KEYS} numbers"
                found[line] = Verdict(Fate.REFUSED, why)
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


def _people_of(
    leading: Mapping[int, Person], followers: Mapping[int, Sequence[tuple[int, Person]]]
) -> tuple[Parted, Mapping[int, One], dict[int, Person]]:
    """Who leading lines and those that follow them are about, by their first lines, and what these say together."""
    parted = Parted()
    for line, others in followers.items():
        parted.add(part([(line, leading[line]), *others]))
    alone = (One.of(line, person) for line, person in leading.items() if line not in followers)
    people = {one.first_line: one for one in (*parted.people, *alone)}
    return parted, people, {line: one.whole for line, one in people.items()}


def _without_quarrels(people: Mapping[int, One], verdicts: dict[int, Verdict]) -> dict[int, Verdict]:
    """People of different names who would all become part of one customer, called by half a name, are refused."""
    wanting: dict[int, list[int]] = {}
    for line, verdict in verdicts.items():
        if verdict.fate is Fate.CHANGED and verdict.customer_id is not None:
            wanting.setdefault(verdict.customer_id, []).append(line)
    for customer_id, lines in wanting.items():
        if any(not agree(people[one].called, people[other].called) for one, other in combinations(lines, 2)):
            why = f"lines {' and '.join(map(str, lines[:5]))} name different people, and one customer fits them all"
            quarrel = Verdict(Fate.REFUSED, why, others=(customer_id,))
            verdicts |= dict.fromkeys(lines, quarrel)
    return verdicts
