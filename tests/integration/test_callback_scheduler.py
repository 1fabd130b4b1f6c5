"""A promise from waiting to its end, on both databases: dialled once, for a free agent, settled whatever happens."""

from __future__ import annotations

import asyncio

import pytest
from sqlalchemy import select, update

from callback import ledger
from callback.kinds import NotNow, Outcome, Result, State
from callback.requests import Requests
from callback.scheduler import Times
from config.settings import Settings
from core.db import Database
from core.errors import PbxError, PbxUncertainError
from core.fact_log import FactLogRow
from core.facts import EndedBy, Verdict
from core.ports import FreeAgent
from crm_link.changes import Edit
from crm_link.identities import keep_pick
from crm_link.responsible import Responsible
from crm_link.tables import Customer
from tests.callback_office import CUSTOMER, MONDAY_NOON, Office, Time
from tests.customers import customer_with
from tests.integration.callback_room import SETTINGS


@pytest.fixture
def office(database: Database) -> Office:
    return Office(database, Time())


async def test_a_free_agent_rings_first_and_both_talk(office: Office) -> None:
    anna = await office.agent("101")
    owed = await office.owe()
    await office.turn()
    assert [(one.number, one.agent) for one in office.dialer.orders] == [(CUSTOMER, anna.device)]
    await office.rings_through_to_the_customer()
    office.time.now += 90
    await office.call_ends(Verdict.ANSWERED, talk_s=60)
    await office.turn()
    row = await office.callback(owed)
    assert (row.state, row.outcome, row.closed_call_id) == (State.CLOSED, Outcome.REACHED, office.call_id)
    (attempt,) = await office.attempt_rows()
    assert attempt.result == Result.REACHED
    assert (attempt.agent_rang_at, attempt.customer_dialled_at) == (MONDAY_NOON, MONDAY_NOON)
    assert attempt.bridged_at == pytest.approx(MONDAY_NOON + 30)


async def test_nobody_is_dialled_twice_while_an_attempt_runs(office: Office) -> None:
    await office.agent("101")
    await office.agent("102")
    await office.owe()
    for _ in range(3):
        await office.turn(30)
    assert len(office.dialer.orders) == 1


async def test_two_servers_that_look_at_once_make_one_attempt(database: Database) -> None:
    time = Time()
    first, second = Office(database, time), Office(database, time)
    await first.agent("101")
    second.pool.agents = first.pool.agents
    await first.owe()
    await asyncio.gather(first.turn(), second.turn())
    assert len(first.dialer.orders) + len(second.dialer.orders) == 1


async def test_callers_who_wait_come_first(office: Office) -> None:
    await office.agent("101")
    office.pool.callers = 1
    owed = await office.owe()
    await office.turn()
    assert office.dialer.orders == []
    assert (await office.callback(owed)).why_not == NotNow.CALLERS_FIRST
    office.pool.callers = 0
    await office.turn(1)
    assert len(office.dialer.orders) == 1
    assert (await office.callback(owed)).why_not is None


async def test_no_more_are_launched_than_agents_are_free(office: Office) -> None:
    await office.agent("101")
    await office.agent("102")
    for last in range(5):
        await office.owe(f"+4822123450{last}", arrived_at=MONDAY_NOON - last)
    await office.turn()
    assert [one.number for one in office.dialer.orders] == ["+48221234504", "+48221234503"]


@pytest.mark.parametrize("answers", [False, True])
async def test_an_agent_who_does_not_take_it_uses_no_rung(office: Office, answers: bool) -> None:
    await office.agent("101")
    owed = await office.owe()
    await office.turn()
    await office.agent_rings()
    if answers:
        await office.agent_answers()
    await office.call_ends(Verdict.MISSED)
    office.dialer.markers[office.order.attempt_id] = "agent"
    await office.turn(1)
    row = await office.callback(owed)
    assert (row.state, row.rung, row.offers) == (State.WAITING, 0, 1)
    (attempt,) = await office.attempt_rows()
    assert attempt.result == (Result.AGENT_DECLINED if answers else Result.AGENT_NO_ANSWER)


async def test_whoever_declined_it_and_takes_it_later_gets_it(office: Office) -> None:
    anna = await office.agent("101")
    await office.agent("102")
    requests = Requests(office.database, office.bus, office.time, Settings.model_validate(SETTINGS))
    owed = await office.owe()
    await office.turn()
    await office.agent_rings()
    await office.call_ends(Verdict.MISSED)
    office.dialer.markers[office.order.attempt_id] = "agent"
    await office.turn(1)
    await requests.postpone(owed, anna.user_id, office.time() + 3600, "in a meeting")
    await requests.take(owed, anna.user_id)
    await office.turn(3601)
    assert [one.agent.extension for one in office.dialer.orders if one.agent] == ["101", "101"]


