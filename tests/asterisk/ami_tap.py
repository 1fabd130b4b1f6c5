"""Reads AMI as raw bytes, and can say a few lines: the recorder of captures and the hand that originates callbacks.

In: host, port, a user of ``AMI_SECRETS``. Out: every byte the PBX sent since connect, banner and login reply included;
what we send is not kept, so no secret is. It parses nothing: framing and meaning are what captures are there to test.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from types import TracebackType
from typing import Self

from tests.asterisk.pbx import AMI_SECRETS, Pbx

REPLY_SECONDS = 10.0
SNAPSHOT = ("CoreStatus", "Status", "BridgeList", "QueueStatus", "DeviceStateList")
"""What a client asks after a login to learn what it has missed."""


class AmiTap:
    """One AMI connection. ``async with AmiTap(pbx, "ringback-events") as tap``."""

    def __init__(self, pbx: Pbx, user: str) -> None:
        self.received = bytearray()
        self._pbx = pbx
        self._user = user
        self._writer: asyncio.StreamWriter | None = None
        self._task: asyncio.Task[None] | None = None
        self._news = asyncio.Event()

    async def __aenter__(self) -> Self:
        await self.open()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def open(self) -> None:
        """Connect and log in."""
        reader, self._writer = await asyncio.open_connection(*self._pbx.ami)
        self._task = asyncio.create_task(self._read(reader))
        await self.say("Login", {"Username": self._user, "Secret": AMI_SECRETS[self._user]}, "login")

    async def close(self) -> None:
        """Drop the connection, as a crash of ours does."""
        if self._writer is not None:
            self._writer.close()
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError, ConnectionError):
                await self._task

    async def say(self, action: str, headers: dict[str, str], action_id: str) -> None:
        """Send one action and wait for its first reply."""
        assert self._writer is not None
        lines = [f"Action: {action}", f"ActionID: {action_id}", *(f"{k}: {v}" for k, v in headers.items())]
        self._writer.write("\r\n".join([*lines, "", ""]).encode())
        await self.sees(f"ActionID: {action_id}\r\n".encode())

    async def snapshot(self) -> None:
        """Ask for the state of everything, as after a reconnect."""
        for action in SNAPSHOT:
            await self.say(action, {}, f"resync-{action}")
            if action != "CoreStatus":
                await self.sees(f"ActionID: resync-{action}\r\nEventList: Complete".encode())

    async def sees(self, text: bytes) -> None:
        """Wait until these bytes have come. Raises TimeoutError."""
        async with asyncio.timeout(REPLY_SECONDS):
            while text not in self.received:
                self._news.clear()
                await self._news.wait()

    async def _read(self, reader: asyncio.StreamReader) -> None:
        while data := await reader.read(65536):
            self.received += data
            self._news.set()
