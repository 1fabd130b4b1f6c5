"""Webhooks in the application: what happens is owed to whoever wants it, and sent. The application goes in with its
settings; pages and API reach the parts by these functions. What a body looks like is decided here: it holds the very
event of the live stream."""

from __future__ import annotations

import asyncio
import json
import secrets
from collections.abc import AsyncIterator

import structlog
from aiohttp import web
from pydantic import ValidationError

from config.settings import Settings
from core.bus import Bus
from core.clock import Clock, iso
from core.db import Database
from core.fact_log import FactConsumer, LoggedFact
from core.facts import Fact
from core.outside import Outside
from core.tasks import running
from crm_link.webhooks import endpoints
from crm_link.webhooks.alarms import tell_given_up
from crm_link.webhooks.book import forget
from crm_link.webhooks.dispatcher import Dispatcher, Times
from crm_link.webhooks.intake import Intake
from crm_link.webhooks.kinds import EVENTS, TEST_EVENT
from crm_link.webhooks.sender import Attempt, Message, send
from server.api.events import MODELS, model_of
from server.web.keys import CLOCK, CONSUMERS, DATABASE, SETTINGS

log = structlog.get_logger(__name__)

DISPATCHER = web.AppKey("webhook_dispatcher", Dispatcher)

BODIES = {kind.__name__: MODELS.get(kind) or model_of(kind) for kind in EVENTS}

FORGET_EVERY_S = 3600.0
BETWEEN_S = 0.1
"""Between two batches others write."""

DAY_S = 86_400.0


def add_webhooks(
    app: web.Application,
    settings: Settings,
    database: Database,
    bus: Bus,
    clock: Clock,
    times: Times | None = None,
) -> None:
    """Put webhooks into `app`; before the bridges, so that nothing is told that nobody notes."""
    app[DISPATCHER] = dispatcher = Dispatcher(database, lambda: Outside(settings.outside), clock, times)
    intake = Intake(database, clock, body_of, dispatcher.wake)
    consumer = FactConsumer(database, "webhooks", tuple(EVENTS), intake.owe)
    app[CONSUMERS].append(consumer)

    async def wake(_fact: Fact) -> None:
        consumer.wake()

    for kind in EVENTS:
        bus.subscribe(kind, wake, name="webhooks")

    async def forget_old() -> None:
        while True:
            await _forget(database, clock() - settings.outside.keep_deliveries_days * DAY_S)
            await _tell_given_up(database, clock())
            await asyncio.sleep(FORGET_EVERY_S)

    async def part(_app: web.Application) -> AsyncIterator[None]:
        async with (
            running("webhooks: events", consumer.run),
            running("webhooks: couriers", dispatcher.run),
            running("webhooks: old deliveries", forget_old),
        ):
            yield

    app.cleanup_ctx.append(part)


def body_of(event: str, fact: LoggedFact) -> str | None:
    """An event as it is sent; None for a fact that this version does not understand."""
    try:
        data = BODIES[fact.kind].model_validate(fact.body)
    except ValidationError:
        log.exception("this fact cannot be told by webhooks", fact_id=fact.id, kind=fact.kind)
        return None
    return _enveloped(event, fact.at, data.model_dump_json(by_alias=True))


async def send_test(app: web.Application, endpoint_id: int) -> tuple[Message, Attempt]:
    """One request now, outside of every order; nothing of it is kept. Raises NotFoundError."""
    now = app[CLOCK]()
    async with app[DATABASE].read() as connection:
        url, keys = await endpoints.secrets_of(connection, endpoint_id, now)
    data = json.dumps({"message": "Ringback can reach this address."})
    message = Message(f"msg_{secrets.token_hex(12)}", _enveloped(TEST_EVENT, now, data))
    async with Outside(app[SETTINGS].outside) as outside:
        return message, await send(outside, url, keys, message, app[CLOCK])


def changed(app: web.Application, endpoint_id: int) -> None:
    """An endpoint was made, changed or removed, or something is to be sent again."""
    if DISPATCHER in app:
        app[DISPATCHER].wake(endpoint_id)


def _enveloped(event: str, at: float, data: str) -> str:
    """As Standard Webhooks proposes."""
    return f'{{"type":{json.dumps(event)},"timestamp":{json.dumps(iso(at))},"data":{data}}}'


async def _forget(database: Database, before: float) -> None:
    gone = 1
    while gone:
        async with database.write() as connection:
            gone = await forget(connection, before=before)
        await asyncio.sleep(BETWEEN_S)


async def _tell_given_up(database: Database, now: float) -> None:
    """What was given up may have been thrown away just now, or with the data of somebody who was erased."""
    async with database.write() as connection:
        ids = [one.id for one in await endpoints.read_all(connection, now)]
        await tell_given_up(connection, ids, now)
