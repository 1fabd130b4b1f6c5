"""The whole server beside the simulated PBX: a story goes in at the socket, a row with the right verdict comes out of
the database; and on bad days (cut, restarted, split, server gone) every call is there once, with a truthful end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from config.settings import AmiUser, Settings
from core.accounts import UserDevice
from pbx_bridge.simulator import DIAL_USER, EVENTS_USER, Party, SimulatedCall, Simulator
from pbx_bridge.simulator.stories import STORIES
from pbx_bridge.tables import BlindWindow, Call, CallPerson, CallTransfer
from server.web.keys import PAUSER
from tests.site import Site, eventually, running, settings_for

JAN = Party("+48221110101", "Jan Testowy")
MARIA = Party("0048221110202", "")
Row = dict[str, Any]


@pytest.fixture
async def pbx() -> AsyncIterator[Simulator]:
    async with Simulator() as pbx:
        yield pbx


@pytest.fixture
def settings(pbx: Simulator, tmp_path: Path) -> Settings:
    return beside(pbx, tmp_path)


@pytest.fixture
async def site(settings: Settings) -> AsyncIterator[Site]:
    async with running(settings) as site:
        await site.sees_the_pbx()
        yield site


def beside(pbx: Simulator, folder: Path) -> Settings:
    settings = settings_for((pbx.host, pbx.port), EVENTS_USER.secret, folder)
    dial = AmiUser.model_validate({"user": DIAL_USER.name, "secret": DIAL_USER.secret})
    main = settings.pbx["main"].model_copy(update={"dial": dial})
    return settings.model_copy(update={"pbx": {"main": main}})


async def calls(site: Site) -> list[Row]:
    """All calls of the log, oldest first, with their people."""
    async with site.database.read() as connection:
        rows = (await connection.execute(select(Call.__table__).order_by(Call.started_at))).mappings().all()
        people = (await connection.execute(select(CallPerson.__table__).order_by(CallPerson.position))).all()
        moves = (await connection.execute(select(CallTransfer.__table__))).all()
    found = [dict(row) for row in rows]
    for row in found:
        for role in ("rang", "talked"):
            row[role] = [one.extension for one in people if (one.call_id, one.role) == (row["id"], role)]
        row["transfers"] = [
            (one.kind, one.from_extension, one.to) for one in moves if one.call_id == row["id"]
        ]
    return found


async def finished(site: Site, number: int = 1) -> list[Row]:
    """The log, once it has so many calls with a verdict."""

    async def look() -> list[Row]:
        return [row for row in await calls(site) if row["result"] is not None]

    return await eventually(look, lambda rows: len(rows) >= number)


async def answered_call(site: Site, pbx: Simulator) -> SimulatedCall:
    """101 talks to Jan, and the server knows it."""
    call = pbx.rings_phone(JAN, "101")
    call.answers("101")

    async def is_known() -> bool:
        return any(row["answered_at"] for row in await calls(site))

    await eventually(is_known)
    return call


async def blind_windows(site: Site) -> list[Any]:
    async with site.database.read() as connection:
        return list((await connection.execute(select(BlindWindow.__table__))).all())


async def went_blind(site: Site) -> None:
    async def is_blind() -> bool:
        return any(window.until is None for window in await blind_windows(site))

    await eventually(is_blind)


# ---- good days


async def test_a_story_becomes_one_row(tmp_path: Path) -> None:
    async with Simulator(speed=40.0) as pbx, running(beside(pbx, tmp_path)) as site:
        await site.sees_the_pbx()
        await STORIES["blind_transfer_answered"](pbx)
        (row,) = await finished(site)
    assert (row["direction"], row["result"], row["ended_by"]) == ("inbound", "answered", "caller")
    assert (row["caller"], row["callee"], row["queue"]) == ("+48221110101", "48221000400", "sales")
    assert sorted(row["rang"]) == ["101", "102", "103", "104"]
    assert row["talked"] == ["101", "104"]
    assert row["transfers"] == [("blind", "101", "104")]
    assert row["talk_s"] >= 35


async def test_split_into_single_bytes_nothing_changes(site: Site, pbx: Simulator) -> None:
    pbx.faults.piece = 1
    call = pbx.rings_phone(Party("+48221110303", "Łucja Żółw"), "101")
    call.answers("101")
    call.agent_hangs_up()
    (row,) = await finished(site)
    assert (row["result"], row["ended_by"], row["caller_name"]) == ("answered", "agent", "Łucja Żółw")


async def test_a_pause_reaches_the_pbx(site: Site, pbx: Simulator) -> None:
    """What the desk does when an agent takes a break, through the dial user's own connection."""

    await site.app[PAUSER].pause([UserDevice("main", "PJSIP/101", "101")], True, "Lunch")
    member = pbx.world.queues["sales"].member("PJSIP/101")
    assert member is not None
    assert (member.paused, member.pause_reason) == (True, "Lunch")


