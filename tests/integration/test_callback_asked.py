"""Whose words stand on the cards of a callback: a stranger who types somebody's number names nobody, and however often
they do it, the list stays short."""

from __future__ import annotations

from typing import Any

import pytest

from callback.ask import Held, Signs
from core.db import Database
from server.callback_loader import read_request
from server.views.callbacks import CallbackRow, read_callback
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
