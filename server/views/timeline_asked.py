"""What customers asked of us, as entries of their timeline: callbacks, and the pages of your websites from which they
sent a form. Whose a request is was written down when it came in (`requests_of.py`); one that may be of several
customers stands with each of them, marked as uncertain. Stories of single callbacks are `callback_story.py`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, select
from sqlalchemy.ext.asyncio import AsyncConnection

from callback.kinds import Outcome, Source, State
from callback.tables import Callback, Submission
from crm_link.timeline import Body, Entry, Position, behind
from server.views.callback_story import utm_of
from server.views.requests_of import are_of, held_numbers, read_candidates, read_sure

WEBSITE = (Source.WEB.value, Source.FORM.value)


@dataclass(frozen=True, slots=True)
class CallbackBody(Body):
    """A promise to call them. `source`, `message` and `asked_by` (one of ours who promised it) are of the first
    request; `outcome` is None while it is open."""

    callback_id: int
    number: str
    department: str
    state: State
    outcome: Outcome | None
    closed_at: float | None
    closed_call_id: str | None
    promised_from: float | None
    owner_id: int | None
    source: Source | None
    message: str
    asked_by: int | None
    is_certain: bool


@dataclass(frozen=True, slots=True)
class VisitBody(Body):
    """A form sent from a page of a website. `name` and `message` are a stranger's words about this number."""

    callback_id: int
    site: str | None
    page_url: str | None
    referrer: str | None
    utm: tuple[tuple[str, str], ...]
    language: str | None
    name: str
    message: str
    is_certain: bool

    @property
    def page_link(self) -> str | None:
        """The page's address, where a click on it can do no harm."""
        return self.page_url if self.page_url and self.page_url.startswith(("https://", "http://")) else None


class CallbackSource:
    """The callbacks the customer asked for, when they were first asked for."""

    kind = "callback"

    async def entries(
        self, connection: AsyncConnection, customer_id: int, before: Position | None, limit: int
    ) -> Sequence[Entry]:
        mine = await _are_mine(connection, customer_id)
        rows = (
            await connection.execute(
                select(*Callback.__table__.c)
                .where(
                    Callback.id.in_(select(Submission.callback_id).where(mine)),
                    behind(before, self.kind, Callback.created_at, Callback.id),
                )
                .order_by(Callback.created_at.desc(), Callback.id.desc())
                .limit(limit)
            )
        ).all()
        ids = [row.id for row in rows]
        asked = await _first_requests(connection, ids, mine)
        _, sure = await read_sure(connection, ids, [customer_id])
        return [
            Entry(row.created_at, self.kind, row.id, None, _callback(row, asked.get(row.id), row.id in sure))
            for row in rows
        ]


class VisitSource:
    """The forms the customer sent from websites."""

    kind = "visit"

    async def entries(
        self, connection: AsyncConnection, customer_id: int, before: Position | None, limit: int
    ) -> Sequence[Entry]:
        mine = await _are_mine(connection, customer_id)
        rows = (
            await connection.execute(
                select(*Submission.__table__.c)
                .where(
                    mine,
                    Submission.source.in_(WEBSITE),
                    behind(before, self.kind, Submission.at, Submission.id),
                )
                .order_by(Submission.at.desc(), Submission.id.desc())
                .limit(limit)
            )
        ).all()
        whose = await read_candidates(connection, [row.id for row in rows])
        return [
            Entry(row.at, self.kind, row.id, None, _visit(row, whose[row.id] == {customer_id}))
            for row in rows
        ]


def _callback(row: Any, asked: Any, is_certain: bool) -> CallbackBody:
    return CallbackBody(
        callback_id=row.id,
        number=row.number,
        department=row.department,
        state=State(row.state),
        outcome=Outcome(row.outcome) if row.outcome else None,
        closed_at=row.closed_at,
        closed_call_id=row.closed_call_id,
        promised_from=row.promised_from,
        owner_id=row.owner_id,
        source=Source(asked.source) if asked else None,
        message=asked.message if asked else "",
        asked_by=asked.user_id if asked else None,
        is_certain=is_certain,
    )


def _visit(row: Any, is_certain: bool) -> VisitBody:
    return VisitBody(
        callback_id=row.callback_id,
        site=row.site,
        page_url=row.page_url,
        referrer=row.referrer,
        utm=utm_of(row.utm),
        language=row.language,
        name=row.name,
        message=row.message,
        is_certain=is_certain,
    )


async def _first_requests(
    connection: AsyncConnection, callback_ids: Sequence[int], mine: ColumnElement[bool]
) -> dict[int, Any]:
    """Theirs, and nobody else's: one callback may have been asked for by several people in turn."""
    rows = await connection.execute(
        select(Submission.callback_id, Submission.source, Submission.message, Submission.user_id)
        .where(Submission.callback_id.in_(callback_ids), mine)
        .order_by(Submission.id.desc())
    )
    return {row.callback_id: row for row in rows}


async def _are_mine(connection: AsyncConnection, customer_id: int) -> ColumnElement[bool]:
    return are_of([customer_id], await held_numbers(connection, [customer_id]))
