"""`GET /live`: a browser's WebSocket. `?from=epoch:seq` resumes where it was. The guard has checked session and origin
before; the protocol is `docs/live.md`."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from server.live.hub import LiveHub
from server.live.tab import open_tab
from server.web.guard import current_user

LIVE = web.AppKey("live", LiveHub)


async def connect(request: web.Request) -> web.WebSocketResponse:
    """Serve one tab until it goes, or its session ends (close code 4401)."""
    hub, user = request.app[LIVE], current_user(request)
    socket, tab = await open_tab(request)
    if tab is None:
        return socket
    user_id = user.id
    hub.join(tab, user, _position(request.query.get("from", "")))
    try:
        await tab.run(lambda said: _hear(hub, user_id, said))
    finally:
        hub.leave(tab, user_id)
    return socket


def _position(text: str) -> tuple[str, int] | None:
    """What a browser has heard last, or None for one that begins (or says something odd)."""
    epoch, _, seq = text.partition(":")
    if not (seq.isascii() and seq.isdigit()) or len(seq) > 15:
        return None
    return epoch, int(seq)


def _hear(hub: LiveHub, user_id: int, said: dict[str, Any]) -> None:
    if said.get("t") == "shown" and isinstance(said.get("call_id"), str):
        hub.shown(user_id, said["call_id"], visible=said.get("visible") is True)
