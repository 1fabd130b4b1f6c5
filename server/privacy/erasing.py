"""Erasing what was recorded of one customer: whose calls they are and what agents wrote about them are read here, the
recordings room removes the rest. Used by the page and by `ringback erase-recordings`. Calls whose number belongs to
several customers, none of whom was picked, are another person's as well: they are told of and left alone."""

from __future__ import annotations

from dataclasses import dataclass, replace

from sqlalchemy import delete, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from core.db import Database
from core.errors import NotFoundError
from crm_link.call_links import is_of_call
from crm_link.tables import CallCustomer, Customer, Note
from pbx_bridge.tables import CallWrapUp
from recordings.access import Asker
from recordings.erasure import Erasure, Line, Report
from recordings.removal import Remover
from recordings.search.forget import forget_words
from recordings.search.tables import SearchDocument

AT_ONCE = 400


@dataclass(frozen=True, slots=True)
class Person:
    """A customer as they are to be erased. `shared_calls` may be somebody else's."""

    id: int
    title: str
    calls: tuple[str, ...]
    shared_calls: int


@dataclass(frozen=True, slots=True)
class Preview:
    person: Person
    lines: tuple[Line, ...]
    notes: int


@dataclass(frozen=True, slots=True)
class Erased:
    person: Person
    report: Report
    notes: int


class PersonErasure:
    def __init__(self, database: Database, remover: Remover) -> None:
        self._database = database
        self._erasure = Erasure(database, remover)

    async def preview(self, customer_id: int) -> Preview:
        """What would go; nothing is changed. Raises NotFoundError."""
        async with self._database.read() as connection:
            person = await _person(connection, customer_id)
            notes = sum([await _count_notes(connection, calls) for calls in _parts(person.calls)])
        return Preview(person, await self._erasure.find(person.calls), notes)

    async def erase(self, asker: Asker, customer_id: int) -> Erased:
        """Remove the recordings of all calls that are surely this person's, and what agents noted about these calls.
        Raises NotFoundError."""
        async with self._database.read() as connection:
            person = await _person(connection, customer_id)
        erased = await self._erase(asker, person)
        await forget_words(self._database)
        return erased

    async def erase_calls(self, asker: Asker, customer_id: int, calls: tuple[str, ...]) -> Erased:
        """The same for calls that are known to be theirs. Raises NotFoundError."""
        async with self._database.read() as connection:
            person = await _person(connection, customer_id)
        return await self._erase(asker, replace(person, calls=calls))

    async def find(self, calls: tuple[str, ...]) -> tuple[Line, ...]:
        """What was recorded of these calls; nothing is changed."""
        return await self._erasure.find(calls)

    async def _erase(self, asker: Asker, person: Person) -> Erased:
        report = await self._erasure.erase(asker, person.calls)
        held = {line.call_id for line in report.kept}
        free = tuple(call_id for call_id in person.calls if call_id not in held)
        notes = 0
        for calls in _parts(free):
            async with self._database.write() as connection:
                notes += await _clear_notes(connection, calls)
        return Erased(person, report, notes)


async def _person(connection: AsyncConnection, customer_id: int) -> Person:
    found = await connection.execute(
        select(Customer.id, Customer.name, Customer.company).where(
            Customer.id == customer_id, Customer.merged_into_id.is_(None)
        )
    )
    row = found.one_or_none()
    if row is None:
        raise NotFoundError(f"there is no customer {customer_id}")
    mine = (CallCustomer.customer_id == customer_id) & is_of_call(CallCustomer.call_id)
    own = select(CallCustomer.call_id).where(mine)
    candidates = await connection.execute(
        select(CallCustomer.call_id, func.count())
        .where(CallCustomer.call_id.in_(own))
        .group_by(CallCustomer.call_id)
    )
    counted = [(call_id, count) for call_id, count in candidates]
    calls = tuple(sorted(call_id for call_id, count in counted if count == 1))
    return Person(row.id, row.name or row.company or f"customer {row.id}", calls, len(counted) - len(calls))


def _parts(calls: tuple[str, ...]) -> list[tuple[str, ...]]:
    return [calls[first : first + AT_ONCE] for first in range(0, len(calls), AT_ONCE)]


async def _count_notes(connection: AsyncConnection, calls: tuple[str, ...]) -> int:
    wrap_ups = select(func.count()).where(CallWrapUp.call_id.in_(calls), CallWrapUp.note != "")
    notes = select(func.count()).where(Note.call_id.in_(calls))
    return int(await connection.scalar(wrap_ups) or 0) + int(await connection.scalar(notes) or 0)


async def _clear_notes(connection: AsyncConnection, calls: tuple[str, ...]) -> int:
    """The texts go, with their places in the search index (a foreign key takes along those of notes); who had the call
    and how it ended stays."""
    cleared = await connection.execute(
        update(CallWrapUp).where(CallWrapUp.call_id.in_(calls), CallWrapUp.note != "").values(note="")
    )
    # After the texts: who puts them into the index holds them meanwhile.
    await connection.execute(
        delete(SearchDocument).where(SearchDocument.call_id.in_(calls), SearchDocument.user_id.is_not(None))
    )
    notes = await connection.execute(delete(Note).where(Note.call_id.in_(calls)))
    return cleared.rowcount + notes.rowcount
