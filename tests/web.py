"""The pages on a real socket for tests without a browser: `Visitor` behaves like one (cookies, Origin, Accept) and
lets a test take each of those away. The server's clock is the test's."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import ClientResponse, ClientSession, CookieJar
from aiohttp.test_utils import TestServer
from yarl import URL

from config.settings import Settings
from core.accounts import find_user_by_login
from core.bus import Bus
from core.db import Database
from core.facts import Fact, PeopleChanged, SessionsEnded
from core.sessions import start_session
from server.web.application import bare_application
from server.web.guard import LOCAL_COOKIE
from tests.seed import NOW, PASSWORD


@dataclass(slots=True)
class Site:
    """`now` may be moved by the test; `said` collects the facts pages publish."""

    database: Database
    server: TestServer
    now: float = NOW
    said: list[Fact] = field(default_factory=list)

    @property
    def origin(self) -> str:
        return str(self.server.make_url("/")).rstrip("/")


@dataclass(slots=True)
class Visitor:
    site: Site
    session: ClientSession

    async def get(self, path: str, **headers: str) -> ClientResponse:
        return await self.ask("GET", path, None, headers)

    async def post(self, path: str, form: Mapping[str, Any] | None = None, **headers: str) -> ClientResponse:
        """Header names are given with underscores; an empty text leaves a header out."""
        return await self.ask("POST", path, form or {}, headers)

    async def post_on(self, path: str, form: Mapping[str, Any] | None = None) -> ClientResponse:
        """Post, and open the page that the answer leads to."""
        answer = await self.post(path, form)
        return await self.get(answer.headers["Location"]) if answer.status == 303 else answer

    async def enter(self, login: str) -> None:
        """Be logged in without the 200 ms that checking a password takes; `log_in` is the way through the door."""
        async with self.site.database.write() as connection:
            user = await find_user_by_login(connection, login)
            assert user is not None
            token = await start_session(
                connection, user.id, self.site.now, address="127.0.0.1", browser="test"
            )
        self.session.cookie_jar.update_cookies({LOCAL_COOKIE: token}, URL(self.site.origin))

    async def log_in(self, login: str, password: str = PASSWORD) -> ClientResponse:
        return await self.post("/login", {"login": login, "password": password})

    async def ask(
        self,
        method: str,
        path: str,
        form: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> ClientResponse:
        origin = {} if method == "GET" else {"Origin": self.site.origin}
        given = origin | dict(headers or {})
        sent = {"Accept": "text/html"} | {name.replace("_", "-"): value for name, value in given.items()}
        response = await self.session.request(
            method,
            self.site.origin + path,
            data=form,
            headers={name: value for name, value in sent.items() if value},
            allow_redirects=False,
        )
        await response.read()
        return response


@asynccontextmanager
async def open_site(database: Database, settings: Settings | None = None) -> AsyncIterator[Site]:
    bus = Bus()
    app = bare_application(settings or Settings(), database, clock=lambda: site.now, bus=bus)
    site = Site(database, TestServer(app, host="127.0.0.1"))

    async def note(fact: Fact) -> None:
        site.said.append(fact)

    bus.subscribe(SessionsEnded, note, name="test")
    bus.subscribe(PeopleChanged, note, name="test")
    await site.server.start_server()
    try:
        yield site
    finally:
        await site.server.close()


@asynccontextmanager
async def visit(site: Site) -> AsyncIterator[Visitor]:
    """Somebody with an empty browser."""
    async with ClientSession(cookie_jar=CookieJar(unsafe=True)) as session:
        yield Visitor(site, session)
