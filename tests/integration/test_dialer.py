"""The dialer where the PBX fails it: what is said of an order that got no answer, a refusal, or only a failure."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from core.accounts import UserDevice
from core.bus import Bus
from core.clock import system_clock
from core.db import Database
from core.errors import PbxError, PbxUncertainError
from core.ports import CallerIds, DialOrder
from pbx_bridge.ami.link import AmiLink, LinkOptions
from pbx_bridge.ami.session import Credentials
from pbx_bridge.ami.target import AmiTarget, LinkRole
from pbx_bridge.bridge import Bridge
from pbx_bridge.calls import CallBook
from pbx_bridge.dial import WANTED, DialLine, PbxHands
from pbx_bridge.dialer import AmiDialer
from pbx_bridge.markers import families
from server.schema import prepare
from tests.integration.ami_peer import Action, AmiPeer, message, silence, success


def link_to(peer: AmiPeer, role: LinkRole) -> AmiLink:
    target = AmiTarget("main", "127.0.0.1", peer.port, Credentials("ringback", "secret"), role)
    return AmiLink(target, clock=system_clock, options=LinkOptions(wanted=WANTED))


@asynccontextmanager
async def dialling(
    peer: AmiPeer, folder: Path, caller_ids: CallerIds | None = None
) -> AsyncIterator[AmiDialer]:
    """The dial line is up; the events' side sees nothing at all."""
    database = Database(f"sqlite:///{folder / 'ringback.db'}")
    await prepare(database)
    line = DialLine(link_to(peer, LinkRole.DIAL), database, system_clock)
    book = CallBook("main", ("PJSIP/trunk",), "PL")
    events = link_to(peer, LinkRole.EVENTS)
    bridge = Bridge(events, book, pbx="main", database=database, bus=Bus(), clock=system_clock)
    task = asyncio.create_task(line.run())
    async with asyncio.timeout(30):
        while not line.link.is_up:
            await asyncio.sleep(0.01)
    try:
        hands = {"main": PbxHands(bridge.agents, line, bridge)}
        yield AmiDialer(hands, system_clock, caller_ids=caller_ids)
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        await database.close()


def order() -> DialOrder:
    anna = UserDevice("main", "PJSIP/101", "101")
    return DialOrder(secrets.token_hex(10), "main", "+48226019999", agent=anna)


def refusal(action: Action) -> bytes:
    return message(Response="Error", ActionID=action["ActionID"], Message="Permission denied")


def failure(action: Action) -> bytes:
    told = message(
        Event="OriginateResponse", ActionID=action["ActionID"], Response="Failure", Reason="8",
        Uniqueid=action["ChannelId"],
    )  # fmt: skip
    return success(action) + told


async def outcome(tmp_path: Path, reply: Callable[[Action], bytes], *, cut: bool = False) -> PbxError:
    async with AmiPeer() as peer:
        peer.replies["Originate"] = reply
        async with dialling(peer, tmp_path) as dialer:
            placing = asyncio.create_task(dialer.place(order()))
            await peer.received("Originate")
            if cut:
                peer.cut()
                await peer.until(lambda: peer.connections >= 2)
            with pytest.raises(PbxError) as told:
                await placing
            assert [action["Action"] for action in peer.actions].count("Originate") == 1
            return told.value


async def test_an_order_without_an_answer_is_perhaps_placed_and_never_sent_again(tmp_path: Path) -> None:
    assert type(await outcome(tmp_path, silence, cut=True)) is PbxUncertainError


async def test_a_refused_order_is_surely_not_placed(tmp_path: Path) -> None:
    error = await outcome(tmp_path, refusal)
    assert type(error) is PbxError
    assert "Permission denied" in str(error)


async def test_a_call_that_came_to_nothing_before_it_had_a_channel_is_surely_not_placed(
    tmp_path: Path,
) -> None:
    error = await outcome(tmp_path, failure)
    assert type(error) is PbxError
    assert "no way to place it" in str(error)


async def test_what_is_sent_is_of_our_own_making(tmp_path: Path) -> None:
    async with AmiPeer() as peer:
        peer.replies["Originate"] = success
        async with dialling(peer, tmp_path) as dialer:
            asked = order()
            await dialer.place(asked)
            sent = await peer.received("Originate")
    del sent["ActionID"]
    assert sent == {
        "Action": "Originate",
        "Channel": "Local/101@ringback-agent/n",
        "Context": "ringback-callback",
        "Exten": "48226019999",
        "Priority": "1",
        "Timeout": "30000",
        "ChannelId": f"cb-{asked.attempt_id}",
        "CallerID": "<+48226019999>",
        "Variable": "RINGBACK_NUMBER=48226019999",
        "Async": "true",
    }


class Proposing:
    """Another CRM that routes by the caller id; it notes what it is asked and told."""

    def __init__(self, shown: str | None) -> None:
        self.shown = shown
        self.said: list[str] = []

    async def to_show(self, order: DialOrder, call_id: str) -> str | None:
        assert call_id == f"main-cb-{order.attempt_id}"
        self.said.append("asked")
        return self.shown

    async def not_dialled(self, order: DialOrder, call_id: str) -> None:
        assert call_id == f"main-cb-{order.attempt_id}"
        self.said.append("not dialled")


async def test_a_number_that_is_to_be_seen_goes_along_as_digits(tmp_path: Path) -> None:
    proposing = Proposing("48221000150")
    async with AmiPeer() as peer:
        peer.replies["Originate"] = success
        async with dialling(peer, tmp_path, proposing) as dialer:
            await dialer.place(order())
            sent = await peer.received("Originate")
    assert sent["Variable"] == "RINGBACK_SHOW=48221000150", "the last of them"
    assert proposing.said == ["asked"]


@pytest.mark.parametrize(("reply", "said"), [(refusal, ["asked", "not dialled"]), (silence, ["asked"])])
async def test_who_was_asked_hears_that_nothing_was_dialled_when_that_is_sure(
    tmp_path: Path, reply: Callable[[Action], bytes], said: list[str]
) -> None:
    proposing = Proposing(None)
    async with AmiPeer() as peer:
        peer.replies["Originate"] = reply
        async with dialling(peer, tmp_path, proposing) as dialer:
            placing = asyncio.create_task(dialer.place(order()))
            await peer.received("Originate")
            if reply is silence:
                peer.cut()
            with pytest.raises(PbxError):
                await placing
    assert proposing.said == said


async def test_why_a_pbx_cannot_be_dialled_through(tmp_path: Path) -> None:
    async with AmiPeer() as peer, dialling(peer, tmp_path) as dialer:
        assert dialer.sees("elsewhere") == "there is no connection to the PBX 'elsewhere' yet"
        assert dialer.sees("main") == "what goes on at the PBX is not known yet"
        with pytest.raises(PbxError, match="could not be read"):
            await dialer.marker("main", secrets.token_hex(10))


def test_a_marker_is_looked_for_on_both_sides_of_midnight() -> None:
    tuesday_night = 1_900_195_200.0 - 1.0
    assert families(tuesday_night) == ("ringback-2", "ringback-1", "ringback-3")
