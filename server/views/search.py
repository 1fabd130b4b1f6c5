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
from crm_link.tables import Customer, Note
from pbx_bridge.tables import CallWrapUp
from recordings.access import Asker, Right, audible_call, may_all
from recordings.search import DocumentKind, Hit, Question, find
from recordings.search_query import Term, read_query
from recordings.search_tables import SearchDocument
from recordings.search_words import mark
from recordings.snippets import Piece, snippet
from recordings.tables import Transcript
from server.search_documents import hearer_mark, kind_mark, phone_mark, wrap_up_text
from server.views.call_filter import CallFilter
from server.views.calls import CallRow, CustomerRef, number_spellings, read_some_calls

PAGE = 20
"""Hits per page: with their stretches of text more than a screen."""

SCOPES = {
    DocumentKind.TRANSCRIPT: "recordings:read",
    DocumentKind.NOTE: "customers:read",
    DocumentKind.WRAP_UP: "calls:read",
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
    """One hit. `call` is None for a note of no call, and for a recording that belongs to none (yet); `writer` is who
    wrote the note."""

    kind: DocumentKind
    at: float
    call_id: str | None
    call: CallRow | None
    customer: CustomerRef | None
    recording_id: str | None
    note_id: int | None
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
    texts = await _texts(connection, hits)
    writers = await _writers(connection, hits)
    customers = await _customers(connection, {hit.customer_id for hit in hits if hit.customer_id})
    shown = [hit for hit in hits if hit.place in texts]
    # Twenty talks of any length: in a thread, while calls go on ringing.
    pieces = await asyncio.to_thread(_pieces, [texts[hit.place] for hit in shown], terms)
    return tuple(
        Found(
            kind=hit.kind,
            at=hit.at,
            call_id=hit.call_id,
            call=calls.get(hit.call_id or ""),
            customer=customers.get(hit.customer_id or 0),
            recording_id=hit.recording_id,
            note_id=hit.note_id,
            writer=writers.get(hit.place),
            pieces=stretch,
        )
        for hit, stretch in zip(shown, pieces, strict=True)
    )


def _pieces(texts: Sequence[str], terms: Sequence[Term]) -> list[tuple[Piece, ...]]:
    return [snippet(text, terms) for text in texts]


async def _texts(connection: AsyncConnection, hits: Sequence[Hit]) -> dict[int, str]:
    """As they were said and written, by place."""
    said = {hit.transcript_id: hit.place for hit in hits if hit.transcript_id is not None}
    noted = {hit.note_id: hit.place for hit in hits if hit.note_id is not None}
    wrapped = {(hit.call_id, hit.user_id): hit.place for hit in hits if hit.user_id is not None}
    texts: dict[int, str] = {}
    if said:
        rows = select(Transcript.id, Transcript.text).where(Transcript.id.in_(said))
        texts |= {said[row.id]: row.text for row in await connection.execute(rows)}
    if noted:
        notes = select(Note.id, Note.text).where(Note.id.in_(noted))
        texts |= {noted[row.id]: row.text for row in await connection.execute(notes)}
    if wrapped:
        ids = {call_id for call_id, _ in wrapped}
        wrap_ups = select(*CallWrapUp.__table__.c).where(CallWrapUp.call_id.in_(ids))
        for row in await connection.execute(wrap_ups):
            if (place := wrapped.get((row.call_id, row.user_id))) is not None:
                texts[place] = wrap_up_text(row.note, row.disposition)
    return texts


async def _writers(connection: AsyncConnection, hits: Sequence[Hit]) -> dict[int, str]:
    """Names of who wrote notes and wrap-ups, by place."""
    by_place = {hit.place: hit.user_id for hit in hits if hit.user_id is not None}
    noted = {hit.note_id: hit.place for hit in hits if hit.note_id is not None}
    if noted:
        authors = select(Note.id, Note.author_id).where(Note.id.in_(noted), Note.author_id.is_not(None))
        by_place |= {noted[row.id]: row.author_id for row in await connection.execute(authors)}
    if not by_place:
        return {}
    people = await connection.execute(
        select(UserRow.id, UserRow.name).where(UserRow.id.in_(set(by_place.values())))
    )
    names = {row.id: row.name for row in people}
    return {place: names[user_id] for place, user_id in by_place.items() if user_id in names}


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
