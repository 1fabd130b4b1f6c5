"""Notes and tags on customers: what people write beside the facts. Like `customers.py`: one transaction per edit
that ends with the durable `CustomerChanged`, `by` is the user's id, and permissions other than authorship are the
caller's."""

from __future__ import annotations

from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from core.bus import Bus
from core.clock import Clock
from core.db import Database
from core.errors import ForbiddenError, InvalidInputError, NotFoundError, StaleError
from core.facts import CustomerChanged
from crm_link.changes import Change, Edit, What, announce, journal, row_of
from crm_link.directory import CustomerView, NoteView, note_view, read_customer
from crm_link.records import bump, hold_customer
from crm_link.spelling import clean_note, normal_tag
from crm_link.tables import CustomerTag, Note

MOST_TAGS = 50


class Annotations:
    """All writes of notes and tags. One instance serves the whole process."""

    def __init__(self, database: Database, bus: Bus, clock: Clock) -> None:
        self._database = database
        self._bus = bus
        self._clock = clock

    async def add_tag(self, customer_id: int, text: str, by: int | None) -> CustomerView:
        """Tag the customer; a tag they have already changes nothing.

        Raises NotFoundError, InvalidInputError.
        """
        tag, edit = normal_tag(text), Edit(self._clock(), by)
        async with self._database.write() as connection:
            current = await hold_customer(connection, customer_id)
            await bump(connection, current)
            changed = None
            if await _insert_tag(connection, current, tag, edit):
                await _check_tag_count(connection, current)
                change = Change(What.TAG_ADDED, after=tag, about=row_of(CustomerTag.__tablename__, tag))
                await journal(connection, current, edit, change)
                changed = await announce(connection, current, edit.at)
        return await self._told(current, changed)

    async def remove_tag(self, customer_id: int, text: str, by: int | None) -> CustomerView:
        """Take a tag away; one they do not have changes nothing. Raises NotFoundError, InvalidInputError."""
        tag, edit = normal_tag(text), Edit(self._clock(), by)
        async with self._database.write() as connection:
            current = await hold_customer(connection, customer_id)
            await bump(connection, current)
            mine = (CustomerTag.customer_id == current) & (CustomerTag.tag == tag)
            changed = None
            if (await connection.execute(delete(CustomerTag).where(mine))).rowcount:
                change = Change(What.TAG_REMOVED, before=tag, about=row_of(CustomerTag.__tablename__, tag))
                await journal(connection, current, edit, change)
                changed = await announce(connection, current, edit.at)
        return await self._told(current, changed)

    async def add_note(
        self,
        customer_id: int,
        text: str,
        by: int | None,
        *,
        call_id: str | None = None,
        is_pinned: bool = False,
    ) -> NoteView:
        """Write a note about the customer; a pinned one stands on the card.

        Raises NotFoundError, InvalidInputError.
        """
        at = self._clock()
        values = {"author_id": by, "call_id": call_id, "text": clean_note(text), "created_at": at}
        async with self._database.write() as connection:
            current = await hold_customer(connection, customer_id)
            statement = insert(Note).values(customer_id=current, is_pinned=is_pinned, **values)
            row = (await connection.execute(statement.returning(*Note.__table__.c))).one()
            changed = await announce(connection, current, at)
        await self._bus.publish(changed)
        return note_view(row)

    async def edit_note(
        self,
        note_id: int,
        by: int | None,
        *,
        text: str | None = None,
        is_pinned: bool | None = None,
        seen: NoteView | None = None,
    ) -> NoteView:
        """Rewrite one's own note, or pin and unpin anybody's. `seen` is what the edit is based on, None for whatever
        is there.

        Raises NotFoundError, InvalidInputError, ForbiddenError for rewriting somebody else's words, and StaleError
        when it is not as `seen` any more.
        """
        at = self._clock()
        async with self._database.write() as connection:
            note = await _hold_note(connection, note_id)
            if seen is not None and note != seen:
                raise StaleError("somebody changed this note meanwhile: read it again, and decide again")
            if text is not None and note.author_id != by:
                raise ForbiddenError("only the author rewrites a note")
            values: dict[str, object] = {} if text is None else {"text": clean_note(text), "edited_at": at}
            if is_pinned is not None:
                values["is_pinned"] = is_pinned
            if not values:
                return note
            await connection.execute(update(Note).where(Note.id == note_id).values(**values))
            note = await _hold_note(connection, note_id)
            changed = await announce(connection, note.customer_id, at)
        await self._bus.publish(changed)
        return note

    async def delete_note(self, note_id: int, by: int | None) -> None:
        """Delete one's own note. Raises NotFoundError, ForbiddenError."""
        async with self._database.write() as connection:
            note = await _hold_note(connection, note_id)
            if note.author_id != by:
                raise ForbiddenError("only the author deletes a note")
            await connection.execute(delete(Note).where(Note.id == note_id))
            changed = await announce(connection, note.customer_id, self._clock())
        await self._bus.publish(changed)

    async def _told(self, customer_id: int, changed: CustomerChanged | None) -> CustomerView:
        if changed is not None:
            await self._bus.publish(changed)
        async with self._database.read() as connection:
            return await read_customer(connection, customer_id)


async def _insert_tag(connection: AsyncConnection, customer_id: int, tag: str, edit: Edit) -> bool:
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    row = dialect.insert(CustomerTag).values(
        customer_id=customer_id, tag=tag, added_at=edit.at, added_by=edit.user_id
    )
    return (await connection.execute(row.on_conflict_do_nothing())).rowcount == 1


async def _check_tag_count(connection: AsyncConnection, customer_id: int) -> None:
    held = select(func.count()).select_from(CustomerTag).where(CustomerTag.customer_id == customer_id)
    if (await connection.execute(held)).scalar_one() > MOST_TAGS:
        raise InvalidInputError(f"a customer has at most {MOST_TAGS} tags", field="tag")


async def _hold_note(connection: AsyncConnection, note_id: int) -> NoteView:
    """Nobody else edits it until the transaction ends. Raises NotFoundError."""
    found = select(*Note.__table__.c).where(Note.id == note_id).with_for_update()
    row = (await connection.execute(found)).one_or_none()
    if row is None:
        raise NotFoundError(f"there is no note {note_id}")
    return note_view(row)
