"""A day of abuse: 10,000 scripted requests from all over 127.0.0.0/8, some without a script, some that replay one
proof, some that solve every proof from a few networks or walk through one prefix, with 50 customers among them.
Time is simulated, the scheduler is the real one; the PBX, at its edge, plays what becomes of each order. Calls placed
stay within the limits, memory does not grow, and the customers are dialled before the day is over."""

from __future__ import annotations

import gc
import random
import resource
import shutil
from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from callback.ask import Ask, Correctable, Proof, Signs, Visit
from callback.kinds import Source
from callback.limits import network_of
from callback.quiet import zones_of
from core.db import Database
from core.facts import Verdict
from core.phone import parse_number
from core.ports import DialOrder
from tests.callback_office import Office, Time
from tests.integration.callback_room import DAY, HOUR, MONDAY_10, Room

SCRIPTED = 10_000
HONEST = 50
ATTACK_S = 6 * HOUR
"""Everything happens while the department is open."""

CLOSES_S = 7 * HOUR
TURN_S = 30.0
"""How often the scheduler looks; each turn of it is real work."""

AGENTS = 14
"""More than may be on the line at once: it is the limits that are asked about."""

CACHED = 8192
"""Numbers that the readers of numbers remember, at most."""

Maker = Callable[[random.Random, int, float], Ask]


@dataclass(frozen=True, slots=True)
class Memory:
    """What this process holds: objects that can hold others, and megabytes of real memory."""

    objects: int
    megabytes: float

    @classmethod
    def now(cls) -> Memory:
        gc.collect()
        pages = int(Path("/proc/self/statm").read_text().split()[1])
        return cls(len(gc.get_objects()), pages * resource.getpagesize() / 1e6)


def fill_caches(rng: random.Random) -> None:
    """From the first request on, as after some weeks: else a cache that fills up looks like a leak."""
    for _ in range(CACHED):
        zones_of(mobile(rng))
        parse_number(mobile(rng), "PL")


@pytest.fixture
async def room(sqlite_template: Path, tmp_path: Path) -> AsyncIterator[Room]:
    path = tmp_path / "ringback.db"
    shutil.copy(sqlite_template, path)
    database = Database(f"sqlite:///{path}")
    yield Room(database)
    await database.close()


def mobile(rng: random.Random) -> str:
    return f"+48{rng.choice((501, 601, 691, 730, 881))}{rng.randrange(10**6):06d}"


def everywhere(rng: random.Random) -> str:
    return f"127.{rng.randrange(256)}.{rng.randrange(256)}.{rng.randrange(1, 255)}"


def solved(n: int, now: float) -> Signs:
    return Signs(20.0, Proof(f"scripted-{n}", now + HOUR))


def ask(number: str, address: str, n: int, signs: Signs) -> Ask:
    return Ask(Source.WEB, number, site="shop", visit=Visit(address=address, visitor=f"s{n}"), signs=signs)


def no_script(rng: random.Random, n: int, now: float) -> Ask:
    return ask(mobile(rng), everywhere(rng), n, Signs())


def fills_everything(rng: random.Random, n: int, now: float) -> Ask:
    return ask(mobile(rng), everywhere(rng), n, Signs(20.0, Proof(f"scripted-{n}", now + HOUR), trapped=True))


def in_a_hurry(rng: random.Random, n: int, now: float) -> Ask:
    return ask(mobile(rng), everywhere(rng), n, Signs(0.4, Proof(f"scripted-{n}", now + HOUR)))


def replays(rng: random.Random, n: int, now: float) -> Ask:
    return ask(mobile(rng), everywhere(rng), n, Signs(20.0, Proof("bought once", MONDAY_10 + DAY)))


def works_hard(rng: random.Random, n: int, now: float) -> Ask:
    """Solves every proof, from a handful of networks."""
    return ask(mobile(rng), f"127.0.{rng.randrange(8)}.{rng.randrange(1, 255)}", n, solved(n, now))


def walks(rng: random.Random, n: int, now: float) -> Ask:
    """Solves every proof from everywhere, for a company's block of numbers."""
    return ask(f"+4822555{rng.randrange(10**4):04d}", everywhere(rng), n, solved(n, now))


def harasses(rng: random.Random, n: int, now: float) -> Ask:
    return ask("+48501999888", everywhere(rng), n, solved(n, now))


def dear(rng: random.Random, n: int, now: float) -> Ask:
    number = rng.choice(("+48700123456", "+8816315512345", "+21620123456", "+18769271234", "12", "x" * 900))
    return ask(number, everywhere(rng), n, solved(n, now))


KINDS: tuple[tuple[Maker, int], ...] = (
    (no_script, 3000), (fills_everything, 800), (in_a_hurry, 800), (replays, 1600), (works_hard, 1500),
    (walks, 800), (harasses, 500), (dear, 1000),
)  # fmt: skip


def scripted(rng: random.Random) -> Iterator[tuple[float, Maker | None]]:
    """When each request comes, in order; None: a customer's."""
    makers: list[Maker | None] = [make for make, count in KINDS for _ in range(count)]
    assert len(makers) == SCRIPTED
    makers += [None] * HONEST
    rng.shuffle(makers)
    times = sorted(rng.uniform(0, ATTACK_S) for _ in makers)
    return zip(times, makers, strict=True)


@dataclass(frozen=True, slots=True)
class Call:
    """What becomes of an order: when its call ends, how, and how long they talked."""

    order: DialOrder
    ends_at: float
    result: Verdict
    talk_s: float


