"""AmiMessage in, one typed event out, or None for what the call book has no use for.

*Pure.* `WANTED` names the events to ask the decoder for; all of them come with the rights `call,agent,user,cdr`.
What a `read = all` connection sends beside them (`Newexten`, `VarSet` …) is ignored on purpose, so that rights
never change a verdict. Nothing is concluded here: an event says what Asterisk said, in our words."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from pbx_bridge.ami.channel import Channel, channel_of, is_talk, number_in
from pbx_bridge.ami.message import AmiMessage


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


def parse(message: AmiMessage) -> Event | None:
    """The event in `message`, or None when it is not one of ours or lacks what it must carry."""
    make = _MAKERS.get(message.event or "")
    return None if make is None else make(message)


def _plain(kind: Callable[[Channel], Event]) -> Callable[[AmiMessage], Event | None]:
    def make(message: AmiMessage) -> Event | None:
        channel = channel_of(message)
        return None if channel is None else kind(channel)

    return make


def _caller_id(message: AmiMessage) -> Event | None:
    channel = channel_of(message)
    shown = message.get("cid-callingpres") or ""
    return None if channel is None else NewCallerid(channel, "prohibited" in shown.lower())


def _hangup(message: AmiMessage) -> Event | None:
    channel = channel_of(message)
    if channel is None:
        return None
    return Hangup(channel, number_in(message.get("cause")) or 0, number_in(message.get("techcause")))


def _request(soft: bool) -> Callable[[AmiMessage], Event | None]:
    def make(message: AmiMessage) -> Event | None:
        channel = channel_of(message)
        if channel is None:
            return None
        cause, tech_cause = number_in(message.get("cause")) or 0, number_in(message.get("techcause"))
        return HangupRequest(channel, cause, tech_cause, soft)

    return make


def _dial_begin(message: AmiMessage) -> Event | None:
    dest = channel_of(message, "dest")
    if dest is None:
        return None
    return DialBegin(channel_of(message), dest, message.get("dialstring") or "")


def _dial_state(message: AmiMessage) -> Event | None:
    dest = channel_of(message, "dest")
    return None if dest is None else DialState(channel_of(message), dest, message.get("dialstatus") or "")


def _dial_end(message: AmiMessage) -> Event | None:
    dest = channel_of(message, "dest")
    if dest is None:
        return None
    return DialEnd(channel_of(message), dest, message.get("dialstatus") or "", message.get("forward"))


def _bridge(kind: type[BridgeEnter] | type[BridgeLeave]) -> Callable[[AmiMessage], Event | None]:
    def make(message: AmiMessage) -> Event | None:
        channel, bridge = channel_of(message), message.get("bridgeuniqueid")
        if channel is None or not bridge:
            return None
        return kind(channel, bridge, is_talk(message.get("bridgetype"), message.get("bridgetechnology")))

    return make


def _blind(message: AmiMessage) -> Event | None:
    transferer = channel_of(message, "transferer")
    if transferer is None or message.get("result") != "Success":
        return None
    return BlindTransfer(transferer, channel_of(message, "transferee"), message.get("extension") or "")


def _attended(message: AmiMessage) -> Event | None:
    first, second = channel_of(message, "origtransferer"), channel_of(message, "secondtransferer")
    if first is None or second is None or message.get("result") != "Success":
        return None
    return AttendedTransfer(
        first, second, channel_of(message, "transferee"), channel_of(message, "transfertarget")
    )


def _parked(message: AmiMessage) -> Event | None:
    parkee = channel_of(message, "parkee")
    return None if parkee is None else Parked(parkee)


def _unparked(message: AmiMessage) -> Event | None:
    parkee = channel_of(message, "parkee")
    return None if parkee is None else Unparked(parkee, channel_of(message, "retriever"))


def _pickup(message: AmiMessage) -> Event | None:
    channel, target = channel_of(message), channel_of(message, "target")
    return None if channel is None or target is None else Pickup(channel, target)


def _queue(kind: Callable[[Channel, str], Event]) -> Callable[[AmiMessage], Event | None]:
    def make(message: AmiMessage) -> Event | None:
        channel, queue = channel_of(message), message.get("queue")
        return None if channel is None or not queue else kind(channel, queue)

    return make


def _queue_leave(message: AmiMessage) -> Event | None:
    channel, queue = channel_of(message), message.get("queue")
    if channel is None or not queue:
        return None
    return QueueCallerLeave(channel, queue, number_in(message.get("position")))


def _cdr(message: AmiMessage) -> Event | None:
    uniqueid = message.get("uniqueid")
    return None if not uniqueid else Cdr(uniqueid, (message.get("lastapplication") or "").lower())


def _originate(message: AmiMessage) -> Event | None:
    uniqueid, exten = message.get("uniqueid"), message.get("exten")
    return None if not uniqueid or not exten else OriginateResponse(uniqueid, exten)


def _user(message: AmiMessage) -> Event | None:
    channel, name = channel_of(message), message.get("userevent")
    if channel is None:
        return None
    if name == "RingbackCaller":
        shown = (message.get("presentation") or "").lower()
        return RingbackCaller(channel, shown.startswith(("prohib", "unavailable")))
    if name == "RingbackNotice":
        return RingbackNotice(channel, message.get("prompt") or "", message.get("result") == "SUCCESS")
    plain = _USER_EVENTS.get(name or "")
    return None if plain is None else plain(channel)


_USER_EVENTS: dict[str, Callable[[Channel], Event]] = {
    "RingbackVoicemail": InMailbox,
    "RingbackCallMe": RingbackCallMe,
    "RingbackDeclined": RingbackDeclined,
}


_MAKERS: dict[str, Callable[[AmiMessage], Event | None]] = {
    "Newchannel": _plain(Newchannel),
    "Newstate": _plain(Newstate),
    "NewCallerid": _caller_id,
    "NewConnectedLine": _plain(NewConnectedLine),
    "Hangup": _hangup,
    "HangupRequest": _request(soft=False),
    "SoftHangupRequest": _request(soft=True),
    "DialBegin": _dial_begin,
    "DialState": _dial_state,
    "DialEnd": _dial_end,
    "BridgeEnter": _bridge(BridgeEnter),
    "BridgeLeave": _bridge(BridgeLeave),
    # Who is put into a conference by an attended transfer enters without a BridgeEnter.
    "ConfbridgeJoin": _bridge(BridgeEnter),
    "Hold": _plain(Hold),
    "Unhold": _plain(Unhold),
    "BlindTransfer": _blind,
    "AttendedTransfer": _attended,
    "ParkedCall": _parked,
    "UnParkedCall": _unparked,
    "ParkedCallTimeOut": _unparked,
    "ParkedCallGiveUp": _unparked,
    "Pickup": _pickup,
    "AgentLogin": _plain(AgentLogin),
    "QueueCallerJoin": _queue(QueueCallerJoin),
    "QueueCallerLeave": _queue_leave,
    "QueueCallerAbandon": _queue(QueueCallerAbandon),
    "MessageWaiting": _plain(InMailbox),
    "Cdr": _cdr,
    "OriginateResponse": _originate,
    "UserEvent": _user,
}

WANTED = frozenset(_MAKERS)
"""The events the call book needs."""
