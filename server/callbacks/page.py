"""The managers' callbacks: the list by state with its funnel, one callback with its story, and what is done with one by
hand. Forms and buttons go to the callback room, which decides; agents may act on what their departments owe."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Annotated, Any

from aiohttp import web
from pydantic import Field, StringConstraints

from callback.kinds import NotNow, Source, State
from callback.requests import LONGEST_REASON
from core.errors import InvalidInputError
from server.callbacks import words as callback_words
from server.callbacks.access import callback_id_of, reachable, requests_of
from server.desk.callback_parts import REQUESTS
from server.views.call_filter import WHEN_LABELS
from server.views.callback_filter import Tab, read_callback_filter
from server.views.callback_story import read_callback_story
from server.views.callbacks import CallbackRow, read_callbacks, read_counts, read_funnel
from server.web.guard import current_user
from server.web.json_body import Body, body_of
from server.web.keys import CLOCK, DATABASE, SETTINGS, ZONE
from server.web.pages import render

ONLY_TIME = frozenset({NotNow.CLOSED, NotNow.QUIET_HOURS, NotNow.TOO_EARLY})
PAGE, ROWS = "callbacks/index.html", "callbacks/_rows.html"

Reason = Annotated[str, StringConstraints(strip_whitespace=True, max_length=LONGEST_REASON)]


class ReasonBody(Body):
    reason: Reason = ""


class PostponeBody(Body):
    """Either so many minutes from now, or a wall-clock time of the site (`2026-11-23T14:00`)."""

    minutes: Annotated[int, Field(ge=0, le=60 * 24 * 60)] = 0
    at: str = ""
    reason: Reason = ""


async def index(request: web.Request) -> web.StreamResponse:
    """The whole page; for htmx only what changed: the list, or the rows that follow a cursor."""
    now, after = request.app[CLOCK](), request.query.get("after")
    wanted = read_callback_filter(request.query, now, request.app[ZONE])
    region = request.app[SETTINGS].site.region
    template = _template(request, after)
    async with request.app[DATABASE].read() as connection:
        page = await read_callbacks(connection, wanted, now, region=region, after=after)
        rows = [with_next(request, row) for row in page.callbacks]
        context: dict[str, Any] = {"filter": wanted, "rows": rows, "next": page.next, "tab": wanted.tab}
        if template == ROWS:
            return render(request, template, **common(request), **context)
        counts = await read_counts(connection, wanted, region=region)
        funnel = await read_funnel(connection, wanted, now, region=region)
    return render(
        request,
        template,
        **common(request),
        **context,
        counts=counts,
        funnel=funnel,
        tabs=[tab for tab in Tab if tab is not Tab.ALL],
        sources=list(Source),
        when_labels=WHEN_LABELS,
    )


async def show(request: web.Request) -> web.StreamResponse:
    """One callback; for htmx its changed part."""
    callback_id, now = callback_id_of(request), request.app[CLOCK]()
    async with request.app[DATABASE].read() as connection:
        story = await read_callback_story(connection, callback_id, now)
    template = "callbacks/_callback.html" if "HX-Request" in request.headers else "callbacks/callback.html"
    return render(request, template, **common(request), story=story, row=with_next(request, story.callback))


async def release(request: web.Request) -> web.Response:
    await requests_of(request).release(callback_id_of(request), current_user(request).id)
    return web.Response(status=204)


async def refuse(request: web.Request) -> web.Response:
    body = await body_of(request, ReasonBody)
    await requests_of(request).refuse(callback_id_of(request), current_user(request).id, body.reason)
    return web.Response(status=204)


async def take(request: web.Request) -> web.Response:
    await requests_of(request).take(await reachable(request), current_user(request).id)
    return web.Response(status=204)


async def postpone(request: web.Request) -> web.Response:
    body = await body_of(request, PostponeBody)
    user = current_user(request)
    until = until_of(request, body)
    await requests_of(request).postpone(await reachable(request), user.id, until, body.reason)
    return web.Response(status=204)


async def close(request: web.Request) -> web.Response:
    body = await body_of(request, ReasonBody)
    await requests_of(request).close(await reachable(request), current_user(request).id, body.reason)
    return web.Response(status=204)


def until_of(request: web.Request, body: PostponeBody) -> float:
    if body.minutes:
        return request.app[CLOCK]() + body.minutes * 60
    try:
        return datetime.fromisoformat(body.at).replace(tzinfo=request.app[ZONE]).timestamp()
    except (ValueError, OverflowError):
        raise InvalidInputError("choose day and time", field="at") from None


def common(request: web.Request) -> dict[str, Any]:
    """What every template about callbacks needs."""
    departments = request.app[SETTINGS].department
    return {
        "words": callback_words,
        "departments": {key: one.name or key for key, one in departments.items()},
        "State": State,
        "Tab": Tab,
    }


def with_next(request: web.Request, row: CallbackRow) -> CallbackRow:
    """The row with the instant at which it may be dialled next, as far as hours and quiet time decide it, and what it
    waits for: the time of day as it is now, everything else as it was when it was looked at last."""
    requests = request.app.get(REQUESTS)
    rules = requests.rules.get(row.department) if requests else None
    now = request.app[CLOCK]()
    if row.state != State.WAITING or rules is None:
        return row
    later = rules.next_callable(row.number, max(row.due_at, now))
    if later is None or later <= now:
        return replace(row, waits_for=None if row.why_not in ONLY_TIME else row.why_not)
    closed = NotNow.QUIET_HOURS if rules.hours.is_open(now) else NotNow.CLOSED
    return replace(row, next_at=later, waits_for=None if row.due_at > now else closed)


def _template(request: web.Request, after: str | None) -> str:
    if "HX-Request" not in request.headers:
        return PAGE
    return ROWS if after else "callbacks/_list.html"
