"""The parent's side of one worker process: start it when there is work, hand it orders, hear of its progress, end it.
In: an `Order`. Out: nothing but the folder's `RESULT`, or an error that says whether trying again is of use."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Callable
from contextlib import suppress

from core.errors import RingbackError
from recordings.worker import Order

SILENT_S = 1800.0
"""A process that says nothing for so long hangs: half an hour is enough to download a model."""

LINE = 1 << 16


class WorkError(RingbackError):
    """The work was not done. `for_good`: it will not be at the next try either."""

    code = "work-failed"

    def __init__(self, message: str, *, for_good: bool = False) -> None:
        super().__init__(message)
        self.for_good = for_good


class Child:
    """One process at a time. Not to be asked for two things at once."""

    def __init__(self, threads: int) -> None:
        self._threads = str(threads)
        self._process: Process | None = None

    @property
    def pid(self) -> int | None:
        """Of the process that runs now."""
        return self._process.pid if self._process else None

    async def work(self, order: Order, tell: Callable[[float], None]) -> None:
        """Returns when it is done. Raises WorkError; when cancelled, the process is ended."""
        process = self._process or await self._start()
        try:
            await self._order(process, order, tell)
        except WorkError:
            raise
        except BaseException:
            await self.end()
            raise

    async def end(self) -> None:
        """Nothing of it runs afterwards."""
        process, self._process = self._process, None
        if process is None:
            return
        with suppress(ProcessLookupError):
            # With the ffmpeg it may be waiting for.
            os.killpg(process.pid, signal.SIGKILL)
        await process.wait()

    async def _start(self) -> Process:
        counts = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS")
        self._process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "recordings.worker"),
            stdin=PIPE,
            stdout=PIPE,
            limit=LINE,
            env=os.environ | dict.fromkeys(counts, self._threads),
            # Ctrl+C in a terminal is for the server, which ends its workers in order.
            start_new_session=True,
        )
        return self._process

    async def _order(self, process: Process, order: Order, tell: Callable[[float], None]) -> None:
        with suppress(BrokenPipeError, ConnectionResetError):
            _stdin(process).write(order.to_line().encode() + b"\n")
            await _stdin(process).drain()
        while True:
            said = await self._next(process)
            if "progress" in said:
                tell(float(str(said["progress"])))
            elif "failed" in said:
                raise WorkError(str(said["failed"]), for_good=bool(said["for_good"]))
            else:
                return

    async def _next(self, process: Process) -> dict[str, object]:
        """A line of its own; raises WorkError when it died or hangs."""
        stdout = process.stdout
        if stdout is None:
            raise RuntimeError("a worker without a pipe")
        try:
            async with asyncio.timeout(SILENT_S):
                line = await stdout.readline()
        except TimeoutError:
            await self.end()
            raise WorkError("the worker hung") from None
        if not line.endswith(b"\n"):
            await self.end()
            raise WorkError(f"the worker died ({_how(process)})")
        said: dict[str, object] = json.loads(line)
        return said


def _stdin(process: Process) -> asyncio.StreamWriter:
    if process.stdin is None:
        raise RuntimeError("a worker without a pipe")
    return process.stdin


def _how(process: Process) -> str:
    code = process.returncode
    if code is None:
        return "unknown how"
    return signal.Signals(-code).name if code < 0 else f"exit status {code}"
