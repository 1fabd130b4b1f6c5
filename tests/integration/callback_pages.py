"""The callback pages on a real port and database, without a PBX: people are logged in by a session of theirs."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import ClientResponse, web
from aiohttp.test_utils import TestClient, TestServer

from core.accounts import User
from core.bus import Bus
from core.db import Database
from core.sessions import start_session
from server.desk.callback_parts import add_callback_desk
from server.desk.parts import add_desk
from server.web.application import bare_application
from server.web.guard import LOCAL_COOKIE
from tests.callback_seed import office_settings
from tests.callback_site import NotingDialer
from tests.seed import NOW, seed_people

Headers = Mapping[str, str]
NONE: Headers = {}


@dataclass
class Pages:
    """`get` and `post` are done by `who`, a login of `seed.py`."""

    app: web.Application
    database: Database
    bus: Bus
    client: Any
    users: dict[str, User]
    who: str = "maria"
    cookies: dict[str, str] = field(default_factory=dict)

    async def get(self, path: str, status: int = 200, headers: Headers = NONE) -> str:
        response = await self.client.get(
            path, headers={**headers, **await self._cookie()}, allow_redirects=False
        )
        return await _text(response, status)

    async def post(self, path: str, body: object = None, status: int = 204, **headers: str) -> str:
        origin = {"Origin": str(self.client.make_url("/")).rstrip("/")}
        response = await self.client.post(
            path, json=body or {}, headers=headers | origin | await self._cookie()
        )
        return await _text(response, status)

    async def form(self, path: str, given: Mapping[str, str], status: int = 200) -> str:
        """As a form sends it; follows the redirect of what was taken."""
        ours = {"Origin": str(self.client.make_url("/")).rstrip("/"), **await self._cookie()}
        response = await self.client.post(path, data=given, headers=ours)
        return await _text(response, status)

    async def _cookie(self) -> dict[str, str]:
        if self.who not in self.cookies:
            self.cookies[self.who] = f"{LOCAL_COOKIE}={await self._log_in()}"
        return {"Cookie": self.cookies[self.who]}

    async def _log_in(self) -> str:
        async with self.database.write() as connection:
            user_id = self.users[self.who].id
            return await start_session(connection, user_id, NOW, address="127.0.0.1", browser="test")


async def _text(response: ClientResponse, status: int) -> str:
    text = await response.text()
    assert response.status == status, f"{response.status}: {text}"
    return text


@asynccontextmanager
async def callback_pages(database: Database) -> AsyncIterator[Pages]:
    """Over `database`, whose schema exists; people are added."""
    bus = Bus()
    app = bare_application(office_settings(), database, clock=lambda: NOW, bus=bus)
    users = await seed_people(database)
    add_desk(app, database, bus, lambda: NOW)
    add_callback_desk(app, database, bus, lambda: NOW, NotingDialer())
    async with TestClient(TestServer(app)) as client:
        yield Pages(app, database, bus, client, users)
