"""One browser tab listening to /live: texts go in, the socket carries them out, acknowledgements come back. A tab that
reads too slowly is cut off at once and will come back for a snapshot; nothing is buffered without bound. What is
said to whom is decided in `hub.py`."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import WSMsgType, web

from server.web.guard import current_session, session_alive
from server.web.keys import CLOCK

WAITING = 64
"""Texts waiting for one tab: a burst of calls on a slow line, but never a minute of one."""

LONGEST_WORD = 4096
"""Bytes a browser may say at once; an acknowledgement has about a hundred."""

PING_S = 25.0
"""A socket whose other end vanished without a word is noticed after this and half as much again."""


class Tab:
    """`may_stay` answers whether the session this tab was opened with still lives."""

    def __init__(
        self,
        request: web.Request,
        socket: web.WebSocketResponse,
        *,
        token_hash: str,
        since: float,
        may_stay: Callable[[], Awaitable[bool]],
    ) -> None:
        self.token_hash = token_hash
        self.since = since
        self.may_stay = may_stay
        self._request = request
        self._socket = socket
        self._waiting: asyncio.Queue[str] = asyncio.Queue(WAITING)
        self._closing: tuple[int, bytes] | None = None
        self._closed = asyncio.Event()

    def send(self, text: str) -> bool:
        """Hand over one text. False when the tab is too far behind: it is cut off and hears no more."""
        if self._closed.is_set():
            return True
        try:
            self._waiting.put_nowait(text)
        except asyncio.QueueFull:
            self._cut()
            return False
        return True

    def close(self, code: int, reason: bytes) -> None:
        """Say good-bye with a code the page understands (4401: log in again)."""
        if self._closing is None:
            self._closing = (code, reason)
            self._closed.set()

    def _cut(self) -> None:
        self._closed.set()
        # A closing handshake would wait behind everything the browser does not read.
        if self._request.transport is not None:
            self._request.transport.abort()

    async def run(self, hear: Callable[[dict[str, Any]], None]) -> None:
        """Carry texts until the browser goes or is to go; `hear` gets what it says."""
        writer = asyncio.create_task(self._write(), name="live tab writer")
        reader = asyncio.create_task(self._read(hear), name="live tab reader")
        closed = asyncio.create_task(self._closed.wait(), name="live tab closed")
        tasks = (writer, reader, closed)
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._closed.set()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        if self._closing is not None:
            code, reason = self._closing
            await self._socket.close(code=code, message=reason)

    async def _write(self) -> None:
        while True:
            await self._socket.send_str(await self._waiting.get())

    async def _read(self, hear: Callable[[dict[str, Any]], None]) -> None:
        async for message in self._socket:
            if message.type is not WSMsgType.TEXT:
                break
            if (said := _said(message.data)) is not None:
                hear(said)


def _said(text: str) -> dict[str, Any] | None:
    """A browser's word, or None for what no page of ours says."""
    try:
        said = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return said if isinstance(said, dict) else None


async def open_tab(request: web.Request) -> tuple[web.WebSocketResponse, Tab | None]:
    """Let a browser in whose session and origin the guard has checked; no tab when it left meanwhile."""
    session = current_session(request)
    socket = web.WebSocketResponse(heartbeat=PING_S, compress=False, max_msg_size=LONGEST_WORD)
    try:
        await socket.prepare(request)
    except ConnectionResetError:
        return socket, None
    tab = Tab(
        request,
        socket,
        token_hash=session.token_hash,
        since=request.app[CLOCK](),
        may_stay=lambda: session_alive(request),
    )
    return socket, tab
