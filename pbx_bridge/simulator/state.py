"""Pure. What a simulated PBX consists of (channels, bridges, queues, phones) and how Asterisk writes each of them as
headers. No event is made here (`world.py`) and nothing is sent (`server.py`). Header names and their order follow
captures of Asterisk 22."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

Headers = dict[str, str | int]

UNKNOWN = "<unknown>"

DOWN, RING, RINGING, UP = 0, 4, 5, 6
STATE_WORDS = {0: "Down", 1: "Rsrvd", 2: "OffHook", 3: "Dialing", 4: "Ring", 5: "Ringing", 6: "Up", 7: "Busy"}

CAUSES = {
    0: "Unknown",
    16: "Normal Clearing",
    17: "User busy",
    19: "User alerting, no answer",
    20: "Subscriber absent",
    21: "Call Rejected",
    26: "Answered elsewhere",
    27: "Destination out of order",
    34: "Circuit/channel congestion",
    127: "Interworking, unspecified",
}

MEMBER_STATUS = {
    "UNKNOWN": 0,
    "NOT_INUSE": 1,
    "INUSE": 2,
    "BUSY": 3,
    "INVALID": 4,
    "UNAVAILABLE": 5,
    "RINGING": 6,
    "RINGINUSE": 7,
    "ONHOLD": 8,
}

_C_ESCAPES = str.maketrans(
    {
        "\a": "\\a", "\b": "\\b", "\f": "\\f", "\n": "\\n", "\r": "\\r", "\t": "\\t", "\v": "\\v",
        "\\": "\\\\", "'": "\\'", '"': '\\"', "?": "\\?",
    }
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Party:
    """A number and a name as the PBX holds them; empty means unknown."""

    number: str = ""
    name: str = ""


NOBODY = Party()


@dataclass(slots=True)
class Channel:
    """One leg. `device` is the channel's name without its suffix."""

    name: str
    uniqueid: str
    linkedid: str
    created_at: float
    state: int = DOWN
    caller: Party = NOBODY
    connected: Party = NOBODY
    context: str = ""
    exten: str = ""
    priority: int = 1
    dialled: str = ""
    application: str = ""
    data: str = ""
    answered_at: float | None = None
    bridge: Bridge | None = None

    @property
    def device(self) -> str:
        return self.name.rpartition("-")[0]

    @property
    def technology(self) -> str:
        return self.name.partition("/")[0]


@dataclass(slots=True, eq=False)
class Bridge:
    """Where channels hear each other."""

    uniqueid: str
    channels: list[Channel] = field(default_factory=list)
    kind: str = "basic"
    technology: str = "simple_bridge"


@dataclass(slots=True)
class Member:
    """A queue's member; `interface` is a phone here (`PJSIP/101`)."""

    interface: str
    name: str
    login_at: float
    paused: bool = False
    pause_reason: str = ""
    last_pause: float = 0.0
    calls_taken: int = 0
    last_call: float = 0.0
    is_in_call: bool = False


@dataclass(slots=True)
class Entry:
    """Somebody waiting in a queue."""

    channel: Channel
    joined_at: float


@dataclass(slots=True)
class Queue:
    name: str
    number: str
    members: list[Member] = field(default_factory=list)
    waiting: list[Entry] = field(default_factory=list)
    completed: int = 0
    abandoned: int = 0

    def member(self, interface: str) -> Member | None:
        return next((member for member in self.members if member.interface == interface), None)


def escaped(name: str) -> str:
    """A caller's name as Asterisk prints it in the headers of a channel: escaped like a C string."""
    return name.translate(_C_ESCAPES) or UNKNOWN


def channel_headers(channel: Channel, prefix: str = "") -> Headers:
    """The snapshot of a channel as every channel event carries it; `prefix` is `Dest`, `Transferer` …"""
    plain: Mapping[str, str | int] = {
        "Channel": channel.name,
        "ChannelState": channel.state,
        "ChannelStateDesc": STATE_WORDS[channel.state],
        "CallerIDNum": channel.caller.number or UNKNOWN,
        "CallerIDName": escaped(channel.caller.name),
        "ConnectedLineNum": channel.connected.number or UNKNOWN,
        "ConnectedLineName": escaped(channel.connected.name),
        "Language": "en",
        "AccountCode": "",
        "Context": channel.context,
        "Exten": channel.exten,
        "Priority": channel.priority,
        "Uniqueid": channel.uniqueid,
        "Linkedid": channel.linkedid,
    }
    return {prefix + key: value for key, value in plain.items()}


def bridge_headers(bridge: Bridge, prefix: str = "") -> Headers:
    plain: Mapping[str, str | int] = {
        "BridgeUniqueid": bridge.uniqueid,
        "BridgeType": bridge.kind,
        "BridgeTechnology": bridge.technology,
        "BridgeCreator": UNKNOWN,
        "BridgeName": UNKNOWN,
        "BridgeNumChannels": len(bridge.channels),
        "BridgeVideoSourceMode": "none",
    }
    return {prefix + key: value for key, value in plain.items()}


def member_headers(queue: Queue, member: Member, state: str) -> Headers:
    """A member as `QueueMemberStatus`, `QueueMemberPause` and their like print it; `state` is the phone's."""
    return {
        "Queue": queue.name,
        "MemberName": member.name,
        "Interface": member.interface,
        "StateInterface": member.interface,
        "Membership": "static",
        **member_figures(member, state),
        "Ringinuse": 0,
        "Wrapuptime": 0,
    }


def member_figures(member: Member, state: str) -> Headers:
    """The part that events and the answer to QueueStatus have in common."""
    return {
        "Penalty": 0,
        "CallsTaken": member.calls_taken,
        "LastCall": int(member.last_call),
        "LastPause": int(member.last_pause),
        "LoginTime": int(member.login_at),
        "InCall": int(member.is_in_call),
        "Status": MEMBER_STATUS.get(state, 0),
        "Paused": int(member.paused),
        "PausedReason": member.pause_reason,
    }
