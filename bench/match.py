"""How long it takes to know who is calling, among 1,000,000 customers on SQLite.

In: nothing; a database with our own schema is made in a temporary folder (about 0.5 GB, half a minute). Out: rows, in
milliseconds of wall time. *Match* is the question alone; *match stored* is all that happens between a call's first
fact and `CallMatched` on the bus: match, link, last contact, commit, and for one call in ten a new customer. Numbers
are asked in random order, so that nearly each one is another page of the file; the file is in the system's cache, as
that of a server in use is.
"""

from __future__ import annotations

import asyncio
import random
import sqlite3
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from bench.row import Row
from core.bus import Bus
from core.db import Database
from core.facts import CallMatched, CallStarted, Direction, MatchKind, Parties
from crm_link.identities import match_number
from crm_link.match import kind_of
from crm_link.screen_pop import ScreenPop
from server.schema import prepare

CUSTOMERS = 1_000_000
SHARED = 100
"""Every how many-th number belongs to three customers."""

QUESTIONS = 20_000
CALLS = 3_000
BATCH = 50_000
PRIME = 67_280_421
"""Spreads the customers' numbers over the number space, so that no index is in the order of another."""


def number_of(customer: int) -> str:
    return f"+48{100_000_000 + customer * PRIME % 800_000_000}"


def unknown_number(place: int) -> str:
    """One that no customer has: theirs have nine digits after the country code."""
    return f"+4822{place:08}"


def fill(path: Path) -> None:
    """A million customers, three of whom share each hundredth number."""
    connection = sqlite3.connect(path, isolation_level=None)
    connection.executescript("PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF; PRAGMA cache_size=-500000;")
    for first in range(1, CUSTOMERS + 1, BATCH):
        batch = range(first, min(first + BATCH, CUSTOMERS + 1))
        connection.execute("BEGIN")
        connection.executemany(
            "INSERT INTO customers (id, name, company, is_provisional, version, created_at, created_from, "
            "last_contact_at) VALUES (?, ?, '', 0, 1, 1.0, 'import', ?)",
            ((one, f"Customer {one}", float(one * PRIME % 1_000_000)) for one in batch),
        )
        connection.executemany(
            "INSERT INTO identity_keys (kind, value) VALUES ('phone', ?)",
            ((number_of(one),) for one in batch),
        )
        connection.executemany(
            "INSERT INTO identities (customer_id, kind, value, source, confidence, first_seen, last_seen) "
            "VALUES (?, 'phone', ?, 'import', 'stated', 1.0, 1.0)",
            _claims(batch),
        )
        connection.execute("COMMIT")
    connection.close()


def _claims(batch: range) -> Iterator[tuple[int, str]]:
    for one in batch:
        yield one, number_of(one)
        if one % SHARED == 0:
            yield one - 1, number_of(one)
            yield one - 2, number_of(one)


async def match_times(database: Database, chance: random.Random) -> list[float]:
    """Milliseconds of each question. Raises AssertionError for a wrong answer."""
    times = []
    for place in range(QUESTIONS):
        customer = chance.randint(1, CUSTOMERS)
        known = place % 10 != 0
        number = number_of(customer) if known else unknown_number(place)
        begin = time.perf_counter()
        async with database.read() as connection:
            result = await match_number(connection, number)
        times.append((time.perf_counter() - begin) * 1000)
        shared = MatchKind.SEVERAL if customer % SHARED == 0 else MatchKind.EXACT
        assert kind_of(result) is (shared if known else MatchKind.UNKNOWN)
    return times


async def pop_times(database: Database, chance: random.Random) -> list[float]:
    """Milliseconds from a call's first fact to its match on the bus, stored."""
    bus, said = Bus(), list[CallMatched]()
    ScreenPop(database, bus).subscribe(bus)

    async def hear(fact: CallMatched) -> None:
        said.append(fact)

    bus.subscribe(CallMatched, hear, name="bench")
    times = []
    for place in range(CALLS):
        number = (
            unknown_number(50_000_000 + place) if place % 10 == 0 else number_of(chance.randint(1, CUSTOMERS))
        )
        parties = Parties(Direction.INBOUND, number, None, "500", number)
        begin = time.perf_counter()
        await bus.publish(CallStarted(f"bench-{place}", "main", 2e6 + place, parties))
        times.append((time.perf_counter() - begin) * 1000)
    assert len(said) == CALLS
    return times


def _percentiles(name: str, times: list[float]) -> list[Row]:
    cuts = statistics.quantiles(times, n=100)
    return [Row(f"{name}, p50", cuts[49], "ms"), Row(f"{name}, p99", cuts[98], "ms")]


async def measure(path: Path) -> list[Row]:
    url = f"sqlite:///{path}"
    empty = Database(url)
    await prepare(empty)
    await empty.close()
    fill(path)
    database = Database(url)
    chance = random.Random(20261121)
    try:
        await match_times(database, chance)  # the first round warms the caches of the four reader connections
        alone = await match_times(database, chance)
        stored = await pop_times(database, chance)
    finally:
        await database.close()
    return [
        *_percentiles(f"customer match at {CUSTOMERS:,} customers", alone),
        *_percentiles("customer match stored", stored),
    ]


def rows() -> list[Row]:
    with tempfile.TemporaryDirectory(prefix="ringback-bench-") as folder:
        return asyncio.run(measure(Path(folder) / "customers.db"))


if __name__ == "__main__":
    for row in rows():
        sys.stdout.write(f"{row.name}: {row.value:.2f} {row.unit}\n")
