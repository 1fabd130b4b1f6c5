"""A collector in a process of its own that kills itself at a step (SIGKILL, as in a power cut), at the edges: in the
store before, in the middle of and after a file, and when the recording is told, which is after the commit and before
the sources are removed. `python -m tests.dying_collector URL HOME AUDIO STEP`."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path

from core.bus import Bus
from core.db import Database
from core.facts import RecordingReady
from recordings.store import LocalStore, Stored
from tests.recorded import collector

STEPS = ("before", "middle", "stored", "committed", "half removed", "never")


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


class DyingStore(LocalStore):
    def __init__(self, folder: Path, step: str) -> None:
        super().__init__(folder)
        self._step = step

    async def put(self, key: str, source: Path) -> Stored:
        if self._step == "before":
            die()
        if self._step == "middle":
            target = self.folder / key[:2] / key
            target.parent.mkdir(parents=True)
            target.with_name(".half.tmp").write_bytes(source.read_bytes()[:1000])
            die()
        stored = await super().put(key, source)
        if self._step == "stored":
            die()
        return stored


async def main(url: str, home: str, audio: str, step: str) -> None:
    bus = Bus()

    async def told(_fact: RecordingReady) -> None:
        if step == "half removed":
            next((Path(home) / "done").iterdir()).unlink()
        if step in ("committed", "half removed"):
            die()

    bus.subscribe(RecordingReady, told, name="test")
    database = Database(url)
    await collector(database, DyingStore(Path(audio), step), Path(home), bus=bus).look()
    await database.close()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
