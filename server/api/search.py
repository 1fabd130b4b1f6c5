"""The search for programs: the same hits, filters and order as the page (`server/views/search.py`)."""

from __future__ import annotations

from aiohttp import web
from pydantic import Field

from core.errors import InvalidInputError
from recordings.search.index import DocumentKind
from recordings.search.query import LONGEST_QUERY
from server.api.calls import CallQuery, filter_of
from server.api.operation import operation
from server.api.shapes import Given, Instant, Page
from server.recordings.access import asker_of
from server.views.search import Found, Wanted, read_search
from server.web.keys import DATABASE, SETTINGS


class SearchQuery(CallQuery):
    """Which texts; all given conditions must hold."""

    q: str = Field(
        min_length=1,
        max_length=LONGEST_QUERY,
        description='Words that must all be there, without regard to case and accents. `"two words"` in quotes stand '
        "next to each other, `kow*` is the beginning of a word; a telephone number is found in any spelling.",
    )
    kind: DocumentKind | None = Field(None, description="Only texts of this kind.")


class Stretch(Given):
    text: str
    is_hit: bool = Field(description="Whether this is what was looked for.")


class SearchHit(Given):
    """One text that was found."""

    kind: DocumentKind = Field(
        description="`transcript`: said in a call; `wrap_up`: what an agent wrote of a call; `note`, "
        "`task`, `deal` (a deal or an order): about a customer."
    )
    at: Instant = Field(description="When its call began; else: when it was written or opened.")
    call_id: str | None = Field(
        description="Null for what belongs to no call, and while a recording's call is unknown."
    )
    customer_id: int | None = Field(description="Whom it is about, when that is one.")
    recording_id: str | None = Field(description="Of a transcript.")
    note_id: int | None = Field(description="Of a note.")
    task_id: int | None = Field(description="Of a task.")
    deal_id: int | None = Field(description="Of a deal or order.")
    snippet: list[Stretch] = Field(
        description="The stretch of the text that was found, in pieces; plain text."
    )


class SearchAnswer(Page):
    found: list[SearchHit] = Field(description="Newest first; nothing is ranked.")


@operation("What was said and written, by its words", tag="Search")
async def search(request: web.Request, query: SearchQuery) -> SearchAnswer:
    """Transcripts, agents' words on their calls, and customers' notes, tasks, deals and orders. A key sees transcripts
    with `recordings:read`, what agents wrote with `calls:read` too, what is about customers with `customers:read` too.
    A page may have fewer hits than `limit` and still have a `next`."""
    async with request.app[DATABASE].read() as connection:
        page = await read_search(
            connection,
            Wanted(query.q, filter_of(query), query.kind),
            asker_of(request),
            request.app[SETTINGS].recordings,
            region=request.app[SETTINGS].site.region,
            after=query.after,
            limit=query.limit,
        )
    if not page.terms:
        raise InvalidInputError("q has no word that could be found", field="q")
    return SearchAnswer(found=[_hit(one) for one in page.found], next=page.next)


def _hit(one: Found) -> SearchHit:
    return SearchHit(
        kind=one.kind,
        at=one.at,
        call_id=one.call_id,
        customer_id=None if one.customer is None else one.customer.id,
        recording_id=one.recording_id,
        note_id=one.note_id,
        task_id=None if one.task is None else one.task.id,
        deal_id=None if one.deal is None else one.deal.id,
        snippet=[Stretch.model_validate(piece) for piece in one.pieces],
    )