async def test_five_offers_in_vain_are_for_a_manager(office: Office) -> None:
    await office.agent("101")
    owed = await office.owe()
    for _ in range(5):
        await office.turn(900)
        await office.agent_rings()
        await office.call_ends(Verdict.MISSED)
        await office.turn(1)
    assert len(office.dialer.orders) == 5
    assert (await office.callback(owed)).state == State.INBOX


@pytest.mark.parametrize(
    ("verdict", "result"),
    [(Verdict.BUSY, Result.BUSY), (Verdict.FAILED, Result.FAILED), (Verdict.MISSED, Result.NO_ANSWER)],
)
async def test_a_customer_who_is_not_reached_is_tried_again_later(
    office: Office, verdict: Verdict, result: Result
) -> None:
    await office.agent("101")
    owed = await office.owe()
    await office.turn()
    await office.rings_through_to_the_customer()
    await office.call_ends(verdict)
    await office.turn()
    row = await office.callback(owed)
    assert (row.state, row.rung, row.offers) == (State.WAITING, 1, 0)
    assert row.due_at == MONDAY_NOON + 15 * 60
    assert [one.result for one in await office.attempt_rows()] == [result]
    await office.turn(15 * 60)
    assert len(office.dialer.orders) == 2


async def test_a_marker_tells_what_a_lost_fact_would_have(office: Office) -> None:
    """The process died after the customer's phone began to ring, and the call ended without an answer meanwhile."""
    await office.agent("101")
    owed = await office.owe()
    await office.turn()
    await office.agent_rings()
    await office.agent_answers()
    await office.call_ends(Verdict.MISSED)
    office.dialer.markers[office.order.attempt_id] = "customer"
    await office.turn(1)
    row = await office.callback(owed)
    assert (row.state, row.rung, row.offers) == (State.WAITING, 1, 0)


async def test_a_refused_order_is_offered_again(office: Office) -> None:
    await office.agent("101")
    owed = await office.owe()
    office.dialer.refuse = PbxError("the PBX said no")
    await office.turn()
    row = await office.callback(owed)
    assert (row.state, row.rung, row.offers) == (State.WAITING, 0, 1)
    assert [one.result for one in await office.attempt_rows()] == [Result.NOT_PLACED]


async def test_silence_is_looked_into_and_never_answered_by_dialling(office: Office) -> None:
    await office.agent("101")
    owed = await office.owe()
    office.dialer.refuse = PbxUncertainError("no reply")
    await office.turn()
    for _ in range(6):
        await office.turn(9)
    assert (await office.callback(owed)).state == State.DIALLING
    office.dialer.refuse = None
    for _ in range(3):
        await office.turn(9)
    assert (await office.attempt_rows())[0].result == Result.NOT_PLACED
    assert (await office.callback(owed)).offers == 1


async def test_a_trace_of_the_customers_phone_goes_to_a_person(office: Office) -> None:
    await office.agent("101")
    owed = await office.owe()
    office.dialer.refuse = PbxUncertainError("no reply")
    await office.turn()
    office.dialer.markers[office.order.attempt_id] = "customer"
    for _ in range(12):
        await office.turn(10)
    assert (await office.callback(owed)).state == State.INBOX
    assert len(office.dialer.orders) == 1


async def test_a_pbx_that_lost_its_markers_is_not_believed_against_what_we_saw(office: Office) -> None:
    await office.agent("101")
    owed = await office.owe()
    await office.turn()
    await office.rings_through_to_the_customer()
    office.dialer.live.clear()
    for _ in range(12):
        await office.turn(10)
    assert (await office.callback(owed)).state == State.INBOX
    assert [one.result for one in await office.attempt_rows()] == [Result.UNKNOWN]
    assert len(office.dialer.orders) == 1


@pytest.mark.parametrize("verdict", [Verdict.MISSED, Verdict.ANSWERED])
async def test_a_customer_who_may_have_answered_unseen_is_not_called_again(
    office: Office, verdict: Verdict
) -> None:
    await office.agent("101")
    owed = await office.owe()
    await office.turn()
    await office.rings_through_to_the_customer()
    await office.call_ends(verdict, ended_by=EndedBy.UNKNOWN)
    for _ in range(12):
        await office.turn(10)
    assert (await office.callback(owed)).state == State.INBOX
    assert "may have answered" in (await office.attempt_rows())[0].why
    assert len(office.dialer.orders) == 1


