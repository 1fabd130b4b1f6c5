"""Starts, stops and kills one real Asterisk with directories and loopback addresses of its own.

In: a version ("22" or "16") that ``install.py`` made, and the templates in ``etc/``. Out: a running PBX with AMI on
``pbx.place.pbx``, and its CEL, CDR and queue log as rows. All mounts live in the process's own mount namespace, so
they are gone with it, however it ends. Phones and callers are not started here.
"""

from __future__ import annotations

import asyncio
import csv
import re
import shutil
import signal
import subprocess
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.asterisk.install import HOST_NAME, installed_version, root_of
from tests.asterisk.place import AMI_PORT, Place, reserve

TEMPLATES = Path(__file__).parent / "etc"
SHIPPED = Path(__file__).parents[2] / "config" / "asterisk"
INSIDE = "/mnt"
"""Where the instance's own folder is seen from inside the shared root folder."""
BOOT_SECONDS = 60.0
STOP_SECONDS = 30.0
AMI_SECRETS = {
    "ringback-events": "change-me-events",
    "ringback-dial": "change-me-dial",
    "recorder": "recorder-secret",
    "operator": "operator-secret",
}
"""The users of config/asterisk/manager_ringback.conf as shipped, one that may read all and one that may do all."""
CEL_FIELDS = (
    "event",
    "at",
    "channel",
    "uniqueid",
    "linkedid",
    "exten",
    "context",
    "app",
    "cid_num",
    "peer",
    "extra",
)
"""In the order of etc/cel_custom.conf."""

ENTER = """
set -e
hostname "$1"
mount --bind /proc "$2/proc"
mount --rbind /dev "$2/dev"
mount --bind "$3" "$2/mnt"
exec chroot "$2" /usr/sbin/asterisk -f -C /mnt/etc/asterisk.conf
"""


PATIENT_GREETING = ("Read(RINGBACK_KEY,,1,,1,1)", "Read(RINGBACK_KEY,,1,,1,15)")
"""For `edited`: a customer on a busy machine needs more than a second to press 9."""


class PbxError(Exception):
    """The PBX did not start or stop; the text holds the end of its log."""


@dataclass(frozen=True, slots=True)
class CelRow:
    """One line of the PBX's channel event log; ``at`` is Unix time in seconds."""

    event: str
    at: float
    channel: str
    uniqueid: str
    linkedid: str
    exten: str
    context: str
    app: str
    cid_num: str
    peer: str
    extra: str


