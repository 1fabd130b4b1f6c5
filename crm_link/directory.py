"""Reading customers: one by id, several by id in a given order, many by what somebody typed. Plain reads on the
caller's connection; edits are `customers.py`, and what joins other rooms' tables is in the server's views."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import BindParameter, ColumnElement, Row, Select, case, false, literal, or_, select, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from core.each import read_each
from core.equivalences import key_of
from core.errors import NotFoundError
from core.folding import words
from core.phone import parse_number
from crm_link.fields.edit import read_values
from crm_link.fields.tables import CustomerFieldWord
from crm_link.fields.values import FieldValue
from crm_link.kinds import Confidence, IdentityKind, Source
from crm_link.paging import cursor_of, parts_of
from crm_link.records import resolve
from crm_link.tables import Customer, CustomerTag, CustomerWord, Identity, Note

LAST_CHARACTER = "\U0010ffff"
"""Sorts behind every continuation of a prefix."""

MOST_LISTED = 200
"""Customers or notes in one answer; the rest by cursor."""


@dataclass(frozen=True, slots=True)
class IdentityView:
    """A claim about a customer: a telephone as it is dialled. `first_seen` and `last_seen` are instants."""

    id: int
    kind: IdentityKind
    value: str
    source: Source
    confidence: Confidence
    first_seen: float
    last_seen: float


@dataclass(frozen=True, slots=True)
class CustomerView:
    """A customer as screens and the API show them. `last_contact_at` is None when there was none yet."""

    id: int
    name: str
    company: str
    is_provisional: bool
    owner_id: int | None
    version: int
    created_at: float
    created_from: Source
    last_contact_at: float | None
    identities: tuple[IdentityView, ...] = ()
    tags: tuple[str, ...] = ()
    fields: Mapping[str, FieldValue] = field(default_factory=dict)

    @property
    def numbers(self) -> tuple[str, ...]:
        return tuple(one.value for one in self.identities if one.kind is IdentityKind.PHONE)

    @property
    def title(self) -> str:
        """What to call them: the name, else the company, else how they reach us."""
        known = (self.name, self.company, *(one.value for one in self.identities))
        return next((text for text in known if text), "Unknown caller")


@dataclass(frozen=True, slots=True)
class NoteView:
    """A note; `author_id` is None when its author's account is gone or the server wrote it."""

    id: int
    customer_id: int
    author_id: int | None
    call_id: str | None
    text: str
    is_pinned: bool
    created_at: float
    edited_at: float | None


@dataclass(frozen=True, slots=True)
class CustomerPage:
    """`next` is the cursor of the following page, None on the last one."""

    customers: tuple[CustomerView, ...]
    next: str | None


async def read_customer(connection: AsyncConnection, customer_id: int) -> CustomerView:
    """The customer that `customer_id` stands for today: `id` differs when the record became part of another.

    Raises NotFoundError.
    """
    current = await resolve(connection, customer_id)
    return (await read_customers(connection, [current]))[0]


async def read_customers(connection: AsyncConnection, customer_ids: Sequence[int]) -> list[CustomerView]:
    """The customers in the order asked; ids that were never given out are left out, merged ones not followed."""
    rows = await connection.execute(select(*Customer.__table__.c).where(Customer.id.in_(customer_ids)))
    found = {row.id: row for row in rows}
    identities = await _identities(connection, customer_ids)
    tags = await _tags(connection, customer_ids)
    fields = await read_values(connection, customer_ids)
    return [
        _view(found[one], identities.get(one, ()), tags.get(one, ()), fields[one])
        for one in customer_ids
        if one in found
    ]


def _view(
    row: Row[Any],
    identities: Iterable[IdentityView],
    tags: Iterable[str],
    fields: Mapping[str, FieldValue],
) -> CustomerView:
    return CustomerView(
        id=row.id,
        name=row.name,
        company=row.company,
        is_provisional=row.is_provisional,
        owner_id=row.owner_id,
        version=row.version,
        created_at=row.created_at,
        created_from=Source(row.created_from),
        last_contact_at=row.last_contact_at or None,
        identities=tuple(identities),
        tags=tuple(tags),
        fields=fields,
    )


