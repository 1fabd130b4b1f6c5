"""The administrator's view of other CRMs: how each link stands, calls that need a person or are not there yet, and a
form that asks a CRM for a number and shows what went over the line."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from core.errors import InvalidInputError, NotFoundError
from server.connectors import actions as connector_actions
from server.connectors.parts import CONNECTORS
from server.views.call_filter import choice
from server.views.calls import read_some_calls
from server.views.connectors import Show, find_shown, how_many, read_counts
from server.web.keys import DATABASE, SETTINGS
from server.web.pages import render, see_other

TEXT_LIMIT = 100


async def index(request: web.Request) -> web.StreamResponse:
    """The page; for htmx, which asks every few seconds, only what changes."""
    template = "connectors/_state.html" if "HX-Request" in request.headers else "connectors/index.html"
    return await _page(request, template)


async def attempt(request: web.Request) -> web.StreamResponse:
    """Ask one CRM who has a number; the page with what it said. Writes nothing."""
    form = await request.post()
    name, number = (str(form.get(field, "")).strip()[:TEXT_LIMIT] for field in ("connector", "number"))
    try:
        tried = await connector_actions.try_one(request.app, name, number)
    except InvalidInputError as error:
        return await _page(
            request, "connectors/index.html", status=422, chosen=name, number=number, wrong=str(error)
        )
    return await _page(request, "connectors/index.html", chosen=name, number=number, tried=tried)


async def send_again(request: web.Request) -> web.StreamResponse:
    """A person has looked in the CRM and wants the call sent."""
    await connector_actions.send_again(request.app, _log_id(request))
    raise see_other("/admin/connectors")


async def leave(request: web.Request) -> web.StreamResponse:
    """A person has looked in the CRM, and nothing is to be sent."""
    await connector_actions.leave(request.app, _log_id(request))
    raise see_other("/admin/connectors")


def _log_id(request: web.Request) -> int:
    text = request.match_info["id"]
    if not (text.isascii() and text.isdigit()) or len(text) > 15:
        raise NotFoundError("there is no such call to send")
    return int(text)


async def _page(request: web.Request, template: str, status: int = 200, **more: Any) -> web.Response:
    parts = request.app.get(CONNECTORS)
    show = choice(request.query, "show", Show) or Show.STUCK
    async with request.app[DATABASE].read() as connection:
        counts = await read_counts(connection)
        page = await find_shown(connection, show, after=request.query.get("after"))
        calls = await read_some_calls(connection, {one.call_id for one in page.calls})
    context: dict[str, Any] = {"chosen": "", "number": "", "wrong": "", "tried": None, **more}
    return render(
        request,
        template,
        status,
        connectors=request.app[SETTINGS].connector,
        lookups=parts.lookups if parts else {},
        workers=parts.workers if parts else {},
        counts=counts,
        page=page,
        calls=calls,
        show=show,
        how_many=how_many(counts),
        query=f"?{request.query_string}" if request.query_string else "",
        **context,
    )
