"""The clients in `examples/`, run as a reader would run them, against a server that is busy at times; and what
`docs/api.md` shows of them is what they are."""

from __future__ import annotations

import asyncio
import os
import re
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from core.db import Database
from core.facts import CallEnded, CallStarted, Verdict
from tests.integration.api_server import NOW, ApiServer, api_server, inbound, record

ROOT = Path(__file__).parents[2]
CLIENTS = {
    "python": [sys.executable, str(ROOT / "examples" / "client.py")],
    "sh": ["bash", str(ROOT / "examples" / "client.sh")],
}


@pytest.fixture
async def api(tmp_path: Path, sqlite_template: Path) -> AsyncIterator[ApiServer]:
    file = tmp_path / "ringback.db"
    file.write_bytes(sqlite_template.read_bytes())
    database = Database(f"sqlite:///{file}")
    async with api_server(database) as server:
        yield server
    await database.close()


@pytest.fixture(params=sorted(CLIENTS))
def client(request: pytest.FixtureRequest) -> list[str]:
    return CLIENTS[request.param]


async def run(api: ApiServer, command: list[str], *words: str, key: str | None = None) -> tuple[int, str]:
    """Exit code and all that was printed."""
    url = str(api.client.make_url("/"))
    given = os.environ | {"RINGBACK_URL": url.rstrip("/"), "RINGBACK_KEY": key or api.key}
    asking = await asyncio.create_subprocess_exec(
        *command, *words, env=given, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    said, _ = await asking.communicate()
    return asking.returncode or 0, said.decode()


async def test_somebody_is_added_found_and_renamed(api: ApiServer, client: list[str]) -> None:
    code, said = await run(api, client, "add", "Anna Kowalska", "022 123 45 67")
    assert code == 0, said
    code, said = await run(api, client, "lookup", "+48 22 123 45 67")
    assert (code, "Anna Kowalska" in said) == (0, True), said
    code, said = await run(api, client, "rename", "1", "Anna Nowak")
    assert (code, "Anna Nowak" in said) == (0, True), said
    assert (await api.get("/api/v1/customers/1"))["name"] == "Anna Nowak"


async def test_all_missed_calls_are_listed_over_several_pages(api: ApiServer, client: list[str]) -> None:
    for number in range(205):
        at = NOW - 1000 + number
        parties = inbound(f"c{number}", at, f"+48226{number:06}")
        ended = record(f"c{number}", at, number=f"+48226{number:06}", result=Verdict.MISSED)
        await api.tell(CallStarted(f"c{number}", "main", at, parties), CallEnded(f"c{number}", at + 1, ended))
    code, said = await run(api, client, "missed", "2026-11-21T00:00:00Z")
    assert code == 0, said
    assert len(set(re.findall(r"\+48226\d{6}", said))) == 205


async def test_what_is_refused_is_said(api: ApiServer, client: list[str]) -> None:
    code, said = await run(api, client, "lookup", "x", key="rb_wrong")
    assert code != 0
    assert "unknown or revoked" in said


def test_the_page_shows_the_clients_as_they_are() -> None:
    page = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")
    shown = re.findall(r"^```(?:python|sh)\n(.*?)^```", page, re.DOTALL | re.MULTILINE)
    files = [(ROOT / "examples" / name).read_text(encoding="utf-8") for name in ("client.py", "client.sh")]
    assert [sum(block in file for block in shown) for file in files] == [1, 1]
