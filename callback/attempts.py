"""What is known of each try to keep a promise. In: orders before they are sent, the PBX's word on them, facts of calls
whose id is an attempt's. Out: the attempt's row and, once it has ended, the next step of its callback. An attempt is
committed before the PBX is asked, so a crash at any point leaves a row that can be looked into. Whom to call and when
is decided in `policy.py`; the PBX is spoken to in `scheduler.py`."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import bindparam, func, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from callback.kinds import NO_RUNG, AttemptKind, AttemptState, Result, State
from callback.ledger import tell
from callback.progress import Progress
from callback.tables import Attempt, Callback
from core import fact_log
from core.bus import Bus
from core.clock import Clock
from core.db import Database
from core.fact_log import LoggedFact
from core.facts import (
    CallAnswered,
    CallbackChanged,
    CallbackDeclined,
    CallsJoined,
    CallStarted,
    CustomerDialled,
    EndedBy,
    Fact,
    PhoneRinging,
    Verdict,
    attempt_of,
)
from core.ports import DialOrder

OF = Attempt.id == bindparam("of")
SEEN: dict[type[Fact], Any] = {
    kind: update(Attempt)
    .where(OF, column.is_(None))
    .values({column: bindparam("at")})
    .returning(Attempt.callback_id)
    for kind, column in (
        (PhoneRinging, Attempt.agent_rang_at),
        (CallAnswered, Attempt.agent_answered_at),
        (CustomerDialled, Attempt.customer_dialled_at),
    )
}
"""The first fact of each kind dates a column; told again after a restart, it changes nothing."""


_IN_DOUBT = update(Attempt).where(OF).values(state=AttemptState.UNCERTAIN.value)
_OVER = _IN_DOUBT.values(over_at=bindparam("at"))


@dataclass(frozen=True, slots=True)
class Made:
    """An attempt about to be committed. `user_id` is the agent whose phone rings first, if any."""

    order: DialOrder
    kind: AttemptKind
    at: float
    user_id: int | None = None
    callback_id: int | None = None
    idempotency_key: str | None = None


@dataclass(frozen=True, slots=True)
class Ended:
    """How an attempt ended. `why` is one sentence for a person; `bridged_at` when customer and agent first talked."""

    result: Result
    at: float
    why: str
    call_id: str | None = None
    customer_dialled_at: float | None = None
    bridged_at: float | None = None


def new_attempt_id() -> str:
    """Never used before, whatever became of the database: the PBX remembers ids for a week."""
    return secrets.token_hex(10)


async def claim(connection: AsyncConnection, made: Made) -> bool:
    """Take the waiting callback for this attempt, inside the caller's transaction. False when it waits no longer:
    withdrawn, closed, or taken by another server a moment ago."""
    taken = await connection.execute(
        update(Callback)
        .where(Callback.id == made.callback_id, Callback.state == State.WAITING.value)
        .values(
            state=State.DIALLING.value,
            why_not=None,
            first_attempt_at=func.coalesce(Callback.first_attempt_at, made.at),
        )
    )
    if taken.rowcount != 1:
        return False
    await store(connection, made)
    await tell(connection, made.callback_id or 0, made.at, "attempt", user_id=made.user_id)
    return True


async def store(connection: AsyncConnection, made: Made) -> None:
    """Write the attempt, inside the caller's transaction."""
    order = made.order
    await connection.execute(
        insert(Attempt).values(
            id=order.attempt_id,
            callback_id=made.callback_id,
            kind=made.kind.value,
            state=AttemptState.MADE.value,
            pbx=order.pbx,
            number=order.number,
            user_id=made.user_id,
            extension=order.agent.extension if order.agent else None,
            queue=order.queue,
            position=order.position,
            idempotency_key=made.idempotency_key,
            made_at=made.at,
        )
    )


