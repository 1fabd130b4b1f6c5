"""How the links to other CRMs stand, for administrators: calls that wait or failed there, per CRM. Reads only."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from crm_link.connectors.tables import ConnectorLog, LogState
from crm_link.paging import cursor_of, parts_of

SHOWN = 50
"""Calls that somebody should look at, the newest; the number beside the state says how many there are."""

LOOKED_AT = (LogState.WAITING, LogState.RUNNING, LogState.UNCERTAIN, LogState.FAILED, LogState.SKIPPED)
LATEST = ConnectorLog.made_at.desc(), ConnectorLog.id.desc()
"""Those sent again stand on top."""

SENDABLE = frozenset({LogState.UNCERTAIN, LogState.FAILED, LogState.SKIPPED})


@dataclass(frozen=True, slots=True)
class CallElsewhere:
    """One call and one CRM. `error` says why it is not there, or not yet."""

    id: int
    connector: str
    call_id: str
    state: LogState
    error: str
    tries: int
    due_at: float
    made_at: float
    contact_name: str
    contact_url: str

    @property
    def can_send(self) -> bool:
        return self.state in SENDABLE


@dataclass(frozen=True, slots=True)
class CallsElsewhere:
    calls: tuple[CallElsewhere, ...]
    next: str | None


async def read_counts(connection: AsyncConnection) -> Mapping[str, Mapping[LogState, int]]:
    """How many calls are in which state, per CRM."""
    rows = await connection.execute(
        select(ConnectorLog.connector, ConnectorLog.state, func.count())
        .group_by(ConnectorLog.connector, ConnectorLog.state)
        .order_by(ConnectorLog.state)
    )
    counts: dict[str, dict[LogState, int]] = defaultdict(dict)
    for connector, state, count in rows:
        counts[connector][LogState(state)] = count
    return counts


async def read_unfinished(connection: AsyncConnection) -> tuple[CallElsewhere, ...]:
    """What is not in the CRM, or not yet, newest first."""
    return await _read(connection, ConnectorLog.state.in_(LOOKED_AT))


async def find_calls(
    connection: AsyncConnection,
    *,
    connector: str | None = None,
    state: LogState | None = None,
    limit: int = SHOWN,
    after: str | None = None,
) -> CallsElsewhere:
    """A page of what is not in a CRM, or not yet, or of the calls in one state; the newest first. Raises
    InvalidInputError for an unusable cursor."""
    row = ConnectorLog
    wanted = row.state == state if state is not None else row.state.in_(LOOKED_AT)
    if connector is not None:
        wanted &= row.connector == connector
    if after is not None:
        [last] = parts_of(after, int, field="after")
        wanted &= row.id < last
    found = await _read(connection, wanted, order=(row.id.desc(),), limit=limit + 1)
    return CallsElsewhere(found[:limit], cursor_of(found[limit - 1].id) if len(found) > limit else None)


async def read_of_call(connection: AsyncConnection, call_id: str) -> tuple[CallElsewhere, ...]:
    """Where this call was written, or is to be."""
    return await _read(connection, ConnectorLog.call_id == call_id)


async def _read(
    connection: AsyncConnection,
    condition: ColumnElement[bool],
    *,
    order: Sequence[ColumnElement[Any]] = LATEST,
    limit: int = SHOWN,
) -> tuple[CallElsewhere, ...]:
    row = ConnectorLog
    rows = await connection.execute(
        select(row.id, row.connector, row.call_id, row.state, row.error, row.tries, row.due_at, row.made_at)
        .add_columns(row.contact_name, row.contact_url)
        .where(condition)
        .order_by(*order)
        .limit(limit)
    )
    return tuple(CallElsewhere(one[0], one[1], one[2], LogState(one[3]), *one[4:]) for one in rows)
