"""From the fact log to what is owed: a durable fact in, one delivery per endpoint that wants it out. A fact that comes
twice (a crash between these rows and the consumer's cursor) is owed once: a constraint says so. Nothing is sent
here."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from typing import Any

from sqlalchemy import select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from core.clock import Clock
from core.db import Database
from core.fact_log import LoggedFact, as_it_stands
from crm_link.webhooks.kinds import EVENT_OF, DeliveryState, EndpointState, subject_of
from crm_link.webhooks.tables import WebhookDelivery, WebhookEndpoint

Render = Callable[[str, LoggedFact], str | None]
"""The body of an event: its name and the fact in, JSON text out; None when there is nothing to tell."""

INSERTS: dict[str, sqlite.Insert | postgresql.Insert] = {
    "sqlite": sqlite.insert(WebhookDelivery),
    "postgresql": postgresql.insert(WebhookDelivery),
}


class Intake:
    """`owe` is the handler of a `FactConsumer`; `wake` is called with every endpoint that is owed something new."""

    def __init__(self, database: Database, clock: Clock, render: Render, wake: Callable[[int], None]) -> None:
        self._database = database
        self._clock = clock
        self._render = render
        self._wake = wake

    async def owe(self, fact: LoggedFact) -> None:
        event = EVENT_OF[fact.kind]
        async with self._database.read() as connection:
            endpoints = await _who_wants(connection, event, fact.id)
        if not endpoints:
            return
        async with self._database.write() as connection:
            values = self._delivery(event, await as_it_stands(connection, fact))
            for endpoint_id in endpoints if values else ():
                await _insert(connection, endpoint_id, values, self._clock())
        for endpoint_id in endpoints if values else ():
            self._wake(endpoint_id)

    def _delivery(self, event: str, fact: LoggedFact | None) -> dict[str, Any]:
        """Empty when there is nothing to tell."""
        body = self._render(event, fact) if fact is not None else None
        if fact is None or body is None:
            return {}
        return {
            "fact_id": fact.id,
            "event": event,
            "subject": subject_of(fact.body),
            "body": body,
            "at": fact.at,
        }


async def _who_wants(connection: AsyncConnection, event: str, fact_id: int) -> list[int]:
    rows = await connection.execute(
        select(WebhookEndpoint.id, WebhookEndpoint.events).where(
            WebhookEndpoint.state != EndpointState.DISABLED, WebhookEndpoint.after_fact < fact_id
        )
    )
    return [row.id for row in rows if event in row.events.split()]


async def _insert(
    connection: AsyncConnection, endpoint_id: int, values: Mapping[str, Any], now: float
) -> None:
    # An endpoint may be removed between the two transactions: then nothing is owed to it.
    still = await connection.scalar(
        select(WebhookEndpoint.id).where(WebhookEndpoint.id == endpoint_id).with_for_update(read=True)
    )
    if still is None:
        return
    own = {
        "endpoint_id": endpoint_id,
        "message_id": f"msg_{secrets.token_hex(12)}",
        "state": DeliveryState.WAITING,
        "due_at": now,
        "attempts": 0,
    }
    await connection.execute(INSERTS[connection.dialect.name].on_conflict_do_nothing(), {**values, **own})
