"""`/api/v1/events`: a snapshot, then every fact in order; resuming; and when a stream ends."""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientResponse

from callback.ask import Accepted, Ask
from callback.kinds import Source
from callback.requests import Requests
from config.callbacks import Department
from core.api_keys import list_keys, revoke_key
from core.clock import iso
from core.db import Database
from core.facts import (
    CallbackChanged,
    CallbackClosed,
    CallMatched,
    CustomerChanged,
    MatchKind,
    SessionsEnded,
)
from server.api import events
from server.live import fact_feed
from server.live.fact_feed import FactFeed, FeedTimes, Listener
from server.web.keys import SETTINGS
from tests.integration.api_server import CUSTOMER, NOW, ApiServer, Json, answered_call, api_server

PATH = "/api/v1/events"
SECONDS = 60.0


@pytest.fixture
async def api(sqlite_template: Path, tmp_path: Path) -> AsyncIterator[ApiServer]:
    shutil.copy(sqlite_template, tmp_path / "ringback.db")
    database = Database(f"sqlite:///{tmp_path}/ringback.db")
    async with api_server(database) as server:
        yield server
    await database.close()


class Ear:
    """One listening program."""

    def __init__(self, response: ClientResponse) -> None:
        self.response = response
        self.last_id = ""

    async def next(self) -> Json:
        """The next event's data; EOFError when the stream is over."""
        event: dict[str, str] = {}
        async with asyncio.timeout(SECONDS):
            while line := await self.response.content.readline():
                name, _, value = line.decode().rstrip("\n").partition(": ")
                if name == "" and "data" in event:
                    self.last_id = event["id"]
                    data: Json = json.loads(event["data"])
                    assert data["type"] == event["event"]
                    return data
                event[name] = value
        raise EOFError

    async def upto(self, kind: str) -> list[Json]:
        """Events until one of this kind, it included."""
        heard = [await self.next()]
        while heard[-1]["type"] != kind:
            heard.append(await self.next())
        return heard


@asynccontextmanager
async def listening(api: ApiServer, last_id: str | None = None, **options: Any) -> AsyncIterator[Ear]:
    headers = {"Last-Event-ID": last_id} if last_id is not None else {}
    response = await api.ask("GET", PATH, headers=headers, **options)
    assert response.status == 200, await response.text()
    assert response.content_type == "text/event-stream"
    try:
        yield Ear(response)
    finally:
        response.close()


async def test_a_call_is_told_as_it_happens(api: ApiServer) -> None:
    async with listening(api) as ear:
        snapshot = await ear.next()
        assert (snapshot["type"], snapshot["resumed"], snapshot["calls"]) == ("Snapshot", False, [])
        await api.tell(*answered_call("c1"))
        heard = await ear.upto("CallEnded")
    kinds = [one["type"] for one in heard]
    assert [kind for kind in kinds if kind.startswith(("Call", "Phone"))] == [
        "CallStarted", "CallMatched", "PhoneRinging", "CallAnswered", "CallEnded"
    ]  # fmt: skip
    assert heard[0]["parties"]["customer_number"] == CUSTOMER
    assert heard[0]["at"] == iso(NOW - 100)
    (logged,) = (await api.get("/api/v1/calls"))["calls"]
    del logged["customers"], logged["blocked"]
    assert heard[-1]["record"] == logged


async def test_a_program_that_comes_late_gets_the_calls_that_go_on(api: ApiServer) -> None:
    begun, rings, *_ = answered_call("c1")
    await api.tell(*answered_call("c0", NOW - 500), begun, rings)
    async with listening(api) as ear:
        snapshot = await ear.next()
    (call,) = snapshot["calls"]
    assert (call["call_id"], call["parties"]["caller"]) == ("c1", CUSTOMER)
    assert [(phone["extension"], phone["state"]) for phone in call["phones"]] == [("101", "ringing")]
    assert snapshot["position"] == api.app[events.FEED].position


async def test_what_was_missed_is_told_after_a_reconnect(api: ApiServer) -> None:
    begun, rings, answered, ended = answered_call("c1")
    async with listening(api) as ear:
        await api.tell(begun)
        await ear.upto("CallMatched")
    await api.tell(rings, answered)
    async with listening(api, ear.last_id) as again:
        await api.tell(ended)
        snapshot, *heard = await again.upto("CallEnded")
    assert (snapshot["resumed"], snapshot["calls"]) == (True, [])
    assert [one["type"] for one in heard] == ["PhoneRinging", "CallAnswered", "CallEnded"]


