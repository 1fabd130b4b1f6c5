"""How long after the PBX's own timestamp a ringing card is acknowledged by a desk, at several call rates.

In: nothing; a whole office is set up (`office.py`, `desks.py`). Out: rows, in milliseconds. The beginning is the
Timestamp header of the event that says "it rings", the end is when the server reads the desk's word that the card is
in its document; both are clocks of this machine. SIPp, Asterisk, fifty desks and the server share its cores.
"""

from __future__ import annotations

import asyncio
import os
import statistics
import tempfile
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import select

from bench.desks import open_chromium, open_desks
from bench.office import (
    EXTENSIONS,
    Dialled,
    Server,
    customers_call,
    number_of,
    open_pbx,
    ringing_phones,
    serving,
)
from bench.row import Row
from core.accounts import UserDeviceRow
from pbx_bridge.tables import CallMoment
from server.tables import PopRow
from tests.asterisk.pbx import Pbx

RING_MS, TALK_MS = 1500, 500
BROWSER, *CLIENTS = EXTENSIONS
SETTLE_LOOKS, SETTLE_STEP = 120, 0.25
"""How often, and how many seconds apart, the figures are looked at until all calls are in them."""

KNOWN = 60
GOAL_RATE, GOAL_MS = 20.0, 100.0


@dataclass(frozen=True, slots=True)
class Load:
    per_second: float
    seconds: int


LOADS = (Load(1, 30), Load(20, 30), Load(100, 15))
QUICK_LOADS = (Load(1, 8), Load(20, 8), Load(100, 5))


@dataclass(frozen=True, slots=True)
class Ring:
    """One phone that rang: when by the PBX, when the server had put the card on its way, when it was acknowledged."""

    extension: str
    rang_at: float
    told_at: float
    shown_at: float | None


def known_caller(place: int) -> str:
    """Somebody who has called before."""
    return f"+482260{10000 + place % KNOWN}"


def calls_for(load: Load) -> list[Dialled]:
    """The desks in turn, and the browser's about once a second (at least every 50th call, at most every 4th). One
    caller in ten has never called before."""
    every = min(max(round(load.per_second), 4), len(EXTENSIONS))
    calls = []
    for place in range(round(load.per_second * load.seconds)):
        new = place % 10 == 9
        caller = f"+4822{7_000_000 + round(load.per_second) * 10_000 + place}" if new else known_caller(place)
        desk = BROWSER if place % every == 0 else CLIENTS[place % len(CLIENTS)]
        calls.append(Dialled(caller, number_of(desk)))
    return calls


async def rings_since(server: Server, begin: float) -> list[Ring]:
    """Every phone that began to ring since `begin` while its owner's desk was open, and is done."""
    rung = (
        select(UserDeviceRow.extension, CallMoment.at, PopRow.rang_at, PopRow.shown_at)
        .select_from(CallMoment)
        .join(UserDeviceRow, UserDeviceRow.extension == CallMoment.extension)
        .join(PopRow, (PopRow.call_id == CallMoment.call_id) & (PopRow.user_id == UserDeviceRow.user_id))
        .where(CallMoment.kind == "ringing", CallMoment.at >= begin)
    )
    async with server.database.read() as connection:
        return [Ring(*row) for row in await connection.execute(rung)]


async def settled(server: Server, begin: float, calls: int) -> list[Ring]:
    """Wait until all calls are in the figures, but not for ever."""
    for _ in range(SETTLE_LOOKS):
        if len(rings := await rings_since(server, begin)) >= calls:
            break
        await asyncio.sleep(SETTLE_STEP)
    return rings


async def measure(pbx: Pbx, server: Server, load: Load) -> AsyncIterator[Row]:
    """One rate. Raises AssertionError when calls failed: the figures would be of another load."""
    calls = calls_for(load)
    begin, used, stolen, clock = time.time(), server.cpu_seconds(), stolen_seconds(), time.monotonic()
    failed = await customers_call(pbx, calls, load.per_second, TALK_MS)
    took = time.monotonic() - clock
    share, lost = (
        (server.cpu_seconds() - used) / took,
        (stolen_seconds() - stolen) / took / (os.cpu_count() or 1),
    )
    assert failed <= len(calls) // 100, f"{failed} of {len(calls)} calls failed"
    rings = await settled(server, begin, len(calls) - failed)
    name = f"{load.per_second:g} calls/s"
    for row in _delay_rows(name, rings, load):
        yield row
    seen = sum(ring.shown_at is not None for ring in rings)
    yield Row(f"{name}: cards acknowledged", 100 * seen / (len(calls) - failed), "%")
    yield Row(f"{name}: server's share of one core", 100 * share, "%")
    yield Row(f"{name}: taken from this machine by its host", 100 * lost, "%")
    yield Row(f"{name}: memory after it", server.resident_mb(), "MB")


def _delay_rows(name: str, rings: list[Ring], load: Load) -> Iterator[Row]:
    desks = [(ring.shown_at - ring.rang_at) * 1000 for ring in rings if ring.shown_at]
    browser = [(r.shown_at - r.rang_at) * 1000 for r in rings if r.shown_at and r.extension == BROWSER]
    told = [(ring.told_at - ring.rang_at) * 1000 for ring in rings]
    goal = ("goal", GOAL_MS) if load.per_second == GOAL_RATE else (None, None)
    yield Row(f"{name}: card acknowledged after, p50", statistics.median(desks), "ms")
    yield Row(f"{name}: card acknowledged after, p99", _p99(desks), "ms", *goal)
    yield Row(f"{name}: of it until the card is sent, p99", _p99(told), "ms")
    yield Row(f"{name}: Chromium alone, p50", statistics.median(browser), "ms")
    yield Row(f"{name}: Chromium alone, slowest of {len(browser)}", max(browser), "ms")


def stolen_seconds() -> float:
    """CPU time that the host of a virtual machine gave to others while we wanted it; 0 on a machine of one's own."""
    return int(Path("/proc/stat").read_text().split()[8]) / os.sysconf("SC_CLK_TCK")


def _p99(times: list[float]) -> float:
    return statistics.quantiles(times, n=100, method="inclusive")[98]


async def run(loads: tuple[Load, ...], tell: Callable[[str], None]) -> AsyncGenerator[Row, None]:
    """Set the office up, warm it with a few calls, then each rate in turn."""
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="ringback-bench-")))
        tell("starting Asterisk, the server and fifty desks")
        pbx = await stack.enter_async_context(open_pbx())
        server = await stack.enter_async_context(serving(pbx, folder))
        yield Row("memory at rest, nobody logged in", server.resident_mb(), "MB")
        await stack.enter_async_context(open_desks(server.url, CLIENTS))
        await stack.enter_async_context(open_chromium(server.url, BROWSER))
        await stack.enter_async_context(ringing_phones(pbx, RING_MS))
        yield Row("memory with fifty desks", server.resident_mb(), "MB")
        tell(f"{KNOWN} callers become customers")
        first = [Dialled(known_caller(place), number_of(EXTENSIONS[place % 50])) for place in range(KNOWN)]
        await customers_call(pbx, first, 5, TALK_MS)
        for load in loads:
            tell(f"{load.per_second:g} calls/s for {load.seconds} s")
            async for row in measure(pbx, server, load):
                yield row


def rows(quick: bool, tell: Callable[[str], None]) -> Iterator[Row]:
    """All rates, one after the other."""
    with asyncio.Runner() as runner:
        source = run(QUICK_LOADS if quick else LOADS, tell)
        try:
            while (row := runner.run(anext(source, None))) is not None:
                yield row
        finally:
            runner.run(source.aclose())
