"""What the auditor wrote, as people and programs get it: the page, "compare now", API, metrics and command."""

from __future__ import annotations

import asyncio
import json
import re
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp.test_utils import TestServer

from config.settings import Settings
from core.bus import Bus
from core.db import Database
from recordings.coverage.tables import AuditFinding
from recordings.intake import Intake
from server.recordings.audit import add_auditor, make_auditor
from server.recordings.parts import make_store
from server.web.application import bare_application
from tests.audited import Audited
from tests.coverage_seed import QUEUES, seed_coverage
from tests.integration.api_server import ApiServer, api_server
from tests.process import ROOT
from tests.recorded import AT
from tests.seed import NOW, seed_people, seed_site
from tests.site import eventually
from tests.web import Site, Visitor, visit

ONE_DATABASE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
PAGE = "/recordings/coverage"
EVERYBODY = ("anna", "maria", "admin")


@asynccontextmanager
async def coverage_site(database: Database, settings: Settings) -> AsyncIterator[Visitor]:
    """The pages with an auditor that runs."""
    app = bare_application(settings, database, clock=lambda: site.now)
    bus, store = Bus(), make_store(settings, database)
    intake = Intake(database, store, bus, lambda: site.now, transcribes=False)
    add_auditor(app, make_auditor(settings, database, store, intake, bus, lambda: site.now))
    site = Site(database, TestServer(app, host="127.0.0.1"))
    await site.server.start_server()
    try:
        async with visit(site) as visitor:
            yield visitor
    finally:
        await site.server.close()


async def text_of(visitor: Visitor, path: str, **headers: str) -> str:
    response = await visitor.get(path, **headers)
    assert response.status == 200, await response.text()
    return await response.text()


@ONE_DATABASE
async def test_the_page_and_who_may_see_it(database: Database, tmp_path: Path) -> None:
    await seed_site(database, calls=60)
    await seed_coverage(database, findings=70)
    settings = Settings.model_validate({"recordings": {"folder": tmp_path / "audio"}})
    async with coverage_site(database, settings) as visitor:
        for login, status in zip(EVERYBODY, (403, 200, 200), strict=True):
            await visitor.enter(login)
            assert (await visitor.get(PAGE)).status == status
        page = await text_of(visitor, PAGE)
        assert "&lt;b&gt;&#34;complaints&#34;&lt;/b&gt;" in page
        assert "<b>" not in page
        assert page.count('class="finding"') == 50
        later = re.search(r'hx-get="([^"]+after=[^"]+)"', page)
        assert later is not None
        rows = await text_of(visitor, later[1].replace("&amp;", "&"), HX_Request="true")
        assert rows.count('class="finding"') == 9, "70 findings, eleven of them settled"
        assert (await visitor.get(f"{PAGE}?after=1~x")).status == 422
        assert (await visitor.get(f"{PAGE}?kind=odd")).status == 422


@ONE_DATABASE
async def test_compare_now(database: Database, tmp_path: Path) -> None:
    """A call of the day before yesterday has no audio; the page says so a moment later."""
    planted = Audited(database, tmp_path)
    call = await planted.call(1, audio=None)
    await seed_people(database)
    settings = Settings.model_validate(
        {"pbx": {"main": PBX | {"recordings": planted.home}}, "recordings": {"folder": tmp_path / "audio"}}
    )
    async with coverage_site(database, settings) as visitor:
        visitor.site.now = AT + 2 * 86_400
        await visitor.enter("anna")
        assert (await visitor.post(f"{PAGE}/run")).status == 403
        await visitor.enter("maria")
        assert "Nothing has been compared yet" in await text_of(visitor, PAGE)
        asked = await visitor.post(f"{PAGE}/run")
        assert (asked.status, asked.headers["Location"]) == (303, PAGE)

        async def refreshed() -> bool:
            return "HX-Refresh" in (await visitor.get(f"{PAGE}/run")).headers

        await eventually(refreshed)
        page = await text_of(visitor, PAGE)
    assert "0.0 %" in page
    assert f'class="finding-call" href="/calls/{call}"' in page
    assert "No audio file has come from the PBX." in page


PBX: dict[str, Any] = {"host": "127.0.0.1", "trunks": ["PJSIP/trunk"], "events": {"user": "u", "secret": "s"}}


