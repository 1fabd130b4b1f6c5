"""What a file says of somebody, given to a customer who may be there already: gaps are filled, or what is there is
overwritten; numbers, tags and notes are added, never taken away. What was changed is noted, so that it can be undone.
Works inside the caller's transaction, which holds the keys."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from core.errors import InvalidInputError
from core.facts import Fact
from crm_link.annotations import MOST_TAGS
from crm_link.changes import Change, Edit, What, announce, journal, row_of
from crm_link.identities import count_identities
from crm_link.imports.columns import MOST_KEYS, Person
from crm_link.imports.fields import Declared
from crm_link.imports.new import claims_of
from crm_link.imports.values import give_values
from crm_link.kinds import Source
from crm_link.records import NewRecord, bump, hold_customer, insert_customer, store_words
from crm_link.relabel import give_and_relabel
from crm_link.tables import Customer, CustomerTag, Identity, Note

if TYPE_CHECKING:
    from crm_link.imports.work import Did


async def make_customer(connection: AsyncConnection, person: Person, edit: Edit) -> int:
    """A customer with the person's name, and nothing else yet."""
    record = NewRecord(Source.IMPORT, name=person.name, company=person.company)
    return await insert_customer(connection, record, edit)


@dataclass(frozen=True, slots=True)
class Way:
    """How a customer is changed: by whom and when, with which fields of the site's own, and whether the file counts
    more than what is there."""

    edit: Edit
    declared: Declared
    overwrite: bool


async def absorb_into(
    connection: AsyncConnection, customer_id: int, person: Person, way: Way, did: Did
) -> list[Fact]:
    """Give the customer what they lack of it, and note it in `did`; returns what the screens are to hear.

    Raises InvalidInputError when they would have too many numbers or tags.
    """
    current, edit = await hold_customer(connection, customer_id), way.edit
    await _words(connection, current, person, edit, did, overwrite=way.overwrite)
    await give_values(connection, current, person, edit, did, way.declared, overwrite=way.overwrite)
    await _tags(connection, current, person, edit, did)
    await _note(connection, current, person, edit, did)
    changed = {current, *await _identities(connection, current, person, edit, did)}
    if did.is_nothing:
        return []
    did.version = await bump(connection, current)
    return [await announce(connection, one, edit.at) for one in sorted(changed)]


async def _words(
    connection: AsyncConnection, customer_id: int, person: Person, edit: Edit, did: Did, *, overwrite: bool
) -> None:
    row = (
        await connection.execute(
            select(Customer.name, Customer.company, Customer.is_provisional).where(Customer.id == customer_id)
        )
    ).one()
    for what, before, given in (
        (What.NAME, row.name, person.name),
        (What.COMPANY, row.company, person.company),
    ):
        # What a telephone network calls an unknown caller is a guess; the file knows better.
        if given and given != before and (overwrite or not before or row.is_provisional):
            did.fields[what.value] = [before, given]
    did.identified = row.is_provisional and bool(person.name or person.company)
    if not (did.fields or did.identified):
        return
    values = {what: after for what, (_, after) in did.fields.items()}
    now = {"name": row.name, "company": row.company} | values
    await store_words(connection, customer_id, now["name"], now["company"])
    await connection.execute(
        update(Customer).where(Customer.id == customer_id).values(**values, is_provisional=False)
    )
    changes = [Change(What(what), before=before, after=after) for what, (before, after) in did.fields.items()]
    if did.identified:
        changes.insert(0, Change(What.IDENTIFIED))
    await journal(connection, customer_id, edit, *changes)


async def _identities(
    connection: AsyncConnection, customer_id: int, person: Person, edit: Edit, did: Did
) -> set[int]:
    """Returns the unknown callers who lost a number to the customer."""
    mine = select(Identity.kind, Identity.value).where(Identity.customer_id == customer_id)
    held = {(row.kind, row.value) for row in await connection.execute(mine)}
    lacking = [claim for claim in claims_of(person) if (claim.kind.value, claim.value) not in held]
    if lacking and await count_identities(connection, customer_id) + len(lacking) > MOST_KEYS:
        raise InvalidInputError(f"they would have more than {MOST_KEYS} numbers and addresses")
    changed: set[int] = set()
    for claim in lacking:
        moved = await give_and_relabel(connection, customer_id, claim, edit)
        changed.update(moved.provisional_ids)
        did.identities.append((claim.kind.value, claim.value))
    did.absorbed.extend(sorted(changed))
    return changed


async def _tags(connection: AsyncConnection, customer_id: int, person: Person, edit: Edit, did: Did) -> None:
    mine = select(CustomerTag.tag).where(CustomerTag.customer_id == customer_id)
    held = set((await connection.scalars(mine)).all())
    new = [tag for tag in person.tags if tag not in held]
    if not new:
        return
    if len(held) + len(new) > MOST_TAGS:
        raise InvalidInputError(f"they would have more than {MOST_TAGS} tags")
    rows = [
        {"customer_id": customer_id, "tag": tag, "added_at": edit.at, "added_by": edit.user_id} for tag in new
    ]
    await connection.execute(insert(CustomerTag), rows)
    changes = [Change(What.TAG_ADDED, after=tag, about=row_of(CustomerTag.__tablename__, tag)) for tag in new]
    await journal(connection, customer_id, edit, *changes)
    did.tags.extend(new)


async def _note(connection: AsyncConnection, customer_id: int, person: Person, edit: Edit, did: Did) -> None:
    """The same words are not written twice: the same file may come again."""
    if not person.note:
        return
    same = select(func.count()).where(Note.customer_id == customer_id, Note.text == person.note)
    if await connection.scalar(same):
        return
    values = {"author_id": edit.user_id, "text": person.note, "created_at": edit.at}
    row = insert(Note).values(customer_id=customer_id, **values).returning(Note.id)
    did.notes.append((await connection.execute(row)).scalar_one())
