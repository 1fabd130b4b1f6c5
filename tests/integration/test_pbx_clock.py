"""A PBX whose clock differs from ours raises an alarm that names the difference and the fix, and goes away with it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from core.alarms import AlarmRow
from core.clock import system_clock
from core.db import Database
from pbx_bridge import pbx_clock
from pbx_bridge.simulator import EVENTS_USER, Simulator
from pbx_bridge.simulator.clock import PbxClock
from tests.simulated import listening
from tests.site import eventually, running, settings_for


async def alarms(database: Database) -> list[Any]:
    async with database.read() as connection:
        return list(await connection.execute(select(*AlarmRow.__table__.c)))


@pytest.fixture
async def differences() -> list[float]:
    """How far ahead two PBXs look, one an hour and one two minutes behind; and one that is right."""
    found = []
    for offset in (3600.0, -125.0, 0.0):
        async with Simulator(clock=PbxClock(offset=offset)) as pbx, listening(pbx) as ear:
            await ear.up()
            difference = await pbx_clock.ahead(ear.link, system_clock)
            assert difference is not None
            found.append(difference)
    return found


async def test_how_far_a_pbx_is_ahead(differences: list[float]) -> None:
    hour, behind, right = differences
    # A slow reply only ever makes it look smaller.
    assert 0 < hour <= 3600.1
    assert -125.1 <= behind < 0
    assert abs(right) < 1
    assert (round(hour / 60), round(behind / 60)) == (60, -2)


async def test_the_alarm_names_the_difference_and_the_fix(database: Database) -> None:
    async with database.write() as connection:
        await pbx_clock.judge(connection, "main", 3600.0, 10.0)
        await pbx_clock.judge(connection, "main", -42.4, 20.0)
    (alarm,) = await alarms(database)
    assert (alarm.code, alarm.subject, alarm.raised_at, alarm.closed_at) == ("pbx-clock", "main", 10.0, None)
    assert alarm.text.startswith("the PBX's clock is 42 s behind this server's: let NTP set both")


async def test_a_server_beside_such_a_pbx_says_so(tmp_path: Path) -> None:
    async with Simulator(clock=PbxClock(offset=-600.0)) as pbx:
        settings = settings_for((pbx.host, pbx.port), EVENTS_USER.secret, tmp_path)
        async with running(settings) as site:
            (alarm,) = await eventually(lambda: alarms(site.database))
    assert (alarm.code, alarm.subject) == ("pbx-clock", "main")
    assert "10 min behind this server's" in alarm.text


async def test_it_closes_when_the_clocks_agree(database: Database) -> None:
    async with database.write() as connection:
        await pbx_clock.judge(connection, "main", 1.0, 5.0)
        assert (await connection.execute(select(AlarmRow.id))).all() == []
        await pbx_clock.judge(connection, "main", 3600.0, 10.0)
        await pbx_clock.judge(connection, "main", 2.9, 70.0)
    assert [alarm.closed_at for alarm in await alarms(database)] == [70.0]
