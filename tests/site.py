"""The whole server on a free port beside a real PBX: `async with Site.beside(pbx, folder) as site`. It is the real
application (`server.app.build`) with its own SQLite file; people are added with the phones they sit at."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar

from aiohttp import web

from config.settings import AmiUser, DatabaseSettings, Desk, Pbx, Server, Settings
from core.accounts import NewUser, Role, UserDevice, create_user
from core.clock import Clock, system_clock
from core.db import Database
from core.facts import PeopleChanged
from core.passwords import hash_password
from server.app import build
from server.web.keys import BRIDGES, BUS, DATABASE

PASSWORD = "correct horse battery staple"
DEADLINE_S = 60.0
"""How long anything may take on a busy machine before a test calls it broken."""

T = TypeVar("T")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


async def eventually(get: Callable[[], Awaitable[T]], wanted: Callable[[T], bool] = bool) -> T:
    """Ask again until the answer is wanted; the last answer is in the error when it never is."""
    deadline = time.monotonic() + DEADLINE_S
    while not wanted(answer := await get()):
        if time.monotonic() > deadline:
            raise AssertionError(f"not so within {DEADLINE_S:g} s; the last answer was {answer!r}")
        await asyncio.sleep(0.05)
    return answer


class Site:
    """A running server. `url` is where it listens, `app` the application itself."""

    def __init__(self, settings: Settings, clock: Clock = system_clock) -> None:
        self.settings = settings
        self.app: web.Application = build(settings, clock=clock)
        self._runner = web.AppRunner(self.app, access_log=None)

    @property
    def url(self) -> str:
        return f"http://{self.settings.server.host}:{self.settings.server.port}"

    @property
    def database(self) -> Database:
        return self.app[DATABASE]

    async def start(self) -> None:
        await self._runner.setup()
        await web.TCPSite(self._runner, self.settings.server.host, self.settings.server.port).start()

    async def stop(self) -> None:
        await self._runner.cleanup()

    async def add_person(self, login: str, *extensions: str, role: Role = Role.AGENT) -> None:
        """Somebody with the password `PASSWORD` who sits at these extensions."""
        phones = tuple(UserDevice("main", f"PJSIP/{one}", one) for one in extensions)
        hashed = await hash_password(PASSWORD)
        person = NewUser(login=login, name=login.title(), role=role, password_hash=hashed, devices=phones)
        async with self.database.write() as connection:
            await create_user(connection, person, time.time())
        # As the page that adds people does; by itself the server looks every 15 s.
        await self.app[BUS].publish(PeopleChanged(time.time()))

    async def sees_the_pbx(self) -> None:
        """Wait until the link is up and the books are compared."""

        async def is_seeing() -> bool:
            bridge: Any = self.app[BRIDGES].get("main")
            return bridge is not None and bridge.is_seeing

        await eventually(is_seeing)


def settings_for(
    address: tuple[str, int],
    secret: str,
    folder: Path,
    *,
    dial_secret: str | None = None,
    wrap_up_s: int = 60,
    recordings: Path | None = None,
    sounds: Path | None = None,
) -> Settings:
    """Settings of a site beside the PBX whose AMI is at `address`; without `dial_secret` it only listens. `recordings`
    is where the PBX leaves them, `sounds` where it looks for prompts."""
    pbx = Pbx(
        host=address[0],
        port=address[1],
        events=_user("ringback-events", secret),
        dial=None if dial_secret is None else _user("ringback-dial", dial_secret),
        trunks=("PJSIP/trunk", "PJSIP/trunk2"),
        recordings=recordings,
        sounds=sounds,
    )
    return Settings(
        server=Server(port=free_port()),
        database=DatabaseSettings(url=f"sqlite:///{folder}/ringback.db"),
        pbx={"main": pbx},
        desk=Desk(wrap_up_seconds=wrap_up_s),
    )


def _user(name: str, secret: str) -> AmiUser:
    return AmiUser.model_validate({"user": name, "secret": secret})


@asynccontextmanager
async def running(settings: Settings, clock: Clock = system_clock) -> AsyncIterator[Site]:
    site = Site(settings, clock)
    await site.start()
    try:
        yield site
    finally:
        await site.stop()
