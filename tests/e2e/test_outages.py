"""Bad days with a real Asterisk: the line cut, the PBX killed, our server killed, each in mid-call. Every call is in
the log once, with a truthful end; nothing rings for ever; times of blindness stand as such (P23)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from core.db import Database
from pbx_bridge.ami.session import AmiActionError
from pbx_bridge.tables import BlindWindow, Call, CallJournal
from server.live.calls_now import PhoneState
from server.live.socket import LIVE
from server.web.keys import BRIDGES
from tests.asterisk.lab import Lab
from tests.asterisk.pbx import AMI_SECRETS, Pbx
from tests.e2e.conftest import assert_seconds
from tests.process import Cable, Server, serving
from tests.site import Site, eventually, running, settings_for

pytestmark = pytest.mark.asterisk

CALLER = "+48226011111"
DIRECT_101 = "48221000901"
SECRET = AMI_SECRETS["ringback-events"]


@pytest.fixture
async def own_lab(own_pbx: Pbx) -> AsyncIterator[Lab]:
    async with Lab(own_pbx) as lab:
        yield lab


async def rows(database: Database, table: Any) -> list[Any]:
    async with database.read() as connection:
        return list(await connection.execute(select(table.__table__)))


async def ended(database: Database, count: int = 1) -> list[Any]:
    """The finished calls, oldest first, once there are `count` and nothing is open."""

    async def look() -> list[Any]:
        return sorted(await rows(database, Call), key=lambda row: row.started_at)

    return await eventually(
        look, lambda found: len(found) == count and all(row.ended_at is not None for row in found)
    )


async def open_calls(database: Database, *, answered: bool) -> None:
    """Wait until the log has one open call, answered or not yet."""

    async def look() -> list[Any]:
        return await rows(database, Call)

    await eventually(look, lambda found: len(found) == 1 and (found[0].answered_at is not None) == answered)


async def windows(database: Database, *, closed: bool) -> list[Any]:
    async def look() -> list[Any]:
        return await rows(database, BlindWindow)

    return await eventually(
        look, lambda found: bool(found) and all((one.until is not None) == closed for one in found)
    )


async def test_a_call_that_outlives_the_cut_keeps_its_truth(pbx: Pbx, lab: Lab, tmp_path: Path) -> None:
    phone = await lab.phone("101")
    async with Cable(pbx.ami) as cable, serving(Server(tmp_path, cable.address, SECRET)) as database:
        customer = await lab.trunk.dial(DIRECT_101, caller=CALLER)
        ringing = await phone.rings()
        await ringing.answer()
        await open_calls(database, answered=True)
        cable.pull()
        await windows(database, closed=False)
        cable.plug()
        await windows(database, closed=True)
        await customer.hangup()
        (call,) = await ended(database)
    assert (call.result, call.ended_by) == ("answered", "caller")
    assert_seconds(call.talk_s, ringing.answered_at, customer.ended_at)


async def test_a_call_that_ends_unseen_is_ended_truthfully(pbx: Pbx, lab: Lab, tmp_path: Path) -> None:
    phone = await lab.phone("101")
    async with Cable(pbx.ami) as cable, serving(Server(tmp_path, cable.address, SECRET)) as database:
        customer = await lab.trunk.dial(DIRECT_101, caller=CALLER)
        ringing = await phone.rings()
        await ringing.answer()
        await open_calls(database, answered=True)
        cable.pull()
        await windows(database, closed=False)
        await customer.hangup()
        unseen = await lab.trunk.dial("48221000902", caller="+48226012222")
        await unseen.ended()  # nobody is registered there: it lived wholly while we saw nothing
        cable.plug()
        (call,) = await ended(database)
        (window,) = await windows(database, closed=True)
    assert (call.result, call.ended_by, call.caller) == ("answered", "unknown", CALLER)
    assert "not seen" in call.why
    assert window.since - 1 <= call.ended_at <= window.until + 1
    assert (window.calls_ended_unseen, window.calls_found) == (1, 0)


async def test_the_pbx_killed_in_mid_call(own_pbx: Pbx, own_lab: Lab, tmp_path: Path) -> None:
    phone = await own_lab.phone("101")
    async with serving(Server(tmp_path, own_pbx.ami, SECRET)) as database:
        await own_lab.trunk.dial(DIRECT_101, caller=CALLER)
        ringing = await phone.rings()
        await ringing.answer()
        await open_calls(database, answered=True)
        await own_pbx.kill9()
        await windows(database, closed=False)
        await own_pbx.start()
        (call,) = await ended(database)
        (window,) = await windows(database, closed=True)
        assert (call.result, call.ended_by) == ("answered", "pbx")
        assert window.calls_ended_unseen == 1
        assert await rows(database, CallJournal) == []


async def nothing_rings(site: Site) -> None:
    """No screen shows a call that rings or goes on."""

    async def phones() -> list[PhoneState]:
        calls = site.app[LIVE].board.calls.values()
        return [phone.state for call in calls for phone in call.phones if call.ended_at is None]

    assert await eventually(phones, lambda states: states == []) == []


@pytest.mark.parametrize("command", [None, "core stop now"], ids=["SIGTERM", "core stop now"])
async def test_the_pbx_stopped_in_mid_call(
    own_pbx: Pbx, own_lab: Lab, tmp_path: Path, command: str | None
) -> None:
    phone_101, phone_102 = await own_lab.phones("101", "102")
    async with running(settings_for(own_pbx.ami, SECRET, tmp_path)) as site:
        await site.sees_the_pbx()
        await own_lab.trunk.dial(DIRECT_101, caller=CALLER)
        talking = await phone_101.rings()
        await talking.answer()
        await open_calls(site.database, answered=True)
        await own_lab.trunk.dial("48221000902", caller="+48226012222")
        await phone_102.rings()
        await eventually(lambda: rows(site.database, Call), lambda found: len(found) == 2)
        await own_pbx.stop(command)
        (window,) = await windows(site.database, closed=False)
        await own_pbx.start()
        answered, missed = await ended(site.database, 2)
        (window,) = await windows(site.database, closed=True)
        await nothing_rings(site)
        assert (answered.result, answered.caller, answered.ended_by) == ("answered", CALLER, "pbx")
        assert (missed.result, missed.talk_s, missed.ended_by) == ("missed", 0, "pbx")
        assert window.calls_kept == 0
        assert await rows(site.database, CallJournal) == []


async def test_the_pbx_stopped_gracefully_in_mid_call(own_pbx: Pbx, own_lab: Lab, tmp_path: Path) -> None:
    """It takes no new calls and stops when the last one is over."""
    phone = await own_lab.phone("101")
    async with running(settings_for(own_pbx.ami, SECRET, tmp_path)) as site:
        await site.sees_the_pbx()

        async def is_closing() -> bool:
            try:
                await site.app[BRIDGES]["main"].link.action({"Action": "Ping"})
            except AmiActionError as error:
                return "shutting down" in str(error)
            return False

        customer = await own_lab.trunk.dial(DIRECT_101, caller=CALLER)
        ringing = await phone.rings()
        await ringing.answer()
        await open_calls(site.database, answered=True)
        stopping = asyncio.create_task(own_pbx.stop("core stop gracefully"))
        await eventually(is_closing)
        await customer.hangup()
        (call,) = await ended(site.database)
        await stopping
        await windows(site.database, closed=False)
        await own_pbx.start()
        (window,) = await windows(site.database, closed=True)
        await nothing_rings(site)
    assert (call.result, call.ended_by) == ("answered", "caller")
    assert_seconds(call.talk_s, ringing.answered_at, customer.ended_at)
    assert (window.calls_kept, window.calls_ended_unseen) == (0, 0)


async def test_our_server_killed_in_mid_call(pbx: Pbx, lab: Lab, tmp_path: Path) -> None:
    phone = await lab.phone("101")
    server = Server(tmp_path, pbx.ami, SECRET)
    async with serving(server) as database:
        customer = await lab.trunk.dial(DIRECT_101, caller=CALLER, name="Jan")
        ringing = await phone.rings()
        await ringing.answer()
        await open_calls(database, answered=True)
        await server.kill()
        await server.start()
        await windows(database, closed=True)
        await ringing.hangup()
        (call,) = await ended(database)
    assert (call.result, call.ended_by, call.caller_name) == ("answered", "agent", "Jan")
    assert_seconds(call.talk_s, ringing.answered_at, ringing.ended_at)
    assert_seconds(call.wait_s, customer.started_at, ringing.answered_at)


async def test_our_server_killed_while_it_rings(pbx: Pbx, lab: Lab, tmp_path: Path) -> None:
    phone = await lab.phone("101")
    server = Server(tmp_path, pbx.ami, SECRET)
    async with serving(server) as database:
        customer = await lab.trunk.dial(DIRECT_101, caller=CALLER)
        await phone.rings()
        await open_calls(database, answered=False)
        await server.kill()
        await customer.cancel()
        await server.start()
        (call,) = await ended(database)
        assert (call.answered_at, call.talk_s) == (None, 0)
        assert "not seen" in call.why
        again = await lab.trunk.dial(DIRECT_101, caller=CALLER)
        await (await phone.rings()).answer()
        await again.hears()
        await again.hangup()
        assert [row.result for row in await ended(database, 2)][1] == "answered"
