"""The API of the whole server beside a PBX (the simulated one): a program follows one call from the first ring to the
log, by stream, agents, lookup, calls and timeline."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from aiohttp import ClientSession

from core.api_keys import SCOPES, create_key
from pbx_bridge.simulator import Party, Simulator
from tests.site import Site, eventually, running, settings_for

CALLER = "+48226011111"


async def key_of(site: Site) -> str:
    async with site.database.write() as connection:
        return (await create_key(connection, "test", SCOPES, 0.0))[1]


async def test_a_program_follows_a_call(tmp_path: Path) -> None:
    async with (
        Simulator() as pbx,
        running(settings_for((pbx.host, pbx.port), "change-me-events", tmp_path)) as site,
    ):
        await site.add_person("anna", "101")
        await site.sees_the_pbx()
        headers = {"Authorization": f"Bearer {await key_of(site)}"}
        async with ClientSession(f"{site.url}/", headers=headers) as session:

            async def get(path: str, **query: str) -> Any:
                async with session.get(f"/api/v1/{path}", params=query) as response:
                    assert response.status == 200, await response.text()
                    return await response.json()

            stream = await session.get("/api/v1/events")
            assert await heard(stream, "Snapshot") == []

            call = pbx.rings_phone(Party(CALLER, "Jan Nowak"), "101")
            (ringing,) = [one for one in await heard(stream, "PhoneRinging") if one["type"] == "PhoneRinging"]
            assert ringing["phone"] == {"device": "PJSIP/101", "extension": "101"}
            anna = (await eventually(lambda: get("agents"), lambda said: bool(said["agents"][0]["calls"])))[
                "agents"
            ][0]
            assert (anna["login"], anna["calls"][0]["call_id"]) == ("anna", ringing["call_id"])
            found = await get("lookup", number="022 601 11 11")
            assert (found["match"], found["customers"][0]["name"]) == ("exact", "Jan Nowak")

            call.answers("101")
            call.caller_hangs_up()
            ended = (await heard(stream, "CallEnded"))[-1]["record"]
            stream.close()
            logged = await get(f"calls/{ringing['call_id']}")
            assert {name: logged[name] for name in ended} == ended
            assert (logged["result"], logged["talked"], logged["ended_by"]) == ("answered", ["101"], "caller")
            timeline = await get(f"customers/{found['customers'][0]['id']}/timeline")
            assert [one["call_id"] for one in timeline["entries"] if one["kind"] == "call"] == [logged["id"]]


async def heard(stream: Any, kind: str) -> list[Any]:
    """Facts up to and with the first of this kind; a snapshot gives its open calls."""
    facts: list[Any] = []
    while line := await stream.content.readline():
        if line.startswith(b"data: "):
            facts.append(json.loads(line[6:]))
            if facts[-1]["type"] == kind:
                return facts[-1]["calls"] if kind == "Snapshot" else facts
    raise AssertionError(f"the stream ended before {kind}")
