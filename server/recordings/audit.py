"""The auditor in the application: made from the settings, run each night, and reachable for "compare now" by its key.
What it compares, and how, is `recordings/coverage/auditor.py`'s part."""

from __future__ import annotations

from collections.abc import AsyncIterator
from zoneinfo import ZoneInfo

from aiohttp import web

from config.settings import Settings
from core.bus import Bus
from core.clock import Clock
from core.db import Database
from core.tasks import running
from recordings.coverage.auditor import Auditor, Site
from recordings.intake import Intake
from recordings.store import Store

AUDITOR: web.AppKey[Auditor] = web.AppKey("auditor")


def make_auditor(
    settings: Settings, database: Database, store: Store, intake: Intake, bus: Bus, clock: Clock
) -> Auditor:
    """What the settings say of PBXs, their folders and the time of day."""
    homes = {name: pbx.recordings for name, pbx in settings.pbx.items() if pbx.recordings is not None}
    recorded = frozenset(name for name, pbx in settings.pbx.items() if pbx.recordings or pbx.own_recordings)
    site = Site(store, homes, recorded, ZoneInfo(settings.site.time_zone))
    return Auditor(database, intake, bus, clock, settings.recordings, site)


def add_auditor(app: web.Application, auditor: Auditor) -> None:
    """It ends before the store is closed."""
    app[AUDITOR] = auditor

    async def part(_app: web.Application) -> AsyncIterator[None]:
        async with running("recordings: audit", auditor.run):
            yield

    app.cleanup_ctx.append(part)
