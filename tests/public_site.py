"""The public listener for tests, and a shop on another origin that embeds the widget under the strictest policy the
documentation allows. Everything is real but the edges of `core/ports.py`: who is free, and the PBX."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from typing import Any, cast
from zoneinfo import ZoneInfo

from aiohttp import web
from aiohttp.test_utils import TestServer

from callback.requests import Requests
from config.callbacks import Department, Website
from config.settings import Public, Settings
from core.accounts import UserDevice
from core.bus import Bus
from core.db import Database
from core.ports import FreeAgent
from server.callbacks.parts import DIALER, POOL
from server.desk.callback_parts import REQUESTS
from server.web.keys import CLOCK, DATABASE, DEMO, SETTINGS, ZONE
from server.web.public import public_application
from tests.callback_office import MONDAY_NOON, FilledPool, ScriptedDialer, Time
from tests.site import free_port

PBX: Any = {"host": "127.0.0.1", "events": {"user": "x", "secret": "x"}, "trunks": ["PJSIP/trunk"]}
DOCUMENT = Path(__file__).parent.parent / "docs" / "widget.md"


@dataclass
class PublicSite:
    """`server` is ours, `shop` the stranger's page; both on 127.0.0.1, on ports of their own."""

    settings: Settings
    database: Database
    time: Time
    bus: Bus
    pool: FilledPool
    dialer: ScriptedDialer
    requests: Requests
    server: TestServer
    shop: TestServer
    pages: dict[str, str] = field(default_factory=dict)

    def url(self, path: str) -> str:
        return str(self.server.make_url(path))

    @property
    def origin(self) -> str:
        return str(self.shop.make_url("/")).rstrip("/")

    def free_agent(self, user_id: int = 1) -> None:
        phone = UserDevice("main", "PJSIP/101", "101")
        self.pool.agents.append(FreeAgent(user_id, phone, self.time() - 600))


@asynccontextmanager
async def public_site(
    database: Database,
    *,
    now: float = MONDAY_NOON,
    website: dict[str, Any] | None = None,
    department: dict[str, Any] | None = None,
) -> AsyncIterator[PublicSite]:
    port, shop_port = free_port(), free_port()
    origin = f"http://127.0.0.1:{shop_port}"
    shop_settings: dict[str, Any] = {"origins": [origin], "department": "sales", **(website or {})}
    settings = Settings(
        pbx={"main": PBX},
        department={"sales": Department(queue="sales", **(department or {}))},
        website={"shop": Website(**shop_settings)},
        public=Public(port=port),
    )
    time, bus, pool, dialer = Time(now), Bus(), FilledPool(), ScriptedDialer()
    requests = Requests(database, bus, time, settings)
    staff = web.Application()
    parts: dict[Any, Any] = {
        SETTINGS: settings,
        DATABASE: database,
        CLOCK: time,
        ZONE: ZoneInfo(settings.site.time_zone),
        DEMO: False,
        REQUESTS: requests,
        POOL: pool,
        DIALER: dialer,
    }
    for key, part in parts.items():
        cast(Any, staff)[key] = part
    server = TestServer(public_application(staff), host="127.0.0.1", port=port)
    shop = TestServer(shop_application(port), host="127.0.0.1", port=shop_port)
    async with server, shop:
        yield PublicSite(settings, database, time, bus, pool, dialer, requests, server, shop)


def documented_policy(ours: str) -> str:
    """The lines that docs/widget.md asks a strict website to add, beside nothing else but its own style."""
    block = re.search(r"```\n(script-src .*?)```", DOCUMENT.read_text(), re.DOTALL)
    assert block is not None
    lines = block[1].strip().replace("https://callback.example.com", ours).splitlines()
    trusted = "require-trusted-types-for 'script'; trusted-types ringback"
    return "; ".join(["default-src 'none'", "style-src 'self'", "img-src data:", *lines, trusted])


STYLE = """
:root { color-scheme: light dark; }
body { font: 16px/1.5 Georgia, serif; margin: 40px; }
body { background: light-dark(#f4f1ea, #1c1b19); color: light-dark(#222, #eee); }
button { background: red !important; transform: rotate(3deg); }
"""
"""A shop's own, rude one: nothing of it may reach into the widget."""

PAGE = """<!doctype html>
<html lang="{lang}" dir="{dir}"><head><meta charset="utf-8"><title>Garden lamps</title>
<meta name="viewport" content="width=device-width, initial-scale=1"><link rel="icon" href="data:,">
<link rel="stylesheet" href="/shop.css"><script src="{ours}/widget/ringback-callback.js" async></script></head>
<body><main><h1>Garden lamps</h1><p>Warm light for long evenings.</p>
<ringback-callback site="shop"{attributes}>
<a href="{ours}/w/shop/form">Ask us to call you</a>
</ringback-callback></main>
</body></html>"""


def shop_application(port: int) -> web.Application:
    ours = f"http://127.0.0.1:{port}"

    async def page(request: web.Request) -> web.Response:
        wanted = request.query
        html = PAGE.format(
            lang=escape(wanted.get("lang", "en")),
            dir=escape(wanted.get("dir", "ltr")),
            attributes=" " + wanted.get("attributes", ""),
            ours=ours,
        )
        policy = {} if "lax" in wanted else {"Content-Security-Policy": documented_policy(ours)}
        return web.Response(text=html, content_type="text/html", headers=policy)

    async def style(_request: web.Request) -> web.Response:
        return web.Response(text=STYLE, content_type="text/css")

    app = web.Application()
    app.router.add_get("/", page)
    app.router.add_get("/shop.css", style)
    return app
