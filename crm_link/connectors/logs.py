"""Calls to be written to other CRMs, as durable work: `ask` writes a row when a call ended (a fact told again changes
nothing), a worker `take`s what is due and says how it went. A lease that runs out is a worker that died: the row is
taken again, and `maybe_sent` says whether the CRM was perhaps told. Nothing is sent from here (`log_worker.py`)."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, and_, case, delete, func, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from core.errors import ConflictError, NotFoundError
from crm_link.connectors.begun_rows import forget_begun, forget_unknown
from crm_link.connectors.stuck import STUCK, tell_stuck
from crm_link.connectors.tables import ConnectorLog, LogPart, LogState

LEASE_S = 300.0
"""Longer than any one try: a few requests of at most 30 seconds."""

LADDER_S = (15.0, 60.0, 300.0, 900.0, 1800.0)
"""Waits after a failed try; the last one again and again."""

GIVE_UP_S = 7 * 86_400.0
"""A CRM that was away for a week, or refuses for a week: a person must look."""

KEPT_S = 90 * 86_400.0
"""Finished rows are kept so long for people to look at."""

NO_ANSWER = "It was sent and no answer came: look in the CRM whether it is there, and send it again if not."
LEFT = "Somebody looked, and left it as it is."
DIED = "Ringback stopped in the middle of each try for a week: look into its log."

ENDED = (LogState.DONE, LogState.SKIPPED, LogState.UNCERTAIN, LogState.FAILED)


@dataclass(frozen=True, slots=True)
class LogJob:
    """A row as its worker gets it; `tries` counts this one. `wanted` is what it must write up to, `written` what the
    CRM has, 0 for nothing yet."""

    id: int
    connector: str
    call_id: str
    part: LogPart
    record: Mapping[str, Any]
    tries: int
    wanted: int
    written: int
    maybe_sent: bool
    reference: str
    sent: str
    made_at: float


async def ask(
    connection: AsyncConnection, connectors: Iterable[str], record: Mapping[str, Any], now: float
) -> None:
    """Have each CRM told of this call, once."""
    rows = [
        {
            "connector": name,
            "call_id": record["call_id"],
            "part": LogPart.CALL,
            "record": json.dumps(record, ensure_ascii=False),
            "state": LogState.WAITING,
            "due_at": now,
            "made_at": now,
        }
        for name in connectors
    ]
    await _insert(connection, rows)


async def ask_recording(connection: AsyncConnection, job: LogJob, reference: str, now: float) -> None:
    """Have the call's recording brought to where `job` has just written the call, once."""
    row: dict[str, Any] = {"connector": job.connector, "call_id": job.call_id, "part": LogPart.RECORDING}
    row |= {"record": "{}", "reference": reference, "state": LogState.WAITING, "due_at": now, "made_at": now}
    await _insert(connection, [row])


async def _insert(connection: AsyncConnection, rows: Sequence[Mapping[str, Any]]) -> None:
    """But for those that are there already."""
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    if rows:
        await connection.execute(dialect.insert(ConnectorLog).values(rows).on_conflict_do_nothing())


async def ask_again(
    connection: AsyncConnection, connectors: Iterable[str], call_id: str, part: LogPart, now: float
) -> None:
    """There is more to say of this call, or its audio is another one: whoever was told is told."""
    of = (ConnectorLog.call_id == call_id) & (ConnectorLog.part == part)
    await connection.execute(
        update(ConnectorLog)
        .where(of, ConnectorLog.connector.in_(list(connectors)))
        .values(wanted=ConnectorLog.wanted + 1)
    )
    not_looked_at_in_vain = (ConnectorLog.state == LogState.WAITING) & (ConnectorLog.tries == 0)
    await connection.execute(update(ConnectorLog).where(of, not_looked_at_in_vain).values(due_at=now))
    await connection.execute(
        update(ConnectorLog)
        .where(of, ConnectorLog.state == LogState.DONE)
        .values(state=LogState.WAITING, due_at=now, tries=0, ended_at=None, made_at=now)
    )


