"""What is to be done for a customer and what they buy, as entries of their timeline: a task where it was made and again
where it was done, a deal or order where it was opened. How each stands now is read with it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncConnection

from crm_link.deals.read import DealView, read_deals_where
from crm_link.deals.tables import Deal
from crm_link.tasks.read import VIEW, TaskView, task_view
from crm_link.tasks.tables import Task
from crm_link.timeline import Body, Entry, Position, behind


@dataclass(frozen=True, slots=True)
class TaskBody(Body):
    """A task; which end of its life the entry stands for is the entry's kind."""

    task: TaskView


class TaskSource:
    """Tasks, when they were made."""

    kind = "task"

    async def entries(
        self, connection: AsyncConnection, customer_id: int, before: Position | None, limit: int
    ) -> Sequence[Entry]:
        rows = await connection.execute(
            VIEW.where(Task.customer_id == customer_id, behind(before, self.kind, Task.created_at, Task.id))
            .order_by(Task.created_at.desc(), Task.id.desc())
            .limit(limit)
        )
        return [
            Entry(row.created_at, self.kind, row.id, row.created_by, TaskBody(task_view(row))) for row in rows
        ]


class DoneSource:
    """Tasks, when they were done."""

    kind = "task_done"

    async def entries(
        self, connection: AsyncConnection, customer_id: int, before: Position | None, limit: int
    ) -> Sequence[Entry]:
        rows = await connection.execute(
            VIEW.where(
                Task.customer_id == customer_id,
                Task.done_at.is_not(None),
                behind(before, self.kind, Task.done_at, Task.id),
            )
            .order_by(Task.done_at.desc(), Task.id.desc())
            .limit(limit)
        )
        return [Entry(row.done_at, self.kind, row.id, row.done_by, TaskBody(task_view(row))) for row in rows]


@dataclass(frozen=True, slots=True)
class DealBody(Body):
    deal: DealView


class DealSource:
    """Deals and orders, when they were opened."""

    kind = "deal"

    async def entries(
        self, connection: AsyncConnection, customer_id: int, before: Position | None, limit: int
    ) -> Sequence[Entry]:
        found = await read_deals_where(
            connection,
            Deal.customer_id == customer_id,
            behind(before, self.kind, Deal.opened_at, Deal.id),
            limit=limit,
        )
        return [Entry(deal.opened_at, self.kind, deal.id, deal.opened_by, DealBody(deal)) for deal in found]
