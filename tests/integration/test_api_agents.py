"""`/api/v1/agents` and `/api/v1/blind-windows` on both databases."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from core.clock import iso
from core.db import Database
from core.facts import BlindWindowClosed, DeviceChanged, QueueMemberChanged
from pbx_bridge import blindness
from server.desk.parts import AGENTS
from server.live.agent_states import AgentState
from server.live.socket import LIVE
from tests.integration.api_server import NOW, ApiServer, answered_call, api_server


@pytest.fixture
async def api(database: Database) -> AsyncIterator[ApiServer]:
    async with api_server(database) as server:
        yield server


async def test_an_agent_with_phone_queue_and_call(api: ApiServer) -> None:
    anna_id = await api.add_person("anna", "101")
    await api.add_person("bela", "102")
    await api.app[LIVE].reload_people()
    begun, rings, *_ = answered_call("c1", NOW - 5)
    await api.tell(
        DeviceChanged("main", NOW - 10, "PJSIP/101", "RINGING"),
        QueueMemberChanged("main", NOW - 10, "sales", "PJSIP/101", True, False, None),
        begun,
        rings,
    )
    anna = await api.get(f"/api/v1/agents/{anna_id}")
    assert anna["devices"] == [{"pbx": "main", "device": "PJSIP/101", "extension": "101", "state": "RINGING"}]
    assert [(queue["name"], queue["paused"]) for queue in anna["queues"]] == [("sales", False)]
    (call,) = anna["calls"]
    assert (call["call_id"], call["state"], call["number"]) == ("c1", "ringing", "+48221234567")
    everybody = (await api.get("/api/v1/agents"))["agents"]
    assert [(one["login"], len(one["calls"])) for one in everybody] == [("anna", 1), ("bela", 0)]


async def test_agents_by_what_they_say_of_themselves(api: ApiServer) -> None:
    anna_id = await api.add_person("anna", "101")
    await api.add_person("bela", "102")
    await api.app[AGENTS].set(anna_id, AgentState.PAUSED, "Lunch")
    (paused,) = (await api.get("/api/v1/agents?state=paused"))["agents"]
    assert (paused["login"], paused["reason"], paused["since"]) == ("anna", "Lunch", iso(NOW))


async def test_nobody_is_not_found(api: ApiServer) -> None:
    await api.get("/api/v1/agents/999", 404)


async def test_blind_windows_that_touch_the_time_asked_for(api: ApiServer) -> None:
    async with api.database.write() as connection:
        for pbx, since, until in (("main", 100.0, 200.0), ("main", 300.0, 400.0), ("branch", 350.0, 500.0)):
            await blindness.open_window(connection, pbx, since, "the link was cut")
            closed = BlindWindowClosed(pbx, since, until, "the link was cut", 1, 2, 3)
            await blindness.close_window(connection, closed)
        await blindness.open_window(connection, "main", 600.0, "Ringback was not running")

    async def starts(query: str) -> list[str]:
        page = await api.get(f"/api/v1/blind-windows?{query}")
        return [one["since"][17:19] + " " + one["pbx"] for one in page["blind_windows"]]

    every = await api.get("/api/v1/blind-windows")
    assert every["next"] is None
    assert every["blind_windows"][0] | {"pbx": "main"} == {
        "pbx": "main",
        "since": iso(600.0),
        "until": None,
        "reason": "Ringback was not running",
        "calls_kept": 0,
        "calls_ended_unseen": 0,
        "calls_found": 0,
    }
    assert await starts(f"since={iso(200.0)}&until={iso(350.0)}") == ["00 main"]
    assert await starts("pbx=branch") == ["50 branch"]
    assert await starts(f"since={iso(10_000.0)}") == ["00 main"]  # the one that lasts
    first = await api.get("/api/v1/blind-windows?limit=3")
    second = await api.get("/api/v1/blind-windows", params={"limit": "3", "after": first["next"]})
    assert [one["since"] for one in second["blind_windows"]] == [iso(100.0)]
