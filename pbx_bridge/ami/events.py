"""What the call book hears: one frozen class per event that Asterisk, or the shipped dialplan, sends about calls.

*Pure.* Nothing is concluded here: an event says what Asterisk said, in our words. How a message becomes one of them is
`parsing.py`'s."""

from __future__ import annotations

from dataclasses import dataclass

from pbx_bridge.ami.channel import Channel


@dataclass(frozen=True, slots=True)
class Event:
    """Base of all events. `channels` lists every snapshot in the message, its subject first."""

    @property
    def channels(self) -> tuple[Channel, ...]:
        return ()


@dataclass(frozen=True, slots=True)
class ChannelEvent(Event):
    """Something about one channel."""

    channel: Channel

    @property
    def channels(self) -> tuple[Channel, ...]:
        return (self.channel,)


@dataclass(frozen=True, slots=True)
class Newchannel(ChannelEvent):
    pass


@dataclass(frozen=True, slots=True)
class Newstate(ChannelEvent):
    pass


@dataclass(frozen=True, slots=True)
class NewCallerid(ChannelEvent):
    """`withheld`: the presentation says that the number must not be shown."""

    withheld: bool


@dataclass(frozen=True, slots=True)
class NewConnectedLine(ChannelEvent):
    """Only its Linkedid interests us: it is often the first to show a silent change."""


@dataclass(frozen=True, slots=True)
class Hangup(ChannelEvent):
    """The channel is gone. `cause` is Q.850, `tech_cause` the SIP status where Asterisk (≥ 22) gives it."""

    cause: int
    tech_cause: int | None


@dataclass(frozen=True, slots=True)
class HangupRequest(ChannelEvent):
    """`soft` False: the party itself hung up or refused; True: the PBX acts."""

    cause: int
    tech_cause: int | None
    soft: bool


@dataclass(frozen=True, slots=True)
class DialEvent(Event):
    """Something about one attempt to reach `dest`. `caller` is absent for an Originate's first party."""

    caller: Channel | None
    dest: Channel

    @property
    def channels(self) -> tuple[Channel, ...]:
        return (self.dest,) if self.caller is None else (self.dest, self.caller)


@dataclass(frozen=True, slots=True)
class DialBegin(DialEvent):
    dial_string: str


@dataclass(frozen=True, slots=True)
class DialState(DialEvent):
    status: str


@dataclass(frozen=True, slots=True)
class DialEnd(DialEvent):
    """`forward` is where the phone sent the caller (302), or None."""

    status: str
    forward: str | None


@dataclass(frozen=True, slots=True)
class BridgeEvent(ChannelEvent):
    """`is_talk` is False where people wait: parking, holding and other bridges without conversation."""

    bridge: str
    is_talk: bool = True


@dataclass(frozen=True, slots=True)
class BridgeEnter(BridgeEvent):
    pass


@dataclass(frozen=True, slots=True)
class BridgeLeave(BridgeEvent):
    pass


@dataclass(frozen=True, slots=True)
class Hold(ChannelEvent):
    pass


@dataclass(frozen=True, slots=True)
class Unhold(ChannelEvent):
    pass


@dataclass(frozen=True, slots=True)
class BlindTransfer(Event):
    """`extension` is what the transferer dialled."""

    transferer: Channel
    transferee: Channel | None
    extension: str

    @property
    def channels(self) -> tuple[Channel, ...]:
        return (self.transferer,) if self.transferee is None else (self.transferer, self.transferee)


@dataclass(frozen=True, slots=True)
class AttendedTransfer(Event):
    """The two transferer channels come in the order of their creation; one channel stands twice after DTMF."""

    first: Channel
    second: Channel
    transferee: Channel | None
    target: Channel | None

    @property
    def channels(self) -> tuple[Channel, ...]:
        found = (self.first, self.second, self.transferee, self.target)
        return tuple(channel for channel in found if channel is not None)


@dataclass(frozen=True, slots=True)
class Parked(Event):
    parkee: Channel

    @property
    def channels(self) -> tuple[Channel, ...]:
        return (self.parkee,)


@dataclass(frozen=True, slots=True)
class Unparked(Event):
    """The parked channel leaves its space: fetched (by `retriever`), timed out or given up."""

    parkee: Channel
    retriever: Channel | None

    @property
    def channels(self) -> tuple[Channel, ...]:
        return (self.parkee,) if self.retriever is None else (self.parkee, self.retriever)


@dataclass(frozen=True, slots=True)
class Pickup(ChannelEvent):
    """`channel` took the call that `target` was offered."""

    target: Channel

    @property
    def channels(self) -> tuple[Channel, ...]:
        return (self.channel, self.target)


@dataclass(frozen=True, slots=True)
class AgentLogin(ChannelEvent):
    """The channel waits on the line to be given callers (the application of that name)."""


@dataclass(frozen=True, slots=True)
class QueueEvent(ChannelEvent):
    queue: str


@dataclass(frozen=True, slots=True)
class QueueCallerJoin(QueueEvent):
    pass


@dataclass(frozen=True, slots=True)
class QueueCallerLeave(QueueEvent):
    """`position` is the place they had in this moment, from 1."""

    position: int | None = None


@dataclass(frozen=True, slots=True)
class QueueCallerAbandon(QueueEvent):
    """Also sent when the queue gives the caller up (time-out, empty)."""


@dataclass(frozen=True, slots=True)
class Cdr(Event):
    """Carries no Linkedid. `application` is the last one the channel ran, in lower case."""

    uniqueid: str
    application: str


@dataclass(frozen=True, slots=True)
class OriginateResponse(Event):
    """Whom an Originate was to reach after its first party: the only place that tells it when that party declined."""

    uniqueid: str
    exten: str


@dataclass(frozen=True, slots=True)
class RingbackCaller(ChannelEvent):
    """From the shipped dialplan: whether the caller asked for privacy."""

    withheld: bool


@dataclass(frozen=True, slots=True)
class RingbackCallMe(ChannelEvent):
    """From the shipped dialplan: a caller who waited in a queue pressed the key for "call me back"."""


@dataclass(frozen=True, slots=True)
class RingbackDeclined(ChannelEvent):
    """From the shipped dialplan: the customer of a callback says that they did not ask for it."""


@dataclass(frozen=True, slots=True)
class RingbackNotice(ChannelEvent):
    """From the shipped dialplan: a prompt that may be a recording notice was played to this channel, to its end when
    `whole`."""

    prompt: str
    whole: bool


@dataclass(frozen=True, slots=True)
class InMailbox(ChannelEvent):
    """The channel is in a mailbox: the shipped dialplan says so, or a message has just been left there."""
