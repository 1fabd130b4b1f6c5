"""A line of a PBX without AMI: the whole server, registered at a real Asterisk as extension 103 and nothing else."""

from __future__ import annotations

import os
import re
import signal
import socket
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr
from sqlalchemy import select

from config.settings import DatabaseSettings, Line, Server, Settings
from core.accounts import NewUser, Role, UserDevice, create_user
from core.alarms import AlarmRow
from crm_link.tables import CallCustomer
from pbx_bridge.line.monitor import LOST_ALARM, REFUSED_ALARM, LineMonitor
from pbx_bridge.tables import BlindWindow, Call, CallMoment
from server.live.socket import LIVE
from server.web.keys import LINES
from tests.asterisk.lab import PHONE_SECRET, Lab
from tests.asterisk.pbx import Pbx
from tests.site import Site, eventually, free_port, running

pytestmark = pytest.mark.asterisk

CUSTOMER = "+48226011111"
DIRECT_103, GROUP, QUEUE_SALES = "48221000103", "48221000300", "48221000400"
"""103's own number rings 4 s; the group and the queue ring 101, 102 and 103 at once."""


def line_settings(pbx: Pbx, folder: Path, secret: str = PHONE_SECRET) -> Settings:
    line = Line(host=pbx.place.pbx, user="103", secret=SecretStr(secret))
    return Settings(
        server=Server(port=free_port()),
        database=DatabaseSettings(url=f"sqlite:///{folder}/line.db"),
        line={"reception": line},
    )


def monitor_of(site: Site) -> LineMonitor:
    return site.app[LINES]["reception"]


async def is_registered(site: Site) -> bool:
    return "reception" in site.app[LINES] and monitor_of(site).is_seeing


@pytest.fixture
async def site(pbx: Pbx, tmp_path: Path) -> AsyncIterator[Site]:
    """A server that watches the line; Ewa sits at it."""
    async with running(line_settings(pbx, tmp_path)) as site:
        await add_ewa(site)
        await eventually(lambda: is_registered(site))
        yield site


async def add_ewa(site: Site) -> None:
    phone = UserDevice("reception", "SIP/103", "103")
    person = NewUser("ewa", "Ewa", Role.AGENT, "no password", devices=(phone,))
    async with site.database.write() as connection:
        await create_user(connection, person, 1.0)
    await site.app[LIVE].reload_people()


async def cards(site: Site) -> list[tuple[str, str | None]]:
    """What is on Ewa's desk: state and caller's number of each card."""
    return [(card.state.value, card.number) for card in site.app[LIVE].board.view(1).cards]


async def rows(site: Site, table: Any) -> list[Any]:
    async with site.database.read() as connection:
        return list(await connection.execute(select(table.__table__)))


async def ended(site: Site, count: int = 1) -> list[Any]:
    """The calls of the log, once there are `count` and all have ended."""

    async def calls() -> list[Any]:
        return await rows(site, Call)

    return await eventually(
        calls, lambda found: len(found) == count and all(call.ended_at is not None for call in found)
    )


async def test_a_caller_who_gives_up(site: Site, lab: Lab) -> None:
    customer = await lab.trunk.dial(DIRECT_103, caller=CUSTOMER, name='"Jan Kowalski"')
    await eventually(lambda: cards(site), lambda found: found == [("ringing", CUSTOMER)])
    await customer.cancel()
    await eventually(lambda: cards(site), lambda found: found == [])
    (call,) = await ended(site)
    assert (call.result, call.ended_by, call.direction) == ("abandoned", "caller", "inbound")
    assert (call.caller, call.caller_name, call.callee) == (CUSTOMER, "Jan Kowalski", "103")
    assert call.why.startswith("Seen from one line only (103): it rang")
    assert abs(call.wait_s - (customer.ended_at or 0) + customer.started_at) < 1
    assert len(await rows(site, CallCustomer)) == 1
    assert [moment.kind for moment in await rows(site, CallMoment)] == [
        "started",
        "ringing",
        "stopped",
        "ended",
    ]
    await lab.pbx.idle()


