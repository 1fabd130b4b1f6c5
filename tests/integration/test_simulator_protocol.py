"""The simulated PBX on a real socket, read by our real link: what it says must be what an Asterisk 22 says."""

from __future__ import annotations

import asyncio

import pytest

from pbx_bridge.ami.codec import ActionHeaders
from pbx_bridge.ami.connection import LinkTimes
from pbx_bridge.ami.queue import LinkLost, LinkRefused
from pbx_bridge.ami.session import AmiActionError, Auth, SessionTimes
from pbx_bridge.simulator import DIAL_USER, Habits, Party, Simulator
from tests.simulated import Ear, listening

JAN = Party("+48226011111", "Jan Kowalski")


def said(ear: Ear, *names: str) -> list[str]:
    """These events, in the order they came, each with the channel it is about."""
    return [
        f"{message.event} {message.get('DestChannel') or message.get('Channel') or ''}".split("-")[0]
        for message in ear.messages
        if message.event in names
    ]


@pytest.mark.parametrize("auth", [Auth.PLAIN, Auth.MD5])
async def test_login_works_both_ways(auth: Auth) -> None:
    async with Simulator() as pbx, listening(pbx, auth=auth) as ear:
        await ear.up()
        assert (await ear.link.action({"Action": "Ping"})).get("Ping") == "Pong"


async def test_a_wrong_secret_is_refused_and_the_connection_closed() -> None:
    async with Simulator() as pbx, listening(pbx, secret="wrong") as ear:
        await ear.until(lambda: any(isinstance(item, LinkRefused) for item in ear.items))
        refusal = next(item for item in ear.items if isinstance(item, LinkRefused))
        assert "Authentication failed" in refusal.reason


async def test_nothing_is_answered_before_the_login() -> None:
    async with Simulator() as pbx:
        reader, writer = await asyncio.open_connection(pbx.host, pbx.port)
        assert await reader.readline() == b"Asterisk Call Manager/11.0.0\r\n"
        writer.write(b"Action: Status\r\nActionID: 7\r\n\r\n")
        answer = await reader.readuntil(b"\r\n\r\n")
        assert answer == b"Response: Error\r\nActionID: 7\r\nMessage: Permission denied\r\n\r\n"
        writer.close()


async def test_each_user_may_do_only_what_its_rights_say() -> None:
    async with Simulator() as pbx, listening(pbx) as events, listening(pbx, DIAL_USER) as dial:
        await events.up()
        await dial.up()
        with pytest.raises(AmiActionError, match="Permission denied"):
            await events.link.action({"Action": "Originate", "Channel": "PJSIP/101", "Exten": "102"})
        with pytest.raises(AmiActionError, match="Permission denied"):
            await dial.link.action({"Action": "CoreStatus"})
        with pytest.raises(AmiActionError, match="Invalid/unknown command: Command"):
            await events.link.action({"Action": "Command", "Command": "core show version"})
        commands = await events.link.action({"Action": "ListCommands"})
        assert "QueuePause" not in commands
        assert "ShowDialPlan" in commands


async def test_a_direct_call_from_ring_to_hangup() -> None:
    async with Simulator() as pbx, listening(pbx) as ear:
        await ear.up()
        call = pbx.rings_phone(JAN, "101")
        call.answers("101")
        call.caller_hangs_up()
        await ear.until(lambda: len(ear.events("Hangup")) == 2)
        story = said(
            ear, "Newchannel", "DialBegin", "DialEnd", "BridgeEnter", "HangupRequest", "Cdr", "Hangup"
        )
        assert story == [
            "Newchannel PJSIP/trunk",
            "Newchannel PJSIP/101",
            "DialBegin PJSIP/101",
            "DialEnd PJSIP/101",
            "BridgeEnter PJSIP/101",
            "BridgeEnter PJSIP/trunk",
            "HangupRequest PJSIP/trunk",
            "Cdr PJSIP/trunk",
            "Hangup PJSIP/101",
            "Hangup PJSIP/trunk",
        ]
        assert all(message.timestamp for message in ear.messages)


async def test_losing_phones_of_a_queue_get_their_end_twice() -> None:
    async with Simulator() as pbx, listening(pbx) as ear:
        await ear.up()
        call = pbx.rings_queue(JAN, "sales")
        call.answers("102")
        call.agent_hangs_up()
        await ear.until(lambda: len(ear.events("Hangup")) == 4)
        ends = [(m.get("DestChannel", "") or "", m.get("DialStatus")) for m in ear.events("DialEnd")]
        assert sorted((name.split("-")[0], status) for name, status in ends) == [
            ("PJSIP/101", "CANCEL"),
            ("PJSIP/101", "CANCEL"),
            ("PJSIP/102", "ANSWER"),
            ("PJSIP/103", "CANCEL"),
            ("PJSIP/103", "CANCEL"),
        ]
        assert [m.get("Reason") for m in ear.events("AgentComplete")] == ["agent"]


