"""`ringback serve` as a process of its own, to be killed without a word and started again on the same database, and a
cable between it and the PBX that can be pulled out."""

from __future__ import annotations

import asyncio
import signal
import sys
from asyncio.subprocess import Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import aiohttp

from core.db import Database
from tests.site import eventually, free_port

ROOT = Path(__file__).parents[1]

SETTINGS = """
[server]
port = {port}
[database]
url = "{database}"
[pbx.main]
host = "{host}"
port = {pbx_port}
trunks = ["PJSIP/trunk", "PJSIP/trunk2"]
events = {{ user = "ringback-events", secret = "{secret}" }}
[log]
format = "json"
"""


class Server:
    """One server and its database, over several lives."""

    def __init__(self, folder: Path, pbx: tuple[str, int], secret: str, database: str | None = None) -> None:
        self.port = free_port()
        self.url = database or f"sqlite:///{folder}/ringback.db"
        self._settings = folder / f"ringback-{self.port}.toml"
        self._settings.write_text(
            SETTINGS.format(port=self.port, database=self.url, host=pbx[0], pbx_port=pbx[1], secret=secret)
        )
        self.log = folder / f"server-{self.port}.log"
        self._process: Process | None = None

    async def start(self) -> None:
        """Start, and wait until it sees the PBX."""
        await self.launch()
        await eventually(self.is_ready)

    async def launch(self) -> None:
        with self.log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "server", "serve", "--config", str(self._settings),
                stdout=log, stderr=log, cwd=ROOT,
            )  # fmt: skip

    async def is_ready(self) -> bool:
        if self._process is not None and self._process.returncode is not None:
            raise AssertionError(f"the server stopped by itself:\n{self.log.read_text()}")
        url = f"http://127.0.0.1:{self.port}/health/ready"
        try:
            async with aiohttp.ClientSession() as session, session.get(url) as reply:
                return reply.status == 200
        except aiohttp.ClientError:
            return False

    async def kill(self) -> None:
        """SIGKILL: no good-bye, no flush."""
        assert self._process is not None
        self._process.kill()
        await self._process.wait()
        self._process = None

    def sleep(self) -> None:
        """SIGSTOP: as a machine that is suspended, or has lost its disk for a while."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def wake(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    async def stop(self) -> None:
        if self._process is not None and self._process.returncode is None:
            self.wake()  # a test may have failed while it slept
            self._process.terminate()
            await self._process.wait()
        self._process = None


@asynccontextmanager
async def serving(server: Server) -> AsyncIterator[Database]:
    """The server started and, at the end, stopped; its database to look into."""
    await server.start()
    database = Database(server.url)
    try:
        yield database
    finally:
        await database.close()
        with suppress(ProcessLookupError):
            await server.stop()


class Cable:
    """A TCP line to `target` with a plug: `address` is our end, `pull()` cuts what flows and refuses what comes.
    `hold()` is a network that keeps what was sent, on the connections of this moment, and delivers it at `release()`,
    perhaps long after who sent it has gone; `mute()` keeps the replies alone."""

    def __init__(self, target: tuple[str, int]) -> None:
        self._target = target
        self._plugged = True
        self._writers: set[asyncio.StreamWriter] = set()
        self._gates: list[tuple[asyncio.Event, asyncio.Event]] = []
        self._server: asyncio.Server | None = None

    @property
    def address(self) -> tuple[str, int]:
        assert self._server is not None
        host, port = self._server.sockets[0].getsockname()[:2]
        return host, port

    async def __aenter__(self) -> Cable:
        self._server = await asyncio.start_server(self._joined, "127.0.0.1", 0)
        return self

    async def __aexit__(self, *_: object) -> None:
        self.pull()
        assert self._server is not None
        self._server.close()

    def pull(self) -> None:
        self._plugged = False
        for writer in tuple(self._writers):
            writer.transport.abort()

    def plug(self) -> None:
        self._plugged = True

    def hold(self) -> None:
        for there, back in self._gates:
            there.clear()
            back.clear()

    def mute(self) -> None:
        for _, back in self._gates:
            back.clear()

    def release(self) -> None:
        for there, back in self._gates:
            there.set()
            back.set()

    async def _joined(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if not self._plugged:
            writer.transport.abort()
            return
        try:
            far_reader, far_writer = await asyncio.open_connection(*self._target)
        except OSError:
            writer.transport.abort()
            return
        ends = {writer, far_writer}
        self._writers |= ends
        there, back = asyncio.Event(), asyncio.Event()
        there.set()
        back.set()
        self._gates.append((there, back))
        await asyncio.gather(_carry(reader, far_writer, there), _carry(far_reader, writer, back))
        self._writers -= ends


async def _carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, gate: asyncio.Event) -> None:
    with suppress(ConnectionError):
        while data := await reader.read(65536):
            await gate.wait()
            writer.write(data)
            await writer.drain()
    if not writer.is_closing():
        writer.close()
