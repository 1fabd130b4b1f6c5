"""Requests become promises: one open callback per number and department, moved by its visitors' links and by staff."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from sqlalchemy import exc, insert, update

from callback.ask import Accepted, Ask, Held, Signs, Visit
from callback.kinds import Outcome, Source, State
from callback.requests import Requests
from callback.tables import Callback
from callback.visitor import Status
from core.accounts import NewUser, Role, create_user
from core.db import Database
from core.errors import ConflictError, InvalidInputError, NotFoundError
from tests.integration.callback_room import DAY, HOUR, MOBILE, MONDAY_10, Room


@pytest.fixture
def room(database: Database) -> Room:
    return Room(database)


async def accepted(room: Room, ask: Ask) -> Accepted:
    answer = await room.requests.submit(ask)
    assert isinstance(answer, Accepted)
    return answer


async def held(room: Room, ask: Ask) -> Held:
    answer = await room.requests.submit(ask)
    assert isinstance(answer, Held)
    return answer


async def user(room: Room) -> int:
    async with room.database.write() as connection:
        new = NewUser("ola", "Ola", Role.AGENT, "nobody types it")
        return (await create_user(connection, new, room.clock.now)).id


async def set_callback(room: Room, **values: Any) -> None:
    """What the scheduler would have written."""
    async with room.database.write() as connection:
        await connection.execute(update(Callback).values(**values))


def suspect(room: Room, visitor: str, **changes: Any) -> Ask:
    return room.web(visitor=visitor, signs=Signs(), **changes)


# ---- asking


async def test_a_request_becomes_a_promise(room: Room) -> None:
    answer = await accepted(room, room.web("501 234 567", name="Ewa"))
    row = await room.callback()
    assert (row.number, row.department, row.state) == (MOBILE, "sales", State.WAITING)
    assert (row.arrived_at, row.due_at, row.proven) == (MONDAY_10, MONDAY_10, False)
    assert row.expires_at == MONDAY_10 + 72 * HOUR
    assert room.changed == [row.id]
    assert await room.steps(row.id) == ["requested"]
    seen = await room.requests.by_link(answer.link)
    assert (seen.status, seen.number, seen.name) == (Status.WAITING, MOBILE, "Ewa")


async def test_a_second_request_joins_and_the_earlier_wish_wins(room: Room) -> None:
    await accepted(room, room.web(wished_at=MONDAY_10 + 2 * HOUR))
    room.clock.now += 60
    await accepted(room, room.web(visitor="visitor-2"))
    row = await room.callback()
    assert (row.arrived_at, row.due_at, row.promised_from) == (MONDAY_10, MONDAY_10 + 60, None)
    room.clock.now += 60
    await accepted(room, room.web(visitor="visitor-3", wished_at=MONDAY_10 + 3 * HOUR))
    row = await room.callback()
    assert (row.due_at, row.promised_from) == (MONDAY_10 + 60, None)
    assert len(await room.submissions()) == 3


async def test_a_call_proves_what_a_form_asked_for(room: Room) -> None:
    await accepted(room, room.web())
    missed = Ask(
        Source.MISSED, MOBILE, department="sales", arrived_at=MONDAY_10 - HOUR, call_id="c1", position=3
    )
    await accepted(room, missed)
    row = await room.callback()
    assert (row.proven, row.arrived_at, row.place) == (True, MONDAY_10 - HOUR, 3)


async def test_departments_owe_each_for_themselves(room: Room) -> None:
    await accepted(room, room.web())
    await accepted(room, room.web(site=None, department="help"))
    assert [row.department for row in await room.callbacks()] == ["sales", "help"]


async def test_many_at_once_make_one_callback(room: Room, database: Database) -> None:
    """From two servers: nothing in one process keeps them apart."""
    other = Requests(database, room.bus, room.clock, room.settings)
    visits = [Visit(address=f"10.0.{n}.1", visitor=f"visitor-{n}") for n in range(12)]
    asks = [room.web(visit=visit) for visit in visits]
    answers = await asyncio.gather(
        *((other if n % 2 else room.requests).submit(ask) for n, ask in enumerate(asks))
    )
    row = await room.callback()
    taken = [answer for answer in answers if isinstance(answer, Accepted | Held)]
    assert {answer.callback_id for answer in taken} == {row.id}
    assert len({answer.link for answer in taken}) == 12
    assert len(await room.submissions()) == 12


async def test_many_at_once_never_take_more_places_than_a_slot_has(room: Room) -> None:
    asks = [room.web(f"+4850{n:03d}4567", visitor=f"v{n}", wished_at=MONDAY_10 + 2 * HOUR) for n in range(6)]
    answers = await asyncio.gather(*(room.requests.submit(ask) for ask in asks))
    assert sum(isinstance(answer, Accepted) for answer in answers) == 2


async def test_the_database_itself_refuses_a_second_open_callback(room: Room) -> None:
    await accepted(room, room.web())
    values = {
        "number": MOBILE, "department": "sales", "state": "waiting", "created_at": 0.0, "arrived_at": 0.0,
        "due_at": 0.0, "expires_at": 0.0,
    }  # fmt: skip
    with pytest.raises(exc.IntegrityError):
        async with room.database.write() as connection:
            await connection.execute(insert(Callback).values(values))


async def test_who_comes_again_after_a_failed_try_is_due_at_once(room: Room) -> None:
    await accepted(room, room.web())
    await set_callback(room, rung=2, due_at=MONDAY_10 + 4 * HOUR, first_attempt_at=MONDAY_10)
    room.clock.now += 600
    await accepted(room, room.web())
    row = await room.callback()
    assert (row.due_at, row.rung) == (MONDAY_10 + 600, 2)


async def test_a_new_request_brings_it_back_from_the_inbox(room: Room) -> None:
    await accepted(room, room.web())
    await set_callback(room, state="inbox", offers=5)
    await accepted(room, room.web())
    row = await room.callback()
    assert (row.state, row.offers) == (State.WAITING, 0)


async def test_the_same_key_gets_the_same_answer(room: Room) -> None:
    ask = Ask(Source.API, MOBILE, department="sales", name="Ewa", idempotency_key="key:1")
    first = await accepted(room, ask)
    room.clock.now += 5
    assert await room.requests.submit(ask) == first
    assert len(await room.submissions()) == 1
    with pytest.raises(ConflictError):
        await room.requests.submit(
            Ask(Source.API, MOBILE, department="sales", name="Jan", idempotency_key="key:1")
        )
    with pytest.raises(InvalidInputError):
        await room.requests.submit(Ask(Source.API, MOBILE, department="sales", idempotency_key="x" * 201))


async def test_the_same_key_at_once_makes_one_request(room: Room) -> None:
    ask = Ask(Source.API, MOBILE, department="sales", idempotency_key="key:1")
    answers = await asyncio.gather(*(room.requests.submit(ask) for _ in range(6)))
    assert len(set(map(str, answers))) == 1
    assert len(await room.submissions()) == 1


async def test_an_agent_owns_what_they_promise(room: Room) -> None:
    agent = await user(room)
    at = MONDAY_10 + 3 * HOUR + 60
    await accepted(room, Ask(Source.AGENT, MOBILE, department="sales", wished_at=at, user_id=agent))
    row = await room.callback()
    assert (row.owner_id, row.promised_from, row.due_at) == (agent, at, at)
    with pytest.raises(InvalidInputError):
        await room.requests.submit(
            Ask(Source.AGENT, MOBILE, department="help", wished_at=at + 365 * DAY, user_id=agent)
        )


# ---- held requests


async def test_a_held_request_changes_nothing_of_a_good_one(room: Room) -> None:
    good = await accepted(room, room.web(wished_at=MONDAY_10 + 2 * HOUR))
    before = await room.callback()
    bad = await held(room, suspect(room, "v2"))
    assert await room.callback() == before
    assert (await room.requests.by_link(good.link)).status is Status.WAITING
    assert (await room.requests.by_link(bad.link)).status is Status.HELD
    await room.requests.withdraw(good.link)
    row = await room.callback()
    assert (row.state, row.reasons) == (State.HELD, "no_page no_proof")


async def test_a_good_request_frees_a_held_one(room: Room) -> None:
    bad = await held(room, suspect(room, "v1", wished_at=MONDAY_10 + 2 * HOUR))
    room.clock.now += 60
    good = await accepted(room, room.web(visitor="v2", wished_at=MONDAY_10 + 3 * HOUR))
    row = await room.callback()
    assert (row.state, row.reasons, row.arrived_at) == (State.WAITING, "", MONDAY_10 + 60)
    assert row.promised_from == MONDAY_10 + 3 * HOUR
    assert good.callback_id == bad.callback_id


async def test_release_and_refuse(room: Room) -> None:
    manager = await user(room)
    one = await held(room, suspect(room, "v1", wished_at=MONDAY_10 + 2 * HOUR))
    await room.requests.release(one.callback_id, manager)
    row = await room.callback()
    assert (row.state, row.reasons, row.promised_from) == (State.WAITING, "", MONDAY_10 + 2 * HOUR)
    assert (await room.requests.by_link(one.link)).status is Status.WAITING
    with pytest.raises(ConflictError):
        await room.requests.refuse(one.callback_id, manager)
    with pytest.raises(NotFoundError):
        await room.requests.release(999, manager)
    assert await room.steps(one.callback_id) == ["held", "released"]


# ---- what other servers and programs are told


async def test_what_is_promised_is_told_once_each_time_it_changes(room: Room) -> None:
    agent = await user(room)
    answer = await accepted(room, room.web())
    await room.requests.submit(room.web(visitor="visitor-2"))  # joins, and changes nothing
    slot = MONDAY_10 + 2 * HOUR
    await room.requests.postpone(answer.callback_id, agent, slot, "asked for it")
    await room.requests.take(answer.callback_id, agent)
    await room.requests.close(answer.callback_id, agent)
    about = {"callback_id": answer.callback_id, "at": MONDAY_10, "number": MOBILE, "department": "sales"}
    assert await room.told() == [
        {"kind": "CallbackRequested", **about, "due_at": MONDAY_10, "held": False},
        {"kind": "CallbackMoved", **about, "due_at": slot, "held": False},
        {"kind": "CallbackClosed", **about, "outcome": "done_by_hand"},
    ]


async def test_a_visitors_move_and_a_managers_release_are_told(room: Room) -> None:
    answer = await accepted(room, room.web())
    await room.requests.move(answer.link, MONDAY_10 + 2 * HOUR)
    other = await held(room, suspect(room, "visitor-2", number="+48501234568"))
    await room.requests.release(other.callback_id, await user(room))
    told = [(fact["kind"], fact["callback_id"], fact["held"]) for fact in await room.told()]
    assert told == [
        ("CallbackRequested", answer.callback_id, False),
        ("CallbackMoved", answer.callback_id, False),
        ("CallbackRequested", other.callback_id, True),
        ("CallbackMoved", other.callback_id, False),
    ]


# ---- visitors


async def test_a_link_withdraws_its_own_request_only(room: Room) -> None:
    first = await accepted(room, room.web())
    second = await accepted(room, room.web(visitor="visitor-2"))
    assert (await room.requests.withdraw(second.link)).status is Status.WITHDRAWN
    assert (await room.callback()).state == State.WAITING
    assert (await room.requests.by_link(first.link)).status is Status.WAITING
    await room.requests.withdraw(first.link)
    row = await room.callback()
    assert (row.state, row.outcome) == (State.CLOSED, Outcome.WITHDRAWN)
    (_, fact) = await room.told()
    assert (fact["kind"], fact["outcome"]) == ("CallbackClosed", "withdrawn")
    await room.requests.withdraw(first.link)  # once more changes nothing
    assert await room.callback() == row


async def test_withdrawing_gives_the_others_their_own_time_back(room: Room) -> None:
    await accepted(room, room.web(wished_at=MONDAY_10 + 2 * HOUR))
    second = await accepted(room, room.web(visitor="visitor-2"))
    assert (await room.callback()).due_at == MONDAY_10
    await room.requests.withdraw(second.link)
    row = await room.callback()
    assert (row.due_at, row.promised_from) == (MONDAY_10 + 2 * HOUR, MONDAY_10 + 2 * HOUR)


async def test_withdrawing_at_once_leaves_no_promise_to_nobody(room: Room) -> None:
    links = [(await accepted(room, room.web(visitor=f"v{n}"))).link for n in range(4)]
    await asyncio.gather(*(room.requests.withdraw(link) for link in links))
    assert (await room.callback()).outcome == Outcome.WITHDRAWN


async def test_a_link_of_somebody_else_is_none(room: Room) -> None:
    answer = await accepted(room, room.web())
    for link in ("", "x", answer.link[:-2], answer.link + "a", "[1,2]", "ż" * 40, "\ud800.x", "a" * 5000):
        for act in (room.requests.by_link, room.requests.withdraw):
            with pytest.raises(NotFoundError):
                await act(link)
    room.clock.now += 15 * DAY
    with pytest.raises(NotFoundError):
        await room.requests.by_link(answer.link)


async def test_who_joins_learns_nothing_of_who_was_there_before(room: Room) -> None:
    """A stranger types a number and watches: when is its owner called, do they answer?"""
    await accepted(room, room.web(name="Ewa", message="about my order"))
    stranger = await accepted(room, room.web(visitor="stranger", name="x"))
    for values, status in (
        ({"state": "dialling"}, Status.WAITING),
        ({"state": "waiting", "rung": 1}, Status.WAITING),
        ({"state": "closed", "outcome": "reached", "closed_at": 1.0}, Status.CLOSED),
    ):
        await set_callback(room, **values)
        seen = await room.requests.by_link(stranger.link)
        assert (seen.status, seen.name, seen.message) == (status, "x", "")


async def test_their_own_request_is_followed_through(room: Room) -> None:
    answer = await accepted(room, room.web())
    await accepted(room, room.web())  # the same page session
    for values, status, may in (
        ({"state": "dialling"}, Status.CALLING, ("withdraw",)),
        ({"state": "waiting", "rung": 1}, Status.UNREACHED, ("move", "word", "withdraw")),
        ({"state": "closed", "outcome": "reached", "closed_at": 1.0}, Status.REACHED, ()),
        ({"outcome": "exhausted"}, Status.CLOSED, ()),
    ):
        await set_callback(room, **values)
        seen = await room.requests.by_link(answer.link)
        assert (seen.status, seen.may) == (status, may)


async def test_a_visitor_moves_and_adds_a_word(room: Room) -> None:
    answer = await accepted(room, room.web(message="hello"))
    slot = MONDAY_10 + 2 * HOUR
    seen = await room.requests.move(answer.link, slot)
    assert (seen.promised_from, seen.promised_until) == (slot, slot + 1800)
    assert (await room.callback()).due_at == slot
    with pytest.raises(InvalidInputError):
        await room.requests.move(answer.link, slot + 1)
    seen = await room.requests.add_word(answer.link, " and bring tea ")
    assert seen.message == "hello\nand bring tea"
    with pytest.raises(InvalidInputError):
        await room.requests.add_word(answer.link, "x" * 2000)
    await room.requests.move(answer.link, None)
    assert (await room.callback()).promised_from is None
    await set_callback(room, state="dialling")
    with pytest.raises(ConflictError):
        await room.requests.move(answer.link, slot)
    await room.requests.withdraw(answer.link)
    with pytest.raises(ConflictError):
        await room.requests.add_word(answer.link, "too late")
    assert await room.steps(answer.callback_id) == [
        "requested", "moved", "word", "moved", "withdrawn", "closed_withdrawn",
    ]  # fmt: skip


async def test_moving_a_held_request_does_not_free_it(room: Room) -> None:
    answer = await held(room, suspect(room, "v1"))
    seen = await room.requests.move(answer.link, MONDAY_10 + 2 * HOUR)
    assert seen.status is Status.HELD
    assert (await room.callback()).state == State.HELD


# ---- staff


async def test_staff_take_postpone_and_close(room: Room) -> None:
    agent = await user(room)
    callback_id = (await accepted(room, room.web())).callback_id
    await set_callback(room, state="inbox", offers=5)
    await room.requests.take(callback_id, agent)
    row = await room.callback()
    assert (row.state, row.owner_id, row.offers, row.due_at) == (State.WAITING, agent, 0, MONDAY_10)
    tomorrow = MONDAY_10 + DAY
    with pytest.raises(InvalidInputError):
        await room.requests.postpone(callback_id, agent, tomorrow, "  ")
    with pytest.raises(InvalidInputError):
        await room.requests.postpone(callback_id, agent, MONDAY_10 - HOUR, "asked for it")
    await room.requests.postpone(callback_id, agent, tomorrow, "asked for it")
    row = await room.callback()
    assert (row.due_at, row.promised_from) == (tomorrow, tomorrow)
    await room.requests.close(callback_id, agent, "wrote an e-mail")
    row = await room.callback()
    assert (row.outcome, row.closed_by) == (Outcome.DONE_BY_HAND, agent)
    for act in (room.requests.close(callback_id, agent), room.requests.take(callback_id, agent)):
        with pytest.raises(ConflictError):
            await act
    assert room.changed == [callback_id] * 4
    assert await room.steps(callback_id) == ["requested", "taken", "postponed", "closed_done_by_hand"]


async def test_after_the_end_a_new_request_is_a_new_callback(room: Room) -> None:
    agent = await user(room)
    await room.requests.close((await accepted(room, room.web())).callback_id, agent)
    await accepted(room, room.web())
    assert [row.state for row in await room.callbacks()] == [State.CLOSED, State.WAITING]
