"""A machine answered, says the agent, during the call or after it: the customer is still owed the call, what was told
of it is put right, and each closing is told once."""

from __future__ import annotations

import json

import pytest
from sqlalchemy import select

from callback import ledger
from callback.kinds import Outcome, Result, State
from callback.machine import Machines
from callback.progress import Progress
from callback.tables import CallbackStep
from core.db import Database
from core.errors import NotFoundError
from core.fact_log import FactLogRow
from core.facts import CallbackChanged, Verdict
from tests.callback_office import Office, Time


@pytest.fixture
def office(database: Database) -> Office:
    return Office(database, Time(), retry_minutes=[15])


def machines(office: Office) -> Machines:
    return Machines(office.database, office.bus, office.time, Progress({"sales": office.rules}))


async def talked(office: Office, seconds: float = 20.0) -> int:
    """A callback whose call is over and counts as kept; returns its agent."""
    (agent,) = office.pool.agents
    office.time.now += 60
    await office.turn()
    await office.rings_through_to_the_customer()
    office.time.now += seconds
    await office.call_ends(Verdict.ANSWERED, talk_s=seconds)
    await office.turn()
    return agent.user_id


async def told(office: Office) -> list[str]:
    """The durable facts about what became of callbacks, in order."""
    async with office.database.read() as connection:
        rows = await connection.execute(
            select(FactLogRow.kind, FactLogRow.body)
            .where(FactLogRow.kind.in_(("CallbackClosed", "CallbackReopened")))
            .order_by(FactLogRow.id)
        )
        return [" ".join([row.kind, json.loads(row.body).get("outcome", "")]).strip() for row in rows]


async def test_said_after_the_call_it_opens_the_promise_again(office: Office) -> None:
    await office.agent()
    owed = await office.owe()
    user_id = await talked(office)
    assert (await office.callback(owed)).outcome == Outcome.REACHED
    changed: list[int] = []

    async def hear(fact: CallbackChanged) -> None:
        changed.append(fact.callback_id)

    office.bus.subscribe(CallbackChanged, hear, name="test")
    await machines(office).answered(office.order.attempt_id, user_id)
    row = await office.callback(owed)
    assert (row.state, row.rung, row.due_at) == (State.WAITING, 1, office.time() + 15 * 60)
    assert (row.closed_at, row.outcome, row.closed_call_id) == (None, None, None)
    (attempt,) = await office.attempt_rows()
    assert (attempt.result, attempt.machine) == (Result.NO_ANSWER, True)
    assert changed == [owed]
    assert await told(office) == ["CallbackClosed reached", "CallbackReopened"]
    await office.turn(15 * 60)
    assert len(office.dialer.orders) == 2, "they are called again"


async def test_on_the_last_rung_it_is_closed_anew_as_not_reached(office: Office) -> None:
    await office.agent()
    owed = await office.owe(rung=1)
    user_id = await talked(office)
    for _ in range(3):
        await machines(office).answered(office.order.attempt_id, user_id)
    row = await office.callback(owed)
    assert (row.state, row.outcome) == (State.CLOSED, Outcome.EXHAUSTED)
    assert await told(office) == ["CallbackClosed reached", "CallbackReopened", "CallbackClosed exhausted"]
    async with office.database.read() as connection:
        steps = list(await connection.scalars(select(CallbackStep.kind).order_by(CallbackStep.id)))
    assert steps[-3:] == ["closed_reached", "machine", "closed_exhausted"]


@pytest.mark.parametrize(("rung", "outcome"), [(0, None), (1, Outcome.EXHAUSTED)])
async def test_said_during_the_call_its_end_is_told_once(
    office: Office, rung: int, outcome: Outcome | None
) -> None:
    agent = await office.agent()
    owed = await office.owe(rung=rung)
    await office.turn()
    await office.rings_through_to_the_customer()
    await machines(office).answered(office.order.attempt_id, agent.user_id)
    await office.call_ends(Verdict.ANSWERED, talk_s=10)
    await office.turn()
    await machines(office).answered(office.order.attempt_id, agent.user_id)
    row = await office.callback(owed)
    assert (row.outcome, row.rung) == (outcome, 1)
    assert await told(office) == ([f"CallbackClosed {outcome.value}"] if outcome else [])


async def test_who_asked_again_meanwhile_has_one_open_promise(office: Office) -> None:
    await office.agent()
    first = await office.owe()
    user_id = await talked(office)
    second = await office.owe(due_at=office.time() + 3600)
    await machines(office).answered(office.order.attempt_id, user_id)
    assert (await office.callback(first)).state == State.CLOSED
    assert (await office.callback(second)).state == State.WAITING
    assert await told(office) == ["CallbackClosed reached"]


async def test_what_was_closed_another_way_stays_closed(office: Office) -> None:
    agent = await office.agent()
    owed = await office.owe()
    await office.turn()
    await office.rings_through_to_the_customer()
    async with office.database.write() as connection:
        await ledger.close(connection, owed, office.time(), Outcome.CONTACT)
    await office.call_ends(Verdict.ANSWERED, talk_s=10)
    await office.turn()
    await machines(office).answered(office.order.attempt_id, agent.user_id)
    row = await office.callback(owed)
    assert (row.state, row.outcome) == (State.CLOSED, Outcome.CONTACT)
    assert await told(office) == ["CallbackClosed contact"]


async def test_of_no_attempt_there_is_no_word(office: Office) -> None:
    with pytest.raises(NotFoundError):
        await machines(office).answered("nothing", 1)


async def test_what_else_the_call_had_closed_is_open_again(office: Office) -> None:
    await office.agent()
    await office.owe()
    others = [
        await office.owe(department="help"),
        await office.owe(department="more", state="held", reasons="no_script"),
        await office.owe(department="much", state="inbox", first_attempt_at=office.time()),
    ]
    user_id = await talked(office)
    async with office.database.write() as connection:
        for one in others:
            await ledger.close(connection, one, office.time(), Outcome.CONTACT, call_id=office.call_id)
    await machines(office).answered(office.order.attempt_id, user_id)
    rows = [await office.callback(one) for one in others]
    assert [row.state for row in rows] == [State.WAITING, State.HELD, State.INBOX]
    assert {row.outcome for row in rows} == {None}
