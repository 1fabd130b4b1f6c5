"""Does what an import is for: the leading lines of a file in, customers out, each with a note of what was changed so
that it can be undone. A line is marked as done in the transaction that does it, so a crash loses nothing and does
nothing twice. People nobody holds any number of are made many at a time; those we have already one at a time, with the
same locks in the same order as every other edit.

The world may have moved since the look (`check.py`): everything is asked again here."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

from sqlalchemy import bindparam, update
from sqlalchemy.ext.asyncio import AsyncConnection

from core.bus import Bus
from core.clock import Clock
from core.db import Database
from core.errors import InvalidInputError
from core.facts import Fact
from crm_link.changes import Edit
from crm_link.fields.values import FieldValue
from crm_link.identities import hold_keys
from crm_link.imports.columns import MOST_KEYS, Key, Person
from crm_link.imports.conflicts import Existing, compare
from crm_link.imports.fields import Declared
from crm_link.imports.held import read_held
from crm_link.imports.match import Fate, Verdict, find_holders, judge
from crm_link.imports.new import claims_of, free_keys, insert_people, take_keys
from crm_link.imports.rows import refuse_followers
from crm_link.imports.tables import CustomerImportRow as Row
from crm_link.imports.write import Way, absorb_into, make_customer

DONE = (
    update(Row)
    .where(Row.import_id == bindparam("of"), Row.line == bindparam("at"))
    .values(
        fate=bindparam("new_fate"),
        why=bindparam("new_why"),
        customer_id=bindparam("new_customer"),
        others=bindparam("new_others"),
        did=bindparam("new_did"),
    )
)
FOLLOWED = (
    update(Row)
    .where(Row.import_id == bindparam("of"), Row.first_line == bindparam("at"))
    .values(customer_id=bindparam("new_customer"))
)


class LostError(Exception):
    """Another process has done this line: what we were about to do is rolled back."""


@dataclass(slots=True)
class Did:
    """What a line changed. `version` is the customer's afterwards; `fields` (name and company) and `values` (of the
    site's own fields, by key) are [before, after]; `absorbed` are unknown callers who became part of the customer."""

    made: bool = False
    version: int = 0
    fields: dict[str, list[str]] = field(default_factory=dict)
    values: dict[str, list[FieldValue | None]] = field(default_factory=dict)
    identified: bool = False
    identities: list[Key] = field(default_factory=list)
    tags: list[str] = field(default_factory=list)
    notes: list[int] = field(default_factory=list)
    absorbed: list[int] = field(default_factory=list)

    def as_json(self) -> str:
        return json.dumps({one.name: getattr(self, one.name) for one in fields(self)}, ensure_ascii=False)

    @staticmethod
    def from_json(text: str) -> Did:
        given = json.loads(text)
        given["identities"] = [(kind, value) for kind, value in given["identities"]]
        return Did(**given)

    @property
    def is_nothing(self) -> bool:
        return not (
            self.made
            or self.identified
            or self.fields
            or self.values
            or self.identities
            or self.tags
            or self.notes
            or self.absorbed
        )


@dataclass(frozen=True, slots=True)
class Leading:
    """A line that stands for a person."""

    line: int
    person: Person


