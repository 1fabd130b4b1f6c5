"""Who the people of a file are among our customers: persons in, for each one what would become of them out. The
customer who holds any of their numbers and whose name agrees is them; several are left to people, and who is called
otherwise is somebody else, who shares the number (P8); but an id of another CRM is one person's, whatever they are
called there by now. Unknown callers nobody has named yet are no obstacle: they are who the file says (P10). Reads on
the caller's connection, many at a time."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import islice
from typing import TypeVar

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from crm_link.imports.columns import Key, Person
from crm_link.imports.conflicts import Differences, Existing
from crm_link.imports.names import agree, best, called, called_of
from crm_link.imports.people import Shared
from crm_link.tables import Customer, Identity

Value = TypeVar("Value")

AT_ONCE = 5000

MOST_TOLD = 20
"""Of those who share a number, as many are named with a line."""


class Fate(StrEnum):
    """What becomes of a line. JOINED: it is about the person of an earlier line. SHARED: a new customer, with a number
    that somebody by another name has too."""

    REFUSED = "refused"
    JOINED = "joined"
    CHANGED = "changed"
    SKIPPED = "skipped"
    SHARED = "shared"
    NEW = "new"


@dataclass(frozen=True, slots=True)
class Holder:
    """A customer who holds one of the keys."""

    customer_id: int
    is_provisional: bool
    name: str
    last_contact_at: float


@dataclass(frozen=True, slots=True)
class Verdict:
    """`customer_id` is whom the person is; `others` unknown callers who are them too and customers who share a number
    with them, or, when refused, all who fit. `is_ours`: a customer we have, with whom is done what was chosen."""

    fate: Fate
    why: str = ""
    customer_id: int | None = None
    others: tuple[int, ...] = ()
    is_ours: bool = False


def parts_of(values: Iterable[Value]) -> Iterator[list[Value]]:
    """A few thousand at a time: databases take some ten thousands of values in one question."""
    rest = iter(values)
    while some := list(islice(rest, AT_ONCE)):
        yield some


async def find_holders(connection: AsyncConnection, keys: Iterable[Key]) -> dict[Key, list[Holder]]:
    """Who holds each of these keys; keys that nobody holds are left out."""
    by_kind: dict[str, set[str]] = defaultdict(set)
    for kind, value in keys:
        by_kind[kind].add(value)
    found: dict[Key, list[Holder]] = defaultdict(list)
    for kind, values in by_kind.items():
        for some in parts_of(values):
            rows = await connection.execute(
                select(
                    Identity.value,
                    Customer.id,
                    Customer.is_provisional,
                    func.coalesce(func.nullif(Customer.name, ""), Customer.company).label("name"),
                    Customer.last_contact_at,
                )
                .join(Customer, Customer.id == Identity.customer_id)
                .where(Identity.kind == kind, Identity.value.in_(some))
                .order_by(Customer.id)
            )
            for row in rows:
                holder = Holder(row.id, row.is_provisional, row.name, row.last_contact_at)
                found[kind, row.value].append(holder)
    return found


def judge(
    person: Person, holders: dict[Key, list[Holder]], existing: Existing, beside: Shared | None = None
) -> Verdict:
    """What becomes of a person, by those who hold their keys. `beside`: somebody of the same file shares one."""
    held = {one.customer_id: one for key in person.keys for one in holders.get(key, ())}
    named = [one for one in held.values() if not one.is_provisional]
    unknown = sorted(
        (one for one in held.values() if one.is_provisional),
        key=lambda one: (-one.last_contact_at, one.customer_id),
    )
    fitting = _by_id(person, holders) or _by_name(person, named)
    if len(fitting) > 1:
        return several(one.customer_id for one in fitting)
    if fitting:
        return _ours(person, fitting[0], unknown, holders, existing)
    if named:
        value = next(key[1] for key in person.keys if not _are_unknown(holders.get(key, ())))
        why = f"{value} is also that of somebody by another name: both have it afterwards"
        return Verdict(Fate.SHARED, why, others=tuple(one.customer_id for one in named[:MOST_TOLD]))
    if unknown and (person.is_unknown or not (person.name or person.company)):
        return Verdict(Fate.SKIPPED, "an unknown caller, in the file as well", unknown[0].customer_id)
    if not (person.name or person.company):
        return Verdict(
            Fate.REFUSED, "it has neither a name nor a company, and nobody has its numbers and addresses yet"
        )
    if beside is not None:
        return Verdict(
            Fate.SHARED,
            f"{beside.value} is also that of line {beside.line}, by another name: both have it afterwards",
        )
    if unknown:
        first, *rest = (one.customer_id for one in unknown)
        return Verdict(Fate.CHANGED, "has called before, unknown until now", first, tuple(rest))
    return Verdict(Fate.NEW)


def _by_name(person: Person, named: Sequence[Holder]) -> list[Holder]:
    return [named[place] for place in best(called_of(person), [called(one.name, "") for one in named])]


def _by_id(person: Person, holders: Mapping[Key, Sequence[Holder]]) -> list[Holder]:
    """Whom the ids of another CRM name. An id that several have says as little as a number that several have."""
    found: dict[int, Holder] = {}
    for key in person.own_ids:
        named = [one for one in holders.get(key, ()) if not one.is_provisional]
        if len(named) == 1:
            found[named[0].customer_id] = named[0]
    fitting = list(found.values())
    return _by_name(person, fitting) or fitting if len(fitting) > 1 else fitting


def called_exactly(lines: Iterable[Person], holders: Mapping[Key, Sequence[Holder]]) -> set[int]:
    """The customers whom single lines about one person call by their very names."""
    return {
        one.customer_id
        for person in lines
        for key in person.keys
        for one in holders.get(key, ())
        if not one.is_provisional and one.name and called(one.name, "") == called_of(person)
    }


def several(ids: Iterable[int]) -> Verdict:
    """Whom of them a line means is left to people."""
    others = tuple(ids)
    why = f"{len(others)} customers fit: merge them, or write the whole name"
    return Verdict(Fate.REFUSED, why, others=others)


def _ours(
    person: Person,
    one: Holder,
    unknown: Sequence[Holder],
    holders: Mapping[Key, Sequence[Holder]],
    existing: Existing,
) -> Verdict:
    """Of somebody who is a customer already, and may get numbers that others have too."""
    if existing is Existing.SKIP or person.is_unknown:
        why = "we have this customer already"
        return Verdict(Fate.SKIPPED, why, one.customer_id, is_ours=not person.is_unknown)
    gained = [key for key in person.keys if one not in holders.get(key, ())]
    shared = {
        key: theirs
        for key in gained
        if (theirs := [other for other in holders.get(key, ()) if not other.is_provisional])
    }
    said = [f"{value} is also that of somebody else" for _, value in shared]
    if not agree(called_of(person), called(one.name, "")):
        said.insert(0, "the same number in another CRM, by another name")
    others = [*unknown, *(other for theirs in shared.values() for other in theirs)]
    ids = tuple(dict.fromkeys(other.customer_id for other in others))
    return Verdict(Fate.CHANGED, "; ".join(said), one.customer_id, ids[:MOST_TOLD], is_ours=True)


def with_differences(verdict: Verdict, differences: Differences, existing: Existing) -> Verdict:
    """Who would not be changed at all is left as they are."""
    if verdict.fate is not Fate.CHANGED or differences.changes(existing):
        return verdict
    why = "; ".join(filter(None, (verdict.why, "there is nothing to add")))
    return replace(verdict, fate=Fate.SKIPPED, why=why)


def _are_unknown(holders: Sequence[Holder]) -> bool:
    return all(one.is_provisional for one in holders)
