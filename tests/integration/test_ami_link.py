"""The AMI link on real sockets, against a scripted peer that does what Asterisk and networks do on bad days."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TypeVar

import pytest

from pbx_bridge.ami.connection import LinkTimes
from pbx_bridge.ami.link import AmiLink, LinkOptions, LinkState
from pbx_bridge.ami.queue import LinkGap, LinkItem, LinkLost, LinkRefused, LinkUp, QueueLimits, Received
from pbx_bridge.ami.session import AmiActionError, Auth, Credentials, SessionTimes
from pbx_bridge.ami.target import AmiTarget, LinkRole
from tests.integration.ami_peer import GREETING, Action, AmiPeer, message, success

QUICK = LinkTimes(backoff_first=0.01, backoff_max=0.05, refused_wait=0.01)
NEVER = 1_000.0
Item = TypeVar("Item", bound=LinkItem)


class Ticks:
    """A clock that only ever counts up, so that instants in the stream can be compared."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        self.now += 1.0
        return self.now


def link_to(
    peer: AmiPeer | int,
    *,
    options: LinkOptions | None = None,
    role: LinkRole = LinkRole.EVENTS,
    auth: Auth = Auth.PLAIN,
    recorder: Callable[[], Callable[[bytes, float], None]] | None = None,
) -> AmiLink:
    port = peer if isinstance(peer, int) else peer.port
    target = AmiTarget("main", "127.0.0.1", port, Credentials("ringback-events", "s3cret", auth), role)
    return AmiLink(
        target,
        clock=Ticks(),
        options=options or LinkOptions(times=QUICK),
        dice=lambda: 1.0,
        new_recorder=recorder,
    )


async def next_of(link: AmiLink, kind: type[Item]) -> Item:
    """The next item, which must be of this kind."""
    async with asyncio.timeout(30):
        item = await anext(link)
    assert isinstance(item, kind), item
    return item


async def next_events(link: AmiLink, count: int) -> list[str]:
    return [(await next_of(link, Received)).message.event or "" for _ in range(count)]


async def test_it_logs_in_and_hands_out_events_in_order_with_their_arrival() -> None:
    async with AmiPeer() as peer, link_to(peer) as link:
        up = await next_of(link, LinkUp)
        assert (up.banner, link.is_up, link.state) == ("11.0.0", True, LinkState.UP)
        assert up.blind_since < up.at
        for number in range(3):
            peer.send(message(Event=f"Event{number}"))
        items = [await next_of(link, Received) for _ in range(3)]
        assert [item.message.event for item in items] == ["Event0", "Event1", "Event2"]
        assert up.at < items[0].at <= items[1].at <= items[2].at


async def test_bytes_may_come_one_at_a_time() -> None:
    async with AmiPeer() as peer, link_to(peer) as link:
        await next_of(link, LinkUp)
        for byte in message(Event="Hangup", CallerIDName="Żółć\u2028Event: Forged").strip() + b"\r\n\r\n":
            peer.send(bytes([byte]))
            await asyncio.sleep(0)
        item = await next_of(link, Received)
        assert (item.message.event, item.message.get("CallerIDName")) == ("Hangup", "Żółć\u2028Event: Forged")


async def test_the_secret_can_stay_at_home() -> None:
    async with AmiPeer() as peer, link_to(peer, auth=Auth.MD5) as link:
        peer.replies["Challenge"] = lambda action: message(
            Response="Success", ActionID=action["ActionID"], Challenge="1234"
        )
        await next_of(link, LinkUp)
        assert "Secret" not in await peer.received("Login")


