"""Provisional customers whom nothing identifies go after a while, and whoever something identifies does not."""

from __future__ import annotations

import asyncio
import json

import pytest
from sqlalchemy import func, insert, select

from callback.owed import PromiseBook
from callback.tables import Callback
from core.db import Base, Database
from core.errors import NotFoundError
from core.fact_log import FactLogRow
from core.facts import Direction
from crm_link.call_links import read_links
from crm_link.customers import CustomerEdit
from crm_link.expiry import BATCH, SAYS_NOTHING, expire_some
from crm_link.expiry_tables import ExpiredCustomer
from crm_link.kinds import IdentityKind, LinkHow
from crm_link.tables import Customer, Identity, IdentityKey
from tests.customers import Desk, Office, count

LONG_AGO, LATELY, BEFORE, NOW = 100.0, 5000.0, 1000.0, 9000.0


async def expire(database: Database) -> int:
    """As housekeeping does; returns how many went."""
    total, after_id = 0, 0
    while True:
        async with database.write() as connection:
            step = await expire_some(connection, PromiseBook(), before=BEFORE, at=NOW, after_id=after_id)
        total += len(step.removed)
        if step.next_id is None:
            return total
        after_id = step.next_id


def number(place: int) -> str:
    return f"+48{601_000_000 + place}"


async def call(office: Office, place: int, at: float = LONG_AGO, name: str | None = None) -> int:
    said = await office.desk.call(f"c{place}-{at}", number(place), at=at, name=name)
    return said.customer_ids[0]


async def test_p10_who_expires_leaves_calls_that_find_the_number_again(database: Database) -> None:
    office = Office(database)
    gone = await call(office, 1)
    assert await expire(database) == 1
    assert [await count(database, table) for table in (Customer, Identity, IdentityKey)] == [0, 0, 0]
    async with database.read() as connection:
        links = await read_links(connection, f"c1-{LONG_AGO}")
        said = await connection.scalar(select(FactLogRow.body).where(FactLogRow.kind == "CustomerRemoved"))
        row = (await connection.execute(select(*ExpiredCustomer.__table__.c))).one()
    assert links is not None
    assert (links.number, links.customer_ids) == (number(1), ())
    assert (row.customer_id, row.created_at, row.expired_at, row.calls) == (gone, LONG_AGO, NOW, 1)
    assert json.loads(said or "") == {"customer_id": gone, "at": NOW, "reason": "expired"}
    again = await call(office, 1, at=LATELY)
    assert again != gone, "an id is not given to somebody else"
    async with database.read() as connection:
        links = await read_links(connection, f"c1-{LONG_AGO}")
    assert links is not None
    assert (links.customer_ids, links.how) == ((again,), LinkHow.RELABELLED)


async def test_whoever_something_identifies_stays(database: Database) -> None:
    office = Office(database)
    kept = [await call(office, place) for place in range(8)]
    office.now = LONG_AGO
    await office.customers.edit(kept[0], CustomerEdit(name="Anna"), None)
    await office.notes.add_note(kept[1], "asks for Maria", None)
    await office.notes.add_tag(kept[2], "vip", None)
    await office.customers.add_identity(kept[3], IdentityKind.EMAIL, "a@example.com", None)
    await office.customers.add_identity(kept[4], IdentityKind.PHONE, "+48221234567", None)
    await office.customers.pick(f"c5-{LONG_AGO}", kept[5], None)
    await call(office, 6, at=LATELY)
    async with database.write() as connection:
        await connection.execute(insert(Callback), callback(number(7)))
    kept.append(await call(office, 8, name="Jan Kowalski"))
    kept.append(await call(office, 9, at=LATELY))
    gone = await call(office, 10)
    assert await expire(database) == 1
    async with database.read() as connection:
        left = (await connection.scalars(select(Customer.id).order_by(Customer.id))).all()
    assert left == sorted(kept)
    assert gone not in left


def callback(to: str) -> dict[str, object]:
    row = {"number": to, "department": "sales", "state": "waiting", "proven": False, "created_at": LATELY}
    row |= {"arrived_at": LATELY, "due_at": LATELY, "expires_at": NOW, "rung": 0, "offers": 0}
    return {**row, "reasons": "", "rank": 0}


def stranger(place: int) -> dict[str, object]:
    return {"id": place + 1, "is_provisional": True, "created_at": LONG_AGO, "created_from": "call"}


def claim(customer_id: int, value: str) -> dict[str, object]:
    row = {"customer_id": customer_id, "kind": "phone", "value": value, "source": "call"}
    return {**row, "confidence": "seen", "first_seen": LONG_AGO, "last_seen": LONG_AGO}


async def test_many_go_in_bounded_steps_past_those_who_stay(database: Database) -> None:
    async with database.write() as connection:
        await connection.execute(insert(Customer), [stranger(place) for place in range(BATCH + 5)])
        rows = [(place + 1, number(place)) for place in range(BATCH + 5)]
        await connection.execute(insert(IdentityKey), [{"kind": "phone", "value": one} for _, one in rows])
        await connection.execute(insert(Identity), [claim(*row) for row in rows])
        for place in range(3):
            await connection.execute(insert(Callback), callback(number(place)))
        step = await expire_some(connection, PromiseBook(), before=BEFORE, at=NOW)
    assert (len(step.removed), step.next_id is None) == (BATCH - 3, False)
    assert await expire(database) == 5
    assert await count(database, Customer) == 3


async def test_who_calls_at_that_moment_is_never_lost(database: Database, database_url: str) -> None:
    office = Office(database)
    for place in range(8):
        await office.desk.call(f"old-{place}", number(place), at=LONG_AGO)
    other = Database(database_url)
    desk = Desk(other)
    try:
        await asyncio.gather(
            expire(database), *(desk.call(f"new-{place}", number(place), at=LATELY) for place in range(8))
        )
    finally:
        await other.close()
    assert not office.desk.bus.failures
    assert not desk.bus.failures
    async with database.read() as connection:
        for place in range(8):
            old = await read_links(connection, f"old-{place}")
            new = await read_links(connection, f"new-{place}")
            assert old is not None
            assert new is not None
            assert len(new.customer_ids) == 1
            assert old.customer_ids == new.customer_ids, "the old call stands where the new one does"
        assert (await connection.scalar(select(func.count()).select_from(Customer))) == 8


async def test_a_call_of_ours_to_an_expired_number_makes_nobody(database: Database) -> None:
    office = Office(database)
    await call(office, 1)
    await expire(database)
    said = await office.desk.call("out", number(1), at=LATELY, direction=Direction.OUTBOUND)
    assert said.customer_ids == ()
    with pytest.raises(NotFoundError):
        await office.customers.edit(1, CustomerEdit(name="Anna"), None)


def test_what_says_nothing_is_a_table_that_names_customers() -> None:
    customers = Customer.__table__
    naming = {
        table.name
        for table in Base.metadata.sorted_tables
        if any(key.column.table is customers for column in table.columns for key in column.foreign_keys)
    }
    assert naming >= SAYS_NOTHING
