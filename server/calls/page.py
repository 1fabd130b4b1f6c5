"""The manager's call log: the list with its filters, one call, and the export. Reads only."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any

import structlog
from aiohttp import web

from core.accounts import list_users
from core.clock import iso
from core.csv_files import guard_cell
from core.facts import Direction, Verdict
from recordings.access import Right, may_all
from server.calls.affairs import read_call_affairs
from server.calls.picks import read_contact_choices
from server.recordings.access import asker_of
from server.recordings.page import card_context, note_reading, page_of, with_player
from server.recordings.words import LOG_MARKS
from server.views.call_filter import WHEN_LABELS, CallFilter, read_filter
from server.views.call_story import read_story
from server.views.calls import Blind, CallPage, CallRow, read_calls, read_figures, read_queues
from server.views.connectors import read_of_call
from server.views.pop_figures import read_pop_figures
from server.web.guard import current_user
from server.web.keys import CLOCK, DATABASE, SETTINGS, ZONE
from server.web.pages import local, render

log = structlog.get_logger(__name__)

PAGE, ROWS = "calls/index.html", "calls/_rows.html"
QUEUES_SINCE_S = 90 * 86_400.0
"""The filter offers queues in use; an older one still works when a link names it."""

EXPORT_PAGE = 1000
EXPORT_LIMIT = 100_000
"""What a spreadsheet still opens with pleasure; the API has the rest, page by page."""

COLUMNS = (
    "id", "pbx", "direction", "caller", "caller_name", "callee", "customer", "queue", "verdict", "started_at",
    "answered_at", "ended_at", "wait_s", "talk_s", "rang", "talked", "ended_by", "why",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class LogEntry:
    """One line of the list; exactly one part is set."""

    day: date | None = None
    call: CallRow | None = None
    blind: Blind | None = None


async def index(request: web.Request) -> web.StreamResponse:
    """The whole page; for htmx only what changed: the log, or the rows that follow a cursor."""
    wanted, after = _filter(request), request.query.get("after")
    region, template = request.app[SETTINGS].site.region, _template(request, after)
    async with request.app[DATABASE].read() as connection:
        page = await read_calls(connection, wanted, region=region, after=after)
        if template == ROWS:
            return render(request, template, **_list_context(request, wanted, page, after))
        figures = await read_figures(connection, wanted, region=region)
        pops = await read_pop_figures(connection, wanted, region=region)
        users = await list_users(connection)
        queues = await read_queues(connection, request.app[CLOCK]() - QUEUES_SINCE_S)
    return render(
        request,
        template,
        **_list_context(request, wanted, page, after),
        fragment=template != PAGE,
        figures=figures,
        pops=pops,
        verdicts=list(Verdict),
        users=users,
        queues=sorted({*queues, wanted.queue} - {None}, key=str),
        directions=list(Direction),
        when_labels=WHEN_LABELS,
        may_export_recordings=may_all(asker_of(request), Right.EXPORT, request.app[SETTINGS].recordings),
    )


async def show(request: web.Request) -> web.StreamResponse:
    async with request.app[DATABASE].read() as connection:
        story = await read_story(connection, request.match_info["id"], request.app[CLOCK]())
        audio = await card_context(request, connection, story, page_of(request, story.call.id))
        elsewhere = await read_of_call(connection, story.call.id)
        affairs = await read_call_affairs(request, connection, story.call)
    if audio["may_hear"]:
        await note_reading(request, audio["sound"])
    return await with_player(
        request,
        "calls/call.html",
        story=story,
        call=story.call,
        elsewhere=elsewhere,
        contact_choices=await read_contact_choices(request, story.call),
        **affairs,
        **audio,
    )


async def export(request: web.Request) -> web.StreamResponse:
    """The filtered calls as CSV, oldest last, streamed page by page."""
    wanted, region = _filter(request), request.app[SETTINGS].site.region
    response = web.StreamResponse(
        headers={
            "Content-Type": "text/csv; charset=utf-8",
            "Content-Disposition": 'attachment; filename="calls.csv"',
        }
    )
    await response.prepare(request)
    if request.method == "HEAD":
        return response
    await response.write(("\ufeff" + _csv([COLUMNS])).encode())
    after: str | None = None
    written = 0
    while written < EXPORT_LIMIT:
        async with request.app[DATABASE].read() as connection:
            page = await read_calls(connection, wanted, region=region, after=after, limit=EXPORT_PAGE)
        await response.write(_csv(_cells(call) for call in page.calls).encode())
        written += len(page.calls)
        after = page.next
        if after is None:
            break
    log.info("calls exported", user_id=current_user(request).id, calls=written)
    await response.write_eof()
    return response


def _filter(request: web.Request) -> CallFilter:
    return read_filter(request.query, request.app[CLOCK](), request.app[ZONE])


def _list_context(
    request: web.Request, wanted: CallFilter, page: CallPage, after: str | None
) -> dict[str, Any]:
    entries = list(_arrange(request, page, after))
    return {
        "filter": wanted, "entries": entries, "next": page.next, "after": after, "audio_marks": LOG_MARKS,
    }  # fmt: skip


def _template(request: web.Request, after: str | None) -> str:
    if "HX-Request" not in request.headers:
        return PAGE
    return ROWS if after else "calls/_log.html"


def _arrange(request: web.Request, page: CallPage, after: str | None) -> Iterator[LogEntry]:
    """Calls and blind windows in one order, newest first, with a line where a new day begins."""
    zone = request.app[ZONE]
    timed: list[tuple[float, LogEntry]] = [(call.started_at, LogEntry(call=call)) for call in page.calls]
    timed += [(blind.since, LogEntry(blind=blind)) for blind in page.blind]
    timed.sort(key=lambda pair: pair[0], reverse=True)
    # Rows that are put below others do not say their day again.
    above = after.partition("~")[0] if after and "HX-Request" in request.headers else None
    shown = local(float(above), zone).date() if above else None
    for at, entry in timed:
        day = local(at, zone).date()
        if day != shown:
            yield LogEntry(day=day)
            shown = day
        yield entry


def _cells(call: CallRow) -> tuple[object, ...]:
    return (
        call.id,
        call.pbx,
        call.direction,
        call.caller,
        call.caller_name,
        call.callee,
        "; ".join(customer.title or f"#{customer.id}" for customer in call.customers),
        call.queue,
        call.result,
        iso(call.started_at),
        iso(call.answered_at),
        iso(call.ended_at),
        _seconds(call.wait_s),
        _seconds(call.talk_s),
        "; ".join(person.label for person in call.rang),
        "; ".join(person.label for person in call.talked),
        call.ended_by,
        call.why,
    )


def _seconds(value: float | None) -> str:
    return "" if value is None else f"{value:.1f}"


def _csv(rows: Iterable[Iterable[object]]) -> str:
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    for row in rows:
        writer.writerow([guard_cell("" if cell is None else str(cell)) for cell in row])
    return buffer.getvalue()
