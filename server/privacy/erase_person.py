"""Whose data is asked for or erased: one customer in; out come all numbers, calls, recordings and promises that are
surely theirs. What another customer shares (a number two people have, a call nobody has picked one for) is counted and
left alone: it is somebody else's as well. Reads only."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence, Set
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from sqlalchemy import exists, select
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.orm import aliased

from callback.tables import Attempt, Submission
from core.equivalences import key_of, spellings
from core.errors import NotFoundError
from crm_link.directory import read_customer
from crm_link.kinds import IdentityKind
from crm_link.tables import CallCustomer, Customer, Identity
from crm_link.webhooks.kinds import SUBJECTS, subject
from pbx_bridge.tables import Call
from recordings.tables import Recording
from server.views.requests_of import are_of, read_sure

T = TypeVar("T")

Line = tuple[int, int]
"""Of an imported file: its id and the line."""

AT_ONCE = 400
"""Ids in one question to the database."""

TAIL = 7
"""Digits at the end of a number by which it is known again however it is written, with or without its country."""


@dataclass(frozen=True, slots=True)
class Person:
    """`ids` are those of the customer and of all who became part of it; `numbers` and `addresses` are held by nobody
    else, `shared` are; `names` are what they are called. `calls` are surely theirs, `shared_calls` may be somebody
    else's: both with requests that came without a call, under their own ids. `requests` are surely theirs too;
    `callbacks` those nobody else asked for as well. `lines` of imported files are read apart (`erase_lines.py`)."""

    id: int
    title: str
    names: tuple[str, ...]
    ids: tuple[int, ...]
    numbers: tuple[str, ...]
    addresses: tuple[str, ...]
    shared: tuple[str, ...]
    calls: tuple[str, ...]
    shared_calls: int
    recordings: tuple[str, ...]
    callbacks: tuple[int, ...]
    requests: tuple[int, ...]
    attempts: tuple[str, ...]
    lines: tuple[Line, ...] = ()

    @property
    def subjects(self) -> tuple[str, ...]:
        """Under which facts speak of them."""
        return (
            *(f"customer:{one}" for one in self.ids),
            *(f"callback-{one}" for one in self.callbacks),
            *self.calls,
            *self.recordings,
            *self.attempts,
        )

    @property
    def delivery_subjects(self) -> tuple[str, ...]:
        """Under which deliveries speak of them: each is the story of one id."""
        stories: dict[str, Sequence[object]] = {
            "customer_id": self.ids,
            "callback_id": self.callbacks,
            "call_id": self.calls,
            "recording_id": self.recordings,
            "attempt_id": self.attempts,
        }
        return tuple(subject(name, one) for name in SUBJECTS for one in stories[name])

    def is_named_in(self, text: str | None) -> bool:
        """Whether a text holds one of their numbers, however it is written."""
        digits = re.sub(r"\D", "", text or "")
        return any(number[-TAIL:] in digits for number in self.numbers)


def parts_of(values: Sequence[T], at_once: int = AT_ONCE) -> Iterator[Sequence[T]]:
    for first in range(0, len(values), at_once):
        yield values[first : first + at_once]


async def read_person(connection: AsyncConnection, customer_id: int) -> Person:
    """Raises NotFoundError, also for an id that became part of another customer: theirs is to be asked for."""
    customer = await read_customer(connection, customer_id)
    if customer.id != customer_id:
        raise NotFoundError(f"customer {customer_id} became part of customer {customer.id}: ask for that one")
    ids = await _ids(connection, customer_id)
    keys = await _keys(connection, ids)
    linked, shared_calls = await _calls(connection, ids)
    seen = await _numbers_of(connection, linked)
    phones = sorted(_spelled({value for kind, value in keys if kind == IdentityKind.PHONE} | seen))
    numbers = await _not_of_others(connection, IdentityKind.PHONE, phones, ids)
    others = [(kind, value) for kind, value in keys if kind != IdentityKind.PHONE]
    addresses = [
        value for kind, value in others if await _not_of_others(connection, IdentityKind(kind), [value], ids)
    ]
    calls = tuple(sorted({*linked, *await _unlinked(connection, numbers)}))
    requests, callbacks = await _asked(connection, ids, numbers)
    return Person(
        id=customer_id,
        title=customer.title,
        names=await _names(connection, ids),
        ids=ids,
        numbers=tuple(numbers),
        addresses=tuple(addresses),
        shared=tuple(sorted(_keys_of(keys) - {*numbers, *addresses})),
        calls=calls,
        shared_calls=shared_calls,
        recordings=tuple(await _in(connection, Recording.id, Recording.call_id, calls)),
        callbacks=tuple(sorted(callbacks)),
        requests=tuple(sorted(requests)),
        attempts=tuple(sorted(await _attempts(connection, sorted(callbacks), calls, numbers))),
    )


async def leave_out(connection: AsyncConnection, person: Person, held: Set[str]) -> Person:
    """The person without these calls, their recordings and the attempts they were."""
    some = sorted(held)
    away = {
        *held,
        *await _in(connection, Recording.id, Recording.call_id, some),
        *await _in(connection, Attempt.id, Attempt.call_id, some),
    }
    return replace(
        person,
        calls=tuple(one for one in person.calls if one not in away),
        recordings=tuple(one for one in person.recordings if one not in away),
        attempts=tuple(one for one in person.attempts if one not in away),
    )


async def _ids(connection: AsyncConnection, customer_id: int) -> tuple[int, ...]:
    found, new = {customer_id}, [customer_id]
    while new:
        rows = await connection.scalars(select(Customer.id).where(Customer.merged_into_id.in_(new)))
        new = [one for one in rows if one not in found]
        found.update(new)
    return tuple(sorted(found))


async def _names(connection: AsyncConnection, ids: Sequence[int]) -> tuple[str, ...]:
    """A firm's only where nobody is named."""
    rows = await connection.execute(select(Customer.name, Customer.company).where(Customer.id.in_(ids)))
    return tuple(sorted({row.name or row.company for row in rows} - {""}))


