"""A server that can be made to halt at a step, its settings, and the test's end of the line to it. A halted server does
nothing at all: whatever the test does meanwhile happens exactly there."""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
from pathlib import Path

from tests.asterisk.pbx import AMI_SECRETS
from tests.faults.server import SOCKET, STEP
from tests.faults.steps import Step
from tests.process import ROOT, Server
from tests.site import DEADLINE_S

SETTINGS = """
[pbx.main.dial]
user = "ringback-dial"
secret = "{secret}"
[desk]
wrap_up_seconds = 0
[department.sales]
queue = "desk"
hours = ["mon-sun 24h"]
[callback]
quiet_from = "00:00"
quiet_until = "00:00"
"""


class Halting:
    """Where a halted server says that it halted. `reached` once, `go_on` once."""

    def __init__(self) -> None:
        # A socket's path must be short.
        self._folder = tempfile.TemporaryDirectory(prefix="rb-halt-")
        self.path = f"{self._folder.name}/line"
        self._reached = asyncio.Event()
        self._writer: asyncio.StreamWriter | None = None
        self._server: asyncio.Server | None = None

    async def __aenter__(self) -> Halting:
        self._server = await asyncio.start_unix_server(self._said, self.path)
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        await self.go_on()
        self._folder.cleanup()

    async def reached(self) -> None:
        async with asyncio.timeout(DEADLINE_S):
            await self._reached.wait()

    async def go_on(self) -> None:
        if self._writer is not None and not self._writer.is_closing():
            self._writer.close()

    async def _said(self, _reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._writer is not None:
            writer.close()  # only the first to come halts
            return
        self._writer = writer
        self._reached.set()


class HaltingServer(Server):
    """`halt_at`, when set, counts for the next start only."""

    def __init__(
        self, folder: Path, pbx: tuple[str, int], database: str | None, halting: Halting | None = None
    ) -> None:
        super().__init__(folder, pbx, AMI_SECRETS["ringback-events"], database)
        with self._settings.open("a") as settings:
            settings.write(SETTINGS.format(secret=AMI_SECRETS["ringback-dial"]))
        self._halting = halting
        self.halt_at: Step | None = None

    async def launch(self) -> None:
        halt = {}
        if self.halt_at is not None and self._halting is not None:
            halt = {STEP: self.halt_at.value, SOCKET: self._halting.path}
        self.halt_at = None
        with self.log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "tests.faults.server", str(self._settings),
                stdout=log, stderr=log, cwd=ROOT, env={**os.environ, **halt},
            )  # fmt: skip
