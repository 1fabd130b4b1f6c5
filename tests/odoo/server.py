"""Starts, stops and freezes one real Odoo 14 on a copy of the database that ``install.py`` made.

In: nothing. Out: an Odoo at ``url`` with one user, its API key in ``key``, and ``ask`` to look into it as that user.
PostgreSQL and Odoo live in mount namespaces of their own and die with us. What is asked of Odoo is said by tests.
"""

from __future__ import annotations

import asyncio
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

import aiohttp

from tests.odoo.install import DATABASE, ROOT, SNAPSHOT, USER

BOOT_SECONDS = 120.0
POSTGRES_DIR = "/usr/lib/postgresql/13/bin"
QUICK = ("fsync=off", "synchronous_commit=off", "full_page_writes=off", "listen_addresses=")

ENTER = """
set -e
root=$1 folder=$2
shift 2
mount --bind /proc "$root/proc"
mount --rbind /dev "$root/dev"
mount --bind "$folder" "$root/mnt"
cd /
exec chroot "$root" env HOME=/tmp LANG=C.UTF-8 \\
    setpriv --reuid postgres --regid postgres --init-groups --pdeathsig KILL "$@"
"""
"""The signal of the parent's death is asked for last: a change of user forgets it."""


class OdooDiedError(Exception):
    """It did not start; the text holds the end of its log."""


class OdooServer:
    """One Odoo. `start_all` once, `close` in the end; between them it may be stopped and started at the same port."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="ringback-odoo-"))
        snapshot = ROOT / SNAPSHOT
        subprocess.run(["cp", "-a", f"{snapshot}/.", str(self.folder)], check=True)
        self.key = (self.folder / "key").read_text()
        self.port = _free_port()
        self._postgres: subprocess.Popen[bytes] | None = None
        self._odoo: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def account(self) -> dict[str, Any]:
        """A section of the settings for it."""
        return {"kind": "odoo", "url": self.url, "database": DATABASE, "user": USER, "secret": self.key}

    async def start_all(self) -> None:
        options = [word for one in QUICK for word in ("-c", one)]
        self._postgres = self._run(f"{POSTGRES_DIR}/postgres", "-D", "/mnt/data", "-k", "/mnt", *options)
        await self.start()

    async def start(self) -> None:
        """Start and wait until it answers. Raises OdooDiedError. Not from a thread: Odoo dies with who began it."""
        self._odoo = self._run(
            "/usr/bin/odoo", "--db_host=/mnt", "--db_user=odoo", "--data-dir=/mnt/files", "-d", DATABASE,
            "--http-interface=127.0.0.1", f"--http-port={self.port}", "--max-cron-threads=0", "--log-level=warn",
        )  # fmt: skip
        await self._booted()

    def kill(self) -> None:
        """Odoo is gone at once; its database stays."""
        if self._odoo is not None:
            self._odoo.kill()
            self._odoo.wait()

    def freeze(self) -> None:
        """It takes connections and says nothing, until `thaw`."""
        assert self._odoo is not None
        self._odoo.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        assert self._odoo is not None
        self._odoo.send_signal(signal.SIGCONT)

    def close(self) -> None:
        self.kill()
        if self._postgres is not None:
            self._postgres.send_signal(signal.SIGQUIT)
            self._postgres.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    async def ask(self, model: str, method: str, *arguments: Any, **words: Any) -> Any:
        """As the user of the API key, past everything that is tested."""
        user = await self._rpc("common", "authenticate", DATABASE, USER, self.key, {})
        return await self._rpc(
            "object", "execute_kw", DATABASE, user, self.key, model, method, list(arguments), words
        )

    async def add_partner(self, name: str, **fields: Any) -> int:
        made: int = await self.ask("res.partner", "create", {"name": name, **fields})
        return made

    async def notes_on(self, partner: int) -> list[dict[str, Any]]:
        """What we wrote on this partner's page, oldest first; Odoo's own words about changes left out."""
        about = [["model", "=", "res.partner"], ["res_id", "=", partner], ["message_type", "=", "comment"]]
        found: list[dict[str, Any]] = await self.ask(
            "mail.message", "search_read", about, fields=["body", "message_id", "subtype_id"], order="id"
        )
        return found

    async def _rpc(self, service: str, method: str, *arguments: Any) -> Any:
        params = {"service": service, "method": method, "args": arguments}
        body = {"jsonrpc": "2.0", "method": "call", "params": params, "id": 1}
        async with (
            aiohttp.ClientSession() as session,
            session.post(f"{self.url}/jsonrpc", json=body) as answer,
        ):
            said = await answer.json()
        assert "error" not in said, said["error"]
        return said.get("result")

    async def _booted(self) -> None:
        deadline = time.monotonic() + BOOT_SECONDS
        while not await self._answers():
            assert self._odoo is not None
            if self._odoo.poll() is not None or time.monotonic() > deadline:
                raise OdooDiedError(self._last_words())
            await asyncio.sleep(0.1)

    async def _answers(self) -> bool:
        try:
            return bool(await self.ask("res.partner", "search_count", []))
        except (aiohttp.ClientError, AssertionError):
            return False

    def _run(self, *command: str) -> subprocess.Popen[bytes]:
        enter = ["unshare", "--mount", "sh", "-c", ENTER, "sh", str(ROOT), str(self.folder)]
        with (self.folder / "out").open("ab") as out:
            return subprocess.Popen([*enter, *command], stdin=subprocess.DEVNULL, stdout=out, stderr=out)

    def _last_words(self) -> str:
        lines = (self.folder / "out").read_text(errors="replace").splitlines()
        return " / ".join(lines[-5:]) or "it printed nothing"


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
