"""Which call a channel belongs to: the call book's index of calls by channel, by linkedid, and of conference guests.

*Pure.* It creates calls and forgets them, and remembers for a while which channels are gone, so that a late or
repeated event brings none back to life. That two calls are one is decided in `calls.py`, not here."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field

from core.facts import Direction
from pbx_bridge.ami.channel import Channel
from pbx_bridge.conversation import Conversation
from pbx_bridge.legs import Leg, LegKind, kind_of

REMEMBERED = 50_000
"""Channels that ended, and call ids given, kept in mind: an hour at 5 calls a second."""


@dataclass(slots=True)
class Directory:
    """All calls of one PBX that are not forgotten yet."""

    pbx: str
    trunks: Sequence[str]
    region: str
    calls: dict[str, Conversation] = field(default_factory=dict)
    _by_leg: dict[str, Conversation] = field(default_factory=dict)
    _by_linkedid: dict[str, Conversation] = field(default_factory=dict)
    _guests: dict[str, list[Conversation]] = field(default_factory=dict)
    _gone: OrderedDict[str, None] = field(default_factory=OrderedDict)
    _used: OrderedDict[str, int] = field(default_factory=OrderedDict)

    def of(self, uniqueid: str) -> Conversation | None:
        """The call of a channel we have met."""
        return self._by_leg.get(uniqueid)

    def of_linkedid(self, linkedid: str) -> Conversation | None:
        return self._by_linkedid.get(linkedid)

    def is_gone(self, uniqueid: str) -> bool:
        """Whether the channel belonged to a call that is over and told."""
        return uniqueid in self._gone

    def live_legs(self) -> dict[str, Leg]:
        """Every channel that lives, by its id."""
        return {leg.uniqueid: leg for call in self.calls.values() for leg in call.state.live_legs}

    def meet(self, channel: Channel) -> Conversation:
        """The call of a channel met for the first time: its linkedid's, or a new one."""
        call = self._by_linkedid.get(channel.linkedid) or self._begin(channel.linkedid)
        self._by_leg[channel.uniqueid] = call
        return call

    def _begin(self, root: str) -> Conversation:
        call_id = f"{self.pbx}-{root}"
        times = self._used.get(call_id, 0) + 1
        self._used[call_id] = times
        if len(self._used) > REMEMBERED:
            self._used.popitem(last=False)
        if times > 1:
            call_id = f"{call_id}-{times}"
        call = Conversation(call_id, self.pbx, root, self.trunks, self.region, [root])
        self.calls[call_id] = call
        self._by_linkedid[root] = call
        return call

    def also_known_as(self, call: Conversation, linkedid: str) -> None:
        """The call goes on under another linkedid."""
        call.linkedids.append(linkedid)
        self._by_linkedid[linkedid] = call

    def guests_of(self, uniqueid: str) -> list[Conversation]:
        """The calls that this channel of another call shares a conference with."""
        return list(self._guests.get(uniqueid, ()))

    def invite(self, call: Conversation, uniqueid: str) -> None:
        calls = self._guests.setdefault(uniqueid, [])
        if call not in calls:
            calls.append(call)

    def put_aside_for(self, question: Conversation, asked: Channel) -> Conversation | None:
        """The customer's call in the middle of which its phone calls a colleague, without a word of hold to the PBX.

        None when it talks in several calls at once: then it is no one person's phone; or when the extension has
        several phones, of which another may be calling."""
        origin = question.state.cast.origin
        if origin is None or kind_of(asked.name, self.trunks) is not LegKind.PHONE:
            return None
        device = origin.device
        talking = [
            call
            for call in self.calls.values()
            if device in call.state.talk.connected and call is not question
        ]
        if len(talking) != 1 or talking[0].state.cast.direction is Direction.INTERNAL:
            return None
        phones = [leg for leg in talking[0].state.legs if leg.device == device and leg.dialled_at is not None]
        return talking[0] if len(phones) < 2 else None

    def absorb(self, kept: Conversation, absorbed: Conversation) -> None:
        """Everything said of `absorbed` is said of `kept` from now on."""
        # Not by its legs: it may have been met in this very event and know none yet (an un-parking overtakes the
        # fetching phone's birth).
        for uniqueid in [one for one, call in self._by_leg.items() if call is absorbed]:
            self._by_leg[uniqueid] = kept
        for leg in absorbed.state.legs:
            if leg.is_guest:
                calls = [kept if call is absorbed else call for call in self.guests_of(leg.uniqueid)]
                self._guests[leg.uniqueid] = list({call.id: call for call in calls}.values())
        for linkedid in absorbed.linkedids:
            self._by_linkedid[linkedid] = kept
        self.calls.pop(absorbed.id, None)

    def forget(self, call: Conversation) -> list[str]:
        """The call is told; returns its channels' ids."""
        self.calls.pop(call.id, None)
        own = [leg.uniqueid for leg in call.state.legs if self._by_leg.get(leg.uniqueid) is call]
        for uniqueid in own:
            del self._by_leg[uniqueid]
            self._gone[uniqueid] = None
            self._guests.pop(uniqueid, None)
        for leg in call.state.legs:
            calls = self._guests.get(leg.uniqueid)
            if calls is not None and call in calls:
                calls.remove(call)
        for linkedid in call.linkedids:
            if self._by_linkedid.get(linkedid) is call:
                del self._by_linkedid[linkedid]
        while len(self._gone) > REMEMBERED:
            self._gone.popitem(last=False)
        return own
