"""The line monitor's own process, as the server holds it: started with a login, its words come out one by one, and it
is gone when the block ends. What is said is not understood here (`monitor.py`); what it does is `sip_line.py`."""

from __future__ import annotations

import asyncio
import sys
from asyncio import StreamReader, StreamWriter
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import cast

import structlog

from core.errors import PbxError
from pbx_bridge.line.wire import LONGEST_LINE, Login, Told, read_told, write_login

log = structlog.get_logger(__name__)

STOP_S = 5.0
"""The process says good-bye to the PBX first; after this it is killed."""

LONGEST_COMPLAINT = 500


class LineError(PbxError):
    """The line monitor's process ended, or said what it should not."""

    code = "line-failed"


class LineProcess:
    """A running one. `pid` is its process id."""

    def __init__(self, process: Process) -> None:
        self.pid = process.pid
        self._process = process
        self._stdin = cast(StreamWriter, process.stdin)
        self._stdout = cast(StreamReader, process.stdout)
        self._stderr = cast(StreamReader, process.stderr)

    async def log_in(self, login: Login) -> None:
        self._stdin.write(write_login(login))
        with suppress(ConnectionError):  # it died at once: that shows where it is listened to
            await self._stdin.drain()

    async def words(self) -> AsyncIterator[Told]:
        """What it says, for ever. Raises LineError when it ends, or says anything else."""
        while True:
            try:
                line = await self._stdout.readline()
                if not line:
                    raise LineError(
                        f"the line monitor's process ended with status {await self._process.wait()}"
                    )
                told = read_told(line)
            except ValueError as error:
                raise LineError(f"the line monitor's process said nonsense: {error}") from error
            yield told

    async def pass_on_complaints(self, line: str) -> None:
        """What it writes to standard error goes into our log. `line` is the line's name."""
        with suppress(ValueError):  # a text without line ends is not worth reading further
            while text := await self._stderr.readline():
                words = text.decode(errors="replace").rstrip()[:LONGEST_COMPLAINT]
                log.warning("line monitor", line=line, text=words)

    async def stop(self) -> None:
        """Let it sign out, then make sure that it is gone."""
        self._stdin.close()
        try:
            async with asyncio.timeout(STOP_S):
                await self._process.wait()
        except TimeoutError:
            self._process.kill()
            await self._process.wait()


@asynccontextmanager
async def started(login: Login) -> AsyncIterator[LineProcess]:
    """A process that signs in with `login`, until the block ends."""
    command = (sys.executable, "-m", "pbx_bridge.line.sip_line")
    process = LineProcess(
        await asyncio.create_subprocess_exec(
            *command, stdin=PIPE, stdout=PIPE, stderr=PIPE, limit=LONGEST_LINE
        )
    )
    try:
        await process.log_in(login)
        yield process
    finally:
        await process.stop()
