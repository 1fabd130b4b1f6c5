"""The administrator's page that erases what was recorded of one customer: first what would go, then what went."""

from __future__ import annotations

from aiohttp import web

from core.errors import NotFoundError
from server.privacy.erasing import PersonErasure
from server.recordings.access import asker_of
from server.recordings.keeping import remover_of
from server.recordings.workers import SWEEPER
from server.web.keys import DATABASE
from server.web.pages import render

LONGEST_ID = 9


async def show(request: web.Request) -> web.StreamResponse:
    preview = await _erasure(request).preview(_customer_id(request))
    return render(request, "recordings/erase.html", person=preview.person, preview=preview, erased=None)


async def erase(request: web.Request) -> web.StreamResponse:
    """What went is shown in the answer, once: nothing of it is kept."""
    erased = await _erasure(request).erase(asker_of(request), _customer_id(request))
    if SWEEPER in request.app:
        request.app[SWEEPER].wake()
    return render(request, "recordings/erase.html", person=erased.person, preview=None, erased=erased)


def _erasure(request: web.Request) -> PersonErasure:
    return PersonErasure(request.app[DATABASE], remover_of(request))


def _customer_id(request: web.Request) -> int:
    text = request.match_info["id"]
    if not (text.isascii() and text.isdigit()) or len(text) > LONGEST_ID:
        raise NotFoundError("there is no such customer")
    return int(text)
