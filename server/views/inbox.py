"""The inbox of unreturned contacts: one line per number that we owe a call, from whatever source. In: open callbacks
and calls of the log that nobody took. A line goes by itself with the next conversation in either direction, because
then no row asks for it any more; nothing is stored here. What somebody dismissed is `dismissed.py`."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from sqlalchemy import CTE, and_, exists, func, or_, select, tuple_, union_all
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.orm import aliased

from callback.kinds import State
from callback.tables import Callback, InboxDismissal
from core.accounts import UserRow
from core.errors import InvalidInputError
from core.facts import Direction, Verdict
from crm_link.blocked.tables import BlockedCall
from pbx_bridge.tables import NOT_TAKEN, Call
from server.views.callbacks import CallbackRow, columns, customers_of, dress
from server.views.calls import CustomerRef

PAGE = 50
LATEST = 7e9
DAY_S = 86_400.0
DAYS = 14
"""A missed call of last month is no debt any more but history; callbacks stay until they are closed."""

SHORTEST_S = 5.0
"""Whoever hangs up sooner has dialled wrongly."""

OUTSIDE = (Direction.INBOUND, Direction.OUTBOUND, Direction.CALLBACK)


@dataclass(frozen=True, slots=True)
class MissedCall:
    """A call that nobody took and nobody returned."""

    id: str
    result: str
    queue: str | None
    at: float


@dataclass(frozen=True, slots=True)
class OwedContact:
    """A number we owe a call: since when, and everything that says so."""

    number: str
    since: float
    customers: tuple[CustomerRef, ...]
    callbacks: tuple[CallbackRow, ...]
    calls: tuple[MissedCall, ...]

    @property
    def title(self) -> str:
        named = [one.title for one in self.customers] + [one.name for one in self.callbacks]
        return next((name for name in named if name), "")


@dataclass(frozen=True, slots=True)
class InboxPage:
    """Who waits longest comes first. `total` counts all lines (0 behind the last one), `next` is the cursor of the
    following page."""

    contacts: tuple[OwedContact, ...]
    total: int
    next: str | None


async def read_inbox(
    connection: AsyncConnection, now: float, *, after: str | None = None, limit: int = PAGE
) -> InboxPage:
    """One page. Raises InvalidInputError for a cursor that is none."""
    lines = _lines(now)
    # Counted in the same statement: finding out what is owed is all of the work.
    total = select(func.count()).select_from(lines).scalar_subquery()
    query = select(lines.c.number, lines.c.since, total.label("total"))
    if after:
        query = query.where(tuple_(lines.c.since, lines.c.number) > tuple_(*_read_cursor(after)))
    query = query.order_by(lines.c.since, lines.c.number).limit(limit + 1)
    found = (await connection.execute(query)).all()
    shown = found[:limit]
    numbers = [row.number for row in shown]
    callbacks, calls = await _callbacks(connection, numbers, now), await _calls(connection, numbers, now)
    customers = await customers_of(connection, numbers)
    return InboxPage(
        tuple(
            OwedContact(
                row.number,
                row.since,
                customers.get(row.number, ()),
                tuple(callbacks.get(row.number, ())),
                tuple(calls.get(row.number, ())),
            )
            for row in shown
        ),
        found[0].total if found else 0,
        f"{shown[-1].since!r}~{shown[-1].number}" if len(found) > limit else None,
    )


def _lines(now: float) -> CTE:
    """`number` and `since` of every line."""
    open_ones = select(Callback.number.label("number"), Callback.arrived_at.label("at")).where(*_open())
    missed = select(Call.customer_number.label("number"), Call.started_at.label("at")).where(*_missed(now))
    owed = union_all(open_ones, missed).subquery()
    return select(owed.c.number, func.min(owed.c.at).label("since")).group_by(owed.c.number).cte("lines")


def _open() -> tuple[Any, ...]:
    """Held ones are owed nothing yet: they have a list of their own."""
    return Callback.closed_at.is_(None), Callback.state != State.HELD


def _missed(now: float) -> tuple[Any, ...]:
    later = aliased(Call)
    talked = exists().where(
        later.customer_number == Call.customer_number,
        later.started_at >= Call.started_at,
        later.result == Verdict.ANSWERED,
        later.talk_s > 0,
        later.direction.in_(OUTSIDE),
    )
    settled = exists().where(Callback.number == Call.customer_number, Callback.closed_at >= Call.started_at)
    dismissed = exists().where(
        InboxDismissal.number == Call.customer_number,
        InboxDismissal.at >= Call.started_at,
        InboxDismissal.undone_at.is_(None),
    )
    return (
        Call.started_at >= now - DAYS * DAY_S,
        NOT_TAKEN,
        Call.customer_number.is_not(None),
        or_(Call.result != Verdict.ABANDONED, Call.wait_s >= SHORTEST_S),
        ~talked,
        ~settled,
        ~dismissed,
        ~exists().where(BlockedCall.call_id == Call.id),
    )


async def _callbacks(
    connection: AsyncConnection, numbers: Collection[str], now: float
) -> dict[str, list[CallbackRow]]:
    query = (
        select(*columns(now))
        .outerjoin(UserRow, UserRow.id == Callback.owner_id)
        .where(and_(*_open()), Callback.number.in_(numbers))
        .order_by(Callback.arrived_at)
    )
    found: dict[str, list[CallbackRow]] = defaultdict(list)
    for row in await dress(connection, [CallbackRow(*row) for row in await connection.execute(query)]):
        found[row.number].append(row)
    return found


async def _calls(
    connection: AsyncConnection, numbers: Collection[str], now: float
) -> dict[str, list[MissedCall]]:
    """The newest first."""
    query = (
        select(Call.customer_number, Call.id, Call.result, Call.queue, Call.started_at)
        .where(*_missed(now), Call.customer_number.in_(numbers))
        .order_by(Call.started_at.desc())
    )
    found: dict[str, list[MissedCall]] = defaultdict(list)
    for number, call_id, result, queue, at in await connection.execute(query):
        found[str(number)].append(MissedCall(call_id, str(result), queue, at))
    return found


def _read_cursor(text: str) -> tuple[float, str]:
    since, _, number = text.partition("~")
    try:
        at = float(since)
    except ValueError:
        raise InvalidInputError("this cursor is none of ours", field="after") from None
    if not abs(at) < LATEST or not number.startswith("+") or len(number) > 20:
        raise InvalidInputError("this cursor is none of ours", field="after")
    return at, number
