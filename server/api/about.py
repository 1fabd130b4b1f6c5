"""The API about itself: the OpenAPI document for programs, and the same document as a page for people."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from server import openapi
from server.api.operation import operation
from server.routing import ROUTE_TABLE

DOCUMENT = web.AppKey("openapi", dict)


def api_document(app: web.Application) -> dict[str, Any]:
    """Made once per application: routes do not change while it runs."""
    return openapi.document(app[ROUTE_TABLE])


@operation("This description", tag="About", media="application/vnd.oai.openapi+json")
async def read_document(request: web.Request) -> web.Response:
    """OpenAPI 3.1; open to everybody, since it tells nothing about a site."""
    return web.json_response(api_document(request.app), content_type="application/vnd.oai.openapi+json")