@dataclass
class Day:
    """The shop's day: the room that judges requests and the office that calls, with agents enough, on one clock. The
    PBX is played: most customers answer, some are busy or not there."""

    room: Room
    office: Office
    dice: random.Random
    calls: list[Call] = field(default_factory=list)
    placed: list[tuple[float, str]] = field(default_factory=list)
    at_once: int = 0
    told_at: float = MONDAY_10

    @property
    def now(self) -> float:
        return self.room.clock.now

    async def goes_to(self, at: float) -> None:
        """Let time pass, with everything that happens by itself."""
        while self.told_at + TURN_S <= at:
            self.told_at += TURN_S
            self._set(self.told_at)
            await self._calls_end()
            if self.told_at % 60 == 0:
                await self.room.requests.upkeep()
            await self.office.turn()
            self._note_orders()
        self._set(at)

    def _set(self, now: float) -> None:
        self.room.clock.now = self.office.time.now = now

    async def _calls_end(self) -> None:
        over = [call for call in self.calls if call.ends_at <= self.now]
        self.calls = [call for call in self.calls if call.ends_at > self.now]
        for call in over:
            await self.office.call_ends(call.result, call.talk_s, order=call.order)

    def _note_orders(self) -> None:
        orders = self.office.dialer.orders
        for order in orders:
            self.placed.append((self.now, order.number))
            self.office.dialer.markers[order.attempt_id] = "customer"
            self.calls.append(self._plays(order))
        orders.clear()
        self.at_once = max(self.at_once, len(self.calls))

    def _plays(self, order: DialOrder) -> Call:
        match self.dice.random():
            case luck if luck < 0.75:
                talk_s = self.dice.uniform(20, 150)
                return Call(order, self.now + 15 + talk_s, Verdict.ANSWERED, talk_s)
            case luck if luck < 0.85:
                return Call(order, self.now + 15, Verdict.BUSY, 0.0)
            case _:
                return Call(order, self.now + 40, Verdict.MISSED, 0.0)


@pytest.fixture
async def day(room: Room) -> Day:
    department = room.settings.department["sales"].model_dump(exclude={"queue"})
    office = Office(room.database, Time(MONDAY_10), room.settings.callback, **department)
    for number in range(AGENTS):
        await office.agent(str(200 + number))
    return Day(room, office, random.Random(7))


async def test_ten_thousand_scripted_requests(day: Day) -> None:
    rng, room = random.Random(20261123), day.room
    honest: set[str] = set()
    asked_from: dict[str, str] = {}
    outcomes: Counter[str] = Counter()
    memory: list[Memory] = []
    fill_caches(rng)
    for n, (after, make) in enumerate(scripted(rng)):
        await day.goes_to(MONDAY_10 + after)
        one = make(rng, n, day.now) if make else customer(rng, n, day.now)
        if make is None:
            honest.add(one.number)
        answer = await room.requests.submit(one)
        outcomes[f"{make.__name__ if make else 'customer'} {type(answer).__name__}"] += 1
        # Of a number that several ask for nobody can say whose request it was that is dialled.
        asked_from[one.number] = "" if one.number in asked_from else one.visit.address or ""
        if make is dear:
            assert isinstance(answer, Correctable)
        if n % 500 == 0:
            room.changed.clear()
        if n in (4000, SCRIPTED):
            memory.append(Memory.now())
    # Beside what the test itself notes, not one object is kept for every second request.
    assert memory[1].objects - memory[0].objects < 3000, memory
    assert memory[1].megabytes - memory[0].megabytes < 30, memory

    await day.goes_to(MONDAY_10 + CLOSES_S)
    dialled = {number for _, number in day.placed}
    assert len(honest & dialled) >= HONEST - 2, outcomes
    check_limits(day, asked_from)
    # Of the 10,000 a few hundred at most are dialled: what eight networks and one prefix are allowed.
    assert len(dialled - honest) < SCRIPTED * 0.05, (len(dialled), outcomes)


def customer(rng: random.Random, n: int, now: float) -> Ask:
    return ask(mobile(rng), everywhere(rng), n, Signs(rng.uniform(8, 90), solved(n, now).proof))


def check_limits(day: Day, asked_from: dict[str, str]) -> None:
    """No window of any length-of-limit holds more calls than the limit, whichever way it is cut."""
    limits, ladder = day.room.settings.callback.limits, day.office.rules.retry_waits_s
    assert day.at_once <= limits.at_once
    assert most(day.placed, 60.0) <= limits.calls_a_minute
    firsts: dict[str, float] = {}
    for at, number in day.placed:
        firsts.setdefault(number, at)
    by: dict[tuple[str, str], list[tuple[float, str]]] = defaultdict(list)
    for number, at in firsts.items():
        by["prefix", number[:-4]].append((at, number))
        if address := asked_from[number]:
            by["address", address].append((at, number))
            by["network", network_of(address)].append((at, number))
    caps = {
        "address": limits.address_an_hour,
        "network": limits.network_an_hour,
        "prefix": limits.prefix_an_hour,
    }
    for (kind, key), calls in by.items():
        assert most(calls, HOUR) <= caps[kind], (kind, key)
    of_number = Counter(number for _, number in day.placed)
    assert max(of_number.values()) <= limits.number_a_day * (1 + len(ladder)), of_number.most_common(3)
    assert of_number["+48501999888"] > 1, "somebody did ask for it again and again"


def most(calls: list[tuple[float, str]], seconds: float) -> int:
    """The most calls that any window of this length holds."""
    times = sorted(at for at, _ in calls)
    return max(bisect_left(times, at + seconds) - index for index, at in enumerate(times))
