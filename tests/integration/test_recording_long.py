"""Hours of talk: while a page or an answer is made of them, or the index takes them, everything else goes on."""

from __future__ import annotations

import asyncio
import random
import shutil
import string
import time
from collections.abc import AsyncIterator, Awaitable
from pathlib import Path

import pytest
from sqlalchemy import update

from core import fact_log
from core.db import Database
from core.facts import TranscriptReady
from recordings.kinds import Channel
from recordings.tables import Transcript
from recordings.words import Word, plain, to_json
from tests.said import index
from tests.seed import NOW
from tests.sound_site import ANNAS, FIRST, SoundSite, sound_site

WORDS = 12_000
"""More than an hour of fast talk."""


@pytest.fixture
async def site(sqlite_template: Path, tmp_path: Path) -> AsyncIterator[SoundSite]:
    """Thinking long is not the database's part."""
    shutil.copy(sqlite_template, tmp_path / "ringback.db")
    database = Database(f"sqlite:///{tmp_path}/ringback.db")
    async with sound_site(database, tmp_path) as running:
        await write_down(running)
        yield running
    await database.close()


async def write_down(site: SoundSite) -> None:
    chance = random.Random(1)
    said = []
    for number in range(WORDS):
        text = "".join(chance.choices(string.ascii_letters + "łąęśćöüéñ", k=7))
        whose = Channel.CUSTOMER if number // 12 % 2 else Channel.OURS
        said.append(Word(text, number * 0.4, number * 0.4 + 0.3, 0.9, whose))
    values = {"words": to_json(said), "text": plain(said)}
    async with site.database.write() as connection:
        await connection.execute(update(Transcript).where(Transcript.recording_id == FIRST).values(values))
        ready = TranscriptReady(FIRST, NOW, ANNAS, 1)
        await fact_log.append(connection, ready, subject=ANNAS, at=NOW)


async def longest_stop(work: Awaitable[object]) -> float:
    """Which share of all computing for `work` the event loop did in one piece, while nothing else could go on: time of
    the processor, not of the clock, since other programs may keep the machine busy."""
    stops, over = [0.0], asyncio.Event()

    async def beat() -> None:
        last = time.thread_time()
        while not over.is_set():
            await asyncio.sleep(0.001)
            now = time.thread_time()
            stops.append(now - last)
            last = now

    beating = asyncio.create_task(beat())
    await asyncio.sleep(0)
    began = time.process_time()
    await work
    took = time.process_time() - began
    over.set()
    await beating
    return max(stops) / took


@pytest.mark.parametrize(
    "path", [f"/calls/{ANNAS}?q=abc", f"/calls/{ANNAS}/sound", f"/recordings/{FIRST}/transcript/vtt"]
)
async def test_a_long_talk_on_a_page_stops_nobody(site: SoundSite, path: str) -> None:
    assert (await site.ask(path, "maria")).status == 200
    share = await longest_stop(site.ask(path, "maria"))
    assert share < 0.4


async def test_a_long_talk_that_is_indexed_stops_nobody(site: SoundSite) -> None:
    share = await longest_stop(index(site.database))
    assert share < 0.4