async def _identities(connection: AsyncConnection, ids: Sequence[int]) -> dict[int, list[IdentityView]]:
    rows = await connection.execute(
        select(*Identity.__table__.c).where(Identity.customer_id.in_(ids)).order_by(Identity.id)
    )
    found: dict[int, list[IdentityView]] = defaultdict(list)
    for row in rows:
        found[row.customer_id].append(
            IdentityView(
                id=row.id,
                kind=IdentityKind(row.kind),
                value=row.spelled or row.value,
                source=Source(row.source),
                confidence=Confidence(row.confidence),
                first_seen=row.first_seen,
                last_seen=row.last_seen,
            )
        )
    return found


async def _tags(connection: AsyncConnection, ids: Sequence[int]) -> dict[int, list[str]]:
    rows = await connection.execute(
        select(CustomerTag.customer_id, CustomerTag.tag)
        .where(CustomerTag.customer_id.in_(ids))
        .order_by(CustomerTag.tag)
    )
    found: dict[int, list[str]] = defaultdict(list)
    for row in rows:
        found[row.customer_id].append(row.tag)
    return found


async def find_customers(
    connection: AsyncConnection, text: str, *, region: str, limit: int = 50, after: str | None = None
) -> CustomerPage:
    """Customers by what somebody typed: a number in any spelling, else the beginnings of words of their names and
    companies or of what stands in their fields of type text, all of which must fit; everybody for empty text, nobody
    for text without a word. Latest contact first.

    Raises InvalidInputError for a cursor that is not ours.
    """
    limit = max(1, min(limit, MOST_LISTED))
    order = tuple_(Customer.last_contact_at, Customer.id)
    statement = (
        select(Customer.last_contact_at, Customer.id)
        .where(Customer.merged_into_id.is_(None), *_conditions(text, region))
        .order_by(Customer.last_contact_at.desc(), Customer.id.desc())
        .limit(limit + 1)
    )
    if after is not None:
        statement = statement.where(order < tuple_(*parts_of(after, float, int, field="after")))
    rows = (await connection.execute(statement)).all()
    customers = await read_customers(connection, [row.id for row in rows[:limit]])
    return CustomerPage(tuple(customers), cursor_of(*rows[limit - 1]) if len(rows) > limit else None)


async def find_newer(
    connection: AsyncConnection, text: str, *, region: str, limit: int = 50, after: str | None = None
) -> CustomerPage:
    """The same customers by their ids, the lowest first. For programs that read all of them: an id stays, while the
    latest contact moves, and who is made meanwhile comes last.

    Raises InvalidInputError for a cursor that is not ours.
    """
    limit = max(1, min(limit, MOST_LISTED))
    found = _found(text, region).order_by(Customer.id).limit(limit + 1)
    if after is not None:
        found = found.where(Customer.id > parts_of(after, int, field="after")[0])
    ids = (await connection.scalars(found)).all()
    customers = await read_customers(connection, ids[:limit])
    return CustomerPage(tuple(customers), cursor_of(ids[limit - 1]) if len(ids) > limit else None)


async def find_older(
    connection: AsyncConnection, text: str, *, region: str, limit: int, before: int | None = None
) -> list[CustomerView]:
    """The same customers by their ids, the highest first; only lower ones than `before`."""
    found = _found(text, region)
    if before is not None:
        found = found.where(Customer.id < before)
    ids = (await connection.scalars(found.order_by(Customer.id.desc()).limit(limit))).all()
    return await read_customers(connection, ids)


def _found(text: str, region: str) -> Select[int]:
    return select(Customer.id).where(Customer.merged_into_id.is_(None), *_conditions(text, region))