# ---- bad days


async def test_cut_in_mid_call_the_call_goes_on(site: Site, pbx: Simulator) -> None:
    call = await answered_call(site, pbx)
    pbx.faults.cut_after = 40
    call.hold()  # its event is cut in two
    await went_blind(site)
    pbx.faults.cut_after = None
    await site.sees_the_pbx()
    call.caller_hangs_up()
    (row,) = await finished(site)
    assert (row["result"], row["ended_by"], row["talked"]) == ("answered", "caller", ["101"])
    (window,) = await blind_windows(site)
    assert window.until is not None
    assert (window.calls_kept, window.calls_ended_unseen, window.calls_found) == (1, 0, 0)


async def test_a_call_that_ends_unseen_gets_a_truthful_end(site: Site, pbx: Simulator) -> None:
    call = await answered_call(site, pbx)
    await pbx.close_port()
    await went_blind(site)
    call.caller_hangs_up()
    found = pbx.rings_queue(MARIA, "sales")
    await pbx.open_port()
    await site.sees_the_pbx()
    (row,) = await finished(site)
    (window,) = await blind_windows(site)
    assert (row["result"], row["ended_by"]) == ("answered", "unknown")
    assert window.since - 1 <= row["ended_at"] <= window.until + 1
    assert (window.calls_kept, window.calls_ended_unseen, window.calls_found) == (0, 1, 1)
    found.answers("102")
    found.agent_hangs_up()
    rows = await finished(site, 2)
    assert (rows[1]["result"], rows[1]["caller"], rows[1]["talked"]) == ("answered", "+48221110202", ["102"])


async def test_a_killed_pbx_ends_its_calls_and_begins_again(site: Site, pbx: Simulator) -> None:
    await answered_call(site, pbx)
    await pbx.restart(kill=True)
    rows = await finished(site)
    assert (rows[0]["result"], rows[0]["ended_by"]) == ("answered", "pbx")
    assert "restarted" in rows[0]["why"]
    await site.sees_the_pbx()
    again = pbx.rings_phone(JAN, "101")  # with the very channel names of the first call
    again.answers("101")
    again.caller_hangs_up()
    rows = await finished(site, 2)
    assert [row["result"] for row in rows] == ["answered", "answered"]
    assert rows[1]["ended_by"] == "caller"
    assert len({row["id"] for row in rows}) == 2


async def test_the_server_goes_and_comes_back(pbx: Simulator, settings: Settings) -> None:
    """One call lasts through it, one ends meanwhile, one lives wholly while nobody looks."""
    async with running(settings) as site:
        await site.sees_the_pbx()
        lasting = await answered_call(site, pbx)
        ending = pbx.rings_queue(MARIA, "sales")
        await eventually(lambda: calls(site), lambda rows: len(rows) == 2)
    ending.answers("102")
    ending.agent_hangs_up()
    unseen = pbx.rings_phone(Party("+48221110909"), "104")
    unseen.caller_hangs_up()
    async with running(settings) as site:
        await site.sees_the_pbx()
        await finished(site)
        lasting.caller_hangs_up()
        rows = await finished(site, 2)
        windows = await blind_windows(site)
    assert [row["caller"] for row in rows] == ["+48221110101", "+48221110202"]
    assert (rows[0]["result"], rows[0]["ended_by"], rows[0]["talked"]) == ("answered", "caller", ["101"])
    assert rows[1]["ended_by"] == "unknown"
    (window,) = windows
    assert window.until is not None
    assert (window.calls_kept, window.calls_ended_unseen) == (1, 1)


async def test_a_silent_moment_is_no_blind_window(site: Site, pbx: Simulator) -> None:
    """The PBX says nothing for a while and then everything at once: late is not lost."""
    pbx.faults.silent = True
    call = pbx.rings_phone(JAN, "101")
    call.answers("101")
    await asyncio.sleep(0.3)
    call.caller_hangs_up()
    pbx.faults.silent = False
    (row,) = await finished(site)
    assert (row["result"], row["ended_by"]) == ("answered", "caller")
    assert await blind_windows(site) == []
