"""A PBX is renamed in the settings, or taken out of them, while calls go on: they end once, with what is known."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert, select, update

from core.alarms import list_alarms, raise_alarm
from core.bus import Bus
from core.db import Base, Database
from core.fact_log import FactLogRow
from core.facts import (
    AgentLeft,
    BlindWindowClosed,
    CallAnswered,
    CallEnded,
    CallQueued,
    CallStarted,
    CallTransferred,
    Direction,
    Parties,
    Phone,
    PhoneRinging,
    Transfer,
    TransferKind,
)
from pbx_bridge import call_log
from pbx_bridge.lease import LEASE_S
from pbx_bridge.removed import end_removed
from pbx_bridge.simulator import EVENTS_USER, Party, Simulator
from pbx_bridge.tables import BlindWindow, Call, CallJournal, CallPerson, PbxHeartbeat
from tests.site import eventually, running, settings_for

CALLER = "+48221234567"
PARTIES = Parties(Direction.INBOUND, CALLER, "Jan", "500", CALLER)
ANNA, MAREK = Phone("PJSIP/101", "101"), Phone("PJSIP/102", "102")
MOBILE = Phone("PJSIP/trunk/+48600100200", "+48600100200")
NOW, SEEN = 1000.0, 400.0


async def rows(database: Database, table: type[Base]) -> list[Any]:
    async with database.read() as connection:
        return list(await connection.execute(select(*table.__table__.c)))


@pytest.fixture
async def left_open(database: Database) -> None:
    """`main` was last seen at 400: one call talks, one rings. `branch` has an open call too."""
    async with database.write() as connection:
        await connection.execute(insert(PbxHeartbeat).values(pbx="main", seen_at=SEEN))
        await connection.execute(insert(PbxHeartbeat).values(pbx="branch", seen_at=SEEN))
        await call_log.record(
            connection,
            [
                CallStarted("main-1.1", "main", 100.0, PARTIES),
                CallQueued("main-1.1", 101.0, "sales"),
                PhoneRinging("main-1.1", 102.0, ANNA),
                PhoneRinging("main-1.1", 102.0, MOBILE),
                CallAnswered("main-1.1", 110.0, ANNA),
                CallTransferred("main-1.1", 200.0, Transfer(TransferKind.BLIND, "101", "102", 200.0)),
                AgentLeft("main-1.1", 200.0, ANNA),
                PhoneRinging("main-1.1", 201.0, MAREK),
                CallAnswered("main-1.1", 210.0, MAREK),
                CallStarted("main-1.9", "main", 395.0, PARTIES),
                PhoneRinging("main-1.9", 396.0, ANNA),
                CallStarted("branch-1.1", "branch", 300.0, PARTIES),
            ],
        )
        await connection.execute(
            insert(CallJournal).values(pbx="main", at=1.0, message=b"", call_id="main-1.1")
        )
        await raise_alarm(connection, "pbx-lost", "main", "the line is cut", 390.0)


class Ear:
    """What screens and consumers are told."""

    def __init__(self) -> None:
        self.bus = Bus()
        self.ended: list[str] = []
        self.bus.subscribe(CallEnded, self._hear, name="ear")

    async def _hear(self, fact: CallEnded) -> None:
        self.ended.append(fact.call_id)


@pytest.mark.usefixtures("left_open")
async def test_its_calls_end_with_what_is_known(database: Database) -> None:
    ear = Ear()
    await end_removed(database, ear.bus, lambda: NOW, ["branch"])
    talked, rang, other = sorted(
        await rows(database, Call), key=lambda call: (call.pbx == "branch", call.started_at)
    )
    assert (talked.result, talked.ended_by, talked.queue) == ("answered", "unknown", "sales")
    assert (talked.answered_at, talked.ended_at) == (110.0, SEEN)
    assert (talked.wait_s, talked.talk_s) == (10.0, 90.0 + 190.0)
    assert talked.why == (
        "101, 102 talked; main was taken out of the settings while the call went on, so how it ended was not seen."
    )
    assert (rang.result, rang.ended_by, rang.talk_s, rang.ended_at) == ("missed", "unknown", 0.0, SEEN)
    assert rang.why.startswith("101 rang, and nobody was seen answering; main was taken out of the settings")
    assert other.ended_at is None
    assert ear.ended == ["main-1.1", "main-1.9"]
    people = sorted((row.call_id, row.role, row.extension) for row in await rows(database, CallPerson))
    assert [one for one in people if one[0] == "main-1.1"] == [
        ("main-1.1", "rang", "101"),
        ("main-1.1", "rang", "102"),
        ("main-1.1", "talked", "101"),
        ("main-1.1", "talked", "102"),
    ]


@pytest.mark.usefixtures("left_open")
async def test_what_else_it_left_is_closed_and_stays_so(database: Database) -> None:
    for _ in range(2):
        await end_removed(database, Bus(), lambda: NOW, ["branch"])
    (window,) = await rows(database, BlindWindow)
    assert (window.since, window.until, window.calls_ended_unseen) == (SEEN, NOW, 2)
    assert window.reason == "main was taken out of the settings"
    assert await rows(database, CallJournal) == []
    async with database.read() as connection:
        assert [alarm.closed_at for alarm in await list_alarms(connection)] == [NOW]
    kinds = [row.kind for row in await rows(database, FactLogRow)]
    assert kinds == [CallEnded.__name__, CallEnded.__name__, BlindWindowClosed.__name__]


@pytest.mark.usefixtures("left_open")
async def test_a_pbx_that_another_server_reads_is_left_alone(database: Database) -> None:
    async with database.write() as connection:
        held = {"owner": "elsewhere/1/x", "leased_until": NOW + LEASE_S}
        await connection.execute(update(PbxHeartbeat).values(held))
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(end_removed(database, Bus(), lambda: NOW, ["branch"]), 1)
    assert all(call.ended_at is None for call in await rows(database, Call))


async def test_nothing_is_said_of_a_pbx_that_left_nothing(database: Database) -> None:
    async with database.write() as connection:
        await connection.execute(insert(PbxHeartbeat).values(pbx="main", seen_at=SEEN))
    await end_removed(database, Bus(), lambda: NOW, [])
    assert await rows(database, BlindWindow) == []


async def test_a_renamed_pbx_in_mid_call(tmp_path: Path) -> None:
    """Under its new name the call that goes on is found; under the old one it has ended, as far as it was seen."""
    async with Simulator() as pbx:
        settings = settings_for((pbx.host, pbx.port), EVENTS_USER.secret, tmp_path)
        async with running(settings) as site:
            await site.sees_the_pbx()
            call = pbx.rings_phone(Party("+48221110101", "Jan Testowy"), "101")
            call.answers("101")
            await eventually(
                lambda: rows(site.database, Call), lambda found: bool(found and found[0].answered_at)
            )
        renamed = settings.model_copy(update={"pbx": {"office": settings.pbx["main"]}})
        async with running(renamed) as site:
            found = await eventually(
                lambda: rows(site.database, Call),
                lambda calls: len(calls) == 2 and any(call.ended_at is not None for call in calls),
            )
            old, new = sorted(found, key=lambda row: row.ended_at is None)
            call.caller_hangs_up()
            await eventually(
                lambda: rows(site.database, Call),
                lambda calls: all(call.ended_at is not None for call in calls),
            )
    assert (old.pbx, old.result, old.ended_by) == ("main", "answered", "unknown")
    assert new.pbx == "office"
