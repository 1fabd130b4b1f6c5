"""Takes an import back: customers it made whom nobody has touched since are removed, what it filled in is put back
where it still stands as the import left it. What cannot be put back stays and says why. The lines go backwards, so that
two lines about one customer are undone in the right order. Each is marked in the transaction that undoes it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Table, bindparam, delete, exists, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from core.bus import Bus
from core.clock import Clock
from core.db import Base, Database
from core.errors import NotFoundError
from core.facts import CustomerRemoved, Fact, RemovalReason
from crm_link.changes import Change, Edit, What, announce, announce_removed, journal, row_of
from crm_link.identities import hold_keys, take
from crm_link.imports.columns import Person
from crm_link.imports.fields import Declared
from crm_link.imports.new import claims_of, free_keys
from crm_link.imports.tables import CustomerImportRow as Row
from crm_link.imports.values import put_values_back
from crm_link.imports.work import Did, LostError
from crm_link.kinds import Confidence, IdentityKind, Source
from crm_link.records import bump, hold_customer, store_words
from crm_link.tables import Customer, CustomerTag, Identity, IdentityKey, Note

OWN = frozenset(
    {
        "identities",
        "identity_keys",
        "customer_words",
        "customer_tags",
        "customer_fields",
        "customer_field_words",
        "customer_changes",
        "notes",
        "search_documents",
    }
)
"""Tables whose rows about a customer come from the customer's own making."""

TOUCHED = {
    "call_customers": "has had calls since",
    "customers": "somebody else became part of this customer since",
}

UNDONE = (
    update(Row)
    .where(Row.import_id == bindparam("of"), Row.line == bindparam("at"))
    .values(kept=bindparam("new_kept"))
)


@dataclass(frozen=True, slots=True)
class Doing:
    """A line that changed something, and when."""

    line: int
    customer_id: int
    did: Did
    at: float


@dataclass(frozen=True, slots=True)
class Undo:
    """Of one import. `by` is who wants it undone."""

    database: Database
    bus: Bus
    clock: Clock
    import_id: int
    by: int | None
    declared: Declared

    async def run(self, lines: Sequence[Doing]) -> None:
        """Take these lines back. Raises LostError when another process is at it."""
        made = [one for one in lines if one.did.made]
        if made:
            for removed in await self._remove(made):
                await self.bus.publish(removed)
        for one in lines:
            if not one.did.made:
                for fact in await self._put_back(one):
                    await self.bus.publish(fact)

    async def _remove(self, lines: Sequence[Doing]) -> list[CustomerRemoved]:
        ids = [one.customer_id for one in lines]
        async with self.database.write() as connection:
            keys = {
                (row.kind, row.value)
                for row in await connection.execute(
                    select(Identity.kind, Identity.value).where(Identity.customer_id.in_(ids))
                )
            }
            # Held first: a call that is matched at this moment has its customer, or finds nobody.
            await _hold(connection, ids)
            touched = await why_touched(connection, {one.customer_id: one.did for one in lines})
            going = [one for one in ids if one not in touched]
            await self._mark(connection, [(one.line, touched.get(one.customer_id, "")) for one in lines])
            await connection.execute(delete(Customer).where(Customer.id.in_(going)))
            await free_keys(connection, keys)
            return await announce_removed(connection, going, RemovalReason.IMPORT_UNDONE, self.clock())

    async def _put_back(self, one: Doing) -> list[Fact]:
        edit, did = Edit(self.clock(), self.by), one.did
        claims = claims_of(Person(keys=tuple(did.identities)))
        async with self.database.write() as connection:
            await hold_keys(connection, claims)
            gone = ""
            try:
                current = await hold_customer(connection, one.customer_id)
                if current != one.customer_id:
                    gone = f"became part of customer {current}"
            except NotFoundError:
                gone = "the customer is gone"
            if gone:
                await free_keys(connection, set(did.identities))
                await self._mark(connection, [(one.line, gone)])
                return []
            kept = await _fields(connection, current, did, edit)
            kept += await put_values_back(connection, current, did, edit, self.declared)
            kept += await _identities(connection, current, one, edit)
            kept += await _tags(connection, current, one, edit)
            kept += await _notes(connection, current, did)
            kept += [
                f"the unknown caller {absorbed} became part of this customer" for absorbed in did.absorbed
            ]
            await bump(connection, current)
            fact = await announce(connection, current, edit.at)
            await self._mark(connection, [(one.line, "; ".join(kept))])
        return [fact]

    async def _mark(self, connection: AsyncConnection, lines: Sequence[tuple[int, str]]) -> None:
        marked = await connection.execute(
            update(Row)
            .where(
                Row.import_id == self.import_id,
                Row.line.in_([line for line, _ in lines]),
                Row.undone_at.is_(None),
            )
            .values(undone_at=self.clock())
        )
        if marked.rowcount != len(lines):
            raise LostError(f"lines of import {self.import_id} were undone meanwhile")
        kept = [{"of": self.import_id, "at": line, "new_kept": why} for line, why in lines if why]
        if kept:
            await connection.execute(UNDONE, kept)


