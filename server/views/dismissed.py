"""What somebody dismissed from the inbox: who, when, why, and for which calls; what was taken back stays in sight. Only
reads; the word itself is the callback room's (`callback/dismissals.py`)."""

from __future__ import annotations

from dataclasses import dataclass, replace

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.orm import aliased

from callback.tables import InboxDismissal
from core.accounts import UserRow
from crm_link.paging import cursor_of, parts_of
from pbx_bridge.tables import NOT_TAKEN, Call
from server.views.callbacks import customers_of
from server.views.calls import CustomerRef
from server.views.inbox import DAY_S, DAYS

PAGE = 50


@dataclass(frozen=True, slots=True)
class Dismissed:
    """`calls` are those it stands for, as far as they would be owed by their age; `last_call` the newest of them."""

    id: int
    number: str
    at: float
    by: str | None
    reason: str
    undone_at: float | None
    undone_by: str | None
    calls: int
    last_call: str | None
    customers: tuple[CustomerRef, ...] = ()

    @property
    def title(self) -> str:
        return next((one.title for one in self.customers if one.title), "")


@dataclass(frozen=True, slots=True)
class DismissedPage:
    """The newest first; `next` is the cursor of the following page."""

    lines: tuple[Dismissed, ...]
    next: str | None


async def read_dismissed(
    connection: AsyncConnection, *, after: str | None = None, limit: int = PAGE
) -> DismissedPage:
    """Raises InvalidInputError for a cursor that is none."""
    undoer = aliased(UserRow)
    covered = (
        NOT_TAKEN,
        Call.customer_number == InboxDismissal.number,
        Call.started_at <= InboxDismissal.at,
        Call.started_at >= InboxDismissal.at - DAYS * DAY_S,
    )
    query = (
        select(
            InboxDismissal.id,
            InboxDismissal.number,
            InboxDismissal.at,
            UserRow.name,
            InboxDismissal.reason,
            InboxDismissal.undone_at,
            undoer.name,
            select(func.count()).where(*covered).scalar_subquery(),
            select(Call.id).where(*covered).order_by(Call.started_at.desc()).limit(1).scalar_subquery(),
        )
        .outerjoin(UserRow, UserRow.id == InboxDismissal.user_id)
        .outerjoin(undoer, undoer.id == InboxDismissal.undone_by)
        .order_by(InboxDismissal.id.desc())
        .limit(limit + 1)
    )
    if after:
        (last,) = parts_of(after, int, field="after")
        query = query.where(InboxDismissal.id < last)
    rows = (await connection.execute(query)).all()
    lines = [Dismissed(*row) for row in rows[:limit]]
    customers = await customers_of(connection, {line.number for line in lines})
    dressed = tuple(replace(line, customers=customers.get(line.number, ())) for line in lines)
    return DismissedPage(dressed, cursor_of(lines[-1].id) if len(rows) > limit else None)
