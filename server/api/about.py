"""The API about itself: the OpenAPI document for programs, and the same document as a page for people. Both are open to
everybody on the staff listener: they tell what the API is like and nothing of the site."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cached_property
from typing import Any

from aiohttp import web
from markupsafe import Markup, escape

from server.api.operation import operation
from server.api.reading import sections
from server.web import openapi
from server.web.guard import identify
from server.web.keys import SETTINGS
from server.web.network import own_origins
from server.web.pages import render
from server.web.routing import Route

OPENAPI_JSON = "application/vnd.oai.openapi+json"


class Description:
    """The document of one application, made when it is first asked for: routes do not change while it runs."""

    def __init__(self, table: Mapping[web.AbstractRoute, Route]) -> None:
        self._table = table

    @cached_property
    def document(self) -> dict[str, Any]:
        return openapi.document(self._table)


DESCRIPTION = web.AppKey("description", Description)


@operation("This description", tag="About", media=OPENAPI_JSON)
async def read_document(request: web.Request) -> web.Response:
    """OpenAPI 3.1, made from the server's own routes."""
    return web.json_response(request.app[DESCRIPTION].document, content_type=OPENAPI_JSON)


async def show(request: web.Request) -> web.Response:
    """The page; whoever is logged in keeps their navigation."""
    await identify(request)
    document = request.app[DESCRIPTION].document
    base = request.app[SETTINGS].server.public_url or own_origins(request)[0]
    return render(
        request,
        "api/docs.html",
        info=document["info"],
        sections=sections(document, base.rstrip("/")),
        prose=prose,
    )


def prose(text: str) -> Markup:
    """Paragraphs, with `code` as code."""
    paragraphs = (" ".join(part.split()) for part in text.split("\n\n"))
    return Markup("").join(Markup("<p>{}</p>").format(_line(part)) for part in paragraphs if part)


def _line(text: str) -> Markup:
    parts = re.split(r"`([^`]*)`", text.replace("*Durable.* ", ""))
    return Markup("").join(
        Markup("<code>{}</code>").format(part) if place % 2 else escape(part)
        for place, part in enumerate(parts)
    )
