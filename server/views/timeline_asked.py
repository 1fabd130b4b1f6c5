"""What customers asked of us, as entries of their timeline: callbacks, and the pages of your websites from which they
sent a form. Both know a number, not a customer: whoever holds the number has them on their timeline, marked as
uncertain where several do. Stories of single callbacks are `callback_story.py`."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from callback.kinds import Outcome, Source, State
from callback.tables import Callback, Submission
from core.equivalences import key_of, spellings
from crm_link.kinds import IdentityKind
from crm_link.tables import Identity
from crm_link.timeline import Body, Entry, Position, behind
from server.views.callback_story import utm_of

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
    """The callbacks to the customer's numbers, when they were first asked for."""

    kind = "callback"

    async def entries(
        self, connection: AsyncConnection, customer_id: int, before: Position | None, limit: int
    ) -> Sequence[Entry]:
        rows = (
            await connection.execute(
                select(*Callback.__table__.c)
                .where(
                    Callback.number.in_(await _numbers(connection, customer_id)),
                    behind(before, self.kind, Callback.created_at, Callback.id),
                )
                .order_by(Callback.created_at.desc(), Callback.id.desc())
                .limit(limit)
            )
        ).all()
        asked = await _first_requests(connection, [row.id for row in rows])
        shared = await _shared(connection, {row.number for row in rows})
        return [
            Entry(row.created_at, self.kind, row.id, None, _callback(row, asked.get(row.id), shared))
            for row in rows
        ]


class VisitSource:
    """The forms sent from websites with one of the customer's numbers."""

    kind = "visit"

    async def entries(
        self, connection: AsyncConnection, customer_id: int, before: Position | None, limit: int
    ) -> Sequence[Entry]:
        rows = (
            await connection.execute(
                select(*Submission.__table__.c, Callback.number)
                .join(Callback, Callback.id == Submission.callback_id)
                .where(
                    Callback.number.in_(await _numbers(connection, customer_id)),
                    Submission.source.in_(WEBSITE),
                    behind(before, self.kind, Submission.at, Submission.id),
                )
                .order_by(Submission.at.desc(), Submission.id.desc())
                .limit(limit)
            )
        ).all()
        shared = await _shared(connection, {row.number for row in rows})
        return [Entry(row.at, self.kind, row.id, None, _visit(row, shared)) for row in rows]


async def _numbers(connection: AsyncConnection, customer_id: int) -> list[str]:
    """The customer's telephones in every valid spelling."""
    mine = (Identity.customer_id == customer_id) & (Identity.kind == IdentityKind.PHONE.value)
    held = await connection.scalars(select(Identity.value).where(mine))
    return [number for key in held for number in spellings(key)]


def _callback(row: Any, asked: Any, shared: Collection[str]) -> CallbackBody:
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
        is_certain=key_of(row.number) not in shared,
    )


def _visit(row: Any, shared: Collection[str]) -> VisitBody:
    return VisitBody(
        callback_id=row.callback_id,
        site=row.site,
        page_url=row.page_url,
        referrer=row.referrer,
        utm=utm_of(row.utm),
        language=row.language,
        name=row.name,
        message=row.message,
        is_certain=key_of(row.number) not in shared,
    )


async def _first_requests(connection: AsyncConnection, callback_ids: Sequence[int]) -> dict[int, Any]:
    rows = await connection.execute(
        select(Submission.callback_id, Submission.source, Submission.message, Submission.user_id)
        .where(Submission.callback_id.in_(callback_ids), Submission.repeats == 0)
        .order_by(Submission.id.desc())
    )
    return {row.callback_id: row for row in rows}


async def _shared(connection: AsyncConnection, numbers: Collection[str]) -> frozenset[str]:
    """The keys of those numbers that several customers hold."""
    rows = await connection.scalars(
        select(Identity.value)
        .where(
            Identity.kind == IdentityKind.PHONE.value, Identity.value.in_({key_of(one) for one in numbers})
        )
        .group_by(Identity.value)
        .having(func.count() > 1)
    )
    return frozenset(rows)
