"""One timeline of all that happened with a customer. A later channel adds its entry here."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import fields
from typing import Annotated, Any, Literal

from aiohttp import web
from pydantic import Field

from callback.kinds import Outcome, Source, State
from core.errors import InvalidInputError
from core.facts import Direction, Verdict
from crm_link.changes import What
from crm_link.deals.kinds import DealKind, DealState
from crm_link.directory import read_customer
from crm_link.merging.views import MergeBody
from crm_link.timeline import ChangeBody, Entry, NoteBody
from crm_link.timeline_affairs import DealBody, TaskBody
from server.api.deals import Deal
from server.api.merges import Merge
from server.api.notes import Note
from server.api.operation import operation
from server.api.shapes import Given, Instant, Page, Paging, Seconds
from server.api.tasks import Task
from server.recordings.access import asker_of
from server.views.timeline import GROUPS, TIMELINE, CallBody, Group, hearable
from server.views.timeline_asked import CallbackBody, VisitBody
from server.web.keys import DATABASE, SETTINGS


class TalkedWith(Given):
    extension: str
    user_id: int | None
    name: str | None


class Said(Given):
    user_id: int
    disposition: str | None
    note: str


class TranscriptOfCall(Given):
    """How a transcript begins."""

    recording_id: str
    snippet: str
    is_whole: bool = Field(description="False: there is more of it.")


class DealOfCall(Given):
    id: int
    kind: DealKind
    title: str
    state: DealState


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
    deals: list[DealOfCall] = Field(description="Deals and orders the call was about.")
    transcripts: list[TranscriptOfCall] = Field(description="Empty where the asker may not read them.")


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


class CallbackEntry(Given):
    """A promise to call one of their numbers, when it was first asked for."""

    kind: Literal["callback"] = "callback"
    at: Instant
    callback_id: int
    number: str
    department: str
    state: State
    outcome: Outcome | None
    closed_at: Instant | None
    closed_call_id: str | None
    promised_from: Instant | None
    owner_id: int | None
    source: Source | None = Field(description="Of the first request.")
    message: str
    asked_by: int | None = Field(description="Which of ours promised it.")
    is_certain: bool = Field(description="False while several customers share the number.")


class VisitEntry(Given):
    """A form they sent from a page of a website."""

    kind: Literal["visit"] = "visit"
    at: Instant
    callback_id: int
    site: str | None
    page_url: str | None
    referrer: str | None
    utm: dict[str, str]
    language: str | None
    name: str = Field(description="As somebody typed it: nobody vouches for it.")
    message: str
    is_certain: bool = Field(description="False while several customers share the number.")


class TaskEntry(Given):
    """A task, when it was made."""

    kind: Literal["task"] = "task"
    at: Instant
    user_id: int | None
    task: Task


class DoneEntry(Given):
    """A task, when it was done."""

    kind: Literal["task_done"] = "task_done"
    at: Instant
    user_id: int | None
    task: Task


class DealEntry(Given):
    """A deal or order, when it was opened, as it stands now."""

    kind: Literal["deal"] = "deal"
    at: Instant
    user_id: int | None
    deal: Deal


class MergeEntry(Given):
    """Two customers became one, perhaps for a while: this one and another."""

    kind: Literal["merge"] = "merge"
    at: Instant
    user_id: int | None
    merge: Merge


AnyEntry = (
    CallEntry
    | CallbackEntry
    | VisitEntry
    | NoteEntry
    | TaskEntry
    | DoneEntry
    | DealEntry
    | ChangeEntry
    | MergeEntry
)


class TimelineQuery(Paging):
    show: Group | None = Field(None, description="Only entries of one sort; all when left out.")


class TimelinePage(Page):
    entries: list[Annotated[AnyEntry, Field(discriminator="kind")]] = Field(
        description="Newest first. More kinds may be added."
    )


@operation("All that happened with a customer", tag="Customers")
async def read_timeline(request: web.Request, customer_id: int, query: TimelineQuery) -> TimelinePage:
    """Calls, callbacks, visits of your websites, notes, tasks, deals and edits in one list."""
    kinds = GROUPS[query.show] if query.show is not None else None
    asker, settings = asker_of(request), request.app[SETTINGS].recordings
    async with request.app[DATABASE].read() as connection:
        customer = await read_customer(connection, customer_id)
        try:
            page = await TIMELINE.page(
                connection, customer.id, before=query.after, limit=query.limit, kinds=kinds
            )
        except InvalidInputError as error:
            raise InvalidInputError(str(error), field="after") from error
        heard = await hearable(connection, asker, settings, page.entries)
    return TimelinePage(entries=[_entry(entry, heard) for entry in page.entries], next=page.next)


def _entry(entry: Entry, heard: Collection[str]) -> AnyEntry:
    match entry.body:
        case CallBody() as call:
            return _call(entry.at, call, heard)
        case CallbackBody() as callback:
            return CallbackEntry(at=entry.at, **_fields(callback))
        case VisitBody() as visit:
            return VisitEntry(at=entry.at, **_fields(visit) | {"utm": dict(visit.utm)})
        case NoteBody(note):
            return NoteEntry(at=entry.at, note=Note.model_validate(note))
        case TaskBody(task):
            made = {"at": entry.at, "user_id": entry.user_id, "task": Task.model_validate(task)}
            return DoneEntry(**made) if entry.kind == "task_done" else TaskEntry(**made)
        case DealBody(deal):
            return DealEntry(at=entry.at, user_id=entry.user_id, deal=Deal.model_validate(deal))
        case MergeBody(merge):
            return MergeEntry(at=entry.at, user_id=entry.user_id, merge=Merge.model_validate(merge))
        case ChangeBody(what, before, after):
            return ChangeEntry(at=entry.at, user_id=entry.user_id, what=what, before=before, after=after)
    raise TypeError(f"the API has no shape for a timeline entry of kind {entry.kind!r}")


def _call(at: float, call: CallBody, heard: Collection[str]) -> CallEntry:
    said = call.said if call.call_id in heard else ()
    shown = {
        "talked": [TalkedWith.model_validate(one) for one in call.talked],
        "wrap_ups": [Said.model_validate(one) for one in call.wrap_ups],
        "deals": [DealOfCall.model_validate(one) for one in call.deals],
        "transcripts": [TranscriptOfCall.model_validate(one) for one in said],
    }
    return CallEntry(at=at, **_fields(call, but=("started_at", "recordings", "said")) | shown)


def _fields(body: Any, but: Collection[str] = ()) -> dict[str, Any]:
    return {one.name: getattr(body, one.name) for one in fields(body) if one.name not in but}
