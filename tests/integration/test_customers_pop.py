"""Call facts on a real bus and a real database: who is matched, who is created, what is stored and said (P7–P10)."""

from __future__ import annotations

import asyncio
import json
from dataclasses import asdict

import pytest
from sqlalchemy import select

from core.db import Database
from core.fact_log import FactLogRow, LoggedFact
from core.facts import (
    CallDescribed,
    CallsJoined,
    CustomerChanged,
    Direction,
    MatchKind,
)
from crm_link.call_links import read_links
from crm_link.tables import CallCustomer, CallMatch, Customer, Identity, IdentityKey
from tests.customers import NUMBER, OTHER, Desk, count, customer_with, ended, parties, started


async def test_p10_an_unknown_caller_becomes_a_provisional_customer(database: Database) -> None:
    desk = Desk(database)
    said = await desk.call("c1", name="JAN NOWAK")
    assert (said.match, said.created) == (MatchKind.EXACT, True)
    async with database.read() as connection:
        row = (await connection.execute(select(Customer))).one()
        identity = (await connection.execute(select(Identity))).one()
        logged = (await connection.execute(select(FactLogRow.kind, FactLogRow.subject))).one()
    assert said.customer_ids == (row.id,)
    assert (row.is_provisional, row.name, row.created_from) == (True, "JAN NOWAK", "call")
    assert (identity.customer_id, identity.kind, identity.value) == (row.id, "phone", NUMBER)
    assert (identity.confidence, identity.first_seen) == ("seen", 100.0)
    assert tuple(logged) == ("CustomerChanged", f"customer:{row.id}")
    assert desk.changed == [CustomerChanged(customer_id=row.id, at=100.0)]


async def test_the_second_call_is_an_exact_match_and_creates_nobody(database: Database) -> None:
    desk = Desk(database)
    first = await desk.call("c1")
    second = await desk.call("c2", at=200.0)
    assert (second.match, second.created) == (MatchKind.EXACT, False)
    assert second.customer_ids == first.customer_ids
    assert await count(database, Customer) == 1
    async with database.read() as connection:
        assert await connection.scalar(select(Customer.last_contact_at)) == 200.0
        assert await connection.scalar(select(Identity.last_seen)) == 200.0


async def test_p8_any_number_of_a_customer_finds_them(database: Database) -> None:
    customer_id = await customer_with(database, NUMBER, OTHER)
    desk = Desk(database)
    assert (await desk.call("c1", NUMBER)).customer_ids == (customer_id,)
    assert (await desk.call("c2", OTHER)).customer_ids == (customer_id,)


async def test_p8_a_shared_number_says_several_and_attaches_nobody_silently(database: Database) -> None:
    anna = await customer_with(database, NUMBER)
    jan = await customer_with(database, NUMBER, name="Jan Kowalski")
    said = await Desk(database).call("c1")
    assert said.match is MatchKind.SEVERAL
    assert set(said.customer_ids) == {anna, jan}
    async with database.read() as connection:
        contacts = (await connection.scalars(select(Customer.last_contact_at))).all()
    assert contacts == [0.0, 0.0], "nobody was contacted as far as we know"


@pytest.mark.parametrize("direction", [Direction.OUTBOUND, Direction.CALLBACK])
async def test_a_call_of_ours_matches_but_creates_nobody(database: Database, direction: Direction) -> None:
    desk = Desk(database)
    said = await desk.call("c1", direction=direction)
    assert (said.match, said.customer_ids) == (MatchKind.UNKNOWN, ())
    assert await count(database, Customer) == 0
    assert await count(database, CallMatch) == 1, "kept, so that the call finds its customer later"
    customer_id = await customer_with(database, OTHER)
    assert (await desk.call("c2", OTHER, direction=direction)).customer_ids == (customer_id,)


async def test_p10_a_withheld_number_is_never_a_customer_key(database: Database) -> None:
    said = await Desk(database).call("c1", None)
    assert (said.match, said.customer_ids, said.created) == (MatchKind.UNKNOWN, (), False)
    assert await count(database, Customer) == 0
    assert await count(database, IdentityKey) == 0


async def test_internal_calls_concern_no_customer(database: Database) -> None:
    desk = Desk(database)
    await desk.bus.publish(started("c1", None, direction=Direction.INTERNAL))
    assert desk.matched == []
    assert await count(database, CallMatch) == 0


async def test_the_same_fact_twice_is_said_once(database: Database) -> None:
    desk = Desk(database)
    await desk.call("c1")
    await desk.call("c1")
    await desk.bus.publish(CallDescribed(call_id="c1", at=101.0, parties=parties(NUMBER)))
    assert len(desk.matched) == 1


