"""What people and programs do with the links to other CRMs: try one out, and send a call again that somebody has looked
for there, or leave it. Whether they may is the routes'."""

from __future__ import annotations

from aiohttp import web

from core.errors import NotFoundError
from crm_link.connectors import logs
from crm_link.connectors.attempt import Attempt, try_out
from server.connectors.parts import CONNECTORS
from server.web.keys import CLOCK, DATABASE, SETTINGS


async def try_one(app: web.Application, name: str, number: str) -> Attempt:
    """Ask it who has `number`. Raises NotFoundError for a connector, InvalidInputError for a number that is none."""
    settings = app[SETTINGS]
    if name not in settings.connector or CONNECTORS not in app:
        raise NotFoundError("there is no such connector")
    return await try_out(name, settings.connector[name], settings.site, app[CONNECTORS].outside, number)


async def send_again(app: web.Application, log_id: int) -> None:
    """Raises NotFoundError, and ConflictError when it is sent already or about to be."""
    async with app[DATABASE].write() as connection:
        name = await logs.send_again(connection, log_id, app[CLOCK]())
    parts = app.get(CONNECTORS)
    if parts is not None and name in parts.workers:
        parts.workers[name].wake()


async def leave(app: web.Application, log_id: int) -> None:
    """Nothing is to be sent. Raises NotFoundError, and ConflictError when nobody had to look."""
    async with app[DATABASE].write() as connection:
        await logs.leave(connection, log_id, app[CLOCK]())