async def _keys(connection: AsyncConnection, ids: Sequence[int]) -> set[tuple[str, str]]:
    rows = await connection.execute(
        select(Identity.kind, Identity.value, Identity.spelled).where(Identity.customer_id.in_(ids))
    )
    return {(row.kind, value) for row in rows for value in (row.value, row.spelled) if value}


def _spelled(numbers: Iterable[str]) -> set[str]:
    """As given, and as anything else of the same telephones may be stored."""
    return {one for number in numbers for one in (number, *spellings(number))}


def _keys_of(keys: Iterable[tuple[str, str]]) -> set[str]:
    return {key_of(value) if kind == IdentityKind.PHONE else value for kind, value in keys}


async def _calls(connection: AsyncConnection, ids: Sequence[int]) -> tuple[list[str], int]:
    """Those that stand with nobody else, and how many stand with others too."""
    other = aliased(CallCustomer)
    shared = exists().where(other.call_id == CallCustomer.call_id, other.customer_id.not_in(ids))
    mine = (
        select(CallCustomer.call_id, shared.label("shared"))
        .where(CallCustomer.customer_id.in_(ids))
        .distinct()
    )
    rows = (await connection.execute(mine)).all()
    return [row.call_id for row in rows if not row.shared], sum(bool(row.shared) for row in rows)


async def _numbers_of(connection: AsyncConnection, calls: Sequence[str]) -> set[str]:
    return {one for one in await _in(connection, Call.customer_number, Call.id, calls) if one}


async def _not_of_others(
    connection: AsyncConnection, kind: IdentityKind, values: Iterable[str], ids: Sequence[int]
) -> list[str]:
    """Those of these values that no other customer holds."""
    mine = {value: key_of(value) if kind is IdentityKind.PHONE else value for value in values}
    taken: set[str] = set()
    for some in parts_of(list(mine.values())):
        rows = await connection.scalars(
            select(Identity.value).where(
                Identity.kind == kind.value, Identity.value.in_(some), Identity.customer_id.not_in(ids)
            )
        )
        taken.update(rows)
    return [value for value, key in mine.items() if key not in taken]


async def _unlinked(connection: AsyncConnection, numbers: Sequence[str]) -> list[str]:
    """Calls of their numbers that stand with nobody."""
    linked = exists().where(CallCustomer.call_id == Call.id)
    found: list[str] = []
    for some in parts_of(numbers):
        rows = await connection.scalars(select(Call.id).where(Call.customer_number.in_(some), ~linked))
        found += rows
    return found


async def _asked(
    connection: AsyncConnection, ids: Sequence[int], numbers: Sequence[str]
) -> tuple[Set[int], Set[int]]:
    """Requests that are surely theirs, and callbacks that only these asked for."""
    found = {
        one
        for some in [*parts_of(numbers)] or [[]]
        for one in await connection.scalars(select(Submission.callback_id).where(are_of(ids, some)))
    }
    return await read_sure(connection, found, ids)


async def _attempts(
    connection: AsyncConnection, callbacks: Sequence[int], calls: Sequence[str], numbers: Sequence[str]
) -> set[str]:
    """Those of their callbacks and calls; by the number only where neither says whose it was."""
    unknown = Attempt.callback_id.is_(None) & ~exists().where(CallCustomer.call_id == Attempt.call_id)
    found = {
        *await _in(connection, Attempt.id, Attempt.callback_id, callbacks),
        *await _in(connection, Attempt.id, Attempt.call_id, calls),
    }
    for some in parts_of(numbers):
        found.update(await connection.scalars(select(Attempt.id).where(Attempt.number.in_(some), unknown)))
    return found


async def _in(connection: AsyncConnection, wanted: Any, by: Any, values: Sequence[Any]) -> list[Any]:
    found: list[Any] = []
    for some in parts_of(values):
        found += (await connection.scalars(select(wanted).where(by.in_(some)).distinct())).all()
    return found