async def take(connection: AsyncConnection, connector: str, now: float) -> LogJob | None:
    """Lease the next row of this CRM that is due, oldest first; None when nothing is."""
    await _give_up(connection, connector, now)
    due = or_(
        and_(ConnectorLog.state == LogState.WAITING, ConnectorLog.due_at <= now),
        and_(ConnectorLog.state == LogState.RUNNING, ConnectorLog.leased_until < now),
    )
    row = (
        await connection.execute(
            select(*ConnectorLog.__table__.c)
            .where(ConnectorLog.connector == connector, due)
            .order_by(ConnectorLog.due_at, ConnectorLog.id)
            .limit(1)
            .with_for_update(skip_locked=True)
        )
    ).one_or_none()
    if row is None:
        return None
    await connection.execute(
        update(ConnectorLog)
        .where(ConnectorLog.id == row.id)
        .values(state=LogState.RUNNING, leased_until=now + LEASE_S, tries=row.tries + 1)
    )
    record = json.loads(row.record)
    return LogJob(
        id=row.id,
        connector=connector,
        call_id=row.call_id,
        part=LogPart(row.part),
        record=record,
        tries=row.tries + 1,
        wanted=row.wanted,
        written=row.written,
        maybe_sent=row.maybe_sent,
        reference=row.reference,
        sent=row.sent,
        made_at=row.made_at,
    )


async def _give_up(connection: AsyncConnection, connector: str, now: float) -> None:
    """Rows whose workers died at it for a week: whatever they die of, the next one would too."""
    is_perhaps_there = ConnectorLog.maybe_sent & (ConnectorLog.written == 0)
    given_up = await connection.execute(
        update(ConnectorLog)
        .where(ConnectorLog.connector == connector, ConnectorLog.state == LogState.RUNNING)
        .where(
            ConnectorLog.leased_until < now, ConnectorLog.made_at < now - GIVE_UP_S, ConnectorLog.tries > 1
        )
        .values(
            state=case((is_perhaps_there, LogState.UNCERTAIN), else_=LogState.FAILED),
            error=case((is_perhaps_there, NO_ANSWER), else_=DIED),
            ended_at=now,
            leased_until=None,
        )
    )
    if given_up.rowcount:
        await tell_stuck(connection, connector, now)


async def next_due(connection: AsyncConnection, connector: str) -> float | None:
    """When the next row of this CRM is due; None when nothing waits."""
    due = await connection.scalar(
        select(func.min(ConnectorLog.due_at)).where(
            ConnectorLog.connector == connector, ConnectorLog.state == LogState.WAITING
        )
    )
    return None if due is None else float(due)


async def about_to_send(connection: AsyncConnection, job: LogJob) -> None:
    """To be committed before the CRM is told: from now on it perhaps was."""
    await _set(connection, job, maybe_sent=True)


async def not_sent(connection: AsyncConnection, job: LogJob) -> None:
    """The CRM was surely not told after all."""
    await _set(connection, job, maybe_sent=False)


async def done(
    connection: AsyncConnection,
    job: LogJob,
    reference: str,
    now: float,
    *,
    name: str = "",
    url: str = "",
    sent: str = "",
) -> None:
    """It is written; when more came to be said meanwhile, the row waits again."""
    values: dict[str, Any] = {"reference": reference, "sent": sent}
    values |= {"written": job.wanted, "tries": 0, "error": ""}
    if name or url:
        values |= {"contact_name": name, "contact_url": url}
    await _set(connection, job, **values)
    await _end(connection, job, LogState.DONE, now)
    await connection.execute(
        update(ConnectorLog)
        .where(ConnectorLog.id == job.id, ConnectorLog.wanted > job.wanted)
        .values(state=LogState.WAITING, due_at=now, ended_at=None)
    )


async def failed(connection: AsyncConnection, job: LogJob, why: str, now: float) -> None:
    """This try failed, `why` is a sentence. Tried again later, for a week."""
    await _set(connection, job, error=why[:2000])
    if now - job.made_at > GIVE_UP_S:
        await _end(connection, job, LogState.FAILED, now)
        return
    wait = LADDER_S[min(job.tries, len(LADDER_S)) - 1]
    await _set(connection, job, state=LogState.WAITING, due_at=now + wait, leased_until=None)


async def not_yet(connection: AsyncConnection, job: LogJob, why: str, now: float) -> None:
    """There is nothing to send yet, which is nobody's failure: looked at again after half as long as it has waited."""
    if now - job.made_at > GIVE_UP_S:
        await skipped(connection, job, why, now)
        return
    wait = min(max((now - job.made_at) / 2, LADDER_S[0]), LADDER_S[-1])
    values = {"state": LogState.WAITING, "due_at": now + wait, "leased_until": None, "tries": job.tries - 1}
    await _set(connection, job, error=why, **values)