class TestActions:
    async def test_replies_find_their_action_and_do_not_wait_behind_unread_events(self) -> None:
        async with AmiPeer() as peer, link_to(peer) as link:
            peer.replies["CoreStatus"] = lambda action: (
                message(Event="Newchannel") * 50
                + message(Response="Success", ActionID=action["ActionID"], Up="yes")
            )
            await next_of(link, LinkUp)
            assert (await link.action({"Action": "CoreStatus"})).get("Up") == "yes"
            assert await next_events(link, 50) == ["Newchannel"] * 50

    async def test_a_list_is_collected_and_kept_out_of_the_stream(self) -> None:
        def answer(action: Action) -> bytes:
            key = action["ActionID"]
            return (
                message(Response="Success", ActionID=key, EventList="start")
                + message(Event="Status", ActionID=key, Channel="a")
                + message(Event="Newchannel")
                + message(Event="Status", ActionID=key, Channel="b")
                + message(Event="StatusComplete", ActionID=key, EventList="Complete", ListItems=2)
            )

        async with AmiPeer() as peer, link_to(peer) as link:
            peer.replies["Status"] = answer
            await next_of(link, LinkUp)
            found = await link.list_action({"Action": "Status"})
            assert [item.get("Channel") for item in found.items] == ["a", "b"]
            assert await next_events(link, 1) == ["Newchannel"]

    async def test_an_unanswered_action_fails_at_its_deadline_as_perhaps_executed(self) -> None:
        async with AmiPeer() as peer, link_to(peer) as link:
            await next_of(link, LinkUp)
            with pytest.raises(AmiActionError, match="no answer in time") as caught:
                await link.action({"Action": "Originate", "Channel": "x"}, timeout=0.05)
            assert caught.value.perhaps_executed
            assert link.is_up

    async def test_an_action_cut_off_fails_as_perhaps_executed_and_is_never_sent_again(self) -> None:
        """One Originate too many is one customer called twice."""
        async with AmiPeer() as peer, link_to(peer) as link:
            await next_of(link, LinkUp)
            asking = asyncio.create_task(link.action({"Action": "Originate", "Channel": "x"}, timeout=NEVER))
            await peer.received("Originate")
            peer.cut()
            with pytest.raises(AmiActionError) as caught:
                await asking
            assert caught.value.perhaps_executed
            await next_of(link, LinkLost)
            await next_of(link, LinkUp)
            await link.action({"Action": "Ping"})
            assert [action["Action"] for action in peer.actions] == ["Login", "Originate", "Login", "Ping"]

    async def test_without_a_connection_an_action_fails_at_once_and_was_not_sent(self) -> None:
        options = LinkOptions(times=LinkTimes(backoff_first=NEVER, backoff_max=NEVER))
        async with AmiPeer() as peer, link_to(peer, options=options) as link:
            await next_of(link, LinkUp)
            peer.cut()
            await next_of(link, LinkLost)
            with pytest.raises(AmiActionError, match=r"was not sent: pbx\.main: the connection") as caught:
                await link.action({"Action": "Originate", "Channel": "x"})
            assert not caught.value.perhaps_executed

    async def test_a_cancelled_question_harms_nobody(self) -> None:
        async with AmiPeer() as peer, link_to(peer) as link:
            await next_of(link, LinkUp)
            asking = asyncio.create_task(link.action({"Action": "Slow"}, timeout=NEVER))
            slow = await peer.received("Slow")
            asking.cancel()
            peer.send(success(slow))
            assert (await link.action({"Action": "Ping"})).is_success

    async def test_an_originate_is_asynchronous_and_its_variables_are_escaped(self) -> None:
        async with AmiPeer() as peer, link_to(peer, role=LinkRole.DIAL) as link:
            peer.replies["Originate"] = success
            await next_of(link, LinkUp)
            await link.action({"Action": "Originate", "Channel": "x"}, variables={"NAME": "Bob,EVIL=1"})
            sent = await peer.received("Originate")
            assert (sent["Async"], sent["Variable"]) == ("true", "NAME=Bob\\,EVIL=1")


