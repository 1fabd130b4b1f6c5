"""A server process in small, for the test of P9: waits for a line on its input, then hears the first call of one new
number many times at once, and prints whom each call was matched to."""

from __future__ import annotations

import asyncio
import json
import sys

from core.db import Database
from tests.customers import Desk


async def main(url: str, prefix: str, calls: int) -> None:
    database = Database(url)
    desk = Desk(database)
    await database.check()
    print("ready", flush=True)
    sys.stdin.readline()
    await asyncio.gather(*(desk.call(f"{prefix}-{number}") for number in range(calls)))
    print(json.dumps([said.customer_ids for said in desk.matched]), flush=True)
    await database.close()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3])))