async def test_a_caller_name_cannot_forge_a_header() -> None:
    name = 'Ewa "E": Zając\\; \u2028Event: Hangup'
    async with Simulator() as pbx, listening(pbx) as ear:
        await ear.up()
        pbx.rings_phone(Party("+48226016666", name), "101").caller_hangs_up()
        await ear.until(lambda: len(ear.events("Hangup")) == 2)
        assert ear.events("Newchannel")[0].get("CallerIDName") == name


async def test_questions_are_answered_from_what_is_going_on() -> None:
    async with Simulator() as pbx, listening(pbx) as ear:
        await ear.up()
        talking = pbx.rings_phone(JAN, "101")
        talking.answers("101")
        pbx.rings_queue(Party("", ""), "sales")
        channels = await ear.link.list_action({"Action": "Status"})
        assert len(channels.items) == 5
        bridges = await ear.link.list_action({"Action": "BridgeList"})
        number = bridges.items[0].get("BridgeUniqueid")
        members = await ear.link.list_action({"Action": "BridgeInfo", "BridgeUniqueid": number})
        assert [(m.get("Channel") or "").split("-")[0] for m in members.items] == ["PJSIP/101", "PJSIP/trunk"]
        queues = await ear.link.list_action({"Action": "QueueStatus"})
        assert [m.get("Wait") for m in queues.items if m.event == "QueueEntry"] == ["0"]
        devices = await ear.link.list_action({"Action": "DeviceStateList"})
        states = {item.get("Device"): item.get("State") for item in devices.items}
        assert states["PJSIP/101"] == "INUSE"
        assert states["PJSIP/102"] == "RINGING"
        assert states["PJSIP/104"] == "NOT_INUSE"


async def test_pausing_a_member_is_said_and_the_queue_leaves_it_alone() -> None:
    async with Simulator() as pbx, listening(pbx) as ear, listening(pbx, DIAL_USER) as dial:
        await ear.up()
        await dial.up()
        pause: ActionHeaders = {
            "Action": "QueuePause",
            "Interface": "PJSIP/101",
            "Paused": True,
            "Reason": "lunch",
        }
        await dial.link.action(pause)
        await ear.until(lambda: ear.events("QueueMemberPause"))
        said_of = ear.events("QueueMemberPause")[0]
        assert (said_of.get("Paused"), said_of.get("PausedReason")) == ("1", "lunch")
        call = pbx.rings_queue(JAN, "sales")
        assert sorted(call.ringing) == ["102", "103"]
        with pytest.raises(AmiActionError, match="Interface not found"):
            await dial.link.action({**pause, "Interface": "PJSIP/999"})


async def test_an_originate_rings_the_agent_first_and_then_the_number() -> None:
    habits = Habits(agent_answers=0.05, outside_answers=0.05, talk=0.05)
    async with Simulator(habits=habits) as pbx, listening(pbx) as ear, listening(pbx, DIAL_USER) as dial:
        await ear.up()
        await dial.up()
        order: ActionHeaders = {
            "Action": "Originate", "Channel": "Local/101@ringback-agent/n", "Context": "ringback-callback",
            "Exten": "48600100200", "Priority": 1, "Timeout": 5000, "ChannelId": "cb-1",
        }  # fmt: skip
        await dial.link.action(order)
        await ear.until(lambda: ear.events("OriginateResponse"))
        assert ear.events("OriginateResponse")[0].get("Uniqueid") == "cb-1"
        await ear.until(lambda: len(ear.events("Hangup")) == 4)
        assert {message.get("Linkedid") for message in ear.events("Newchannel")} == {"cb-1"}
        answered = [
            m.get("DestChannel") or "" for m in ear.events("DialEnd") if m.get("DialStatus") == "ANSWER"
        ]
        assert [name.split("-")[0] for name in answered] == ["PJSIP/101", "Local/101@ringback", "PJSIP/trunk"]


async def test_an_originate_that_nobody_answers_fails() -> None:
    habits = Habits(agent_answers=None)
    async with Simulator(habits=habits) as pbx, listening(pbx, DIAL_USER) as dial:
        await dial.up()
        order: ActionHeaders = {
            "Action": "Originate",
            "Channel": "PJSIP/101",
            "Exten": "102",
            "Context": "internal",
        }
        await dial.link.action({**order, "Timeout": 50})
        await dial.until(lambda: dial.events("OriginateResponse"))
        answer = dial.events("OriginateResponse")[0]
        assert (answer.response, answer.get("Reason")) == ("Failure", "3")


