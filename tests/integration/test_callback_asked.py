"""Whose words stand on the cards of a callback: a stranger who types somebody's number names nobody, and however often
they do it, the list stays short."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from callback import repeats
from callback.ask import Accepted, Held, Signs, Visit
from callback.kinds import State
from callback.visitor import Status
from core.db import Database
from core.errors import ConflictError
from server.live.callback_loader import read_request
from server.views.callback_story import MOST_STEPS, read_callback_story
from server.views.callbacks import CallbackRow, read_callback
from tests.integration.callback_pages import callback_pages
from tests.integration.callback_room import Room


@pytest.fixture
def room(database: Database) -> Room:
    return Room(database)


async def shown(room: Room) -> CallbackRow:
    callback_id = (await room.callback()).id
    async with room.database.read() as connection:
        row = await read_callback(connection, callback_id, room.clock.now)
    assert row is not None
    return row


async def on_the_desk(room: Room) -> dict[str, Any]:
    callback_id = (await room.callback()).id
    async with room.database.read() as connection:
        return await read_request(connection, callback_id)


def stranger(room: Room, name: str = "Your bank") -> Any:
    return room.web(visitor="x", name=name, message="ask for the PIN", signs=Signs())


async def test_a_held_request_names_nobody_beside_a_good_one(room: Room) -> None:
    await room.requests.submit(stranger(room))
    await room.requests.submit(room.web(message="about my order"))
    await room.requests.submit(stranger(room))
    row, card = await shown(room), await on_the_desk(room)
    assert (row.name, row.message, row.requests) == ("", "about my order", 3)
    assert (card["name"], card["message"]) == ("", "about my order")
    assert not row.unverified
    assert not card["unverified"]


async def test_what_was_taken_back_names_nobody(room: Room) -> None:
    first = await room.requests.submit(room.web(visitor="v1", name="Somebody"))
    await room.requests.submit(room.web(visitor="v2", name="Ewa"))
    assert isinstance(first.link, str)  # type: ignore[union-attr]
    await room.requests.withdraw(first.link)  # type: ignore[union-attr]
    assert (await shown(room)).name == "Ewa"
    assert (await on_the_desk(room))["name"] == "Ewa"


async def test_where_all_are_held_the_words_are_marked(room: Room) -> None:
    assert isinstance(await room.requests.submit(stranger(room)), Held)
    row, card = await shown(room), await on_the_desk(room)
    assert (row.name, row.unverified, row.is_only_said) == ("Your bank", True, True)
    assert (card["name"], card["unverified"]) == ("Your bank", True)
    await room.requests.release(row.id, None)
    assert not (await shown(room)).unverified


# ---- again and again


def word(room: Room, number: int, address: str = "198.51.100.7", **changes: Any) -> Any:
    visit = Visit(page_url="https://shop.example.com/" + "p" * 1900, address=address, visitor=f"v{number}")
    return room.web(visit=visit, message=f"{number} " + "m" * 990, **changes)


@pytest.mark.parametrize("signs", [Signs(), None], ids=["held", "good"])
async def test_from_one_address_five_are_written_down_and_the_rest_is_counted(
    room: Room, signs: Signs | None
) -> None:
    await room.requests.submit(room.web(visitor="owner"))
    answers = []
    for number in range(40):
        room.clock.now += 2000  # slower than any limit of an hour
        ask = word(room, number)
        answers.append(await room.requests.submit(replace(ask, signs=signs) if signs else ask))
    assert {type(answer) for answer in answers} == {Held if signs else Accepted}
    assert len(await room.submissions()) <= 1 + repeats.OF_ADDRESS + 1
    row = await shown(room)
    assert row.requests == 41
    assert len(await room.steps(row.id)) < 10 < MOST_STEPS


async def test_the_link_of_a_counted_request_shows_and_does_nothing_else(room: Room) -> None:
    answers = [await room.requests.submit(word(room, number, signs=Signs())) for number in range(8)]
    link = answers[-1].link  # type: ignore[union-attr]
    seen = await room.requests.by_link(link)
    assert (seen.status, seen.name, seen.message, seen.may) == (Status.HELD, "", "", ())
    with pytest.raises(ConflictError):
        await room.requests.add_word(link, "x")
    assert (await room.requests.withdraw(link)).status is Status.HELD
    assert (await room.callback()).state == State.HELD


async def test_the_same_page_session_gets_its_own_link_again(room: Room) -> None:
    asks = [word(room, 1, signs=Signs()) for _ in range(8)]
    links = [(await room.requests.submit(ask)).link for ask in asks]  # type: ignore[union-attr]
    seen = await room.requests.by_link(links[-1])
    assert seen.message.startswith("1 ")
    assert "withdraw" in seen.may


async def test_a_crowd_of_strangers_leaves_the_page_readable(room: Room) -> None:
    for number in range(150):
        room.clock.now += 1
        await room.requests.submit(word(room, number, f"10.0.{number}.1", signs=Signs()))
    await room.requests.submit(room.web(visitor="owner", name="Ewa", message="about my order"))
    assert len(await room.submissions()) == repeats.OF_ALL + 2
    callback_id = (await room.callback()).id
    async with room.database.read() as connection:
        story = await read_callback_story(connection, callback_id, room.clock.now)
    assert (story.callback.requests, story.callback.name) == (151, "Ewa")
    assert "about my order" in [one.message for one in story.requests]
    assert story.unshown == 151 - len(story.requests)
    async with callback_pages(room.database) as pages:
        page = await pages.get(f"/callbacks/{callback_id}")
    assert len(page) < 150_000
    assert "What was asked, 151 times" in page


async def test_the_same_words_again_are_one_line(room: Room) -> None:
    for number in range(4):
        await room.requests.submit(room.web(visitor=f"v{number}", message="call me"))
    callback_id = (await room.callback()).id
    async with room.database.read() as connection:
        story = await read_callback_story(connection, callback_id, room.clock.now)
    assert [(one.message, one.times) for one in story.requests] == [("call me", 4)]
    assert story.unshown == 0
