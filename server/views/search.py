"""What was said and written, as the search shows it: hits of the index that the asker may see, newest first, with their
calls, customers and the stretch of text that was found. Filters mean what they mean in the call log
(`calls.py`); that of late pops is the log's alone. Who may read a transcript is `recordings/access.py`'s."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from config.recordings import RecordingSettings
from core.accounts import UserDeviceRow, UserRow
from core.errors import InvalidInputError
from crm_link.deals.read import DealView, read_deals_where
from crm_link.deals.tables import Deal
from crm_link.tables import Customer, Note
from crm_link.tasks.read import TaskView, read_some_tasks
from pbx_bridge.tables import CallWrapUp
from recordings.access import Asker, Right, audible_call, may_all
from recordings.search.index import DocumentKind, Hit, Question, find
from recordings.search.query import Term, read_query
from recordings.search.snippets import Piece, snippet
from recordings.search.tables import SearchDocument
from recordings.search.words import mark
from recordings.tables import Transcript
from server.search.documents import deal_text, hearer_mark, kind_mark, phone_mark, task_text, wrap_up_text
from server.views.call_filter import CallFilter
from server.views.calls import CallRow, CustomerRef, number_spellings, read_some_calls

PAGE = 20
"""Hits per page: with their stretches of text more than a screen."""

SCOPES = {
    DocumentKind.TRANSCRIPT: "recordings:read",
    DocumentKind.NOTE: "customers:read",
    DocumentKind.WRAP_UP: "calls:read",
    DocumentKind.TASK: "customers:read",
    DocumentKind.DEAL: "customers:read",
}
"""What a program's key needs for each kind."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is looked for: `text` as it was typed."""

    text: str
    filter: CallFilter
    kind: DocumentKind | None = None


@dataclass(frozen=True, slots=True)
class Found:
    """One hit. `call` is None for what was written beside calls, and for a recording that belongs to none (yet);
    `writer` is who wrote it. `task` and `deal` are as they stand now."""

    kind: DocumentKind
    at: float
    call_id: str | None
    call: CallRow | None
    customer: CustomerRef | None
    recording_id: str | None
    note_id: int | None
    task: TaskView | None
    deal: DealView | None
    writer: str | None
    pieces: tuple[Piece, ...]


@dataclass(frozen=True, slots=True)
class SearchPage:
    """Newest first. `next` is the cursor of the following page, None at the end. Without `terms` nothing was asked."""

    found: tuple[Found, ...]
    next: str | None
    terms: tuple[Term, ...]


async def read_search(
    connection: AsyncConnection,
    wanted: Wanted,
    asker: Asker,
    settings: RecordingSettings,
    *,
    region: str,
    after: str | None = None,
    limit: int = PAGE,
) -> SearchPage:
    """One page. Raises InvalidInputError for a cursor that is none.

    A page may be short of hits that the index took for the asker's and that are not."""
    terms = read_query(wanted.text, region)
    question = Question(
        terms=terms,
        marks=await _marks(connection, wanted, asker, settings, region),
        since=wanted.filter.since,
        until=wanted.filter.until,
        before=_read_cursor(after),
        limit=limit + 1,
    )
    hits = await find(connection, question)
    page, more = hits[:limit], len(hits) > limit
    visible = await _visible(connection, page, asker, settings)
    return SearchPage(
        found=await _dress(connection, visible, terms),
        next=f"{page[-1].place:x}" if more else None,
        terms=terms,
    )


async def _marks(
    connection: AsyncConnection, wanted: Wanted, asker: Asker, settings: RecordingSettings, region: str
) -> tuple[frozenset[str], ...]:
    given = wanted.filter
    groups = [_visible_marks(asker, settings)]
    if wanted.kind is not None:
        groups.append(frozenset({kind_mark(wanted.kind)}))
    for name, value in (("direction", given.direction), ("result", given.verdict), ("queue", given.queue)):
        if value is not None:
            groups.append(frozenset({mark(name, value)}))
    if given.number is not None:
        groups.append(frozenset(mark("number", one) for one in number_spellings(given.number, region)))
    if given.agent is not None:
        groups.append(await _phones_of(connection, given.agent))
    return tuple(groups)


def _visible_marks(asker: Asker, settings: RecordingSettings) -> frozenset[str]:
    """One of these is on everything that the asker may see, and on little else."""
    marks = {
        kind_mark(kind) for kind, scope in SCOPES.items() if asker.user is not None or scope in asker.scopes
    }
    if not may_all(asker, Right.HEAR, settings):
        marks.discard(kind_mark(DocumentKind.TRANSCRIPT))
        if asker.user is not None and settings.agents_hear_own:
            marks.add(hearer_mark(asker.user.id))
    return frozenset(marks)


async def _phones_of(connection: AsyncConnection, user_id: int) -> frozenset[str]:
    devices = await connection.execute(
        select(UserDeviceRow.pbx, UserDeviceRow.extension).where(UserDeviceRow.user_id == user_id)
    )
    return frozenset(phone_mark(pbx, extension) for pbx, extension in devices)


