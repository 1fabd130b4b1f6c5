"""The guard before a promise: what is said at once, what is held and why, and limits that a restart does not forget."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import func, select

from callback.ask import Accepted, Answer, Ask, Correctable, Held, Proof, Signs, Visit
from callback.kinds import Outcome, Source, State
from callback.tables import GuardCount, UsedProof
from core.db import Database
from core.errors import ConflictError, InvalidInputError
from tests.integration.callback_room import DAY, HOUR, MOBILE, MONDAY_10, Room


@pytest.fixture
def room(database: Database) -> Room:
    return Room(database)


async def reasons(room: Room) -> list[str]:
    return [row.reasons for row in await room.submissions()]


async def counted(room: Room, code: str) -> int:
    asked = select(func.coalesce(func.sum(GuardCount.count), 0)).where(GuardCount.key == f"outcome:{code}")
    async with room.database.read() as connection:
        return int((await connection.execute(asked)).scalar_one())


@pytest.mark.parametrize(
    ("number", "code"),
    [
        ("123", "number_invalid"),
        ("+48700123456", "number_kind"),
        ("+8816315512345", "number_kind"),
        ("+4930901820", "country"),
    ],
)
async def test_what_can_be_corrected_is_said_and_counted(room: Room, number: str, code: str) -> None:
    assert await room.requests.submit(room.web(number)) == Correctable(code, "number")
    assert await room.callbacks() == []
    assert await counted(room, code) == 1
    assert room.changed == []


async def test_a_site_may_serve_more_countries(room: Room) -> None:
    assert isinstance(await room.requests.submit(room.web("+4930901820", site="abroad")), Accepted)
    assert isinstance(
        await room.requests.submit(room.web("030 901820", site="abroad", country="DE")), Accepted
    )
    assert len(await room.callbacks()) == 1


async def test_call_me_now_is_refused_when_closed(room: Room) -> None:
    room.clock.now = MONDAY_10 + 12 * HOUR
    assert await room.requests.submit(room.web(only_now=True)) == Correctable("closed", "wish")
    assert isinstance(await room.requests.submit(room.web()), Accepted)
    assert (await room.callback()).due_at == MONDAY_10 + 23 * HOUR  # 9:00 next morning


async def test_a_slot_has_so_many_places(room: Room) -> None:
    slot = MONDAY_10 + 2 * HOUR
    for n in range(2):
        answer = await room.requests.submit(room.web(f"+4850123456{n}", visitor=f"v{n}", wished_at=slot))
        assert isinstance(answer, Accepted)
    third = room.web("+48501234569", visitor="v9", wished_at=slot)
    assert await room.requests.submit(third) == Correctable("slot_gone", "wish")
    # Whoever has a place does not lose it by asking again.
    again = room.web("+48501234561", visitor="v1", wished_at=slot)
    assert isinstance(await room.requests.submit(again), Accepted)


@pytest.mark.parametrize("wish", [MONDAY_10 - HOUR, MONDAY_10 + 2 * HOUR + 60, MONDAY_10 + 10 * HOUR, 4e15])
async def test_a_slot_that_is_none_cannot_be_chosen(room: Room, wish: float) -> None:
    assert await room.requests.submit(room.web(wished_at=wish)) == Correctable("slot_gone", "wish")


GOOD = Proof("p", MONDAY_10 + HOUR)
SUSPECT: list[tuple[dict[str, Any], str]] = [
    ({"signs": Signs(60.0, GOOD, trapped=True)}, "trapped"),
    ({"signs": Signs(1.0, GOOD)}, "too_fast"),
    ({"signs": Signs(None, GOOD)}, "no_page"),
    ({"signs": Signs(60.0, None)}, "no_proof"),
    ({"source": Source.FORM, "signs": Signs()}, "no_script"),
    ({"site": "dry"}, "dry_run"),
]


@pytest.mark.parametrize(("changes", "reason"), SUSPECT)
async def test_what_looks_odd_is_held(room: Room, changes: dict[str, Any], reason: str) -> None:
    answer = await room.requests.submit(room.web(**changes))
    assert isinstance(answer, Held)
    row = await room.callback()
    assert (row.state, row.reasons) == (State.HELD, reason)
    assert await reasons(room) == [reason]
    assert await counted(room, reason) == 1


async def test_a_proof_is_good_once(room: Room) -> None:
    signs = Signs(60.0, GOOD)
    assert isinstance(await room.requests.submit(room.web(signs=signs)), Accepted)
    answer = await room.requests.submit(room.web("+48501234568", visitor="v2", signs=signs))
    assert isinstance(answer, Held)
    assert await reasons(room) == ["passed", "proof_used"]


async def test_a_suppressed_number_is_held_like_any_other(room: Room) -> None:
    await room.requests.suppressions.add(MOBILE, "said so", room.clock.now)
    answer = await room.requests.submit(room.web())
    assert isinstance(answer, Held)
    assert await reasons(room) == ["suppressed"]
    with pytest.raises(ConflictError):
        await room.requests.release(answer.callback_id, None)
    assert [line.reason for line in await room.requests.suppressions.listed()] == ["said so"]
    assert await room.requests.suppressions.remove_number(MOBILE)
    await room.requests.release(answer.callback_id, None)
    assert (await room.callback()).state == State.WAITING


async def ask_many(room: Room, asks: list[Ask]) -> list[type[Answer]]:
    return [type(await room.requests.submit(ask)) for ask in asks]


def number(n: int) -> str:
    """Mobiles that differ before their last four digits."""
    return f"+4850{n:03d}4567"


async def test_a_number_three_times_a_day(room: Room) -> None:
    for _ in range(3):
        answer = await room.requests.submit(room.web())
        assert isinstance(answer, Accepted)
        await room.requests.withdraw(answer.link)
        room.clock.now += 61
    fresh = Room(room.database, clock=room.clock)  # a restart
    assert isinstance(await fresh.requests.submit(fresh.web(signs=Signs(60.0, Proof("n", 9e9)))), Held)
    assert (await reasons(fresh))[-1] == "limit_number"
    fresh.clock.now += 2 * DAY
    answer = await fresh.requests.submit(fresh.web(signs=Signs(60.0, Proof("m", 9e9))))
    # The held one of before is dialled now: one callback, promised by this request.
    assert isinstance(answer, Accepted)


async def test_limits_of_where_requests_come_from(room: Room) -> None:
    same = [room.web(number(n), visitor=f"v{n}") for n in range(7)]
    assert await ask_many(room, same) == [Accepted] * 5 + [Held] * 2
    assert (await reasons(room))[-1] == "limit_address"


async def test_limits_of_a_network(room: Room) -> None:
    for n in range(22):
        visit = Visit(address=f"192.0.2.{n}", visitor=f"v{n}")
        room.clock.now += 10
        answer = await room.requests.submit(room.web(number(n), visit=visit))
        assert isinstance(answer, Accepted if n < 20 else Held), n
    assert (await reasons(room))[-1] == "limit_network"


async def test_limits_of_a_prefix(room: Room) -> None:
    for n in range(12):
        visit = Visit(address=f"10.{n}.0.1", visitor=f"v{n}")
        room.clock.now += 10
        answer = await room.requests.submit(room.web(f"+485012345{n:02d}", visit=visit))
        assert isinstance(answer, Accepted if n < 10 else Held), n
    assert (await reasons(room))[-1] == "limit_prefix"


async def test_limits_of_a_visitor_count_different_numbers(room: Room) -> None:
    for n in range(4):
        answer = await room.requests.submit(
            room.web(number(7), visit=Visit(address=f"10.{n}.0.1", visitor="v"))
        )
        assert isinstance(answer, Accepted), n
    for n in range(3):
        room.clock.now += 61
        visit = Visit(address=f"10.{n + 9}.0.1", visitor="v")
        answer = await room.requests.submit(room.web(number(n), visit=visit))
        assert isinstance(answer, Accepted if n < 2 else Held), n
    assert (await reasons(room))[-1] == "limit_visitor"


async def test_held_asks_use_up_nobodys_number(room: Room) -> None:
    """Else whoever knows a number could keep its owner from being called."""
    for n in range(20):
        visit = Visit(address=f"10.{n}.0.1", visitor=f"v{n}")
        answer = await room.requests.submit(room.web(visit=visit, signs=Signs()))
        assert isinstance(answer, Held)
    assert isinstance(await room.requests.submit(room.web(visitor="owner")), Accepted)


async def test_too_many_in_one_minute_wait_for_their_turn(room: Room) -> None:
    asks = [room.web(number(n), visit=Visit(address=f"10.{n}.0.1", visitor=f"v{n}")) for n in range(25)]
    assert await ask_many(room, asks) == [Accepted] * 10 + [Held] * 15
    assert (await reasons(room))[-1] == "limit_site"
    await room.requests.upkeep()
    assert sum(row.state == State.WAITING for row in await room.callbacks()) == 10
    room.clock.now += 120
    await room.requests.upkeep()
    assert sum(row.state == State.WAITING for row in await room.callbacks()) == 20
    room.clock.now += 120
    await room.requests.upkeep()
    assert sum(row.state == State.WAITING for row in await room.callbacks()) == 25


async def test_those_who_waited_for_their_turn_keep_to_the_other_limits(room: Room) -> None:
    """Else many at once would be a way around the limit of a block of numbers."""
    others = [room.web(number(n), visit=Visit(address=f"10.{n}.0.1", visitor=f"v{n}")) for n in range(10)]
    block = [
        room.web(f"+485559990{n:02d}", visit=Visit(address=f"10.{n}.1.1", visitor=f"w{n}")) for n in range(15)
    ]
    assert await ask_many(room, others + block) == [Accepted] * 10 + [Held] * 15
    for _ in range(5):
        room.clock.now += 120
        await room.requests.upkeep()
    rows = (await room.callbacks())[10:]
    assert [row.state for row in rows] == [State.WAITING] * 10 + [State.HELD] * 5
    assert {row.reasons for row in rows[10:]} == {"limit_site limit_prefix"}


async def test_no_window_holds_more_than_the_limit_whichever_way_it_is_cut(room: Room) -> None:
    """Late in one hour and early in the next: ten at a time are still the most."""
    room.clock.now += HOUR * 0.9
    promised: list[float] = []
    for n in range(60):
        visit = Visit(address=f"10.{n}.0.1", visitor=f"v{n}")
        if isinstance(await room.requests.submit(room.web(f"+485559990{n:02d}", visit=visit)), Accepted):
            promised.append(room.clock.now)
        room.clock.now += 150
    worst = max(sum(begin <= at < begin + HOUR for at in promised) for begin in promised)
    assert worst == 10
    assert len(promised) >= 20, "room comes back"


async def test_customers_are_ranked_before_strangers(room: Room, database: Database) -> None:
    async def knows(_connection: object, one: str) -> bool:
        return one == MOBILE

    asks = [
        room.web(number(1), visitor="stranger", signs=Signs()),
        room.web(visitor="customer", signs=Signs()),
        room.web(number(2), visitor="worker", source=Source.WEB, site="dry"),
    ]
    from callback.requests import Requests

    requests = Requests(database, room.bus, room.clock, room.settings, knows=knows)
    for ask in asks:
        await requests.submit(ask)
    ranks = {row.number: row.rank for row in await room.callbacks()}
    assert ranks[MOBILE] > ranks[number(2)] > ranks[number(1)]


async def test_counters_proofs_and_addresses_are_forgotten(room: Room) -> None:
    await room.requests.submit(room.web())
    room.clock.now += 8 * DAY
    await room.requests.upkeep()
    async with room.database.read() as connection:
        assert (await connection.execute(select(func.count()).select_from(GuardCount))).scalar() == 0
        assert (await connection.execute(select(func.count()).select_from(UsedProof))).scalar() == 0
    (request,) = await room.submissions()
    assert (request.address, request.visitor) == (None, None)


async def test_a_dry_site_dials_nobody(room: Room) -> None:
    answer = await room.requests.submit(room.web(site="dry"))
    assert isinstance(answer, Held)
    with pytest.raises(ConflictError):
        await room.requests.release(answer.callback_id, None)
    await room.requests.refuse(answer.callback_id, None, "a test")
    row = await room.callback()
    assert (row.state, row.outcome) == (State.CLOSED, Outcome.REFUSED)


@pytest.mark.parametrize("changes", [{"site": "nowhere"}, {"site": None}, {"site": None, "department": "x"}])
async def test_unknown_places_are_errors(room: Room, changes: dict[str, Any]) -> None:
    with pytest.raises(InvalidInputError):
        await room.requests.submit(room.web(**changes))


async def test_hostile_text_is_stored_harmlessly(room: Room) -> None:
    visit = Visit(
        "https://x/\x00", "\ud800", {"utm_source": "\x00\ud800"}, "xx" * 40, "c" * 9999, "a" * 99, "v\ud800"
    )
    answer = await room.requests.submit(room.web(name="\x00Ewa\ud800" * 99, message="ż" * 9000, visit=visit))
    assert isinstance(answer, Accepted | Held)
    (request,) = await room.submissions()
    assert len(request.name) <= 200
    assert len(request.message) == 2000


async def test_what_nobody_looks_at_is_closed_when_its_time_is_over(room: Room) -> None:
    await room.requests.submit(room.web(signs=Signs(), source=Source.FORM))
    held = await room.callback()
    room.clock.now = held.expires_at - 1
    await room.requests.upkeep()
    assert (await room.callback()).state == State.HELD
    room.changed.clear()
    room.clock.now += 1
    await room.requests.upkeep()
    await room.requests.upkeep()
    row = await room.callback()
    assert (row.state, row.outcome, row.closed_at) == (State.CLOSED, Outcome.EXPIRED, room.clock.now)
    assert room.changed == [held.id]
    assert await room.steps(held.id) == ["held", "closed_expired"]
    with pytest.raises(ConflictError):
        await room.requests.release(held.id, None)


async def test_asking_again_keeps_a_held_request_longer(room: Room) -> None:
    await room.requests.submit(room.web(signs=Signs(), source=Source.FORM))
    first = (await room.callback()).expires_at
    room.clock.now += DAY
    await room.requests.submit(room.web(signs=Signs(), source=Source.FORM))
    room.clock.now = first
    await room.requests.upkeep()
    row = await room.callback()
    assert (row.state, row.expires_at) == (State.HELD, first + DAY)


async def test_what_a_manager_released_is_not_closed_with_the_held(room: Room) -> None:
    await room.requests.submit(room.web(signs=Signs(), source=Source.FORM))
    held = await room.callback()
    room.clock.now = held.expires_at - 1
    await room.requests.release(held.id, None)
    room.clock.now += 2
    await room.requests.upkeep()
    assert (await room.callback()).state == State.WAITING
