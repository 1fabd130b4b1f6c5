"""Call facts in, rows out: `CallLog.record` writes what a batch of facts says about calls inside the transaction it
is handed. An open call has its row from its first fact on, so that a crash leaves nothing unsaid; its last fact
makes the row final, deletes its journal and appends the durable fact. What a fact means is decided in `calls.py`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from sqlalchemy import bindparam, delete, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from core import fact_log
from core.facts import (
    AgentLeft,
    CallAnswered,
    CallbackDeclined,
    CallDequeued,
    CallDescribed,
    CallEnded,
    CallerLeftByKey,
    CallHeld,
    CallQueued,
    CallRecord,
    CallResumed,
    CallsJoined,
    CallStarted,
    CallTransferred,
    Fact,
    NoticePlayed,
    Parties,
    PhoneRinging,
    PhoneStopped,
)
from pbx_bridge.tables import Call, CallJournal, CallMoment, CallPerson, CallTransfer, CallWrapUp

Moment = tuple[str, str | None, str | None]
"""kind, extension, detail"""

MOMENTS: Mapping[type[Fact], Callable[[Any], Moment]] = {
    CallStarted: lambda fact: ("started", None, fact.parties.callee),
    CallQueued: lambda fact: ("queued", None, fact.queue),
    NoticePlayed: lambda fact: ("notice" if fact.whole else "notice_cut", None, fact.prompt),
    CallDequeued: lambda fact: ("dequeued", None, fact.queue),
    PhoneRinging: lambda fact: ("ringing", fact.phone.extension, None),
    PhoneStopped: lambda fact: ("stopped", fact.phone.extension, fact.reason.value),
    CallAnswered: lambda fact: ("answered", fact.phone.extension, None),
    AgentLeft: lambda fact: ("left", fact.phone.extension, None),
    CallHeld: lambda fact: ("held", fact.phone.extension, None),
    CallResumed: lambda fact: ("resumed", fact.phone.extension, None),
    CallTransferred: lambda fact: (
        f"{fact.transfer.kind.value}_transfer",
        fact.transfer.from_extension,
        fact.transfer.to,
    ),
    CallEnded: lambda fact: ("ended", None, fact.record.ended_by.value),
}
"""How each fact reads in the call's story. Facts not named here leave no moment."""

DURABLE = (CallEnded, CallerLeftByKey, CallbackDeclined)
"""Somebody owes something because of these: they go into the fact log together with the rows they speak of."""

FINAL = (
    "direction", "caller", "caller_name", "callee", "customer_number", "queue", "result", "started_at",
    "answered_at", "ended_at", "wait_s", "talk_s", "ended_by", "why", "linkedids",
)  # fmt: skip
"""What a call's last fact makes final."""

# Made once: putting a statement together for every fact costs several times what SQLite needs to execute it.
INSERTS: dict[str, sqlite.Insert | postgresql.Insert] = {
    "sqlite": sqlite.insert(Call),
    "postgresql": postgresql.insert(Call),
}
OPEN = {dialect: statement.on_conflict_do_nothing() for dialect, statement in INSERTS.items()}
CLOSE = {
    dialect: statement.on_conflict_do_update(
        index_elements=[Call.id], set_={name: statement.excluded[name] for name in FINAL}
    )
    for dialect, statement in INSERTS.items()
}
CHANGE = update(Call).where(Call.id == bindparam("of"))
FIRST_QUEUE = CHANGE.where(Call.queue.is_(None))
FIRST_ANSWER = CHANGE.where(Call.answered_at.is_(None))
ADD_MOMENTS, ADD_PEOPLE, ADD_TRANSFERS = insert(CallMoment), insert(CallPerson), insert(CallTransfer)
FORGET_PEOPLE = delete(CallPerson).where(CallPerson.call_id == bindparam("of"))
FORGET_TRANSFERS = delete(CallTransfer).where(CallTransfer.call_id == bindparam("of"))
FORGET_JOURNAL = delete(CallJournal).where(CallJournal.call_id == bindparam("of"))


