"""Wrap-ups and agents' states on both databases: what was written survives a restart, a crash between the end of a call
and its wrap-up loses nothing, forgotten ones close, and states are agreed with the PBX."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest
from aiohttp import ClientSession, CookieJar
from sqlalchemy import select

from config.settings import Desk
from core.accounts import UserDevice
from core.clock import system_clock
from core.db import Database
from core.errors import PbxError
from core.facts import (
    AgentLeft,
    CallAnswered,
    CallEnded,
    CallsJoined,
    PhoneRinging,
)
from pbx_bridge import call_log
from pbx_bridge.tables import CallWrapUp
from server.desk.parts import AGENTS, WRAP_UPS
from server.live.wrap_ups import FORGOTTEN_S
from tests.desk_site import DeskSite, desk_site
from tests.live_client import LiveClient
from tests.live_story import ended, internal, member, outbound, phone, started


class Pauser:
    """Queues that agree, or refuse with a sentence."""

    def __init__(self) -> None:
        self.told: list[tuple[bool, str | None]] = []
        self.refusal: str | None = None

    async def pause(self, devices: Sequence[UserDevice], paused: bool, reason: str | None) -> None:
        if self.refusal is not None:
            raise PbxError(self.refusal)
        assert [one.device for one in devices] == ["PJSIP/101"]
        self.told.append((paused, reason))


async def talk(site: DeskSite, call_id: str = "c1", extension: str = "101", at: float | None = None) -> None:
    began = system_clock() if at is None else at
    await site.tell(
        started(call_id, began),
        PhoneRinging(call_id, began, phone(extension)),
        CallAnswered(call_id, began + 1, phone(extension)),
    )


def end(call_id: str = "c1", extension: str = "101", at: float | None = None) -> CallEnded:
    return ended(call_id, system_clock() if at is None else at, rang=(extension,), talked=(extension,))


async def post(site: DeskSite, login: str, path: str, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
    cookies = await site.cookie(login)
    async with ClientSession(cookies=cookies, cookie_jar=CookieJar(unsafe=True)) as client:
        origin = {"Origin": site.url("/").rstrip("/")}
        async with client.post(site.url(path), json=body, headers=origin) as answer:
            text = await answer.text()
            return answer.status, await answer.json(content_type=None) if text else {}


async def rows_of(database: Database) -> list[Any]:
    async with database.read() as connection:
        rows = await connection.execute(select(*CallWrapUp.__table__.c).order_by(CallWrapUp.user_id))
        return list(rows.all())


async def eventually_rows(database: Database, count: int) -> list[Any]:
    async with asyncio.timeout(30):
        while len(rows := await rows_of(database)) < count:
            await asyncio.sleep(0.01)
    return rows


async def test_a_draft_and_an_open_wrap_up_survive_a_restart(database: Database) -> None:
    async with desk_site(database) as site, LiveClient(site, "anna") as anna:
        await talk(site)
        status, _ = await post(site, "anna", "/desk/calls/c1/note", {"note": "half a sen"})
        assert status == 200
        await site.tell(end())
        await anna.until(lambda one: one.state_of("c1") == "wrap_up")
        await eventually_rows(database, 1)
    async with desk_site(database) as site, LiveClient(site, "anna") as anna:
        await anna.until(lambda one: one.state_of("c1") == "wrap_up" and bool(one.cards["c1"]["customers"]))
        card = anna.cards["c1"]
        assert (card["draft"]["note"], card["number"], card["extension"]) == (
            "half a sen",
            "+48221234567",
            "101",
        )
        status, _ = await post(
            site, "anna", "/desk/calls/c1/close", {"note": "all said", "disposition": "Solved"}
        )
        assert status == 200
        await anna.until(lambda one: not one.cards)
    [row] = await rows_of(database)
    assert (row.note, row.disposition) == ("all said", "Solved")
    async with desk_site(database) as site, LiveClient(site, "anna") as anna:
        assert anna.cards == {}


async def test_a_call_that_ended_while_nobody_listened_still_owes_its_wrap_up(database: Database) -> None:
    """A crash after the commit: the log has the end of the call, no screen ever heard it."""
    async with desk_site(database):
        pass
    at = system_clock()
    async with database.write() as connection:
        await call_log.record(connection, [started("c1", at), end("c1", "101", at + 20)])
    async with desk_site(database) as site, LiveClient(site, "anna") as anna:
        await anna.until(lambda one: one.state_of("c1") == "wrap_up")
        assert anna.cards["c1"]["customers"] == []


async def test_a_note_of_an_open_call_joins_it_when_it_is_told_again(database: Database) -> None:
    at = system_clock()
    async with desk_site(database) as site:
        await talk(site, at=at)
        await post(site, "anna", "/desk/calls/c1/note", {"note": "before the crash"})
    async with desk_site(database) as site, LiveClient(site, "anna") as anna:
        for fact in (started("c1", at), CallAnswered("c1", at + 1, phone("101"))):
            await site.bus.publish(fact)
        await anna.until(lambda one: one.state_of("c1") == "talking")
        assert anna.cards["c1"]["draft"]["note"] == "before the crash"


@pytest.mark.parametrize("parties", [internal("101", "102"), outbound("101")], ids=["internal", "outbound"])
async def test_only_calls_with_people_outside_owe_a_wrap_up(database: Database, parties: Any) -> None:
    async with desk_site(database) as site:
        at = system_clock()
        await site.tell(started("c1", at, parties), CallAnswered("c1", at, phone("101")))
        await site.tell(ended("c1", at + 9, parties=parties, rang=(), talked=("101",)))
        await talk(site, "c2")
        await site.tell(end("c2"))
        rows = await eventually_rows(database, 1)
        while "c2" not in {row.call_id for row in rows}:
            rows = await rows_of(database)
    assert ("c1" in {row.call_id for row in rows}) is (parties.direction == "outbound")


async def test_forgotten_wrap_ups_are_closed_with_what_was_written(database: Database) -> None:
    now = system_clock()
    async with desk_site(database, clock=lambda: now) as site, LiveClient(site, "anna") as anna:
        await talk(site, at=now)
        await post(site, "anna", "/desk/calls/c1/note", {"note": "never finished"})
        await site.tell(end(at=now + 5))
        await anna.until(lambda one: one.state_of("c1") == "wrap_up")
        await eventually_rows(database, 1)
        now += FORGOTTEN_S + 60
        await site.app[WRAP_UPS].close_forgotten()
        await anna.until(lambda one: not one.cards)
    [row] = await rows_of(database)
    assert (row.note, row.saved_at) == ("never finished", now)


async def test_notes_follow_a_consultation_into_the_call_it_is_about(database: Database) -> None:
    async with desk_site(database) as site, LiveClient(site, "bartek") as bartek:
        await talk(site)
        at = system_clock()
        await site.tell(started("c2", at, outbound("102")), CallAnswered("c2", at, phone("102")))
        await post(site, "bartek", "/desk/calls/c2/note", {"note": "on the way"})
        await site.tell(CallsJoined("c1", "c2", at + 1))
        await bartek.until(lambda one: one.state_of("c1") == "talking")
        assert bartek.cards["c1"]["draft"]["note"] == "on the way"
        status, _ = await post(site, "bartek", "/desk/calls/c2/note", {"note": "sent to the old address"})
        assert status == 200
        assert [row.call_id for row in await rows_of(database)] == ["c1"]


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("/desk/calls/c1/note", {"note": "x"}, 404),
        ("/desk/calls/nothing/note", {"note": "x"}, 404),
        ("/desk/calls/c2/close", {"note": "x"}, 409),
        ("/desk/calls/c2/note", {"note": "x" * 4001}, 422),
        ("/desk/calls/c2/note", {"note": "x", "disposition": "made up"}, 422),
        ("/desk/calls/c2/note", {"note": "x", "more": 1}, 422),
        ("/desk/calls/c2/customer", {"customer_id": 99}, 404),
        ("/desk/calls/c2/name", {"name": "   "}, 422),
        ("/desk/state", {"state": "asleep"}, 422),
        ("/desk/state", {"state": "paused", "reason": "made up"}, 422),
    ],
)
async def test_what_is_refused(database: Database, path: str, body: dict[str, Any], status: int) -> None:
    """c1 is on somebody else's desk, c2 on the asker's."""
    async with desk_site(database) as site, LiveClient(site, "anna") as anna:
        await talk(site, "c1", "102")
        await talk(site, "c2", "101")
        await anna.until(lambda one: bool(one.cards["c2"]["customers"]) if one.cards else False)
        answer, said = await post(site, "anna", path, body)
        assert (answer, said["status"]) == (status, status)
        assert said["detail"]


async def test_a_state_survives_a_restart(database: Database) -> None:
    pauser = Pauser()
    async with desk_site(database, pauser=pauser) as site:
        status, _ = await post(site, "anna", "/desk/state", {"state": "paused", "reason": "Lunch"})
        assert (status, pauser.told) == (200, [(True, "Lunch")])
    async with desk_site(database) as site, LiveClient(site, "anna") as anna:
        assert (anna.parts["agent"]["state"], anna.parts["agent"]["reason"]) == ("paused", "Lunch")


async def test_a_refusing_pbx_leaves_the_state_as_it_was(database: Database) -> None:
    pauser = Pauser()
    pauser.refusal = "the PBX said no"
    async with desk_site(database, pauser=pauser) as site, LiveClient(site, "anna") as anna:
        status, said = await post(site, "anna", "/desk/state", {"state": "paused", "reason": "Lunch"})
        assert (status, said["detail"]) == (502, "The PBX said no.")
        assert anna.parts["agent"]["state"] == "available"


async def test_wrapping_up_ends_when_its_time_is_over(database: Database) -> None:
    now, pauser = system_clock(), Pauser()
    desk = Desk(wrap_up_seconds=30)
    async with (
        desk_site(database, clock=lambda: now, desk=desk, pauser=pauser) as site,
        LiveClient(site, "anna") as anna,
    ):
        await talk(site, at=now)
        await site.tell(AgentLeft("c1", now, phone("101")), end(at=now))
        await anna.until(lambda one: one.parts["agent"]["state"] == "wrap_up")
        now += 31
        await anna.until(lambda one: one.parts["agent"]["state"] == "available")
        assert anna.state_of("c1") == "wrap_up"
        assert pauser.told == [(True, "Wrap-up"), (False, None)]


async def test_who_is_paused_stays_paused_after_a_call(database: Database) -> None:
    pauser = Pauser()
    async with desk_site(database, pauser=pauser) as site, LiveClient(site, "anna") as anna:
        await post(site, "anna", "/desk/state", {"state": "paused", "reason": "Meeting"})
        await talk(site)
        await site.tell(end())
        await anna.until(lambda one: one.state_of("c1") == "wrap_up")
        await post(site, "anna", "/desk/calls/c1/close", {"note": ""})
        await anna.until(lambda one: not one.cards)
        await site.tell(member("support", "101"))
        await anna.until(lambda one: bool(one.parts["queues"]))
        assert (anna.parts["agent"]["state"], pauser.told) == ("paused", [(True, "Meeting")])
        assert site.app[AGENTS].of(site.users["anna"].id) == "paused"


async def test_nobody_is_paused_after_a_call_when_the_settings_say_so(database: Database) -> None:
    pauser = Pauser()
    desk = Desk(wrap_up_seconds=0)
    async with desk_site(database, desk=desk, pauser=pauser) as site, LiveClient(site, "anna") as anna:
        await talk(site)
        await site.tell(end())
        await anna.until(lambda one: one.state_of("c1") == "wrap_up")
        await site.tell(member("support", "101"))
        await anna.until(lambda one: bool(one.parts["queues"]))
        assert (anna.parts["agent"]["state"], pauser.told) == ("available", [])
