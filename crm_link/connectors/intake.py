"""Ended calls, saved wrap-ups and transcripts from the fact log in, rows of work for other CRMs out (`logs.py`). A
consumer: facts come at least once and in order, and a fact that comes again changes nothing but that a wrap-up or a
recording is written over once more. Internal calls and withheld numbers are nobody's elsewhere."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from core.clock import Clock
from core.db import Database
from core.fact_log import FactConsumer, LoggedFact, as_it_stands
from core.facts import CallEnded, Direction, TranscriptReady, WrapUpSaved
from crm_link.connectors import logs
from crm_link.connectors.log_worker import LogWorker
from crm_link.connectors.starts import begin
from crm_link.connectors.tables import LogPart


class LogIntake:
    """`workers` are the CRMs that are told of calls, by name."""

    def __init__(self, database: Database, clock: Clock, workers: Mapping[str, LogWorker]) -> None:
        self._database = database
        self._clock = clock
        self._workers = workers
        self._after: Mapping[str, int] = {}
        kinds = (CallEnded, WrapUpSaved, TranscriptReady)
        self.consumer = FactConsumer(database, "connector_logs", kinds, self.handle)

    async def run(self) -> None:
        """Until cancelled."""
        await self.begin()
        await self.consumer.run()

    async def begin(self) -> None:
        """To be done before any fact is handled."""
        async with self._database.write() as connection:
            self._after = await begin(connection, self._workers)

    async def handle(self, fact: LoggedFact) -> None:
        async with self._database.write() as connection:
            match fact.kind:
                case WrapUpSaved.__name__:
                    await self._again(connection, fact, LogPart.CALL)
                case TranscriptReady.__name__:
                    await self._again(connection, fact, LogPart.RECORDING)
                case _:
                    await self._ended(connection, fact)
        for worker in self._workers.values():
            worker.wake()

    async def _again(self, connection: AsyncConnection, fact: LoggedFact, part: LogPart) -> None:
        """A transcript says what is to be silenced in audio that was perhaps sent already."""
        if fact.body["call_id"] is not None:
            await logs.ask_again(connection, self._workers, fact.body["call_id"], part, self._clock())

    async def _ended(self, connection: AsyncConnection, fact: LoggedFact) -> None:
        now = await as_it_stands(connection, fact)
        record = now.body["record"] if now is not None else None
        if record is not None and _is_told(record):
            told = [name for name, after in self._after.items() if fact.id > after]
            await logs.ask(connection, told, record, self._clock())


def _is_told(record: Mapping[str, Any]) -> bool:
    return record["customer_number"] is not None and record["direction"] != Direction.INTERNAL
