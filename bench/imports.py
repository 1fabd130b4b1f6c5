"""How long it takes to import 100,000 customers from a file in which one line in twenty is about somebody named before,
with the number spelled in another way, on SQLite.

In: nothing; the file and a database with our own schema are made in a temporary folder. Out: rows: seconds of wall time
for taking the file, looking at every line, importing and taking back, and how much the process's memory grew at most.
Raises AssertionError when a duplicate was not found, or one was found that is none.
"""

from __future__ import annotations

import asyncio
import random
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from sqlalchemy import func, select

from bench.row import Row
from core.bus import Bus
from core.clock import system_clock
from core.db import Database
from crm_link.imports.office import Imports, Mapping
from crm_link.tables import Customer
from server.schema import prepare

LINES, QUICK_LINES = 100_000, 5_000
EVERY = 20
SPELLINGS: tuple[Callable[[str], str], ...] = (
    lambda number: f"+48 {number[:3]} {number[3:6]} {number[6:]}",
    lambda number: f"0048{number}",
    lambda number: f"{number[:2]} {number[2:5]}-{number[5:7]}-{number[7:]}",
    lambda number: f"tel:+48-{number[:3]}-{number[3:]}",
    lambda number: f"(0{number[:2]}) {number[2:]}",
)


def write_file(path: Path, lines: int) -> int:
    """A file of customers; returns how many people it names."""
    chance = random.Random(20261122)
    numbers = chance.sample(range(500_000_000, 539_999_999), lines)
    people: list[tuple[str, str]] = []
    with path.open("w") as file:
        file.write("Name;Company;Mobile phone;E-mail;Tags\n")
        for place in range(lines):
            if place % EVERY == EVERY - 1:
                name, number = chance.choice(people)
                address = ""
            else:
                number = str(numbers[place])
                name, address = f"Person {place}", f"person{place}@example.com"
                people.append((name, number))
            spelled = chance.choice(SPELLINGS)(number)
            file.write(f"{name};Firm {place % 5000};{spelled};{address};fair\n")
    return len(people)


def _megabytes() -> float:
    """The most that this process has held so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


async def measure(folder: Path, lines: int, tell: Callable[[str], None]) -> list[Row]:
    people = write_file(folder / "customers.csv", lines)
    database = Database(f"sqlite:///{folder}/customers.db")
    await prepare(database)
    before = _megabytes()
    imports = Imports(database, Bus(), system_clock, "PL")
    rows: list[Row] = []
    began = time.perf_counter()

    def took(what: str) -> None:
        nonlocal began
        now = time.perf_counter()
        rows.append(Row(f"import of {lines:,} customers: {what}", now - began, "s"))
        tell(f"{what}: {now - began:.1f} s, {_megabytes() - before:.0f} MB")
        began = now

    import_id = await imports.add(folder / "customers.csv", "customers.csv", None)
    took("taking the file")
    await imports.check(import_id, Mapping((await imports.state(import_id)).columns))
    looked = await imports.work(import_id)
    took("looking at every line")
    assert looked.fates == {"new": people, "joined": lines - people}, looked.fates
    await imports.start(import_id, None)
    await imports.work(import_id)
    took("importing")
    async with database.read() as connection:
        assert await connection.scalar(select(func.count()).select_from(Customer)) == people
    await imports.undo(import_id, None)
    undone = await imports.work(import_id)
    took("taking back")
    assert undone.kept == 0
    async with database.read() as connection:
        assert await connection.scalar(select(func.count()).select_from(Customer)) == 0
    await database.close()
    rows.append(Row(f"import of {lines:,} customers: memory", _megabytes() - before, "MB"))
    return rows


def rows(quick: bool, tell: Callable[[str], None]) -> Iterator[Row]:
    with tempfile.TemporaryDirectory(prefix="ringback-bench-") as folder:
        yield from asyncio.run(measure(Path(folder), QUICK_LINES if quick else LINES, tell))


if __name__ == "__main__":
    for row in rows("--quick" in sys.argv, print):
        sys.stdout.write(f"{row}\n")