async def _visible(
    connection: AsyncConnection, hits: Sequence[Hit], asker: Asker, settings: RecordingSettings
) -> Sequence[Hit]:
    """The index knows whose call it was; whether they may read it now is asked anew."""
    said = [hit.place for hit in hits if hit.kind is DocumentKind.TRANSCRIPT]
    if not said or may_all(asker, Right.HEAR, settings):
        return hits
    allowed = await connection.execute(
        select(SearchDocument.id).where(
            SearchDocument.id.in_(said), audible_call(asker, settings, SearchDocument.call_id)
        )
    )
    places = set(allowed.scalars())
    return [hit for hit in hits if hit.kind is not DocumentKind.TRANSCRIPT or hit.place in places]


async def _dress(
    connection: AsyncConnection, hits: Sequence[Hit], terms: Sequence[Term]
) -> tuple[Found, ...]:
    if not hits:
        return ()
    calls = await read_some_calls(connection, {hit.call_id for hit in hits if hit.call_id})
    written = await _written(connection, hits)
    shown = [hit for hit in hits if hit.place in written]
    writers = await _names(connection, {one.by for one in written.values() if one.by is not None})
    customers = await _customers(connection, {hit.customer_id for hit in hits if hit.customer_id})
    # Twenty talks of any length: in a thread, while calls go on ringing.
    pieces = await asyncio.to_thread(_pieces, [written[hit.place].text for hit in shown], terms)
    return tuple(
        Found(
            kind=hit.kind,
            at=hit.at,
            call_id=hit.call_id,
            call=calls.get(hit.call_id or ""),
            customer=customers.get(hit.customer_id or 0),
            recording_id=hit.recording_id,
            note_id=hit.note_id,
            task=written[hit.place].task,
            deal=written[hit.place].deal,
            writer=writers.get(written[hit.place].by or 0),
            pieces=stretch,
        )
        for hit, stretch in zip(shown, pieces, strict=True)
    )


def _pieces(texts: Sequence[str], terms: Sequence[Term]) -> list[tuple[Piece, ...]]:
    return [snippet(text, terms) for text in texts]


@dataclass(frozen=True, slots=True)
class _Written:
    """A text as it was said or written, and the id of who wrote it."""

    text: str
    by: int | None = None
    task: TaskView | None = None
    deal: DealView | None = None


async def _written(connection: AsyncConnection, hits: Sequence[Hit]) -> dict[int, _Written]:
    """By place; what is gone since it was found is left out."""
    found = await _of_calls(connection, hits)
    noted = {hit.note_id: hit.place for hit in hits if hit.note_id is not None}
    if noted:
        notes = select(Note.id, Note.text, Note.author_id).where(Note.id.in_(noted))
        for row in await connection.execute(notes):
            found[noted[row.id]] = _Written(row.text, row.author_id)
    tasks = {hit.task_id: hit.place for hit in hits if hit.task_id is not None}
    for task in await read_some_tasks(connection, tasks):
        found[tasks[task.id]] = _Written(task_text(task.title, task.text), task.created_by, task=task)
    deals = {hit.deal_id: hit.place for hit in hits if hit.deal_id is not None}
    for deal in await read_deals_where(connection, Deal.id.in_(deals), limit=len(deals)):
        text = deal_text(deal.title, deal.source, deal.external_id)
        found[deals[deal.id]] = _Written(text, deal.opened_by, deal=deal)
    return found


async def _of_calls(connection: AsyncConnection, hits: Sequence[Hit]) -> dict[int, _Written]:
    """What was said in calls, and what agents wrote of them."""
    said = {hit.transcript_id: hit.place for hit in hits if hit.transcript_id is not None}
    wrapped = {(hit.call_id, hit.user_id): hit.place for hit in hits if hit.user_id is not None}
    found: dict[int, _Written] = {}
    if said:
        rows = select(Transcript.id, Transcript.text).where(Transcript.id.in_(said))
        found |= {said[row.id]: _Written(row.text) for row in await connection.execute(rows)}
    if wrapped:
        ids = {call_id for call_id, _ in wrapped}
        wrap_ups = select(*CallWrapUp.__table__.c).where(CallWrapUp.call_id.in_(ids))
        for row in await connection.execute(wrap_ups):
            if (place := wrapped.get((row.call_id, row.user_id))) is not None:
                found[place] = _Written(wrap_up_text(row.note, row.disposition), row.user_id)
    return found


async def _names(connection: AsyncConnection, user_ids: Iterable[int]) -> dict[int, str]:
    people = await connection.execute(select(UserRow.id, UserRow.name).where(UserRow.id.in_(user_ids)))
    return {row.id: row.name for row in people}


async def _customers(connection: AsyncConnection, ids: Iterable[int]) -> dict[int, CustomerRef]:
    rows = await connection.execute(
        select(Customer.id, Customer.name, Customer.company).where(Customer.id.in_(ids))
    )
    return {row.id: CustomerRef(row.id, row.name or row.company) for row in rows}


def _read_cursor(text: str | None) -> int | None:
    if text is None:
        return None
    try:
        place = int(text, 16)
    except ValueError:
        place = -1
    if not 0 <= place < 1 << 62:
        raise InvalidInputError("this is not a place in the search's answer", field="after")
    return place
