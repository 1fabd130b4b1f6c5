"""Old calls that find their customer later (P10), and agents who say whose call it is (P8)."""

from __future__ import annotations

import asyncio

from core.db import Database
from core.facts import CallMatched, Direction, MatchKind
from crm_link.call_links import CallLinks, read_links
from crm_link.changes import Edit
from crm_link.customers import NewCustomer
from crm_link.directory import find_customers, read_customer, read_notes
from crm_link.identities import hold_keys
from crm_link.kinds import IdentityKind, LinkHow, Source
from crm_link.relabel import give_and_relabel
from tests.customers import NUMBER, OTHER, Office


async def links(database: Database, call_id: str) -> CallLinks:
    async with database.read() as connection:
        found = await read_links(connection, call_id)
    assert found is not None
    return found


async def test_p10_old_calls_follow_the_number_to_its_customer(database: Database) -> None:
    office = Office(database)
    (provisional,) = (await office.desk.call("c1", at=100.0)).customer_ids
    await office.desk.call("c2", at=200.0)
    anna = await office.customers.create(NewCustomer("Anna"), None)
    found = await office.customers.add_identity(anna.id, IdentityKind.PHONE, NUMBER, None)
    for call_id in ("c1", "c2"):
        of_call = await links(database, call_id)
        assert (of_call.customer_ids, of_call.how) == ((anna.id,), LinkHow.RELABELLED)
    assert found.last_contact_at == 200.0
    assert found.identities[0].first_seen == 100.0
    async with database.read() as connection:
        assert (await read_customer(connection, provisional)).id == anna.id, "the old id redirects"
        assert len((await find_customers(connection, "", region="PL")).customers) == 1
    assert (await office.desk.call("c3", at=300.0)).customer_ids == (anna.id,)


async def test_p10_what_was_written_about_the_provisional_customer_comes_along(database: Database) -> None:
    office = Office(database)
    (provisional,) = (await office.desk.call("c1")).customer_ids
    await office.notes.add_note(provisional, "says she is Anna", None)
    await office.notes.add_tag(provisional, "vip", None)
    await office.notes.add_tag(provisional, "invoice", None)
    anna = await office.customers.create(NewCustomer("Anna"), None)
    await office.notes.add_tag(anna.id, "vip", None)
    found = await office.customers.add_identity(anna.id, IdentityKind.PHONE, NUMBER, None)
    assert found.tags == ("invoice", "vip")
    async with database.read() as connection:
        assert [note.text for note in await read_notes(connection, anna.id)] == ["says she is Anna"]


async def test_p10_a_new_customer_with_the_number_takes_the_old_calls_at_once(database: Database) -> None:
    office = Office(database)
    await office.desk.call("c1")
    anna = await office.customers.create(NewCustomer("Anna", numbers=("022 123 45 67",)), None)
    assert (await links(database, "c1")).customer_ids == (anna.id,)


async def test_p10_calls_that_stood_with_nobody_find_their_customer(database: Database) -> None:
    office = Office(database)
    await office.desk.call("c1", direction=Direction.OUTBOUND)
    anna = await office.customers.create(NewCustomer("Anna", numbers=(NUMBER,)), None)
    assert (await links(database, "c1")).customer_ids == (anna.id,)


async def test_p10_withheld_calls_are_never_relabelled(database: Database) -> None:
    office = Office(database)
    await office.desk.call("c1", None)
    await office.customers.create(NewCustomer("Anna", numbers=(NUMBER,)), None)
    assert (await links(database, "c1")).customer_ids == ()


async def test_p10_calls_of_an_identified_customer_stay_with_them(database: Database) -> None:
    office = Office(database)
    anna = await office.customers.create(NewCustomer("Anna", numbers=(NUMBER,)), None)
    await office.desk.call("c1")
    await office.customers.create(NewCustomer("Jan", numbers=(NUMBER,)), None)
    assert (await links(database, "c1")).customer_ids == (anna.id,)


async def test_p10_a_provisional_customer_with_another_number_only_loses_this_one(
    database: Database,
) -> None:
    office = Office(database)
    (provisional,) = (await office.desk.call("c1", NUMBER)).customer_ids
    await office.customers.add_identity(provisional, IdentityKind.PHONE, OTHER, None)
    await office.desk.call("c2", OTHER)
    anna = await office.customers.create(NewCustomer("Anna", numbers=(NUMBER,)), None)
    assert (await links(database, "c1")).customer_ids == (anna.id,)
    assert (await links(database, "c2")).customer_ids == (provisional,)
    async with database.read() as connection:
        left = await read_customer(connection, provisional)
    assert (left.id, left.numbers) == (provisional, (OTHER,))


async def test_p8_a_pick_stays_with_a_provisional_customer_who_lives_on(database: Database) -> None:
    office = Office(database)
    (provisional,) = (await office.desk.call("c1", NUMBER)).customer_ids
    await office.customers.add_identity(provisional, IdentityKind.PHONE, OTHER, None)
    await office.customers.pick("c1", provisional, None)
    await office.customers.create(NewCustomer("Anna", numbers=(NUMBER,)), None)
    assert (await links(database, "c1")).customer_ids == (provisional,)


async def test_p10_a_call_that_names_both_keeps_one_row(database: Database) -> None:
    office = Office(database)
    (provisional,) = (await office.desk.call("c1", OTHER)).customer_ids
    anna = await office.customers.create(NewCustomer("Anna", numbers=(NUMBER,)), None)
    await office.customers.add_identity(provisional, IdentityKind.PHONE, NUMBER, None)
    await office.desk.call("c2", NUMBER)
    assert set((await links(database, "c2")).customer_ids) == {anna.id, provisional}
    await office.customers.remove_identity(anna.id, anna.identities[0].id, None)
    await office.customers.add_identity(anna.id, IdentityKind.PHONE, NUMBER, None)
    assert (await links(database, "c2")).customer_ids == (anna.id,)


