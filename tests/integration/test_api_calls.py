"""`/api/v1/calls` on both databases: the rows of the log under the names of `ringback replay`, filters, cursors."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from core.clock import iso
from core.db import Database
from core.facts import CallEnded, CallStarted, CallTransferred, Direction, Transfer, TransferKind, Verdict
from pbx_bridge.replay import replay_files
from server.desk.parts import WRAP_UPS
from tests.integration.api_server import NOW, ApiServer, answered_call, api_server, inbound, record

CAPTURE = Path(__file__).parents[1] / "captures" / "asterisk-22" / "direct_answered.ami"


@pytest.fixture
async def api(database: Database) -> AsyncIterator[ApiServer]:
    async with api_server(database) as server:
        yield server


async def test_a_call_has_the_fields_of_replay(api: ApiServer) -> None:
    at = NOW - 100.0004
    await api.tell(*answered_call("c1", at))
    (call,) = (await api.get("/api/v1/calls"))["calls"]
    (replayed,) = replay_files([CAPTURE], ("PJSIP/trunk",))["calls"]
    assert list(replayed) == [name for name in call if name in replayed], "the same names, in the same order"
    assert (call["id"], call["pbx"], call["linkedids"]) == ("c1", "main", ["c1.1", "c1.2"])
    assert (call["direction"], call["result"], call["ended_by"]) == ("inbound", "answered", "caller")
    assert (call["caller"], call["callee"]) == ("+48221234567", "48221000101")
    assert (call["started_at"], call["answered_at"]) == (iso(at), iso(at + 2.5))
    assert (call["wait_s"], call["talk_s"]) == (2.5, 60.0)
    assert (call["rang"], call["talked"]) == (["101"], ["101"])
    assert call["customers"][0]["title"] == "Jan Nowak"


async def test_an_open_call_has_no_verdict_yet(api: ApiServer) -> None:
    await api.tell(CallStarted("c1", "main", NOW, inbound("c1", NOW)))
    (call,) = (await api.get("/api/v1/calls"))["calls"]
    assert (call["result"], call["ended_at"], call["why"]) == (None, None, None)


async def test_one_call_tells_its_story(api: ApiServer) -> None:
    anna = await api.add_person("anna", "101")
    transfer = Transfer(TransferKind.BLIND, "101", "102", NOW - 50)
    begun, rang, talks, _ = answered_call("c1")
    ended = CallEnded(
        "c1", NOW, replace(record("c1", NOW - 100), transfers=(transfer,), talked=("101", "102"))
    )
    await api.tell(begun, rang, talks, CallTransferred("c1", NOW - 50, transfer), ended)
    call = await api.get("/api/v1/calls/c1")
    assert call["transfers"] == [{"kind": "blind", "from": "101", "to": "102", "at": iso(NOW - 50)}]
    assert [one["kind"] for one in call["moments"]] == [
        "started", "ringing", "answered", "blind_transfer", "ended"
    ]  # fmt: skip
    assert call["people"] == [
        {"extension": "101", "user_id": anna, "name": "Anna", "rang": True, "talked": True},
        {"extension": "102", "user_id": None, "name": None, "rang": False, "talked": True},
    ]


async def test_what_agents_wrote_is_told(api: ApiServer) -> None:
    anna = await api.add_person("anna", "101")
    await api.tell(*answered_call("c1"))
    save = api.app[WRAP_UPS].save
    await save("c1", anna, note="wants an invoice", disposition="Solved", close=True)
    (wrap_up,) = (await api.get("/api/v1/calls/c1"))["wrap_ups"]
    assert (wrap_up["user_id"], wrap_up["note"], wrap_up["disposition"]) == (
        anna,
        "wants an invoice",
        "Solved",
    )


async def test_a_call_nobody_knows_is_not_found(api: ApiServer) -> None:
    problem = await api.get("/api/v1/calls/nobody", 404)
    assert problem["code"] == "not-found"


async def test_filters_narrow(api: ApiServer) -> None:
    anna = await api.add_person("anna", "101")
    await api.tell(*answered_call("old", NOW - 5000))
    await api.tell(*answered_call("new", NOW - 100, extension="102", number="+48601000111"))
    missed = record("lost", NOW - 50, result=Verdict.MISSED, queue="sales", number="+48601000222")
    await api.tell(CallEnded("lost", NOW, missed))
    out = replace(
        record("out", NOW - 40), direction=Direction.OUTBOUND, caller="101", rang=(), talked=("101",)
    )
    await api.tell(CallEnded("out", NOW, out))

    async def ids(query: str) -> list[str]:
        return [call["id"] for call in (await api.get(f"/api/v1/calls?{query}"))["calls"]]

    assert await ids("") == ["out", "lost", "new", "old"]
    assert await ids("result=missed") == ["lost"]
    assert await ids("direction=outbound") == ["out"]
    assert await ids("queue=sales") == ["lost"]
    assert await ids(f"agent={anna}") == ["out", "lost", "old"]
    assert await ids("number=601 000 111") == ["new"]
    assert await ids(f"since={iso(NOW - 1000)}&result=answered") == ["out", "new"]
    assert await ids(f"until={iso(NOW - 1000)}") == ["old"]


async def test_pages_follow_each_other_without_gap_or_repetition(api: ApiServer) -> None:
    for number in range(7):
        # Three calls of one instant: the cursor must tell them apart.
        await api.tell(*answered_call(f"c{number}", NOW - number // 3))
    seen: list[str] = []
    path = "/api/v1/calls?limit=2"
    while True:
        page = await api.get(path)
        seen += [call["id"] for call in page["calls"]]
        if page["next"] is None:
            break
        path = f"/api/v1/calls?limit=2&after={page['next']}"
    assert sorted(seen) == [f"c{number}" for number in range(7)]
    assert seen[:3] == ["c2", "c1", "c0"]


@pytest.mark.parametrize(
    ("query", "field", "said"),
    [
        ("reslut=missed", "reslut", "did you mean 'result'"),
        ("limit=201", "limit", "less than or equal to 200"),
        ("limit=0", "limit", "greater than or equal to 1"),
        ("limit=5&limit=6", "limit", "more than once"),
        ("since=yesterday", "since", "ISO 8601"),
        ("since=2026-11-21T10:00:00", "since", "offset"),
        ("result=lost", "result", "'missed'"),
        ("after=nonsense", "after", "call log"),
        ("since=2026-11-21T10:00:00Z&until=2026-11-21T10:00:00Z", None, "until must be later"),
    ],
)
async def test_what_cannot_be_understood_is_refused(
    api: ApiServer, query: str, field: str | None, said: str
) -> None:
    problem = await api.get(f"/api/v1/calls?{query}", 422)
    assert (problem["code"], problem.get("field")) == ("invalid-input", field)
    assert said in problem["detail"]
