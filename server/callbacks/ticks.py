"""`GET /callbacks/live`: a WebSocket that says no more than "something about callbacks is different", so that pages
read their part anew. Facts of the bus go in, one text for many changes in a row goes out. What a page then sees is
decided by the request it makes, with its own rights."""

from __future__ import annotations

import asyncio

from aiohttp import web

from core.bus import Bus
from core.facts import CallbackChanged, CallEnded, SessionsEnded
from server.live.tab import Tab, open_tab
from server.web.guard import current_user

CHANGED = '{"t":"callbacks"}'
GATHER_S = 0.25
"""An attempt changes its callback several times within a moment: one look at it is enough."""

CALLS_S = 2.0
"""Calls end often, and only the inbox of missed ones changes by them."""

LOOK_AT_SESSIONS_S = 60.0
MOST_TABS = 500
"""Every page of a large team; each costs a socket."""


class Ticks:
    """One per process."""

    def __init__(self) -> None:
        self.tabs: dict[Tab, int] = {}
        self._soon: asyncio.TimerHandle | None = None

    def subscribe(self, bus: Bus) -> None:
        bus.subscribe(CallbackChanged, self._changed, name="callback pages")
        bus.subscribe(CallEnded, self._talked, name="callback pages")
        bus.subscribe(SessionsEnded, self._ended, name="callback pages")

    async def _changed(self, _fact: CallbackChanged) -> None:
        self._tell_in(GATHER_S)

    async def _talked(self, _fact: CallEnded) -> None:
        self._tell_in(CALLS_S)

    def _tell_in(self, seconds: float) -> None:
        if self._soon is None:
            self._soon = asyncio.get_running_loop().call_later(seconds, self._tell)

    def _tell(self) -> None:
        self._soon = None
        for tab in tuple(self.tabs):
            tab.send(CHANGED)

    async def _ended(self, fact: SessionsEnded) -> None:
        for tab, user_id in tuple(self.tabs.items()):
            if user_id == fact.user_id and fact.token_hash in (None, tab.token_hash):
                tab.close(4401, b"session ended")

    async def keep_house(self) -> None:
        """Close what may no longer listen, for ever."""
        while True:
            await asyncio.sleep(LOOK_AT_SESSIONS_S)
            for tab in tuple(self.tabs):
                if not await tab.may_stay():
                    tab.close(4401, b"session ended")

    def close(self) -> None:
        """The server stops."""
        for tab in tuple(self.tabs):
            tab.close(1001, b"server stops")


TICKS = web.AppKey("ticks", Ticks)


async def connect(request: web.Request) -> web.WebSocketResponse:
    """Serve one page until it goes, or its session ends (close code 4401)."""
    ticks = request.app.get(TICKS)
    if ticks is None or len(ticks.tabs) >= MOST_TABS:
        raise web.HTTPServiceUnavailable
    socket, tab = await open_tab(request)
    if tab is None:
        return socket
    ticks.tabs[tab] = current_user(request).id
    try:
        await tab.run(lambda _said: None)
    finally:
        ticks.tabs.pop(tab, None)
    return socket