async def _hold(connection: AsyncConnection, ids: Sequence[int]) -> None:
    """Hold the keys of these customers, in the order in which everybody takes them. SQLite's writers are alone."""
    if connection.dialect.name == "postgresql":
        held = exists().where(
            Identity.kind == IdentityKey.kind,
            Identity.value == IdentityKey.value,
            Identity.customer_id.in_(ids),
        )
        await connection.execute(
            select(IdentityKey.value)
            .where(held)
            .order_by(IdentityKey.kind, IdentityKey.value)
            .with_for_update()
        )


async def why_touched(connection: AsyncConnection, made: dict[int, Did]) -> dict[int, str]:
    """Which of these customers cannot be removed any more, and why; those that are gone already too."""
    rows = await connection.execute(
        select(Customer.id, Customer.version, Customer.merged_into_id)
        .where(Customer.id.in_(made))
        .with_for_update()
    )
    found = {row.id: row for row in rows}
    why = {one: "is gone already" for one in made if one not in found}
    for one, row in found.items():
        if row.merged_into_id is not None:
            why[one] = f"became part of customer {row.merged_into_id}"
        elif row.version != made[one].version:
            why[one] = "was edited since"
    for one in await _with_other_notes(connection, made):
        why.setdefault(one, "has notes that were written since")
    for name, column in _references():
        used = await connection.scalars(select(column).where(column.in_(made)).distinct())
        for one in used:
            why.setdefault(one, TOUCHED.get(name, "something was added since"))
    return why


async def _with_other_notes(connection: AsyncConnection, made: dict[int, Did]) -> list[int]:
    own = {note for did in made.values() for note in did.notes}
    rows = await connection.execute(
        select(Note.customer_id, Note.id, Note.edited_at, Note.is_pinned).where(Note.customer_id.in_(made))
    )
    return [
        row.customer_id for row in rows if row.id not in own or row.edited_at is not None or row.is_pinned
    ]


def _references() -> list[tuple[str, Any]]:
    """Every column of every room that names a customer, but for those of the customer's own making."""
    tables: list[Table] = list(Base.metadata.tables.values())
    return [
        (table.name, key.parent)
        for table in tables
        if table.name not in OWN
        for key in table.foreign_keys
        if key.column.table.name == Customer.__tablename__
    ]


async def _fields(connection: AsyncConnection, customer_id: int, did: Did, edit: Edit) -> list[str]:
    """Returns what could not be put back."""
    if not (did.fields or did.identified):
        return []
    row = (
        await connection.execute(select(Customer.name, Customer.company).where(Customer.id == customer_id))
    ).one()
    now = {"name": row.name, "company": row.company}
    back = {what: before for what, (before, after) in did.fields.items() if now[what] == after}
    kept = [f"the {what} was changed since" for what in did.fields if what not in back]
    values: dict[str, Any] = dict(back)
    if did.identified and not kept:
        values["is_provisional"] = True
    if values:
        now |= back
        await connection.execute(update(Customer).where(Customer.id == customer_id).values(**values))
        await store_words(connection, customer_id, now["name"], now["company"])
    changes = [Change(What(what), before=did.fields[what][1], after=before) for what, before in back.items()]
    await journal(connection, customer_id, edit, *changes)
    return kept


async def _identities(connection: AsyncConnection, customer_id: int, one: Doing, edit: Edit) -> list[str]:
    kept: list[str] = []
    for kind, value in one.did.identities:
        row = (
            await connection.execute(
                select(*Identity.__table__.c).where(
                    Identity.customer_id == customer_id, Identity.kind == kind, Identity.value == value
                )
            )
        ).one_or_none()
        if row is None:
            continue
        shown = row.spelled or value
        if why := _why_kept(row, one.at):
            kept.append(f"{shown} {why}")
        else:
            await take(connection, customer_id, IdentityKind(kind), value)
            about = row_of(Identity.__tablename__, kind, value)
            await journal(connection, customer_id, edit, Change(What.IDENTITY_REMOVED, shown, about=about))
    await free_keys(connection, set(one.did.identities))
    return kept


def _why_kept(identity: Any, imported_at: float) -> str:
    """Whether a claim is more than the import said of it."""
    if identity.source != Source.IMPORT or identity.first_seen > imported_at:
        return "was given anew since"
    if identity.confidence == Confidence.CONFIRMED:
        return "was confirmed since"
    return "has called since" if identity.last_seen > identity.first_seen else ""


async def _tags(connection: AsyncConnection, customer_id: int, one: Doing, edit: Edit) -> list[str]:
    mine = (CustomerTag.customer_id == customer_id, CustomerTag.tag.in_(one.did.tags))
    as_left = CustomerTag.added_at <= one.at
    gone = await connection.scalars(delete(CustomerTag).where(*mine, as_left).returning(CustomerTag.tag))
    changes = [Change(What.TAG_REMOVED, tag, about=row_of(CustomerTag.__tablename__, tag)) for tag in gone]
    await journal(connection, customer_id, edit, *changes)
    left = await connection.scalars(select(CustomerTag.tag).where(*mine))
    return [f"the tag {tag} was set anew since" for tag in left]


async def _notes(connection: AsyncConnection, customer_id: int, did: Did) -> list[str]:
    mine = (Note.id.in_(did.notes), Note.customer_id == customer_id)
    as_left = Note.edited_at.is_(None) & Note.is_pinned.is_(False)
    await connection.execute(delete(Note).where(*mine, as_left))
    left = await connection.scalar(select(func.count()).where(*mine))
    return ["its note was rewritten or pinned since"] if left else []
