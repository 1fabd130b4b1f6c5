"""What belongs to calls beside their row: the PBX's ids and transfers of several calls at once; the story and the
wrap-ups of one."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from core.accounts import UserRow
from core.facts import Transfer, TransferKind
from pbx_bridge.tables import Call, CallMoment, CallTransfer, CallWrapUp
from server.views.call_picture import Moment


@dataclass(frozen=True, slots=True)
class CallParts:
    linkedids: tuple[str, ...]
    transfers: tuple[Transfer, ...]


@dataclass(frozen=True, slots=True)
class WrittenUp:
    """What one person wrote of a call; `saved_at` is None while they are still at it."""

    user_id: int
    name: str
    disposition: str | None
    note: str
    opened_at: float
    saved_at: float | None


async def read_parts(connection: AsyncConnection, call_ids: Sequence[str]) -> Mapping[str, CallParts]:
    """By call id; ids that are no call are left out."""
    transfers: dict[str, list[Transfer]] = defaultdict(list)
    rows = await connection.execute(
        select(*CallTransfer.__table__.c)
        .where(CallTransfer.call_id.in_(call_ids))
        .order_by(CallTransfer.call_id, CallTransfer.position)
    )
    for row in rows:
        transfers[row.call_id].append(Transfer(TransferKind(row.kind), row.from_extension, row.to, row.at))
    calls = await connection.execute(select(Call.id, Call.linkedids).where(Call.id.in_(call_ids)))
    return {
        call_id: CallParts(tuple(linkedids.split()), tuple(transfers[call_id]))
        for call_id, linkedids in calls
    }


async def read_moments(connection: AsyncConnection, call_id: str) -> tuple[Moment, ...]:
    """The call's story in order. An absorbed consultation's moments are in it at their own time."""
    rows = await connection.execute(
        select(CallMoment.at, CallMoment.kind, CallMoment.extension, CallMoment.detail)
        .where(CallMoment.call_id == call_id)
        .order_by(CallMoment.at, CallMoment.id)
    )
    return tuple(Moment(*row) for row in rows)


async def read_wrap_ups(connection: AsyncConnection, call_id: str) -> tuple[WrittenUp, ...]:
    """In the order in which they were opened."""
    rows = await connection.execute(
        select(
            CallWrapUp.user_id,
            UserRow.name,
            CallWrapUp.disposition,
            CallWrapUp.note,
            CallWrapUp.opened_at,
            CallWrapUp.saved_at,
        )
        .join(UserRow, UserRow.id == CallWrapUp.user_id)
        .where(CallWrapUp.call_id == call_id)
        .order_by(CallWrapUp.opened_at, CallWrapUp.user_id)
    )
    return tuple(WrittenUp(*row) for row in rows)
