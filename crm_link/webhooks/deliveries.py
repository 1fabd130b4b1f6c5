"""What was owed to an endpoint and what came of it, for people and programs to read: pages of deliveries, the newest
first, and one of them with every attempt."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, case, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from core.errors import NotFoundError
from crm_link.paging import cursor_of, parts_of
from crm_link.webhooks.kinds import DeliveryState, Outcome
from crm_link.webhooks.tables import WebhookAttempt, WebhookDelivery

D = WebhookDelivery


@dataclass(frozen=True, slots=True)
class Delivery:
    """`due_at` is None once it is settled. `body` is what is sent, whole."""

    id: int
    endpoint_id: int
    message_id: str
    event: str
    subject: str
    body: str
    at: float
    state: DeliveryState
    attempts: int
    due_at: float | None
    settled_at: float | None


@dataclass(frozen=True, slots=True)
class LoggedAttempt:
    """`request_headers` and `answer_headers` are lines of `name: value`."""

    at: float
    seconds: float
    outcome: Outcome
    status: int | None
    request_headers: str
    answer_headers: str
    answer: str
    error: str | None


@dataclass(frozen=True, slots=True)
class Owed:
    """How many deliveries of an endpoint wait, and how many were given up."""

    waiting: int
    dead: int


@dataclass(frozen=True, slots=True)
class DeliveryPage:
    deliveries: tuple[Delivery, ...]
    next: str | None


async def read_deliveries(
    connection: AsyncConnection,
    endpoint_id: int,
    *,
    state: DeliveryState | None = None,
    limit: int,
    after: str | None = None,
) -> DeliveryPage:
    """Raises InvalidInputError for a cursor that is not ours."""
    query = _deliveries().where(D.endpoint_id == endpoint_id)
    if state is not None:
        query = query.where(D.state == state)
    if after is not None:
        (last,) = parts_of(after, int, field="after")
        query = query.where(D.id < last)
    rows = (await connection.execute(query.order_by(D.id.desc()).limit(limit + 1))).all()
    found = tuple(_delivery(row) for row in rows[:limit])
    return DeliveryPage(found, cursor_of(found[-1].id) if len(rows) > limit else None)


async def count_owed(connection: AsyncConnection) -> dict[int, Owed]:
    """Of every endpoint that has either."""
    waiting, dead = (
        func.sum(case((D.state == state, 1), else_=0))
        for state in (DeliveryState.WAITING, DeliveryState.DEAD)
    )
    query = select(D.endpoint_id, waiting, dead).where(
        D.state.in_((DeliveryState.WAITING, DeliveryState.DEAD))
    )
    rows = await connection.execute(query.group_by(D.endpoint_id))
    return {endpoint_id: Owed(waits, given_up) for endpoint_id, waits, given_up in rows}


async def read_delivery(connection: AsyncConnection, endpoint_id: int, delivery_id: int) -> Delivery:
    """Raises NotFoundError."""
    query = _deliveries().where(D.endpoint_id == endpoint_id, D.id == delivery_id)
    row = (await connection.execute(query)).first()
    if row is None:
        raise NotFoundError(f"webhook {endpoint_id} has no delivery {delivery_id}")
    return _delivery(row)


async def read_attempts(connection: AsyncConnection, delivery_id: int) -> list[LoggedAttempt]:
    """All of them, the newest first; also those before a replay."""
    columns = (
        WebhookAttempt.at,
        WebhookAttempt.seconds,
        WebhookAttempt.outcome,
        WebhookAttempt.status,
        WebhookAttempt.request_headers,
        WebhookAttempt.answer_headers,
        WebhookAttempt.answer,
        WebhookAttempt.error,
    )
    query = select(*columns).where(WebhookAttempt.delivery_id == delivery_id)
    rows = await connection.execute(query.order_by(WebhookAttempt.id.desc()))
    return [LoggedAttempt(**{**row._mapping, "outcome": Outcome(row.outcome)}) for row in rows]


def _deliveries() -> Select[*tuple[Any, ...]]:
    return select(
        D.id,
        D.endpoint_id,
        D.message_id,
        D.event,
        D.subject,
        D.body,
        D.at,
        D.state,
        D.attempts,
        D.due_at,
        D.settled_at,
    )


def _delivery(row: Any) -> Delivery:
    state = DeliveryState(row.state)
    due_at = row.due_at if state is DeliveryState.WAITING else None
    return Delivery(**{**row._mapping, "state": state, "due_at": due_at})
