"""Limits of dialling, on both databases: what is reached stops it, says why and until when, opens an alarm, and all of
it ends by itself; a new scheduler, as after a restart, finds the same."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import pytest
from sqlalchemy import insert

from callback.alarms import MINUTES_ALARM, MONEY_ALARM, TRUNK_ALARM, CallbackAlarms
from callback.kinds import AttemptKind, AttemptState, NotNow, Result, State
from callback.tables import Attempt
from config.callbacks import CallbackSettings
from config.settings import Settings
from core.alarms import Alarm, list_alarms
from core.db import Database
from core.facts import Verdict
from tests.callback_office import CUSTOMER, MONDAY_NOON, PBX, QUEUE, Office, Time

HOUR = 3600.0
PRICES = {"price_a_minute": 1.0, "prices": {"+48": 0.05, "+4822": 0.5}}


def office_with(database: Database, limits: dict[str, Any], **callback: Any) -> Office:
    # Three attempts in vain are not the ladder's end here: what stops is the limit.
    settings = CallbackSettings.model_validate({"limits": limits, **callback})
    return Office(database, Time(), settings, retry_minutes=[1] * 20, hours=["mon-sun 24h"])


class Watch:
    """The alarms of an office's limits."""

    def __init__(self, office: Office, callback: CallbackSettings) -> None:
        pbx = {"host": "pbx", "events": {"user": "u", "secret": "s"}, "trunks": ["PJSIP/trunk"]}
        settings = Settings.model_validate(
            {"pbx": {PBX: pbx}, "department": {"sales": {"queue": QUEUE}}, "callback": callback.model_dump()}
        )
        self._office, self._alarms = office, CallbackAlarms(office.database, office.time, settings)

    async def all(self) -> list[Alarm]:
        await self._alarms.look()
        async with self._office.database.read() as connection:
            return list(await list_alarms(connection))

    async def open(self) -> list[tuple[str, str]]:
        return [(one.code, one.subject) for one in await self.all() if one.closed_at is None]


async def used(
    office: Office, ago: float, minutes: float, number: str = CUSTOMER, result: Result | None = Result.REACHED
) -> None:
    """An attempt that began so many seconds ago; without a result it goes on."""
    made, seconds = office.time() - ago, minutes * 60
    ended = made + seconds if result else None
    row = {
        "id": f"a{number}-{ago}", "kind": AttemptKind.CLICK.value, "pbx": PBX, "number": number, "made_at": made,
        "state": (AttemptState.ENDED if result else AttemptState.SENT).value, "customer_dialled_at": made,
        "ended_at": ended, "result": result and result.value,
        "bridged_at": made if result is Result.REACHED else None,
    }  # fmt: skip
    async with office.database.write() as connection:
        await connection.execute(insert(Attempt).values(row))


async def why_not(office: Office, owed: int) -> str | None:
    await office.turn()
    return (await office.callback(owed)).why_not


async def test_one_turn_launches_no_more_than_may_go_on_at_once(database: Database) -> None:
    office = office_with(database, {"at_once": 2})
    for extension in ("101", "102", "103"):
        await office.agent(extension)
    owed = [await office.owe(f"+4822123450{last}") for last in range(3)]
    await office.turn()
    assert len(office.dialer.orders) == 2
    assert (await office.callback(owed[2])).why_not == NotNow.BUDGET
    await office.call_ends(Verdict.MISSED)
    office.dialer.markers[office.order.attempt_id] = "agent"
    await office.turn(1)
    await office.turn(1)
    assert len(office.dialer.orders) == 3


async def test_one_turn_launches_no_more_than_may_begin_within_a_minute(database: Database) -> None:
    office = office_with(database, {"calls_a_minute": 1})
    await office.agent("101")
    await office.agent("102")
    await office.owe("+48221234501")
    second = await office.owe("+48221234502")
    await office.turn()
    assert (await office.callback(second)).why_not == NotNow.BUDGET
    await office.turn(59)
    assert len(office.dialer.orders) == 1
    await office.turn(2)
    assert len(office.dialer.orders) == 2


class BusyOffice(Office):
    """Somebody clicks while the scheduler asks which numbers are never called."""

    async def _suppressed_among(self, numbers: Collection[str]) -> frozenset[str]:
        await used(self, 0, 0, number="+48221234599", result=None)
        return frozenset()


@pytest.mark.parametrize("limits", [{"at_once": 1}, {"calls_a_minute": 1}])
async def test_a_click_that_comes_between_uses_the_last_room(
    database: Database, limits: dict[str, Any]
) -> None:
    callback = CallbackSettings.model_validate({"limits": limits})
    office = BusyOffice(database, Time(), callback, hours=["mon-sun 24h"])
    await office.agent("101")
    owed = await office.owe()
    await office.turn()
    row = await office.callback(owed)
    assert (office.dialer.orders, row.state, row.why_not) == ([], State.WAITING, NotNow.BUDGET)


async def test_six_agents_and_six_promises_stay_within_both_limits(database: Database) -> None:
    office = office_with(database, {"at_once": 2, "calls_a_minute": 3})
    for last in range(6):
        await office.agent(f"10{last}")
        await office.owe(f"+4822123450{last}")
    for _ in range(5):
        await office.turn(1)
    assert len(office.dialer.orders) == 2
    await office.call_ends(Verdict.BUSY)
    for _ in range(5):
        await office.turn(1)
    assert len(office.dialer.orders) == 3
    await office.call_ends(Verdict.BUSY)
    await office.turn(1)
    assert len(office.dialer.orders) == 3, "three have begun within this minute"
    await office.turn(60)
    assert len(office.dialer.orders) > 3


