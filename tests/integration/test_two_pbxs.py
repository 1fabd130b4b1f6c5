"""Two PBXs in one settings file, alike down to their extensions and channel ids: their calls, people and queues stay
apart, and one of them may be away."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from core.accounts import NewUser, Role, UserDevice, create_user
from pbx_bridge.simulator import DIAL_USER, EVENTS_USER, Party, Simulator
from pbx_bridge.tables import BlindWindow, Call
from server.live.socket import LIVE
from server.web.keys import BRIDGES, PAUSER
from tests.site import Site, eventually, running, settings_for

JAN = Party("+48221110101", "Jan Testowy")
MARIA = Party("+48221110202", "Maria Próbna")


@dataclass(slots=True)
class Both:
    site: Site
    north: Simulator
    south: Simulator


@pytest.fixture
async def both(tmp_path: Path) -> AsyncIterator[Both]:
    async with Simulator() as north, Simulator() as south:
        pbxs = {}
        for name, pbx in (("north", north), ("south", south)):
            settings = settings_for(
                (pbx.host, pbx.port), EVENTS_USER.secret, tmp_path, dial_secret=DIAL_USER.secret
            )
            pbxs[name] = settings.pbx["main"]
        async with running(settings.model_copy(update={"pbx": pbxs})) as site:
            await eventually(lambda: seeing(site), lambda names: names == {"north", "south"})
            yield Both(site, north, south)


async def seeing(site: Site) -> set[str]:
    return {name for name, bridge in site.app[BRIDGES].items() if bridge.is_seeing}


async def person(site: Site, login: str, pbx: str) -> int:
    """Somebody who sits at 101 of that PBX."""
    phones = (UserDevice(pbx, "PJSIP/101", "101"),)
    async with site.database.write() as connection:
        user = await create_user(connection, NewUser(login, login, Role.AGENT, "-", phones), time.time())
    await site.app[LIVE].reload_people()
    return user.id


async def log(site: Site) -> list[Any]:
    async with site.database.read() as connection:
        return list((await connection.execute(select(Call.__table__).order_by(Call.pbx))).all())


async def test_two_calls_with_one_channel_id_are_two_calls_on_two_desks(both: Both) -> None:
    site, hub = both.site, both.site.app[LIVE]
    anna, bartek = await person(site, "anna", "north"), await person(site, "bartek", "south")
    calls = both.north.rings_phone(JAN, "101"), both.south.rings_phone(MARIA, "101")

    async def cards() -> list[list[str | None]]:
        return [[card.number for card in hub.board.view(user).cards] for user in (anna, bartek)]

    assert await eventually(cards, all) == [[JAN.number], [MARIA.number]]
    for call in calls:
        call.answers("101")
        call.caller_hangs_up()
    rows = await eventually(
        lambda: log(site), lambda found: len(found) == 2 and all(row.result for row in found)
    )
    assert [(row.pbx, row.caller, row.result) for row in rows] == [
        ("north", JAN.number, "answered"),
        ("south", MARIA.number, "answered"),
    ]


async def test_a_pause_goes_to_the_pbx_of_the_phone(both: Both) -> None:
    await both.site.app[PAUSER].pause([UserDevice("south", "PJSIP/101", "101")], True, "Lunch")
    paused = [pbx.world.queues["sales"].member("PJSIP/101") for pbx in (both.north, both.south)]
    assert [member is not None and member.paused for member in paused] == [False, True]


async def test_one_is_away_and_the_other_is_read_on(both: Both) -> None:
    await both.north.stop()
    await eventually(lambda: seeing(both.site), lambda names: names == {"south"})
    both.south.rings_phone(MARIA, "101").caller_hangs_up()
    (row,) = await eventually(lambda: log(both.site), lambda found: bool(found and found[0].result))
    async with both.site.database.read() as connection:
        (window,) = (await connection.execute(select(BlindWindow.__table__))).all()
    assert (row.pbx, row.result, window.pbx, window.until) == ("south", "abandoned", "north", None)
