"""How the links to other CRMs stand, for administrators: calls that wait or failed there, per CRM. Reads only."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from crm_link.connectors.stuck import STUCK
from crm_link.connectors.tables import ConnectorLog, LogPart, LogState
from crm_link.paging import cursor_of, parts_of

SHOWN = 50
"""Calls on a page."""

LOOKED_AT = (LogState.WAITING, LogState.RUNNING, LogState.UNCERTAIN, LogState.FAILED, LogState.SKIPPED)


class Show(StrEnum):
    """Headings of the administrator's page; what needs somebody comes first."""

    STUCK = "stuck"
    OWED = "owed"
    SKIPPED = "skipped"


SHOW_STATES: Mapping[Show, tuple[LogState, ...]] = {
    Show.STUCK: STUCK,
    Show.OWED: (LogState.WAITING, LogState.RUNNING),
    Show.SKIPPED: (LogState.SKIPPED,),
}

SENDABLE = frozenset({LogState.UNCERTAIN, LogState.FAILED, LogState.SKIPPED})


@dataclass(frozen=True, slots=True)
class CallElsewhere:
    """One call, or its recording, and one CRM. `error` says why it is not there, or not yet."""

    id: int
    connector: str
    call_id: str
    part: LogPart
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

    @property
    def can_leave(self) -> bool:
        return self.state in STUCK


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


def how_many(counts: Mapping[str, Mapping[LogState, int]]) -> Mapping[Show, int]:
    """Calls under each heading of the page, of all CRMs."""
    return {
        show: sum(count for of in counts.values() for state, count in of.items() if state in states)
        for show, states in SHOW_STATES.items()
    }


async def find_shown(connection: AsyncConnection, show: Show, *, after: str | None = None) -> CallsElsewhere:
    """A page of the calls under this heading, the newest first. Raises InvalidInputError for an unusable cursor."""
    return await _page(connection, ConnectorLog.state.in_(SHOW_STATES[show]), SHOWN, after)


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
    return await _page(connection, wanted, limit, after)


async def _page(
    connection: AsyncConnection, wanted: ColumnElement[bool], limit: int, after: str | None
) -> CallsElsewhere:
    if after is not None:
        [last] = parts_of(after, int, field="after")
        wanted &= ConnectorLog.id < last
    found = await _read(connection, wanted, limit=limit + 1)
    return CallsElsewhere(found[:limit], cursor_of(found[limit - 1].id) if len(found) > limit else None)


async def read_of_call(connection: AsyncConnection, call_id: str) -> tuple[CallElsewhere, ...]:
    """Where this call was written, or is to be."""
    return await _read(connection, ConnectorLog.call_id == call_id)


async def _read(
    connection: AsyncConnection, condition: ColumnElement[bool], *, limit: int = SHOWN
) -> tuple[CallElsewhere, ...]:
    row = ConnectorLog
    rows = await connection.execute(
        select(
            row.id,
            row.connector,
            row.call_id,
            row.part,
            row.state,
            row.error,
            row.tries,
            row.due_at,
            row.made_at,
        )
        .add_columns(row.contact_name, row.contact_url)
        .where(condition)
        .order_by(row.id.desc())
        .limit(limit)
    )
    return tuple(
        CallElsewhere(one[0], one[1], one[2], LogPart(one[3]), LogState(one[4]), *one[5:]) for one in rows
    )
