"""What happens on the telephone and makes, closes or forbids callbacks. In: ended calls, callers who left a
queue by key, customers who pressed 9, all of them durable: none is forgotten. Out: requests, and callbacks that are
over since we talked.

Told the same thing twice, nothing changes: a call makes one request, and what is closed stays closed. A fact is looked
at again in the transaction that follows from it: whoever was erased since it was read is owed nothing. Which calls are
returned is the department's setting; web forms, programs and colleagues come through `requests.py` directly."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import structlog
from sqlalchemy import exists, func, or_, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from callback import guard, ledger, limits, suppressions
from callback.ask import Ask, Correctable
from callback.kinds import Outcome, Source
from callback.requests import Requests
from callback.tables import Attempt, Callback, Submission
from config.settings import Settings
from core.bus import Bus
from core.clock import Clock
from core.db import Database
from core.equivalences import spellings
from core.fact_log import FactConsumer, FactCursor, FactLogRow, LoggedFact, as_it_stands
from core.facts import (
    CallbackChanged,
    CallbackDeclined,
    CallEnded,
    CallerLeftByKey,
    Direction,
    Verdict,
    attempt_of,
)
from core.ports import CallerBlocks

log = structlog.get_logger(__name__)

CONSUMER = "callback_sources"
CURSORS: dict[str, sqlite.Insert | postgresql.Insert] = {
    "sqlite": sqlite.insert(FactCursor),
    "postgresql": postgresql.insert(FactCursor),
}

HEARD = (CallEnded, CallerLeftByKey, CallbackDeclined)


class Sources:
    """One per application. Call `begin` once the database is ready, then run `consumer`. Who is on the block list
    (`blocks`) is owed no callback for a missed call."""

    def __init__(
        self,
        requests: Requests,
        database: Database,
        bus: Bus,
        clock: Clock,
        settings: Settings,
        blocks: CallerBlocks | None = None,
    ) -> None:
        self._blocks = blocks
        self._requests = requests
        self._database = database
        self._bus = bus
        self._clock = clock
        self._departments = {
            (settings.pbx_of(name), department.queue): name
            for name, department in settings.department.items()
        }
        self._settings = settings.department
        self.consumer = FactConsumer(database, CONSUMER, HEARD, self._hear)

    async def begin(self) -> None:
        """Where nobody has returned calls before, begin with the next one: last week's are not owed all at once."""
        async with self._database.write() as connection:
            last = (await connection.execute(select(func.max(FactLogRow.id)))).scalar() or 0
            first = CURSORS[connection.dialect.name].on_conflict_do_nothing()
            await connection.execute(first, {"consumer": CONSUMER, "last_id": last})

    async def _hear(self, logged: LoggedFact) -> None:
        match logged.kind:
            case CallEnded.__name__:
                await self.call_ended(logged)
            case CallerLeftByKey.__name__:
                await self.caller_left(logged)
            case CallbackDeclined.__name__:
                await self.declined(CallbackDeclined(**logged.body))

    async def call_ended(self, logged: LoggedFact) -> None:
        """A call of ours is over: a conversation closes what we owed its customer (P18), a call to a queue that nobody
        took is owed from now on."""
        record = logged.body["record"]
        if record["customer_number"] is None:
            return
        if _is_contact(record):
            await self._close_by(logged)
        elif (department := self._owing(record)) is not None and not await self._is_blocked(record):
            await self._ask(
                Ask(
                    source=Source.MISSED,
                    number=record["customer_number"],
                    department=department,
                    arrived_at=record["started_at"],
                    call_id=record["call_id"],
                ),
                logged,
            )

    async def caller_left(self, logged: LoggedFact) -> None:
        """A waiting caller pressed the key: they keep their place (P16)."""
        fact = CallerLeftByKey(**logged.body)
        department = self._departments.get((fact.pbx, fact.queue))
        if department is None or fact.number is None:
            log.warning(
                "nobody to call back for a caller who left by key", call=fact.call_id, queue=fact.queue
            )
            return
        await self._ask(
            Ask(
                source=Source.QUEUE,
                number=fact.number,
                department=department,
                arrived_at=fact.since if fact.since is not None else fact.at,
                call_id=fact.call_id,
                position=fact.position,
            ),
            logged,
        )

    async def declined(self, fact: CallbackDeclined) -> None:
        """They did not ask for this: never again, and whoever asked in their name is not believed for a while."""
        await self._requests.suppressions.prepare()
        now = self._clock()
        async with self._database.write() as connection:
            asked = select(Attempt.number, Attempt.callback_id).where(Attempt.id == fact.attempt_id)
            row = (await connection.execute(asked)).one_or_none()
            if row is None:
                return
            number_hash = await self._requests.suppressions.hash(row.number)
            await suppressions.put(connection, number_hash, "pressed 9 in a call of ours", now, None)
            await _penalise(connection, row.callback_id, now)
            closed = await _close_all(connection, row.number, now, Outcome.SUPPRESSED, None)
        await self._tell(closed, now)

    async def _ask(self, ask: Ask, logged: LoggedFact) -> None:
        answer = await self._requests.submit(ask, partial(_still_says, logged))
        if isinstance(answer, Correctable):
            log.info("a call that cannot be returned", call=ask.call_id, code=answer.code)

    async def _is_blocked(self, record: Mapping[str, Any]) -> bool:
        """Whether the caller was on the block list when they called."""
        if self._blocks is None:
            return False
        async with self._database.read() as connection:
            why = await self._blocks.why(connection, record["customer_number"], record["ended_at"])
        return why is not None

    def _owing(self, record: Mapping[str, Any]) -> str | None:
        """The department that returns this call; None when nobody does."""
        department = self._departments.get((record["pbx"], record["queue"]))
        if department is None or record["direction"] != Direction.INBOUND:
            return None
        settings = self._settings[department]
        too_old = record["ended_at"] + settings.expire_hours * 3600 < self._clock()
        if not settings.return_missed or too_old:
            return None
        if record["result"] == Verdict.ABANDONED:
            return department if record["wait_s"] >= settings.missed_after_seconds else None
        return department if record["result"] == Verdict.MISSED else None

    async def _close_by(self, logged: LoggedFact) -> None:
        """Only what was asked for before the conversation was over, and not what an agent promised in it. The callback
        that a call of ours was for hears of it by its attempt."""
        now, record = self._clock(), logged.body["record"]
        async with self._database.write() as connection:
            own = await _own(connection, record)
            if own is None or not await _still_says(logged, connection):
                return
            closed = await _close_all(
                connection,
                record["customer_number"],
                now,
                Outcome.CONTACT,
                record["call_id"],
                since=record["started_at"],
                until=record["ended_at"],
                but=own,
            )
        await self._tell(closed, now)

    async def _tell(self, callback_ids: list[int], at: float) -> None:
        for callback_id in callback_ids:
            await self._bus.publish(CallbackChanged(callback_id, at))


