"""An office for load: a real Asterisk with fifty phones played by SIPp, customers played by SIPp, and `ringback serve`
as a process of its own beside it.

In: numbers of calls and rates. Out: running processes and what they used of the machine. Everything is on loopback
and bounded in count and time; what is measured is decided in `delay.py`.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from aiohttp import ClientError, ClientSession

from core.accounts import NewUser, Role, UserDevice, create_user
from core.clock import system_clock
from core.db import Database
from core.passwords import hash_password
from server.schema import prepare
from tests.asterisk.pbx import AMI_SECRETS, Pbx
from tests.site import PASSWORD, free_port

SIPP = Path(__file__).parent / "sipp"
EXTENSIONS = tuple(str(number) for number in range(301, 351))
MOST_CALLS = 2000
BOOT_SECONDS = 60.0
PHONES_HOST = 40
"""Last byte of the phones' address; the laboratory's own phones begin at 101."""

PHONE = """
[{0}](phone)
aors = {0}
context = internal
callerid = Desk {0} <{0}>
[{0}]
type = aor
contact = sip:{0}@{1}:5060
"""
NUMBERS = """
[plain-in](+)
exten => _48221003XXX,1,Dial(PJSIP/${EXTEN:8},30)
 same => n,Hangup()
"""
SETTINGS = """
[server]
port = {port}
[database]
url = "sqlite:///{folder}/ringback.db"
[desk]
wrap_up_seconds = 0
[pbx.main]
host = "{pbx}"
trunks = ["PJSIP/trunk"]
events = {{ user = "ringback-events", secret = "{secret}" }}
[log]
level = "WARNING"
"""


def number_of(extension: str) -> str:
    """What a customer dials to reach that extension."""
    return f"48221003{extension}"


@asynccontextmanager
async def open_pbx() -> AsyncIterator[Pbx]:
    """Asterisk with a phone at every extension."""
    pbx = Pbx("22")
    phones = f"127.0.{pbx.place.number}.{PHONES_HOST}"
    settings = pbx.folder / "etc"
    with (settings / "pjsip.conf").open("a") as file:
        file.write("".join(PHONE.format(extension, phones) for extension in EXTENSIONS))
    with (settings / "extensions_plain.conf").open("a") as file:
        file.write(NUMBERS)
    async with pbx:
        yield pbx


@asynccontextmanager
async def ringing_phones(pbx: Pbx, ring_ms: int) -> AsyncIterator[None]:
    """Inside this block every extension rings for `ring_ms` and is then answered."""
    address = f"127.0.{pbx.place.number}.{PHONES_HOST}"
    process = await asyncio.create_subprocess_exec(
        "sipp", "-sf", str(SIPP / "phones.xml"), "-i", address, "-p", "5060", "-d", str(ring_ms), "-nostdin",
        stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    try:
        yield
    finally:
        process.kill()
        await process.wait()


@dataclass(frozen=True, slots=True)
class Dialled:
    """Who calls whom, both as numbers."""

    caller: str
    number: str


async def customers_call(pbx: Pbx, calls: list[Dialled], per_second: float, talk_ms: int) -> int:
    """Play these calls at that rate; returns how many went wrong. Raises ValueError for too many."""
    if len(calls) > MOST_CALLS:
        raise ValueError(f"at most {MOST_CALLS} calls, not {len(calls)}")
    people = [f"{call.caller};Load {place};{call.number}" for place, call in enumerate(calls)]
    seconds = len(calls) / per_second + 60
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "people.csv").write_text("\n".join(["SEQUENTIAL", *people, ""]))
        process = await asyncio.create_subprocess_exec(
            "sipp", f"{pbx.place.pbx}:5060", "-sf", str(SIPP / "customers.xml"), "-i", pbx.place.trunk,
            "-p", "5060", "-m", str(len(calls)), "-r", str(round(per_second * 10)), "-rp", "10000",
            "-d", str(talk_ms), "-timeout", f"{seconds:.0f}s", "-nostdin", "-inf", f"{folder}/people.csv",
            "-trace_stat", "-stf", f"{folder}/stat.csv",
            stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL,
        )  # fmt: skip
        await process.wait()
        names, *rows = (line.split(";") for line in (Path(folder) / "stat.csv").read_text().splitlines())
    return len(calls) - int(dict(zip(names, rows[-1], strict=False))["SuccessfulCall(C)"])


@dataclass(frozen=True, slots=True)
class Server:
    """`ringback serve`, running. `url` is where it listens."""

    pid: int
    url: str
    database: Database

    def cpu_seconds(self) -> float:
        """CPU time used so far, user and system."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def resident_mb(self) -> float:
        """Memory that is really in RAM, in millions of bytes."""
        pages = int(Path(f"/proc/{self.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


@asynccontextmanager
async def serving(pbx: Pbx, folder: Path) -> AsyncIterator[Server]:
    """The server beside `pbx`, seeing it, with somebody at every extension. Raises RuntimeError when it ends."""
    port = free_port()
    settings = folder / "ringback.toml"
    secret = AMI_SECRETS["ringback-events"]
    settings.write_text(SETTINGS.format(port=port, folder=folder, pbx=pbx.place.pbx, secret=secret))
    database = Database(f"sqlite:///{folder}/ringback.db")
    await _add_people(database)
    environment = {key: value for key, value in os.environ.items() if not key.startswith("RINGBACK_")}
    with (folder / "server.log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            str(Path(sys.executable).with_name("ringback")), "serve", "--config", str(settings),
            stdout=log, stderr=log, env=environment,
        )  # fmt: skip
    try:
        server = Server(process.pid, f"http://127.0.0.1:{port}", database)
        await _wait_until_ready(server, process, folder / "server.log")
        yield server
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGTERM)
            await process.wait()
        await database.close()


async def _add_people(database: Database) -> None:
    await prepare(database)
    hashed = await hash_password(PASSWORD)
    async with database.write() as connection:
        for extension in EXTENSIONS:
            phone = UserDevice("main", f"PJSIP/{extension}", extension)
            person = NewUser(extension, f"Desk {extension}", Role.AGENT, hashed, devices=(phone,))
            await create_user(connection, person, system_clock())


async def _wait_until_ready(server: Server, process: asyncio.subprocess.Process, log: Path) -> None:
    async with asyncio.timeout(BOOT_SECONDS), ClientSession() as session:
        while process.returncode is None:
            try:
                async with session.get(f"{server.url}/health/ready") as answer:
                    if answer.status == 200:
                        return
            except ClientError:
                pass
            await asyncio.sleep(0.1)
    raise RuntimeError(f"the server ended: {_end_of(log)}")


def _end_of(log: Path) -> str:
    return log.read_text()[-1000:]
