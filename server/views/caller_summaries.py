"""Customers as cards show them: who they are, what was noted, is to be done and was ordered, their last calls.
Customer ids in, facts for the live board out. One connection, plain reads; which customers a screen needs is decided
in `live.py`."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from sqlalchemy import bindparam, select
from sqlalchemy.ext.asyncio import AsyncConnection

from config.crm import CustomField, FieldType
from core.accounts import find_user
from crm_link.deals_read import read_deals_of
from crm_link.directory import CustomerView, read_customers, read_notes
from crm_link.fields_values import words_of
from crm_link.tables import CallCustomer
from crm_link.tasks_read import TaskView, read_tasks_of
from pbx_bridge.tables import Call, CallPerson, CallWrapUp
from server.cards import CustomerSummary, FieldLine, Known, Note, OpenTask, PastCall, PendingDeal
from server.snapshot import CustomersLoaded

CALLS_SHOWN = 6
"""Earlier calls per customer: one more than a card has room for, since one may be the call on the card."""

NOTES_SHOWN = 3
TASKS_SHOWN = 5
DEALS_SHOWN = 5

# Made once: they are asked for every call that rings.
LAST_CALLS = (
    select(Call.id, Call.pbx, Call.started_at, Call.direction, Call.result)
    .join(CallCustomer, CallCustomer.call_id == Call.id)
    .where(CallCustomer.customer_id == bindparam("customer_id"))
    .order_by(CallCustomer.call_at.desc())
    .limit(CALLS_SHOWN)
)
SAID = (
    select(CallWrapUp.call_id, CallWrapUp.disposition, CallWrapUp.note)
    .where(CallWrapUp.call_id.in_(bindparam("call_ids", expanding=True)))
    .order_by(CallWrapUp.opened_at)
)
TALKED = (
    select(CallPerson.call_id, CallPerson.extension)
    .where(CallPerson.call_id.in_(bindparam("call_ids", expanding=True)), CallPerson.role == "talked")
    .order_by(CallPerson.position)
)


async def load_summaries(
    connection: AsyncConnection,
    wanted: Mapping[int, bool],
    known: Known,
    on_card: Sequence[CustomField] = (),
) -> list[CustomersLoaded]:
    """What the board needs to know of customers. `wanted` maps ids to whether recent lists must be written anew;
    `known` gives people their names; `on_card` are the site's own fields that a card shows."""
    if not wanted:
        return []
    customers = await read_customers(connection, list(wanted))
    calls = await _last_calls(connection, [one.id for one in customers], known)
    facts = []
    for customer in customers:
        notes = await _notes(connection, customer.id, known.names)
        names = await _names(connection, customer, known)
        summary = replace(
            _summary(customer, notes, calls.get(customer.id, ())),
            owner=names.get(customer.owner_id or 0),
            tasks=await _tasks(connection, customer, names),
            deals=await _deals(connection, customer.id),
            fields=tuple(_fields(customer, on_card)),
        )
        facts.append(CustomersLoaded((summary,), relabel=wanted[customer.id]))
    return facts


def _summary(customer: CustomerView, notes: tuple[Note, ...], past: Sequence[PastCall]) -> CustomerSummary:
    return CustomerSummary(
        id=customer.id,
        name=customer.name or None,
        provisional=customer.is_provisional,
        company=customer.company or None,
        tags=customer.tags,
        notes=notes,
        past=tuple(past),
        last_contact_at=customer.last_contact_at,
        owner_id=customer.owner_id,
    )


async def _names(connection: AsyncConnection, customer: CustomerView, known: Known) -> Mapping[int, str]:
    """People by id: those with phones are known, somebody without one may be responsible all the same."""
    if customer.owner_id is None or customer.owner_id in known.names:
        return known.names
    owner = await find_user(connection, customer.owner_id)
    return {**known.names, customer.owner_id: owner.name} if owner is not None else known.names


async def _tasks(
    connection: AsyncConnection, customer: CustomerView, names: Mapping[int, str]
) -> tuple[OpenTask, ...]:
    found = await read_tasks_of(connection, customer.id, limit=TASKS_SHOWN)
    return tuple(open_task(one, names) for one in found)


def open_task(task: TaskView, names: Mapping[int, str]) -> OpenTask:
    """A task as cards and lists on desks show it."""
    return OpenTask(
        id=task.id,
        title=task.title,
        due_at=task.due_at,
        customer_id=task.customer_id,
        customer=task.customer,
        by=names.get(task.assigned_to or 0),
        call_id=task.call_id,
    )


async def _deals(connection: AsyncConnection, customer_id: int) -> tuple[PendingDeal, ...]:
    found = await read_deals_of(connection, customer_id, pending=True, limit=DEALS_SHOWN)
    return tuple(
        PendingDeal(one.id, one.kind, one.title, one.state, one.money, one.link, one.call_ids)
        for one in found
    )


def _fields(customer: CustomerView, on_card: Sequence[CustomField]) -> Iterator[FieldLine]:
    for one in on_card:
        value = customer.fields.get(one.key)
        if value is not None:
            words = words_of(value)
            yield FieldLine(one.title, words, words if one.type is FieldType.LINK else None)


async def _notes(connection: AsyncConnection, customer_id: int, names: Mapping[int, str]) -> tuple[Note, ...]:
    found = await read_notes(connection, customer_id, limit=NOTES_SHOWN)
    notes = [Note(names.get(one.author_id or 0), one.text, one.created_at, one.is_pinned) for one in found]
    return tuple(notes)


async def _last_calls(
    connection: AsyncConnection, customer_ids: Sequence[int], known: Known
) -> dict[int, list[PastCall]]:
    calls: dict[int, list[PastCall]] = {}
    for customer_id in customer_ids:
        rows = await connection.execute(LAST_CALLS, {"customer_id": customer_id})
        found = rows.all()
        said = await _said(connection, [row.id for row in found])
        talked = await _talked(connection, [row.id for row in found])
        calls[customer_id] = [
            PastCall(
                row.id,
                row.started_at,
                row.direction,
                row.result,
                known.people.get((row.pbx, talked.get(row.id, "")), talked.get(row.id)),
                *said[row.id],
            )
            for row in found
        ]
    return calls


async def _said(
    connection: AsyncConnection, call_ids: Sequence[str]
) -> dict[str, tuple[str | None, str | None]]:
    """Disposition and note of each call, of whoever wrote last."""
    said: dict[str, tuple[str | None, str | None]] = defaultdict(lambda: (None, None))
    rows = await connection.execute(SAID, {"call_ids": call_ids})
    for call_id, disposition, note in rows:
        before = said[call_id]
        said[call_id] = (disposition or before[0], note or before[1])
    return said


async def _talked(connection: AsyncConnection, call_ids: Sequence[str]) -> dict[str, str]:
    """Who of ours talked last in each call: the extension."""
    rows = await connection.execute(TALKED, {"call_ids": call_ids})
    return {row.call_id: row.extension for row in rows}