class Attempts:
    """Subscribe it before the first fact is published."""

    def __init__(
        self,
        database: Database,
        bus: Bus,
        clock: Clock,
        progress: Progress,
    ) -> None:
        self._database = database
        self._progress = progress
        self._bus = bus
        self._clock = clock

    def subscribe(self) -> None:
        self._bus.subscribe(CallStarted, self._started, name="attempts")
        self._bus.subscribe(PhoneRinging, self._seen, name="attempts")
        self._bus.subscribe(CallAnswered, self._seen, name="attempts")
        self._bus.subscribe(CustomerDialled, self._seen, name="attempts")
        self._bus.subscribe(CallsJoined, self._joined, name="attempts")

    # ---- what the PBX said of an order

    async def sent(self, attempt_id: str) -> None:
        """The PBX has taken the order."""
        await self._mark(attempt_id, AttemptState.SENT, sent_at=self._clock())

    async def uncertain(self, attempt_id: str, why: str) -> None:
        """No reply: the PBX may or may not have taken it."""
        await self._mark(attempt_id, AttemptState.UNCERTAIN, why=why)

    async def _mark(self, attempt_id: str, state: AttemptState, **values: object) -> int | None:
        """Never undoes an end: the call may be over before the reply to its order is read. Returns the callback that
        this changed."""
        async with self._database.write() as connection:
            return await connection.scalar(
                update(Attempt)
                .where(Attempt.id == attempt_id, Attempt.ended_at.is_(None))
                .values(state=state.value, **values)
                .returning(Attempt.callback_id)
            )

    # ---- facts of its call

    async def _started(self, fact: CallStarted) -> None:
        """The PBX has it: whatever was uncertain is not any more."""
        attempt_id = attempt_of(fact.call_id)
        if attempt_id is not None:
            marked = await self._mark(attempt_id, AttemptState.SENT, call_id=fact.call_id)
            await self._announce(marked, fact.at)

    async def _seen(self, fact: PhoneRinging | CallAnswered | CustomerDialled) -> None:
        attempt_id = attempt_of(fact.call_id)
        if attempt_id is None:
            return
        async with self._database.write() as connection:
            changed = await connection.scalar(SEEN[type(fact)], {"of": attempt_id, "at": fact.at})
        await self._announce(changed, fact.at)

    async def _joined(self, fact: CallsJoined) -> None:
        """The call of the attempt became part of another; its end will be told under that id."""
        async with self._database.write() as connection:
            await connection.execute(
                update(Attempt).where(Attempt.call_id == fact.absorbed_id).values(call_id=fact.call_id)
            )

    async def call_ended(self, logged: LoggedFact) -> None:
        """A consumer of `CallEnded`: the attempts of that call are over. Nothing happens the second time."""
        record = logged.body["record"]
        async with self._database.read() as connection:
            ids = (
                await connection.scalars(
                    select(Attempt.id).where(
                        or_(
                            Attempt.call_id == record["call_id"], Attempt.id == attempt_of(record["call_id"])
                        ),
                        Attempt.ended_at.is_(None),
                    )
                )
            ).all()
        for attempt_id in ids:
            await self.end(attempt_id, lambda row: ended_by(row, record), was_seen=_was_seen(record))

    async def tell_declined(self, attempt: Any) -> None:
        """The PBX's marker says that the customer pressed 9, at a moment when we did not look."""
        fact = CallbackDeclined(attempt.id, attempt.pbx, self._clock())
        async with self._database.write() as connection:
            await fact_log.append(connection, fact, subject=attempt.id, at=fact.at)
        await self._bus.publish(fact)

    # ---- its end

    async def end(
        self, attempt_id: str, how: Callable[[Any], Ended | None], *, was_seen: bool = True
    ) -> bool:
        """End it once. `how` reads the attempt's row inside the transaction; None leaves it open, in doubt, its call
        known to be over when that `was_seen`. False when it had ended before."""
        async with self._database.write() as connection:
            row = (
                await connection.execute(
                    select(Attempt)
                    .where(Attempt.id == attempt_id, Attempt.ended_at.is_(None))
                    .with_for_update()
                )
            ).one_or_none()
            if row is None:
                return False
            ended = how(row)
            if ended is None:
                doubt = _OVER if was_seen else _IN_DOUBT
                await connection.execute(doubt, {"of": attempt_id, "at": self._clock()})
                return False
            await _close(connection, row, ended)
            if row.callback_id is not None:
                await self._progress.go_on(
                    connection, row.callback_id, ended.result, self._clock(), ended.call_id
                )
        await self._announce(row.callback_id, ended.at)
        return True

    async def _announce(self, callback_id: int | None, at: float) -> None:
        if callback_id is not None:
            await self._bus.publish(CallbackChanged(callback_id, at))


async def _close(connection: AsyncConnection, row: Any, ended: Ended) -> None:
    await connection.execute(
        update(Attempt)
        .where(Attempt.id == row.id)
        .values(
            state=AttemptState.ENDED.value,
            ended_at=ended.at,
            result=ended.result.value,
            why=ended.why,
            call_id=ended.call_id or row.call_id,
            customer_dialled_at=row.customer_dialled_at or ended.customer_dialled_at,
            bridged_at=ended.bridged_at,
        )
    )
    if row.callback_id is not None:
        await tell(
            connection,
            row.callback_id,
            ended.at,
            f"attempt_{ended.result.value}",
            user_id=row.user_id,
            detail=ended.why,
        )


BY_MACHINE = "A machine answered, says the agent."

RESULTS = {Verdict.ANSWERED: Result.REACHED, Verdict.BUSY: Result.BUSY, Verdict.FAILED: Result.FAILED}


def _was_seen(record: Any) -> bool:
    """Whether we watched the call to its end; else we were blind then, and anything may have happened meanwhile."""
    return EndedBy(record["ended_by"]) is not EndedBy.UNKNOWN


def ended_by(row: Any, record: Any) -> Ended | None:
    """What the finished call of an attempt says. None when it does not say whether the customer's phone rang, or how a
    call ended that nobody watched: then the PBX's own marker is asked, and a customer whose phone rang may have
    answered, or pressed 9."""
    result = RESULTS.get(Verdict(record["result"]))
    if result is None and row.customer_dialled_at is not None:
        result = Result.NO_ANSWER
    if result is None:
        return None
    talked = record["talk_s"] > 0
    if result is Result.REACHED and not talked:
        result = Result.NOT_BRIDGED
    if result in (Result.NO_ANSWER, Result.NOT_BRIDGED) and not _was_seen(record):
        return None
    why = record["why"]
    if row.machine and result is Result.REACHED:
        result, why = Result.NO_ANSWER, BY_MACHINE
    return Ended(
        result=result,
        at=record["ended_at"],
        why=why,
        call_id=record["call_id"],
        customer_dialled_at=None if result in NO_RUNG else record["answered_at"],
        bridged_at=record["ended_at"] - record["talk_s"] if talked else None,
    )
