"""One channel of a call: what its name says, what state it is in, and which legs hear each other.

*Pure.* `TRANSITIONS` is the whole life of a leg; `docs/verdicts.md` shows it. `Legs` keeps the legs and bridges of one
call and answers who is connected with whom. Who is a customer and what a call's verdict is are not decided here."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from pbx_bridge.ami.channel import Channel, ChannelState


class LegKind(StrEnum):
    """TRUNK: a carrier. PHONE: a device of ours. LOCAL: half of a dialplan detour. INNER: the PBX's own helper."""

    TRUNK = "trunk"
    PHONE = "phone"
    LOCAL = "local"
    INNER = "inner"


class LegState(StrEnum):
    """Where a leg stands. LIFTED is Up without proof of a person: a mobile asked to confirm, or a machine."""

    NEW = "new"
    CALLING = "calling"
    RINGING = "ringing"
    LIFTED = "lifted"
    ANSWERED = "answered"
    RELEASED = "released"
    ENDED = "ended"


class Signal(StrEnum):
    """What moves a leg: channel states, the outcome of a dial attempt, a bridge, the end."""

    CALLS = "calls"
    DIALLED = "dialled"
    RINGS = "rings"
    UP = "up"
    DIAL_ANSWERED = "dial_answered"
    DIAL_FAILED = "dial_failed"
    JOINED = "joined"
    GONE = "gone"


TRANSITIONS: dict[tuple[LegState, Signal], LegState] = {
    (LegState.NEW, Signal.CALLS): LegState.CALLING,
    (LegState.NEW, Signal.RINGS): LegState.RINGING,
    (LegState.NEW, Signal.UP): LegState.LIFTED,
    (LegState.NEW, Signal.DIAL_ANSWERED): LegState.ANSWERED,
    (LegState.NEW, Signal.DIAL_FAILED): LegState.RELEASED,
    (LegState.NEW, Signal.JOINED): LegState.ANSWERED,
    (LegState.CALLING, Signal.UP): LegState.ANSWERED,
    (LegState.CALLING, Signal.DIAL_ANSWERED): LegState.ANSWERED,
    (LegState.CALLING, Signal.JOINED): LegState.ANSWERED,
    (LegState.RINGING, Signal.UP): LegState.LIFTED,
    (LegState.RINGING, Signal.DIAL_ANSWERED): LegState.ANSWERED,
    (LegState.RINGING, Signal.DIAL_FAILED): LegState.RELEASED,
    (LegState.RINGING, Signal.JOINED): LegState.ANSWERED,
    (LegState.LIFTED, Signal.DIAL_ANSWERED): LegState.ANSWERED,
    (LegState.LIFTED, Signal.DIAL_FAILED): LegState.RELEASED,
    (LegState.LIFTED, Signal.JOINED): LegState.ANSWERED,
    # FollowMe says ANSWER when the mobile is lifted and NOANSWER when it does not confirm afterwards.
    (LegState.ANSWERED, Signal.DIAL_FAILED): LegState.RELEASED,
    # A masquerade (pick-up, transfer of a ringing call) ends the old attempt and begins a new one on the same leg.
    (LegState.RELEASED, Signal.DIALLED): LegState.NEW,
    (LegState.RELEASED, Signal.RINGS): LegState.RINGING,
    (LegState.RELEASED, Signal.UP): LegState.LIFTED,
    (LegState.RELEASED, Signal.DIAL_ANSWERED): LegState.ANSWERED,
    (LegState.RELEASED, Signal.JOINED): LegState.ANSWERED,
} | {(state, Signal.GONE): LegState.ENDED for state in LegState}
"""(state, signal) → next state. A pair that is absent changes nothing: events repeat and overtake each other."""

INNER_TECHNOLOGIES = frozenset(
    {"Announcer", "AsyncGoto", "Bridge", "CBAnn", "CBRec", "Message", "Recorder", "Snoop", "Surrogate"}
)
"""Channels that the PBX makes for itself; nobody is behind them."""


def device_of(name: str) -> str:
    """`PJSIP/trunk2-0000001a` → `PJSIP/trunk2`: the suffix follows the last dash, a device may hold dashes itself."""
    bare = name.split("<", 1)[0]
    return bare.rsplit("-", 1)[0] if "-" in bare else bare


def is_on(device: str, trunks: Iterable[str]) -> bool:
    """Whether a device is one of the trunks, or a line of a bundle named as a trunk (`DAHDI/i1/600100200`)."""
    return any(device == trunk or device.startswith(trunk.rstrip("/") + "/") for trunk in trunks)


def kind_of(name: str, trunks: Iterable[str]) -> LegKind:
    """What a channel's name says about who is behind it."""
    technology = name.split("/", 1)[0]
    if technology == "Local":
        return LegKind.LOCAL
    if technology in INNER_TECHNOLOGIES:
        return LegKind.INNER
    return LegKind.TRUNK if is_on(device_of(name), trunks) else LegKind.PHONE


def other_half(name: str) -> str | None:
    """The name of the other half of a Local channel (`;1` ↔ `;2`), None for other channels."""
    if name.endswith(";1"):
        return name[:-1] + "2"
    return name[:-1] + "1" if name.endswith(";2") else None


