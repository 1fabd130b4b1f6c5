"""Recordings of a remote PBX, sent by the shipped script with the real curl, and what is refused."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
from sqlalchemy import select

from core.api_keys import create_key
from recordings.kinds import AudioState
from recordings.tables import CallAudio, Recording
from tests.process import ROOT
from tests.recorded import leave, log_call, record, stem_of, tone, wav
from tests.site import Site, eventually, running, settings_for

SCRIPT = ROOT / "config" / "asterisk" / "ringback-upload.sh"
NAME = f"{stem_of()}.rx.wav"


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    """Its PBX cannot be reached: that is none of the upload's business."""
    settings = settings_for(("127.0.0.1", 1), "secret", tmp_path, recordings=tmp_path / "here")
    async with running(settings) as site:
        yield site


async def key_of(site: Site, *scopes: str) -> str:
    async with site.database.write() as connection:
        _, text = await create_key(connection, "pbx", scopes, 0.0)
        return text


async def send(
    site: Site, key: str, body: bytes, *, name: str = NAME, pbx: str = "main", sha256: str | None = None
) -> int:
    query = {"pbx": pbx, "name": name, "sha256": sha256 or hashlib.sha256(body).hexdigest()}
    headers = {"Authorization": f"Bearer {key}"}
    async with (
        aiohttp.ClientSession() as session,
        session.post(
            f"{site.url}/api/v1/recordings/files", params=query, headers=headers, data=body
        ) as answer,
    ):
        return answer.status


async def test_the_shipped_script_brings_a_recording_and_tidies_up(site: Site, tmp_path: Path) -> None:
    await log_call(site.database, record())
    there = tmp_path / "there"
    leave(there / "done", stem_of())
    conf = tmp_path / "upload.conf"
    key = await key_of(site, "recordings:write")
    conf.write_text(f"URL={site.url}\nPBX=main\nKEY={key}\nFOLDER={there}\n")

    async def run() -> int:
        environment = {"RINGBACK_UPLOAD_CONF": str(conf), "PATH": "/usr/bin:/bin"}
        sending = await asyncio.create_subprocess_exec("sh", str(SCRIPT), env=environment)
        return await sending.wait()

    assert await run() == 0
    assert list((there / "done").iterdir()) == []

    async def is_kept() -> bool:
        async with site.database.read() as connection:
            return await connection.scalar(select(CallAudio.state)) == AudioState.KEPT

    await eventually(is_kept)
    async with site.database.read() as connection:
        assert await connection.scalar(select(Recording.duration_s)) == 2.0
    # Its key revoked, or the server away: nothing is deleted, and it says so.
    leave(there / "done", stem_of())
    conf.write_text(conf.read_text().replace(key, key[:-1] + ("A" if key[-1] != "A" else "B")))
    assert await run() == 1
    assert len(list((there / "done").iterdir())) == 2


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"name": "../../etc/cron.d/x"}, 422),
        ({"name": f"{NAME}\n"}, 422),
        ({"pbx": "other"}, 422),
        ({"sha256": "0" * 64}, 422),
    ],
)
async def test_what_cannot_be_used_leaves_nothing(site: Site, change: dict[str, str], status: int) -> None:
    key = await key_of(site, "recordings:write")
    assert await send(site, key, wav(tone(600, 0.2)), **change) == status
    here = site.settings.pbx["main"].recordings
    assert here is not None
    assert [path for path in here.rglob("*") if path.is_file()] == []


async def test_what_waits_there_is_not_lost_to_another_file_of_its_name(site: Site) -> None:
    key, first = await key_of(site, "recordings:write"), wav(tone(600, 0.2))
    assert await send(site, key, first) == 201
    assert await send(site, key, wav(tone(900, 0.2))) == 422
    assert await send(site, key, first) == 201
    here = site.settings.pbx["main"].recordings
    assert here is not None
    assert (here / "done" / NAME).read_bytes() == first


async def test_it_takes_a_key_with_the_scope(site: Site) -> None:
    key = await key_of(site, "recordings:read")
    assert await send(site, key, b"x") == 403
    assert await send(site, "rb_nonsense", b"x") == 401
