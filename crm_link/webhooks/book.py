"""What is owed and what came of it, as rows: due deliveries are claimed here, attempts written down, the next one's
time set. An attempt counts from its claim, which is committed before anything is sent; one whose end was never written
(we died) is due again when its claim runs out, under the same `webhook-id`. Of one subject one claim lives at a time.
Two servers share the work without a second thought: claims of an endpoint, and what comes of them, are written one
after the other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, Update, delete, exists, func, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.orm import aliased

from core.db import Database
from core.errors import ConflictError
from crm_link.webhooks.alarms import tell_given_up, tell_gone
from crm_link.webhooks.endpoints import signing
from crm_link.webhooks.kinds import DeliveryState, EndpointState, Outcome
from crm_link.webhooks.ladder import wait_after
from crm_link.webhooks.sender import Attempt, Message, fault_of
from crm_link.webhooks.tables import WebhookAttempt, WebhookDelivery, WebhookEndpoint

FORGET_BATCH = 200
"""Rows thrown away in one transaction, their attempts with them."""

GONE = "The receiver answered 410: this address is no longer there."
OTHER = aliased(WebhookDelivery)
"""Another delivery of the same subject."""

D = WebhookDelivery


@dataclass(frozen=True, slots=True)
class Claimed:
    """A delivery that is ours to attempt; `attempts` counts this one and is the claim's own number."""

    id: int
    endpoint_id: int
    subject: str
    fact_id: int
    message: Message
    attempts: int
    until: float
    url: str
    secrets: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Settled:
    """How a delivery stands after an attempt."""

    state: DeliveryState
    wait_s: float | None = None


