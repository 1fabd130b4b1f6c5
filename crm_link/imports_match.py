"""Who the people of a file are among our customers: persons in, for each one what would become of them out. One
customer who holds any of their numbers is them; several are left to people (P8). Unknown callers nobody has named yet
are no obstacle: they are who the file says (P10). Reads on the caller's connection, many at a time."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import islice

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from crm_link.fields_values import FieldValue
from crm_link.imports_columns import Person
from crm_link.imports_fields import Declared, conflict
from crm_link.tables import Customer, Identity

Key = tuple[str, str]

AT_ONCE = 5000


class Existing(StrEnum):
    """What to do with somebody we have already."""

    FILL = "fill"
    OVERWRITE = "overwrite"
    SKIP = "skip"


class Fate(StrEnum):
    """What becomes of a line. JOINED: it is about the person of an earlier line."""

    REFUSED = "refused"
    JOINED = "joined"
    CHANGED = "changed"
    SKIPPED = "skipped"
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
    """`customer_id` is whom the person is; `others` unknown callers who are them too, or, when refused, all who fit."""

    fate: Fate
    why: str = ""
    customer_id: int | None = None
    others: tuple[int, ...] = ()


def parts_of(values: Iterable[str]) -> Iterator[list[str]]:
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


def judge(person: Person, holders: dict[Key, list[Holder]], existing: Existing) -> Verdict:
    """What becomes of a person, by those who hold their keys."""
    held = {one.customer_id: one for key in person.keys for one in holders.get(key, ())}
    named = [one for one in held.values() if not one.is_provisional]
    unknown = sorted(
        (one for one in held.values() if one.is_provisional),
        key=lambda one: (-one.last_contact_at, one.customer_id),
    )
    if len(named) > 1:
        return _several(named)
    if named:
        others = tuple(one.customer_id for one in unknown)
        if existing is Existing.SKIP:
            return Verdict(Fate.SKIPPED, "we have this customer already", named[0].customer_id)
        return Verdict(Fate.CHANGED, "", named[0].customer_id, others)
    if unknown and person.is_unknown:
        return Verdict(Fate.SKIPPED, "an unknown caller, in the file as well", unknown[0].customer_id)
    if not (person.name or person.company):
        return Verdict(Fate.REFUSED, "it has neither a name nor a company, and nobody has this number yet")
    if unknown:
        first, *rest = (one.customer_id for one in unknown)
        return Verdict(Fate.CHANGED, "has called before, unknown until now", first, tuple(rest))
    return Verdict(Fate.NEW)


def with_conflicts(
    verdict: Verdict,
    person: Person,
    held: Mapping[str, FieldValue],
    declared: Declared,
    existing: Existing,
) -> Verdict:
    """The verdict that says, too, where the line and the values we have differ."""
    said = conflict(person.values, held, declared, overwrite=existing is Existing.OVERWRITE)
    return replace(verdict, why="; ".join(filter(None, (verdict.why, said))))


def _several(named: Sequence[Holder]) -> Verdict:
    ids = tuple(one.customer_id for one in named)
    return Verdict(
        Fate.REFUSED,
        f"{len(ids)} customers fit: merge them, or take the shared number or address out of the line",
        others=ids,
    )