async def _still_says(logged: LoggedFact, connection: AsyncConnection) -> bool:
    """Whether the fact still says whose call it was. Whoever erases them waits until this transaction is over, and
    then finds what it wrote."""
    now = await as_it_stands(connection, logged)
    return now is not None and _number_of(now) == _number_of(logged)


def _number_of(logged: LoggedFact) -> str | None:
    said = logged.body["record"]["customer_number"] if "record" in logged.body else logged.body["number"]
    return None if said is None else str(said)


def _is_contact(record: Mapping[str, Any]) -> bool:
    """Whether a human of ours and the customer talked, as far as the call itself can tell."""
    is_ours = record["direction"] in (Direction.INBOUND, Direction.OUTBOUND, Direction.CALLBACK)
    return is_ours and record["result"] == Verdict.ANSWERED and record["talk_s"] > 0


async def _own(connection: AsyncConnection, record: Mapping[str, Any]) -> frozenset[int] | None:
    """The callbacks that this call was made for; None when it was no conversation: a machine had answered, says the
    agent. A call of ours whose attempt nobody knows closes nothing: it may be what it was made for."""
    call_id = record["call_id"]
    asked = select(Attempt.callback_id, Attempt.machine).where(
        or_(Attempt.call_id == call_id, Attempt.id == attempt_of(call_id))
    )
    attempts = (await connection.execute(asked)).all()
    is_unknown = record["direction"] == Direction.CALLBACK and not attempts
    if is_unknown or any(one.machine for one in attempts):
        return None
    return frozenset(one.callback_id for one in attempts if one.callback_id is not None)


async def _close_all(
    connection: AsyncConnection,
    number: str,
    at: float,
    outcome: Outcome,
    call_id: str | None,
    *,
    since: float = 0.0,
    until: float | None = None,
    but: frozenset[int] = frozenset(),
) -> list[int]:
    asked = select(Callback.id).where(
        Callback.number.in_(spellings(number)), Callback.closed_at.is_(None), Callback.id.not_in(but)
    )
    if until is not None:
        promised = exists().where(
            Submission.callback_id == Callback.id,
            Submission.source == Source.AGENT.value,
            Submission.at >= since,
        )
        asked = asked.where(Callback.arrived_at <= until, ~promised)
    closed = []
    for callback_id in (await connection.scalars(asked.order_by(Callback.id))).all():
        if await ledger.close(connection, callback_id, at, outcome, call_id=call_id):
            closed.append(int(callback_id))
    return closed


async def _penalise(connection: AsyncConnection, callback_id: int | None, now: float) -> None:
    asked = select(Submission.address, Submission.visitor).where(Submission.callback_id == callback_id)
    for address, visitor in (await connection.execute(asked)).all():
        keys = [limits.penalty(source) for source in guard.sources_of(address, visitor)]
        await limits.add(connection, keys, now)