async def test_spent_minutes_stop_dialling_until_the_first_are_a_day_old(database: Database) -> None:
    office = office_with(database, {"minutes_a_day": 60})
    watch = Watch(office, CallbackSettings.model_validate({"limits": {"minutes_a_day": 60}}))
    await office.agent()
    await used(office, 23 * HOUR, 30)
    await used(office, 2 * HOUR, 29)
    await used(office, HOUR, 45, result=Result.NO_ANSWER)
    assert await watch.open() == [], "what nobody answered costs nothing"
    await used(office, 60, 5, number="+48221234599")
    owed = await office.owe()
    assert await why_not(office, owed) == NotNow.MINUTES
    (alarm,) = await watch.all()
    assert (alarm.code, alarm.closed_at) == (MINUTES_ALARM, None)
    assert "2026-11-23 13:00" in alarm.text
    office.time.now += HOUR - 1
    assert await why_not(office, owed) == NotNow.MINUTES
    assert len(await watch.all()) == 1, "it is the same alarm"
    office.time.now += 1
    assert await why_not(office, owed) is None
    assert len(office.dialer.orders) == 1
    assert await watch.open() == []


async def test_a_call_that_goes_on_uses_minutes_as_it_grows(database: Database) -> None:
    office = office_with(database, {"minutes_a_day": 60})
    await office.agent()
    await used(office, 59 * 60, 0, number="+48221234599", result=None)
    owed = await office.owe(due_at=MONDAY_NOON + 60)
    office.time.now += 60
    assert await why_not(office, owed) == NotNow.MINUTES


@pytest.mark.parametrize(
    ("number", "minutes", "spends"),
    [
        ("+48601234567", 59.0 / 0.05, False),
        ("+48601234567", 60.0 / 0.05 + 1, True),
        ("+48221234568", 59.0 / 0.5, False),
        ("+48221234568", 60.0 / 0.5 + 1, True),
        ("+4915112345678", 59.0, False),
        ("+4915112345678", 61.0, True),
    ],
)
async def test_money_goes_by_the_longest_beginning_of_the_number(
    database: Database, number: str, minutes: float, spends: bool
) -> None:
    limits = {"money_a_day": 60, "minutes_a_day": 1_000_000}
    office = office_with(database, limits, **PRICES)
    watch = Watch(office, CallbackSettings.model_validate({"limits": limits, **PRICES}))
    await office.agent()
    await used(office, 20 * HOUR, minutes, number=number)
    owed = await office.owe()
    assert await why_not(office, owed) == (NotNow.MONEY if spends else None)
    assert await watch.open() == ([(MONEY_ALARM, "callbacks")] if spends else [])
    office.time.now += 4 * HOUR
    assert await why_not(office, owed) is None
    assert len(office.dialer.orders) == 1
    assert await watch.open() == []


async def fail(office: Office, count: int, number: str = "+4822555000{}") -> None:
    for last in range(count):
        await used(office, 100.0 - last, 0.01, number=number.format(last), result=Result.FAILED)


BREAKER = {"failures_in_a_row": 3, "failures_pause_minutes": 5}


async def test_a_trunk_that_fails_is_left_alone_then_tried_by_one_call(database: Database) -> None:
    office = office_with(database, BREAKER)
    watch = Watch(office, CallbackSettings.model_validate({"limits": BREAKER}))
    await office.agent("101")
    await office.agent("102")
    await fail(office, 3)
    owed, other = await office.owe(), await office.owe("+48221234500")
    assert await why_not(office, owed) == NotNow.TRUNK
    (alarm,) = await watch.all()
    assert (alarm.code, alarm.subject, alarm.closed_at) == (TRUNK_ALARM, PBX, None)
    await office.turn(5 * 60)
    assert len(office.dialer.orders) == 1, "one call tries, though two agents are free"
    assert (await office.callback(other)).why_not == NotNow.TRUNK
    await office.rings_through_to_the_customer()
    await office.call_ends(Verdict.FAILED)
    await office.turn(60)
    assert len(office.dialer.orders) == 1, "it failed: the pause begins anew"
    assert await watch.open() == [(TRUNK_ALARM, PBX)]
    await office.turn(5 * 60)
    assert len(office.dialer.orders) == 2
    await office.rings_through_to_the_customer()
    await office.call_ends(Verdict.BUSY)
    await office.turn(1)
    assert len(office.dialer.orders) == 3, "a busy line is reached through a trunk that works"
    assert await watch.open() == []


async def test_a_restart_forgets_no_failure(database: Database) -> None:
    await fail(office_with(database, BREAKER), 3)
    office = office_with(database, BREAKER)
    await office.agent()
    assert await why_not(office, await office.owe()) == NotNow.TRUNK


async def test_an_offer_that_no_agent_takes_says_nothing_of_the_trunk(database: Database) -> None:
    office = office_with(database, BREAKER)
    await office.agent()
    await fail(office, 3)
    await used(office, 50, 0.1, number="+48225550009", result=Result.AGENT_NO_ANSWER)
    assert await why_not(office, await office.owe()) == NotNow.TRUNK


async def test_a_wrong_number_tried_again_and_again_is_no_broken_trunk(database: Database) -> None:
    office = office_with(database, BREAKER)
    await office.agent()
    await fail(office, 6, "+48225550001")
    assert await why_not(office, await office.owe()) is None
    assert len(office.dialer.orders) == 1


async def test_failures_with_a_busy_line_between_them_are_no_row(database: Database) -> None:
    office = office_with(database, BREAKER)
    await office.agent()
    await fail(office, 4)
    await used(office, 98.5, 0.01, number="+48225550077", result=Result.BUSY)
    assert await why_not(office, await office.owe()) is None
    assert len(office.dialer.orders) == 1
