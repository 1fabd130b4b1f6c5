"""Lists of people to call back: what is foreseen comes true, each bad line is named with its fix, nothing is asked for
twice, and a process that dies in the middle loses nothing."""

from __future__ import annotations

from dataclasses import replace

import pytest
from sqlalchemy import select

from callback.ask import Answer, Ask
from callback.intake import Stands, stands_always
from callback.kinds import Outcome, Source
from callback.list_check import Fate
from callback.list_imports import DRAFT_S, KEPT_S, LEASE_S, STEP, Lists, ListState
from callback.requests import Requests
from callback.tables import CallbackList
from core.db import Database
from core.errors import ConflictError, InvalidInputError, NotFoundError
from tests.integration.callback_room import HOUR, MONDAY_10, Room

LIST = """number,name,message,when
501 234 567,Ewa,"tea, please",
nonsense,Jan,,
+33142685300,Uwe,,
501 234 568,Ola,,2026-11-23T12:00:00+01:00
501 234 569,Iza,,tomorrow
501 234 570,Iza,,2026-11-23T12:00:00+01:00,more
+48700123456,Premium,,
501 234 567,Ewa again,,
501 234 571,Jan,,2020-01-01T00:00:00Z
"""
BAD = [3, 4, 6, 7, 8, 10]


@pytest.fixture
async def room(database: Database) -> Room:
    return Room(database)


@pytest.fixture
def lists(room: Room) -> Lists:
    return made(room)


def made(room: Room) -> Lists:
    return Lists(room.requests, room.database, room.clock, room.settings)


async def sent(lists: Lists, text: str = LIST, department: str = "sales") -> ListState:
    list_id = await lists.add(text.encode(), "people.csv", department, None)
    await lists.submit(list_id, None)
    return await lists.work(list_id)


async def test_what_is_foreseen_comes_true(room: Room, lists: Lists) -> None:
    list_id = await lists.add(LIST.encode(), "people.csv", "sales", None)
    foreseen = await lists.foresee(list_id)
    assert [one.line.at for one in foreseen if one.fate is Fate.REFUSED] == BAD
    assert [one.line.at for one in foreseen if one.fate is Fate.JOINS] == [9]
    assert await room.submissions() == [], "looking promises nothing"
    await lists.submit(list_id, None)
    state = await lists.work(list_id)
    assert (state.accepted, state.joined, state.held, state.done) == (3, 1, 0, state.lines)
    assert dict(state.refused) == {one.line.at: one.why for one in foreseen if one.fate is Fate.REFUSED}
    assert [row.promised_from for row in await room.callbacks()] == [None, MONDAY_10 + 2 * HOUR]
    assert {row.source for row in await room.submissions()} == {Source.LIST}


async def test_refusals_name_cause_and_fix(room: Room, lists: Lists) -> None:
    said = dict((await sent(lists)).refused)
    assert "'nonsense' is no number that can be dialled: write it with its area code" in said[3]
    assert "a number of FR, and only DE, PL is called back: add FR to `countries`" in said[4]
    assert "'tomorrow' is no time: write it with its offset, like" in said[6]
    assert "put quotes around a cell that holds a comma" in said[7]
    assert "give a fixed line or a mobile" in said[8]
    assert said[10] == "choose a time within the next 60 days"


async def test_the_same_file_twice_asks_for_nobody_twice(room: Room, lists: Lists) -> None:
    first = await sent(lists)
    again = await sent(lists)
    assert again == first
    assert len(await room.submissions()) == 3
    other = await sent(lists, LIST + "501234572,,,\n")
    assert (other.accepted, other.joined) == (4, 3)
    assert len(await room.callbacks()) == 3


async def test_held_lines_are_foreseen_and_wait_for_a_manager(room: Room, lists: Lists) -> None:
    await room.requests.suppressions.add("+48501234567", "asked us", MONDAY_10)
    text = "number\n501234567\n"
    list_id = await lists.add(text.encode(), "x.csv", "sales", None)
    (one,) = await lists.foresee(list_id)
    assert (one.fate, one.why) == (Fate.HELD, "suppressed")
    state = await sent(lists, text)
    assert (state.accepted, state.held) == (0, 1)


