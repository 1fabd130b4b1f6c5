"""Readiness and metrics beside a PBX (the simulated one): seeing, blind, refused, and a database that is away."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession

from config.settings import AmiUser, DatabaseSettings, Pbx, Settings
from core.db import Database
from pbx_bridge.simulator import Party, Simulator
from server.health import examine
from server.web.application import bare_application
from tests.site import Site, eventually, free_port, running, settings_for

SECRET = "change-me-events"


@pytest.fixture
async def pbx() -> AsyncIterator[Simulator]:
    async with Simulator() as simulator:
        yield simulator


async def ask(site: Site, path: str = "/health/ready") -> tuple[int, Any]:
    async with ClientSession() as session, session.get(site.url + path) as response:
        return response.status, await (response.text() if path == "/metrics" else response.json())


async def test_a_server_is_ready_while_it_sees_its_pbx(pbx: Simulator, tmp_path: Path) -> None:
    async with running(settings_for((pbx.host, pbx.port), SECRET, tmp_path)) as site:
        await site.sees_the_pbx()
        status, health = await ask(site)
        assert (status, health["status"], health["reasons"]) == (200, "ready", [])
        assert [(one["name"], one["seeing"]) for one in health["pbxs"]] == [("main", True)]

        await pbx.close_port()
        status, health = await eventually(lambda: ask(site), lambda answer: answer[0] == 503)
        assert health["status"] == "not ready"
        assert health["reasons"][0].startswith("PBX main: ")
        _, text = await ask(site, "/metrics")
        assert 'ringback_pbx_seeing{pbx="main"} 0.0' in text
        assert (await ask(site, "/health/live"))[0] == 200

        await pbx.open_port()
        await eventually(lambda: ask(site), lambda answer: answer[0] == 200)


async def test_what_was_read_from_the_pbx_is_a_metric(pbx: Simulator, tmp_path: Path) -> None:
    async with running(settings_for((pbx.host, pbx.port), SECRET, tmp_path)) as site:
        await site.sees_the_pbx()
        call = pbx.rings_phone(Party("+48226011111", "Jan"), "101")
        call.answers("101")
        call.caller_hangs_up()

        async def counted() -> str:
            return str((await ask(site, "/metrics"))[1])

        ended = 'ringback_calls_total{direction="inbound",pbx="main",result="answered"} 1.0'
        text = await eventually(counted, lambda text: ended in text)
        assert 'ringback_pbx_seeing{pbx="main"} 1.0' in text
        assert 'ringback_pbx_lag_seconds{pbx="main",quantile="0.99"}' in text
        assert 'ringback_ami_messages_total{pbx="main"} ' in text


async def test_a_refused_login_is_a_reason(pbx: Simulator, tmp_path: Path) -> None:
    async with running(settings_for((pbx.host, pbx.port), "wrong", tmp_path)) as site:
        said = lambda answer: "refused the login" in " ".join(answer[1]["reasons"])  # noqa: E731
        status, _ = await eventually(lambda: ask(site), said)
        assert status == 503


async def test_a_database_that_is_away_is_a_reason() -> None:
    events = AmiUser.model_validate({"user": "ringback-events", "secret": "x"})
    settings = Settings(
        database=DatabaseSettings(url=f"postgresql://nobody@127.0.0.1:{free_port()}/ringback"),
        pbx={"main": Pbx(host="127.0.0.1", events=events, trunks=("PJSIP/trunk",))},
    )
    database = Database(settings.database.url)
    app = bare_application(settings, database)
    health = await examine(app)
    await database.close()
    assert health.database
    assert health.reasons[0] == f"database: {health.database}"
    assert health.reasons[1] == "PBX main: not compared with the PBX yet"
