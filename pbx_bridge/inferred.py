"""Events that AMI does not send and that we infer ourselves: from a comparison of states, or from who shares a room.

*Pure.* They stand in a call's history beside Asterisk's own and are told in order of time like those."""

from __future__ import annotations

from dataclasses import dataclass

from pbx_bridge.ami.channel import Channel
from pbx_bridge.ami.events import ChannelEvent, Event


@dataclass(frozen=True, slots=True)
class Seen(ChannelEvent):
    """The PBX says that this channel is alive."""


@dataclass(frozen=True, slots=True)
class Lost(Event):
    """A channel that we knew is gone, and we did not see how; `by_pbx`: the PBX was restarted."""

    uniqueid: str
    by_pbx: bool = False


@dataclass(frozen=True, slots=True)
class Guest(Event):
    """A channel of another call entered a conference in which this call is."""

    channel: Channel
