"""Is this server alive, and is it fit for work? `/health/live` answers as long as the process does; `/health/ready`
asks the database and looks at every PBX. Strangers learn the verdict, observers (`web/observers.py`) the reasons."""

from __future__ import annotations

import asyncio
import time
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import structlog
from aiohttp import web
from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection

from core.clock import iso
from pbx_bridge.tables import PbxHeartbeat
from server.web.keys import BRIDGES, CLOCK, DATABASE, LINES, SETTINGS
from server.web.observers import is_observer

if TYPE_CHECKING:
    from pbx_bridge.bridge import Bridge
    from pbx_bridge.line.monitor import LineMonitor

log = structlog.get_logger(__name__)

DATABASE_WAIT_S = 3.0
"""A database that takes longer than this for one row is as good as away."""

LAG_LIMIT_S = 5.0
"""Behind the PBX by this much, cards come too late to be of use."""

SEEN_LIMIT_S = 10.0
"""Another server that reads a PBX says so every two seconds."""


@dataclass(frozen=True, slots=True)
class PbxHealth:
    """`lag_s` is how far the newest message read was behind the PBX's clock; None before the first one."""

    name: str
    seeing: bool
    lag_s: float | None
    reason: str | None


@dataclass(frozen=True, slots=True)
class Health:
    """`database` is None when it answers, else the reason."""

    database: str | None
    database_s: float
    pbxs: tuple[PbxHealth, ...]

    @property
    def reasons(self) -> list[str]:
        found = [f"database: {self.database}"] if self.database else []
        return found + [f"PBX {pbx.name}: {pbx.reason}" for pbx in self.pbxs if pbx.reason]


async def live(_request: web.Request) -> web.Response:
    """200 while the process serves requests at all. Restart it when this fails."""
    return web.json_response({"status": "live"})


async def ready(request: web.Request) -> web.Response:
    """200, or 503 while something is missing. Send no people here then; a restart would not help."""
    health = await examine(request.app)
    body: dict[str, object] = {"status": "not ready" if health.reasons else "ready"}
    if await is_observer(request):
        body |= {
            "at": iso(request.app[CLOCK]()),
            "reasons": health.reasons,
            "database_s": round(health.database_s, 4),
            "pbxs": [asdict(pbx) for pbx in health.pbxs],
        }
    return web.json_response(body, status=503 if health.reasons else 200)


STANDBY = "another server reads it: this one waits to take over, and desks opened here would stay silent"
"""Facts live in the process that reads the PBX, so a proxy must send people there."""


async def examine(app: web.Application) -> Health:
    """Ask the database once and look at every PBX of the settings."""
    began = time.perf_counter()
    elsewhere: frozenset[str] = frozenset()
    fault: str | None = None
    try:
        async with asyncio.timeout(DATABASE_WAIT_S), app[DATABASE].read() as connection:
            elsewhere = await _seen_elsewhere(connection, app[CLOCK]())
    except TimeoutError:
        fault = f"no answer within {DATABASE_WAIT_S:g} s"
    except (SQLAlchemyError, OSError) as error:
        log.warning("the database does not answer", exc_info=error)
        fault = str(getattr(error, "orig", error))
    took = time.perf_counter() - began
    bridges = app.get(BRIDGES, {})
    pbxs = tuple(_examine_pbx(name, bridges.get(name), name in elsewhere) for name in app[SETTINGS].pbx)
    lines = app.get(LINES, {})
    pbxs += tuple(_examine_line(name, lines.get(name), name in elsewhere) for name in app[SETTINGS].line)
    return Health(fault, took, pbxs)


async def _seen_elsewhere(connection: AsyncConnection, now: float) -> frozenset[str]:
    """PBXs that some server holds and has seen just now (on PostgreSQL it may be another one)."""
    rows = await connection.scalars(
        select(PbxHeartbeat.pbx).where(
            PbxHeartbeat.leased_until > now, PbxHeartbeat.seen_at > now - SEEN_LIMIT_S
        )
    )
    return frozenset(rows)


def _examine_pbx(name: str, bridge: Bridge | None, elsewhere: bool) -> PbxHealth:
    lag = bridge.lags[-1] if bridge is not None and bridge.lags else None
    if bridge is None or not bridge.is_seeing:
        cause = bridge.link.last_error if bridge is not None else None
        return PbxHealth(name, False, lag, STANDBY if elsewhere else cause or "not compared with the PBX yet")
    # What was late a minute ago is of no interest: only while messages wait is the lag one of now.
    late = lag is not None and lag > LAG_LIMIT_S and len(bridge.link.queue) > 0
    return PbxHealth(name, True, lag, f"{lag:.1f} s behind" if late else None)


def _examine_line(name: str, line: LineMonitor | None, elsewhere: bool) -> PbxHealth:
    """A line has no lag: its process writes down when it saw something."""
    if line is not None and line.is_seeing:
        return PbxHealth(name, True, None, None)
    reason = line.last_error if line is not None else None
    return PbxHealth(name, False, None, STANDBY if elsewhere else reason or "not registered yet")
