"""The two alarms of a webhook: events were given up, and its receiver said that it is gone. The first one is what the
stored deliveries say, whoever changed them last; nothing is sent or settled here."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import Select, select
from sqlalchemy.ext.asyncio import AsyncConnection

from core.alarms import close_alarm, raise_alarm, take_turn
from crm_link.webhooks.kinds import DeliveryState
from crm_link.webhooks.ladder import LADDER_S
from crm_link.webhooks.tables import WebhookDelivery, WebhookEndpoint

DISABLED_ALARM = "webhook-disabled"
DEAD_ALARM = "webhook-dead"

MOST_ATTEMPTS = len(LADDER_S) + 1


def alarm_subject(endpoint_id: int) -> str:
    return f"webhook {endpoint_id}"


async def tell_given_up(connection: AsyncConnection, endpoint_ids: Iterable[int], now: float) -> None:
    """Raise the alarm of those that an event was given up for after all attempts, close that of the others: delivered
    later, or thrown away. To be called last in a transaction that changed deliveries."""
    for endpoint_id in sorted(endpoint_ids):
        subject = alarm_subject(endpoint_id)
        await take_turn(connection, DEAD_ALARM, subject)
        name = await connection.scalar(_given_up(endpoint_id))
        if name is None:
            await close_alarm(connection, DEAD_ALARM, subject, now)
        else:
            text = f"The webhook {name} was given up for an event after {MOST_ATTEMPTS} attempts."
            await raise_alarm(connection, DEAD_ALARM, subject, text, now)


async def tell_gone(connection: AsyncConnection, endpoint_id: int, name: str, now: float) -> None:
    """The receiver answered 410."""
    text = f"The webhook {name} was disabled: its receiver said that it is gone (410)."
    await raise_alarm(connection, DISABLED_ALARM, alarm_subject(endpoint_id), text, now)


async def close_both(connection: AsyncConnection, endpoint_id: int, now: float) -> None:
    """The webhook was removed."""
    for code in (DISABLED_ALARM, DEAD_ALARM):
        await close_alarm(connection, code, alarm_subject(endpoint_id), now)


def _given_up(endpoint_id: int) -> Select[str]:
    """Its name, where something was. What a receiver's 410 took along has had fewer attempts, and an alarm of its
    own."""
    return (
        select(WebhookEndpoint.name)
        .join(WebhookDelivery, WebhookDelivery.endpoint_id == WebhookEndpoint.id)
        .where(
            WebhookEndpoint.id == endpoint_id,
            WebhookDelivery.state == DeliveryState.DEAD,
            WebhookDelivery.attempts >= MOST_ATTEMPTS,
        )
        .limit(1)
    )
