"""The simulated PBX's state and the smallest things that happen in it. Each method changes the state and emits the
event that a real Asterisk 22 sends for that change; whole calls are made of these in `call.py`. Listeners get every
event with the right that is needed to read it; sockets are `server.py`'s."""

from __future__ import annotations

import itertools
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from pbx_bridge.ami.message import AmiMessage
from pbx_bridge.simulator.clock import PbxClock
from pbx_bridge.simulator.layout import Layout
from pbx_bridge.simulator.state import (
    CAUSES,
    DOWN,
    NOBODY,
    RING,
    RINGING,
    UP,
    Bridge,
    Channel,
    Headers,
    Member,
    Party,
    Queue,
    bridge_headers,
    channel_headers,
    member_headers,
)


@dataclass(frozen=True, slots=True)
class Emission:
    """One event on its way to everybody who may read `right`."""

    right: str
    message: AmiMessage


Listener = Callable[[Emission], None]


class World:
    """One PBX from its start to its end; a restarted PBX is a new World.

    `busy_at_once` holds extensions and outside numbers that refuse a call without ringing."""

    def __init__(self, layout: Layout, clock: PbxClock) -> None:
        self.layout = layout
        self.clock = clock
        self.started_at = clock()
        self.is_dead = False
        self.calls_processed = 0
        self.channels: dict[str, Channel] = {}
        self.bridges: dict[str, Bridge] = {}
        self.queues = {
            name: Queue(name, plan.number, [self._member(extension) for extension in plan.extensions])
            for name, plan in layout.queues.items()
        }
        self.devices = {layout.device(extension): "NOT_INUSE" for extension in layout.phones}
        self.devices[layout.trunk] = "NOT_INUSE"
        self.busy_at_once: set[str] = set()
        self._listeners: list[Listener] = []
        self._uniqueids = itertools.count()
        self._channel_numbers = itertools.count()

    def _member(self, extension: str) -> Member:
        return Member(self.layout.device(extension), self.layout.phones[extension], self.started_at)

    # ---- events

    def listen(self, listener: Listener) -> Callable[[], None]:
        """Hear every event from now on; the answer is a function that stops it."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    def emit(self, event: str, headers: Mapping[str, str | int], right: str = "call") -> None:
        stamped = {
            "Event": event,
            "Privilege": f"{right},all",
            "Timestamp": f"{self.clock():.6f}",
            **headers,
        }
        self.pass_on(Emission(right, AmiMessage.of(stamped)))

    def pass_on(self, emission: Emission) -> None:
        for listener in tuple(self._listeners):
            listener(emission)

    def say(self, event: str, channel: Channel, extra: Mapping[str, str | int] | None = None) -> None:
        """An event about one channel."""
        self.emit(event, {**channel_headers(channel), **(extra or {})})

    # ---- names

    def next_uniqueid(self) -> str:
        return f"{int(self.clock())}.{next(self._uniqueids)}"

    def next_channel_name(self, device: str) -> str:
        return f"{device}-{next(self._channel_numbers):08x}"

    def next_bridge_id(self) -> str:
        return str(uuid.uuid4())

    def party(self, extension: str) -> Party:
        return Party(extension, self.layout.phones.get(extension, f"Phone {extension}"))

    # ---- channels

    def new_channel(
        self,
        device: str,
        *,
        state: int = DOWN,
        caller: Party = NOBODY,
        context: str = "internal",
        exten: str = "s",
        of: Channel | None = None,
        uniqueid: str | None = None,
        name: str | None = None,
    ) -> Channel:
        """A leg of its own, or one made for the call of the channel `of`."""
        uniqueid = uniqueid or self.next_uniqueid()
        channel = Channel(
            name=name or self.next_channel_name(device),
            uniqueid=uniqueid,
            linkedid=of.linkedid if of else uniqueid,
            created_at=self.clock(),
            state=state,
            caller=caller,
            context=context,
            exten=exten,
            dialled="" if of else exten,
        )
        self.channels[uniqueid] = channel
        self.say("Newchannel", channel)
        if of is None:
            self.calls_processed += 1
        if state == RING:
            self.refresh(device)
        return channel

    def set_state(self, channel: Channel, state: int) -> None:
        if channel.state == state:
            return
        channel.state = state
        if state == UP:
            channel.answered_at = self.clock()
        self.say("Newstate", channel)
        self.refresh(channel.device)

    def set_connected(self, channel: Channel, party: Party) -> None:
        if channel.connected != party:
            channel.connected = party
            self.say("NewConnectedLine", channel)

    def set_caller(self, channel: Channel, party: Party) -> None:
        channel.caller = party
        self.say("NewCallerid", channel, {"CID-CallingPres": "0 (Presentation Allowed, Not Screened)"})

    def request_hangup(self, channel: Channel, cause: int | None = None, sip: int | None = None) -> None:
        """The party on this channel hangs up (or refuses)."""
        extra: Headers = {}
        if cause is not None:
            extra["Cause"] = cause
        if sip is not None:
            extra["TechCause"] = sip
        self.say("HangupRequest", channel, extra)

    def soft_hangup(self, channel: Channel, cause: int = 16) -> None:
        """The PBX itself ends this channel."""
        self.say("SoftHangupRequest", channel, {"Cause": cause})

    def hang_up(self, channel: Channel, cause: int = 16) -> None:
        """The channel is gone. Doing it twice does nothing."""
        if self.channels.pop(channel.uniqueid, None) is None:
            return
        self.say("Hangup", channel, {"Cause": cause, "Cause-txt": CAUSES.get(cause, "Unknown")})
        self.refresh(channel.device)

    # ---- dialling

    def dial_begin(self, caller: Channel | None, dest: Channel, dial_string: str) -> None:
        self.emit("DialBegin", {**_from_to(caller, dest), "DialString": dial_string})

    def dial_state(self, caller: Channel | None, dest: Channel, status: str = "RINGING") -> None:
        self.emit("DialState", {**_from_to(caller, dest), "DialStatus": status})

    def dial_end(self, caller: Channel | None, dest: Channel, status: str) -> None:
        self.emit("DialEnd", {**_from_to(caller, dest), "DialStatus": status})

    # ---- bridges

    def bridge(self, *channels: Channel) -> Bridge:
        """These channels, in this order, hear each other from now on."""
        bridge = Bridge(self.next_bridge_id())
        self.bridges[bridge.uniqueid] = bridge
        self.emit("BridgeCreate", bridge_headers(bridge))
        for channel in channels:
            self.enter(bridge, channel)
        return bridge

    def enter(self, bridge: Bridge, channel: Channel, swap: Channel | None = None) -> None:
        bridge.channels.append(channel)
        channel.bridge = bridge
        extra: Headers = {"SwapUniqueid": swap.uniqueid} if swap else {}
        self.emit("BridgeEnter", {**bridge_headers(bridge), **channel_headers(channel), **extra})

    def leave(self, channel: Channel) -> None:
        bridge = channel.bridge
        if bridge is None:
            return
        bridge.channels.remove(channel)
        channel.bridge = None
        self.emit("BridgeLeave", {**bridge_headers(bridge), **channel_headers(channel)})

    def destroy(self, bridge: Bridge) -> None:
        if self.bridges.pop(bridge.uniqueid, None) is not None:
            self.emit("BridgeDestroy", bridge_headers(bridge))

    # ---- phones and queue members

    def refresh(self, device: str) -> None:
        """Say so if this phone's state is another one now."""
        if device in self.devices:
            self.set_device(device, self._state_of(device))

    def set_device(self, device: str, state: str) -> None:
        if self.devices.get(device) == state:
            return
        self.devices[device] = state
        self.emit("DeviceStateChange", {"Device": device, "State": state})
        for queue in self.queues.values():
            if member := queue.member(device):
                self.emit("QueueMemberStatus", member_headers(queue, member, state), "agent")

    def _state_of(self, device: str) -> str:
        if self.devices[device] == "UNAVAILABLE":
            return "UNAVAILABLE"
        states = {channel.state for channel in self.channels.values() if channel.device == device}
        states.discard(DOWN)
        if RINGING in states:
            return "RINGINUSE" if len(states) > 1 else "RINGING"
        return "INUSE" if states else "NOT_INUSE"

    def set_registered(self, extension: str, is_registered: bool) -> None:
        """The phone appears or disappears from the network."""
        device = self.layout.device(extension)
        if is_registered and self.devices.get(device) == "UNAVAILABLE":
            self.devices[device] = ""
            self.refresh(device)
        elif not is_registered:
            self.set_device(device, "UNAVAILABLE")

    def is_free(self, extension: str) -> bool:
        return self.devices.get(self.layout.device(extension)) == "NOT_INUSE"

    def free_members(self, queue: Queue) -> list[str]:
        """Extensions a queue would ring now."""
        return [
            member.interface.rpartition("/")[2]
            for member in queue.members
            if not member.paused and self.devices.get(member.interface) == "NOT_INUSE"
        ]

    def pause(self, interface: str, paused: bool, reason: str = "", queue_name: str = "") -> bool:
        """Pause a member in one queue or in all it belongs to; False when it belongs to none of them."""
        found = False
        for queue in self.queues.values():
            member = queue.member(interface)
            if member is None or queue_name not in ("", queue.name):
                continue
            found = True
            member.paused, member.pause_reason = paused, reason if paused else ""
            if paused:
                member.last_pause = self.clock()
            state = self.devices.get(interface, "UNKNOWN")
            self.emit("QueueMemberPause", member_headers(queue, member, state), "agent")
        return found


def _from_to(caller: Channel | None, dest: Channel) -> Headers:
    # The first leg of an Originate is dialled by nobody: its events have Dest headers only.
    return {**(channel_headers(caller) if caller else {}), **channel_headers(dest, "Dest")}
