"""Editing tasks: what people decide in, rows, history and facts out. Every method is one transaction that ends with the
durable `CustomerChanged`, since a card shows its customer's tasks; afterwards `TaskChanged` goes to the bus for the
lists on the desks. `by` is the id of the user who decided, None for an API key. Reading is `read.py`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from core.accounts import find_user
from core.bus import Bus
from core.clock import Clock
from core.db import Database
from core.errors import InvalidInputError, StaleError
from core.facts import TaskChanged
from core.folding import clean_line
from core.shown import shown
from crm_link.changes import Change, Edit, What, announce, journal, row_of
from crm_link.customers import UNCHANGED, Unchanged
from crm_link.records import hold_customer
from crm_link.tasks.read import TaskView, read_task
from crm_link.tasks.tables import Task

LONGEST_TITLE = 200
LONGEST_TEXT = 4000
MOST_OPEN = 500
"""Open tasks of one customer: more is a program gone wrong."""

EARLIEST, LATEST = 0.0, 4_102_444_800.0
"""1970 and 2100: a due date outside is a slip of the finger."""


@dataclass(frozen=True, slots=True)
class NewTask:
    """A task to make. `due_at` is an instant, `assigned_to` a user."""

    customer_id: int
    title: str
    due_at: float
    text: str = ""
    assigned_to: int | None = None
    call_id: str | None = None


@dataclass(frozen=True, slots=True)
class TaskEdit:
    """What to change; the rest stays."""

    title: str | Unchanged = UNCHANGED
    text: str | Unchanged = UNCHANGED
    due_at: float | Unchanged = UNCHANGED
    assigned_to: int | Unchanged | None = UNCHANGED


class Tasks:
    """All writes of tasks. One instance serves the whole process."""

    def __init__(self, database: Database, bus: Bus, clock: Clock) -> None:
        self._database = database
        self._bus = bus
        self._clock = clock

    async def add(self, new: NewTask, by: int | None) -> TaskView:
        """Raises NotFoundError for an unknown customer, InvalidInputError."""
        at = self._clock()
        values = {
            "title": clean_title(new.title),
            "text": clean_text(new.text),
            "due_at": check_due(new.due_at),
            "assigned_to": new.assigned_to,
            "call_id": new.call_id,
            "created_at": at,
            "created_by": by,
        }
        async with self._database.write() as connection:
            await _check_person(connection, new.assigned_to)
            current = await hold_customer(connection, new.customer_id)
            await _check_count(connection, current)
            made = insert(Task).values(customer_id=current, **values).returning(Task.id)
            task = await read_task(connection, (await connection.execute(made)).scalar_one())
            changed = await announce(connection, current, at)
        await self._tell(changed, task, task.assigned_to)
        return task

    async def edit(
        self, task_id: int, changes: TaskEdit, by: int | None, expected_version: int | None = None
    ) -> TaskView:
        """Raises NotFoundError, InvalidInputError, and StaleError when `expected_version` is no longer current."""
        edit, values = Edit(self._clock(), by), _values(changes)
        async with self._database.write() as connection:
            before = await _hold(connection, task_id, expected_version)
            if all(getattr(before, name) == value for name, value in values.items()):
                return before
            if values.get("assigned_to") != before.assigned_to:
                await _check_person(connection, values.get("assigned_to"))
            task = await _write(connection, before, values)
            change = Change(What.TASK_CHANGED, before.title, task.title, _row(task))
            await journal(connection, task.customer_id, edit, change)
            changed = await announce(connection, task.customer_id, edit.at)
        await self._tell(changed, task, before.assigned_to)
        return task

    async def finish(self, task_id: int, by: int | None, *, done: bool = True) -> TaskView:
        """Done, or (`done` False) to be done again. Saying it twice changes nothing. Raises NotFoundError."""
        edit = Edit(self._clock(), by)
        async with self._database.write() as connection:
            before = await _hold(connection, task_id, None)
            if before.is_open is not done:
                return before
            values = {"done_at": edit.at if done else None, "done_by": by if done else None}
            task = await _write(connection, before, values)
            if not done:
                change = Change(What.TASK_REOPENED, after=before.title, about=_row(task))
                await journal(connection, before.customer_id, edit, change)
            changed = await announce(connection, task.customer_id, edit.at)
        await self._tell(changed, task, before.assigned_to)
        return task

    async def remove(self, task_id: int, by: int | None) -> TaskView:
        """Take a task away, as it was; that it was there stays in the customer's history. Raises NotFoundError."""
        edit = Edit(self._clock(), by)
        async with self._database.write() as connection:
            task = await _hold(connection, task_id, None)
            await connection.execute(delete(Task).where(Task.id == task_id))
            change = Change(What.TASK_REMOVED, before=task.title, about=_row(task))
            await journal(connection, task.customer_id, edit, change)
            changed = await announce(connection, task.customer_id, edit.at)
        await self._tell(changed, task, task.assigned_to)
        return task

    async def _tell(self, changed: Any, task: TaskView, before: int | None) -> None:
        await self._bus.publish(changed)
        people = tuple(sorted({one for one in (task.assigned_to, before) if one is not None}))
        await self._bus.publish(TaskChanged(task.id, changed.at, task.customer_id, people))


