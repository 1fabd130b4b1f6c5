"""Reading deals and orders: one by id or by the id of the program that keeps it, those of a customer, those a call was
about, and all of them by what changed last. Plain reads on the caller's connection; edits are `edit.py`."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import BindParameter, ColumnElement, Row, Select, case, select, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from core.each import read_each
from core.errors import NotFoundError
from crm_link.deals.kinds import PENDING, DealKind, DealState
from crm_link.deals.money import amount_text, money_text
from crm_link.deals.tables import Deal, DealCall
from crm_link.paging import cursor_of, parts_of

MOST_LISTED = 200
"""Deals in one answer; the rest by cursor."""

MOST_CALLS = 20
"""Calls named with a deal: the newest."""


@dataclass(frozen=True, slots=True)
class DealView:
    """A deal or order as screens and the API show it. `units` counts the currency's smallest unit; `call_ids` are calls
    that were about it, the newest first."""

    id: int
    customer_id: int
    kind: DealKind
    state: DealState
    title: str
    units: int | None
    currency: str | None
    link: str
    source: str | None
    external_id: str | None
    version: int
    opened_at: float
    opened_by: int | None
    updated_at: float
    call_ids: tuple[str, ...] = ()

    @property
    def is_pending(self) -> bool:
        return self.state in PENDING

    @property
    def amount(self) -> str | None:
        """For programs: `1299.90`."""
        return None if self.units is None or self.currency is None else amount_text(self.units, self.currency)

    @property
    def money(self) -> str:
        """For people: amount and currency, empty when not known."""
        return money_text(self.units, self.currency)


@dataclass(frozen=True, slots=True)
class DealPage:
    """`next` is the cursor of the following page, None on the last one."""

    deals: tuple[DealView, ...]
    next: str | None


VIEW: Select[Any] = select(*Deal.__table__.c)
IS_PENDING = Deal.state.in_([one.value for one in PENDING])


async def read_deal(connection: AsyncConnection, deal_id: int) -> DealView:
    """Raises NotFoundError."""
    row = (await connection.execute(VIEW.where(Deal.id == deal_id))).one_or_none()
    if row is None:
        raise NotFoundError(f"there is no deal {deal_id}")
    return (await _views(connection, [row]))[0]


async def find_deal(connection: AsyncConnection, source: str, external_id: str) -> DealView | None:
    """What `source` calls `external_id`, or None."""
    mine = (Deal.source == source) & (Deal.external_id == external_id)
    row = (await connection.execute(VIEW.where(mine))).one_or_none()
    return None if row is None else (await _views(connection, [row]))[0]


async def read_deals_of(
    connection: AsyncConnection, customer_id: int, *, limit: int = 50
) -> tuple[DealView, ...]:
    """The customer's, those that still ask for something first, then the newest."""
    found = VIEW.where(Deal.customer_id == customer_id)
    is_over = case((IS_PENDING, 0), else_=1)
    rows = await connection.execute(
        found.order_by(is_over, Deal.opened_at.desc(), Deal.id.desc()).limit(limit)
    )
    return tuple(await _views(connection, rows.all()))


async def read_pending_deals_of_each(
    connection: AsyncConnection, customer_ids: Sequence[int], *, limit: int
) -> dict[int, list[DealView]]:
    """Those that still ask for something, the newest first, of several customers at once."""
    found: dict[int, list[DealView]] = defaultdict(list)
    rows = await read_each(connection, customer_ids, _pending_of, limit=limit)
    newest_first = sorted(rows, key=lambda row: (row.opened_at, row.id), reverse=True)
    for deal in await _views(connection, newest_first):
        found[deal.customer_id].append(deal)
    return found


def _pending_of(customer_id: BindParameter[int]) -> Select[Any]:
    mine = VIEW.where(Deal.customer_id == customer_id, IS_PENDING)
    return mine.order_by(Deal.opened_at.desc(), Deal.id.desc())


async def read_deals_where(
    connection: AsyncConnection, *conditions: ColumnElement[bool], limit: int
) -> list[DealView]:
    """The latest opened first."""
    found = VIEW.where(*conditions).order_by(Deal.opened_at.desc(), Deal.id.desc()).limit(limit)
    return await _views(connection, (await connection.execute(found)).all())


async def read_deals_about(connection: AsyncConnection, call_ids: Sequence[str]) -> dict[str, list[DealView]]:
    """The deals each of these calls was about, the first linked first."""
    rows = await connection.execute(
        select(DealCall.call_id, *Deal.__table__.c)
        .join(Deal, Deal.id == DealCall.deal_id)
        .where(DealCall.call_id.in_(call_ids))
        .order_by(DealCall.linked_at, Deal.id)
    )
    found: dict[str, list[DealView]] = defaultdict(list)
    for row in rows:
        found[row.call_id].append(_view(row, ()))
    return found


async def list_deals(
    connection: AsyncConnection,
    *,
    customer_id: int | None = None,
    call_id: str | None = None,
    source: str | None = None,
    limit: int = 50,
    after: str | None = None,
) -> DealPage:
    """The latest changed first. Raises InvalidInputError for a cursor that is not ours."""
    limit = max(1, min(limit, MOST_LISTED))
    statement = VIEW.order_by(Deal.updated_at.desc(), Deal.id.desc()).limit(limit + 1)
    if customer_id is not None:
        statement = statement.where(Deal.customer_id == customer_id)
    if call_id is not None:
        about = select(DealCall.deal_id).where(DealCall.call_id == call_id)
        statement = statement.where(Deal.id.in_(about))
    if source is not None:
        statement = statement.where(Deal.source == source)
    if after is not None:
        place = tuple_(*parts_of(after, float, int, field="after"))
        statement = statement.where(tuple_(Deal.updated_at, Deal.id) < place)
    rows = (await connection.execute(statement)).all()
    deals = tuple(await _views(connection, rows[:limit]))
    last = deals[-1] if len(rows) > limit else None
    return DealPage(deals, cursor_of(last.updated_at, last.id) if last else None)


async def _views(connection: AsyncConnection, rows: Sequence[Row[Any]]) -> list[DealView]:
    calls = await connection.execute(
        select(DealCall.deal_id, DealCall.call_id)
        .where(DealCall.deal_id.in_([row.id for row in rows]))
        .order_by(DealCall.linked_at.desc())
        .limit(MOST_CALLS * max(1, len(rows)))
    )
    about: dict[int, list[str]] = defaultdict(list)
    for deal_id, call_id in calls:
        about[deal_id].append(call_id)
    return [_view(row, about[row.id][:MOST_CALLS]) for row in rows]


def _view(row: Row[Any], call_ids: Sequence[str]) -> DealView:
    return DealView(
        id=row.id,
        customer_id=row.customer_id,
        kind=DealKind(row.kind),
        state=DealState(row.state),
        title=row.title,
        units=row.amount,
        currency=row.currency,
        link=row.link,
        source=row.source,
        external_id=row.external_id,
        version=row.version,
        opened_at=row.opened_at,
        opened_by=row.opened_by,
        updated_at=row.updated_at,
        call_ids=tuple(call_ids),
    )
