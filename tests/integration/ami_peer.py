"""A scripted Asterisk for tests of the AMI link: a real TCP (or TLS) listener that answers as it is told.

It accepts any login, answers Ping and nothing else; a test changes `replies`, sends events with `send` and cuts the
line with `cut`. What it received stands in `actions`, in order, across all connections.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from types import TracebackType
from typing import Self

GREETING = b"Asterisk Call Manager/11.0.0\r\n"

Action = dict[str, str]


def message(**headers: object) -> bytes:
    """The wire form of these headers."""
    return "".join(f"{key}: {value}\r\n" for key, value in headers.items()).encode() + b"\r\n"


def success(action: Action) -> bytes:
    return message(Response="Success", ActionID=action["ActionID"])


def silence(action: Action) -> bytes:
    return b""


class AmiPeer:
    """Use as `async with AmiPeer() as peer`; it listens on `peer.port` until then."""

    def __init__(self, greeting: bytes = GREETING, tls: ssl.SSLContext | None = None) -> None:
        self.greeting = greeting
        self.replies: dict[str, Callable[[Action], bytes]] = {"Login": success, "Ping": success}
        self.actions: list[Action] = []
        self.connections = 0
        self.lost = 0
        self.port = 0
        self.writer: asyncio.StreamWriter | None = None
        self._tls = tls
        self._server: asyncio.Server | None = None
        self._serving: list[tuple[asyncio.StreamWriter, asyncio.Future[None]]] = []
        self._changed = asyncio.Condition()

    async def __aenter__(self) -> Self:
        await self.listen()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop_listening()

    async def listen(self) -> None:
        """Open, on the port of last time if there was one."""
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", self.port, ssl=self._tls)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop_listening(self) -> None:
        if self._server is not None:
            self._server.close()
            for writer, _ in self._serving:
                writer.transport.abort()
            await asyncio.gather(*(task for _, task in self._serving))

    def send(self, data: bytes) -> None:
        """To the latest connection."""
        assert self.writer is not None
        self.writer.write(data)

    def cut(self) -> None:
        """End the latest connection without a word."""
        if self.writer is not None:
            self.writer.transport.abort()

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait for something this peer sees; fails after 30 s."""
        async with asyncio.timeout(30), self._changed:
            await self._changed.wait_for(condition)

    async def received(self, name: str, count: int = 1) -> Action:
        """Wait until the `count`-th action of that name has arrived and return it."""
        await self.until(lambda: len(self._named(name)) >= count)
        return self._named(name)[count - 1]

    def _named(self, name: str) -> list[Action]:
        return [action for action in self.actions if action["Action"] == name]

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._serving.append((writer, asyncio.ensure_future(self._serve(reader, writer))))

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.writer = writer
        self.connections += 1
        writer.write(self.greeting)
        await self._tell()
        try:
            while True:
                block = await reader.readuntil(b"\r\n\r\n")
                lines = block.decode().strip("\r\n").split("\r\n")
                action = dict(line.split(": ", 1) for line in lines)
                self.actions.append(action)
                writer.write(self.replies.get(action["Action"], silence)(action))
                await self._tell()
        except (asyncio.IncompleteReadError, ConnectionError):
            self.lost += 1
            await self._tell()
        finally:
            writer.close()

    async def _tell(self) -> None:
        async with self._changed:
            self._changed.notify_all()