async def test_p10_screens_hear_of_the_relabelled_call_that_is_still_going_on(database: Database) -> None:
    office = Office(database)
    office.now = 150.0
    await office.desk.call("c1", at=100.0)
    anna = await office.customers.create(NewCustomer("Anna", numbers=(NUMBER,)), None)
    expected = CallMatched("c1", 150.0, MatchKind.EXACT, (anna.id,), created=False)
    assert office.desk.matched[-1] == expected
    assert anna.id in [fact.customer_id for fact in office.desk.changed]


async def test_p10_calls_of_weeks_ago_are_relabelled_in_silence(database: Database) -> None:
    office = Office(database)
    office.now = 30 * 86400.0
    await office.desk.call("c1", at=100.0)
    await office.customers.create(NewCustomer("Anna", numbers=(NUMBER,)), None)
    assert len(office.desk.matched) == 1


async def test_p10_a_call_that_comes_while_its_number_is_relabelled_is_not_left_behind(
    database: Database, database_url: str
) -> None:
    other = Database(database_url)
    office = Office(database)
    await office.desk.call("c1")
    anna = await office.customers.create(NewCustomer("Anna"), None)
    claim = office.customers.claim(IdentityKind.PHONE, NUMBER, Source.PERSON)
    try:
        async with database.write() as connection:
            await hold_keys(connection, [claim])
            await give_and_relabel(connection, anna.id, claim, Edit(at=150.0))
            call = asyncio.create_task(Office(other).desk.call("c2"))
            # It must wait for us; were it not to, this is ample time to go wrong.
            await asyncio.wait({call}, timeout=0.5)
        said = await call
    finally:
        await other.close()
    assert said.customer_ids == (anna.id,)
    assert (await links(database, "c2")).customer_ids == (anna.id,)


async def test_p8_a_pick_holds_for_the_call_and_is_suggested_first_next_time(database: Database) -> None:
    office = Office(database)
    anna = await office.customers.create(NewCustomer("Anna", numbers=(NUMBER,)), None)
    jan = await office.customers.create(NewCustomer("Jan", numbers=(NUMBER,)), None)
    assert (await office.desk.call("c1")).customer_ids == (anna.id, jan.id)
    picked = await office.customers.pick("c1", jan.id, None)
    assert (picked.match, picked.customer_ids) == (MatchKind.EXACT, (jan.id,))
    assert office.desk.matched[-1] == picked
    assert (await links(database, "c1")).how is LinkHow.PICKED
    again = await office.desk.call("c2", at=200.0)
    assert (again.match, again.customer_ids) == (MatchKind.SEVERAL, (jan.id, anna.id)), "never silently"


async def test_p8_a_pick_outlives_a_restart(database: Database) -> None:
    office = Office(database)
    anna = await office.customers.create(NewCustomer("Anna", numbers=(NUMBER,)), None)
    await office.customers.create(NewCustomer("Jan", numbers=(NUMBER,)), None)
    await office.desk.call("c1")
    await office.customers.pick("c1", anna.id, None)
    said = await Office(database).desk.call("c1")
    assert (said.match, said.customer_ids) == (MatchKind.EXACT, (anna.id,))


async def test_p8_a_pick_of_somebody_who_does_not_hold_the_number_is_for_this_call(
    database: Database,
) -> None:
    office = Office(database)
    (provisional,) = (await office.desk.call("c1")).customer_ids
    anna = await office.customers.create(NewCustomer("Anna"), None)
    await office.customers.pick("c1", anna.id, None)
    assert (await links(database, "c1")).customer_ids == (anna.id,)
    assert (await office.desk.call("c2")).customer_ids == (provisional,)


async def test_p10_a_withheld_call_can_be_given_to_a_customer_by_hand(database: Database) -> None:
    office = Office(database)
    anna = await office.customers.create(NewCustomer("Anna"), None)
    await office.desk.call("c1", None)
    await office.customers.pick("c1", anna.id, None)
    assert (await links(database, "c1")).customer_ids == (anna.id,)
    async with database.read() as connection:
        assert (await read_customer(connection, anna.id)).identities == ()


async def test_p8_the_pick_of_a_provisional_customer_passes_on_with_it(database: Database) -> None:
    office = Office(database)
    (provisional,) = (await office.desk.call("c1")).customer_ids
    await office.customers.pick("c1", provisional, None)
    anna = await office.customers.create(NewCustomer("Anna", numbers=(NUMBER,)), None)
    jan = await office.customers.create(NewCustomer("Jan", numbers=(NUMBER,)), None)
    assert (await links(database, "c1")).how is LinkHow.PICKED
    assert (await office.desk.call("c2")).customer_ids == (anna.id, jan.id)


async def test_p8_two_picks_at_the_same_instant_leave_one(database: Database, database_url: str) -> None:
    other = Database(database_url)
    office, elsewhere = Office(database), Office(other)
    people = [
        (await office.customers.create(NewCustomer(name, numbers=(NUMBER,)), None)).id
        for name in ("Anna", "Jan")
    ]
    calls = [f"c{number}" for number in range(10)]
    for call_id in calls:
        await office.desk.call(call_id)
    try:
        await asyncio.gather(
            *(office.customers.pick(call_id, people[0], None) for call_id in calls),
            *(elsewhere.customers.pick(call_id, people[1], None) for call_id in reversed(calls)),
        )
    finally:
        await other.close()
    for call_id in calls:
        of_call = await links(database, call_id)
        assert (len(of_call.customer_ids), of_call.how) == (1, LinkHow.PICKED)
