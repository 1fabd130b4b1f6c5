"""`ringback api-key`: a key is shown once, opens what its scopes name, and opens nothing once it is revoked."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from core.db import Database
from tests.integration.api_server import ApiServer, api_server

RINGBACK = str(Path(sys.executable).with_name("ringback"))


@pytest.fixture
def folder(sqlite_template: Path, tmp_path: Path) -> Path:
    shutil.copy(sqlite_template, tmp_path / "ringback.db")
    (tmp_path / "ringback.toml").write_text('[database]\nurl = "sqlite:///ringback.db"\n')
    return tmp_path


def ringback(folder: Path, *words: str, status: int = 0) -> str:
    done = subprocess.run(
        [RINGBACK, "api-key", *words], cwd=folder, capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == status, done.stderr
    assert "Traceback" not in done.stderr
    return done.stdout or done.stderr


async def status_with(folder: Path, key: str) -> int:
    database = Database(f"sqlite:///{folder}/ringback.db")
    try:
        async with api_server(database) as server:
            return await _status(server, key)
    finally:
        await database.close()


async def _status(server: ApiServer, key: str) -> int:
    return (await server.ask("GET", "/api/v1/calls", key=key)).status


async def test_a_key_lives_until_it_is_revoked(folder: Path) -> None:
    told = ringback(folder, "add", "CRM", "--scope", "calls:read", "--scope", "customers:write")
    (key,) = re.findall(r"rb_[0-9a-f]{12}_[\w-]{43}", told)
    listed = ringback(folder, "list")
    assert key[:15] in listed
    assert key not in listed
    assert "calls:read customers:write" in listed
    assert await status_with(folder, key) == 200
    ringback(folder, "revoke", "1")
    assert "revoked" in ringback(folder, "list")
    assert await status_with(folder, key) == 401


def test_an_unknown_scope_or_key_is_one_sentence(folder: Path) -> None:
    assert "scopes are one or more of" in ringback(folder, "add", "CRM", "--scope", "calls", status=1)
    assert "there is no living API key 7" in ringback(folder, "revoke", "7", status=1)
