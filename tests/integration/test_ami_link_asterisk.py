"""The AMI link against a real Asterisk with the shipped users: what only the real thing can prove."""

from __future__ import annotations

import asyncio

import pytest

from core.clock import system_clock
from pbx_bridge.ami import codec as ami_codec
from pbx_bridge.ami.link import AmiLink, LinkOptions
from pbx_bridge.ami.message import AmiMessage
from pbx_bridge.ami.queue import LinkLost, LinkRefused, LinkUp, Received
from pbx_bridge.ami.session import AmiActionError, Auth, Credentials
from pbx_bridge.ami.target import AmiTarget, LinkRole
from tests.asterisk.conftest import lab, own_pbx, pbx
from tests.asterisk.lab import Lab
from tests.asterisk.pbx import AMI_SECRETS, Pbx

__all__ = ["lab", "own_pbx", "pbx"]
pytestmark = pytest.mark.asterisk

SECONDS = 60.0


def link_to(
    pbx: Pbx, user: str = "ringback-events", *, secret: str | None = None, auth: Auth = Auth.PLAIN
) -> AmiLink:
    host, port = pbx.ami
    role = LinkRole.DIAL if user.endswith("dial") else LinkRole.EVENTS
    credentials = Credentials(user, secret or AMI_SECRETS[user], auth)
    return AmiLink(
        AmiTarget("main", host, port, credentials, role), clock=system_clock, options=LinkOptions()
    )


async def up(link: AmiLink) -> LinkUp:
    async with asyncio.timeout(SECONDS):
        item = await anext(link)
    assert isinstance(item, LinkUp), item
    return item


async def event_named(link: AmiLink, name: str, **headers: str) -> AmiMessage:
    """The next event of that name with these headers; others are passed over."""
    async with asyncio.timeout(SECONDS):
        async for item in link:
            if isinstance(item, Received) and item.message.event == name:
                message = item.message
                if all(message.get(key) == value for key, value in headers.items()):
                    return message
    raise AssertionError(f"the stream ended without {name}")


@pytest.mark.parametrize("auth", list(Auth))
async def test_it_logs_in_without_waiting_for_fully_booted(pbx: Pbx, auth: Auth) -> None:
    async with link_to(pbx, auth=auth) as link:
        await up(link)
        assert (await link.action({"Action": "CoreStatus"})).get("CoreStartupTime")


@pytest.mark.parametrize("name", ["Status", "BridgeList", "QueueStatus", "DeviceStateList"])
async def test_the_lists_of_a_resync_come_whole(lab: Lab, name: str) -> None:
    (agent,) = await lab.phones("101")
    async with link_to(lab.pbx) as link:
        await up(link)
        call = await lab.trunk.dial("48221000101", caller="600700800")
        await (await agent.rings()).answer()
        await call.answered()
        await event_named(link, "BridgeEnter")
        found = await link.list_action({"Action": name})
        assert found.items
        assert found.complete is not None
        assert found.complete.get("ListItems") == str(len(found.items))


async def test_a_wrong_secret_is_refused_with_asterisk_s_reason(pbx: Pbx) -> None:
    async with link_to(pbx, secret="wrong") as link, asyncio.timeout(SECONDS):
        refused = await anext(link)
        assert isinstance(refused, LinkRefused)
        assert "Authentication failed" in refused.reason


async def test_an_action_beyond_our_rights_fails_and_was_not_executed(pbx: Pbx) -> None:
    async with link_to(pbx) as link:
        await up(link)
        with pytest.raises(AmiActionError, match="Permission denied") as caught:
            await link.action({"Action": "Command", "Command": "core show uptime"})
        assert not caught.value.perhaps_executed


@pytest.mark.parametrize("odd", ["\u2028", "\x85", "\x1c", "\x0b"])
async def test_a_caller_s_name_cannot_forge_a_header(lab: Lab, odd: str) -> None:
    name = f"Bob{odd}Event: Hangup{odd}Uniqueid: 9.9"
    async with link_to(lab.pbx) as link:
        await up(link)
        await lab.trunk.dial("48221000101", caller="600700800", name=f'"{name}"')
        message = await event_named(link, "Newchannel")
        assert message.get("CallerIDName") == name
        assert message.get("Uniqueid") != "9.9"
        assert message.timestamp is not None


async def test_a_caller_s_name_comes_as_asterisk_has_it(lab: Lab) -> None:
    """AMI's escaping is taken off; SIP's own (the doubled backslash) is the PBX's business."""
    async with link_to(lab.pbx) as link:
        await up(link)
        await lab.trunk.dial("48221000101", caller="600700800", name='"Zoë O\'Brien, \\\\o/ what?"')
        message = await event_named(link, "Newchannel")
        assert message.get("CallerIDName") == r"Zoë O'Brien, \\o/ what?"


async def test_a_variable_arrives_as_it_was_given_and_sets_nothing_else(pbx: Pbx) -> None:
    value = 'Bob,EVIL=1 "x" \\ (y; $z'
    async with link_to(pbx, "ringback-dial") as dial, link_to(pbx, "recorder") as events:
        await up(dial)
        await up(events)
        wait = {"Application": "Wait", "Data": "60", "ChannelId": "cb-v"}
        await dial.action(
            {"Action": "Originate", "Channel": "Local/850@plain-in", **wait},
            variables={"RINGBACK_NAME": value},
        )
        assert (await event_named(events, "VarSet", Variable="RINGBACK_NAME")).get("Value") == value
        await pbx.hang_up_all()
        variables = await set_until_hangup(events, "cb-v")
        assert variables
        assert "EVIL" not in variables


async def set_until_hangup(link: AmiLink, uniqueid: str) -> set[str | None]:
    """The names of all channel variables set before that channel's end."""
    names = set()
    async with asyncio.timeout(SECONDS):
        async for item in link:
            message = item.message if isinstance(item, Received) else None
            if message and message.event == "VarSet":
                names.add(message.get("Variable"))
            if message and message.event == "Hangup" and message.get("Uniqueid") == uniqueid:
                return names
    raise AssertionError("the stream ended")


async def test_the_longest_line_we_send_is_read_whole(pbx: Pbx) -> None:
    async with link_to(pbx) as link:
        await up(link)
        room = ami_codec.MAX_ACTION_LINE - len("Data: ")
        assert (await link.action({"Action": "CoreStatus", "Data": "x" * room})).is_success
        lines = ["x"] * (ami_codec.MAX_ACTION_LINES - 2)
        assert (await link.action({"Action": "CoreStatus", "Filler": lines})).is_success


async def test_actions_on_their_own_connection_see_no_call_events(lab: Lab) -> None:
    async with link_to(lab.pbx, "ringback-dial") as dial, link_to(lab.pbx) as events:
        await up(dial)
        await up(events)
        await lab.trunk.dial("48221000860", caller="600700800")
        await event_named(events, "Hangup")
        assert (await dial.action({"Action": "Ping"})).is_success
        assert len(dial.queue) == 0


async def test_a_killed_pbx_is_told_and_found_again_when_it_is_back(own_pbx: Pbx) -> None:
    async with link_to(own_pbx) as link:
        await up(link)
        started = (await link.action({"Action": "CoreStatus"})).get("CoreStartupTime")
        await own_pbx.kill9()
        async with asyncio.timeout(SECONDS):
            assert isinstance(await anext(link), LinkLost)
        await asyncio.sleep(1)  # CoreStartupTime counts whole seconds
        await own_pbx.start()
        await up(link)
        assert (await link.action({"Action": "CoreStatus"})).get("CoreStartupTime") != started