async def test_a_number_that_was_asked_for_often_is_held(room: Room, lists: Lists) -> None:
    for number in range(room.settings.callback.limits.number_a_day):
        ask = Ask(source=Source.API, number="501234567", department="sales", idempotency_key=f"k{number}")
        await room.requests.submit(ask)
        (open_one,) = [row for row in await room.callbacks() if row.closed_at is None]
        await room.requests.close(open_one.id, None)
    list_id = await lists.add(b"number\n501234567\n501234567\n", "x.csv", "sales", None)
    assert [(one.fate, one.why) for one in await lists.foresee(list_id)] == [(Fate.HELD, "limit_number")] * 2
    await lists.submit(list_id, None)
    assert (await lists.work(list_id)).held == 2
    assert (await room.callbacks())[-1].outcome != Outcome.REACHED


class Dying(Requests):
    """A server that is killed while it works on a list."""

    left = STEP + 7

    async def submit(self, ask: Ask, stands: Stands = stands_always) -> Answer:
        self.left -= 1
        if not self.left:
            raise KeyboardInterrupt
        return await super().submit(ask, stands)


async def test_another_server_goes_on_where_one_died(room: Room) -> None:
    numbers = [f"5012{number:05d}" for number in range(2 * STEP + 3)]
    dying = Lists(
        Dying(room.database, room.bus, room.clock, room.settings), room.database, room.clock, room.settings
    )
    list_id = await dying.add("\n".join(["number", *numbers]).encode(), "x.csv", "sales", None)
    await dying.submit(list_id, None)
    with pytest.raises(KeyboardInterrupt):
        await dying.work(list_id)
    lists = made(room)
    assert (await lists.work(list_id)).done == STEP, "it may still be at it"
    room.clock.now += LEASE_S + 1
    seen: list[int] = []
    state = await lists.work(list_id, lambda state: seen.append(state.done))
    assert seen == [2 * STEP, 2 * STEP + 3]
    assert (state.accepted, state.joined, state.is_running) == (2 * STEP + 3, 0, False)
    assert [row.number[3:] for row in await room.callbacks()] == numbers
    assert len(await room.submissions()) == len(numbers)


async def test_a_draft_is_dropped_and_a_submitted_list_is_not(room: Room, lists: Lists) -> None:
    list_id = await lists.add(LIST.encode(), "x.csv", "sales", None)
    assert (await lists.work(list_id)).done == 0, "nobody submitted it"
    await lists.drop(list_id)
    with pytest.raises(NotFoundError):
        await lists.state(list_id)
    done = await sent(lists)
    with pytest.raises(ConflictError):
        await lists.drop(done.id)


async def test_lists_are_forgotten_and_a_new_one_is_a_new_one(room: Room, lists: Lists) -> None:
    first = await sent(lists, "number\n501234567\n")
    await lists.add(b"number\n501234568\n", "draft.csv", "sales", None)
    room.clock.now += DRAFT_S + 1
    await lists._sweep(room.clock())
    assert [one.id for one in await lists.listed()] == [first.id]
    (open_one,) = await room.callbacks()
    await room.requests.close(open_one.id, None)
    room.clock.now += KEPT_S
    await lists._sweep(room.clock())
    async with room.database.read() as connection:
        assert (await connection.execute(select(CallbackList.id))).all() == []
    again = await sent(lists, "number\n501234567\n")
    assert replace(again, at=0.0, submitted_at=0.0, ended_at=0.0).accepted == 1
    assert len(await room.callbacks()) == 2


async def test_the_rows_that_were_refused_come_back_as_they_were(room: Room, lists: Lists) -> None:
    state = await sent(lists)
    rows = await lists.refused_rows(state.id)
    assert rows[0] == ["number", "name", "message", "when"]
    assert [row[0] for row in rows[1:3]] == ["nonsense", "+33142685300"]
    assert len(rows) == len(BAD) + 1


@pytest.mark.parametrize("text", ["", "name\nx\n", "number,colour\n1,2\n", "number\n" + "1\n" * 2001])
async def test_what_is_no_list_is_refused_whole(room: Room, lists: Lists, text: str) -> None:
    with pytest.raises(InvalidInputError):
        await lists.add(text.encode(), "x.csv", "sales", None)
    with pytest.raises(InvalidInputError, match="no department"):
        await lists.add(LIST.encode(), "x.csv", "nowhere", None)
    assert await lists.listed() == []
