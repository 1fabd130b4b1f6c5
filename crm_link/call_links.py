"""Whose call it is: the rows between calls and customers, read and written inside the caller's transaction. What a
number matches is decided in `match.py`; showing it is the screens' business."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import ColumnElement, bindparam, delete, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.orm import InstrumentedAttribute

from core.facts import REQUEST_PREFIX, CallMatched, MatchKind
from crm_link.kinds import LinkHow
from crm_link.tables import CallCustomer, CallMatch

MOST_RECENT = 20
"""Calls of one number that could still be on somebody's card."""

# Made once: every call goes through these before anybody sees its card.
LINKS = (
    select(CallMatch.number, CallMatch.call_at, CallCustomer.customer_id, CallCustomer.how)
    .outerjoin(CallCustomer, CallCustomer.call_id == CallMatch.call_id)
    .where(CallMatch.call_id == bindparam("call_id"))
    .order_by(CallCustomer.rank, CallCustomer.customer_id)
)
OPEN = {
    "sqlite": sqlite.insert(CallMatch).on_conflict_do_nothing(),
    "postgresql": postgresql.insert(CallMatch).on_conflict_do_nothing(),
}
ATTACH = insert(CallCustomer)


@dataclass(frozen=True, slots=True)
class CallLinks:
    """What is stored of one call: the number it was matched by and its customers, ranked."""

    call_id: str
    number: str | None
    call_at: float
    customer_ids: tuple[int, ...]
    how: LinkHow | None

    @property
    def kind(self) -> MatchKind:
        match len(self.customer_ids):
            case 0:
                return MatchKind.UNKNOWN
            case 1:
                return MatchKind.EXACT
            case _:
                return MatchKind.SEVERAL

    def fact(self, at: float) -> CallMatched:
        return CallMatched(
            call_id=self.call_id,
            at=at,
            match=self.kind,
            customer_ids=self.customer_ids,
            created=self.how is LinkHow.CREATED,
            by_block=self.how is LinkHow.BLOCK,
            is_picked=self.how is LinkHow.PICKED,
        )


async def read_links(connection: AsyncConnection, call_id: str) -> CallLinks | None:
    """What is stored of this call, or None when it was never matched."""
    rows = (await connection.execute(LINKS, {"call_id": call_id})).all()
    if not rows:
        return None
    linked = [row for row in rows if row.customer_id is not None]
    return CallLinks(
        call_id=call_id,
        number=rows[0].number,
        call_at=rows[0].call_at,
        customer_ids=tuple(row.customer_id for row in linked),
        how=LinkHow(linked[0].how) if linked else None,
    )


async def read_links_since(connection: AsyncConnection, number: str, since: float) -> list[CallLinks]:
    """The stored links of the calls of `number` that began at or after `since`, the newest `MOST_RECENT`."""
    recent = (
        select(CallMatch.call_id)
        .where(CallMatch.number == number, CallMatch.call_at >= since, is_of_call(CallMatch.call_id))
        .order_by(CallMatch.call_at.desc())
        .limit(MOST_RECENT)
    )
    found = [await read_links(connection, call_id) for call_id in (await connection.scalars(recent)).all()]
    return [links for links in found if links is not None]


def is_of_call(call_id: InstrumentedAttribute[str]) -> ColumnElement[bool]:
    """Which rows of these tables are of calls, and not of requests (`request_links.py`)."""
    return call_id.not_like(f"{REQUEST_PREFIX}%")


async def open_links(connection: AsyncConnection, call_id: str, number: str | None, at: float) -> bool:
    """Begin with a call nobody has decided about yet. False when somebody has, or is just doing so: then this waits
    until they are done."""
    row = {"call_id": call_id, "number": number, "call_at": at}
    return (await connection.execute(OPEN[connection.dialect.name], row)).rowcount == 1


async def hold_links(connection: AsyncConnection, call_id: str) -> CallLinks | None:
    """`read_links`, and nobody else decides about this call until the transaction ends."""
    held = select(CallMatch.call_id).where(CallMatch.call_id == call_id).with_for_update()
    if await connection.scalar(held) is None:
        return None
    return await read_links(connection, call_id)


async def replace_links(
    connection: AsyncConnection, links: CallLinks, *, picked_by: int | None = None
) -> None:
    """Make `links` what is stored of a call that is held, whatever was stored before."""
    await connection.execute(
        update(CallMatch).where(CallMatch.call_id == links.call_id).values(number=links.number)
    )
    await connection.execute(delete(CallCustomer).where(CallCustomer.call_id == links.call_id))
    await attach(connection, links, picked_by=picked_by)


async def attach(connection: AsyncConnection, links: CallLinks, *, picked_by: int | None = None) -> None:
    """Store the customers of a call that has none yet."""
    if not links.customer_ids or links.how is None:
        return
    rows = [
        {
            "call_id": links.call_id,
            "customer_id": customer_id,
            "how": links.how.value,
            "rank": rank,
            "call_at": links.call_at,
            "picked_by": picked_by,
        }
        for rank, customer_id in enumerate(links.customer_ids, start=1)
    ]
    await connection.execute(ATTACH, rows)


async def join_links(connection: AsyncConnection, survivor: str, absorbed: str) -> bool:
    """Two calls turned out to be one: keep what the survivor knows, else take over what the absorbed one knew.

    Returns whether the survivor's customers changed.
    """
    kept = await read_links(connection, survivor)
    moves = kept is None or not kept.customer_ids
    if moves:
        await connection.execute(delete(CallMatch).where(CallMatch.call_id == survivor))
        for table in (CallMatch, CallCustomer):
            await connection.execute(update(table).where(table.call_id == absorbed).values(call_id=survivor))
    for table in (CallMatch, CallCustomer):
        await connection.execute(delete(table).where(table.call_id == absorbed))
    return moves
