"""Lists of people to call back: a CSV file in, a page that says what would become of each line, and after a manager's
yes its progress and what was refused. What a line means and who is promised what is decided in the callback room."""

from __future__ import annotations

import csv
import io
from collections import Counter
from typing import Any, Final

from aiohttp import web

from callback.list_check import Fate
from callback.list_imports import Lists
from callback.lists import LARGEST, MAX_LINES
from core.accounts import list_users
from core.csv_files import guard_cell
from core.errors import InvalidInputError, NotFoundError
from server.callbacks.access import callback_id_of
from server.callbacks.page import common
from server.desk.callback_parts import LISTS
from server.web.guard import current_user
from server.web.keys import DATABASE
from server.web.pages import render, see_other

BODY_LIMIT: Final = LARGEST
SHOWN = 200
"""Rows of a preview on one screen; the figures count all of them."""

FATES = {
    Fate.REFUSED: ("Refused", "circle-x"),
    Fate.HELD: ("Held", "shield"),
    Fate.JOINS: ("Joins an open callback", "merge"),
    Fate.ACCEPTED: ("New callback", "check"),
}
"""For people, in the order in which they deserve a look."""


async def index(request: web.Request) -> web.Response:
    """The form, and the lists of the last month."""
    return render(
        request,
        "lists/index.html",
        **common(request),
        lists=await lists_of(request).listed() if LISTS in request.app else [],
        people=await _people(request),
        largest_kb=LARGEST // 1024,
        most=MAX_LINES,
    )


async def add(request: web.Request) -> web.Response:
    """The body is the file itself; its name and the department stand in the query."""
    name, department = request.query.get("name", ""), request.query.get("department", "")
    if not department:
        raise InvalidInputError("choose a department", field="department")
    list_id = await lists_of(request).add(await request.read(), name, department, current_user(request).id)
    return web.json_response({"path": f"/callbacks/lists/{list_id}"}, status=201)


async def show(request: web.Request) -> web.Response:
    """What would become of it, or what did; for htmx only the part that moves."""
    lists, list_id = lists_of(request), callback_id_of(request)
    state = await lists.state(list_id)
    context: dict[str, Any] = {"state": state, "people": await _people(request)}
    if state.is_draft:
        context |= await _preview(request, list_id)
    template = (
        "lists/list.html" if state.is_draft or "HX-Request" not in request.headers else "lists/_sent.html"
    )
    return render(request, template, **common(request), **context)


async def submit(request: web.Request) -> web.Response:
    lists, list_id = lists_of(request), callback_id_of(request)
    await lists.state(list_id)
    await lists.submit(list_id, current_user(request).id)
    raise see_other(f"/callbacks/lists/{list_id}")


async def drop(request: web.Request) -> web.Response:
    await lists_of(request).drop(callback_id_of(request))
    raise see_other("/callbacks/lists")


async def refused(request: web.Request) -> web.Response:
    """The lines that were refused as a file of the same shape, to be mended and sent again."""
    rows = await lists_of(request).refused_rows(callback_id_of(request))
    out = io.StringIO()
    csv.writer(out).writerows([guard_cell(cell) for cell in row] for row in rows)
    return web.Response(
        body=out.getvalue().encode("utf-8-sig"),
        content_type="text/csv",
        charset="utf-8",
        headers={"Content-Disposition": 'attachment; filename="refused.csv"'},
    )


async def _preview(request: web.Request, list_id: int) -> dict[str, Any]:
    foreseen = await lists_of(request).foresee(list_id)
    counts = Counter(one.fate for one in foreseen)
    wanted = request.query.get("show", "")
    only = next((fate for fate in FATES if fate == wanted), None)
    order = list(FATES)
    rows = sorted(
        (one for one in foreseen if only in (None, one.fate)),
        key=lambda one: (order.index(one.fate), one.line.at),
    )
    return {
        "counts": counts,
        "only": only,
        "fates": FATES,
        "rows": rows[:SHOWN],
        "matching": len(rows),
        "taken": len(foreseen) - counts[Fate.REFUSED],
    }


async def _people(request: web.Request) -> dict[int, str]:
    async with request.app[DATABASE].read() as connection:
        return {user.id: user.name for user in await list_users(connection)}


def lists_of(request: web.Request) -> Lists:
    """Raises NotFoundError on a site that has no department."""
    found = request.app.get(LISTS)
    if found is None:
        raise NotFoundError("no department is set up here: write one [department.…] into the settings")
    return found