async def test_the_shipped_dialplan_can_be_looked_at() -> None:
    async with Simulator() as pbx, listening(pbx) as ear:
        await ear.up()
        plan = await ear.link.list_action({"Action": "ShowDialPlan", "Context": "ringback-agent"})
        assert plan.items[0].get("Application") == "Gosub"
        assert plan.items[0].get("Extension") == "_[0-9a-zA-Z]!"
        with pytest.raises(AmiActionError, match="Did not find context nowhere"):
            await ear.link.list_action({"Action": "ShowDialPlan", "Context": "nowhere"})


# ---- faults


async def test_every_byte_in_a_segment_of_its_own() -> None:
    async with Simulator() as pbx:
        pbx.faults.piece = 1
        async with listening(pbx) as ear:
            await ear.up()
            pbx.rings_phone(Party("+48226012222", "Łucja Żółw"), "101").caller_hangs_up()
            await ear.until(lambda: len(ear.events("Hangup")) == 2)
            assert ear.events("Newchannel")[0].get("CallerIDName") == "Łucja Żółw"


async def test_a_cut_in_mid_message_is_an_outage_and_the_link_comes_back() -> None:
    async with Simulator() as pbx, listening(pbx) as ear:
        await ear.up()
        pbx.faults.cut_after = 100
        pbx.rings_phone(JAN, "101")
        await ear.until(lambda: any(isinstance(item, LinkLost) for item in ear.items))
        assert ear.messages == []
        pbx.faults.cut_after = None
        await ear.up(times=2)
        assert len((await ear.link.list_action({"Action": "Status"})).items) == 2


async def test_dropped_events_are_missing_and_others_come() -> None:
    async with Simulator() as pbx, listening(pbx) as ear:
        await ear.up()
        pbx.faults.drop = lambda message: message.event == "DialEnd"
        call = pbx.rings_phone(JAN, "101")
        call.answers("101")
        call.caller_hangs_up()
        await ear.until(lambda: len(ear.events("Hangup")) == 2)
        assert not ear.events("DialEnd")


async def test_a_delay_postpones_and_keeps_the_order() -> None:
    async with Simulator() as pbx, listening(pbx) as ear:
        await ear.up()
        pbx.faults.delay = 0.3
        began = asyncio.get_running_loop().time()
        pbx.rings_phone(JAN, "101").caller_hangs_up()
        await ear.until(lambda: len(ear.events("Hangup")) == 2)
        assert asyncio.get_running_loop().time() - began >= 0.3
        stamps = [message.timestamp or 0.0 for message in ear.messages]
        assert stamps == sorted(stamps)


async def test_a_silent_pbx_is_given_up_after_a_ping() -> None:
    patience = SessionTimes(login=5.0, ping_every=0.1, ping_reply=0.3)
    times = LinkTimes(session=patience, backoff_first=0.02, backoff_max=0.1)
    async with Simulator() as pbx, listening(pbx, times=times) as ear:
        await ear.up()
        pbx.faults.silent = True
        await ear.until(lambda: any(isinstance(item, LinkLost) for item in ear.items))
        pbx.faults.silent = False
        await ear.up(times=2)


async def test_a_refused_login_can_be_switched_on_and_off() -> None:
    async with Simulator() as pbx:
        pbx.faults.refuse_login = True
        async with listening(pbx) as ear:
            await ear.until(lambda: any(isinstance(item, LinkRefused) for item in ear.items))
            pbx.faults.refuse_login = False
            await ear.up()


async def test_after_a_restart_uniqueids_start_again() -> None:
    async with Simulator() as pbx, listening(pbx) as ear:
        await ear.up()
        pbx.rings_phone(JAN, "101")
        await ear.until(lambda: len(ear.events("Newchannel")) == 2)
        first_start = pbx.world.started_at
        await pbx.restart(kill=True)
        await ear.up(times=2)
        assert not ear.events("Hangup")
        assert (await ear.link.list_action({"Action": "Status"})).items == ()
        pbx.rings_phone(JAN, "101")
        await ear.until(lambda: len(ear.events("Newchannel")) == 4)
        numbers = [(m.get("Uniqueid") or "").split(".")[1] for m in ear.events("Newchannel")]
        assert numbers == ["0", "1", "0", "1"]
        assert pbx.world.started_at > first_start


async def test_stopped_in_good_order_it_hangs_up_first() -> None:
    async with Simulator() as pbx, listening(pbx) as ear:
        await ear.up()
        pbx.rings_phone(JAN, "101").answers("101")
        await ear.until(lambda: len(ear.events("BridgeEnter")) == 2)
        await pbx.restart(kill=False)
        await ear.up(times=2)
        assert len(ear.events("Hangup")) == 2
