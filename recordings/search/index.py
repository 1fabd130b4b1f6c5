"""The index over what was said and written, one interface for both databases: `put` a document, `remove` it,
`find` what a question asks for, newest first. Texts go in as they are and are folded here; hits come out as rows,
without their text.

Not done here: which texts there are and how they are marked (`server/search/feed.py`), whose hits may be shown
(`access.py`), highlighting (`snippets.py`). Nothing is ranked: a common word has a hundred thousand hits, and to rank
them all of them must be read, while the newest twenty are at the index's end."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from hashlib import blake2b
from typing import Any

from sqlalchemy import Row, delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from recordings.search.query import Term
from recordings.search.sql import Span, on_postgresql, on_sqlite
from recordings.search.tables import SearchDocument
from recordings.search.words import pairs, spaced, words

STEP = 1 << 16
"""Places for documents of the same millisecond; which of them is a matter of chance."""

END = 1 << 62

READ_AT_ONCE = 200
"""Documents: of a customer with many orders all are compared whenever one changes."""


class DocumentKind(StrEnum):
    TRANSCRIPT = "transcript"
    NOTE = "note"
    WRAP_UP = "wrap_up"
    TASK = "task"
    DEAL = "deal"


@dataclass(frozen=True, slots=True)
class Labels:
    """What a text is found by beside its words. `names` are searched like the text; `marks` are made by
    `search_words.mark`; `customer_id` is whom it is about, when that is one."""

    names: tuple[str, ...] = ()
    marks: frozenset[str] = frozenset()
    customer_id: int | None = None


@dataclass(frozen=True, slots=True)
class Document:
    """One text that can be found. `source` is unique (`note:12`). Exactly one of `transcript_id`, `note_id`, `task_id`,
    `deal_id` and `user_id` (with `call_id`: a wrap-up) is set: with that row the document goes."""

    kind: DocumentKind
    source: str
    at: float
    text: str
    labels: Labels = Labels()
    call_id: str | None = None
    recording_id: str | None = None
    transcript_id: int | None = None
    note_id: int | None = None
    task_id: int | None = None
    deal_id: int | None = None
    user_id: int | None = None


@dataclass(frozen=True, slots=True)
class Question:
    """`marks`: of each group a document must have one. `since` and `until` (not included) are instants, `before` is
    the place of a hit: what follows it is asked for."""

    terms: tuple[Term, ...]
    marks: tuple[frozenset[str], ...] = ()
    since: float | None = None
    until: float | None = None
    before: int | None = None
    limit: int = 20


@dataclass(frozen=True, slots=True)
class Hit:
    place: int
    kind: DocumentKind
    at: float
    call_id: str | None
    customer_id: int | None
    recording_id: str | None
    transcript_id: int | None
    note_id: int | None
    task_id: int | None
    deal_id: int | None
    user_id: int | None


def place_of(at: float, source: str = "") -> int:
    """Where a document of this instant stands in the index; without a source: before all of its millisecond."""
    chance = blake2b(source.encode(), digest_size=2).digest() if source else b""
    return int(at * 1000) * STEP + int.from_bytes(chance, "big")


@dataclass(frozen=True, slots=True)
class Folded:
    """A document as the index has it. Hours of talk take a while to fold: that is not done in the event loop, and not
    while others wait for a transaction."""

    document: Document
    values: Mapping[str, Any]


async def fold(connection: AsyncConnection, document: Document) -> Folded:
    """In a thread. `connection` says which database it is for; nothing is asked of it."""
    is_sqlite = connection.dialect.name == "sqlite"
    return Folded(document, await asyncio.to_thread(_values, document, is_sqlite=is_sqlite))


async def changed_of(connection: AsyncConnection, folded: Sequence[Folded]) -> list[Folded]:
    """Those that `put` would change. Reads only, so that nobody waits for a write that is none."""
    stored: dict[str, Row[Any]] = {}
    for first in range(0, len(folded), READ_AT_ONCE):
        sources = [one.document.source for one in folded[first : first + READ_AT_ONCE]]
        rows = await connection.execute(
            select(*SearchDocument.__table__.c).where(SearchDocument.source.in_(sources))
        )
        stored |= {row.source: row for row in rows}
    found = ((one, stored.get(one.document.source)) for one in folded)
    return [one for one, row in found if row is None or _differ(one.values, row)]


async def put(connection: AsyncConnection, folded: Folded) -> None:
    """Index the document anew, or for the first time. Doing it twice changes nothing."""
    document, values = folded.document, folded.values
    row = await _stored(connection, document.source)
    if row is not None and place_of(row.at) == place_of(document.at):
        changed = {name: value for name, value in values.items() if row._mapping[name] != value}
        if changed:
            await connection.execute(
                update(SearchDocument).where(SearchDocument.id == row.id).values(**changed)
            )
        return
    if row is not None:
        await remove(connection, [document.source])
    place = await _free_place(connection, place_of(document.at, document.source))
    await connection.execute(insert(SearchDocument).values(id=place, source=document.source, **values))


async def mislabelled(connection: AsyncConnection, labels: Mapping[str, Labels]) -> dict[str, Labels]:
    """Of these documents (by source) those in the index with other names or marks, and what they should have."""
    is_sqlite = connection.dialect.name == "sqlite"
    rows = await connection.execute(
        select(
            *(
                SearchDocument.__table__.c[name]
                for name in ("source", *_label_values(Labels(), is_sqlite=is_sqlite))
            )
        ).where(SearchDocument.source.in_(labels))
    )
    wanted = {row.source: (row, _label_values(labels[row.source], is_sqlite=is_sqlite)) for row in rows}
    return {source: labels[source] for source, (row, values) in wanted.items() if _differ(values, row)}


async def relabel(connection: AsyncConnection, labels: Mapping[str, Labels]) -> None:
    """Give documents (by source) other names and marks, their texts unread."""
    for source, wanted in labels.items():
        await connection.execute(
            update(SearchDocument)
            .where(SearchDocument.source == source)
            .values(**_label_values(wanted, is_sqlite=connection.dialect.name == "sqlite"))
        )


async def remove(connection: AsyncConnection, sources: Iterable[str]) -> int:
    """Take documents out of the index; returns how many there were."""
    gone = await connection.execute(delete(SearchDocument).where(SearchDocument.source.in_(list(sources))))
    return gone.rowcount


async def find(connection: AsyncConnection, question: Question) -> list[Hit]:
    """What fits the question, newest first; nothing when it has no terms."""
    if not question.terms or not all(question.marks):
        return []
    low = place_of(question.since) if question.since is not None else 0
    high = place_of(question.until) if question.until is not None else END
    high = min(high, END if question.before is None else question.before)
    ask = on_sqlite if connection.dialect.name == "sqlite" else on_postgresql
    places = await ask(connection, question.terms, question.marks, Span(low, high, question.limit))
    rows = await connection.execute(
        select(*_COLUMNS).where(SearchDocument.id.in_(places)).order_by(SearchDocument.id.desc())
    )
    return [Hit(row[0], DocumentKind(row[1]), *row[2:]) for row in rows]


_COLUMNS = [SearchDocument.__table__.c[name] for name in ("id", *list(Hit.__dataclass_fields__)[1:])]


def _differ(values: Mapping[str, Any], row: Row[Any]) -> bool:
    return any(row._mapping[name] != value for name, value in values.items())


def _values(document: Document, *, is_sqlite: bool) -> dict[str, Any]:
    said = words(document.text)
    return {
        "kind": document.kind.value,
        "at": document.at,
        "call_id": document.call_id,
        "recording_id": document.recording_id,
        "transcript_id": document.transcript_id,
        "note_id": document.note_id,
        "task_id": document.task_id,
        "deal_id": document.deal_id,
        "user_id": document.user_id,
        "folded": spaced(said),
        "pairs": spaced(_pairs(said, is_sqlite=is_sqlite)),
        **_label_values(document.labels, is_sqlite=is_sqlite),
    }


def _label_values(labels: Labels, *, is_sqlite: bool) -> dict[str, Any]:
    named = words(" ".join(labels.names))
    return {
        "names": spaced(named),
        "marks": spaced([*sorted(labels.marks), *_pairs(named, is_sqlite=is_sqlite)]),
        "customer_id": labels.customer_id,
    }


def _pairs(words: Sequence[str], *, is_sqlite: bool) -> Iterable[str]:
    """FTS5 knows where in a text its words stand; PostgreSQL's index does not."""
    return () if is_sqlite else pairs(words)


async def _stored(connection: AsyncConnection, source: str) -> Row[Any] | None:
    found = await connection.execute(
        select(*SearchDocument.__table__.c).where(SearchDocument.source == source)
    )
    return found.one_or_none()


async def _free_place(connection: AsyncConnection, wanted: int) -> int:
    """The place itself, else the next one that nobody has."""
    end = (wanted // STEP + 1) * STEP
    held = await connection.execute(
        select(SearchDocument.id).where(SearchDocument.id >= wanted, SearchDocument.id < end)
    )
    taken: Sequence[int] = held.scalars().all()
    return next(place for place in range(wanted, end + STEP) if place not in taken)
