"""Ringback's own two connections to a lab's PBX, with a database of their own: a `Dialer` to place calls with, and
every fact that comes of them. In: a `Lab`, a folder. Out: `Dialling`."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from core.bus import Bus
from core.clock import system_clock
from core.db import Database
from core.facts import Fact
from core.ports import CallerIds
from pbx_bridge.ami import parsing
from pbx_bridge.ami.link import AmiLink, LinkOptions
from pbx_bridge.ami.session import Credentials
from pbx_bridge.ami.target import AmiTarget, LinkRole
from pbx_bridge.bridge import Bridge
from pbx_bridge.calls import CallBook
from pbx_bridge.dial import WANTED, DialLine, PbxHands
from pbx_bridge.dialer import AmiDialer
from pbx_bridge.orders import RingTimes
from server.schema import prepare
from tests.asterisk.lab import Lab
from tests.asterisk.pbx import AMI_SECRETS

WAIT_SECONDS = 20.0
FactT = TypeVar("FactT", bound=Fact)


@dataclass(slots=True)
class Dialling:
    """`facts` in order of their coming."""

    dialer: AmiDialer
    line: DialLine
    bridge: Bridge
    facts: list[Fact] = field(default_factory=list)
    _news: asyncio.Event = field(default_factory=asyncio.Event)

    async def hears(self, kind: type[FactT]) -> FactT:
        """The first fact of that kind, waited for. Raises TimeoutError."""
        async with asyncio.timeout(WAIT_SECONDS):
            while True:
                for fact in self.facts:
                    if isinstance(fact, kind):
                        return fact
                self._news.clear()
                await self._news.wait()

    async def sees(self) -> None:
        """Wait until the PBX can be dialled through. Raises TimeoutError."""
        async with asyncio.timeout(WAIT_SECONDS):
            while self.dialer.sees("main") is not None:
                await asyncio.sleep(0.02)

    async def take(self, fact: Fact) -> None:
        """The bus calls this."""
        self.facts.append(fact)
        self._news.set()


def _link(lab: Lab, user: str, role: LinkRole, wanted: frozenset[str]) -> AmiLink:
    host, port = lab.pbx.ami
    target = AmiTarget("main", host, port, Credentials(user, AMI_SECRETS[user]), role)
    return AmiLink(target, clock=system_clock, options=LinkOptions(wanted=wanted))


@asynccontextmanager
async def dialling(
    lab: Lab, folder: Path, times: RingTimes | None = None, caller_ids: CallerIds | None = None
) -> AsyncIterator[Dialling]:
    """Both connections, up and compared with the PBX."""
    database, bus = Database(f"sqlite:///{folder / 'ringback.db'}"), Bus()
    await prepare(database)
    line = DialLine(_link(lab, "ringback-dial", LinkRole.DIAL, WANTED), database, system_clock)
    events = _link(lab, "ringback-events", LinkRole.EVENTS, parsing.WANTED)
    book = CallBook("main", ("PJSIP/trunk", "PJSIP/trunk2"), "PL")
    bridge = Bridge(events, book, pbx="main", database=database, bus=bus, clock=system_clock)
    hands = {"main": PbxHands(bridge.agents, line, bridge)}
    ours = Dialling(AmiDialer(hands, system_clock, times, caller_ids), line, bridge)
    for kind in Fact.__subclasses__():
        bus.subscribe(kind, ours.take, name="test")
    tasks = [asyncio.create_task(one) for one in (line.run(), bridge.run())]
    try:
        await ours.sees()
        yield ours
    finally:
        for task in tasks:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
        await database.close()