@dataclass(slots=True)
class Leg:
    """One channel. Times are instants; None means that it has not happened.

    `exten` is the first extension it showed, `seen_at` the time of its last event, `before_at` of the one before.
    `born_state` tells who called: RING is a channel that calls us. `seen_born` False: it existed before we looked.
    """

    uniqueid: str
    linkedid: str
    name: str
    device: str
    kind: LegKind
    born: float
    born_state: int
    exten: str
    number: str | None
    caller_name: str | None
    seen_at: float
    before_at: float
    seen_born: bool = True
    is_guest: bool = False
    state: LegState = LegState.NEW
    is_caller: bool = False
    dialled_at: float | None = None
    dialled_by: str | None = None
    dial_string: str = ""
    dial_status: str | None = None
    rang_at: float | None = None
    up_at: float | None = None
    answered_at: float | None = None
    released_at: float | None = None
    requested_at: float | None = None
    request_cause: int = 0
    request_tech: int | None = None
    turned_away: bool = False
    soft_at: float | None = None
    ended_at: float | None = None
    cause: int = 0
    tech_cause: int | None = None
    is_held: bool = False
    was_connected: bool = False
    bridge: str | None = None

    def moved(self, signal: Signal) -> bool:
        """Follow `TRANSITIONS`; True when the state changed."""
        following = TRANSITIONS.get((self.state, signal))
        if following is None or following is self.state:
            return False
        self.state = following
        return True

    @property
    def is_live(self) -> bool:
        return self.state is not LegState.ENDED

    @property
    def is_offered(self) -> bool:
        """Its owner is being asked to take a call: it rings, or is lifted but not connected with anybody yet."""
        if self.state is LegState.RINGING:
            return True
        lifted = self.state is LegState.LIFTED or (self.state is LegState.ANSWERED and not self.was_connected)
        return lifted and not self.is_caller


def new_leg(channel: Channel, at: float, trunks: Iterable[str], *, seen_born: bool) -> Leg:
    """A leg as its first event shows it. `seen_born` False: it existed before we looked."""
    leg = Leg(
        uniqueid=channel.uniqueid,
        linkedid=channel.linkedid,
        name=channel.name,
        device=device_of(channel.name),
        kind=kind_of(channel.name, trunks),
        born=at,
        born_state=channel.state,
        exten=channel.exten,
        number=channel.number,
        caller_name=channel.caller_name,
        seen_at=at,
        before_at=at,
        seen_born=seen_born,
    )
    if channel.state == ChannelState.RING or (not seen_born and channel.uniqueid == channel.linkedid):
        leg.is_caller = True
        leg.state = LegState.CALLING
    if channel.state == ChannelState.UP and not seen_born:
        leg.state = LegState.ANSWERED
    return leg


class Legs:
    """The legs of one call and the bridges they are in."""

    def __init__(self) -> None:
        self._by_id: dict[str, Leg] = {}
        self._by_name: dict[str, Leg] = {}
        self._bridges: dict[str, list[Leg]] = {}
        self._talkless: set[str] = set()
        self._entered: set[tuple[str, str]] = set()

    def __iter__(self) -> Iterator[Leg]:
        return iter(self._by_id.values())

    def __len__(self) -> int:
        return len(self._by_id)

    def get(self, uniqueid: str) -> Leg | None:
        return self._by_id.get(uniqueid)

    def named(self, name: str) -> Leg | None:
        """The channel of that name."""
        return self._by_name.get(name)

    def add(self, leg: Leg) -> None:
        self._by_id[leg.uniqueid] = leg
        self._by_name[leg.name] = leg

    def enter(self, leg: Leg, bridge: str, *, is_talk: bool) -> None:
        """The leg is in that bridge now, and in no other."""
        self.leave(leg)
        self._entered.add((leg.uniqueid, bridge))
        leg.bridge = bridge
        self._bridges.setdefault(bridge, []).append(leg)
        if not is_talk:
            self._talkless.add(bridge)

    def has_entered(self, leg: Leg, bridge: str) -> bool:
        """Whether the leg is or was in that bridge."""
        return (leg.uniqueid, bridge) in self._entered

    def leave(self, leg: Leg) -> None:
        """The leg is in no bridge now."""
        if leg.bridge is None:
            return
        members = self._bridges[leg.bridge]
        members.remove(leg)
        if not members:
            del self._bridges[leg.bridge]
            self._talkless.discard(leg.bridge)
        leg.bridge = None

    def is_parked(self, leg: Leg) -> bool:
        """In a bridge where people wait instead of talking."""
        return leg.bridge in self._talkless

    def heard_in(self, bridge: str) -> list[Leg]:
        """Everybody who hears what is said in a bridge, through Local halves too."""
        return self._spread(self._bridges.get(bridge, [])) if bridge not in self._talkless else []

    def heard_by(self, leg: Leg) -> list[Leg]:
        """The leg and everybody it is connected with at this moment."""
        return self._spread([leg])

    def _spread(self, start: list[Leg]) -> list[Leg]:
        found: dict[str, Leg] = {}
        waiting = list(start)
        while waiting:
            leg = waiting.pop()
            if leg.uniqueid in found:
                continue
            found[leg.uniqueid] = leg
            waiting.extend(self._neighbours(leg))
        return list(found.values())

    def _neighbours(self, leg: Leg) -> Iterator[Leg]:
        if leg.bridge is not None and leg.bridge not in self._talkless:
            yield from self._bridges[leg.bridge]
        half = other_half(leg.name)
        partner = self._by_name.get(half) if half else None
        if partner is not None and partner.is_live:
            yield partner
