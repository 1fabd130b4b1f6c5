"""Alarms about promises that nobody minds, on both databases: they open, follow the figures and end by themselves."""

from __future__ import annotations

import pytest
from sqlalchemy import update

from callback.alarms import DEPARTMENT_ALARM, HELD_ALARM, HELD_S, CallbackAlarms
from callback.kinds import State
from callback.tables import Callback
from config.settings import Settings
from core.alarms import list_alarms
from core.db import Database
from tests.callback_office import PBX, QUEUE, Office, Time

Alarms = list[tuple[str, str, str]]


def settings(*departments: str) -> Settings:
    pbx = {"host": "pbx", "events": {"user": "u", "secret": "s"}, "trunks": ["PJSIP/trunk"]}
    named = {name: {"queue": QUEUE} for name in departments}
    return Settings.model_validate({"pbx": {PBX: pbx}, "department": named})


@pytest.fixture
def office(database: Database) -> Office:
    return Office(database, Time())


async def open_alarms(office: Office, *departments: str) -> Alarms:
    await CallbackAlarms(office.database, office.time, settings(*departments)).look()
    async with office.database.read() as connection:
        alarms = await list_alarms(connection)
    return [(one.code, one.subject, one.text) for one in alarms if one.closed_at is None]


async def moved_to(office: Office, callback_id: int, state: State) -> None:
    async with office.database.write() as connection:
        await connection.execute(
            update(Callback)
            .where(Callback.id == callback_id)
            .values(state=state.value, closed_at=office.time() if state is State.CLOSED else None)
        )


async def test_callbacks_of_a_department_that_left_the_settings(office: Office) -> None:
    owed = [await office.owe(f"+4822123450{last}") for last in range(2)]
    ((code, subject, text),) = await open_alarms(office, "support")
    assert (code, subject) == (DEPARTMENT_ALARM, "sales")
    assert "is dialled for: 2." in text
    await moved_to(office, owed[0], State.CLOSED)
    ((_, _, text),) = await open_alarms(office, "support")
    assert "is dialled for: 1." in text
    assert await open_alarms(office, "sales", "support") == []


async def test_requests_that_are_held_and_nobody_looks_at(office: Office) -> None:
    held = await office.owe(state=State.HELD.value)
    await office.owe("+48221234502")
    assert await open_alarms(office, "sales") == []
    office.time.now += HELD_S
    ((code, subject, text),) = await open_alarms(office, "sales")
    assert (code, subject) == (HELD_ALARM, "sales")
    assert "more than an hour: 1." in text
    await moved_to(office, held, State.WAITING)
    assert await open_alarms(office, "sales") == []