async def test_the_api_and_the_metrics(database: Database) -> None:
    await seed_site(database, calls=60)
    async with api_server(database) as api:
        api.key = ""
        assert "ringback_recording_coverage" not in await scraped(api)
        await seed_coverage(database)
        api.key = await api.make_key("recordings:read")
        kept = await api.get("/api/v1/recordings/coverage?since=2026-11-20&until=2026-11-21")
        assert (kept["running"], kept["compared_at"]) == (False, "2026-11-21T21:27:20.000Z")
        assert [(one["day"], one["queue"]) for one in kept["days"][4:]] == [
            ("2026-11-21", queue or None) for queue in sorted(QUEUES)
        ]
        today = next(one for one in kept["days"] if one["queue"] == "sales" and one["day"] == "2026-11-21")
        assert (today["kept"], today["missing"], today["partly"], today["awaited"]) == (40, 3, 2, 1)
        assert today["coverage"] == 40 / 45
        assert {"state": "missing", "reason": "no_file_came", "calls": 3} in today["reasons"]
        sales = await api.get("/api/v1/recordings/coverage?queue=sales")
        assert {one["queue"] for one in sales["days"]} == {"sales"}
        await api.get("/api/v1/recordings/coverage?since=2020-01-01", status=422)

        first = await api.get("/api/v1/recordings/findings?limit=40")
        second = await api.get(f"/api/v1/recordings/findings?limit=40&after={first['next']}")
        ids = [one["id"] for one in (*first["findings"], *second["findings"])]
        assert (len(ids), len(set(ids)), second["next"]) == (50, 50, None)
        at = [one["at"] for one in (*first["findings"], *second["findings"])]
        assert at == sorted(at, reverse=True)
        lost = await api.get("/api/v1/recordings/findings?kind=lost")
        assert {(one["kind"], one["reason"]) for one in lost["findings"]} == {("lost", "original")}
        settled = await api.get("/api/v1/recordings/findings?open=false")
        assert {one["closed_how"] for one in settled["findings"]} == {"relinked"}
        api.key = await api.make_key("calls:read")
        await api.get("/api/v1/recordings/findings", status=403)
        api.key = ""
        text = await scraped(api)
    assert re.search(r"^ringback_recording_coverage 0\.97", text, re.MULTILINE)
    assert 'ringback_recording_findings{kind="missing"} 7.0' in text
    assert f"ringback_recording_audit_timestamp_seconds {(NOW - 3560) / 1e9!r}e+09" in text


async def scraped(api: ApiServer) -> str:
    return await (await api.ask("GET", "/metrics")).text()


@ONE_DATABASE
async def test_the_command(database: Database, database_url: str, tmp_path: Path) -> None:
    planted = Audited(database, tmp_path)
    call = await planted.call(1, audio=None)
    stray = f"{1:032x}/original.wav"
    planted.audio(stray).parent.mkdir(parents=True)
    planted.audio(stray).write_bytes(b"?")
    planted.grow_old()
    settings = tmp_path / "ringback.toml"
    settings.write_text(
        f"""
[database]
url = "{database_url}"
[pbx.main]
host = "127.0.0.1"
trunks = ["PJSIP/trunk"]
events = {{ user = "u", secret = "s" }}
recordings = "{planted.home}"
[recordings]
folder = "{tmp_path / "audio"}"
"""
    )
    said = json.loads(await command(settings, "--since", "2026-09-21", "--json"))
    assert (said["calls"], said["objects"], said["coverage"]) == (1, 1, 0.0)
    assert said["days"][0] == {"day": "2026-09-21", "coverage": 0.0, "states": {"missing": 1}}
    assert {(one["kind"], one["subject"]) for one in said["findings"]} == {
        ("missing", call),
        ("stray", stray),
    }
    told = await command(settings)
    assert f"Missing: {call}: No audio file has come from the PBX." in told
    assert "2 open findings, 0 set right, 0 settled by themselves" in told
    async with database.read() as connection:
        assert len((await connection.execute(AuditFinding.__table__.select())).all()) == 2


async def command(settings: Path, *words: str) -> str:
    """What `ringback recordings audit` says."""
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "server", "recordings", "audit", *words, "-c", str(settings),
        cwd=ROOT, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    out, err = await child.communicate()
    assert child.returncode == 0, err.decode()
    return out.decode()