async def test_time_runs_out(site: Site, lab: Lab) -> None:
    customer = await lab.trunk.dial(DIRECT_103, caller=CUSTOMER)
    (call,) = await ended(site)
    assert (call.result, call.ended_by, call.answered_at) == ("missed", "unknown", None)
    assert "the PBX does not say" in call.why
    assert abs(call.wait_s - (customer.ended_at or 0) + customer.started_at) < 1


async def test_another_phone_answers(site: Site, lab: Lab) -> None:
    colleague = await lab.phone("101")
    customer = await lab.trunk.dial(GROUP, caller=CUSTOMER)
    ringing = await colleague.rings()
    await eventually(lambda: cards(site), lambda found: found == [("ringing", CUSTOMER)])
    await ringing.answer()
    (call,) = await ended(site)
    assert (call.result, call.talk_s, call.ended_by) == ("answered", 0, "unknown")
    assert "another phone took the call" in call.why
    await eventually(lambda: cards(site), lambda found: found == [])
    await customer.hangup()


async def test_the_rounds_of_a_queue_are_one_call(site: Site, lab: Lab) -> None:
    customer = await lab.trunk.dial(QUEUE_SALES, caller=CUSTOMER)

    async def ringings() -> int:
        return sum(moment.kind == "ringing" for moment in await rows(site, CallMoment))

    await eventually(ringings, lambda count: count >= 2)
    await customer.cancel()
    (call,) = await ended(site)
    assert call.result == "missed"
    assert re.search(r"in [2-9] rounds", call.why)


async def test_a_colleague_is_no_customer(site: Site, lab: Lab) -> None:
    colleague = await lab.phone("101")
    ringing = await colleague.dial("103")
    await eventually(lambda: cards(site), lambda found: len(found) == 1)
    await ringing.cancel()
    (call,) = await ended(site)
    assert (call.direction, call.caller, call.callee) == ("internal", "101", "103")
    assert await rows(site, CallCustomer) == []


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ('"Jan\u2028From: <sip:999@evil>"', "Jan From: <sip:999@evil>"),
        ('"<sip:+48999999999@evil>"', "<sip:+48999999999@evil>"),
        ('"Zażółć 电话"', "Zażółć 电话"),
        ('"Jos\udce9"', None),
    ],
)
async def test_a_hostile_name_is_only_a_name(site: Site, lab: Lab, name: str, shown: str | None) -> None:
    customer = await lab.trunk.dial(DIRECT_103, caller=CUSTOMER, name=name)
    await eventually(lambda: cards(site), lambda found: found == [("ringing", CUSTOMER)])
    await customer.cancel()
    (call,) = await ended(site)
    assert call.caller == CUSTOMER
    # Asterisk replaces what is no UTF-8 by a mark of its own.
    assert call.caller_name == shown if shown else call.caller_name.startswith("Jos")


async def test_a_stranger_is_not_believed(site: Site, lab: Lab) -> None:
    contacts = await lab.pbx.cli("pjsip show contacts")
    found = re.search(r"103/sip:103@([\d.]+):(\d+)", contacts)
    assert found, contacts
    stranger = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    stranger.bind((f"127.0.{lab.pbx.place.number}.99", 0))
    stranger.setblocking(False)
    invite = (
        "INVITE sip:103@h SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.9:5060;branch=z9hG4bKx\r\n"
        "From: <sip:+48999999999@h>;tag=1\r\nTo: <sip:103@h>\r\nCall-ID: strange\r\nCSeq: 1 INVITE\r\n\r\n"
    )
    stranger.sendto(invite.encode(), (found[1], int(found[2])))
    # A call of the PBX's own that comes later is seen, so the stranger's has been looked at by then.
    customer = await lab.trunk.dial(DIRECT_103, caller=CUSTOMER)
    await eventually(lambda: cards(site), lambda shown: shown == [("ringing", CUSTOMER)])
    await customer.cancel()
    (call,) = await ended(site)
    assert call.caller == CUSTOMER
    with pytest.raises(BlockingIOError):
        stranger.recv(1)
    stranger.close()


