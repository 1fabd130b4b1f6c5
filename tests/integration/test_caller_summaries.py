"""What cards show of those who share a ringing number: each their own, with as many questions to the database for
twenty as for two. Real databases."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncConnection

from core.db import Database
from crm_link.customers import NewCustomer
from crm_link.tasks.edit import NewTask, Tasks
from pbx_bridge import call_log
from server.live.cards import CustomerSummary, Known
from server.views.caller_summaries import NOTES_SHOWN, load_summaries
from tests.customers import NUMBER, Office, ended

KNOWN = Known({}, {}, {}, {})


@contextmanager
def counted(connection: AsyncConnection) -> Iterator[list[str]]:
    asked: list[str] = []

    def hear(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        asked.append(statement)

    event.listen(connection.sync_connection, "before_cursor_execute", hear)
    yield asked
    event.remove(connection.sync_connection, "before_cursor_execute", hear)


async def summaries(database: Database, ids: list[int]) -> tuple[list[CustomerSummary], int]:
    async with database.read() as connection:
        with counted(connection) as asked:
            facts = await load_summaries(connection, dict.fromkeys(ids, False), KNOWN)
    return [one for fact in facts for one in fact.customers], len(asked)


async def test_twenty_candidates_take_as_many_questions_as_two(database: Database) -> None:
    office = Office(database)
    tasks = Tasks(database, office.desk.bus, lambda: office.now)
    ids = []
    for place in range(20):
        made = await office.customers.create(NewCustomer(f"Person {place}", numbers=(NUMBER,)), None)
        ids.append(made.id)
    for place, customer_id in enumerate(ids):
        for note in range(NOTES_SHOWN + 1):
            office.now += 1
            await office.notes.add_note(customer_id, f"note {note} of {place}", None)
        await tasks.add(NewTask(customer_id, f"task of {place}", office.now + 60), None)
        await office.desk.call(f"c{place}")
        async with database.write() as connection:
            await call_log.record(connection, [ended(f"c{place}", NUMBER)])
        await office.customers.pick(f"c{place}", customer_id, None, as_default=False)
    two, asked_of_two = await summaries(database, ids[:2])
    twenty, asked_of_twenty = await summaries(database, ids)
    assert asked_of_twenty == asked_of_two < 15
    assert twenty[:2] == two
    for place, one in enumerate(twenty):
        assert [note.text for note in one.notes] == [f"note {note} of {place}" for note in (3, 2, 1)]
        assert [call.call_id for call in one.past] == [f"c{place}"]
        assert [task.title for task in one.tasks] == [f"task of {place}"]
