"""When a callback is due once several people have a say in it: who moved their request is called at that time, or told
that they cannot move it; who merely types somebody's number gets before no retry and no word of ours."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select, update

from callback import ledger
from callback.ask import Accepted, Ask, Held, Signs, Visit
from callback.kinds import Outcome, Source, State
from callback.tables import Callback, GuardCount
from callback.visitor import Status
from core.accounts import NewUser, Role, create_user
from core.db import Database
from core.errors import ConflictError, InvalidInputError
from tests.integration.callback_room import DAY, HOUR, MOBILE, MONDAY_10, Room

AFTERNOON = MONDAY_10 + 5 * HOUR
TOMORROW = MONDAY_10 + DAY
TRIED = {"first_attempt_at": MONDAY_10, "rung": 1, "due_at": MONDAY_10 + HOUR}
OFFERED = {"first_attempt_at": MONDAY_10, "offers": 1, "due_at": MONDAY_10 + 60}
ASLEEP = {"first_attempt_at": MONDAY_10, "offers": 5, "state": "inbox"}


@pytest.fixture
def room(database: Database) -> Room:
    return Room(database)


async def ask(room: Room, visitor: str = "visitor-1", **changes: Any) -> Accepted:
    visit = Visit(address=f"198.51.{len(visitor)}.{room.proofs + 1}", visitor=visitor)
    answer = await room.requests.submit(room.web(visit=visit, **changes))
    assert isinstance(answer, Accepted)
    return answer


async def happened(room: Room, values: dict[str, Any]) -> None:
    """What the scheduler has written by then."""
    async with room.database.write() as connection:
        await connection.execute(update(Callback).values(values))


async def postponed(room: Room, answer: Accepted, until: float) -> None:
    async with room.database.write() as connection:
        new = NewUser("ola", "Ola", Role.AGENT, "nobody types it")
        user = await create_user(connection, new, room.clock.now)
    await room.requests.postpone(answer.callback_id, user.id, until, "they asked for it")


async def due(room: Room) -> float:
    return float((await room.callback()).due_at)


def missed(number: int = 1) -> Ask:
    return Ask(Source.MISSED, MOBILE, department="sales", arrived_at=MONDAY_10, call_id=f"c{number}")


# ---- moving


@pytest.mark.parametrize("values", [TRIED, OFFERED, ASLEEP], ids=["tried", "offered", "asleep"])
async def test_who_moves_is_called_then(room: Room, values: dict[str, Any]) -> None:
    answer = await ask(room)
    await happened(room, values)
    seen = await room.requests.move(answer.link, AFTERNOON)
    row = await room.callback()
    assert (seen.promised_from, row.promised_from, row.due_at) == (AFTERNOON, AFTERNOON, AFTERNOON)
    assert (row.state, row.rung) == (State.WAITING, values.get("rung", 0))
    assert row.expires_at > TOMORROW


async def test_who_moves_knows_better_than_whoever_postponed(room: Room) -> None:
    answer = await ask(room)
    await postponed(room, answer, MONDAY_10 + 3 * HOUR)
    await room.requests.move(answer.link, TOMORROW)
    assert await due(room) == TOMORROW


async def test_all_that_one_page_session_asked_for_moves(room: Room) -> None:
    await ask(room)
    again = await ask(room)
    await room.requests.move(again.link, AFTERNOON)
    assert await due(room) == AFTERNOON


async def test_who_is_not_the_earliest_cannot_move(room: Room) -> None:
    first = await ask(room, wished_at=AFTERNOON)
    joined = await ask(room, "other")
    for link in (first.link, joined.link):
        seen = await room.requests.by_link(link)
        assert seen.may == ("word", "withdraw")
        assert seen.is_fixed
        with pytest.raises(ConflictError):
            await room.requests.move(link, TOMORROW)
    await room.requests.withdraw(joined.link)
    assert (await room.requests.move(first.link, TOMORROW)).promised_from == TOMORROW
    assert await due(room) == TOMORROW


async def test_a_time_after_somebody_elses_cannot_be_had(room: Room) -> None:
    first = await ask(room)
    await ask(room, "other", wished_at=AFTERNOON)
    with pytest.raises(InvalidInputError):
        await room.requests.move(first.link, TOMORROW)
    assert (await room.requests.by_link(first.link)).promised_from is None
    await room.requests.move(first.link, AFTERNOON - HOUR)
    assert await due(room) == AFTERNOON - HOUR


async def test_a_held_request_moves_nobodys_call(room: Room) -> None:
    bad = await room.requests.submit(room.web(visitor="bad", signs=Signs()))
    assert isinstance(bad, Held)
    await ask(room)
    await happened(room, TRIED)
    await room.requests.move(bad.link, AFTERNOON)
    assert await due(room) == TRIED["due_at"]


async def test_moving_before_a_retry_counts_like_asking_anew(room: Room) -> None:
    answer = await ask(room)
    for _ in range(2):
        await happened(room, TRIED)
        await room.requests.move(answer.link, None)
        assert await due(room) == MONDAY_10
    await happened(room, TRIED)
    with pytest.raises(InvalidInputError):
        await room.requests.move(answer.link, None)
    assert await due(room) == TRIED["due_at"]
    await room.requests.move(answer.link, AFTERNOON)  # nobody is called more often by that
    assert await due(room) == AFTERNOON


async def test_withdrawing_calls_nobody_sooner(room: Room) -> None:
    early = await ask(room)
    await ask(room, "other", wished_at=AFTERNOON)
    await happened(room, OFFERED)
    await room.requests.withdraw(early.link)
    assert await due(room) == AFTERNOON


# ---- joining


async def counted(room: Room) -> int:
    async with room.database.read() as connection:
        key = f"limit_number:{MOBILE}"
        return int(await connection.scalar(select(GuardCount.count).where(GuardCount.key == key)) or 0)


@pytest.mark.parametrize("values", [TRIED, OFFERED], ids=["tried", "offered"])
async def test_who_types_the_number_gets_before_no_retry(room: Room, values: dict[str, Any]) -> None:
    await ask(room)
    await happened(room, values)
    for visitor in ("other", "other", "another"):
        await ask(room, visitor)
    assert (await due(room), await counted(room)) == (values["due_at"], 1)


async def test_who_types_the_number_gets_before_no_postponement(room: Room) -> None:
    answer = await ask(room)
    await postponed(room, answer, AFTERNOON)
    await ask(room, "other")
    assert await due(room) == AFTERNOON
    await room.requests.submit(missed())
    assert (await due(room), (await room.callback()).postponed_until) == (MONDAY_10, None)


async def test_a_customer_who_rang_and_was_missed_is_called_before_the_retry(room: Room) -> None:
    await ask(room)
    await happened(room, TRIED)
    await room.requests.submit(missed())
    row = await room.callback()
    assert (row.due_at, row.rung, await counted(room)) == (MONDAY_10, 1, 2)


async def test_but_never_out_of_hours(room: Room) -> None:
    await ask(room)
    await happened(room, TRIED | {"due_at": MONDAY_10 + 2 * DAY})
    room.clock.now = MONDAY_10 + 9 * HOUR  # 19:00
    await room.requests.submit(missed())
    assert await due(room) == TOMORROW - HOUR  # 9:00


async def test_what_advances_a_retry_counts_against_the_number(room: Room) -> None:
    await ask(room)
    answers = []
    for _ in range(4):
        await happened(room, TRIED)
        answers.append(type(await room.requests.submit(room.web())))
    assert answers == [Accepted, Accepted, Held, Held]
    assert await due(room) == TRIED["due_at"]


async def test_what_wakes_a_callback_counts_against_the_number(room: Room) -> None:
    await ask(room)
    for n in range(2):
        await happened(room, ASLEEP)
        await ask(room, f"other {n}")
    await happened(room, ASLEEP)
    assert isinstance(await room.requests.submit(room.web(visitor="one more")), Held)
    assert (await room.callback()).state == State.INBOX


async def test_a_stranger_among_held_ones_gets_before_no_retry(room: Room) -> None:
    good = await ask(room)
    await room.requests.submit(room.web(visitor="bad", signs=Signs()))
    await happened(room, TRIED)
    await room.requests.withdraw(good.link)
    assert (await room.callback()).state == State.HELD
    await ask(room, "other")
    assert ((await room.callback()).state, await due(room)) == (State.WAITING, TRIED["due_at"])


# ---- what a link tells


@pytest.mark.parametrize("outcome", [Outcome.CONTACT, Outcome.DONE_BY_HAND])
async def test_a_link_does_not_tell_that_we_talked_by_another_way(room: Room, outcome: Outcome) -> None:
    first = await ask(room, "stranger")
    bad = await room.requests.submit(room.web(visitor="bad", signs=Signs()))
    assert isinstance(bad, Held)
    async with room.database.write() as connection:
        await ledger.close(connection, first.callback_id, room.clock.now, outcome)
    assert (await room.requests.by_link(first.link)).status is Status.CLOSED
    assert (await room.requests.by_link(bad.link)).status is Status.CLOSED


async def test_a_held_request_never_learns_that_somebody_was_reached(room: Room) -> None:
    bad = await room.requests.submit(room.web(visitor="bad", signs=Signs()))
    assert isinstance(bad, Held)
    good = await ask(room)
    assert (await room.requests.by_link(bad.link)).status is Status.HELD
    async with room.database.write() as connection:
        await ledger.close(connection, good.callback_id, room.clock.now, Outcome.REACHED)
    assert (await room.requests.by_link(bad.link)).status is Status.CLOSED
    assert (await room.requests.by_link(good.link)).status is Status.REACHED
