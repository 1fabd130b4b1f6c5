"""Brings together what people need to work with callbacks: the door of the callback room and the pages' ticks. The
application goes in with its settings; the parts are reachable from it by key afterwards."""

from __future__ import annotations

from collections.abc import AsyncIterator

from aiohttp import web
from sqlalchemy.ext.asyncio import AsyncConnection

from callback.dismissals import Dismissals
from callback.list_imports import Lists
from callback.requests import Requests
from core.bus import Bus
from core.clock import Clock
from core.db import Database
from core.ports import Dialer
from core.tasks import running
from crm_link.identities import holders
from crm_link.request_links import tie_request
from server.callbacks.ticks import TICKS, Ticks
from server.live.callback_loader import CallbackLoader
from server.live.callback_news import CallbackNews
from server.live.socket import LIVE
from server.web.keys import SETTINGS

REQUESTS = web.AppKey("requests", Requests)
DISMISSALS = web.AppKey("dismissals", Dismissals)
LISTS = web.AppKey("lists", Lists)


def add_callback_desk(
    app: web.Application, database: Database, bus: Bus, clock: Clock, dialer: Dialer
) -> None:
    """Put it into `app`, after the desk and before the bridges."""
    app[REQUESTS] = Requests(database, bus, clock, app[SETTINGS], knows=knows, tie=tie_request)
    app[DISMISSALS] = Dismissals(database, clock, app[SETTINGS].site.region)
    app[LISTS] = lists = Lists(app[REQUESTS], database, clock, app[SETTINGS])
    app[TICKS] = ticks = Ticks()
    ticks.subscribe(bus)
    names = {key: one.name or key for key, one in app[SETTINGS].department.items()}
    loader = CallbackLoader(database, app[LIVE], names, dialer.announcement_s)
    loader.subscribe(bus)

    news = CallbackNews(database, bus)
    news.subscribe()

    async def part(_app: web.Application) -> AsyncIterator[None]:
        loader.load_all()
        await news.begin()
        async with (
            running("callbacks: sessions of pages", ticks.keep_house),
            running("callbacks: read for cards", loader.run),
            running("callbacks: lists", lists.run),
            running("callbacks: news", news.run),
        ):
            yield

    async def close(_app: web.Application) -> None:
        ticks.close()

    app.cleanup_ctx.append(part)
    app.on_shutdown.append(close)


async def knows(connection: AsyncConnection, number: str) -> bool:
    """Whether this number (E.164) is a customer's."""
    return bool(await holders(connection, number))
