"""`/metrics` for Prometheus. What happened is counted as it happens, in a registry of the application's own; what is so
now (links, lag, blind time, backlogs, the database) is looked up at each scrape. Who may scrape: `web/observers.py`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from importlib.metadata import version
from typing import TYPE_CHECKING

import structlog
from aiohttp import web
from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    ProcessCollector,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, InfoMetricFamily, Metric
from prometheus_client.registry import Collector
from sqlalchemy import func, select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection

from core import tasks
from core.bus import Bus
from core.facts import CallEnded
from pbx_bridge.tables import BlindWindow
from recordings.coverage.findings import FindingKind
from server.health import Health, examine
from server.live.hub import DROPPED, TABS
from server.live.pops import POPS, SHOWN_SECONDS
from server.views.coverage import count_open, read_coverage, read_run
from server.web.keys import BRIDGES, BUS, CLOCK, CONSUMERS, DATABASE, ZONE
from server.web.observers import refuse_strangers
from server.web.pages import local

if TYPE_CHECKING:
    from pbx_bridge.bridge import Bridge

log = structlog.get_logger(__name__)

QUANTILES = (0.5, 0.99, 1.0)

# Every counter's birthday beside it says nothing that the process's own start time does not.
disable_created_metrics()  # type: ignore[no-untyped-call]


class Metrics:
    """One per application: counts facts of its bus. The desks' own metrics are shown beside."""

    def __init__(self, bus: Bus) -> None:
        self.registry = CollectorRegistry()
        self._calls = Counter(
            "ringback_calls", "Calls that ended", ["pbx", "direction", "result"], registry=self.registry
        )
        ProcessCollector(registry=self.registry)
        for metric in (SHOWN_SECONDS, POPS, TABS, DROPPED):
            self.registry.register(metric)
        bus.subscribe(CallEnded, self._ended, name="metrics")

    async def _ended(self, fact: CallEnded) -> None:
        call = fact.record
        self._calls.labels(call.pbx, call.direction.value, call.result.value).inc()


METRICS = web.AppKey("metrics", Metrics)


async def scrape(request: web.Request) -> web.Response:
    """Text for Prometheus. Raises ForbiddenError for strangers."""
    await refuse_strangers(request)
    app = request.app
    now = CollectorRegistry()
    now.register(_Now([*_state(app, await examine(app)), *await _stored(app)]))
    body = generate_latest(app[METRICS].registry) + generate_latest(now)
    return web.Response(body=body, headers={"Content-Type": CONTENT_TYPE_LATEST})


class _Now(Collector):
    """Metrics made for one scrape."""

    def __init__(self, metrics: Sequence[Metric]) -> None:
        self._metrics = metrics

    def collect(self) -> Iterable[Metric]:
        return self._metrics


def _state(app: web.Application, health: Health) -> Iterable[Metric]:
    """What this process knows without asking."""
    yield InfoMetricFamily("ringback", "This server", {"version": version("ringback")})
    yield GaugeMetricFamily(
        "ringback_database_up", "Whether the database answers", 0 if health.database else 1
    )
    yield GaugeMetricFamily(
        "ringback_database_seconds", "How long the database took to answer one question", health.database_s
    )
    seeing = {pbx.name: float(pbx.seeing) for pbx in health.pbxs}
    yield _gauge("ringback_pbx_seeing", "Whether we read this PBX and our books agree with it", "pbx", seeing)
    bridges = app.get(BRIDGES)
    yield from _bridges(bridges if bridges is not None else {})
    yield _counter(
        "ringback_handler_failures", "Failures of those who listen to facts", "handler", app[BUS].failures
    )
    yield _counter(
        "ringback_task_restarts", "Background tasks that failed and were started anew", "task", tasks.RESTARTS
    )


def _bridges(bridges: Mapping[str, Bridge]) -> Iterable[Metric]:
    read = {name: bridge.messages for name, bridge in bridges.items()}
    waiting = {name: float(len(bridge.link.queue)) for name, bridge in bridges.items()}
    dropped = {name: bridge.link.queue.messages_dropped for name, bridge in bridges.items()}
    yield _counter("ringback_ami_messages", "AMI messages read", "pbx", read)
    yield _counter(
        "ringback_ami_messages_dropped", "AMI messages lost because we fell behind", "pbx", dropped
    )
    yield _gauge("ringback_ami_messages_waiting", "AMI messages received and not read yet", "pbx", waiting)
    lag = GaugeMetricFamily(
        "ringback_pbx_lag_seconds",
        "From the PBX's timestamp to our reading, over the last 1000 messages (1 is the longest)",
        labels=["pbx", "quantile"],
    )
    for name, bridge in bridges.items():
        lags = sorted(bridge.lags)
        for quantile in QUANTILES if lags else ():
            lag.add_metric([name, f"{quantile:g}"], lags[min(len(lags) - 1, int(quantile * len(lags)))])
    yield lag


async def _stored(app: web.Application) -> list[Metric]:
    """What the database knows; nothing while it does not answer, which `ringback_database_up` says."""
    try:
        async with app[DATABASE].read() as connection:
            blind = await _blind_seconds(connection, app[CLOCK]())
            backlog = {one.name: float(await one.backlog(connection)) for one in app[CONSUMERS]}
            kept = await _kept(connection, app)
    except (SQLAlchemyError, OSError) as error:
        log.warning("no figures from the database", exc_info=error)
        return []
    return [
        _counter("ringback_pbx_blind_seconds", "Seconds in which we could not see this PBX", "pbx", blind),
        _gauge("ringback_fact_backlog", "Durable facts a consumer has not worked off", "consumer", backlog),
        *kept,
    ]


async def _kept(connection: AsyncConnection, app: web.Application) -> list[Metric]:
    """What the last comparison of recordings found; nothing before the first."""
    run = await read_run(connection, is_running=False)
    if run is None or run.ended_at is None:
        return []
    first, last = (local(at, app[ZONE]).date() for at in (run.since, run.started_at))
    total = (await read_coverage(connection, min(first, last), last)).total
    found = await count_open(connection)
    wrong = {kind.value: float(found.get(kind, 0)) for kind in FindingKind}
    gauges: list[Metric] = [
        _gauge("ringback_recording_findings", "What is wrong with recordings, not settled", "kind", wrong),
        GaugeMetricFamily(
            "ringback_recording_audit_timestamp_seconds", "When recordings were last compared", run.ended_at
        ),
    ]
    if total.coverage is not None:
        text = "Share of the answered calls last compared that have their audio"
        gauges.append(GaugeMetricFamily("ringback_recording_coverage", text, total.coverage))
    return gauges


async def _blind_seconds(connection: AsyncConnection, now: float) -> dict[str, float]:
    length = func.coalesce(BlindWindow.until, now) - BlindWindow.since
    rows = await connection.execute(select(BlindWindow.pbx, func.sum(length)).group_by(BlindWindow.pbx))
    return {pbx: float(seconds) for pbx, seconds in rows}


def _counter(name: str, text: str, label: str, values: Mapping[str, float]) -> Metric:
    family = CounterMetricFamily(name, text, labels=[label])
    for value, number in values.items():
        family.add_metric([value], number)
    return family


def _gauge(name: str, text: str, label: str, values: Mapping[str, float]) -> Metric:
    family = GaugeMetricFamily(name, text, labels=[label])
    for value, number in values.items():
        family.add_metric([value], number)
    return family