async def test_a_killed_monitor_ends_what_rang_and_comes_back(site: Site, lab: Lab) -> None:
    process = monitor_of(site).process
    assert process is not None
    customer = await lab.trunk.dial(DIRECT_103, caller=CUSTOMER)
    await eventually(lambda: cards(site), lambda found: found == [("ringing", CUSTOMER)])
    os.kill(process.pid, signal.SIGKILL)
    (call,) = await ended(site)
    assert (call.result, call.ended_by) == ("missed", "unknown")
    assert "so how it ended was not seen" in call.why
    assert await cards(site) == []

    async def is_another() -> bool:
        now = monitor_of(site).process
        return now is not None and now.pid != process.pid and await is_registered(site)

    await eventually(is_another)
    (window,) = await rows(site, BlindWindow)
    assert window.until is not None
    (alarm,) = await rows(site, AlarmRow)
    assert (alarm.code, alarm.closed_at is not None) == (LOST_ALARM, True)
    await customer.cancel()
    again = await lab.trunk.dial(DIRECT_103, caller="+48226012222")
    await eventually(lambda: cards(site), lambda found: found == [("ringing", "+48226012222")])
    await again.cancel()
    assert len(await ended(site, 2)) == 2


async def test_a_restarted_server_ends_what_rang_before(pbx: Pbx, lab: Lab, tmp_path: Path) -> None:
    settings = line_settings(pbx, tmp_path)
    async with running(settings) as first:
        await eventually(lambda: is_registered(first))
        customer = await lab.trunk.dial(DIRECT_103, caller=CUSTOMER)
        await eventually(lambda: rows(first, Call), lambda found: len(found) == 1)
    await customer.cancel()
    async with running(settings) as second:
        (call,) = await ended(second)
        assert (call.result, call.ended_by) == ("missed", "unknown")
        assert "Ringback was not running" in call.why
        await eventually(lambda: is_registered(second))


async def test_a_refused_registration_is_an_alarm(pbx: Pbx, tmp_path: Path) -> None:
    async with running(line_settings(pbx, tmp_path, secret="wrong")) as site:

        async def alarms() -> list[Any]:
            return await rows(site, AlarmRow)

        (alarm,) = await eventually(alarms, lambda found: len(found) == 1)
        assert (alarm.code, alarm.subject) == (REFUSED_ALARM, "reception")
        assert "`secret`" in alarm.text
        assert not monitor_of(site).is_seeing


@pytest.mark.full
async def test_a_dead_pbx_leaves_nothing_ringing(own_pbx: Pbx, tmp_path: Path) -> None:
    async with running(line_settings(own_pbx, tmp_path)) as site, Lab(own_pbx) as lab:
        await add_ewa(site)
        await eventually(lambda: is_registered(site))
        await lab.trunk.dial(DIRECT_103, caller=CUSTOMER)
        await eventually(lambda: cards(site), lambda found: found == [("ringing", CUSTOMER)])
        await own_pbx.kill9()
        (call,) = await ended(site)
        assert (call.result, call.ended_by) == ("missed", "unknown")
        assert "does not answer" in call.why
        assert await cards(site) == []


async def test_the_server_never_loads_pyvoip(site: Site, lab: Lab) -> None:
    customer = await lab.trunk.dial(DIRECT_103, caller=CUSTOMER)
    await eventually(lambda: cards(site), lambda found: len(found) == 1)
    await customer.cancel()
    await ended(site)
    assert "pyVoIP" not in sys.modules
    assert "pbx_bridge.line.sip_line" not in sys.modules