@pytest.mark.parametrize(
    ("marker", "result"),
    [
        ("customer", Result.UNKNOWN),
        ("agent", Result.AGENT_DECLINED),
        ("declined", Result.NOT_BRIDGED),
        ("refused", Result.NOT_PLACED),
    ],
)
async def test_of_a_call_that_ended_unseen_the_marker_tells_the_rest(
    office: Office, marker: str, result: Result
) -> None:
    await office.agent("101")
    await office.owe()
    await office.turn()
    await office.agent_rings()
    await office.agent_answers()
    office.dialer.markers[office.order.attempt_id] = marker
    await office.call_ends(Verdict.MISSED, ended_by=EndedBy.UNKNOWN)
    for _ in range(12):
        await office.turn(10)
    assert (await office.attempt_rows())[0].result == result
    async with office.database.read() as connection:
        kinds = (await connection.scalars(select(FactLogRow.kind))).all()
    assert ("CallbackDeclined" in kinds) == (marker == "declined")


async def test_every_order_says_until_when_it_may_begin(office: Office) -> None:
    await office.agent("101")
    await office.owe()
    await office.turn()
    assert office.order.begin_before is not None
    assert MONDAY_NOON < office.order.begin_before < MONDAY_NOON + Times().patience


async def test_a_marker_that_cannot_be_read_says_nothing(office: Office) -> None:
    await office.agent("101")
    owed = await office.owe()
    office.dialer.refuse = PbxUncertainError("no reply")
    office.dialer.marker_fault = PbxError("no answer")
    for _ in range(20):
        await office.turn(10)
    assert (await office.callback(owed)).state == State.DIALLING
    assert len(office.dialer.orders) == 1


@pytest.mark.parametrize("away", [None, "not connected"])
async def test_doubt_that_the_pbx_never_clears_is_for_a_person(office: Office, away: str | None) -> None:
    await office.agent("101")
    owed = await office.owe()
    office.dialer.refuse = PbxUncertainError("no reply")
    office.dialer.marker_fault = PbxError("no answer")
    await office.turn()
    office.dialer.away = away
    for _ in range(3):
        await office.turn(Times().doubt / 2)
    assert (await office.callback(owed)).state == State.INBOX
    assert len(office.dialer.orders) == 1


async def test_an_order_without_reply_whose_call_lives_is_adopted(office: Office) -> None:
    await office.agent("101")
    owed = await office.owe()
    office.dialer.refuse = PbxUncertainError("no reply")
    await office.turn()
    office.dialer.live.add(office.order.attempt_id)
    for _ in range(20):
        await office.turn(10)
    await office.rings_through_to_the_customer()
    await office.call_ends(Verdict.ANSWERED, talk_s=20)
    await office.turn()
    assert (await office.callback(owed)).outcome == Outcome.REACHED
    assert len(office.dialer.orders) == 1


async def test_nothing_is_said_or_dialled_while_the_pbx_is_away(office: Office) -> None:
    await office.agent("101")
    owed = await office.owe()
    office.dialer.away = "not connected"
    await office.turn()
    assert office.dialer.orders == []
    assert (await office.callback(owed)).why_not == NotNow.PBX_AWAY


async def test_an_end_told_twice_counts_once(office: Office) -> None:
    await office.agent("101")
    owed = await office.owe()
    await office.turn()
    await office.rings_through_to_the_customer()
    await office.call_ends(Verdict.BUSY)
    await office.call_ends(Verdict.BUSY)
    await office.turn()
    assert (await office.callback(owed)).rung == 1


async def test_closing_time_is_not_worked_around(database: Database) -> None:
    evening = Office(database, Time(MONDAY_NOON + 5 * 3600 - 20))
    await evening.agent("101")
    owed = await evening.owe()
    await evening.turn()
    assert evening.dialer.orders == []
    assert (await evening.callback(owed)).why_not == NotNow.CLOSED
    await evening.turn(16 * 3600 + 20)
    assert len(evening.dialer.orders) == 1


async def test_no_agent_is_rung_for_a_promise_that_was_closed(office: Office) -> None:
    await office.agent("101")
    owed = await office.owe()
    await office.turn()
    await office.agent_rings()
    async with office.database.write() as connection:
        await ledger.close(connection, owed, office.time(), Outcome.CONTACT)
    await office.turn(1)
    assert office.dialer.live == set()


