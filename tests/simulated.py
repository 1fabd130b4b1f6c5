"""Shared by the tests of the simulated PBX: a link to it with short waits, and what such a link heard."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from core.clock import system_clock
from pbx_bridge.ami.connection import LinkTimes
from pbx_bridge.ami.link import AmiLink, LinkOptions
from pbx_bridge.ami.message import AmiMessage
from pbx_bridge.ami.queue import LinkItem, LinkUp, Received
from pbx_bridge.ami.session import Auth, Credentials
from pbx_bridge.ami.target import AmiTarget, LinkRole
from pbx_bridge.simulator import EVENTS_USER, ManagerUser, Simulator

QUICK = LinkTimes(backoff_first=0.02, backoff_max=0.1, refused_wait=0.1)
DEADLINE_S = 30.0


class Ear:
    """Reads a link in the background; `items` is what came, in order."""

    def __init__(self, link: AmiLink) -> None:
        self.link = link
        self.items: list[LinkItem] = []
        self._news = asyncio.Event()

    @property
    def messages(self) -> list[AmiMessage]:
        return [item.message for item in self.items if isinstance(item, Received)]

    def events(self, name: str) -> list[AmiMessage]:
        return [message for message in self.messages if message.event == name]

    async def run(self) -> None:
        async for item in self.link:
            self.items.append(item)
            self._news.set()

    async def until(self, wanted: Callable[[], object]) -> None:
        """Wait until `wanted()` is true; raises TimeoutError."""
        async with asyncio.timeout(DEADLINE_S):
            while not wanted():
                self._news.clear()
                await self._news.wait()

    async def up(self, times: int = 1) -> None:
        await self.until(lambda: sum(isinstance(item, LinkUp) for item in self.items) >= times)


@asynccontextmanager
async def listening(
    pbx: Simulator,
    user: ManagerUser = EVENTS_USER,
    *,
    auth: Auth = Auth.PLAIN,
    secret: str | None = None,
    times: LinkTimes = QUICK,
    recorder: Callable[[], Callable[[bytes, float], None]] | None = None,
) -> AsyncIterator[Ear]:
    """A link to the simulated PBX and somebody who reads it."""
    credentials = Credentials(user.name, secret or user.secret, auth)
    role = LinkRole.EVENTS if user is EVENTS_USER else LinkRole.DIAL
    target = AmiTarget("main", pbx.host, pbx.port, credentials, role)
    link = AmiLink(target, clock=system_clock, options=LinkOptions(times=times), new_recorder=recorder)
    ear = Ear(link)
    async with link:
        reading = asyncio.create_task(ear.run())
        try:
            yield ear
        finally:
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)
