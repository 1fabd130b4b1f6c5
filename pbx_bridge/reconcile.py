"""What we believe of a PBX's channels against what it says: the difference as events, to go through the same book.

*Pure.* In: the legs we hold for alive, a `PbxStatus`, the time. Out: events with their times. An answer describes a
moment while events go on flowing past it, so a channel that is merely missing is given time to say goodbye itself;
only where we were blind, or the PBX was restarted, no goodbye can come."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from pbx_bridge.ami.events import BridgeEnter, BridgeLeave, Event, QueueCallerJoin, QueueCallerLeave
from pbx_bridge.call_state import QueueStay
from pbx_bridge.inferred import Lost, Seen
from pbx_bridge.legs import Leg, LegState
from pbx_bridge.status import ChannelStatus, PbxStatus

MISSING_SECONDS = 5.0
"""A channel that is missing from two answers this far apart is gone: its Hangup would have come long ago."""

CLOCKS_SECONDS = 0.05
"""When we went blind is our clock's word, when a channel was last seen the PBX's."""

ZONE_SECONDS = 900
"""Time zones differ by multiples of a quarter of an hour; the PBX tells its start in local time without the zone."""

ZONES = range(-56, 57)


@dataclass(frozen=True, slots=True)
class Blind:
    """From `since` on we saw nothing; `reason` is a clause for people."""

    since: float
    reason: str


@dataclass(frozen=True, slots=True)
class Reconciled:
    """What the last comparison did, in calls."""

    kept: int = 0
    ended_unseen: int = 0
    found: int = 0


_UNIQUEID = re.compile(r"^(.*?)([0-9]{9,12})\.([0-9]{1,12})$")


@dataclass(slots=True)
class Births:
    """Notices a restart by the uniqueids of new channels: `1795303339.17` is a start in seconds and a running number,
    and both only ever grow while one PBX process lives."""

    highest: dict[str, tuple[int, int]] = field(default_factory=dict)

    def forget(self) -> None:
        """A restart was learnt of in another way: numbers begin anew."""
        self.highest.clear()

    def is_first_after_restart(self, uniqueid: str) -> bool:
        """Whether this channel was born in a later process than those before it."""
        match = _UNIQUEID.match(uniqueid)
        if match is None:
            return False
        system, second, number = match[1], int(match[2]), int(match[3])
        before = self.highest.get(system)
        if before is None or number > before[0]:
            self.highest[system] = (number, second)
            return False
        # Channels born at the same moment may be announced in either order, hence the second's grace.
        if second <= before[1] + 1:
            return False
        self.highest[system] = (number, second)
        return True


@dataclass(slots=True)
class Comparison:
    """Remembers between comparisons which channels were missing, and when the PBX said it had started."""

    startup: float | None = None
    missing: dict[str, float] = field(default_factory=dict)

    def restarted_at(
        self, status: PbxStatus, legs: Mapping[str, Leg], blind: Blind | None, at: float
    ) -> float | None:
        """When the PBX was restarted since the last comparison, else None."""
        before, self.startup = self.startup, status.startup
        if status.startup is None or status.startup == before:
            return None
        alive = {one.channel.uniqueid for one in status.channels}
        since = blind.since if blind is not None else max((leg.born for leg in legs.values()), default=at)
        if before is None and (blind is None or alive & legs.keys()):
            return None
        fitting = [
            at_zone for at_zone in _in_zones(status.startup) if since - 1.0 <= at_zone <= max(at, since) + 1.0
        ]
        if fitting:
            return max(since, fitting[0])
        return since if before is not None else None

    def lost(
        self, status: PbxStatus, legs: Mapping[str, Leg], blind: Blind | None, at: float
    ) -> Iterator[tuple[Lost, float]]:
        """Channels we hold for alive that the PBX does not know."""
        alive = {one.channel.uniqueid for one in status.channels}
        self.missing = {uid: since for uid, since in self.missing.items() if uid in legs and uid not in alive}
        for uniqueid in legs.keys() - alive:
            leg = legs[uniqueid]
            if status.taken_at is not None and leg.born >= status.taken_at:
                continue
            if blind is not None and leg.seen_at <= blind.since + CLOCKS_SECONDS:
                yield Lost(uniqueid), blind.since
                continue
            first = self.missing.setdefault(uniqueid, at)
            if at - first >= MISSING_SECONDS:
                yield Lost(uniqueid), first


def _in_zones(local: float) -> Iterator[float]:
    for zone in ZONES:
        yield local + zone * ZONE_SECONDS


def found(status: PbxStatus, legs: Mapping[str, Leg], at: float) -> Iterator[tuple[Event, float]]:
    """Channels that live: those we have not met, and those that have moved on unseen."""
    for one in status.channels:
        leg = legs.get(one.channel.uniqueid)
        if leg is not None and status.taken_at is not None and leg.seen_at >= status.taken_at:
            continue
        if leg is None or _moved_on(leg, one):
            yield Seen(one.channel), at
        known = None if leg is None else leg.bridge
        if one.bridge is not None and one.bridge != known:
            yield BridgeEnter(one.channel, one.bridge, one.bridge not in status.talkless), at
        elif one.bridge is None and known is not None:
            yield BridgeLeave(one.channel, known), at


def _moved_on(leg: Leg, one: ChannelStatus) -> bool:
    lifted = leg.state in (LegState.LIFTED, LegState.ANSWERED)
    return one.channel.linkedid != leg.linkedid or (one.channel.state == 6) != lifted


def queued(status: PbxStatus, stays: Mapping[str, QueueStay], at: float) -> Iterator[tuple[Event, float]]:
    """Callers who joined or left a queue unseen. `stays` are the waits we hold for open, by channel."""
    if status.queues is None:
        return
    channels = {one.channel.uniqueid: one.channel for one in status.channels}
    waiting = {entry.uniqueid: entry.queue for entry in status.queues}
    for uniqueid, stay in stays.items():
        channel = channels.get(uniqueid)
        if channel is not None and waiting.get(uniqueid) != stay.name:
            yield QueueCallerLeave(channel, stay.name), at
    for uniqueid, queue in waiting.items():
        channel = channels.get(uniqueid)
        if channel is not None and (uniqueid not in stays or stays[uniqueid].name != queue):
            yield QueueCallerJoin(channel, queue), at
