"""One list per customer of all that happened, newest first, page by page. Every channel is a *source* that registers
itself: this room has notes and changes (and tasks and deals, `timeline_affairs.py`), the server adds calls, callbacks
and visits (they live in other rooms' tables), and a later channel adds itself without a change here. Merging and
paging are done here; what an entry looks like is not."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from sqlalchemy import ColumnElement, and_, or_, select, true
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.orm import InstrumentedAttribute

from crm_link.changes import What
from crm_link.directory import NoteView, note_view
from crm_link.paging import check_part, cursor_of, parts_of
from crm_link.tables import CustomerChange, Note

LONGEST_PAGE = 200


class Body:
    """Base of what entries carry: one frozen dataclass per kind of source."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Position:
    """A place between two entries: everything older than `at`, and at the same instant everything behind `kind`
    and `ref` in the order of a page."""

    at: float
    kind: str
    ref: str | int


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that happened. `kind` names the source, `ref` the row there, `user_id` who did it."""

    at: float
    kind: str
    ref: str | int
    user_id: int | None
    body: Body


@dataclass(frozen=True, slots=True)
class TimelinePage:
    """`next` is the cursor of the following page, None on the last one."""

    entries: tuple[Entry, ...]
    next: str | None


class Source(Protocol):
    """A channel of the timeline. `kind` is its word, unique among the sources."""

    kind: str

    async def entries(
        self, connection: AsyncConnection, customer_id: int, before: Position | None, limit: int
    ) -> Sequence[Entry]:
        """At most `limit` entries behind `before`: newest first, at the same instant the highest `ref` first."""
        ...


class Timeline:
    """The sources of one server, merged."""

    def __init__(self, *sources: Source) -> None:
        self._sources: dict[str, Source] = {}
        for source in sources:
            self.register(source)

    def register(self, source: Source) -> None:
        if source.kind in self._sources:
            raise ValueError(f"there is a timeline source {source.kind!r} already")
        self._sources[source.kind] = source

    @property
    def kinds(self) -> frozenset[str]:
        return frozenset(self._sources)

    async def page(
        self,
        connection: AsyncConnection,
        customer_id: int,
        *,
        before: str | None = None,
        limit: int = 50,
        kinds: Collection[str] | None = None,
    ) -> TimelinePage:
        """The newest entries behind the cursor `before`, only of these `kinds` when they are named. A cursor goes on
        where it was made, with whatever kinds it is asked for next.

        Raises InvalidInputError for a cursor that is not ours.
        """
        limit = max(1, min(limit, LONGEST_PAGE))
        position = _position(before) if before is not None else None
        found: list[Entry] = []
        for source in self._sources.values():
            if kinds is None or source.kind in kinds:
                found += await source.entries(connection, customer_id, position, limit + 1)
        # Stable sorts from the least to the most important key: refs are only compared within one kind.
        by_kind = {kind: [entry for entry in found if entry.kind == kind] for kind in sorted(self._sources)}
        merged = sorted((entry for kind in by_kind.values() for entry in kind), key=lambda one: -one.at)
        entries = tuple(merged[:limit])
        last = entries[-1] if len(merged) > limit else None
        return TimelinePage(entries, cursor_of(last.at, last.kind, last.ref) if last else None)


def behind(
    before: Position | None,
    kind: str,
    at: InstrumentedAttribute[Any],
    ref: InstrumentedAttribute[Any],
) -> ColumnElement[bool]:
    """The condition for a source of `kind` whose entries have these columns: what comes behind the position.

    Raises InvalidInputError for a position that is none of this source's.
    """
    if before is None:
        return true()
    if kind == before.kind:
        check_part(before.ref, ref.type.python_type, field="before")
        return or_(at < before.at, and_(at == before.at, ref < before.ref))
    return at <= before.at if kind > before.kind else at < before.at


def _position(cursor: str) -> Position:
    return Position(*parts_of(cursor, float, str, int | str, field="before"))  # type: ignore[arg-type]


@dataclass(frozen=True, slots=True)
class NoteBody(Body):
    note: NoteView


class NoteSource:
    """The customer's notes."""

    kind = "note"

    async def entries(
        self, connection: AsyncConnection, customer_id: int, before: Position | None, limit: int
    ) -> Sequence[Entry]:
        rows = await connection.execute(
            select(*Note.__table__.c)
            .where(Note.customer_id == customer_id, behind(before, self.kind, Note.created_at, Note.id))
            .order_by(Note.created_at.desc(), Note.id.desc())
            .limit(limit)
        )
        return [
            Entry(row.created_at, self.kind, row.id, row.author_id, NoteBody(note_view(row))) for row in rows
        ]


@dataclass(frozen=True, slots=True)
class ChangeBody(Body):
    what: What
    before: str | None
    after: str | None


class ChangeSource:
    """What was changed on the customer's own record."""

    kind = "change"

    async def entries(
        self, connection: AsyncConnection, customer_id: int, before: Position | None, limit: int
    ) -> Sequence[Entry]:
        rows = await connection.execute(
            select(*CustomerChange.__table__.c)
            .where(
                CustomerChange.customer_id == customer_id,
                behind(before, self.kind, CustomerChange.at, CustomerChange.id),
            )
            .order_by(CustomerChange.at.desc(), CustomerChange.id.desc())
            .limit(limit)
        )
        return [
            Entry(
                row.at, self.kind, row.id, row.changed_by, ChangeBody(What(row.what), row.before, row.after)
            )
            for row in rows
        ]
