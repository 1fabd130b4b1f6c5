"""Customers as cards show them: who they are, what was noted, is to be done and was ordered, their last calls.
Customer ids in, facts for the live board out. One connection, plain reads; which customers a screen needs is decided
in `live/hub.py`."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import BindParameter, Select, bindparam, select
from sqlalchemy.ext.asyncio import AsyncConnection

from config.crm import CustomField, FieldType
from core.accounts import UserRow
from core.each import read_each
from crm_link.deals.read import DealView, read_pending_deals_of_each
from crm_link.directory import CustomerView, NoteView, read_customers, read_notes_of_each
from crm_link.fields.values import words_of
from crm_link.tables import CallCustomer
from crm_link.tasks.read import TaskView, read_tasks_of_each
from pbx_bridge.tables import Call, CallPerson, CallWrapUp
from server.live.cards import CustomerSummary, FieldLine, Known, Note, OpenTask, PastCall, PendingDeal
from server.live.snapshot import CustomersLoaded

CALLS_SHOWN = 6
"""Earlier calls per customer: one more than a card has room for, since one may be the call on the card."""

NOTES_SHOWN = 3
TASKS_SHOWN = 5
DEALS_SHOWN = 5

# Made once: they are asked for every call that rings.
PAST: tuple[Any, ...] = (
    CallCustomer.customer_id,
    CallCustomer.call_at,
    Call.id,
    Call.pbx,
    Call.started_at,
    Call.direction,
    Call.result,
)
LAST_CALLS: Select[Any] = (
    select(*PAST).join(CallCustomer, CallCustomer.call_id == Call.id).order_by(CallCustomer.call_at.desc())
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
    ids = [one.id for one in customers]
    names = await _names(connection, customers, known)
    calls = await _last_calls(connection, ids, known)
    notes = await read_notes_of_each(connection, ids, limit=NOTES_SHOWN)
    tasks = await read_tasks_of_each(connection, ids, limit=TASKS_SHOWN)
    deals = await read_pending_deals_of_each(connection, ids, limit=DEALS_SHOWN)
    facts = []
    for customer in customers:
        one = customer.id
        summary = replace(
            _summary(customer, _notes(notes.get(one, ()), known.names), calls.get(one, ())),
            owner=names.get(customer.owner_id or 0),
            tasks=tuple(open_task(task, names) for task in tasks.get(one, ())),
            deals=tuple(_deal(deal) for deal in deals.get(one, ())),
            fields=tuple(_fields(customer, on_card)),
        )
        facts.append(CustomersLoaded((summary,), relabel=wanted[one]))
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


async def _names(
    connection: AsyncConnection, customers: Sequence[CustomerView], known: Known
) -> Mapping[int, str]:
    """People by id: those with phones are known, somebody without one may be responsible all the same."""
    others = {one.owner_id for one in customers if one.owner_id is not None} - known.names.keys()
    if not others:
        return known.names
    rows = await connection.execute(select(UserRow.id, UserRow.name).where(UserRow.id.in_(others)))
    return {**known.names, **{row.id: row.name for row in rows}}


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


def _deal(one: DealView) -> PendingDeal:
    return PendingDeal(one.id, one.kind, one.title, one.state, one.money, one.link, one.call_ids)


def _fields(customer: CustomerView, on_card: Sequence[CustomField]) -> Iterator[FieldLine]:
    for one in on_card:
        value = customer.fields.get(one.key)
        if value is not None:
            words = words_of(value)
            yield FieldLine(one.title, words, words if one.type is FieldType.LINK else None)


def _notes(found: Sequence[NoteView], names: Mapping[int, str]) -> tuple[Note, ...]:
    return tuple(
        Note(names.get(one.author_id or 0), one.text, one.created_at, one.is_pinned) for one in found
    )


async def _last_calls(
    connection: AsyncConnection, customer_ids: Sequence[int], known: Known
) -> dict[int, list[PastCall]]:
    rows = await read_each(connection, customer_ids, _calls_of, limit=CALLS_SHOWN)
    said = await _said(connection, [row.id for row in rows])
    talked = await _talked(connection, [row.id for row in rows])
    calls: dict[int, list[PastCall]] = defaultdict(list)
    for row in sorted(rows, key=lambda row: row.call_at, reverse=True):
        person = talked.get(row.id)
        calls[row.customer_id].append(
            PastCall(
                row.id,
                row.started_at,
                row.direction,
                row.result,
                known.people.get((row.pbx, person or ""), person),
                *said[row.id],
            )
        )
    return calls


def _calls_of(customer_id: BindParameter[int]) -> Select[Any]:
    return LAST_CALLS.where(CallCustomer.customer_id == customer_id)


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
