"""Five hundred desks at once: each hears of its own calls, in order and nothing else, and the memory kept for people
who have gone is given back."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import ClientSession, ClientWebSocketResponse, TCPConnector, WSMsgType

from core.accounts import NewUser, Role, User, UserDevice, create_user
from core.clock import system_clock
from core.db import Database
from core.facts import CallAnswered, PhoneRinging, PhoneStopped, StopReason
from core.sessions import start_session
from server.schema import prepare
from server.web.guard import LOCAL_COOKIE
from tests.desk_site import DeskSite, desk_site
from tests.live_story import PBX, inbound, phone, started

DESKS = 500
CALLS = 50
RING_ALL = DESKS // CALLS
DEADLINE_S = 120.0


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[DeskSite]:
    database = Database(f"sqlite:///{tmp_path / 'many.db'}")
    await prepare(database)
    async with desk_site(database) as site:
        yield site
    await database.close()


async def people(site: DeskSite) -> list[tuple[User, str]]:
    """Everybody with a phone of their own, and a cookie."""
    made = []
    async with site.database.write() as connection:
        for number in range(DESKS):
            device = UserDevice(PBX, f"PJSIP/{1000 + number}", str(1000 + number))
            new = NewUser(f"agent{number}", f"Agent {number}", Role.AGENT, "unused", (device,))
            user = await create_user(connection, new, system_clock())
            token = await start_session(connection, user.id, system_clock(), address="test", browser="test")
            made.append((user, f"{LOCAL_COOKIE}={token}"))
    await site.hub.reload_people()
    return made


async def open_desk(site: DeskSite, client: ClientSession, cookie: str) -> ClientWebSocketResponse:
    headers = {"Origin": site.url("/").rstrip("/"), "Cookie": cookie}
    socket = await client.ws_connect(site.url("/live"), headers=headers)
    assert (await socket.receive_json())["t"] == "snapshot"
    return socket


async def call_of(socket: ClientWebSocketResponse) -> tuple[str, str]:
    """Hear one call from its ring to its end on this desk: its id and how it ended here."""
    rang, seq = "", 0
    while True:
        message = await socket.receive()
        assert message.type is WSMsgType.TEXT
        said = message.json()
        if said["t"] != "changes":
            continue
        assert said["seq"] > seq
        seq = said["seq"]
        for change in said["changes"]:
            if change["c"] == "card" and not rang:
                rang = change["card"]["call_id"]
                assert change["card"]["state"] == "ringing"
            if change["c"] == "card" and change["card"]["state"] == "talking":
                return rang, "talking"
            if change["c"] == "gone":
                assert change["call_id"] == rang
                return rang, change["reason"]


async def ring_everybody(site: DeskSite) -> None:
    for call in range(CALLS):
        call_id, at = f"c{call}", system_clock()
        group = [phone(str(1000 + call * RING_ALL + one)) for one in range(RING_ALL)]
        await site.bus.publish(started(call_id, at, inbound(None)))
        for one in group:
            await site.bus.publish(PhoneRinging(call_id, at, one))
        await site.bus.publish(CallAnswered(call_id, at, group[0]))
        for one in group[1:]:
            await site.bus.publish(PhoneStopped(call_id, at, one, StopReason.ANSWERED_ELSEWHERE))


async def test_every_desk_hears_of_its_own_call_and_of_no_other(site: DeskSite) -> None:
    everybody = await people(site)
    async with ClientSession(connector=TCPConnector(limit=0)) as client, asyncio.timeout(DEADLINE_S):
        sockets = [await open_desk(site, client, cookie) for _, cookie in everybody]
        listening = asyncio.gather(*(call_of(socket) for socket in sockets))
        await ring_everybody(site)
        heard = await listening
    for number, (call_id, end) in enumerate(heard):
        assert call_id == f"c{number // RING_ALL}"
        assert end == ("talking" if number % RING_ALL == 0 else "answered_elsewhere")
