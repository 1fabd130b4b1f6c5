"""The agent's word that a machine answered: nobody can tell it from the line. In: an attempt; out: its mark, and where
its callback was closed as kept, that promise again, one rung further, or closed as not reached when that was the last
rung (`progress.py`); what else had been closed by that call stands where it stood. Said during the call, the attempt's
own end takes it into account (`attempts.py`), and nothing else is closed (`sources.py`)."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from callback import ledger, promises
from callback.attempts import BY_MACHINE
from callback.kinds import Outcome, Result, State
from callback.progress import Progress
from callback.tables import Attempt, Callback
from core.bus import Bus
from core.clock import Clock
from core.db import Database
from core.errors import NotFoundError
from core.facts import CallbackChanged


class Machines:
    """One per application."""

    def __init__(self, database: Database, bus: Bus, clock: Clock, progress: Progress) -> None:
        self._database = database
        self._bus = bus
        self._clock = clock
        self._progress = progress

    async def answered(self, attempt_id: str, user_id: int) -> None:
        """A machine took this attempt's call. Nothing happens the second time. Raises NotFoundError."""
        now = self._clock()
        async with self._database.write() as connection:
            asked = select(Attempt).where(Attempt.id == attempt_id).with_for_update()
            row = (await connection.execute(asked)).one_or_none()
            if row is None:
                raise NotFoundError("this call is no callback of ours")
            if row.machine:
                return
            await connection.execute(update(Attempt).where(Attempt.id == attempt_id).values(machine=True))
            changed = await _take_back(connection, row, now)
            if row.callback_id is not None:
                changed.append(row.callback_id)
                await ledger.tell(connection, row.callback_id, now, "machine", user_id=user_id)
                if row.result == Result.REACHED:
                    await self._owe_again(connection, row, now)
        for callback_id in changed:
            await self._bus.publish(CallbackChanged(callback_id, now))

    async def _owe_again(self, connection: AsyncConnection, attempt: Any, now: float) -> None:
        await connection.execute(
            update(Attempt)
            .where(Attempt.id == attempt.id)
            .values(result=Result.NO_ANSWER.value, why=BY_MACHINE)
        )
        row = (await connection.execute(select(Callback).where(Callback.id == attempt.callback_id))).one()
        if row.outcome != Outcome.REACHED or row.closed_call_id != attempt.call_id:
            return
        if await promises.find_open(connection, row.number, row.department) is not None:
            return  # they have asked again meanwhile: that promise stands
        await ledger.reopen(connection, row.id, now)
        await self._progress.go_on(connection, row.id, Result.NO_ANSWER, now, attempt.call_id)


async def _take_back(connection: AsyncConnection, attempt: Any, now: float) -> list[int]:
    """The number's other callbacks, which were closed as if we had talked. What was tried before goes to a person: why
    it waited is not known any more."""
    rows = await connection.execute(
        select(Callback).where(
            Callback.closed_call_id == attempt.call_id,
            Callback.outcome == Outcome.CONTACT.value,
            Callback.id.is_distinct_from(attempt.callback_id),
        )
    )
    reopened = []
    for row in rows.all():
        if await promises.find_open(connection, row.number, row.department) is None:
            tried = State.WAITING if row.first_attempt_at is None else State.INBOX
            to = State.HELD if row.reasons else tried
            await ledger.reopen(connection, row.id, now, to)
            kind = "inbox" if to is State.INBOX else "machine"
            await ledger.tell(connection, row.id, now, kind, detail=BY_MACHINE)
            reopened.append(int(row.id))
    return reopened