def _conditions(text: str, region: str) -> list[ColumnElement[bool]]:
    number = parse_number(text, region).e164
    if number is not None:
        holders = select(Identity.customer_id).where(
            Identity.kind == IdentityKind.PHONE.value, Identity.value == key_of(number)
        )
        return [Customer.id.in_(holders)]
    if "@" in text:
        holders = select(Identity.customer_id).where(
            Identity.kind == IdentityKind.EMAIL.value, Identity.value == text.strip().casefold()
        )
        return [Customer.id.in_(holders)]
    typed = sorted(words(text))
    if not typed and text.strip():  # a sign and no word fits nobody, least of all everybody
        return [false()]
    return [
        or_(*(Customer.id.in_(_with_word(table, word)) for table in (CustomerWord, CustomerFieldWord)))
        for word in typed
    ]


def _with_word(table: type[CustomerWord | CustomerFieldWord], word: str) -> Select[int]:
    """The customers who have a word that begins so."""
    return select(table.customer_id).where(table.word >= word, table.word < word + LAST_CHARACTER)


@dataclass(frozen=True, slots=True)
class NotePage:
    """`next` is the cursor of the following page, None on the last one."""

    notes: tuple[NoteView, ...]
    next: str | None


async def read_notes(
    connection: AsyncConnection, customer_id: int, *, limit: int = 50
) -> tuple[NoteView, ...]:
    """The customer's notes, pinned ones first, then the newest."""
    return (await find_notes(connection, customer_id, limit=limit)).notes


async def read_notes_of_each(
    connection: AsyncConnection, customer_ids: Sequence[int], *, limit: int
) -> dict[int, list[NoteView]]:
    """What `read_notes` reads, for several customers at once."""
    found: dict[int, list[NoteView]] = defaultdict(list)
    rows = await read_each(connection, customer_ids, _notes_of, limit=limit)
    for row in sorted(rows, key=lambda row: (row.is_pinned, row.created_at, row.id), reverse=True):
        found[row.customer_id].append(note_view(row))
    return found


def _notes_of(customer_id: BindParameter[int]) -> Select[Any]:
    mine = select(*Note.__table__.c).where(Note.customer_id == customer_id)
    return mine.order_by(Note.is_pinned.desc(), Note.created_at.desc(), Note.id.desc())


async def read_note(connection: AsyncConnection, customer_id: int, note_id: int) -> NoteView:
    """One note about this customer, who is no redirecting id. Raises NotFoundError."""
    found = select(*Note.__table__.c).where(Note.id == note_id, Note.customer_id == customer_id)
    row = (await connection.execute(found)).one_or_none()
    if row is None:
        raise NotFoundError(f"customer {customer_id} has no note {note_id}")
    return note_view(row)


async def find_notes(
    connection: AsyncConnection, customer_id: int, *, limit: int, after: str | None = None
) -> NotePage:
    """One page of them, after the page whose `next` is `after`. Raises InvalidInputError for an unusable cursor."""
    limit = max(1, min(limit, MOST_LISTED))
    place = case((Note.is_pinned, 1), else_=0), Note.created_at, Note.id
    found = select(*Note.__table__.c).where(Note.customer_id == customer_id)
    if after is not None:
        position = parts_of(after, int, float | int, int, field="after")
        found = found.where(tuple_(*place) < tuple_(*(literal(part) for part in position)))
    rows = (await connection.execute(found.order_by(*(one.desc() for one in place)).limit(limit + 1))).all()
    notes = tuple(note_view(row) for row in rows[:limit])
    last = notes[-1] if len(rows) > limit else None
    return NotePage(notes, cursor_of(int(last.is_pinned), last.created_at, last.id) if last else None)


def note_view(row: Row[Any]) -> NoteView:
    return NoteView(
        id=row.id,
        customer_id=row.customer_id,
        author_id=row.author_id,
        call_id=row.call_id,
        text=row.text,
        is_pinned=row.is_pinned,
        created_at=row.created_at,
        edited_at=row.edited_at,
    )
