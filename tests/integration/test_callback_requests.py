"""Requests become promises: one open callback per number and department, moves by link and by staff."""

from __future__ import annotations

import asyncio

import pytest

from callback.ask import Accepted, Held
from callback.kinds import Outcome, Source, State
from callback.visitor import Status
from core.db import Database
from core.errors import NotFoundError
from tests.integration.callback_room import HOUR, MOBILE, MONDAY_10, Room


@pytest.fixture
def room(database: Database) -> Room:
    return Room(database)


async def test_a_request_becomes_a_promise(room: Room) -> None:
    answer = await room.requests.submit(room.web("501 234 567", name="Ewa"))
    assert isinstance(answer, Accepted)
    row = await room.callback()
    assert (row.number, row.department, row.state) == (MOBILE, "sales", State.WAITING)
    assert (row.arrived_at, row.due_at, row.proven) == (MONDAY_10, MONDAY_10, False)
    assert room.changed == [row.id]
    assert await room.steps(row.id) == ["requested"]
    seen = await room.requests.by_link(answer.link)
    assert (seen.status, seen.number, seen.name) == (Status.WAITING, MOBILE, "Ewa")


async def test_a_second_request_joins(room: Room) -> None:
    first = await room.requests.submit(room.web(wished_at=MONDAY_10 + 2 * HOUR))
    room.clock.now += 60
    second = await room.requests.submit(room.web(visitor="visitor-2", source=Source.WEB))
    assert isinstance(first, Accepted)
    assert isinstance(second, Accepted)
    row = await room.callback()
    assert (row.arrived_at, row.due_at, row.promised_from) == (MONDAY_10, MONDAY_10 + 60, None)
    assert len(await room.submissions()) == 2


async def test_many_at_once_make_one_callback(room: Room) -> None:
    asks = [room.web(visitor=f"visitor-{n}") for n in range(12)]
    answers = await asyncio.gather(*(room.requests.submit(ask) for ask in asks))
    row = await room.callback()
    assert {answer.callback_id for answer in answers if isinstance(answer, Accepted | Held)} == {row.id}
    assert len({answer.link for answer in answers if isinstance(answer, Accepted | Held)}) == 12
    assert len(await room.submissions()) == 12


async def test_a_link_withdraws_its_own_request_only(room: Room) -> None:
    first = await room.requests.submit(room.web())
    second = await room.requests.submit(room.web(visitor="visitor-2"))
    assert isinstance(first, Accepted)
    assert isinstance(second, Accepted)
    assert (await room.requests.withdraw(second.link)).status is Status.WITHDRAWN
    assert (await room.callback()).state == State.WAITING
    assert (await room.requests.by_link(first.link)).status is Status.WAITING
    await room.requests.withdraw(first.link)
    row = await room.callback()
    assert (row.state, row.outcome) == (State.CLOSED, Outcome.WITHDRAWN)


async def test_a_link_of_somebody_else_is_none(room: Room) -> None:
    answer = await room.requests.submit(room.web())
    assert isinstance(answer, Accepted)
    for link in ("", "x", answer.link[:-2], answer.link + "a", "[1,2]", "ż" * 40, "a" * 5000):
        with pytest.raises(NotFoundError):
            await room.requests.by_link(link)
    room.clock.now += 15 * 24 * HOUR
    with pytest.raises(NotFoundError):
        await room.requests.by_link(answer.link)