@pytest.mark.parametrize(
    "position", ["elsewhere:3", "nonsense", "", "{epoch}:999999", "{epoch}:-1", "{epoch}:x"]
)
async def test_a_place_that_is_not_known_gets_a_snapshot(api: ApiServer, position: str) -> None:
    await api.tell(*answered_call("c1")[:1])
    place = position.format(epoch=api.app[events.FEED].epoch)
    async with listening(api, place) as ear:
        snapshot = await ear.next()
    assert snapshot["resumed"] is False
    assert [call["call_id"] for call in snapshot["calls"]] == ["c1"]


async def test_a_callback_is_told_from_request_to_end(api: ApiServer) -> None:
    api.app[SETTINGS].department["sales"] = Department(queue="sales")
    async with listening(api) as ear:
        await ear.next()
        requests = Requests(api.database, api.bus, lambda: NOW, api.app[SETTINGS])
        ask = Ask(source=Source.API, number=CUSTOMER, department="sales", idempotency_key="k1")
        answer = await requests.submit(ask)
        assert isinstance(answer, Accepted)
        changed = {"callback_id": answer.callback_id, "at": iso(NOW), "type": "CallbackChanged"}
        assert await ear.next() == changed
        about = {"callback_id": answer.callback_id, "at": iso(NOW), "number": CUSTOMER, "department": "sales"}
        due = {"due_at": "2026-11-23T08:00:00.000Z", "held": False}  # Monday, when the department opens
        assert await ear.next() == {**about, **due, "type": "CallbackRequested"}
        await requests.close(answer.callback_id, None)
        heard = [await ear.next(), await ear.next()]
    assert heard == [
        changed,
        {**about, "outcome": "done_by_hand", "type": "CallbackClosed"},
    ]


async def test_a_key_without_the_scope_hears_nothing_of_callbacks(api: ApiServer) -> None:
    key = await api.make_key("live:read")
    told = (
        CallbackChanged(1, NOW),
        CallbackClosed(1, NOW, CUSTOMER, "sales", "reached"),
        CustomerChanged(7, NOW),
    )
    async with listening(api, key=key) as ear:
        await ear.next()
        await api.tell(*told)
        assert (await ear.next())["type"] == "CustomerChanged"
    await api.tell(*told)
    async with listening(api, ear.last_id, key=key) as again:
        snapshot = await again.next()
        assert (snapshot["resumed"], (await again.next())["type"]) == (True, "CustomerChanged")


async def test_nobody_is_told_of_sessions(api: ApiServer) -> None:
    async with listening(api) as ear:
        await ear.next()
        await api.bus.publish(SessionsEnded(1, NOW, "a hash"))
        await api.bus.publish(CustomerChanged(7, NOW))
        assert await ear.next() == {"customer_id": 7, "at": iso(NOW), "type": "CustomerChanged"}


async def test_a_revoked_key_listens_no_more(api: ApiServer) -> None:
    api.app[events.FEED].times = FeedTimes(beat=0.01, check=0.0)
    key = await api.make_key("live:read")
    async with listening(api, key=key) as ear:
        await ear.next()
        async with api.database.write() as connection:
            newest, *_ = await list_keys(connection)
            await revoke_key(connection, newest.id, NOW)
        with pytest.raises(EOFError):
            await ear.next()


async def test_the_server_does_not_wait_for_listeners_when_it_stops(api: ApiServer) -> None:
    async with listening(api) as ear:
        await ear.next()
        await events.end_streams(api.app)
        with pytest.raises(EOFError):
            await ear.next()


async def test_more_programs_than_allowed_are_refused(api: ApiServer) -> None:
    for _ in range(fact_feed.MOST_LISTENERS - 1):
        api.app[events.FEED].join()
    async with listening(api) as ear:
        await ear.next()
        refused = await api.ask("GET", PATH)
        assert (refused.status, refused.headers["Retry-After"]) == (429, str(fact_feed.RETRY_S))


async def test_a_head_request_does_not_hang(api: ApiServer) -> None:
    assert (await api.ask("HEAD", PATH)).status == 200


async def test_a_slow_listener_is_cut_and_the_others_hear_everything(api: ApiServer) -> None:
    feed: FactFeed = api.app[events.FEED]
    slow, quick = feed.join(), feed.join()
    heard = 0
    for number in range(fact_feed.WAITING + 1):
        await api.bus.publish(CallMatched(f"c{number}", NOW, MatchKind.UNKNOWN, (), created=False))
        heard += (await quick.take(SECONDS)).count("event: CallMatched")
    assert (slow.cut, quick.cut, heard) == (True, False, fact_feed.WAITING + 1)
    assert await slow.take(0) == ""


def test_a_cut_listener_keeps_nothing() -> None:
    listener = Listener(lambda _kind: True)
    for number in range(fact_feed.WAITING * 3):
        listener.put(f"{number}")
    assert listener.cut
    assert not listener._waiting
