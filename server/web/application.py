"""The web application without its rooms: settings, database, clock and bus go in; an aiohttp application with the
guard, error replies, templates and every line of `server/routes.py` comes out. `server/app.py` adds the rooms."""

from __future__ import annotations

from zoneinfo import ZoneInfo

from aiohttp import web

from callback.owed import PromiseBook
from config.settings import Settings
from core.bus import Bus
from core.clock import Clock, system_clock
from core.db import Database
from crm_link.annotations import Annotations
from crm_link.customers import Customers
from crm_link.deals.edit import Deals
from crm_link.fields.edit import Fields
from crm_link.imports.office import Imports
from crm_link.merging.merge import Merges
from crm_link.tasks.edit import Tasks
from server.api.about import DESCRIPTION, Description
from server.api.events import FEED, STREAMED, end_streams, write
from server.api.once import FREED
from server.customers.blocked_parts import put_block_lists
from server.imports.parts import IMPORTS
from server.live.fact_feed import FactFeed
from server.metrics import METRICS, Metrics
from server.routes import ROUTES
from server.web.bounds import note_head
from server.web.guard import add_headers, gate
from server.web.key_limits import KEY_LIMITS, KeyLimits
from server.web.keys import (
    ANNOTATIONS,
    BUS,
    CLOCK,
    CONSUMERS,
    CUSTOMERS,
    DATABASE,
    DEALS,
    DEMO,
    FIELDS,
    MERGES,
    SETTINGS,
    TASKS,
    ZONE,
)
from server.web.network import trusted_networks
from server.web.pages import ENVIRONMENT, template_environment
from server.web.replies import errors, remember_prepared
from server.web.routing import ROUTE_TABLE, add_routes

LARGEST_BODY = 4 * 1024 * 1024
"""A backstop; each route says its own, smaller limit."""


def bare_application(
    settings: Settings,
    database: Database,
    *,
    clock: Clock = system_clock,
    bus: Bus | None = None,
    demo: bool = False,
) -> web.Application:
    """Raises SettingsError for an unusable `server.trusted_proxies`."""
    trusted_networks(settings)
    app = web.Application(middlewares=[note_head, errors, gate], client_max_size=LARGEST_BODY)
    app[SETTINGS] = settings
    app[DATABASE] = database
    app[CLOCK] = clock
    app[BUS] = bus = bus or Bus()
    app[ZONE] = ZoneInfo(settings.site.time_zone)
    app[DEMO] = demo
    app[CUSTOMERS] = Customers(database, bus, clock, settings.site.region)
    app[ANNOTATIONS] = Annotations(database, bus, clock)
    app[IMPORTS] = Imports(database, bus, clock, settings.site.region, settings.crm.fields)
    app[MERGES] = Merges(database, bus, clock)
    app[TASKS] = Tasks(database, bus, clock)
    app[DEALS] = Deals(database, bus, clock, settings.site.region)
    app[FIELDS] = Fields(database, bus, clock, settings.crm.fields)
    app[FREED] = set()
    app[KEY_LIMITS] = KeyLimits(settings.server.api_requests_per_minute)
    put_block_lists(app, PromiseBook())
    app[ENVIRONMENT] = template_environment()
    app[CONSUMERS] = []
    app[METRICS] = Metrics(bus)
    app[FEED] = FactFeed(bus, STREAMED, write)
    app.on_shutdown.append(end_streams)
    add_routes(app, ROUTES)
    app[DESCRIPTION] = Description(app[ROUTE_TABLE])
    app.on_response_prepare.append(add_headers)
    app.on_response_prepare.append(remember_prepared)
    return app
