"""A PBX with everybody around it: the registered phones of the staff and two carriers full of customers.

In: a running ``Pbx``. Out: ``lab.phone("101")``, ``lab.trunk``, ``lab.second_trunk``, ready to call. Phones open
when first asked for, so a story starts only what it needs; ``close`` switches all off.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from types import TracebackType
from typing import Self

from core.ports import DialOrder
from pbx_bridge.orders import RingTimes, originate
from tests.asterisk.ami_tap import AmiTap
from tests.asterisk.pbx import Pbx
from tests.asterisk.phone import Phone, Seen
from tests.asterisk.sip import token

PHONE_SECRET = "phone-secret"
DEADLINE_S = 60.0


class Lab:
    """The people of one story."""

    def __init__(self, pbx: Pbx) -> None:
        self.pbx = pbx
        self.trunk = Phone("trunk", pbx.place.trunk, pbx.place.pbx)
        self.second_trunk = Phone("trunk2", pbx.place.second_trunk, pbx.place.pbx)
        self.taps: list[AmiTap] = []
        """The product's AMI connections in order; a story may cut one and open the next."""
        self._phones: dict[tuple[str, int], Phone] = {}

    async def __aenter__(self) -> Self:
        await self.trunk.open()
        await self.second_trunk.open()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def phone(self, extension: str, device: int = 1) -> Phone:
        """The extension's registered phone."""
        key = extension, device
        if key not in self._phones:
            place = self.pbx.place
            self._phones[key] = Phone(extension, place.phone(extension, device), place.pbx, PHONE_SECRET)
            await self._phones[key].open()
        return self._phones[key]

    async def device(self, login: str, extension: str, host: int, *, registers: bool = True) -> Phone:
        """A device with a name and an address (127.0.N.host) of its own: a phone, or a carrier without a login."""
        key = login, host
        if key not in self._phones:
            address = f"{self.pbx.place.net}.{host}"
            phone = Phone(login, address, self.pbx.place.pbx, PHONE_SECRET if registers else "")
            phone.extension = extension
            self._phones[key] = phone
            await phone.open()
        return self._phones[key]

    async def phones(self, *extensions: str) -> list[Phone]:
        """Several at once, in that order."""
        return list(await asyncio.gather(*(self.phone(extension) for extension in extensions)))

    async def members(self, queue: str, *extensions: str) -> list[Phone]:
        """Phones of a queue's members, once the queue itself knows that they can be rung."""
        phones = await self.phones(*extensions)
        async with asyncio.timeout(DEADLINE_S):
            while not await self._are_idle(queue, extensions):
                await asyncio.sleep(0.1)
        return phones

    async def _are_idle(self, queue: str, extensions: Sequence[str]) -> bool:
        lines = (await self.pbx.cli(f"queue show {queue}")).splitlines()
        idle = [line for line in lines if "(Not in use)" in line]
        return all(any(f"(PJSIP/{one})" in line for line in idle) for one in extensions)

    async def originate(self, extension: str, number: str, *, seconds: int = 30, attempt: str = "") -> float:
        """Start a callback as the product does, agent first; returns the moment it was sent."""
        headers = {
            "Channel": f"Local/{extension}@ringback-agent/n",
            "Context": "ringback-callback",
            "Exten": number,
            "Priority": "1",
            "Timeout": str(seconds * 1000),
            "Async": "true",
            "ChannelId": f"cb-{attempt or secrets.token_hex(10)}",
        }
        async with AmiTap(self.pbx, "ringback-dial") as hand:
            sent = self.now()
            await hand.say("Originate", headers, token())
        return sent

    async def place(self, order: DialOrder, *, seconds: int = 30) -> float:
        """Place a call exactly as the product asks for it; returns the moment it was sent."""
        asked = originate(order, RingTimes(seconds, seconds, seconds))
        headers = {name: value for name, value in asked.headers.items() if name != "Action"}
        headers["Variable"] = ",".join(f"{name}={value}" for name, value in asked.variables.items())
        async with AmiTap(self.pbx, "ringback-dial") as hand:
            sent = self.now()
            await hand.say("Originate", headers | {"Async": "true"}, token())
        return sent

    async def half(self, number: str) -> str:
        """The name of a half (";1", ";2") of the callback that goes on."""
        channels = (await self.pbx.cli("core show channels concise")).splitlines()
        names = [line.split("!", 1)[0] for line in channels]
        return next(name for name in names if "@ringback-" in name and name.endswith(number))

    async def click(self, action: str, channel: str, **headers: str) -> float:
        """What the dial user does to a channel; returns the moment."""
        async with AmiTap(self.pbx, "ringback-dial") as hand:
            at = self.now()
            await hand.say(action, {"Channel": channel, **headers}, token())
        return at

    def now(self) -> float:
        """The phones' clock."""
        return time.time()

    @asynccontextmanager
    async def watch(self) -> AsyncIterator[None]:
        """Record AMI with the product's own rights."""
        await self.reconnect(snapshot=False)
        try:
            yield
        finally:
            await self.cut()

    async def cut(self) -> None:
        """Cut the AMI connection, as a crash of ours or of the network does."""
        if self.taps:
            await self.taps[-1].close()

    async def reconnect(self, snapshot: bool = True) -> None:
        """Open the next AMI connection and ask what was missed."""
        await self.cut()
        self.taps.append(AmiTap(self.pbx, "ringback-events"))
        await self.taps[-1].open()
        if snapshot:
            await self.taps[-1].snapshot()

    def seen(self) -> list[Seen]:
        """Everything every phone saw, in order of time."""
        devices = [self.trunk, self.second_trunk, *self._phones.values()]
        return sorted((seen for device in devices for seen in device.log), key=lambda seen: seen.at)

    async def close(self) -> None:
        """Unregister and switch off."""
        for phone in self._phones.values():
            if phone.password:
                await phone.register(0)
            phone.close()
        self.trunk.close()
        self.second_trunk.close()
        # asyncio closes sockets in its next round, and the next lab wants the same addresses.
        await asyncio.sleep(0)