async def test_after_a_restart_the_same_fact_says_the_same_and_writes_nothing(database: Database) -> None:
    before = await Desk(database).call("c1")
    again = await Desk(database).call("c1")
    assert again == before
    assert await count(database, Customer) == 1
    assert await count(database, CallCustomer) == 1
    assert await count(database, FactLogRow) == 1


async def test_a_call_that_turns_out_to_be_inbound_creates_its_customer_then(database: Database) -> None:
    desk = Desk(database)
    await desk.call("c1", direction=Direction.OUTBOUND)
    await desk.bus.publish(CallDescribed(call_id="c1", at=101.0, parties=parties(NUMBER)))
    assert [said.created for said in desk.matched] == [False, True]
    assert await count(database, CallCustomer) == 1


async def test_a_number_that_changes_is_matched_again(database: Database) -> None:
    anna = await customer_with(database, NUMBER)
    jan = await customer_with(database, OTHER, name="Jan")
    desk = Desk(database)
    await desk.call("c1", NUMBER)
    await desk.bus.publish(CallDescribed(call_id="c1", at=101.0, parties=parties(OTHER)))
    assert [said.customer_ids for said in desk.matched] == [(anna,), (jan,)]
    assert await count(database, CallCustomer) == 1


async def test_a_number_once_known_is_not_forgotten(database: Database) -> None:
    anna = await customer_with(database, NUMBER)
    desk = Desk(database)
    await desk.call("c1", NUMBER)
    await desk.bus.publish(CallDescribed(call_id="c1", at=101.0, parties=parties(None)))
    assert desk.matched[-1].customer_ids == (anna,)


async def test_a_consultation_leaves_no_links_of_its_own(database: Database) -> None:
    await customer_with(database, NUMBER)
    desk = Desk(database)
    await desk.call("c1", NUMBER)
    await desk.call("c2", OTHER, direction=Direction.OUTBOUND)
    await desk.bus.publish(CallsJoined(call_id="c1", absorbed_id="c2", at=120.0))
    async with database.read() as connection:
        assert (await connection.scalars(select(CallMatch.call_id))).all() == ["c1"]
    assert len(desk.matched) == 2, "nothing new is known of the surviving call"


async def test_the_surviving_call_takes_over_the_customer_it_did_not_know(database: Database) -> None:
    anna = await customer_with(database, NUMBER)
    desk = Desk(database)
    await desk.call("c1", None)
    await desk.call("c2", NUMBER)
    await desk.bus.publish(CallsJoined(call_id="c1", absorbed_id="c2", at=120.0))
    assert (desk.matched[-1].call_id, desk.matched[-1].customer_ids) == ("c1", (anna,))


async def test_p10_a_call_nobody_saw_ringing_gets_its_customer_when_it_is_logged(database: Database) -> None:
    desk = Desk(database)
    ends = [ended("c1", NUMBER), ended("c2", None), ended("c3", None, Direction.INTERNAL)]
    await desk.consume(database, *ends)
    assert [(said.call_id, said.created) for said in desk.matched] == [("c1", True), ("c2", False)]
    async with database.read() as connection:
        links = await read_links(connection, "c1")
        customer = (await connection.execute(select(Customer.name, Customer.last_contact_at))).one()
    assert links is not None
    assert (links.call_at, tuple(customer)) == (100.0, ("Jan", 100.0))


async def test_the_log_says_nothing_new_of_a_call_that_has_its_customer(database: Database) -> None:
    desk = Desk(database)
    await desk.call("c1")
    await desk.consume(database, ended("c1", NUMBER))
    assert len(desk.matched) == 1
    assert await count(database, CallCustomer) == 1


async def test_a_call_that_comes_by_the_bus_and_by_the_log_at_once_is_linked_once(
    database: Database, database_url: str
) -> None:
    await customer_with(database, NUMBER)
    await customer_with(database, NUMBER, name="Jan")
    other = Database(database_url)
    desk, second = Desk(database), Desk(other)
    fact = ended("c1", NUMBER)
    logged = LoggedFact(1, "CallEnded", "c1", fact.at, json.loads(json.dumps(asdict(fact))))
    try:
        await asyncio.gather(
            *(desk.bus.publish(started(f"c{number}", NUMBER)) for number in range(8)),
            *(second.bus.publish(started(f"c{number}", NUMBER)) for number in range(8)),
            second.pop.catch_up(logged),
        )
    finally:
        await other.close()
    assert not desk.bus.failures
    assert not second.bus.failures
    assert await count(database, CallMatch) == 8
    assert await count(database, CallCustomer) == 16, "two candidates each"