async def skipped(connection: AsyncConnection, job: LogJob, why: str, now: float) -> None:
    await _set(connection, job, error=why)
    await _end(connection, job, LogState.SKIPPED, now)


async def hold(connection: AsyncConnection, connector: str, call_id: str) -> None:
    """Nobody says how the writing of this call went until the transaction ends."""
    await connection.execute(select(ConnectorLog.id).where(*_of_call(connector, call_id)).with_for_update())


async def ask_skipped(connection: AsyncConnection, connector: str, call_id: str, now: float) -> None:
    """It is known now on whom a call is to be written that was on nobody."""
    await connection.execute(
        update(ConnectorLog)
        .where(*_of_call(connector, call_id), ConnectorLog.state == LogState.SKIPPED)
        .values(state=LogState.WAITING, due_at=now, tries=0, error="", ended_at=None, made_at=now)
    )


async def uncertain(connection: AsyncConnection, job: LogJob, now: float) -> None:
    await _set(connection, job, error=NO_ANSWER)
    await _end(connection, job, LogState.UNCERTAIN, now)


async def give_back(connection: AsyncConnection, job: LogJob, now: float) -> None:
    """The server stops in the middle of it: it counts as no try."""
    await _set(connection, job, state=LogState.WAITING, due_at=now, leased_until=None, tries=job.tries - 1)


async def send_again(connection: AsyncConnection, log_id: int, now: float) -> str:
    """A person looked and wants it sent; returns the CRM's name. Raises NotFoundError, ConflictError when it is under
    way or done."""
    row = await _held(connection, log_id)
    if row.state not in (LogState.SKIPPED, LogState.UNCERTAIN, LogState.FAILED):
        raise ConflictError("this call is sent already, or about to be")
    await connection.execute(
        update(ConnectorLog)
        .where(ConnectorLog.id == log_id)
        .values(state=LogState.WAITING, due_at=now, tries=0, maybe_sent=False, error="", ended_at=None, made_at=now)
    )  # fmt: skip
    await forget_unknown(connection, row.connector, row.call_id)
    await tell_stuck(connection, row.connector, now)
    return str(row.connector)


async def leave(connection: AsyncConnection, log_id: int, now: float) -> None:
    """A person looked, and nothing is to be sent: it is there, or need not be. Raises NotFoundError, ConflictError when
    nobody had to look."""
    row = await _held(connection, log_id)
    if row.state not in STUCK:
        raise ConflictError("this call waits for nobody")
    await connection.execute(
        update(ConnectorLog)
        .where(ConnectorLog.id == log_id)
        .values(state=LogState.SKIPPED, error=LEFT, ended_at=now)
    )
    await tell_stuck(connection, row.connector, now)


async def forget(connection: AsyncConnection, connector: str, now: float) -> None:
    """Finished rows of this CRM that nobody looks at any more."""
    await connection.execute(
        delete(ConnectorLog)
        .where(ConnectorLog.connector == connector, ConnectorLog.state.in_(ENDED))
        .where(ConnectorLog.ended_at < now - KEPT_S)
    )
    await forget_begun(connection, connector, now - KEPT_S)
    await tell_stuck(connection, connector, now)


def _of_call(connector: str, call_id: str) -> tuple[ColumnElement[bool], ...]:
    return (
        ConnectorLog.connector == connector,
        ConnectorLog.call_id == call_id,
        ConnectorLog.part == LogPart.CALL,
    )


async def _held(connection: AsyncConnection, log_id: int) -> Any:
    """The row, which nobody changes until the transaction ends. Raises NotFoundError."""
    row = (
        await connection.execute(
            select(ConnectorLog.connector, ConnectorLog.call_id, ConnectorLog.state)
            .where(ConnectorLog.id == log_id)
            .with_for_update()
        )
    ).one_or_none()
    if row is None:
        raise NotFoundError("there is no such call to send")
    return row


async def _end(connection: AsyncConnection, job: LogJob, state: LogState, now: float) -> None:
    await _set(connection, job, state=state, ended_at=now, leased_until=None)
    if state in STUCK:
        await tell_stuck(connection, job.connector, now)


async def _set(connection: AsyncConnection, job: LogJob, **values: Any) -> None:
    await connection.execute(update(ConnectorLog).where(ConnectorLog.id == job.id).values(**values))
