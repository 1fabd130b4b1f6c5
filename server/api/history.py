"""What is known of a customer over time: notes people wrote, and one timeline of calls, notes and changes."""

from __future__ import annotations

from typing import Annotated, Literal

from aiohttp import web
from pydantic import Field, StrictBool

from core.errors import InvalidInputError
from core.facts import Direction, Verdict
from crm_link.annotations import LONGEST_NOTE
from crm_link.changes import What
from crm_link.directory import read_customer, read_notes
from crm_link.timeline import ChangeBody, Entry, NoteBody
from server.api.customers import editor
from server.api.operation import operation
from server.api.shapes import MOST_PER_PAGE, PAGE, Given, Instant, Page, Paging, Seconds, Taken
from server.keys import ANNOTATIONS, DATABASE
from server.views.timeline import TIMELINE, CallBody


class Note(Given):
    id: int
    customer_id: int
    author_id: int | None = Field(description="Null for a program, or when the author's account is gone.")
    call_id: str | None = Field(description="The call it was written about.")
    text: str
    is_pinned: bool = Field(description="Stands on the card, above everything else.")
    created_at: Instant
    edited_at: Instant | None


class Notes(Given):
    notes: list[Note] = Field(description="Pinned ones first, then the newest.")


class NotesQuery(Taken):
    limit: int = Field(PAGE, ge=1, le=MOST_PER_PAGE)


class NewNote(Taken):
    text: str = Field(min_length=1, max_length=LONGEST_NOTE)
    call_id: str | None = Field(None, min_length=1, max_length=120)
    is_pinned: StrictBool = False


class TalkedWith(Given):
    extension: str
    user_id: int | None
    name: str | None


class Said(Given):
    user_id: int
    disposition: str | None
    note: str


class CallEntry(Given):
    """A call of theirs."""

    kind: Literal["call"] = "call"
    at: Instant
    call_id: str
    direction: Direction
    result: Verdict | None
    number: str | None
    queue: str | None
    wait_s: Seconds | None
    talk_s: Seconds | None
    talked: list[TalkedWith]
    wrap_ups: list[Said]
    is_certain: bool = Field(description="False while several customers share the number and nobody picked.")


class NoteEntry(Given):
    kind: Literal["note"] = "note"
    at: Instant
    note: Note


class ChangeEntry(Given):
    """An edit of their record."""

    kind: Literal["change"] = "change"
    at: Instant
    user_id: int | None = Field(description="Null for what a program or the server did.")
    what: What
    before: str | None
    after: str | None


class TimelinePage(Page):
    entries: list[Annotated[CallEntry | NoteEntry | ChangeEntry, Field(discriminator="kind")]] = Field(
        description="Newest first. More kinds may be added."
    )


@operation("Notes about a customer", tag="Customers")
async def list_notes(request: web.Request, customer_id: int, query: NotesQuery) -> Notes:
    """The newest ones; older ones are in the timeline."""
    async with request.app[DATABASE].read() as connection:
        customer = await read_customer(connection, customer_id)
        notes = await read_notes(connection, customer.id, limit=query.limit)
    return Notes(notes=[Note.model_validate(note) for note in notes])


@operation("Write a note about a customer", tag="Customers", status=201)
async def add_note(request: web.Request, customer_id: int, body: NewNote) -> Note:
    """It appears on the screens of everybody who has this customer on the line."""
    note = await request.app[ANNOTATIONS].add_note(
        customer_id, body.text, editor(request), call_id=body.call_id, is_pinned=body.is_pinned
    )
    return Note.model_validate(note)


@operation("All that happened with a customer", tag="Customers")
async def read_timeline(request: web.Request, customer_id: int, query: Paging) -> TimelinePage:
    """Calls, notes and edits in one list."""
    async with request.app[DATABASE].read() as connection:
        customer = await read_customer(connection, customer_id)
        try:
            page = await TIMELINE.page(connection, customer.id, before=query.after, limit=query.limit)
        except InvalidInputError as error:
            raise InvalidInputError(str(error), field="after") from error
    return TimelinePage(entries=[_entry(entry) for entry in page.entries], next=page.next)


def _entry(entry: Entry) -> CallEntry | NoteEntry | ChangeEntry:
    match entry.body:
        case CallBody() as call:
            return CallEntry(
                at=entry.at,
                call_id=call.call_id,
                direction=call.direction,
                result=call.result,
                number=call.number,
                queue=call.queue,
                wait_s=call.wait_s,
                talk_s=call.talk_s,
                talked=[TalkedWith.model_validate(one) for one in call.talked],
                wrap_ups=[Said.model_validate(one) for one in call.wrap_ups],
                is_certain=call.is_certain,
            )
        case NoteBody(note):
            return NoteEntry(at=entry.at, note=Note.model_validate(note))
        case ChangeBody(what, before, after):
            return ChangeEntry(at=entry.at, user_id=entry.user_id, what=what, before=before, after=after)
    raise TypeError(f"the API has no shape for a timeline entry of kind {entry.kind!r}")
