"""The demo's shop: a website on an origin of its own that embeds the widget, under the policy of docs/widget.md. In:
where Ringback's public side is. Out: a part of the demo that listens on loopback."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from pathlib import Path

from aiohttp import web

FOLDER = Path(__file__).parent / "shop"


def shop_part(ringback: str, host: str, port: int) -> Callable[[web.Application], AsyncIterator[None]]:
    """Opens and closes with the demo's application. `ringback` is the public side's origin."""

    async def part(_app: web.Application) -> AsyncIterator[None]:
        runner = web.AppRunner(shop_application(ringback), access_log=None)
        await runner.setup()
        try:
            await web.TCPSite(runner, host, port).start()
            yield
        finally:
            await runner.cleanup()

    return part


def shop_application(ringback: str) -> web.Application:
    policy = (
        f"default-src 'none'; style-src 'self'; img-src 'self' data:; script-src {ringback}; "
        f"connect-src {ringback}; worker-src blob:"
    )

    async def page(_request: web.Request) -> web.Response:
        html = (FOLDER / "index.html").read_text("utf-8").replace("@ringback", ringback)
        return web.Response(text=html, content_type="text/html", headers={"Content-Security-Policy": policy})

    async def style(_request: web.Request) -> web.FileResponse:
        return web.FileResponse(FOLDER / "shop.css")

    app = web.Application()
    app.router.add_get("/", page)
    app.router.add_get("/shop.css", style)
    return app