async def record(connection: AsyncConnection, facts: Iterable[Fact]) -> None:
    """Write what `facts` say about calls, in their order, inside the caller's transaction. Idempotent per call:
    a call that is told again (after a crash) is brought up to date, not doubled."""
    moments: list[dict[str, object]] = []
    for fact in facts:
        await _write(connection, fact)
        if (tell := MOMENTS.get(type(fact))) is not None:
            kind, extension, detail = tell(fact)
            row = {"call_id": fact.call_id, "at": fact.at, "kind": kind}  # type: ignore[attr-defined]
            moments.append({**row, "extension": extension, "detail": detail})
        if isinstance(fact, CallsJoined | CallEnded):
            await _flush(connection, moments)
        if isinstance(fact, CallsJoined):
            await _join(connection, fact)
    await _flush(connection, moments)


async def _flush(connection: AsyncConnection, moments: list[dict[str, object]]) -> None:
    if moments:
        await connection.execute(ADD_MOMENTS, moments)
        moments.clear()


async def _write(connection: AsyncConnection, fact: Fact) -> None:
    match fact:
        case CallStarted(call_id, pbx, at, parties):
            opened = {"id": call_id, "pbx": pbx, "started_at": at, **_parties(parties)}
            await connection.execute(OPEN[connection.dialect.name], opened)
        case CallDescribed(call_id, _, parties):
            await connection.execute(CHANGE, {"of": call_id, **_parties(parties)})
        case CallQueued(call_id, _, queue):
            await connection.execute(FIRST_QUEUE, {"of": call_id, "queue": queue})
        case CallAnswered(call_id, at, _):
            await connection.execute(FIRST_ANSWER, {"of": call_id, "answered_at": at})
        case CallEnded(call_id, at, call):
            await _close(connection, call)
            await fact_log.append(connection, fact, subject=call_id, at=at)
        case CallerLeftByKey():
            await fact_log.append(connection, fact, subject=fact.call_id, at=fact.at)
        case CallbackDeclined():
            await fact_log.append(connection, fact, subject=fact.attempt_id, at=fact.at)


def _parties(parties: Parties) -> dict[str, str | None]:
    return {
        "direction": parties.direction.value,
        "caller": parties.caller,
        "caller_name": parties.caller_name,
        "callee": parties.callee,
        "customer_number": parties.customer_number,
    }


async def _close(connection: AsyncConnection, call: CallRecord) -> None:
    values = {
        "id": call.call_id,
        "pbx": call.pbx,
        "direction": call.direction.value,
        "caller": call.caller,
        "caller_name": call.caller_name,
        "callee": call.callee,
        "customer_number": call.customer_number,
        "queue": call.queue,
        "result": call.result.value,
        "started_at": call.started_at,
        "answered_at": call.answered_at,
        "ended_at": call.ended_at,
        "wait_s": call.wait_s,
        "talk_s": call.talk_s,
        "ended_by": call.ended_by.value,
        "why": call.why,
        "linkedids": " ".join(call.linkedids),
    }
    await connection.execute(CLOSE[connection.dialect.name], values)
    await _replace_people(connection, call)
    await connection.execute(FORGET_JOURNAL, {"of": call.call_id})


async def _replace_people(connection: AsyncConnection, call: CallRecord) -> None:
    await connection.execute(FORGET_PEOPLE, {"of": call.call_id})
    await connection.execute(FORGET_TRANSFERS, {"of": call.call_id})
    people = [
        {"call_id": call.call_id, "role": role, "position": position, "extension": extension}
        for role, extensions in (("rang", call.rang), ("talked", call.talked))
        for position, extension in enumerate(extensions)
    ]
    transfers = [
        {
            "call_id": call.call_id,
            "position": position,
            "kind": transfer.kind.value,
            "from_extension": transfer.from_extension,
            "to": transfer.to,
            "at": transfer.at,
        }
        for position, transfer in enumerate(call.transfers)
    ]
    if people:
        await connection.execute(ADD_PEOPLE, people)
    if transfers:
        await connection.execute(ADD_TRANSFERS, transfers)


async def _join(connection: AsyncConnection, fact: CallsJoined) -> None:
    """The absorbed call's story and notes move to the call it is about; its own row goes."""
    survivor, absorbed = fact.call_id, fact.absorbed_id
    for table in (CallMoment, CallJournal):
        await connection.execute(update(table).where(table.call_id == absorbed).values(call_id=survivor))
    have = select(CallWrapUp.user_id).where(CallWrapUp.call_id == survivor)
    await connection.execute(
        update(CallWrapUp)
        .where(CallWrapUp.call_id == absorbed, CallWrapUp.user_id.not_in(have))
        .values(call_id=survivor)
    )
    await connection.execute(delete(Call).where(Call.id == absorbed))
