"""Ended calls and saved wrap-ups from the fact log in, rows of work for other CRMs out (`logs.py`). A consumer: facts
come at least once and in order, and a fact that comes again changes nothing but that a wrap-up is written over once
more. Internal calls and withheld numbers are nobody's elsewhere."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from core.clock import Clock
from core.db import Database
from core.fact_log import FactConsumer, LoggedFact, as_it_stands
from core.facts import CallEnded, Direction, WrapUpSaved
from crm_link.connectors import logs
from crm_link.connectors.log_worker import LogWorker


class LogIntake:
    """`workers` are the CRMs that are told of calls, by name."""

    def __init__(self, database: Database, clock: Clock, workers: Mapping[str, LogWorker]) -> None:
        self._database = database
        self._clock = clock
        self._workers = workers
        kinds = (CallEnded, WrapUpSaved)
        self.consumer = FactConsumer(database, "connector_logs", kinds, self.handle)

    async def handle(self, fact: LoggedFact) -> None:
        async with self._database.write() as connection:
            if fact.kind == WrapUpSaved.__name__:
                await logs.ask_again(connection, self._workers, fact.body["call_id"], self._clock())
            else:
                now = await as_it_stands(connection, fact)
                record = now.body["record"] if now is not None else None
                if record is None or not _is_told(record):
                    return
                await logs.ask(connection, self._workers, record, self._clock())
        for worker in self._workers.values():
            worker.wake()


def _is_told(record: Mapping[str, Any]) -> bool:
    return record["customer_number"] is not None and record["direction"] != Direction.INTERNAL