def clean_title(text: str) -> str:
    """One line. Raises InvalidInputError (field `title`) when nothing is left."""
    title = clean_line(text, LONGEST_TITLE)
    if not title:
        raise InvalidInputError("say what is to be done", field="title")
    return title


def clean_text(text: str) -> str:
    """Raises InvalidInputError (field `text`) when it is too long."""
    if len(text) > LONGEST_TEXT:
        raise InvalidInputError(f"a task's text has at most {LONGEST_TEXT} characters", field="text")
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    return "\n".join(shown(line, LONGEST_TEXT) for line in lines).strip()


def check_due(due_at: float) -> float:
    """Raises InvalidInputError (field `due_at`) for a year nobody means."""
    if not EARLIEST <= due_at < LATEST:
        raise InvalidInputError("this due date is not one people mean: check the year", field="due_at")
    return due_at


def _row(task: TaskView) -> str:
    return row_of(Task.__tablename__, task.id, task.created_at)


def _values(changes: TaskEdit) -> dict[str, Any]:
    """The columns an edit sets, checked."""
    values: dict[str, Any] = {}
    if changes.title is not UNCHANGED:
        values["title"] = clean_title(changes.title)
    if changes.text is not UNCHANGED:
        values["text"] = clean_text(changes.text)
    if changes.due_at is not UNCHANGED:
        values["due_at"] = check_due(changes.due_at)
    if changes.assigned_to is not UNCHANGED:
        values["assigned_to"] = changes.assigned_to
    return values


async def _hold(connection: AsyncConnection, task_id: int, expected: int | None) -> TaskView:
    """The task as it stands; nobody else edits it until the transaction ends."""
    await hold_customer(connection, (await read_task(connection, task_id)).customer_id)
    await connection.execute(select(Task.id).where(Task.id == task_id).with_for_update())
    task = await read_task(connection, task_id)
    if expected is not None and task.version != expected:
        raise StaleError("this task was changed by somebody else meanwhile: look again, then save")
    return task


async def _write(connection: AsyncConnection, task: TaskView, values: dict[str, Any]) -> TaskView:
    values |= {"version": task.version + 1}
    await connection.execute(update(Task).where(Task.id == task.id).values(**values))
    return await read_task(connection, task.id)


async def _check_person(connection: AsyncConnection, user_id: int | None) -> None:
    if user_id is None:
        return
    user = await find_user(connection, user_id)
    if user is None or user.disabled:
        raise InvalidInputError(f"there is no user {user_id} who could do it", field="assigned_to")


async def _check_count(connection: AsyncConnection, customer_id: int) -> None:
    mine = select(func.count()).where(Task.customer_id == customer_id, Task.done_at.is_(None))
    if (await connection.execute(mine)).scalar_one() >= MOST_OPEN:
        raise InvalidInputError(f"a customer has at most {MOST_OPEN} open tasks")
