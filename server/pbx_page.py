"""The administrator's view of the PBXs: is each one seen, since when not, what was missed, what is wrong."""

from __future__ import annotations

from aiohttp import web

from server.views.pbx_state import read_overview
from server.web.keys import BRIDGES, DATABASE, SETTINGS
from server.web.pages import render


async def show(request: web.Request) -> web.StreamResponse:
    """The whole page; for htmx, which asks every few seconds, only its content."""
    settings = request.app[SETTINGS]
    async with request.app[DATABASE].read() as connection:
        overview = await read_overview(connection, settings.sources)
    template = "pbx/_overview.html" if "HX-Request" in request.headers else "pbx/index.html"
    return render(
        request,
        template,
        overview=overview,
        settings=settings.pbx,
        lines=settings.line,
        bridges=request.app.get(BRIDGES, {}),
    )
