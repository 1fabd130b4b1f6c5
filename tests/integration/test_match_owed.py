"""Whoever shares a number and is owed a call comes first; a pick may hold for one call only (P8)."""

from __future__ import annotations

import pytest
from sqlalchemy import insert

from callback.owed import PromiseBook
from callback.tables import Callback, Submission
from core.db import Database
from core.facts import MatchKind
from crm_link.customers import NewCustomer
from crm_link.identities import match_number
from crm_link.match import ids_of
from tests.customers import NUMBER, OTHER, Office


class Shared(Office):
    """Anna and Jan share a number; Jan called last, and Anna has a mobile of her own."""

    async def open(self) -> tuple[int, int]:
        anna = (await self.customers.create(NewCustomer("Anna", numbers=(NUMBER, OTHER)), None)).id
        jan = (await self.customers.create(NewCustomer("Jan", numbers=(NUMBER,)), None)).id
        await self.desk.call("c1", at=100.0)
        await self.customers.pick("c1", jan, None, as_default=False)
        return anna, jan

    async def ranked(self) -> tuple[int, ...]:
        async with self.database.read() as connection:
            return ids_of(await match_number(connection, NUMBER, PromiseBook()))

    async def promise(self, number: str, *, call_id: str | None = None, closed: bool = False) -> None:
        row = {
            "number": number,
            "department": "sales",
            "state": "waiting",
            "proven": False,
            "created_at": 1.0,
        }
        row |= {"arrived_at": 1.0, "due_at": 1.0, "expires_at": 9e9, "rung": 0, "offers": 0, "reasons": ""}
        row |= {"rank": 0, "closed_at": 5.0 if closed else None}
        async with self.database.write() as connection:
            made = await connection.execute(insert(Callback).returning(Callback.id), row)
            asked = {"callback_id": made.scalar_one(), "source": "missed", "at": 1.0, "call_id": call_id}
            asked |= {"name": "", "message": "", "utm": "{}", "held": False, "reasons": "", "arrived_at": 1.0}
            asked |= {"proven": False, "link_expires_at": 9e9, "repeats": 0}
            await connection.execute(insert(Submission), asked)


@pytest.mark.parametrize("closed", [False, True])
async def test_p8_an_open_callback_to_their_own_number_ranks_first(database: Database, closed: bool) -> None:
    office = Shared(database)
    anna, jan = await office.open()
    assert await office.ranked() == (jan, anna), "the latest contact"
    await office.promise(OTHER, closed=closed)
    assert await office.ranked() == ((jan, anna) if closed else (anna, jan))


async def test_p8_a_callback_to_the_shared_number_counts_for_whose_call_it_was(database: Database) -> None:
    office = Shared(database)
    anna, jan = await office.open()
    await office.desk.call("c2", at=50.0)
    await office.customers.pick("c2", anna, None, as_default=False)
    assert await office.ranked() == (jan, anna)
    await office.promise(NUMBER, call_id="c2")
    assert await office.ranked() == (anna, jan)


async def test_p8_a_pick_for_this_call_only_suggests_nobody_and_a_default_does(database: Database) -> None:
    office = Shared(database)
    anna, jan = await office.open()
    await office.promise(OTHER)
    said = await office.desk.call("c3", at=200.0)
    assert (said.match, said.customer_ids) == (MatchKind.SEVERAL, (jan, anna)), "without the promises' book"
    assert await office.ranked() == (anna, jan)
    await office.customers.pick("c3", jan, None)
    assert await office.ranked() == (jan, anna), "a default outweighs what is owed"
