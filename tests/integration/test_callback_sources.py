"""Calls make callbacks, close them and forbid them; told twice, they do it once. Lists ask for many."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import insert, update

from callback.ask import Accepted, Held
from callback.kinds import Outcome, Source, State
from callback.sources import Sources
from callback.tables import Attempt
from core import fact_log
from core.db import Database
from core.fact_log import FactCursor
from core.facts import (
    CallbackDeclined,
    CallEnded,
    CallerLeftByKey,
    CallRecord,
    Direction,
    EndedBy,
    Verdict,
)
from tests.integration.callback_room import DAY, MOBILE, MONDAY_10, Room

MISSED = CallRecord(
    call_id="main-1",
    pbx="main",
    linkedids=("1",),
    direction=Direction.INBOUND,
    caller=MOBILE,
    caller_name=None,
    callee="221000100",
    customer_number=MOBILE,
    queue="sales",
    result=Verdict.ABANDONED,
    started_at=MONDAY_10 - 60,
    answered_at=None,
    ended_at=MONDAY_10 - 20,
    wait_s=40.0,
    talk_s=0.0,
    rang=(),
    talked=(),
    transfers=(),
    ended_by=EndedBy.CALLER,
    why="",
)
TALK = replace(
    MISSED,
    call_id="main-2",
    result=Verdict.ANSWERED,
    talk_s=30.0,
    started_at=MONDAY_10,
    ended_at=MONDAY_10 + 60,
)


class Phones:
    """Everything of the room that hears of calls, and a call log that ends them."""

    def __init__(self, room: Room) -> None:
        self.room = room
        self.sources = Sources(room.requests, room.database, room.bus, room.clock, room.settings)

    async def hear(self, fact: CallerLeftByKey | CallbackDeclined) -> None:
        async with self.room.database.write() as connection:
            await fact_log.append(connection, fact, subject="main-1", at=fact.at)
        await self.sources.consumer.deliver_batch()

    async def ended(self, record: CallRecord, *, deliver: bool = True) -> None:
        self.room.clock.now = max(self.room.clock.now, record.ended_at)
        async with self.room.database.write() as connection:
            fact = CallEnded(record.call_id, record.ended_at, record)
            await fact_log.append(connection, fact, subject=record.call_id, at=record.ended_at)
        if deliver:
            await self.sources.consumer.deliver_batch()


@pytest.fixture
def room(database: Database) -> Room:
    return Room(database)


@pytest.fixture
def phones(room: Room) -> Phones:
    return Phones(room)


async def test_an_abandoned_call_is_owed_from_its_beginning(room: Room, phones: Phones) -> None:
    await phones.ended(MISSED)
    row = await room.callback()
    assert (row.number, row.department, row.state, row.proven) == (MOBILE, "sales", State.WAITING, True)
    assert (row.arrived_at, row.due_at) == (MISSED.started_at, MONDAY_10)
    (request,) = await room.submissions()
    assert (request.source, request.call_id) == ("missed", "main-1")
    # At least once: a crash before the cursor moved tells it again.
    async with room.database.write() as connection:
        await connection.execute(update(FactCursor).values(last_id=0))
    assert await phones.sources.consumer.deliver_batch()
    assert len(await room.submissions()) == 1


@pytest.mark.parametrize(
    "changes",
    [
        {"wait_s": 4.0},
        {"queue": None},
        {"queue": "help"},
        {"queue": "other"},
        {"pbx": "elsewhere"},
        {"direction": Direction.OUTBOUND},
        {"direction": Direction.INTERNAL},
        {"customer_number": None},
        {"result": Verdict.VOICEMAIL},
        {"ended_at": MONDAY_10 - 4 * DAY},
        {"customer_number": "+48700123456"},
    ],
)
async def test_calls_that_are_not_returned(room: Room, phones: Phones, changes: dict[str, Any]) -> None:
    await phones.ended(replace(MISSED, **changes))
    assert await room.callbacks() == []


async def test_a_missed_call_is_owed_however_short_the_wait(room: Room, phones: Phones) -> None:
    await phones.ended(replace(MISSED, result=Verdict.MISSED, wait_s=1.0))
    assert len(await room.callbacks()) == 1


async def test_a_call_from_abroad_waits_for_a_manager(room: Room, phones: Phones) -> None:
    await phones.ended(replace(MISSED, customer_number="+21620123456"))
    row = await room.callback()
    assert (row.state, row.reasons) == (State.HELD, "country")


async def test_a_new_server_owes_nothing_for_old_calls(room: Room, phones: Phones) -> None:
    await phones.ended(MISSED, deliver=False)
    await phones.sources.begin()
    await phones.ended(replace(MISSED, call_id="main-9", customer_number="+48501234999"))
    assert [row.number for row in await room.callbacks()] == ["+48501234999"]
    await phones.sources.begin()  # a restart does not skip anything
    await phones.ended(replace(MISSED, call_id="main-8", customer_number="+48501234998"), deliver=False)
    await phones.sources.begin()
    await phones.sources.consumer.deliver_batch()
    assert len(await room.callbacks()) == 2


@pytest.mark.parametrize("direction", [Direction.INBOUND, Direction.OUTBOUND])
async def test_a_conversation_closes_what_is_owed(room: Room, phones: Phones, direction: Direction) -> None:
    await phones.ended(MISSED)
    await room.requests.submit(room.web(site=None, department="help"))
    await room.requests.submit(room.web("+48501234999"))
    await phones.ended(replace(TALK, direction=direction))
    rows = await room.callbacks()
    assert [(row.state, row.outcome, row.closed_call_id) for row in rows] == [
        (State.CLOSED, Outcome.CONTACT, "main-2"),
        (State.CLOSED, Outcome.CONTACT, "main-2"),
        (State.WAITING, None, None),
    ]
    assert room.changed[-2:] == [rows[0].id, rows[1].id]


@pytest.mark.parametrize(
    "changes",
    [
        {"result": Verdict.VOICEMAIL},
        {"talk_s": 0.0},
        {"direction": Direction.CALLBACK},
        {"direction": Direction.INTERNAL},
        {"customer_number": None},
        {"ended_at": MONDAY_10 - 61},
    ],
)
async def test_what_is_no_conversation_closes_nothing(
    room: Room, phones: Phones, changes: dict[str, Any]
) -> None:
    await phones.ended(MISSED)
    await phones.ended(replace(TALK, **changes))
    assert (await room.callback()).state == State.WAITING


async def attempted(room: Room, callback_id: int | None, **values: Any) -> CallRecord:
    """A call of ours for a callback, or somebody's own: an agent and the customer talked."""
    row = {
        "id": "a" * 20, "callback_id": callback_id, "kind": "click", "state": "sent", "pbx": "main",
        "number": MOBILE, "made_at": MONDAY_10, **values,
    }  # fmt: skip
    async with room.database.write() as connection:
        await connection.execute(insert(Attempt).values(row))
    return replace(TALK, call_id=f"main-cb-{'a' * 20}", direction=Direction.CALLBACK)


