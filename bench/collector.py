"""How fast recordings are taken: pairs of 30 seconds, as a PBX leaves them, into a folder and SQLite, each joined,
synced, read back and committed. Promised: 1,000 in a minute. Their calls are in the log, so each is matched."""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from sqlalchemy import func, insert, select

from bench.row import Row
from core.bus import Bus
from core.clock import system_clock
from core.db import Database
from pbx_bridge.tables import Call
from recordings import wav
from recordings.collector import Collector
from recordings.intake import Intake
from recordings.store import LocalStore
from recordings.tables import Recording
from server.schema import prepare

RECORDINGS = 1000
SECONDS = 30
AT = 1_790_000_000


def rows(quick: bool, tell: Callable[[str], None]) -> Iterator[Row]:
    count = RECORDINGS // 10 if quick else RECORDINGS
    tell(f"leaving {count:,} recordings of {SECONDS} s")
    with tempfile.TemporaryDirectory(prefix="ringback-bench-") as folder:
        took = asyncio.run(_collect(Path(folder), count))
    yield Row("recordings collected in a minute", count / took * 60, "recordings", "goal", 1000)


async def _collect(folder: Path, count: int) -> float:
    """Seconds."""
    database = Database(f"sqlite:///{folder / 'bench.db'}")
    await prepare(database)
    try:
        await _log_calls(database, count)
        home = folder / "pbx"
        for name in ("part", "done"):
            (home / name).mkdir(parents=True)
        _leave(home / "done", count)
        store = LocalStore(folder / "audio")
        intake = Intake(database, store, Bus(), system_clock, transcribes=False)
        collector = Collector("main", home, intake, database, system_clock)
        began = time.perf_counter()
        while any((home / "done").iterdir()):
            await collector.look()
        took = time.perf_counter() - began
        async with database.read() as connection:
            matched = await connection.scalar(select(func.count()).where(Recording.call_id.is_not(None)))
        if matched != count:
            raise RuntimeError(f"{matched} of {count} recordings have their call")
        return took
    finally:
        await database.close()


async def _log_calls(database: Database, count: int) -> None:
    calls = [
        {"id": f"main-{AT + n}.{n}", "pbx": "main", "direction": "inbound", "result": "answered"}
        | {
            "started_at": AT + n,
            "ended_at": AT + n + SECONDS,
            "talk_s": SECONDS,
            "linkedids": f"{AT + n}.{n}",
        }
        for n in range(count)
    ]
    async with database.write() as connection:
        await connection.execute(insert(Call), calls)


def _leave(done: Path, count: int) -> None:
    sound = bytes(range(256)) * (SECONDS * 8000 * wav.WIDTH // 256)
    content = wav.header(8000, 1, len(sound) // wav.WIDTH) + sound
    for n in range(count):
        for way in ("rx", "tx"):
            (done / f"rb~{AT + n}.{n}~{AT + n}.{n}~{AT + n}~c.{way}.wav").write_bytes(content)
