"""The inbox of unreturned contacts (`views/inbox.py`) with what was dismissed from it, and the list of numbers that are
never called. Callbacks themselves are worked on by `page.py`."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

from aiohttp import web
from pydantic import StringConstraints

from callback.dismissals import LONGEST_REASON
from core.accounts import list_users
from core.errors import InvalidInputError, NotFoundError
from core.phone import parse_number
from crm_link.merging.duplicates_book import count_proposed
from server.callbacks.access import callback_id_of, requests_of
from server.callbacks.page import common, with_next
from server.callbacks.parts import CLICKS
from server.desk.callback_parts import DISMISSALS, REQUESTS
from server.views.dismissed import read_dismissed
from server.views.inbox import read_inbox
from server.web.guard import current_user
from server.web.json_body import Body, body_of
from server.web.keys import CLOCK, DATABASE, SETTINGS
from server.web.pages import render, see_other

DISMISSED = "dismissed"


class DismissBody(Body):
    number: Annotated[str, StringConstraints(max_length=40)]
    reason: Annotated[str, StringConstraints(max_length=LONGEST_REASON)] = ""


async def index(request: web.Request) -> web.StreamResponse:
    """The whole page; for htmx only what changed: the list, or the lines that follow a cursor."""
    after = request.query.get("after")
    if request.query.get("show") == DISMISSED:
        return await _dismissed(request, after)
    async with request.app[DATABASE].read() as connection:
        page = await read_inbox(connection, request.app[CLOCK](), after=after)
        proposed = await count_proposed(connection)
    contacts = [
        replace(one, callbacks=tuple(with_next(request, row) for row in one.callbacks))
        for one in page.contacts
    ]
    return render(
        request,
        _template(request, after, "inbox/_lines.html"),
        **common(request),
        show="",
        contacts=contacts,
        total=page.total,
        next=page.next,
        proposed=proposed,
        can_call=CLICKS in request.app,
    )


async def _dismissed(request: web.Request, after: str | None) -> web.Response:
    async with request.app[DATABASE].read() as connection:
        page = await read_dismissed(connection, after=after)
    template = _template(request, after, "inbox/_dismissed.html")
    return render(request, template, **common(request), show=DISMISSED, lines=page.lines, next=page.next)


def _template(request: web.Request, after: str | None, lines: str) -> str:
    if "HX-Request" not in request.headers:
        return "inbox/index.html"
    return lines if after else "inbox/_list.html"


async def dismiss(request: web.Request) -> web.Response:
    """Nobody has to call this number back for what it tried up to now."""
    body = await body_of(request, DismissBody)
    await request.app[DISMISSALS].dismiss(body.number, body.reason, current_user(request).id)
    return web.Response(status=204)


async def owe_again(request: web.Request) -> web.Response:
    await request.app[DISMISSALS].undo(callback_id_of(request), current_user(request).id)
    return web.Response(status=204)


async def suppressions(request: web.Request) -> web.Response:
    """Numbers never to be called: since when, why, who said so. The numbers themselves are not known to us."""
    return await _suppressions(request, {}, {"number": "", "reason": ""})


async def suppress(request: web.Request) -> web.Response:
    form = await request.post()
    given = {name: str(form.get(name, ""))[:LONGEST_REASON].strip() for name in ("number", "reason")}
    number = parse_number(given["number"], request.app[SETTINGS].site.region).e164
    wrong = {} if number else {"number": "this is no telephone number"}
    if not given["reason"]:
        wrong["reason"] = "say why: the number itself is not kept, so this line is all that will be known"
    if wrong or number is None:
        return await _suppressions(request, wrong, given, status=422)
    user_id, now = current_user(request).id, request.app[CLOCK]()
    await requests_of(request).suppressions.add(number, given["reason"], now, user_id)
    raise see_other("/callbacks/suppressions")


async def allow_again(request: web.Request) -> web.Response:
    await requests_of(request).suppressions.remove(callback_id_of(request))
    raise see_other("/callbacks/suppressions")


async def allow_number(request: web.Request) -> web.Response:
    """Take a number off the list that somebody names: the lines do not tell whose they are."""
    form = await request.post()
    number = parse_number(str(form.get("allowed", "")), request.app[SETTINGS].site.region).e164
    if number is None:
        raise InvalidInputError("this is no telephone number", field="allowed")
    if not await requests_of(request).suppressions.remove_number(number):
        raise NotFoundError("this number is not on the list")
    raise see_other("/callbacks/suppressions")


async def _suppressions(
    request: web.Request, wrong: dict[str, str], given: dict[str, str], *, status: int = 200
) -> web.Response:
    requests = request.app.get(REQUESTS)
    async with request.app[DATABASE].read() as connection:
        people = {user.id: user.name for user in await list_users(connection)}
    lines = await requests.suppressions.listed() if requests else []
    return render(
        request, "inbox/suppressions.html", status, lines=lines, people=people, wrong=wrong, given=given
    )
