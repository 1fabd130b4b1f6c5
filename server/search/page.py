"""The search over what was said and written: the page, its answers, and the rows that follow. Reads only; which hits
somebody may see is decided in `views/search.py`."""

from __future__ import annotations

from functools import partial
from typing import Any

from aiohttp import web

from core.accounts import Role, list_users
from core.errors import InvalidInputError
from core.facts import Direction, Verdict
from crm_link.directory import find_customers
from recordings.search.index import DocumentKind
from recordings.search.query import LONGEST_QUERY
from server.customers.deals_page import DEAL_LOOKS
from server.customers.task_words import due_words
from server.recordings.access import asker_of
from server.views.call_filter import WHEN_LABELS, CallFilter, When, query_string, read_filter
from server.views.calls import read_queues
from server.views.search import SearchPage, Wanted, read_search
from server.web.guard import current_user
from server.web.keys import CLOCK, DATABASE, SETTINGS, ZONE
from server.web.pages import render

PAGE, ANSWERS, ROWS = "search/index.html", "search/_answers.html", "search/_rows.html"

CUSTOMERS_SHOWN = 4
"""Above the texts: somebody who types a name mostly wants that person."""

QUEUES_SINCE_S = 90 * 86_400.0


async def index(request: web.Request) -> web.StreamResponse:
    """The whole page; for htmx the answers, or the rows that follow a cursor."""
    wanted, after = _wanted(request), request.query.get("after")
    settings = request.app[SETTINGS]
    region = settings.site.region
    template = _template(request, after)
    async with request.app[DATABASE].read() as connection:
        page = await read_search(
            connection, wanted, asker_of(request), settings.recordings, region=region, after=after
        )
        shown = _shown(request, wanted, page)
        if template == ROWS:
            return render(request, template, **shown)
        if page.terms and after is None and wanted.kind is None:
            found = await find_customers(connection, wanted.text, region=region, limit=CUSTOMERS_SHOWN)
            shown["customers"] = found.customers
            shown["more_customers"] = found.next is not None
        users = await list_users(connection)
        queues = await read_queues(connection, request.app[CLOCK]() - QUEUES_SINCE_S)
    return render(
        request,
        template,
        **shown,
        users=users,
        queues=sorted({*queues, wanted.filter.queue} - {None}, key=str),
        directions=list(Direction),
        verdicts=list(Verdict),
        when_labels=WHEN_LABELS,
    )


def _wanted(request: web.Request) -> Wanted:
    """As the call log's parameters, but over all time unless days are asked for."""
    query = dict(request.query)
    if not any(query.get(name, "").strip() for name in ("when", "from", "to")):
        query["when"] = When.ALL.value
    given = read_filter(query, request.app[CLOCK](), request.app[ZONE])
    text = query.get("q", "").replace("\0", " ").strip()[:LONGEST_QUERY]
    return Wanted(text, given, _kind(query.get("kind", "")))


def _kind(text: str) -> DocumentKind | None:
    try:
        return DocumentKind(text) if text else None
    except ValueError:
        raise InvalidInputError(f"kind is one of {', '.join(DocumentKind)}", field="kind") from None


def _shown(request: web.Request, wanted: Wanted, page: SearchPage) -> dict[str, Any]:
    given = wanted.filter

    def query(**changes: object) -> str:
        return query_string(_values(wanted), changes)

    return {
        "text": wanted.text,
        "filter": given,
        "kind": wanted.kind,
        "kinds": list(DocumentKind),
        "page": page,
        "query": query,
        "customers": (),
        "deal_looks": DEAL_LOOKS,
        "due": partial(due_words, now=request.app[CLOCK](), zone=request.app[ZONE]),
        "is_narrowed": given.is_narrowed or given.when is not When.ALL or wanted.kind is not None,
        "opens_calls": current_user(request).role.covers(Role.MANAGER),
    }


def _values(wanted: Wanted) -> dict[str, object]:
    given: CallFilter = wanted.filter
    return {
        "q": wanted.text,
        **given.days(),
        "direction": given.direction,
        "verdict": given.verdict,
        "agent": given.agent,
        "queue": given.queue,
        "number": given.number,
        "kind": wanted.kind,
    }


def _template(request: web.Request, after: str | None) -> str:
    if "HX-Request" not in request.headers:
        return PAGE
    return ROWS if after else ANSWERS
