"""The shape of one line of `server/routes.py`, and how those lines become aiohttp routes. A URL that has no line
does not exist; a line cannot be written without saying who may use it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from aiohttp import web

from core.accounts import Role

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

PUBLIC: Final = None
"""Instead of a role: anybody, logged in or not."""

BODY_LIMIT = 64 * 1024
"""Bytes of a request body: a form with a long note is far below; imports and uploads say their own limit."""


@dataclass(frozen=True, slots=True)
class Route:
    """`role` is the least role that may use the URL. With a `scope`, an API key that has it may as well. `streams`: the
    handler reads the body itself, piece by piece, and bounds the time it takes."""

    method: str
    path: str
    handler: Handler
    role: Role | None
    scope: str | None = None
    websocket: bool = False
    body_limit: int = BODY_LIMIT
    streams: bool = False


ROUTE_TABLE: web.AppKey[Mapping[web.AbstractRoute, Route]] = web.AppKey("route_table")


def add_routes(app: web.Application, routes: Iterable[Route]) -> None:
    """Register every line; a GET answers HEAD too, unless it opens a WebSocket."""
    table: dict[web.AbstractRoute, Route] = {}
    for route in routes:
        methods = ("GET", "HEAD") if route.method == "GET" and not route.websocket else (route.method,)
        for method in methods:
            table[app.router.add_route(method, route.path, route.handler)] = route
    app[ROUTE_TABLE] = table
