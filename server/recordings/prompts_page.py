"""The administrator's prompts: what callers, customers and colleagues hear of the site's own in the place of a tone,
and the recording notice of each queue. A chosen file goes in as the body of a request; what becomes of it is
decided in the recordings room (`recordings/prompts/book.py`)."""

from __future__ import annotations

import re
from pathlib import PurePath
from typing import Final

from aiohttp import web

from recordings.access import Asker
from recordings.prompts.book import LARGEST, read_prompt
from recordings.prompts.names import Purpose, notice_of
from recordings.prompts.sound import LONGEST_S
from server.recordings.access import asker_of
from server.recordings.media import send
from server.recordings.prompt_parts import PROMPT_FOLDERS, changed, prompt_name_of, prompts_of
from server.views.calls import read_queues
from server.views.prompts import read_places
from server.web.guard import current_user
from server.web.keys import CLOCK, DATABASE, SETTINGS
from server.web.pages import render, see_other
from server.web.pieces import body_as_file

WORDS: Final = {
    Purpose.AGENT: (
        "Announcement to the agent",
        "Before a callback's customer is dialled: “Callback. Press 1 to call now, 2 for not now.”",
        "Two tones",
    ),
    Purpose.CUSTOMER: (
        "Greeting of the customer",
        "Whoever is called back or clicked on, as soon as they answer: “This is … calling you back. If you did not ask "
        "for it, press 9.” Where such calls are recorded, say it here.",
        "One tone",
    ),
    Purpose.PROMISED: (
        "Thanks for pressing the key",
        "A caller who pressed the key for a callback in the queue: “Thank you, we will call you back.”",
        "Three tones",
    ),
}
"""For people: the place, who hears it when, and what they hear without a file."""

QUEUES_SINCE_S: Final = 90 * 86_400.0
"""Queues in use are offered; any other name can be typed."""


async def index(request: web.Request) -> web.Response:
    settings = request.app[SETTINGS]
    async with request.app[DATABASE].read() as connection:
        places = await read_places(connection, tuple(settings.pbx))
        used = await read_queues(connection, request.app[CLOCK]() - QUEUES_SINCE_S)
    queues = {*used, *(one.queue for one in settings.department.values())}
    has = {place.name.queue for place in places}
    folders = request.app.get(PROMPT_FOLDERS, {})
    return render(
        request,
        "prompts/index.html",
        places=[place for place in places if place.name.queue is None],
        notices=[place for place in places if place.name.queue is not None],
        words=WORDS,
        queues=sorted(queue for queue in queues - has if queue and notice_of(queue)),
        problems={name: folder.problem for name, folder in folders.items() if folder.problem},
        shared=frozenset(folders),
        pbxs=tuple(settings.pbx),
        longest_s=int(LONGEST_S),
        largest_mb=LARGEST // (1024 * 1024),
    )


async def upload(request: web.Request) -> web.Response:
    """The body is the file itself; its name stands in the query, for people only."""
    name = prompt_name_of(request.match_info["name"])
    async with body_as_file(request) as file:
        await prompts_of(request).put(asker_of(request), name, file, request.query.get("file", ""))
    changed(request.app)
    return web.json_response({"path": f"/admin/prompts#{name}"}, status=201)


async def remove(request: web.Request) -> web.StreamResponse:
    user = current_user(request)
    await prompts_of(request).remove(Asker(user.login, user), prompt_name_of(request.match_info["name"]))
    changed(request.app)
    raise see_other("/admin/prompts")


async def sound(request: web.Request) -> web.StreamResponse:
    """As telephones play it."""
    name = prompt_name_of(request.match_info["name"])
    async with request.app[DATABASE].read() as connection:
        row = await read_prompt(connection, name)
    return await send(request, row.sound_key)


async def original(request: web.Request) -> web.StreamResponse:
    """As it was uploaded, under a name of ours: what others call their files is no header of an answer."""
    name = prompt_name_of(request.match_info["name"])
    async with request.app[DATABASE].read() as connection:
        row = await read_prompt(connection, name)
    suffix = PurePath(row.file_name).suffix.lower()
    ending = suffix if re.fullmatch(r"\.[a-z0-9]{1,5}", suffix) else ""
    return await send(request, row.original_key, file_name=f"{name}-original{ending}")
