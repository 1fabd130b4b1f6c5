"""A person's recent calls as the log has them, in the words of the desk (`server/live/recent.py`). One connection,
plain reads."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row, and_, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from core.facts import CallRecord, Direction, EndedBy, Verdict
from crm_link.tables import CallCustomer, Customer
from pbx_bridge.tables import Call, CallPerson
from server.live.cards import Known, Owner
from server.live.recent import KEPT, Named, RecentCall, recent_for


async def recent_calls(connection: AsyncConnection, owner: Owner, known: Known) -> tuple[RecentCall, ...]:
    """The last ended calls that this person placed, took, or that rang their phone; newest first."""
    if not owner.extensions:
        return ()
    mine = or_(*(and_(Call.pbx == pbx, _concerns(extension)) for pbx, extension in sorted(owner.extensions)))
    rows = await connection.execute(
        select(*Call.__table__.c)
        .where(Call.ended_at.is_not(None), mine)
        .order_by(Call.started_at.desc(), Call.id.desc())
        .limit(KEPT)
    )
    calls = rows.all()
    if not calls:
        return ()
    people = await _people(connection, [call.id for call in calls])
    customers = await _customers(connection, [call.id for call in calls])
    lines = (
        recent_for(_record(call, people[call.id]), owner, customers.get(call.id), known) for call in calls
    )
    return tuple(line for line in lines if line is not None)


def _concerns(extension: str) -> Any:
    there = select(CallPerson.call_id).where(CallPerson.extension == extension)
    return or_(Call.id.in_(there), Call.caller == extension)


async def _people(connection: AsyncConnection, call_ids: Sequence[str]) -> dict[str, dict[str, list[str]]]:
    people: dict[str, dict[str, list[str]]] = defaultdict(lambda: {"rang": [], "talked": []})
    rows = await connection.execute(
        select(CallPerson.call_id, CallPerson.role, CallPerson.extension)
        .where(CallPerson.call_id.in_(call_ids))
        .order_by(CallPerson.position)
    )
    for call_id, role, extension in rows:
        people[call_id][role].append(extension)
    return people


async def _customers(connection: AsyncConnection, call_ids: Sequence[str]) -> dict[str, Named]:
    """Calls whose customer is known: one row, not several candidates."""
    rows = await connection.execute(
        select(CallCustomer.call_id, Customer.id, Customer.name)
        .join(Customer, Customer.id == CallCustomer.customer_id)
        .where(CallCustomer.call_id.in_(call_ids))
    )
    found: dict[str, list[Named]] = defaultdict(list)
    for call_id, customer_id, name in rows:
        found[call_id].append(Named(customer_id, name or None))
    return {call_id: one[0] for call_id, one in found.items() if len(one) == 1}


def _record(call: Row[Any], people: dict[str, list[str]]) -> CallRecord:
    """The fields that the desk asks for; transfers and linked ids stay in the log."""
    return CallRecord(
        call_id=call.id,
        pbx=call.pbx,
        linkedids=(),
        direction=Direction(call.direction),
        caller=call.caller,
        caller_name=call.caller_name,
        callee=call.callee,
        customer_number=call.customer_number,
        queue=call.queue,
        result=Verdict(call.result),
        started_at=call.started_at,
        answered_at=call.answered_at,
        ended_at=call.ended_at,
        wait_s=call.wait_s,
        talk_s=call.talk_s or 0.0,
        rang=tuple(people["rang"]),
        talked=tuple(people["talked"]),
        transfers=(),
        ended_by=EndedBy(call.ended_by),
        why=call.why or "",
    )
