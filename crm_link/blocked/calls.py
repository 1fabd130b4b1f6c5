"""Call facts in, `CallerBlocked` out: whether who calls is on the block list, looked up once per call and number, and
written down before it is said. The same fact told again (after a restart) finds what is stored and says it again. A
blocked call rings, is matched and logged like any other: refusing it is the PBX's business."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import delete, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from core.bus import Aside, Bus
from core.db import Database
from core.fact_log import LoggedFact
from core.facts import (
    CallDescribed,
    CallEnded,
    CallerBlocked,
    CallsJoined,
    CallStarted,
    Direction,
    Parties,
)
from core.phone import is_withheld
from crm_link.blocked.list import find_blocked, mark
from crm_link.blocked.tables import BlockedCall


class BlockedCalls:
    """Subscribe it before the first fact is published. Keeps only whom it has looked up, until their calls end."""

    def __init__(self, database: Database, bus: Bus) -> None:
        self._database = database
        self._bus = bus
        self._seen: dict[str, str | None] = {}

    def subscribe(self, to: Bus | Aside) -> None:
        to.subscribe(CallStarted, self._described, name="block list")
        to.subscribe(CallDescribed, self._described, name="block list")
        to.subscribe(CallsJoined, self._joined, name="block list")
        to.subscribe(CallEnded, self._ended, name="block list")

    async def _described(self, fact: CallStarted | CallDescribed) -> None:
        parties = fact.parties
        if not _comes_in(parties):
            return
        number = parties.customer_number
        if fact.call_id in self._seen and self._seen[fact.call_id] == number:
            return
        reason = await self._look_up(fact.call_id, number, fact.at)
        self._seen[fact.call_id] = number
        if reason is not None:
            await self._bus.publish(CallerBlocked(fact.call_id, fact.at, reason))

    async def _look_up(self, call_id: str, number: str | None, at: float) -> str | None:
        """Why this call's caller is on the list, marked now or before."""
        async with self._database.read() as connection:
            known = await read_mark(connection, call_id)
            found = None if known else await find_blocked(connection, number, at)
        if known is not None or found is None:
            return known
        async with self._database.write() as connection:
            await mark(connection, call_id, found, at)
        return found.reason

    async def catch_up(self, ended: LoggedFact) -> None:
        """A consumer of `CallEnded` from the fact log: a call that was never seen ringing gets its mark now."""
        record = ended.body["record"]
        if record["direction"] == Direction.INBOUND:
            known = record["customer_number"] is not None or is_withheld(record["caller"])
            if known:
                await self._look_up(record["call_id"], record["customer_number"], record["started_at"])

    async def _joined(self, fact: CallsJoined) -> None:
        self._seen.pop(fact.absorbed_id, None)
        async with self._database.read() as connection:
            absorbed = await read_mark(connection, fact.absorbed_id)
        if absorbed is None:
            return
        async with self._database.write() as connection:
            await _move_mark(connection, fact.absorbed_id, fact.call_id)
        await self._bus.publish(CallerBlocked(fact.call_id, fact.at, absorbed))

    async def _ended(self, fact: CallEnded) -> None:
        self._seen.pop(fact.call_id, None)


def _comes_in(parties: Parties) -> bool:
    """Somebody outside calls, whose number is known or hidden: an odd caller id of a trunk is neither."""
    if parties.direction is not Direction.INBOUND:
        return False
    return parties.customer_number is not None or is_withheld(parties.caller)


async def read_mark(connection: AsyncConnection, call_id: str) -> str | None:
    """Why this call was marked as blocked; None when it was not."""
    reason: str | None = await connection.scalar(
        select(BlockedCall.reason).where(BlockedCall.call_id == call_id)
    )
    return reason


async def _move_mark(connection: AsyncConnection, absorbed: str, survivor: str) -> None:
    """The survivor keeps its own mark where it has one."""
    if await read_mark(connection, survivor) is None:
        statement = update(BlockedCall).where(BlockedCall.call_id == absorbed)
        await connection.execute(statement.values(call_id=survivor))
    else:
        await connection.execute(delete(BlockedCall).where(BlockedCall.call_id == absorbed))


async def read_marks(connection: AsyncConnection, call_ids: Collection[str]) -> dict[str, str]:
    """Why each of these calls was marked as blocked; calls that were not are left out."""
    rows = await connection.execute(
        select(BlockedCall.call_id, BlockedCall.reason).where(BlockedCall.call_id.in_(call_ids))
    )
    return {row.call_id: row.reason for row in rows}
