"""Who may act on which callback: managers on all, agents on those that their departments owe and on their own. A
request goes in, the departments or the callback's id come out, or an error is raised."""

from __future__ import annotations

from aiohttp import web
from sqlalchemy import select

from callback.requests import Requests
from callback.tables import Callback
from core.accounts import Role, User
from core.errors import NotFoundError
from server.desk.callback_parts import REQUESTS
from server.live.socket import LIVE
from server.web.guard import current_user
from server.web.keys import DATABASE, SETTINGS

LONGEST_ID = 15
"""Digits; every database takes such a number."""


def departments_of(request: web.Request, user: User) -> tuple[str, ...]:
    """Departments whose queue this person answers, by their name in the settings; all of them for managers."""
    settings = request.app[SETTINGS]
    if user.role.covers(Role.MANAGER):
        return tuple(settings.department)
    hub = request.app.get(LIVE)
    owner = hub.board.owner(user.id) if hub else None
    if hub is None or owner is None:
        return ()
    mine = {(queue.pbx, queue.name) for queue in hub.board.queues.of(owner)}
    return tuple(key for key, one in settings.department.items() if (settings.pbx_of(key), one.queue) in mine)


def requests_of(request: web.Request) -> Requests:
    """Raises NotFoundError on a site that has no department: nobody can be called back there."""
    found = request.app.get(REQUESTS)
    if found is None:
        raise NotFoundError("no department is set up here: write one [department.…] into the settings")
    return found


def callback_id_of(request: web.Request) -> int:
    """The id in the URL. Raises NotFoundError for what cannot be one."""
    text = request.match_info["id"]
    if not (text.isascii() and text.isdigit()) or len(text) > LONGEST_ID:
        raise NotFoundError("there is no such callback")
    return int(text)


async def reachable(request: web.Request) -> int:
    """The id of the callback in the URL, when the asker may act on it. Raises NotFoundError for every other."""
    callback_id, user = callback_id_of(request), current_user(request)
    async with request.app[DATABASE].read() as connection:
        found = (
            await connection.execute(
                select(Callback.department, Callback.owner_id).where(Callback.id == callback_id)
            )
        ).one_or_none()
    if found is None:
        raise NotFoundError(f"there is no callback {callback_id}")
    if found.owner_id != user.id and found.department not in departments_of(request, user):
        raise NotFoundError("this callback is owed by another department")
    return callback_id
