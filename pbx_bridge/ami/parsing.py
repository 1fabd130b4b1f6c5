"""AmiMessage in, one typed event out, or None for what the call book has no use for.

*Pure.* `WANTED` names the events to ask the decoder for; all of them come with the rights `call,agent,user,cdr`.
What a `read = all` connection sends beside them (`Newexten`, `VarSet` …) is ignored on purpose, so that rights
never change a verdict. A message that lacks what its event must carry is no event."""

from __future__ import annotations

from collections.abc import Callable

from pbx_bridge.ami.channel import Channel, channel_of, is_talk, number_in
from pbx_bridge.ami.events import (
    AgentLogin,
    AttendedTransfer,
    BlindTransfer,
    BridgeEnter,
    BridgeLeave,
    Cdr,
    DialBegin,
    DialEnd,
    DialState,
    Event,
    Hangup,
    HangupRequest,
    Hold,
    InMailbox,
    NewCallerid,
    Newchannel,
    NewConnectedLine,
    Newstate,
    OriginateResponse,
    Parked,
    Pickup,
    QueueCallerAbandon,
    QueueCallerJoin,
    QueueCallerLeave,
    RingbackCaller,
    RingbackCallMe,
    RingbackDeclined,
    RingbackNotice,
    Unhold,
    Unparked,
)
from pbx_bridge.ami.message import AmiMessage


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
