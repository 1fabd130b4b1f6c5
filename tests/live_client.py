"""A browser of /live without a browser: logs in with a cookie, keeps its screen by the server's messages as the desk's
page does, and can read slowly, vanish, or come back where it was."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from types import TracebackType
from typing import Any

from aiohttp import ClientSession, ClientWebSocketResponse, CookieJar, WSMsgType

from tests.desk_site import DeskSite

DEADLINE_S = 30.0


class LiveClient:
    """`cards`, `parts`: the screen; `heard`: every message since it was opened; `code`: why the server closed."""

    def __init__(self, site: DeskSite, login: str) -> None:
        self.site, self.login = site, login
        self.cards: dict[str, dict[str, Any]] = {}
        self.parts: dict[str, Any] = {}
        self.heard: list[dict[str, Any]] = []
        self.gone: list[dict[str, Any]] = []
        self.epoch, self.seq = "", 0
        self._session: ClientSession
        self._socket: ClientWebSocketResponse

    async def __aenter__(self) -> LiveClient:
        cookies = await self.site.cookie(self.login)
        self._session = ClientSession(cookie_jar=CookieJar(unsafe=True), cookies=cookies)
        await self.open()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._session.close()

    async def open(self, resume: bool = False) -> None:
        """Connect and hear the first message."""
        query = f"?from={self.epoch}:{self.seq}" if resume else ""
        self.heard = []
        origin = self.site.url("/").rstrip("/")
        self._socket = await self._session.ws_connect(
            self.site.url("/live") + query, headers={"Origin": origin}, max_msg_size=0
        )
        await self.hear()

    async def vanish(self) -> None:
        """The network is gone: no closing word."""
        response = self._socket._response
        assert response.connection is not None
        assert response.connection.transport is not None
        response.connection.transport.abort()

    async def say(self, **message: object) -> None:
        await self._socket.send_json(message)

    async def hear(self) -> dict[str, Any]:
        """The next message, taken into the screen."""
        async with asyncio.timeout(DEADLINE_S):
            message = await self._socket.receive()
        assert message.type is WSMsgType.TEXT, message
        said: dict[str, Any] = message.json()
        self.heard.append(said)
        self._take(said)
        return said

    async def until(self, wanted: Callable[[LiveClient], bool]) -> None:
        """Hear messages until the screen is as wanted."""
        while not wanted(self):
            await self.hear()

    async def closed(self) -> int | None:
        """Hear until the server closes; its code."""
        async with asyncio.timeout(DEADLINE_S):
            while (await self._socket.receive()).type is WSMsgType.TEXT:
                pass
        return self._socket.close_code

    def state_of(self, call_id: str) -> str | None:
        card = self.cards.get(call_id)
        return card["state"] if card else None

    def _take(self, said: dict[str, Any]) -> None:
        if said["t"] == "snapshot":
            self.cards = {card["call_id"]: card for card in said["cards"]}
            self.parts = {
                part: said[part] for part in ("queues", "devices", "links", "agent", "recent", "tasks")
            }
        if said["t"] in ("snapshot", "resumed"):
            self.epoch, self.seq = said["epoch"], said["seq"]
        if said["t"] != "changes":
            return
        assert said["seq"] == self.seq + 1
        self.seq = said["seq"]
        for change in said["changes"]:
            if change["c"] == "card":
                self.cards[change["card"]["call_id"]] = change["card"]
            elif change["c"] == "gone":
                self.gone.append(change)
                del self.cards[change["call_id"]]
            else:
                self.parts[change["part"]] = change["value"]
