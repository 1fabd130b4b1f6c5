"""Brings together what keeps conversations: where audio is stored, who collects it from each PBX, who says how each
call's audio stands, and (a line each) whoever works with it. The application goes in with its settings; the parts are
reachable from it by key afterwards. A site whose PBXs record nothing has them too: an answered call then says that it
was not recorded."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

from aiohttp import web

from config.settings import Settings
from core.bus import Bus
from core.clock import Clock
from core.db import Database
from core.errors import SettingsError
from core.fact_log import FactConsumer
from core.facts import CallEnded
from core.tasks import running
from recordings.call_audio import Keeper
from recordings.collector import Collector
from recordings.handing_out import HandingOut
from recordings.intake import Intake
from recordings.pbx_own import OwnRecordings
from recordings.store import LocalStore, Store
from server.recordings.audit import add_auditor, make_auditor
from server.recordings.keeping import add_keeping
from server.recordings.prompt_parts import add_prompts
from server.recordings.workers import add_workers
from server.web.keys import CLOCK, CONSUMERS, DATABASE, SETTINGS, ZONE

SWEEP_S = 30.0
"""How often calls are looked for whose files are late."""

STORE: web.AppKey[Store] = web.AppKey("store")
COLLECTORS: web.AppKey[dict[str, Collector]] = web.AppKey("collectors")


def add_recordings(
    app: web.Application, settings: Settings, database: Database, bus: Bus, clock: Clock
) -> None:
    """Put recordings into `app`, after the desks and before the bridges."""
    app[STORE] = store = make_store(settings, database)
    transcribes = settings.recordings.transcription.engine != "none"
    intake = Intake(database, store, bus, clock, transcribes=transcribes)
    app[COLLECTORS] = collectors = {
        name: Collector(name, pbx.recordings, intake, database, clock)
        for name, pbx in settings.pbx.items()
        if pbx.recordings is not None
    }
    own = {
        name: OwnRecordings(name, pbx.own_recordings, intake, database, clock)
        for name, pbx in settings.pbx.items()
        if pbx.own_recordings is not None
    }
    recorded = frozenset(name for name, pbx in settings.pbx.items() if pbx.recordings or pbx.own_recordings)
    off, late_s = frozenset(settings.recordings.off_queues), settings.recordings.late_minutes * 60.0
    keeper = Keeper(database, bus, clock, recorded, late_s, off)
    consumer = FactConsumer(database, "call_audio", (CallEnded,), keeper.call_ended)
    app[CONSUMERS].append(consumer)

    async def wake(_fact: CallEnded) -> None:
        consumer.wake()
        for one in collectors.values():
            one.wake()

    bus.subscribe(CallEnded, wake, name="recordings: call ended")

    async def sweep() -> None:
        while True:
            await keeper.sweep()
            await asyncio.sleep(SWEEP_S)

    async def part(_app: web.Application) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            for name, one in collectors.items():
                await stack.enter_async_context(running(f"recordings of {name}", one.run))
            for name, another in own.items():
                await stack.enter_async_context(running(f"own recordings of {name}", another.run))
            await stack.enter_async_context(running("recordings: calls", consumer.run))
            await stack.enter_async_context(running("recordings: late", sweep))
            yield
        await store.close()

    app.cleanup_ctx.append(part)
    add_workers(app, settings, database, store, bus, clock)
    add_keeping(app, settings, database, bus, clock)
    add_auditor(app, make_auditor(settings, database, store, intake, bus, clock))
    add_prompts(app, settings, database, store, clock)


def copies_of(app: web.Application) -> HandingOut:
    """What may leave by itself."""
    transcribes = app[SETTINGS].recordings.transcription.engine != "none"
    return HandingOut(app[DATABASE], app[STORE], app[CLOCK], app[ZONE], transcribes=transcribes)


def make_store(settings: Settings, database: Database) -> Store:
    """Where the settings have audio kept. Raises SettingsError for a store that cannot be used."""
    if settings.recordings.s3 is None:
        return LocalStore(audio_folder(settings, database))
    try:
        from recordings.store_s3 import S3Store  # an extra: most sites keep audio in a folder
    except ImportError as error:
        raise SettingsError("[recordings.s3] needs one more package: pip install 'ringback[s3]'") from error
    return S3Store(settings.recordings.s3)


def audio_folder(settings: Settings, database: Database) -> Path:
    """As the settings say, else recordings/ beside the database; beside where we run, when that is elsewhere."""
    if settings.recordings.folder is not None:
        return settings.recordings.folder
    beside = Path(database.url.database or "").parent if database.is_sqlite else Path()
    return beside / "recordings"