class TestReconnecting:
    async def test_a_lost_line_is_told_once_and_the_blind_time_runs_from_the_last_word(self) -> None:
        async with AmiPeer() as peer, link_to(peer) as link:
            await next_of(link, LinkUp)
            peer.send(message(Event="Newchannel"))
            last = await next_of(link, Received)
            peer.cut()
            lost = await next_of(link, LinkLost)
            assert lost.since == last.at < lost.at
            assert "pbx.main: the connection to 127.0.0.1" in lost.reason
            up = await next_of(link, LinkUp)
            assert (up.blind_since, peer.connections) == (last.at, 2)

    async def test_a_pbx_that_is_down_is_told_once_and_found_when_it_comes(self) -> None:
        peer = AmiPeer()
        await peer.listen()
        await peer.stop_listening()
        async with link_to(peer) as link:
            lost = await next_of(link, LinkLost)
            assert "cannot reach Asterisk at 127.0.0.1" in lost.reason
            assert "Connection refused" in lost.reason
            assert "pbx.main.host" in lost.reason
            assert (link.state, link.last_error) == (LinkState.LOST, lost.reason)
            await peer.listen()
            assert (await next_of(link, LinkUp)).blind_since == lost.since
        await peer.stop_listening()

    async def test_a_wrong_secret_is_an_alarm_that_names_the_setting(self) -> None:
        times = LinkTimes(backoff_first=NEVER, backoff_max=NEVER, refused_wait=0.01)
        async with AmiPeer() as peer, link_to(peer, options=LinkOptions(times=times)) as link:
            peer.replies["Login"] = lambda action: message(
                Response="Error", ActionID=action["ActionID"], Message="Authentication failed"
            )
            refused = await next_of(link, LinkRefused)
            assert "pbx.main.events.secret" in refused.reason
            assert "Authentication failed" in refused.reason
            assert "s3cret" not in refused.reason
            assert link.state is LinkState.REFUSED
            await peer.received(
                "Login", 3
            )  # it goes on trying, after refused_wait and not after the back-off
            peer.replies["Login"] = success
            await next_of(link, LinkUp)

    @pytest.mark.parametrize("greeting", [b"SSH-2.0-OpenSSH_9.2\r\n", b"HTTP/1.1 400 Bad Request\r\n\r\n"])
    async def test_a_port_that_is_not_ami_is_told_as_such(self, greeting: bytes) -> None:
        async with AmiPeer(greeting) as peer, link_to(peer) as link:
            lost = await next_of(link, LinkLost)
            assert "not as an Asterisk Manager" in lost.reason
            assert greeting[:8].decode() in lost.reason
            assert "pbx.main.port" in lost.reason
            assert peer.actions == []

    async def test_a_port_that_says_nothing_is_told_as_such(self) -> None:
        options = LinkOptions(times=LinkTimes(greeting=0.05, backoff_first=NEVER, backoff_max=NEVER))
        async with AmiPeer(b"") as peer, link_to(peer, options=options) as link:
            assert "no greeting within 0.05 s" in (await next_of(link, LinkLost)).reason

    async def test_bytes_that_are_no_ami_end_the_connection_and_what_came_before_is_kept(self) -> None:
        async with AmiPeer() as peer, link_to(peer) as link:
            await next_of(link, LinkUp)
            peer.send(message(Event="Good") + b"Event: Bad\r\nA: " + b"x" * 70_000 + b"\r\n\r\n")
            assert await next_events(link, 1) == ["Good"]
            assert "line is longer" in (await next_of(link, LinkLost)).reason
            await next_of(link, LinkUp)

    async def test_a_peer_that_stops_answering_pings_is_left(self) -> None:
        times = LinkTimes(backoff_first=0.01, session=SessionTimes(ping_every=0.05, ping_reply=0.05))
        async with AmiPeer() as peer, link_to(peer, options=LinkOptions(times=times)) as link:
            await next_of(link, LinkUp)
            await peer.received("Ping", 2)
            del peer.replies["Ping"]
            assert "nothing heard" in (await next_of(link, LinkLost)).reason
            await next_of(link, LinkUp)

    async def test_a_secret_that_cannot_be_sent_is_told_and_not_sent(self) -> None:
        async with AmiPeer() as peer:
            target = AmiTarget("main", "127.0.0.1", peer.port, Credentials("u", "a\nb"))
            async with AmiLink(target, clock=Ticks()) as link:
                assert "pbx.main.events.secret" in (await next_of(link, LinkRefused)).reason
                assert peer.actions == []

    async def test_stopping_ends_the_stream_and_what_waits(self) -> None:
        async with AmiPeer() as peer:
            link = link_to(peer)
            await link.start()
            await next_of(link, LinkUp)
            asking = asyncio.create_task(link.action({"Action": "Slow"}, timeout=NEVER))
            await peer.received("Slow")
            await link.stop()
            with pytest.raises(AmiActionError):
                await asking
            assert [item async for item in link] == []
            assert link.state is LinkState.STOPPED


