"""What every handler may ask the application for: `request.app[DATABASE]`. Filled once by `server/web.py`."""

from __future__ import annotations

from zoneinfo import ZoneInfo

from aiohttp import web

from config.settings import Settings
from core.bus import Bus
from core.clock import Clock
from core.db import Database

SETTINGS = web.AppKey("settings", Settings)
DATABASE = web.AppKey("database", Database)
CLOCK: web.AppKey[Clock] = web.AppKey("clock")
BUS = web.AppKey("bus", Bus)
ZONE = web.AppKey("zone", ZoneInfo)
DEMO = web.AppKey("demo", bool)
