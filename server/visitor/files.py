"""Files of the public listener: the widget's script and what it asks for under its version, and the two files of our
own pages. Only names that are listed exist."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Final

from aiohttp import web
from aiohttp.typedefs import LooseHeaders

from callback.script import widget
from core.errors import NotFoundError

PAGE_FILES: Final = {"visitor.css": "text/css", "request.js": "text/javascript"}
FOLDER = Path(__file__).parent

ANYBODY: Final = {"Access-Control-Allow-Origin": "*", "Cross-Origin-Resource-Policy": "cross-origin"}
"""The widget's files are the same for every website."""

SOON: Final = {"Cache-Control": "public, max-age=300"}
"""Pages that embed the widget get a new version five minutes after an update."""

FOR_GOOD: Final = {"Cache-Control": "public, max-age=31536000, immutable"}
TYPES: Final = {"js": "text/javascript", "json": "application/json"}


async def script(request: web.Request) -> web.Response:
    """GET /widget/ringback-callback.js"""
    found = widget()
    if f'"{found.version}"' in request.headers.get("If-None-Match", ""):
        return web.Response(status=304, headers=_headers(SOON, found.version))
    return _file(found.script, "text/javascript", _headers(SOON, found.version))


async def part(request: web.Request) -> web.Response:
    """GET /widget/{version}/{name}: of an older version too, for pages that were open during an update."""
    name = request.match_info["name"]
    found = widget()
    if name not in found.files:
        raise NotFoundError("there is no such file")
    lasts = FOR_GOOD if request.match_info["version"] == found.version else {"Cache-Control": "no-cache"}
    return _file(found.files[name], TYPES[name.rpartition(".")[2]], ANYBODY | lasts)


async def page_file(request: web.Request) -> web.Response:
    """GET /page/{name}"""
    name = request.match_info["name"]
    if name not in PAGE_FILES:
        raise NotFoundError("there is no such file")
    return _file(_read(name), PAGE_FILES[name], SOON)


@cache
def _read(name: str) -> bytes:
    return (FOLDER / name).read_bytes()


def _headers(lasts: dict[str, str], version: str) -> dict[str, str]:
    return ANYBODY | lasts | {"ETag": f'"{version}"'}


def _file(body: bytes, kind: str, headers: LooseHeaders) -> web.Response:
    response = web.Response(body=body, content_type=kind, charset="utf-8", headers=headers)
    response.enable_compression()
    return response