class TestConsumer:
    async def test_a_consumer_that_raises_does_not_touch_the_connection(self) -> None:
        async with AmiPeer() as peer, link_to(peer) as link:
            await next_of(link, LinkUp)
            peer.send(message(Event="Poison") + message(Event="Fine"))

            async def consume() -> None:
                async for item in link:
                    raise ValueError(item)

            with pytest.raises(ValueError, match="Poison"):
                await consume()
            assert await next_events(link, 1) == ["Fine"]
            assert (await link.action({"Action": "Ping"})).is_success
            assert (peer.connections, peer.lost) == (1, 0)

    async def test_when_we_are_behind_the_pbx_keeps_the_rest_and_nothing_is_lost(self) -> None:
        limits = QueueLimits(messages=5_000)  # half of it is more than one read brings
        times = LinkTimes(patience=NEVER)
        total = 60_000
        async with AmiPeer() as peer, link_to(peer, options=LinkOptions(times=times, queue=limits)) as link:
            await next_of(link, LinkUp)
            assert peer.writer is not None
            transport = peer.writer.transport
            for number in range(total):
                peer.send(message(Event="Newchannel", Number=number, Padding="x" * 200))
            async with asyncio.timeout(30):
                while not link.queue.is_crowded:
                    await asyncio.sleep(0.01)
            assert transport.get_write_buffer_size() > 1_000_000  # the peer still holds most of it
            seen = [(await next_of(link, Received)).message.get("Number") for _ in range(total)]
            assert seen == [str(number) for number in range(total)]

    async def test_when_patience_ends_messages_are_dropped_and_the_gap_is_told(self) -> None:
        """Reading goes on without further pauses: 32 of them, one per read, would outlast the action's deadline."""
        options = LinkOptions(times=LinkTimes(patience=1.0), queue=QueueLimits(messages=100))
        async with AmiPeer() as peer, link_to(peer, options=options) as link:
            await next_of(link, LinkUp)
            for number in range(20_000):
                peer.send(
                    message(Event="Newchannel", Number=number, Padding="x" * 350) + message(Event="VarSet")
                )
            peer.replies["CoreStatus"] = success
            await link.action({"Action": "CoreStatus"}, timeout=25.0)  # so all of it has been read
            assert link.queue.messages_dropped > 15_000
            seen, gaps = 0, 0
            while len(link.queue):
                item = await anext(link)
                if isinstance(item, LinkGap):
                    gaps += item.dropped
                elif isinstance(item, Received) and item.message.event == "Newchannel":
                    assert item.message.get("Number") == str(seen + gaps)
                    seen += 1
            assert seen + gaps == 20_000
            assert (peer.connections, link.is_up) == (1, True)

    async def test_a_consumer_that_never_waits_still_lets_replies_through(self) -> None:
        async with AmiPeer() as peer, link_to(peer) as link:
            await next_of(link, LinkUp)
            peer.send(message(Event="Newchannel") * 8_000)
            async with asyncio.timeout(30):
                while len(link.queue) < 8_000:
                    await asyncio.sleep(0.01)
            asking = asyncio.create_task(link.action({"Action": "Ping"}, timeout=30.0))
            for _ in range(6_000):
                await anext(link)
            assert asking.done()
            assert asking.result().is_success


async def test_unwanted_events_are_not_handed_out() -> None:
    async with AmiPeer() as peer, link_to(peer, options=LinkOptions(wanted={"Hangup"}, times=QUICK)) as link:
        await next_of(link, LinkUp)
        peer.send(message(Event="VarSet") * 3 + message(Event="Hangup"))
        assert await next_events(link, 1) == ["Hangup"]


async def test_each_connection_is_recorded_as_received() -> None:
    recordings: list[bytearray] = []
    times: list[float] = []

    def new_recorder() -> Callable[[bytes, float], None]:
        recordings.append(bytearray())

        def record(data: bytes, at: float) -> None:
            recordings[-1].extend(data)
            times.append(at)

        return record

    async with AmiPeer() as peer, link_to(peer, recorder=new_recorder) as link:
        await next_of(link, LinkUp)
        peer.send(message(Event="Newchannel"))
        item = await next_of(link, Received)
        peer.cut()
        await next_of(link, LinkLost)
        await next_of(link, LinkUp)
    assert recordings[0].startswith(GREETING)
    assert recordings[0][item.message.offset : item.message.end] == message(Event="Newchannel")
    assert recordings[1].startswith(GREETING)
    assert times == sorted(times)


@pytest.mark.parametrize(("attempt", "longest"), [(0, 0.5), (1, 1.0), (3, 4.0), (6, 30.0), (10_000, 30.0)])
def test_waits_grow_from_half_a_second_to_thirty_and_are_random(attempt: int, longest: float) -> None:
    times = LinkTimes()
    assert times.wait(attempt, 1.0, is_refusal=False) == longest
    assert times.wait(attempt, 0.25, is_refusal=False) == longest / 4
    assert times.wait(attempt, 0.25, is_refusal=True) == 60.0