async def test_a_customer_whose_phone_rings_is_not_hung_up_on(office: Office) -> None:
    await office.agent("101")
    owed = await office.owe()
    await office.turn()
    await office.rings_through_to_the_customer()
    async with office.database.write() as connection:
        await ledger.close(connection, owed, office.time(), Outcome.CONTACT)
    await office.turn(1)
    assert office.dialer.live == {office.order.attempt_id}


async def test_a_place_in_the_queue_is_given_up_at_closing_time(database: Database) -> None:
    evening = Office(database, Time(MONDAY_NOON + 5 * 3600 - 120))
    await evening.agent("101")
    owed = await evening.owe(place=2, proven=True)
    await evening.turn()
    assert (evening.order.queue, evening.order.position) == ("sales", 2)
    await evening.turn(180)
    assert evening.dialer.live == set()
    await evening.call_ends(Verdict.MISSED)
    await evening.turn(1)
    row = await evening.callback(owed)
    assert (row.state, row.rung) == (State.WAITING, 0)
    assert row.due_at > MONDAY_NOON + 20 * 3600


@pytest.mark.parametrize("answers", [False, True])
async def test_a_place_that_an_agent_did_not_take_is_held_again_first_in_line(
    office: Office, answers: bool
) -> None:
    """Its turn had come; behind those who came later it would have waited for nothing (P16)."""
    await office.agent("101")
    owed = await office.owe(place=3, proven=True)
    await office.turn()
    assert (office.order.queue, office.order.position) == ("sales", 3)
    await office.place_is_declined(answers)
    office.pool.callers = 4
    await office.turn(61)
    assert [(one.queue, one.position) for one in office.dialer.orders] == [("sales", 3), ("sales", 1)]
    assert (await office.callback(owed)).rung == 0


async def test_a_place_that_the_pbx_refused_is_held_where_it_was(office: Office) -> None:
    await office.agent("101")
    await office.owe(place=3, proven=True)
    office.dialer.refuse = PbxError("no")
    await office.turn()
    office.dialer.refuse = None
    await office.turn(61)
    assert [one.position for one in office.dialer.orders] == [3, 3]


async def _known(office: Office, responsible: FreeAgent | None) -> int:
    """A customer with this number, and the person who is responsible for them."""
    customer_id = await customer_with(office.database, CUSTOMER)
    owner = update(Customer).where(Customer.id == customer_id)
    async with office.database.write() as connection:
        await connection.execute(owner.values(owner_id=responsible.user_id if responsible else None))
    return customer_id


async def test_who_is_responsible_for_the_customer_is_asked_first_and_not_waited_for(office: Office) -> None:
    anna, ben = await office.agent("101"), await office.agent("102")
    await _known(office, ben)
    await office.owe()
    await office.turn()
    assert [one.agent for one in office.dialer.orders] == [ben.device]
    await office.agent_rings()
    await office.call_ends(Verdict.MISSED)
    await office.turn(1)
    await office.turn(60)
    assert [one.agent for one in office.dialer.orders] == [ben.device, anna.device]


async def test_who_is_responsible_and_busy_holds_nobody_up(office: Office) -> None:
    anna, ben = await office.agent("101"), await office.agent("102")
    await _known(office, ben)
    office.pool.agents = [anna]
    await office.owe()
    await office.turn()
    assert [one.agent for one in office.dialer.orders] == [anna.device]


async def test_whose_pick_decides_where_customers_with_different_people_share_the_number(
    office: Office,
) -> None:
    anna, ben = await office.agent("101"), await office.agent("102")
    await _known(office, anna)
    picked = await _known(office, ben)
    async with office.database.read() as connection:
        assert await Responsible().of(connection, {CUSTOMER}) == {}
    async with office.database.write() as connection:
        await keep_pick(connection, CUSTOMER, picked, Edit(office.time()))
        assert await Responsible().of(connection, {CUSTOMER, "+48999"}) == {CUSTOMER: ben.user_id}


async def test_one_responsible_person_among_those_who_share_a_number_is_enough(office: Office) -> None:
    ben = await office.agent("102")
    await _known(office, None)
    await _known(office, ben)
    async with office.database.read() as connection:
        assert await Responsible().of(connection, {CUSTOMER}) == {CUSTOMER: ben.user_id}