class Book:
    """One per application."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def claim(self, endpoint_id: int, most: int, now: float, lease_s: float) -> list[Claimed]:
        """At most `most` deliveries whose turn it is, taken until `now + lease_s`; none unless it is active."""
        async with self._database.read() as connection:
            if not (await connection.execute(_due(endpoint_id, most, now))).first():
                return []
        async with self._database.write() as connection:
            endpoint = await _take_turn(connection, endpoint_id)
            if endpoint is None or endpoint.state != EndpointState.ACTIVE:
                return []
            rows = (await connection.execute(_due(endpoint_id, most, now, lock=True))).all()
            keys = signing(endpoint, now)
            return [await _take(connection, endpoint, row, keys, now + lease_s) for row in rows]

    async def settle(self, claimed: Claimed, attempt: Attempt, luck: float, now: float) -> Settled | None:
        """Write down what came of it. None when that changes nothing: it failed, and was meanwhile given up, taken by
        another server when the claim had run out, or thrown away. What was delivered is, whatever became of it."""
        async with self._database.write() as connection:
            await _take_turn(connection, claimed.endpoint_id)
            row = (await connection.execute(_as_it_stands(claimed.id))).first()
            if row is None:
                return None
            await _note(connection, claimed.id, attempt)
            await _judge(connection, claimed.endpoint_id, attempt, now)
            if row.claimed_until == claimed.until:
                await _let_go(connection, claimed.id)
            if attempt.outcome is not Outcome.DELIVERED and not _is_turn(row, claimed):
                return None
            settled = _settled(claimed, attempt, luck)
            await _settle(connection, claimed, settled, now)
            if attempt.outcome is Outcome.GONE:
                await _disable(connection, claimed.endpoint_id, now)
            elif settled.wait_s is None:
                await tell_given_up(connection, (claimed.endpoint_id,), now)
        return settled

    async def next_due(self, endpoint_id: int, now: float) -> float | None:
        """When something becomes due later than `now`."""
        query = select(func.min(D.due_at)).where(
            D.endpoint_id == endpoint_id, D.state == DeliveryState.WAITING, D.due_at > now
        )
        async with self._database.read() as connection:
            found: float | None = await connection.scalar(query)
        return found


async def replay(connection: AsyncConnection, delivery_id: int, endpoint_id: int, now: float) -> None:
    """Send it now, from the first rung, under its old `webhook-id`; what waits of its subject goes too, in its order.
    Raises ConflictError while a request of it is under way, or when there is none."""
    await _take_turn(connection, endpoint_id)
    row = (await connection.execute(_as_it_stands(delivery_id))).first()
    if row is None or (row.claimed_until is not None and row.claimed_until > now):
        raise ConflictError("a request of this delivery is under way: wait for what comes of it")
    await connection.execute(
        update(D)
        .where(D.id == delivery_id)
        .values(state=DeliveryState.WAITING, due_at=now, attempts=0, settled_at=None)
    )
    await connection.execute(_hurried(endpoint_id, now).where(D.subject == row.subject))


async def send_now(connection: AsyncConnection, endpoint_id: int, now: float) -> None:
    """What waits for a later try is due, from the first rung: its receiver was mended."""
    await _take_turn(connection, endpoint_id)
    await connection.execute(_hurried(endpoint_id, now))


async def forget(connection: AsyncConnection, *, before: float) -> int:
    """Throw away some of what was settled before `before`, and what a paused endpoint was owed before; returns how
    many."""
    paused = select(WebhookEndpoint.id).where(WebhookEndpoint.state == EndpointState.PAUSED)
    old = select(D.id).where(D.at < before, or_(D.settled_at < before, D.endpoint_id.in_(paused)))
    gone = await connection.execute(delete(D).where(D.id.in_(old.order_by(D.at).limit(FORGET_BATCH))))
    return gone.rowcount


def _due(endpoint_id: int, most: int, now: float, *, lock: bool = False) -> Any:
    """Those with no earlier one of their subject that still waits, and none of it under way."""
    earlier = exists().where(
        OTHER.endpoint_id == endpoint_id,
        OTHER.subject == D.subject,
        OTHER.state == DeliveryState.WAITING,
        OTHER.fact_id < D.fact_id,
    )
    under_way = exists().where(
        OTHER.endpoint_id == endpoint_id, OTHER.subject == D.subject, OTHER.claimed_until > now
    )
    query = (
        select(D.id, D.subject, D.fact_id, D.message_id, D.body, D.attempts)
        .where(D.endpoint_id == endpoint_id, D.state == DeliveryState.WAITING, D.due_at <= now)
        .where(~earlier, ~under_way)
        .order_by(D.due_at, D.fact_id)
        .limit(most)
    )
    return query.with_for_update(of=D, skip_locked=True) if lock else query


def _hurried(endpoint_id: int, now: float) -> Update:
    return (
        update(D)
        .where(D.endpoint_id == endpoint_id, D.state == DeliveryState.WAITING, _is_free(now))
        .values(due_at=now, attempts=0)
    )


def _is_free(now: float) -> ColumnElement[bool]:
    """No request of it is under way."""
    return or_(D.claimed_until.is_(None), D.claimed_until <= now)


async def _take(
    connection: AsyncConnection, endpoint: Row[Any], row: Row[Any], secrets: tuple[str, ...], until: float
) -> Claimed:
    attempts = row.attempts + 1
    await connection.execute(
        update(D).where(D.id == row.id).values(attempts=attempts, due_at=until, claimed_until=until)
    )
    return Claimed(
        id=row.id,
        endpoint_id=endpoint.id,
        subject=row.subject,
        fact_id=row.fact_id,
        message=Message(row.message_id, row.body),
        attempts=attempts,
        until=until,
        url=endpoint.url,
        secrets=secrets,
    )


async def _take_turn(connection: AsyncConnection, endpoint_id: int) -> Row[Any] | None:
    """Deliveries to one endpoint are claimed, settled and replayed one after the other: a 410 gives up all that waits,
    and a failure moves the others of its subject, so that two at once would each wait for what the other has; and a
    claim that another server is just writing must be seen."""
    mine = select(WebhookEndpoint).where(WebhookEndpoint.id == endpoint_id).with_for_update(key_share=True)
    return (await connection.execute(mine)).first()


def _as_it_stands(delivery_id: int) -> Select[*tuple[Any, ...]]:
    standing = select(D.subject, D.state, D.attempts, D.claimed_until).where(D.id == delivery_id)
    return standing.with_for_update()


def _is_turn(row: Row[Any], claimed: Claimed) -> bool:
    """Whether the delivery still waits for what comes of this claim."""
    standing = row.state, row.attempts, row.claimed_until
    return standing == (DeliveryState.WAITING, claimed.attempts, claimed.until)


def _settled(claimed: Claimed, attempt: Attempt, luck: float) -> Settled:
    if attempt.outcome is Outcome.DELIVERED:
        return Settled(DeliveryState.DELIVERED)
    wait_s = wait_after(claimed.attempts, luck, asked_s=attempt.asked_s)
    if wait_s is None or attempt.outcome is Outcome.GONE:
        return Settled(DeliveryState.DEAD)
    return Settled(DeliveryState.WAITING, wait_s)


async def _let_go(connection: AsyncConnection, delivery_id: int) -> None:
    await connection.execute(update(D).where(D.id == delivery_id).values(claimed_until=None))


async def _settle(connection: AsyncConnection, claimed: Claimed, settled: Settled, now: float) -> None:
    due_at = now + (settled.wait_s or 0.0)
    await connection.execute(
        update(D)
        .where(D.id == claimed.id)
        .values(state=settled.state, due_at=due_at, settled_at=None if settled.wait_s is not None else now)
    )
    await _move_later(connection, claimed, due_at, now)


async def _judge(connection: AsyncConnection, endpoint_id: int, attempt: Attempt, now: float) -> None:
    """Whether the endpoint takes what it is sent, for whoever looks at it."""
    mine, failing_since = WebhookEndpoint.id == endpoint_id, WebhookEndpoint.failing_since
    if attempt.outcome is Outcome.DELIVERED:
        values: dict[str, Any] = {"failing_since": None, "fault": None}
        await connection.execute(
            update(WebhookEndpoint).where(mine, failing_since.is_not(None)).values(values)
        )
    else:
        values = {"failing_since": func.coalesce(failing_since, now), "fault": fault_of(attempt)}
        await connection.execute(update(WebhookEndpoint).where(mine).values(values))


async def _note(connection: AsyncConnection, delivery_id: int, attempt: Attempt) -> None:
    await connection.execute(
        insert(WebhookAttempt).values(
            delivery_id=delivery_id,
            at=attempt.at,
            seconds=attempt.seconds,
            outcome=attempt.outcome,
            status=attempt.status,
            request_headers=attempt.request_headers,
            answer_headers=attempt.answer_headers,
            answer=attempt.answer,
            error=attempt.error,
        )
    )


async def _move_later(connection: AsyncConnection, claimed: Claimed, due_at: float, now: float) -> None:
    """The later ones of its subject wait as long as it does: looked at before, they would only be in the way."""
    await connection.execute(
        update(D)
        .where(
            D.endpoint_id == claimed.endpoint_id,
            D.subject == claimed.subject,
            D.state == DeliveryState.WAITING,
            D.fact_id > claimed.fact_id,
            _is_free(now),
        )
        .values(due_at=due_at)
    )


async def _disable(connection: AsyncConnection, endpoint_id: int, now: float) -> None:
    """What it is owed is given up, and can be replayed."""
    named = await connection.execute(
        update(WebhookEndpoint)
        .where(WebhookEndpoint.id == endpoint_id)
        .values(state=EndpointState.DISABLED, note=GONE)
        .returning(WebhookEndpoint.name)
    )
    await connection.execute(
        update(D)
        .where(D.endpoint_id == endpoint_id, D.state == DeliveryState.WAITING)
        .values(state=DeliveryState.DEAD, settled_at=now)
    )
    await tell_gone(connection, endpoint_id, named.scalar_one(), now)
