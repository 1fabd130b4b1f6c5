"""Notes about customers, pinned ones among them: as on the customer's page. Authors rewrite and remove their own; what
programs wrote is the programs'. Pinning is everybody's."""

from __future__ import annotations

from aiohttp import web
from pydantic import Field, StrictBool, model_validator

from crm_link.directory import NoteView, find_notes, read_customer, read_note
from crm_link.spelling import LONGEST_NOTE
from server.api.customers import editor, without_default
from server.api.operation import Reply, operation
from server.api.shapes import Given, Instant, Page, Paging, Taken
from server.api.tags import IfUnchanged, refuse_changed, tag_of
from server.web.keys import ANNOTATIONS, DATABASE


class Note(Given):
    id: int
    customer_id: int
    author_id: int | None = Field(description="Null for a program, or when the author's account is gone.")
    call_id: str | None = Field(description="The call it was written about.")
    text: str
    is_pinned: bool = Field(description="Stands on the card, above everything else.")
    created_at: Instant
    edited_at: Instant | None


class Notes(Page):
    notes: list[Note] = Field(description="Pinned ones first, then the newest.")


class NewNote(Taken):
    text: str = Field(min_length=1, max_length=LONGEST_NOTE)
    call_id: str | None = Field(None, min_length=1, max_length=120)
    is_pinned: StrictBool = False


class NoteChanges(Taken):
    """What to change; what is left out stays."""

    text: str = Field("", min_length=1, max_length=LONGEST_NOTE, json_schema_extra=without_default)
    is_pinned: StrictBool = Field(False, json_schema_extra=without_default)

    @model_validator(mode="after")
    def _something(self) -> NoteChanges:
        if not self.model_fields_set:
            raise ValueError("say what to change: text or is_pinned")
        return self


@operation("Notes about a customer", tag="Customers")
async def list_notes(request: web.Request, customer_id: int, query: Paging) -> Notes:
    async with request.app[DATABASE].read() as connection:
        customer = await read_customer(connection, customer_id)
        page = await find_notes(connection, customer.id, limit=query.limit, after=query.after)
    return Notes(notes=[Note.model_validate(note) for note in page.notes], next=page.next)


@operation("Write a note about a customer", tag="Customers", status=201)
async def add_note(request: web.Request, customer_id: int, body: NewNote) -> Reply[Note]:
    """It appears on the screens of everybody who has this customer on the line."""
    made = await request.app[ANNOTATIONS].add_note(
        customer_id, body.text, editor(request), call_id=body.call_id, is_pinned=body.is_pinned
    )
    reply = _shown(made)
    place = f"/api/v1/customers/{made.customer_id}/notes/{made.id}"
    return Reply(reply.body, {**reply.headers, "Location": place})


@operation("One note", tag="Customers")
async def read_one_note(request: web.Request, customer_id: int, note_id: int) -> Reply[Note]:
    """With its `ETag`."""
    return _shown(await _note(request, customer_id, note_id))


@operation("Rewrite, pin or unpin a note", tag="Customers", problems=(412,))
async def edit_note(
    request: web.Request, customer_id: int, note_id: int, body: NoteChanges, if_match: IfUnchanged
) -> Reply[Note]:
    """Pinning is for everybody; the text is its author's: people rewrite what they wrote, programs what programs wrote,
    else 403."""
    note, given = await _note(request, customer_id, note_id), body.model_fields_set
    refuse_changed(if_match, Note.model_validate(note))
    is_any_good = if_match is None or if_match.strip() == "*"
    edited = await request.app[ANNOTATIONS].edit_note(
        note.id,
        editor(request),
        text=body.text if "text" in given else None,
        is_pinned=body.is_pinned if "is_pinned" in given else None,
        seen=None if is_any_good else note,
    )
    return _shown(edited)


@operation("Remove a note", tag="Customers", status=204)
async def delete_note(request: web.Request, customer_id: int, note_id: int) -> None:
    """Its author's alone: 403 for what somebody else wrote. Nothing brings it back."""
    note = await _note(request, customer_id, note_id)
    await request.app[ANNOTATIONS].delete_note(note.id, editor(request))


async def _note(request: web.Request, customer_id: int, note_id: int) -> NoteView:
    async with request.app[DATABASE].read() as connection:
        customer = await read_customer(connection, customer_id)
        return await read_note(connection, customer.id, note_id)


def _shown(view: NoteView) -> Reply[Note]:
    note = Note.model_validate(view)
    return Reply(note, {"ETag": tag_of(note)})
