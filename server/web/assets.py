"""Static files: only those that exist under `server/static/`, for good when asked for by their version."""

from __future__ import annotations

from aiohttp import web

from core.errors import NotFoundError
from server.web.pages import STATIC, static_version

FOR_GOOD = "public, max-age=31536000, immutable"
ASK_AGAIN = "no-cache"


async def serve(request: web.Request) -> web.StreamResponse:
    """Raises NotFoundError for everything that is not a file of ours."""
    wanted = request.match_info["path"]
    if "\0" in wanted:  # no file system takes it, and resolve() raises
        raise NotFoundError("there is no such file")
    path = (STATIC / wanted).resolve()
    if not path.is_relative_to(STATIC) or not path.is_file():
        raise NotFoundError("there is no such file")
    current = request.match_info["version"] == static_version()
    response = web.FileResponse(path)
    response.headers["Cache-Control"] = FOR_GOOD if current else ASK_AGAIN
    return response
