"""An auditor in a process of its own that kills itself (SIGKILL) at the so-manieth question it asks the store: half-way
through what it compares. `python -m tests.dying_auditor URL FOLDER NOW QUESTION`."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from core.db import Database
from recordings.store import LocalStore
from tests.audited import Audited
from tests.dying_collector import die


class DyingStore(LocalStore):
    def __init__(self, folder: Path, left: int) -> None:
        super().__init__(folder)
        self._left = left

    async def size(self, key: str) -> int:
        self._left -= 1
        if self._left == 0:
            die()
        return await super().size(key)


async def main(url: str, folder: str, now: str, question: str) -> None:
    database = Database(url)
    site = Audited(database, Path(folder), now=float(now))
    await site.auditor(DyingStore(site.store.folder, int(question))).audit("test")
    await database.close()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
