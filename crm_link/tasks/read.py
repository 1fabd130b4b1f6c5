"""Reading tasks: one by id, those of one customer, those of one person, and the list that managers look through, a page
at a time. Plain reads on the caller's connection; edits are `edit.py`."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy import BindParameter, ColumnElement, Row, Select, and_, case, func, or_, select, true, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from core.accounts import UserRow
from core.each import read_each
from core.errors import NotFoundError
from crm_link.paging import cursor_of, parts_of
from crm_link.tables import Customer, Identity
from crm_link.tasks.tables import Task

MOST_LISTED = 200
"""Tasks in one answer; the rest by cursor."""

MOST_OF_CALL = 20
"""A call of an hour leaves fewer things to do."""


class Show(StrEnum):
    """Which tasks a list has: OVERDUE ones are open and their instant has passed."""

    OPEN = "open"
    OVERDUE = "overdue"
    DONE = "done"


class Whose(StrEnum):
    """Lists of no one person: everybody's, and what nobody does: open ones of nobody, or of people who may not log in
    any more."""

    ALL = "all"
    NOBODY = "nobody"


@dataclass(frozen=True, slots=True)
class TaskView:
    """A task as screens and the API show it. `customer` is what to call the customer."""

    id: int
    customer_id: int
    customer: str
    call_id: str | None
    title: str
    text: str
    due_at: float
    assigned_to: int | None
    version: int
    created_at: float
    created_by: int | None
    done_at: float | None
    done_by: int | None

    @property
    def is_open(self) -> bool:
        return self.done_at is None

    def is_overdue(self, now: float) -> bool:
        return self.is_open and self.due_at < now


@dataclass(frozen=True, slots=True)
class TaskPage:
    """`next` is the cursor of the following page, None on the last one."""

    tasks: tuple[TaskView, ...]
    next: str | None


_NUMBER = (
    select(func.min(func.coalesce(Identity.spelled, Identity.value)))
    .where(Identity.customer_id == Customer.id)
    .correlate(Customer)
).scalar_subquery()

VIEW: Select[Any] = select(
    *Task.__table__.c,
    func.coalesce(func.nullif(Customer.name, ""), func.nullif(Customer.company, ""), _NUMBER, "").label(
        "customer"
    ),
).join(Customer, Customer.id == Task.customer_id)


async def read_task(connection: AsyncConnection, task_id: int) -> TaskView:
    """Raises NotFoundError."""
    row = (await connection.execute(VIEW.where(Task.id == task_id))).one_or_none()
    if row is None:
        raise NotFoundError(f"there is no task {task_id}")
    return task_view(row)


async def read_some_tasks(connection: AsyncConnection, task_ids: Collection[int]) -> tuple[TaskView, ...]:
    """Those of these that there are."""
    if not task_ids:
        return ()
    return tuple(task_view(row) for row in await connection.execute(VIEW.where(Task.id.in_(task_ids))))


async def read_tasks_of(
    connection: AsyncConnection, customer_id: int, *, limit: int = 50
) -> tuple[TaskView, ...]:
    """The customer's open tasks, the one due first first."""
    rows = await connection.execute(_open_of(customer_id).limit(limit))
    return tuple(task_view(row) for row in rows)


async def read_tasks_of_each(
    connection: AsyncConnection, customer_ids: Sequence[int], *, limit: int
) -> dict[int, list[TaskView]]:
    """What `read_tasks_of` reads, for several customers at once."""
    found: dict[int, list[TaskView]] = defaultdict(list)
    rows = await read_each(connection, customer_ids, _open_of, limit=limit)
    for row in sorted(rows, key=lambda row: (row.due_at, row.id)):
        found[row.customer_id].append(task_view(row))
    return found


def _open_of(customer_id: int | BindParameter[int]) -> Select[Any]:
    mine = VIEW.where(Task.customer_id == customer_id, Task.done_at.is_(None))
    return mine.order_by(Task.due_at, Task.id)


async def read_tasks_about(connection: AsyncConnection, call_id: str) -> tuple[TaskView, ...]:
    """Those that came up in a call: open ones first, by due instant."""
    found = VIEW.where(Task.call_id == call_id).order_by(Task.done_at.is_not(None), Task.due_at, Task.id)
    return tuple(task_view(row) for row in await connection.execute(found.limit(MOST_OF_CALL)))


async def read_own_tasks(connection: AsyncConnection, user_id: int, *, limit: int) -> tuple[TaskView, ...]:
    """What this person is to do, the one due first first: what is overdue leads by itself."""
    found = VIEW.where(Task.assigned_to == user_id, Task.done_at.is_(None))
    rows = await connection.execute(found.order_by(Task.due_at, Task.id).limit(limit))
    return tuple(task_view(row) for row in rows)


async def find_tasks(
    connection: AsyncConnection,
    *,
    show: Show,
    whose: int | Whose,
    now: float,
    customer_id: int | None = None,
    call_id: str | None = None,
    limit: int = 50,
    after: str | None = None,
) -> TaskPage:
    """Tasks of one person (a user's id), of everybody or of nobody. Open ones by due instant, done ones latest first.

    Raises InvalidInputError for a cursor that is not ours.
    """
    limit = max(1, min(limit, MOST_LISTED))
    conditions = [_shown(show, now), _whose(whose)]
    if customer_id is not None:
        conditions.append(Task.customer_id == customer_id)
    if call_id is not None:
        conditions.append(Task.call_id == call_id)
    is_done = show is Show.DONE
    column = Task.done_at if is_done else Task.due_at
    if after is not None:
        place = tuple_(*parts_of(after, float, int, field="after"))
        order = tuple_(column, Task.id)
        conditions.append(order < place if is_done else order > place)
    ordered = (column.desc(), Task.id.desc()) if is_done else (column, Task.id)
    rows = (await connection.execute(VIEW.where(*conditions).order_by(*ordered).limit(limit + 1))).all()
    tasks = tuple(task_view(row) for row in rows[:limit])
    last = tasks[-1] if len(rows) > limit else None
    at = (last.done_at if is_done else last.due_at) if last else None
    return TaskPage(tasks, cursor_of(at, last.id) if last and at is not None else None)


async def count_tasks(connection: AsyncConnection, whose: int | Whose, now: float) -> dict[Show, int]:
    """How many tasks are open and how many of these are overdue."""
    late = func.coalesce(func.sum(case((Task.due_at < now, 1), else_=0)), 0)
    found = await connection.execute(select(func.count(), late).where(Task.done_at.is_(None), _whose(whose)))
    is_open, overdue = found.one()
    return {Show.OPEN: is_open, Show.OVERDUE: int(overdue)}


def task_view(row: Row[Any]) -> TaskView:
    return TaskView(**row._mapping)


def _shown(show: Show, now: float) -> ColumnElement[bool]:
    match show:
        case Show.OPEN:
            return Task.done_at.is_(None)
        case Show.OVERDUE:
            return and_(Task.done_at.is_(None), Task.due_at < now)
        case Show.DONE:
            return Task.done_at.is_not(None)


def _whose(whose: int | Whose) -> ColumnElement[bool]:
    match whose:
        case Whose.ALL:
            return true()
        case Whose.NOBODY:
            gone = select(UserRow.id).where(UserRow.disabled_at.is_not(None))
            return or_(Task.assigned_to.is_(None), and_(Task.done_at.is_(None), Task.assigned_to.in_(gone)))
        case user_id:
            return Task.assigned_to == user_id
