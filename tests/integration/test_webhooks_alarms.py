"""The alarm of what was given up, on PostgreSQL, when several write down in the same moment what came of their
attempts: it stands as long as something is given up, whoever comes first."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from sqlalchemy import insert, select

from core.alarms import AlarmRow, list_alarms, raise_alarm
from core.db import Database
from crm_link.webhooks.alarms import DEAD_ALARM, DISABLED_ALARM, alarm_subject, tell_given_up
from crm_link.webhooks.book import Book, Claimed
from crm_link.webhooks.kinds import DeliveryState, EndpointState, Outcome
from crm_link.webhooks.ladder import LADDER_S
from crm_link.webhooks.sender import Attempt
from crm_link.webhooks.tables import WebhookDelivery, WebhookEndpoint
from tests.databases import Cluster, fresh
from tests.locks import until_wait

NOW = 1_795_300_000.0

pytestmark = pytest.mark.postgres


@pytest.fixture
async def database(postgres_cluster: Cluster) -> AsyncIterator[Database]:
    with fresh(postgres_cluster) as url:
        database = Database(url)
        yield database
        await database.close()


@pytest.fixture
async def claimed(database: Database) -> list[Claimed]:
    """Two deliveries of one endpoint, at their last attempts."""
    endpoint = {
        "name": "CRM",
        "url": "https://crm.example",
        "events": "call.ended",
        "secret": "whsec_c2VjcmV0",
    }
    async with database.write() as connection:
        made = await connection.execute(
            insert(WebhookEndpoint)
            .values(endpoint | {"state": EndpointState.ACTIVE, "after_fact": 0, "created_at": NOW})
            .returning(WebhookEndpoint.id)
        )
        endpoint_id = made.scalar_one()
        for fact_id in (1, 2):
            own = {"fact_id": fact_id, "message_id": f"msg_{fact_id}", "subject": f"call_id:{fact_id}"}
            state = {"state": DeliveryState.WAITING, "due_at": NOW, "attempts": len(LADDER_S)}
            of = {"endpoint_id": endpoint_id, "event": "call.ended", "body": "{}", "at": NOW}
            await connection.execute(insert(WebhookDelivery).values(**own, **state, **of))
    return await Book(database).claim(endpoint_id, 2, NOW, 20.0)


def attempt(outcome: Outcome) -> Attempt:
    return Attempt(NOW, 0.1, outcome)


async def open_alarms(database: Database) -> list[str]:
    async with database.read() as connection:
        return [one.code for one in await list_alarms(connection) if one.closed_at is None]


@pytest.mark.parametrize("other", ["delivers", "keeps house"])
async def test_what_is_given_up_while_another_finds_nothing_given_up_is_alarmed(
    database: Database, claimed: list[Claimed], other: str
) -> None:
    book, lost, well = Book(database), claimed[0], claimed[1]
    subject = alarm_subject(lost.endpoint_id)

    async def keep_house() -> None:
        async with database.write() as connection:
            await tell_given_up(connection, [lost.endpoint_id], NOW)

    async with database.write() as connection:
        await raise_alarm(connection, DEAD_ALARM, subject, "of an earlier one", NOW)
    async with database.write() as holder:
        await holder.execute(select(AlarmRow.id).with_for_update())
        dies = asyncio.create_task(book.settle(lost, attempt(Outcome.REFUSED), 0.5, NOW))
        await until_wait(holder, 1)
        second = asyncio.create_task(
            book.settle(well, attempt(Outcome.DELIVERED), 0.5, NOW) if other == "delivers" else keep_house()
        )
        await until_wait(holder, 2)
    await asyncio.gather(dies, second)
    assert await open_alarms(database) == [DEAD_ALARM]


async def test_two_that_are_given_up_at_once_are_one_alarm(
    database: Database, claimed: list[Claimed]
) -> None:
    book = Book(database)
    async with database.write() as holder:
        await holder.execute(select(WebhookEndpoint.id).with_for_update())
        both = [asyncio.create_task(book.settle(one, attempt(Outcome.REFUSED), 0.5, NOW)) for one in claimed]
        await until_wait(holder, 2)
    await asyncio.gather(*both)
    assert await open_alarms(database) == [DEAD_ALARM]


async def test_a_receiver_that_says_twice_at_once_that_it_is_gone_is_disabled(
    database: Database, claimed: list[Claimed]
) -> None:
    """Each gives up all that waits, the other's delivery too: neither may wait for the other for ever."""
    book = Book(database)
    async with database.write() as holder:
        await holder.execute(select(WebhookEndpoint.id).with_for_update())
        both = [asyncio.create_task(book.settle(one, attempt(Outcome.GONE), 0.5, NOW)) for one in claimed]
        await until_wait(holder, 2)
    await asyncio.gather(*both)
    assert await open_alarms(database) == [DISABLED_ALARM]