class Pbx:
    """One Asterisk. Use it with ``async with``, or call ``start`` and ``close``."""

    def __init__(self, version: str = "22") -> None:
        there = installed_version(version)
        if there is None:
            raise PbxError("no Asterisk is installed: run python -m tests.asterisk.install")
        self.version = there
        self.root = root_of(there)
        self.place: Place = reserve()
        self.folder = _own_folder(self.place)
        self._process: subprocess.Popen[bytes] | None = None
        self._write_settings()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    @property
    def ami(self) -> tuple[str, int]:
        """Host and port of AMI."""
        return self.place.pbx, AMI_PORT

    async def start(self) -> None:
        """Start and wait until every module is up. Raises PbxError."""
        command = ["setpriv", "--pdeathsig", "KILL", "unshare", "--mount", "--uts", "sh", "-c", ENTER, "sh"]
        with self._log("asterisk.out").open("ab") as output:
            # Popen and not asyncio's: one PBX serves many tests, each with an event loop of its own.
            self._process = subprocess.Popen(
                [*command, HOST_NAME, str(self.root), str(self.folder)], stdout=output, stderr=output
            )
        try:
            async with asyncio.timeout(BOOT_SECONDS):
                await self._booted()
        except TimeoutError:
            await self.kill9()
            raise PbxError(f"Asterisk did not boot in {BOOT_SECONDS:.0f} s: {self._last_words()}") from None

    async def stop(self, command: str | None = None) -> None:
        """Ask it to stop, by SIGTERM or on the console, and wait; it is killed when it does not obey."""
        if self._process is None or self._process.poll() is not None:
            return
        if command is None:
            self._process.send_signal(signal.SIGTERM)
        else:
            await self._quiet_cli(command)  # it may be gone before it answers
        try:
            async with asyncio.timeout(STOP_SECONDS):
                while self._process.poll() is None:
                    await asyncio.sleep(0.05)
        except TimeoutError:
            await self.kill9()

    async def kill9(self) -> None:
        """The PBX dies at once, as in a power cut: no Hangup event, no last CDR."""
        if self._process is not None and self._process.poll() is None:
            self._process.kill()
            self._process.wait()
        (self.folder / "run" / "asterisk.ctl").unlink(missing_ok=True)

    def freeze(self) -> None:
        """The PBX hangs: it keeps its connections and does nothing, until `thaw`."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    async def restart(self) -> None:
        """Stop in good order and start again; uniqueids and channel numbers begin anew."""
        await self.stop()
        await self.start()

    async def close(self) -> None:
        """Stop, remove every file of this instance and give its addresses back."""
        await self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)
        self.place.release()

    async def cli(self, command: str) -> str:
        """Run one console command and return what it prints. Raises PbxError."""
        if self._process is None or self._process.poll() is not None:
            raise PbxError(f"Asterisk is not running: {self._last_words()}")
        enter = ["nsenter", f"--target={self._process.pid}", "--mount", "chroot", str(self.root)]
        process = await asyncio.create_subprocess_exec(
            *enter, "/usr/sbin/asterisk", "-C", f"{INSIDE}/etc/asterisk.conf", "-rx", command,
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
        )  # fmt: skip
        output, _ = await process.communicate()
        if process.returncode != 0:
            raise PbxError(f"console command {command!r} failed: {output.decode(errors='replace').strip()}")
        return output.decode(errors="replace")

    async def release(self) -> str:
        """The exact version, such as ``22.10.1``."""
        found = re.search(r"Asterisk (\d+(?:\.\d+)+)", await self.cli("core show version"))
        return found.group(1) if found else self.version

    async def idle(self) -> None:
        """Wait until no channel is left. Raises PbxError after 30 s."""
        try:
            async with asyncio.timeout(STOP_SECONDS):
                while not (await self.cli("core show channels count")).startswith("0 active channels"):
                    await asyncio.sleep(0.1)
        except TimeoutError:
            raise PbxError(f"channels are left: {await self.cli('core show channels')}") from None

    async def hang_up_all(self) -> None:
        """End whatever a failed test has left, and wait for it."""
        await self.cli("channel request hangup all")
        await self.idle()

    @asynccontextmanager
    async def edited(self, line: str, instead: str) -> AsyncIterator[None]:
        """The shipped dialplan with that text as somebody wrote it for their site."""
        file = self.folder / "etc" / "extensions_ringback.conf"
        shipped = file.read_text()
        assert line in shipped
        file.write_text(shipped.replace(line, instead))
        await self.cli("dialplan reload")
        try:
            yield
        finally:
            file.write_text(shipped)
            await self.cli("dialplan reload")

    def cel(self) -> list[CelRow]:
        """Every channel event so far."""
        rows = self._csv("cel-custom/Master.csv")
        return [CelRow(row[0], float(row[1]), *row[2:]) for row in rows if len(row) == len(CEL_FIELDS)]

    def cdr(self) -> list[list[str]]:
        """Every call detail record so far, in the columns of Asterisk's own Master.csv."""
        return self._csv("cdr-csv/Master.csv")

    def queue_log(self) -> list[list[str]]:
        """Every queue log row so far: time, uniqueid, queue, member, event, data…"""
        path = self._log("queue_log")
        return [line.split("|") for line in path.read_text().splitlines()] if path.exists() else []

    def _csv(self, name: str) -> list[list[str]]:
        path = self._log(name)
        if not path.exists():
            return []
        with path.open(newline="", errors="replace") as lines:
            return list(csv.reader(lines))

    def _log(self, name: str) -> Path:
        return self.folder / "log" / name

    def _last_words(self) -> str:
        lines = self._log("asterisk.out").read_text(errors="replace").splitlines()
        return " / ".join(lines[-5:]) or "it printed nothing"

    async def _booted(self) -> None:
        assert self._process is not None
        while not (self.folder / "run" / "asterisk.ctl").exists():
            if self._process.poll() is not None:
                raise PbxError(f"Asterisk ended while starting: {self._last_words()}")
            await asyncio.sleep(0.05)
        while "fully booted" not in await self._quiet_cli("core waitfullybooted"):
            await asyncio.sleep(0.1)

    async def _quiet_cli(self, command: str) -> str:
        try:
            return await self.cli(command)
        except PbxError:
            return ""

    def _write_settings(self) -> None:
        # Debian does not create cel-custom, and Asterisk then loses every CEL row without a word.
        for name in (
            "etc",
            "lib",
            "db",
            "run",
            "cache",
            "spool/voicemail",
            "spool/tmp",
            "log/cel-custom",
            "log/cdr-csv",
        ):
            (self.folder / name).mkdir(parents=True)
        (self.folder / "lib" / "moh").symlink_to("/var/lib/asterisk/moh")
        words = self._words()
        for template in [*TEMPLATES.glob("*.conf"), *SHIPPED.glob("*.conf")]:
            text = template.read_text()
            for word, value in words.items():
                text = text.replace(f"@{word}@", value)
            (self.folder / "etc" / template.name).write_text(text)

    def _words(self) -> dict[str, str]:
        place = self.place
        addresses = {"PBX": place.pbx, "TRUNK": place.trunk, "TRUNK2": place.second_trunk, "NET": place.net}
        return addresses | {"MODULES": self._module_folder()}

    def _module_folder(self) -> str:
        shipped = (self.root / "etc/asterisk/asterisk.conf").read_text()
        found = re.search(r"^astmoddir => (\S+)", shipped, re.MULTILINE)
        return found.group(1) if found else "/usr/lib/asterisk/modules"


def _own_folder(place: Place) -> Path:
    """A fresh folder; what a killed test run left under this place's number is thrown away, for it is ours now."""
    prefix = f"ringback-pbx-{place.number}-"
    for stale in Path(tempfile.gettempdir()).glob(f"{prefix}*"):
        shutil.rmtree(stale, ignore_errors=True)
    return Path(tempfile.mkdtemp(prefix=prefix))
