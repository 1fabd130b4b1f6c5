"""Durable facts reach each consumer at least once and in order, on both databases."""

from __future__ import annotations

import asyncio

import pytest

from core import fact_log
from core.db import Database
from core.fact_log import FactConsumer, LoggedFact
from core.facts import BlindWindowClosed, CallEnded, CustomerChanged


async def change(database: Database, *customer_ids: int) -> None:
    async with database.write() as connection:
        for customer_id in customer_ids:
            fact = CustomerChanged(customer_id, 1.0)
            await fact_log.append(connection, fact, subject=str(customer_id), at=1.0)


class Worker:
    """A consumer that can be told to die at one fact."""

    def __init__(self, database: Database, *, dies_at: int | None = None) -> None:
        self.seen: list[int] = []
        self._dies_at = dies_at
        self.consumer = FactConsumer(database, "worker", (CustomerChanged,), self.work)

    async def work(self, fact: LoggedFact) -> None:
        if fact.body["customer_id"] == self._dies_at:
            raise RuntimeError("killed here")
        self.seen.append(fact.body["customer_id"])


async def test_in_order_and_once(database: Database) -> None:
    await change(database, 1, 2, 3)
    worker = Worker(database)
    assert await worker.consumer.deliver_batch() == 3
    assert await worker.consumer.deliver_batch() == 0
    assert worker.seen == [1, 2, 3]


async def test_a_death_between_commit_and_consumer_loses_nothing(database: Database) -> None:
    await change(database, 1, 2, 3)
    first = Worker(database, dies_at=2)
    with pytest.raises(RuntimeError, match="killed here"):
        await first.consumer.deliver_batch()
    after = Worker(database)
    await after.consumer.deliver_batch()
    assert (first.seen, after.seen) == ([1], [2, 3])


async def test_only_the_kinds_asked_for(database: Database) -> None:
    async with database.write() as connection:
        window = BlindWindowClosed("main", 1.0, 2.0, "a reason", 0, 0, 0)
        await fact_log.append(connection, window, subject="main", at=2.0)
    await change(database, 7)
    seen: list[LoggedFact] = []

    async def keep(fact: LoggedFact) -> None:
        seen.append(fact)

    await FactConsumer(database, "windows", (BlindWindowClosed, CallEnded), keep).deliver_batch()
    assert [(fact.kind, fact.subject, fact.body["until"]) for fact in seen] == [
        ("BlindWindowClosed", "main", 2.0)
    ]


async def test_a_rolled_back_fact_was_never_said(database: Database) -> None:
    with pytest.raises(RuntimeError, match="no"):
        async with database.write() as connection:
            await fact_log.append(connection, CustomerChanged(1, 1.0), subject="1", at=1.0)
            raise RuntimeError("no")
    assert await Worker(database).consumer.deliver_batch() == 0


async def test_a_running_consumer_is_woken(database: Database) -> None:
    worker = Worker(database)
    task = asyncio.create_task(worker.consumer.run())
    try:
        await change(database, 5)
        worker.consumer.wake()
        async with asyncio.timeout(30):
            while not worker.seen:
                await asyncio.sleep(0.01)
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    assert worker.seen == [5]
