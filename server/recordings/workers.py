"""The workers of recordings in the application: copies to listen to and transcripts are made while it runs, as many at
a time as the settings say, and audio that no row points to any more is removed from the store."""

from __future__ import annotations

from collections.abc import AsyncIterator

from aiohttp import web

from config.settings import Settings
from core.bus import Bus
from core.clock import Clock
from core.db import Database
from core.facts import RecordingReady
from core.tasks import running
from recordings.leftovers import Sweeper
from recordings.store import Store
from recordings.workers import Workers

WORKERS: web.AppKey[Workers] = web.AppKey("recording_workers")
SWEEPER: web.AppKey[Sweeper] = web.AppKey("store_sweeper")


def add_workers(
    app: web.Application, settings: Settings, database: Database, store: Store, bus: Bus, clock: Clock
) -> None:
    """They end before the store is closed, and give back what they had begun."""
    app[WORKERS] = workers = Workers(database, store, bus, clock, settings.recordings)
    app[SWEEPER] = sweeper = Sweeper(database, store, clock)

    async def wake(_fact: RecordingReady) -> None:
        await workers.wake()

    bus.subscribe(RecordingReady, wake, name="recordings: work")

    async def part(_app: web.Application) -> AsyncIterator[None]:
        async with (
            running("recordings: workers", workers.run),
            running("recordings: leftovers", sweeper.run),
        ):
            yield

    app.cleanup_ctx.append(part)
