"""Who may be one person, for managers: pairs side by side, likeliest first, to merge or to rule out, and "search now".
The search itself runs in the background (`duplicates_parts.py`)."""

from __future__ import annotations

from typing import Final

from aiohttp import web

from core.accounts import list_users
from core.errors import ConflictError, NotFoundError
from crm_link.changes import Edit
from crm_link.merging.duplicates import Reason
from crm_link.merging.duplicates_book import count_duplicates, dismiss, read_duplicates, reconsider
from crm_link.merging.duplicates_search import read_last_search
from server.customers.duplicates_parts import SEARCHES
from server.web.guard import current_user
from server.web.keys import CLOCK, DATABASE
from server.web.pages import render, see_other

HOME: Final = "/customers/duplicates"
PER_PAGE: Final = 20

REASONS: Final = {
    Reason.EMAIL: ("Same e-mail", "mail"),
    Reason.NUMBER: ("Same number", "phone"),
    Reason.ACCOUNT: ("Same account elsewhere", "link"),
    Reason.COMPANY: ("Like names, same company", "building-2"),
    Reason.NEIGHBOURS: ("Like names, neighbouring numbers", "hash"),
}


async def index(request: web.Request) -> web.StreamResponse:
    """The whole page; for htmx the pairs that follow a cursor."""
    after, ruled_out = request.query.get("after"), request.query.get("ruled_out", "")
    async with request.app[DATABASE].read() as connection:
        page = await read_duplicates(connection, limit=PER_PAGE, after=after)
        count = await count_duplicates(connection)
        last = await read_last_search(connection)
        users = await list_users(connection)
    template = "merges/_pairs.html" if "HX-Request" in request.headers else "merges/duplicates.html"
    return render(
        request,
        template,
        page=page,
        count=count,
        last=last,
        is_running=_is_running(request, last is not None and last.is_running(request.app[CLOCK]())),
        can_search=SEARCHES in request.app,
        names={user.id: user.name for user in users},
        reasons=REASONS,
        ruled_out=_pair(ruled_out) if ruled_out else None,
    )


async def show_search(request: web.Request) -> web.StreamResponse:
    """How far the search is; when it is over, the page is to be read again."""
    async with request.app[DATABASE].read() as connection:
        last = await read_last_search(connection)
    if not _is_running(request, last is not None and last.is_running(request.app[CLOCK]())):
        return web.Response(headers={"HX-Refresh": "true", "Cache-Control": "no-store"})
    return render(request, "merges/_search.html", last=last)


async def search(request: web.Request) -> web.StreamResponse:
    searches = request.app.get(SEARCHES)
    if searches is None:
        raise ConflictError("this process does not search for duplicates")
    searches.ask(current_user(request).id)
    raise see_other(HOME)


async def rule_out(request: web.Request) -> web.StreamResponse:
    first, second = await _both(request)
    edit = Edit(request.app[CLOCK](), current_user(request).id)
    async with request.app[DATABASE].write() as connection:
        await dismiss(connection, first, second, edit)
    raise see_other(f"{HOME}?ruled_out={first}-{second}")


async def look_again(request: web.Request) -> web.StreamResponse:
    """It was a mistake that they are not the same."""
    first, second = await _both(request)
    async with request.app[DATABASE].write() as connection:
        await reconsider(connection, first, second)
    raise see_other(HOME)


def _is_running(request: web.Request, in_database: bool) -> bool:
    return in_database or (SEARCHES in request.app and request.app[SEARCHES].is_asked)


async def _both(request: web.Request) -> tuple[int, int]:
    form = await request.post()
    return _pair(f"{form.get('first', '')}-{form.get('second', '')}")


def _pair(text: str) -> tuple[int, int]:
    parts = text.split("-")
    if len(parts) != 2 or not all(part.isascii() and part.isdigit() and len(part) <= 15 for part in parts):
        raise NotFoundError("there is no such pair of customers")
    return int(parts[0]), int(parts[1])
