"""A customer's timeline with everything this server knows: the customers' room's own sources and the calls, which
live in another room's tables. A later channel adds its source to `TIMELINE`. Merging and paging are in
`crm_link/timeline.py`, the look of an entry in the templates."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from core.facts import Direction, Verdict
from crm_link.tables import CallCustomer
from crm_link.timeline import Body, ChangeSource, Entry, NoteSource, Position, Timeline, behind
from pbx_bridge.tables import Call, CallPerson, CallWrapUp
from server.views.calls import Person, people_by_extension


@dataclass(frozen=True, slots=True)
class WrapUp:
    """What one of our people said of a call."""

    user_id: int
    disposition: str | None
    note: str


@dataclass(frozen=True, slots=True)
class CallBody(Body):
    """One call of the customer. `result` is None while it goes on; `is_certain` is False while several customers
    share the number and nobody has picked."""

    call_id: str
    started_at: float
    direction: Direction
    result: Verdict | None
    number: str | None
    queue: str | None
    wait_s: float | None
    talk_s: float | None
    talked: tuple[Person, ...]
    wrap_ups: tuple[WrapUp, ...]
    is_certain: bool


class CallSource:
    """The calls that stand with the customer."""

    kind = "call"

    async def entries(
        self, connection: AsyncConnection, customer_id: int, before: Position | None, limit: int
    ) -> Sequence[Entry]:
        rows = (
            await connection.execute(
                select(CallCustomer.call_at, *Call.__table__.c)
                .join(Call, Call.id == CallCustomer.call_id)
                .where(
                    CallCustomer.customer_id == customer_id,
                    behind(before, self.kind, CallCustomer.call_at, CallCustomer.call_id),
                )
                .order_by(CallCustomer.call_at.desc(), CallCustomer.call_id.desc())
                .limit(limit)
            )
        ).all()
        call_ids = [row.id for row in rows]
        talked = await _talked(connection, call_ids)
        wrap_ups = await _wrap_ups(connection, call_ids)
        shared = await _shared(connection, call_ids)
        return [
            Entry(
                at=row.call_at,
                kind=self.kind,
                ref=row.id,
                user_id=None,
                body=_body(row, talked[row.id], wrap_ups[row.id], is_certain=row.id not in shared),
            )
            for row in rows
        ]


def _body(row: Row[Any], talked: list[Person], wrap_ups: list[WrapUp], *, is_certain: bool) -> CallBody:
    return CallBody(
        call_id=row.id,
        started_at=row.started_at,
        direction=Direction(row.direction),
        result=Verdict(row.result) if row.result else None,
        number=row.customer_number,
        queue=row.queue,
        wait_s=row.wait_s,
        talk_s=row.talk_s,
        talked=tuple(talked),
        wrap_ups=tuple(wrap_ups),
        is_certain=is_certain,
    )


async def _talked(connection: AsyncConnection, call_ids: Sequence[str]) -> dict[str, list[Person]]:
    names = await people_by_extension(connection)
    rows = await connection.execute(
        select(CallPerson.call_id, CallPerson.extension, Call.pbx)
        .join(Call, Call.id == CallPerson.call_id)
        .where(CallPerson.call_id.in_(call_ids), CallPerson.role == "talked")
        .order_by(CallPerson.position)
    )
    talked: dict[str, list[Person]] = defaultdict(list)
    for call_id, extension, pbx in rows:
        talked[call_id].append(Person(extension, *names.get((pbx, extension), (None, None))))
    return talked


async def _wrap_ups(connection: AsyncConnection, call_ids: Sequence[str]) -> dict[str, list[WrapUp]]:
    rows = await connection.execute(
        select(CallWrapUp.call_id, CallWrapUp.user_id, CallWrapUp.disposition, CallWrapUp.note)
        .where(CallWrapUp.call_id.in_(call_ids))
        .order_by(CallWrapUp.opened_at)
    )
    wrap_ups: dict[str, list[WrapUp]] = defaultdict(list)
    for call_id, user_id, disposition, note in rows:
        if disposition or note:
            wrap_ups[call_id].append(WrapUp(user_id, disposition, note))
    return wrap_ups


async def _shared(connection: AsyncConnection, call_ids: Sequence[str]) -> frozenset[str]:
    """Those of the calls that stand with more than one customer."""
    rows = await connection.scalars(
        select(CallCustomer.call_id)
        .where(CallCustomer.call_id.in_(call_ids))
        .group_by(CallCustomer.call_id)
        .having(func.count() > 1)
    )
    return frozenset(rows)


TIMELINE = Timeline(CallSource(), NoteSource(), ChangeSource())
