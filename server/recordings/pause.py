"""Pausing and resuming the recording of a call that goes on: an agent at the desk for their own call. Programs do it by
`api/recordings.py`. What a pause is stands in `recordings/pauses.py`."""

from __future__ import annotations

from aiohttp import web

from core.clock import iso
from core.errors import ConflictError
from recordings.pauses import Pauses
from server.desk.page import card_of
from server.live.cards import CardState
from server.recordings.access import asker_of
from server.recordings.keeping import PAUSES
from server.web.json_body import Body, body_of


class PauseBody(Body):
    paused: bool


async def set_own(request: web.Request) -> web.Response:
    """The screen is told by /live, and again when the pause ends itself."""
    body, card = await body_of(request, PauseBody), card_of(request)
    if card.state not in {CardState.TALKING, CardState.HELD}:
        raise ConflictError("only a call you are talking in can be paused")
    if not body.paused:
        await pauses_of(request).resume(asker_of(request), card.call_id)
        return web.json_response({"paused_until": None})
    until = await pauses_of(request).pause(asker_of(request), card.call_id)
    return web.json_response({"paused_until": iso(until)})


def pauses_of(request: web.Request) -> Pauses:
    """Raises ConflictError on a site whose PBX we may not tell anything."""
    found = request.app.get(PAUSES)
    if found is None:
        raise ConflictError("no PBX is connected here that could be told to pause a recording")
    return found
