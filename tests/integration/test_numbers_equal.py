"""Two spellings of one telephone are one customer's, whoever calls first and however many at once (P7–P10)."""

from __future__ import annotations

import asyncio

from core.db import Database
from core.facts import MatchKind
from crm_link.customers import Customers, NewCustomer
from crm_link.directory import find_customers, read_customer
from crm_link.kinds import IdentityKind
from crm_link.tables import Customer, Identity, IdentityKey
from server.views.callbacks import customers_of
from tests.customers import Desk, Office, count

MOBILE = "+5491123456789"
PLAIN = "+541123456789"


async def test_the_same_telephone_in_two_spellings_is_one_customer(database: Database) -> None:
    desk = Desk(database)
    first = await desk.call("c1", PLAIN)
    second = await desk.call("c2", MOBILE)
    assert (first.created, second.created) == (True, False)
    assert second.customer_ids == first.customer_ids
    async with database.read() as connection:
        customer = await read_customer(connection, first.customer_ids[0])
        assert customer.numbers == (MOBILE,), "as the network now says that it is dialled"
        for text in (PLAIN, MOBILE, "011 15 2345-6789"):
            assert [one.id for one in (await find_customers(connection, text, region="AR")).customers] == [
                customer.id
            ]
        assert set(await customers_of(connection, {PLAIN, MOBILE})) == {PLAIN, MOBILE}


async def test_p9_two_spellings_at_the_same_instant_make_one_customer(
    database: Database, database_url: str
) -> None:
    other = Database(database_url)
    desks = [Desk(database), Desk(other)]
    try:
        await asyncio.gather(
            *(
                desk.call(f"{place}-{call}", (MOBILE, PLAIN)[(place + call) % 2])
                for place, desk in enumerate(desks)
                for call in range(10)
            )
        )
    finally:
        await other.close()
    assert [await count(database, table) for table in (Customer, Identity, IdentityKey)] == [1, 1, 1]


async def test_p10_a_number_given_in_the_other_spelling_brings_the_old_calls_along(
    database: Database,
) -> None:
    office = Office(database)
    customers = Customers(database, office.desk.bus, lambda: office.now, "AR")
    await office.desk.call("c1", PLAIN)
    anna = await customers.create(NewCustomer("Anna", numbers=("011 15 2345-6789",)), None)
    assert anna.numbers == (MOBILE,)
    again = await office.desk.call("c2", PLAIN)
    assert (again.match, again.customer_ids) == (MatchKind.EXACT, (anna.id,))
    assert await count(database, Identity) == 1, "the stranger of the other spelling is this customer"
    held = await customers.add_identity(anna.id, IdentityKind.PHONE, PLAIN, None)
    assert len(held.identities) == 1, "the same telephone is not held twice"
