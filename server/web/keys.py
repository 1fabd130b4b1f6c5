"""What every handler may ask the application for: `request.app[DATABASE]`. Filled once by
`server/web/application.py`."""

from __future__ import annotations

from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from aiohttp import web

from config.settings import Settings
from core.bus import Bus
from core.clock import Clock
from core.db import Database
from crm_link.annotations import Annotations
from crm_link.customers import Customers
from crm_link.deals.edit import Deals
from crm_link.fields.edit import Fields
from crm_link.merging.merge import Merges
from crm_link.tasks.edit import Tasks

if TYPE_CHECKING:
    from core.fact_log import FactConsumer
    from core.ports import QueuePauser, RecordingSwitch
    from pbx_bridge.bridge import Bridge
    from pbx_bridge.line.monitor import LineMonitor

SETTINGS = web.AppKey("settings", Settings)
DATABASE = web.AppKey("database", Database)
CLOCK: web.AppKey[Clock] = web.AppKey("clock")
BUS = web.AppKey("bus", Bus)
ZONE = web.AppKey("zone", ZoneInfo)
DEMO = web.AppKey("demo", bool)
CUSTOMERS = web.AppKey("customers", Customers)
ANNOTATIONS = web.AppKey("annotations", Annotations)
MERGES = web.AppKey("merges", Merges)
TASKS = web.AppKey("tasks", Tasks)
DEALS = web.AppKey("deals", Deals)
FIELDS = web.AppKey("fields", Fields)
BRIDGES: web.AppKey[dict[str, Bridge]] = web.AppKey("bridges")
"""The bridge of each PBX that is being read, by the PBX's name in the settings."""

LINES: web.AppKey[dict[str, LineMonitor]] = web.AppKey("lines")
"""The monitor of each line that is being watched, by the line's name in the settings."""

CONSUMERS: web.AppKey[list[FactConsumer]] = web.AppKey("consumers")
"""Whoever works off durable facts; how far behind each one is, is a metric."""

PAUSER: web.AppKey[QueuePauser] = web.AppKey("pauser")
SWITCH: web.AppKey[RecordingSwitch] = web.AppKey("switch")

REQUEST_ID = web.RequestKey("request_id", str)
"""Stands in the answer's X-Request-Id, in errors, and in our log."""
