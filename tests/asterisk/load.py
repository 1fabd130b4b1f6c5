"""Customers in number: SIPp plays them from the first carrier's address, bounded in count and time.

In: a running ``Pbx``, a number to dial, how many calls and how fast. Out: SIPp's own count of good and failed calls.
Beside it ``answering(phone)`` makes a test phone answer whatever rings. Load goes to loopback only.
"""

from __future__ import annotations

import asyncio
import re
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from tests.asterisk.pbx import Pbx
from tests.asterisk.phone import Phone, PhoneError

SCENARIO = Path(__file__).parent / "sipp" / "customers.xml"
SIPP_PORT = 5070
"""Not 5060, which the laboratory's own carrier holds; the PBX knows the carrier by its address."""
MOST_CALLS = 5000
GRACE_SECONDS = 30.0


class LoadError(Exception):
    """SIPp could not run; the text holds the end of what it printed."""


@dataclass(frozen=True, slots=True)
class Played:
    """What SIPp counted."""

    good: int
    failed: int


async def customers_call(
    pbx: Pbx, number: str, *, calls: int = 1, per_second: float = 1.0, talk_ms: int = 1000
) -> Played:
    """Play ``calls`` customers (5,000 at most) who dial ``number``, from +48 22 601 00 00 on. Raises LoadError."""
    if not 0 < calls <= MOST_CALLS:
        raise LoadError(f"between 1 and {MOST_CALLS} calls, not {calls}")
    people = (f"+482260{number:05};Load {number}" for number in range(10000, 10000 + calls))
    seconds = calls / per_second + talk_ms / 1000 + GRACE_SECONDS
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "people.csv").write_text("\n".join(["SEQUENTIAL", *people, ""]))
        process = await asyncio.create_subprocess_exec(
            "sipp", f"{pbx.place.pbx}:5060", "-sf", str(SCENARIO), "-s", number, "-i", pbx.place.trunk,
            "-p", str(SIPP_PORT), "-m", str(calls), "-r", str(max(1, round(per_second * 10))), "-rp", "10000",
            "-d", str(talk_ms), "-timeout", f"{seconds:.0f}s", "-nostdin", "-inf", f"{folder}/people.csv",
            "-trace_stat", "-stf", f"{folder}/stat.csv",
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
        )  # fmt: skip
        output, _ = await process.communicate()
        return _counts(Path(folder) / "stat.csv", output.decode(errors="replace"))


def _counts(path: Path, output: str) -> Played:
    if not path.exists():
        raise LoadError(re.sub(r"\s+", " ", output)[-300:])
    names, *rows = (line.split(";") for line in path.read_text().splitlines())
    last = dict(zip(names, rows[-1], strict=False))
    return Played(int(last["SuccessfulCall(C)"]), int(last["FailedCall(C)"]))


@asynccontextmanager
async def answering(phone: Phone, after_seconds: float = 0.0) -> AsyncIterator[None]:
    """Inside this block the phone answers every call it gets."""

    async def answer() -> None:
        while True:
            with suppress(PhoneError):
                call = await phone.rings()
                await asyncio.sleep(after_seconds)
                if call.ended_at is None:
                    await call.answer()

    task = asyncio.create_task(answer())
    try:
        yield
    finally:
        task.cancel()
