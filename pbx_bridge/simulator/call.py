"""One simulated conversation and everything people can do with it: phones ring, answer, refuse; somebody holds,
transfers, hangs up. Each move is a plain function that emits at once what a real Asterisk 22 emits (orders and causes
are those of the captures `direct_*`, `group_*` and `queue_*`); waiting between moves is the story's."""

from __future__ import annotations

from collections.abc import Sequence

from core.errors import RingbackError
from pbx_bridge.simulator.cdr import CdrBook
from pbx_bridge.simulator.queueing import Waiting
from pbx_bridge.simulator.state import NOBODY, RINGING, UP, Channel, Party, channel_headers
from pbx_bridge.simulator.world import World


class CallOverError(RingbackError):
    """A story wants something of a call that is over, or of a phone that does not ring."""

    code = "simulated-call-over"


class SimulatedCall:
    """`caller` is its first channel; `ringing` maps extensions (or an outside number) to the legs that ring; `peer`
    is the leg the caller talks to."""

    def __init__(self, world: World, caller: Channel) -> None:
        self.world = world
        self.caller = caller
        self.ringing: dict[str, Channel] = {}
        self.peer: Channel | None = None
        self.waiting: Waiting | None = None
        self.cdr = CdrBook(world)
        self._took: Waiting | None = None

    @property
    def is_over(self) -> bool:
        return self.world.is_dead or self.caller.uniqueid not in self.world.channels

    def _check(self) -> None:
        if self.is_over:
            raise CallOverError("this call is over")

    def _leg(self, extension: str) -> Channel:
        self._check()
        if extension not in self.ringing:
            raise CallOverError(f"{extension} does not ring")
        return self.ringing[extension]

    # ---- ringing

    def rings(self, extensions: Sequence[str]) -> None:
        """The dialplan's Dial rings these phones together."""
        self._check()
        for extension in extensions:
            device = self.world.layout.device(extension)
            leg = self.world.new_channel(device, caller=self.world.party(extension), of=self.caller)
            leg.exten = self.caller.exten
            self.world.set_connected(leg, self.caller.caller)
            self.ringing[extension] = leg
        self._dial("Dial", "&".join(self.world.layout.device(extension) for extension in extensions))

    def rings_outside(self, number: str) -> None:
        """The dialplan's Dial sends the call to the carrier; `number` as the carrier gets it."""
        self._check()
        leg = self.world.new_channel(self.world.layout.trunk, context="from-trunk", of=self.caller)
        leg.exten, leg.connected = number, self.caller.caller
        self.world.set_caller(leg, Party(number))
        self.ringing[number] = leg
        self._dial("Dial", f"PJSIP/{number}@{self.world.layout.trunk.partition('/')[2]}", outside=True)

    def _dial(self, application: str, data: str, *, outside: bool = False) -> None:
        self.caller.application, self.caller.data = application, data
        for extension, leg in self.ringing.items():
            self.cdr.begin(leg.name, application, data)
            self.world.dial_begin(self.caller, leg, data.removeprefix("PJSIP/") if outside else extension)
        if len(self.ringing) == 1:
            self.world.set_connected(self.caller, _shown(next(iter(self.ringing.values()))))
        for extension, leg in tuple(self.ringing.items()):
            if extension in self.world.busy_at_once:
                self.refuses(extension, 17)
                continue
            self.world.dial_state(self.caller, leg)
            self.world.set_state(leg, RINGING)

    def joins_queue(self, name: str) -> None:
        """The dialplan's Queue: the caller waits, and every free member rings."""
        self._check()
        self.caller.application, self.caller.data = "Queue", f"{name},tT,,,120"
        self.waiting = Waiting(self.world, self.world.queues[name], self.caller)
        self.waiting.join()
        self.rings_members()

    def rings_members(self) -> None:
        """The queue tries its free members (once more). Nobody free: nobody rings."""
        self._check()
        if self.waiting is None or self.ringing:
            return
        for extension in self.world.free_members(self.waiting.queue):
            leg = self.waiting.offer(extension)
            self.ringing[extension] = leg
            self.cdr.begin(leg.name, "Queue", self.caller.data)

    def rings_out(self) -> None:
        """Nobody took it in time: the phones stop. A caller in a queue still waits there."""
        self._check()
        if self.waiting is not None:
            self.waiting.rang_out(self.ringing)
        else:
            for leg in self.ringing.values():
                self.world.dial_end(self.caller, leg, "NOANSWER")
        self._drop_ringing(cause=0)

    def refuses(self, extension: str, cause: int = 21) -> None:
        """One phone says no: 21 declined, 17 busy; for an outside number also 34 (the network) or 1 (no such)."""
        leg = self._leg(extension)
        word, sip = {17: ("BUSY", 486), 21: ("NOANSWER", 603)}.get(cause, ("CONGESTION", 503))
        self.world.request_hangup(leg, cause, sip)
        self.world.dial_end(self.caller, leg, word)
        if self.waiting is not None:
            self.waiting.refused(leg)
        del self.ringing[extension]
        self.cdr.ended(leg.name, "BUSY" if cause == 17 else None)
        self.world.hang_up(leg, cause)

    def _drop_ringing(self, cause: int) -> None:
        legs = list(self.ringing.values())
        self.ringing.clear()
        for leg in legs:
            self.cdr.ended(leg.name)
            self.world.hang_up(leg, cause)

    # ---- talking

    def answers(self, extension: str) -> None:
        """That phone (or outside party) takes the call; all others stop ringing."""
        leg = self._leg(extension)
        del self.ringing[extension]
        self.world.set_state(leg, UP)
        self.world.dial_end(self.caller, leg, "ANSWER")
        self._stop_others()
        self.world.set_connected(self.caller, _shown(leg))
        if self.waiting is not None:
            self.waiting.taken(leg, self.ringing)
            self._took, self.waiting = self.waiting, None
        self.world.set_state(self.caller, UP)
        self._drop_ringing(cause=26)
        self.cdr.answered(leg.name)
        self.peer = leg
        self.world.bridge(leg, self.caller)

    def _stop_others(self) -> None:
        for leg in self.ringing.values():
            self.world.dial_end(self.caller, leg, "CANCEL")

    def hold(self) -> None:
        """Our side puts the other on hold."""
        self.world.say("Hold", self._peer(), {"MusicClass": "default"})

    def unhold(self) -> None:
        self.world.say("Unhold", self._peer())

    def _peer(self) -> Channel:
        self._check()
        if self.peer is None:
            raise CallOverError("nobody talks on this call")
        return self.peer

    def voicemail(self, mailbox: str) -> None:
        """The dialplan sends the caller to a mailbox, which answers."""
        self._check()
        self.caller.context, self.caller.exten, self.caller.priority = "ringback-voicemail", mailbox, 1
        extra = {"UserEvent": "RingbackVoicemail", "Mailbox": mailbox}
        self.world.emit("UserEvent", {**channel_headers(self.caller), **extra}, "user")
        self.caller.application, self.caller.data = "VoiceMail", f"{mailbox}@default,u"
        self.cdr.begin("", "VoiceMail", self.caller.data)
        self.cdr.answered("")
        self.world.set_state(self.caller, UP)

    def gives_up_queue(self) -> None:
        """The queue's own time is over: the caller leaves it and the dialplan goes on."""
        self._check()
        if self.waiting is None:
            raise CallOverError("this call waits in no queue")
        if self.ringing:
            self.rings_out()
        self.waiting.abandon()
        self.waiting = None

    # ---- the end

    def caller_hangs_up(self) -> None:
        """Whoever began the call ends it: while ringing, talking or in a mailbox."""
        self._check()
        if self.peer is not None:
            self._end_talk(first=self.caller, reason="caller")
        elif self.caller.state == UP and not self.ringing and self.waiting is None:
            self.world.request_hangup(self.caller)
            self._end_caller(cause=0)
        else:
            self._cancel()

    def agent_hangs_up(self) -> None:
        """The party who was called ends it."""
        self._end_talk(first=self._peer(), reason="agent")

    def pbx_hangs_up(self, cause: int = 16) -> None:
        """The dialplan comes to its end (or an operator ends the call)."""
        self._check()
        if self.ringing:
            self.rings_out()
        if self.waiting is not None:
            self.gives_up_queue()
        if self.peer is not None:
            self._unbridge(self.peer, self.caller)
        self._end_caller(cause)

    def _cancel(self) -> None:
        self.world.request_hangup(self.caller, 127, 487)
        self._stop_others()
        if self.waiting is not None:
            self._stop_others()
            self.waiting.abandon()
            self.waiting = None
            self._drop_ringing(cause=0)
        self._end_caller(cause=127)

    def _end_talk(self, *, first: Channel, reason: str) -> None:
        peer = self._peer()
        second = peer if first is self.caller else self.caller
        self.world.request_hangup(first)
        if self._took is not None:
            self._took.complete(peer, reason)
            self._took = None
        self._unbridge(first, second)
        self._end_caller(cause=16)

    def _unbridge(self, first: Channel, second: Channel) -> None:
        bridge = first.bridge
        self.world.leave(first)
        self.world.leave(second)
        if bridge is not None and not bridge.channels:
            self.world.destroy(bridge)

    def _end_caller(self, cause: int) -> None:
        self.world.soft_hangup(self.caller)
        self._drop_ringing(cause=cause)
        if self.peer is not None:
            self.cdr.ended(self.peer.name)
        self.cdr.send(self.caller)
        if self.peer is not None:
            self.world.hang_up(self.peer)
            self.peer = None
        self.world.hang_up(self.caller, cause)

    # ---- for transfers.py

    def part_from(self, peer: Channel, next_peer: Channel | None) -> None:
        """The conversation with `peer` is over for good: who talks to the caller now is `next_peer`, if anybody."""
        if self._took is not None:
            self._took.complete(peer, "transfer")
            self._took = None
        self.cdr.ended(peer.name)
        self.peer = next_peer


def _shown(leg: Channel) -> Party:
    return leg.caller if leg.caller != NOBODY else Party(leg.exten)
