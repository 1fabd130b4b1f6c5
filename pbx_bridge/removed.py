"""PBXs and lines that are in the settings no more (removed, or renamed) leave calls that nobody will see end. Their
calls are ended here, once, with what is known of them: the rows and moments of the call log. The time since the PBX
was last seen becomes a blind window. Another server may still read such a PBX: its lease is asked for first."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence
from typing import Any

import structlog
from sqlalchemy import delete, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from core.alarms import AlarmRow
from core.bus import Bus
from core.clock import Clock
from core.db import Database
from core.facts import (
    BlindWindowClosed,
    CallEnded,
    CallRecord,
    Direction,
    EndedBy,
    Fact,
    Transfer,
    TransferKind,
    Verdict,
)
from pbx_bridge import blindness, call_log
from pbx_bridge.lease import LEASE_S, Lease
from pbx_bridge.tables import Call, CallJournal, CallMoment, PbxHeartbeat
from pbx_bridge.writer import Writer

log = structlog.get_logger(__name__)

REASON = "{pbx} was taken out of the settings"


async def end_removed(database: Database, bus: Bus, clock: Clock, sources: Collection[str]) -> None:
    """Finish with every PBX and line that is not among `sources`; returns when none is left."""
    async with database.read() as connection:
        known = await connection.scalars(select(PbxHeartbeat.pbx))
        left = {name for name in known if name not in sources}
    while left:
        for name in sorted(left):
            lease = Lease(database, name)
            if await lease.take(clock()):
                await _finish(Writer(database, lease), bus, name, clock(), await lease.seen_at())
                await lease.release()
                left.discard(name)
        if left:
            await asyncio.sleep(LEASE_S)


async def _finish(writer: Writer, bus: Bus, pbx: str, now: float, seen_at: float | None) -> None:
    facts: list[Fact] = []

    async def write(connection: AsyncConnection) -> None:
        facts[:] = await _end_calls(connection, pbx, now if seen_at is None else min(now, seen_at))
        await call_log.record(connection, facts)
        await connection.execute(delete(CallJournal).where(CallJournal.pbx == pbx))
        await connection.execute(
            update(AlarmRow)
            .where(AlarmRow.subject == pbx, AlarmRow.closed_at.is_(None))
            .values(closed_at=now)
        )
        facts.extend(await _close_window(connection, pbx, now, seen_at, len(facts)))

    await writer.write(write)
    if facts:
        log.warning("it is not in the settings any more: its open calls were ended", pbx=pbx)
    for fact in facts:
        await bus.publish(fact)


async def _close_window(
    connection: AsyncConnection, pbx: str, now: float, seen_at: float | None, calls: int
) -> list[BlindWindowClosed]:
    if calls and seen_at is not None:
        await blindness.open_window(connection, pbx, seen_at, REASON.format(pbx=pbx))
    window = await blindness.open_since(connection, pbx)
    if window is None:
        return []
    since, reason = window
    fact = BlindWindowClosed(pbx, since, now, reason, calls_kept=0, calls_ended_unseen=calls, calls_found=0)
    await blindness.close_window(connection, fact)
    # Accounted for: should the PBX come back one day, no window begins in the middle of this one.
    await connection.execute(update(PbxHeartbeat).where(PbxHeartbeat.pbx == pbx).values(seen_at=None))
    return [fact]


async def _end_calls(connection: AsyncConnection, pbx: str, seen_at: float) -> list[CallEnded]:
    calls = (
        select(*Call.__table__.c).where(Call.pbx == pbx, Call.ended_at.is_(None)).order_by(Call.started_at)
    )
    ended = []
    for call in (await connection.execute(calls)).all():
        told = select(*CallMoment.__table__.c).where(CallMoment.call_id == call.id).order_by(CallMoment.id)
        moments = (await connection.execute(told)).all()
        last = max([call.started_at, seen_at, *(moment.at for moment in moments)])
        ended.append(CallEnded(call.id, last, _record(call, moments, last)))
    return ended


def _record(call: Any, moments: Sequence[Any], last: float) -> CallRecord:
    """What the log knows of a call whose end nobody saw. `last` is the last moment at which it was certain."""
    direction = Direction(call.direction)
    # Of a callback the log says only that our agent lifted: the customer need not have.
    talked = () if direction is Direction.CALLBACK else _people(moments, "answered")
    answered_at = call.answered_at if talked else None
    rang = tuple(sorted(one for one in _people(moments, "ringing") if not one.startswith("+")))
    return CallRecord(
        call_id=call.id,
        pbx=call.pbx,
        linkedids=tuple(call.linkedids.split()),
        direction=direction,
        caller=call.caller,
        caller_name=call.caller_name,
        callee=call.callee,
        customer_number=call.customer_number,
        queue=call.queue,
        result=Verdict.ANSWERED if talked else Verdict.MISSED,
        started_at=call.started_at,
        answered_at=answered_at,
        ended_at=last,
        wait_s=round((last if answered_at is None else answered_at) - call.started_at, 3),
        talk_s=round(_talk_s(moments, last), 3) if talked else 0.0,
        rang=rang,
        talked=talked,
        transfers=tuple(_transfers(moments)),
        ended_by=EndedBy.UNKNOWN,
        why=_why(call.pbx, rang, talked),
    )


def _people(moments: Sequence[Any], kind: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(moment.extension for moment in moments if moment.kind == kind))


def _talk_s(moments: Sequence[Any], last: float) -> float:
    """Seconds in which at least one of our people was connected."""
    connected: set[str] = set()
    since, total = 0.0, 0.0
    for moment in moments:
        if moment.kind == "answered":
            since = since if connected else moment.at
            connected.add(moment.extension)
        elif moment.kind == "left" and moment.extension in connected:
            connected.discard(moment.extension)
            total += 0.0 if connected else moment.at - since
    return total + (last - since if connected else 0.0)


def _transfers(moments: Sequence[Any]) -> list[Transfer]:
    return [
        Transfer(
            TransferKind(moment.kind.removesuffix("_transfer")), moment.extension, moment.detail, moment.at
        )
        for moment in moments
        if moment.kind.endswith("_transfer")
    ]


def _why(pbx: str, rang: Sequence[str], talked: Sequence[str]) -> str:
    if talked:
        told = f"{', '.join(talked)} talked"
    else:
        told = (
            f"{', '.join(rang)} rang, and nobody was seen answering" if rang else "Nobody was seen answering"
        )
    return f"{told}; {REASON.format(pbx=pbx)} while the call went on, so how it ended was not seen."
