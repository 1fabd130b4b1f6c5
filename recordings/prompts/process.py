"""The parent's side of preparing a prompt: a file goes in, `sound.py` works on it in a process of its own, and
what came of it comes out. A file that hangs, or takes more memory or time than any sound needs, ends with
that process."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from contextlib import suppress
from pathlib import Path

from core.errors import InvalidInputError
from recordings.audio import AudioError
from recordings.prompts.sound import LONGEST_S, Prepared

HUNG_S = 90.0
"""Preparing two minutes of sound takes one second."""


async def prepare(given: Path, target: Path) -> Prepared:
    """Raises InvalidInputError with a sentence for whoever chose the file, AudioError when this machine
    cannot do it."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "recordings.prompts.sound", str(given), str(target)),
        stdin=DEVNULL,
        stdout=PIPE,
        stderr=DEVNULL,
        start_new_session=True,
    )
    try:
        async with asyncio.timeout(HUNG_S):
            told, _ = await process.communicate()
    except TimeoutError as error:
        raise InvalidInputError(
            "preparing this file takes too long: convert it to WAV first", field="file"
        ) from error
    finally:
        await _end(process)
    return _read(told, process)


def _read(told: bytes, process: Process) -> Prepared:
    said = json.loads(told) if told and process.returncode == 0 else {}
    match said:
        case {"refused": str(why)}:
            raise InvalidInputError(why, field="file")
        case {"failed": str(why)}:
            raise AudioError(why)
        case {"seconds": float(seconds), "level_dbfs": float(level)}:
            return Prepared(seconds, level)
    raise InvalidInputError(
        f"this file cannot be prepared: a sound of at most {LONGEST_S:.0f} seconds needs less", field="file"
    )


async def _end(process: Process) -> None:
    """Nothing of it runs afterwards, nor the ffmpeg it may be waiting for."""
    if process.returncode != 0:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
    await process.wait()
