"""A telephone with two valid numbers is promised one callback, and a conversation under either keeps it (P12, P18)."""

from __future__ import annotations

from dataclasses import replace

import pytest
from sqlalchemy import insert

from callback.promises import find_open
from callback.tables import Callback
from core.db import Database
from tests.integration.callback_room import Room
from tests.integration.test_callback_sources import TALK, Phones

MOBILE, PLAIN = "+5491123456789", "+541123456789"


@pytest.mark.parametrize(("promised", "other"), [(MOBILE, PLAIN), (PLAIN, MOBILE)])
async def test_the_other_spelling_finds_and_keeps_the_promise(
    database: Database, promised: str, other: str
) -> None:
    room = Room(database)
    row = {"number": promised, "department": "sales", "state": "waiting", "proven": False, "created_at": 1.0}
    row |= {
        "arrived_at": 1.0,
        "due_at": 1.0,
        "expires_at": 9e9,
        "rung": 0,
        "offers": 0,
        "reasons": "",
        "rank": 0,
    }
    async with database.write() as connection:
        await connection.execute(insert(Callback), row)
        for spelling in (promised, other):
            assert (await find_open(connection, spelling, "sales")).number == promised
        assert await find_open(connection, "+541123456780", "sales") is None
    await Phones(room).ended(replace(TALK, caller=other, customer_number=other))
    closed = await room.callback()
    assert (closed.number, closed.outcome) == (promised, "contact")