@dataclass(frozen=True, slots=True)
class Work:
    """Of one import. `by` is who asked for it."""

    database: Database
    bus: Bus
    clock: Clock
    import_id: int
    existing: Existing
    tag: str
    by: int | None
    declared: Declared

    async def run(self, lines: Sequence[Leading]) -> None:
        """Import these people. Raises LostError when another process is at it."""
        tagged = [Leading(one.line, one.person.tagged(self.tag)) for one in lines]
        async with self.database.read() as connection:
            held = await find_holders(connection, (key for one in tagged for key in one.person.keys))
        new = _apart(one for one in tagged if judge(one.person, held, self.existing).fate is Fate.NEW)
        made = await self._make_many(new) if new else set()
        for one in tagged:
            if one.line not in made:
                await self._do_one(one)

    async def _make_many(self, people: Sequence[Leading]) -> set[int]:
        """New customers at once; returns the lines that were done. Those of whose numbers one was taken at this very
        moment are left: whose key is really inserted makes the customer (P9)."""
        edit = Edit(self.clock(), self.by)
        async with self.database.write() as connection:
            won = await take_keys(connection, {key for one in people for key in one.person.keys})
            mine = [one for one in people if all(key in won for key in one.person.keys)]
            await free_keys(connection, won - {key for one in mine for key in one.person.keys})
            if not mine:
                return set()
            await self._mark(connection, [one.line for one in mine], edit.at)
            made = await insert_people(connection, [one.person for one in mine], edit, self.declared)
            values = [
                self._done(
                    one.line, Verdict(Fate.NEW, customer_id=new.customer_id), _made(one.person, new.notes)
                )
                for one, new in zip(mine, made, strict=True)
            ]
            await connection.execute(DONE, values)
            await connection.execute(
                FOLLOWED,
                [
                    {"of": self.import_id, "at": one["at"], "new_customer": one["new_customer"]}
                    for one in values
                ],
            )
        return {one.line for one in mine}

    async def _do_one(self, one: Leading) -> None:
        try:
            facts = await self._in_one_transaction(one)
        except InvalidInputError as error:
            facts = await self._refuse(one, Verdict(Fate.REFUSED, str(error)))
        for fact in facts:
            await self.bus.publish(fact)

    async def _in_one_transaction(self, one: Leading) -> list[Fact]:
        edit, person = Edit(self.clock(), self.by), one.person
        claims = claims_of(person)
        async with self.database.write() as connection:
            await hold_keys(connection, claims)
            await self._mark(connection, [one.line], edit.at)
            verdict = judge(person, await find_holders(connection, person.keys), self.existing)
            if len(person.keys) > MOST_KEYS:
                verdict = Verdict(Fate.REFUSED, f"it has more than {MOST_KEYS} numbers and addresses")
            if verdict.fate in (Fate.REFUSED, Fate.SKIPPED):
                await free_keys(connection, set(person.keys))
                await self._note(connection, one.line, verdict, None)
                return []
            return await self._absorb(connection, one, verdict, edit)

    async def _absorb(
        self, connection: AsyncConnection, one: Leading, verdict: Verdict, edit: Edit
    ) -> list[Fact]:
        person, did = one.person, Did(made=verdict.customer_id is None)
        customer_id = verdict.customer_id or await make_customer(connection, person, edit)
        if verdict.is_ours:
            await self._note_differences(connection, one, customer_id)
        way = Way(edit, self.declared, self.existing is Existing.OVERWRITE)
        facts = await absorb_into(connection, customer_id, person, way, did)
        fate = verdict.fate if did.made else Fate.SKIPPED if did.is_nothing else Fate.CHANGED
        said = [verdict.why, "there was nothing to add" if fate is Fate.SKIPPED else ""]
        why = "; ".join(filter(None, said))
        noted = Verdict(fate, why, customer_id, verdict.others)
        await self._note(connection, one.line, noted, None if did.is_nothing else did)
        return facts

    async def _note_differences(self, connection: AsyncConnection, one: Leading, customer_id: int) -> None:
        """As they are at this moment: somebody may have edited the customer since the look."""
        held = await read_held(connection, {customer_id: [one.person]})
        differences = compare(one.person, held[customer_id], self.declared)
        await connection.execute(
            update(Row)
            .where(Row.import_id == self.import_id, Row.line == one.line)
            .values(
                gaps=len(differences.gaps),
                conflicts=len(differences.conflicts),
                differs=differences.as_json(),
            )
        )

    async def _refuse(self, one: Leading, verdict: Verdict) -> list[Fact]:
        async with self.database.write() as connection:
            await self._mark(connection, [one.line], self.clock())
            await self._note(connection, one.line, verdict, None)
        return []

    async def _mark(self, connection: AsyncConnection, lines: Sequence[int], at: float) -> None:
        """These lines, and those that follow them, are done with this transaction."""
        mine = (Row.import_id == self.import_id, Row.done_at.is_(None))
        marked = await connection.execute(update(Row).where(*mine, Row.line.in_(lines)).values(done_at=at))
        if marked.rowcount != len(lines):
            raise LostError(
                f"{len(lines) - marked.rowcount} lines of import {self.import_id} were done meanwhile"
            )
        await connection.execute(update(Row).where(*mine, Row.first_line.in_(lines)).values(done_at=at))

    async def _note(self, connection: AsyncConnection, line: int, verdict: Verdict, did: Did | None) -> None:
        values = self._done(line, verdict, did)
        await connection.execute(DONE, [values])
        followed = {"of": self.import_id, "at": line, "new_customer": verdict.customer_id}
        await connection.execute(FOLLOWED, [followed])
        if verdict.fate is Fate.REFUSED:
            await refuse_followers(connection, self.import_id, [line])

    def _done(self, line: int, verdict: Verdict, did: Did | None) -> dict[str, Any]:
        return {
            "of": self.import_id,
            "at": line,
            "new_fate": verdict.fate.value,
            "new_why": verdict.why,
            "new_customer": verdict.customer_id,
            "new_others": " ".join(map(str, verdict.others)),
            "new_did": did.as_json() if did is not None else "",
        }


def _apart(people: Iterable[Leading]) -> list[Leading]:
    """Those who share nothing with one before them, and so can be made at once."""
    taken: set[Key] = set()
    apart = []
    for one in people:
        if taken.isdisjoint(one.person.keys):
            apart.append(one)
        taken.update(one.person.keys)
    return apart


def _made(person: Person, notes: Sequence[int]) -> Did:
    return Did(made=True, version=1, identities=list(person.keys), tags=list(person.tags), notes=list(notes))
