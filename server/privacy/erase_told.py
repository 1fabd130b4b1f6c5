"""What facts and webhooks hold of a person goes: facts stay without numbers and names, deliveries are deleted. Done
twice: once in steps, and once more in the transaction that removes the customer, for what was written meanwhile (who
makes deliveries may have read a fact before it was cleaned). Works inside the caller's transaction."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import bindparam, delete, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from core.fact_log import FactLogRow
from crm_link.webhooks.tables import WebhookDelivery
from server.privacy.erase_person import Person, parts_of

ERASED_NUMBER = "+0"
"""Instead of a number where a table wants one: no telephone has it."""

NAMES = frozenset({"name", "caller_name", "contact_name", "note", "text", "message"})
"""Fields of facts that hold what people are called or wrote."""

IDS = frozenset({"call_id", "attempt_id", "recording_id", "linkedids", "pbx", "queue"})
"""Fields that hold long digits of our own."""

IN_FLIGHT = 1000
"""Deliveries whose numbers PostgreSQL may have given out before others that were seen first."""

FACTS, DELIVERIES = "Facts, made anonymous", "What other servers were told"

FACT = update(FactLogRow).where(FactLogRow.id == bindparam("of")).values(body=bindparam("new_body"))


@dataclass(frozen=True, slots=True)
class Reached:
    """How far both tables had come at a moment: what is written later has higher ids."""

    fact: int
    delivery: int


async def read_reached(connection: AsyncConnection) -> Reached:
    fact = await connection.scalar(select(func.max(FactLogRow.id)))
    delivery = await connection.scalar(select(func.max(WebhookDelivery.id)))
    return Reached(fact or 0, max(0, (delivery or 0) - IN_FLIGHT))


async def clean_again(
    connection: AsyncConnection, person: Person, since: Reached, gone: Counter[str]
) -> None:
    """What was written since."""
    for some in parts_of(person.subjects):
        gone[FACTS] += await clean_facts(connection, person, some, after=since.fact)
    for some in parts_of(person.delivery_subjects):
        gone[DELIVERIES] += await delete_deliveries(connection, some, after=since.delivery)


async def delete_deliveries(connection: AsyncConnection, subjects: Sequence[str], *, after: int = 0) -> int:
    """Those with a higher id than `after`; returns how many."""
    deliveries = delete(WebhookDelivery).where(
        WebhookDelivery.id > after, WebhookDelivery.subject.in_(subjects)
    )
    return (await connection.execute(deliveries)).rowcount


async def clean_facts(
    connection: AsyncConnection, person: Person, subjects: Sequence[str], *, after: int = 0
) -> int:
    """Those with a higher id than `after`; returns how many there was something in."""
    rows = await connection.execute(
        select(FactLogRow.id, FactLogRow.body).where(FactLogRow.id > after, FactLogRow.subject.in_(subjects))
    )
    cleaned = []
    for row in rows:
        body = json.loads(row.body)
        clean = _cleaned(body, "", person)
        if clean != body:
            cleaned.append({"of": row.id, "new_body": json.dumps(clean, ensure_ascii=False)})
    if cleaned:
        await connection.execute(FACT, cleaned)
    return len(cleaned)


def _cleaned(value: Any, name: str, person: Person) -> Any:
    """A fact's field without the person. A fact that must have a number keeps one that nobody has."""
    if isinstance(value, dict):
        return {key: _cleaned(one, key, person) for key, one in value.items()}
    if isinstance(value, list):
        return [_cleaned(one, name, person) for one in value]
    if isinstance(value, str) and name in NAMES:
        return "" if name != "caller_name" else None
    if isinstance(value, str) and name not in IDS and person.is_named_in(value):
        return ERASED_NUMBER if name == "number" else None
    return value
