"""Webhooks sent by a process of its own, which a test kills. `python -m tests.sending_webhooks URL`."""

from __future__ import annotations

import asyncio
import sys

from core.db import Database
from tests.receiver import sending


async def main(url: str) -> None:
    async with sending(Database(url)):
        await asyncio.sleep(600)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
