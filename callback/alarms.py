"""Tells the administrator when promises cannot be kept without a person: minutes or money of 24 hours are spent, call
after call fails in a trunk, nobody looks at what is held, or a department with open callbacks left the settings.
In: the attempts, as `budgets.py` and `breaker.py` read them, and the open callbacks. Out: alarms, open as long as it is
so. What is dialled is decided elsewhere (`policy.py`)."""

from __future__ import annotations

import asyncio
from datetime import datetime
from zoneinfo import ZoneInfo

from sqlalchemy import bindparam, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from callback import breaker, kinds, promises
from callback.budgets import Budgets
from callback.kinds import State
from callback.policy import NotNow
from callback.tables import Callback
from config.settings import Settings
from core.alarms import close_alarm, list_alarms, raise_alarm
from core.clock import Clock
from core.db import Database

EVERY_S = 10.0

MINUTES_ALARM = "callback-minutes-spent"
MONEY_ALARM = "callback-money-spent"
TRUNK_ALARM = "callback-trunk-failing"
HELD_ALARM = "callback-held"
DEPARTMENT_ALARM = "callback-department-gone"
CODES = frozenset({MINUTES_ALARM, MONEY_ALARM, TRUNK_ALARM, HELD_ALARM, DEPARTMENT_ALARM})

HELD_S = 3600.0
"""So long a held request may wait for a manager's word before the administrator hears of it."""

ALL_CALLS = "callbacks"
"""The subject of limits that hold for all PBXs together."""

OPEN = (
    select(Callback.department, func.count())
    .where(Callback.closed_at.is_(None), Callback.state != State.INBOX.value)
    .group_by(Callback.department)
)
HELD = (
    select(Callback.department, func.count())
    .where(Callback.state == State.HELD.value, Callback.created_at <= bindparam("before"))
    .group_by(Callback.department)
)


class CallbackAlarms:
    """One per application."""

    def __init__(self, database: Database, clock: Clock, settings: Settings) -> None:
        self._database = database
        self._clock = clock
        self._settings = settings
        self._budgets = Budgets(settings.callback)

    async def run(self) -> None:
        """For ever."""
        while True:
            await self.look()
            await asyncio.sleep(EVERY_S)

    async def look(self) -> None:
        """Open, refresh and close, where something is different."""
        now = self._clock()
        async with self._database.read() as connection:
            due, shown = await self._due(connection, now), await _open(connection)
        if due == shown:
            return
        async with self._database.write() as connection:
            await promises.in_turn(connection)  # two servers may look in the same moment
            for (code, subject), text in due.items():
                await raise_alarm(connection, code, subject, text, now)
            for code, subject in shown.keys() - due.keys():
                await close_alarm(connection, code, subject, now)

    async def _due(self, connection: AsyncConnection, now: float) -> dict[tuple[str, str], str]:
        limits = self._settings.callback.limits
        found: dict[tuple[str, str], str] = {}
        if (spent := await self._budgets.spent(connection, now)) is not None:
            found |= self._spent(spent)
        for pbx in self._settings.pbx:
            if (failing := await breaker.failing(connection, pbx, limits, now)) is not None:
                found[TRUNK_ALARM, pbx] = (
                    f"the last calls to {failing.numbers} different numbers all failed: look at the trunk and ask "
                    f"the carrier. Callbacks pause; one call tries again every {limits.failures_pause_minutes} min"
                )
        return found | await self._unattended(connection, now)

    async def _unattended(self, connection: AsyncConnection, now: float) -> dict[tuple[str, str], str]:
        found: dict[tuple[str, str], str] = {}
        for department, count in await connection.execute(OPEN):
            if department not in self._settings.department:
                found[DEPARTMENT_ALARM, department] = (
                    f"callbacks that nobody is dialled for: {count}. Their department {department!r} is not in the "
                    "settings: put it back, or close them on the page Callbacks"
                )
        for department, count in await connection.execute(HELD, {"before": now - HELD_S}):
            found[HELD_ALARM, department] = (
                f"requests held for more than an hour: {count}. Release or refuse them on the page Callbacks; "
                "what nobody looks at expires"
            )
        return found

    def _spent(self, limit: NotNow) -> dict[tuple[str, str], str]:
        caps, currency = self._settings.callback.limits, self._settings.callback.currency
        room = datetime.fromtimestamp(limit.look_again_at, ZoneInfo(self._settings.site.time_zone))
        then = f"nobody is dialled before {room:%Y-%m-%d %H:%M}"
        if limit.reason is kinds.NotNow.MINUTES:
            what = f"{caps.minutes_a_day} minutes of calls in 24 hours are used up (callback.limits.minutes_a_day)"
            return {(MINUTES_ALARM, ALL_CALLS): f"{what}: {then}"}
        what = f"calls for {caps.money_a_day} {currency} in 24 hours (callback.limits.money_a_day)"
        return {(MONEY_ALARM, ALL_CALLS): f"{what}: {then}"}


async def _open(connection: AsyncConnection) -> dict[tuple[str, str], str]:
    alarms = await list_alarms(connection)
    return {
        (one.code, one.subject): one.text for one in alarms if one.closed_at is None and one.code in CODES
    }
