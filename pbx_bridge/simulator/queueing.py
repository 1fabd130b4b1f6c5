"""A caller in a simulated queue: what `app_queue` says while somebody waits, is offered to members, is taken or
leaves. Asterisk says each losing leg's `DialEnd` twice and calls a time-out an abandonment; so do we."""

from __future__ import annotations

from collections.abc import Mapping

from pbx_bridge.simulator.state import (
    RINGING,
    Channel,
    Entry,
    Headers,
    Member,
    Queue,
    channel_headers,
    member_headers,
)
from pbx_bridge.simulator.world import World


class Waiting:
    """One caller's stay in one queue."""

    def __init__(self, world: World, queue: Queue, caller: Channel) -> None:
        self.queue = queue
        self._world = world
        self._caller = caller
        self._entry = Entry(caller, world.clock())
        self._position = 1
        self._offered_at = world.clock()
        self._taken_at = 0.0

    def join(self) -> None:
        self.queue.waiting.append(self._entry)
        self._position = len(self.queue.waiting)
        self._say("QueueCallerJoin", {"Position": self._position, "Count": self._position})

    def offer(self, extension: str) -> Channel:
        """One member's phone rings. The answer is its channel."""
        world, caller = self._world, self._caller
        device = world.layout.device(extension)
        leg = world.new_channel(device, caller=world.party(extension), of=caller)
        self._offered_at = world.clock()
        member = self._member(leg)
        shown = channel_headers(leg, "Dest")
        leg.exten, leg.connected = caller.exten, caller.caller
        self._say_agent("AgentCalled", leg, member, {})
        dial = {**channel_headers(caller), **shown, "DialString": device}
        world.emit("DialBegin", dial)
        world.dial_state(caller, leg)
        world.set_state(leg, RINGING)
        world.say("NewConnectedLine", leg)
        return leg

    def rang_out(self, ringing: Mapping[str, Channel]) -> None:
        """Nobody took it this time; the caller stays."""
        rang = int((self._world.clock() - self._offered_at) * 1000)
        for leg in ringing.values():
            self._say_agent("AgentRingNoAnswer", leg, self._member(leg), {"RingTime": rang})
        for status in ("NOANSWER", "CANCEL"):
            for leg in ringing.values():
                self._world.dial_end(self._caller, leg, status)

    def refused(self, leg: Channel) -> None:
        self._say_agent("AgentRingNoAnswer", leg, self._member(leg), {"RingTime": 0})

    def taken(self, leg: Channel, losers: Mapping[str, Channel]) -> None:
        """`leg` answered; the others' `DialEnd` comes a second time."""
        self._taken_at = self._world.clock()
        for loser in losers.values():
            self._world.dial_end(self._caller, loser, "CANCEL")
        self._leave()
        member = self._member(leg)
        member.is_in_call = True
        waited = int(self._taken_at - self._entry.joined_at)
        self._say_agent("AgentConnect", leg, member, {"HoldTime": waited, "RingTime": 0})

    def complete(self, leg: Channel, reason: str) -> None:
        """The conversation with the member is over: `caller`, `agent` or `transfer`."""
        now = self._world.clock()
        member = self._member(leg)
        times: Headers = {
            "HoldTime": int(self._taken_at - self._entry.joined_at),
            "TalkTime": int(now - self._taken_at),
            "Reason": reason,
        }
        self._say_agent("AgentComplete", leg, member, times)
        self.queue.completed += 1
        member.is_in_call = False
        member.calls_taken += 1
        member.last_call = now
        state = self._world.devices.get(member.interface, "UNKNOWN")
        self._world.emit("QueueMemberStatus", member_headers(self.queue, member, state), "agent")

    def abandon(self) -> None:
        """The caller leaves without having talked; a time-out looks the same."""
        waited = int(self._world.clock() - self._entry.joined_at)
        self.queue.abandoned += 1
        figures = {"Position": self._position, "OriginalPosition": self._position, "HoldTime": waited}
        self._say("QueueCallerAbandon", figures)
        self._leave()

    def _leave(self) -> None:
        if self._entry in self.queue.waiting:
            self.queue.waiting.remove(self._entry)
        self._say("QueueCallerLeave", {"Position": self._position, "Count": len(self.queue.waiting)})

    def _member(self, leg: Channel) -> Member:
        member = self.queue.member(leg.device)
        return member or Member(leg.device, leg.caller.name, self._world.started_at)

    def _say(self, event: str, extra: Mapping[str, str | int]) -> None:
        headers = {**channel_headers(self._caller), "Queue": self.queue.name, **extra}
        self._world.emit(event, headers, "agent")

    def _say_agent(self, event: str, leg: Channel, member: Member, extra: Mapping[str, str | int]) -> None:
        headers = {
            **channel_headers(self._caller),
            **channel_headers(leg, "Dest"),
            "Queue": self.queue.name,
            "Interface": member.interface,
            "MemberName": member.name,
            **extra,
        }
        self._world.emit(event, headers, "agent")
