"""A day of abuse: 10,000 scripted requests from all over 127.0.0.0/8, some without a script, some that replay one
proof, some that solve every proof from a few networks or walk through one prefix, with 50 customers among them.
Time is simulated. What is promised a call stays within the limits, memory does not grow, and the customers are kept."""

from __future__ import annotations

import gc
import random
import resource
import shutil
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from callback.ask import Accepted, Ask, Correctable, Proof, Signs, Visit
from callback.kinds import Source, State
from callback.limits import network_of
from callback.quiet import zones_of
from core.db import Database
from core.phone import parse_number
from tests.integration.callback_room import DAY, HOUR, MONDAY_10, Room

SCRIPTED = 10_000
HONEST = 50
ATTACK_S = 6 * HOUR
"""Everything happens while the department is open."""

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


async def test_ten_thousand_scripted_requests(room: Room) -> None:
    rng = random.Random(20261123)
    honest: set[str] = set()
    dialled: list[tuple[float, Ask]] = []
    outcomes: Counter[str] = Counter()
    memory: list[Memory] = []
    fill_caches(rng)
    for n, (after, make) in enumerate(scripted(rng)):
        room.clock.now = MONDAY_10 + after
        if make is None:
            one = ask(
                mobile(rng), everywhere(rng), n, Signs(rng.uniform(8, 90), solved(n, room.clock.now).proof)
            )
            honest.add(one.number)
        else:
            one = make(rng, n, room.clock.now)
        answer = await room.requests.submit(one)
        outcomes[f"{make.__name__ if make else 'customer'} {type(answer).__name__}"] += 1
        if isinstance(answer, Accepted):
            dialled.append((room.clock.now, one))
        if make is dear:
            assert isinstance(answer, Correctable)
        if n % 500 == 0:
            await room.requests.upkeep()
            room.changed.clear()
        if n in (4000, SCRIPTED):
            memory.append(Memory.now())
    assert memory[1].objects - memory[0].objects < 3000, memory  # not one kept for every second request
    assert memory[1].megabytes - memory[0].megabytes < 30, memory

    room.clock.now = MONDAY_10 + ATTACK_S
    for _ in range(60):
        await room.requests.upkeep()
        room.clock.now += 60
    waiting = {row.number for row in await room.callbacks() if row.state == State.WAITING}
    assert len(honest & waiting) >= HONEST - 2, outcomes
    check_limits(room, dialled)
    # Of the 10,000 a few hundred at most are promised anything: what eight networks and one prefix are allowed.
    assert len(waiting - honest) < SCRIPTED * 0.05, (len(waiting), outcomes)


def check_limits(room: Room, dialled: list[tuple[float, Ask]]) -> None:
    """No window of any length-of-limit holds more than the limit, whichever way it is cut."""
    limits = room.settings.callback.limits
    opened: dict[str, float] = {}
    by: dict[tuple[str, str], list[float]] = defaultdict(list)
    for at, one in dialled:
        assert one.visit.address is not None
        by["address", one.visit.address].append(at)
        by["network", network_of(one.visit.address)].append(at)
        if one.number not in opened:  # a request that joins has nothing dialled
            opened[one.number] = at
            by["prefix", one.number[:-4]].append(at)
            by["site", ""].append(at)
    caps = {
        "address": (limits.address_an_hour, HOUR),
        "network": (limits.network_an_hour, HOUR),
        "prefix": (limits.prefix_an_hour, HOUR),
        "site": (limits.calls_a_minute, 60.0),
    }
    for (kind, key), times in by.items():
        cap, seconds = caps[kind]
        worst = max(sum(begin <= at < begin + seconds for at in times) for begin in times)
        # The sliding window weighs the one before as if it had been filled evenly: up to a half more in the worst hour.
        assert worst <= cap * 1.5, (kind, key, worst)
    assert max(opened.values()) - min(opened.values()) < DAY