@pytest.mark.parametrize("kept", [False, True])
async def test_a_call_of_ours_is_contact_for_everything_else_that_is_owed(
    room: Room, phones: Phones, kept: bool
) -> None:
    """By click-to-call, or for one department's promise: held and other departments' callbacks are settled too."""
    sales = await room.requests.submit(room.web(source=Source.FORM))
    await room.requests.submit(room.web(site=None, department="help"))
    assert isinstance(sales, Held)
    await phones.ended(await attempted(room, sales.callback_id if kept else None))
    own, other = await room.callbacks()
    assert (other.state, other.outcome) == (State.CLOSED, Outcome.CONTACT)
    assert own.outcome == (None if kept else Outcome.CONTACT), "its own attempt says what became of it"


async def test_a_machine_that_answered_is_no_contact(room: Room, phones: Phones) -> None:
    await room.requests.submit(room.web())
    await phones.ended(await attempted(room, None, machine=True))
    assert (await room.callback()).state == State.WAITING


async def test_a_call_that_was_joined_to_another_is_still_ours(room: Room, phones: Phones) -> None:
    answer = await room.requests.submit(room.web())
    assert isinstance(answer, Accepted)
    record = await attempted(room, answer.callback_id, call_id="main-2")
    await phones.ended(replace(record, call_id="main-2", direction=Direction.INBOUND))
    assert (await room.callback()).state == State.WAITING


async def test_a_caller_who_leaves_by_key_keeps_the_place(room: Room, phones: Phones) -> None:
    fact = CallerLeftByKey("main-1", "main", MONDAY_10, "sales", "501234567", 3, MONDAY_10 - 90)
    await phones.hear(fact)
    await phones.hear(fact)
    await phones.ended(replace(MISSED, ended_at=MONDAY_10 + 1))  # the end of the same call
    row = await room.callback()
    assert (row.place, row.arrived_at, row.proven) == (3, MONDAY_10 - 90, True)
    assert [request.source for request in await room.submissions()] == ["queue"]


async def test_nobody_is_called_for_a_withheld_number_or_another_queue(room: Room, phones: Phones) -> None:
    await phones.hear(CallerLeftByKey("main-1", "main", MONDAY_10, "sales", None, 1, None))
    await phones.hear(CallerLeftByKey("main-2", "main", MONDAY_10, "other", MOBILE, 1, None))
    assert await room.callbacks() == []


async def test_pressing_9_ends_it_for_good(room: Room, phones: Phones) -> None:
    answer = await room.requests.submit(room.web())
    assert isinstance(answer, Accepted)
    attempt = {
        "id": "a" * 20, "callback_id": answer.callback_id, "kind": "agent_first", "state": "sent", "pbx": "main",
        "number": MOBILE, "made_at": MONDAY_10,
    }  # fmt: skip
    async with room.database.write() as connection:
        await connection.execute(insert(Attempt).values(attempt))
    for _ in range(2):
        await phones.hear(CallbackDeclined("a" * 20, "main", MONDAY_10))
    row = await room.callback()
    assert (row.state, row.outcome) == (State.CLOSED, Outcome.SUPPRESSED)
    assert await room.requests.suppressions.holds(MOBILE)
    # Whoever asked in their name is not believed any more today.
    again = await room.requests.submit(room.web("+48501239999"))
    assert isinstance(again, Held)
    assert (await room.submissions())[-1].reasons == "penalised"
    room.clock.now += 2 * DAY
    assert isinstance(await room.requests.submit(room.web("+48501239999")), Accepted)


async def test_pressing_9_in_an_unknown_attempt_does_nothing(room: Room, phones: Phones) -> None:
    await phones.hear(CallbackDeclined("b" * 20, "main", MONDAY_10))
    assert await room.requests.suppressions.listed() == []
