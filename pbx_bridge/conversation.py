"""One call with its history: events may arrive twice, late or in the wrong order, and two calls may turn out to be one.

*Pure.* In: events with their times. Out: a `CallState`. While the call goes on it follows the events as they arrive;
the final one is the story told in order of time, from the kept history, if any event had overtaken another."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from core.facts import CallStarted, Direction, Fact, Parties, Phone
from pbx_bridge.ami.events import BridgeEnter, BridgeLeave, DialBegin, Event, Newchannel
from pbx_bridge.call_state import CallState
from pbx_bridge.inferred import Guest, Seen
from pbx_bridge.legs import LegKind
from pbx_bridge.verdict import MAILBOXES
from pbx_bridge.views import NOTHING_YET, View, facts_between, may_be_moving, view_of

SETTLE_SECONDS = 0.3
"""After the last hang-up: events of other channels (a transfer, a Cdr) may come this much later."""

MOVE_SECONDS = 0.25
"""A phone whose bridge changes is out of the conversation for a millisecond, of a Local channel for a few."""

CDR_SECONDS = 1.0
"""Longest wait for the Cdr that tells a mailbox from an announcement; without `cdr_manager` it never comes."""

CONSULT_SECONDS = 1.0
"""A phone's new call and the hold of its old one arrive in either order, this close together."""

MAX_HISTORY = 20_000
"""Events kept of one call (a day-long conference has a few thousand); later ones only move the present state."""

STEP_BACK_SECONDS = 5.0
"""An event that is older than the last one by more than this comes after a step of the PBX's clock, not too late."""


@dataclass(frozen=True, slots=True)
class OpenCall:
    """A call that is going on. `ringing` and `talking` are phones of ours; `queue` is where it waits."""

    call_id: str
    parties: Parties
    started_at: float
    answered_at: float | None
    queue: str | None
    ringing: tuple[Phone, ...]
    talking: tuple[Phone, ...]


@dataclass(slots=True)
class Conversation:
    """A call that is open, or ended a moment ago. `about` is the call during whose hold this one was begun,
    `is_login` true of an agent who waits on the line: one customer after the other is bridged with them."""

    id: str
    pbx: str
    root: str
    trunks: Sequence[str]
    region: str
    linkedids: list[str]
    state: CallState = field(init=False)
    view: View = NOTHING_YET
    announced: bool = False
    blind: str | None = None
    about: str | None = None
    is_login: bool = False
    due: float = 0.0
    lingering: dict[str, float] = field(default_factory=dict)
    _overtaken: bool = False
    _times: list[float] = field(default_factory=list)
    _events: list[Event] = field(default_factory=list)
    _seen: set[int] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.state = self._blank()

    def knows(self, digest: int | None) -> bool:
        """True for a message that was taken in before; remembers it otherwise. None is never known."""
        if digest is None:
            return False
        if digest in self._seen:
            return True
        self._seen.add(digest)
        return False

    def add(self, event: Event, at: float) -> None:
        """Take in an event at its place in time."""
        if isinstance(event, BridgeLeave):
            self._enter_unseen(event, at)
        last = self._times[-1] if self._times else at
        if at < last - STEP_BACK_SECONDS:
            at = last
        in_order = at >= last
        self._keep(len(self._times) if in_order else bisect_right(self._times, at), event, at)
        self._overtaken = self._overtaken or not in_order
        self._tell(event, at)

    def _enter_unseen(self, event: BridgeLeave, at: float) -> None:
        """A channel leaves a bridge that we never saw it enter: we were blind then, some time after its last event,
        or had not begun to look yet.

        Of a guest only the rooms count that it shares with this call."""
        leg = self.state.legs.get(event.channel.uniqueid)
        if leg is None and not self._began_unseen:
            return
        if leg is not None and (
            leg.is_guest or not leg.is_live or self.state.legs.has_entered(leg, event.bridge)
        ):
            return
        if leg is None or (self._began_unseen and not leg.seen_born):
            place, at = 0, self._times[0] if self._times else at
        else:
            at = leg.seen_at if leg.requested_at is None else leg.before_at
            place = bisect_right(self._times, at)
        self._keep(place, BridgeEnter(event.channel, event.bridge, event.is_talk), at)
        self._overtaken = True

    @property
    def _began_unseen(self) -> bool:
        """The first thing we heard of this call is not a channel's birth."""
        return not self._events or not isinstance(self._events[0], (Newchannel, Seen, DialBegin))

    def _keep(self, place: int, event: Event, at: float) -> None:
        if len(self._times) < MAX_HISTORY:
            self._times.insert(place, at)
            self._events.insert(place, event)

    @property
    def seniority(self) -> tuple[bool, float, str]:
        """The lower one keeps its id when two calls are one: the call with a customer, among equals the older."""
        return self.state.cast.direction is Direction.INTERNAL, self.state.started_at or 0.0, self.id

    def may_absorb(self, junior: Conversation) -> bool:
        """No customer's call may vanish in another's: only one begun later and outwards can be a question."""
        return junior.state.cast.direction in (Direction.INTERNAL, Direction.OUTBOUND)

    def absorb(self, other: Conversation) -> None:
        """The other call is part of this one: one history, told anew."""
        both = sorted(
            zip([*self._times, *other._times], [*self._events, *other._events], strict=True),
            key=lambda entry: entry[0],
        )
        self._times = [at for at, _ in both]
        self._events = [event for _, event in both]
        self._seen |= other._seen
        self.linkedids += [one for one in other.linkedids if one not in self.linkedids]
        self.blind = self.blind or other.blind
        self.retell()

    def settle(self) -> None:
        """The last word: the story in order of time."""
        if self._overtaken:
            self.retell()

    def retell(self) -> None:
        """Build the state again from the history."""
        self._overtaken = False
        self.state = self._blank()
        for at, event in zip(self._times, self._events, strict=True):
            self._tell(event, at)

    def news(self, at: float) -> Iterator[Fact]:
        """What changed for others since the last time, as facts."""
        if not self.state.is_news:
            return
        self.state.is_news = False
        new = self._steadied(view_of(self.state), at)
        if new == self.view:
            return
        old, self.view = self.view, new
        if not self.announced and new.parties is not None:
            self.announced = True
            yield CallStarted(self.id, self.pbx, self.state.started_at or at, new.parties)
        yield from facts_between(old, new, self.state, self.pbx, self.id, at)

    def _steadied(self, new: View, at: float) -> View:
        """A transfer moves people from bridge to bridge one by one; who is alone for a moment has not left."""
        missing = {
            device: phone for device, phone in self.view.connected.items() if device not in new.connected
        }
        self.lingering = {
            device: self.lingering.get(device, at) for device in missing if may_be_moving(self.state, device)
        }
        kept = {
            device: missing[device] for device, since in self.lingering.items() if at - since < MOVE_SECONDS
        }
        self.state.is_news = bool(kept)
        return replace(new, connected={**kept, **new.connected}) if kept else new

    def now(self) -> OpenCall:
        """The call as it stands."""
        stretches = self.state.talk.stretches
        return OpenCall(
            self.id,
            self.view.parties or self.state.cast.parties(),
            self.state.started_at or self.state.last_at,
            stretches[0].start if stretches else None,
            self.view.queue,
            tuple(self.view.ringing.values()),
            tuple(self.view.connected.values()),
        )

    def asks(self, device: str, at: float) -> bool:
        """Whether this call was just begun by a phone that has put another call on hold."""
        origin = self.state.cast.origin
        if origin is None or not origin.is_live or origin.device != device or self.state.talk.stretches:
            return False
        return abs(at - origin.born) < CONSULT_SECONDS and any(leg is not origin for leg in self.state.legs)

    @property
    def is_over(self) -> bool:
        return self.state.alive <= 0

    def close_at(self) -> float:
        """When an ended call is final: at once, or after a wait for the Cdr if that could still change the verdict."""
        state = self.state
        if self._needs_cdr():
            return state.ended_at + CDR_SECONDS
        return max(state.ended_at, state.last_at) + SETTLE_SECONDS

    def _needs_cdr(self) -> bool:
        state = self.state
        origin = state.cast.origin
        if state.talk.stretches or state.mailbox_at is not None or origin is None or origin.up_at is None:
            return False
        if (
            state.cast.direction not in (Direction.INBOUND, Direction.INTERNAL)
            or origin.kind is LegKind.INNER
        ):
            return False
        heard = state.applications.get(origin.uniqueid, [])
        return not heard and not any(
            one in MAILBOXES for found in state.applications.values() for one in found
        )

    def _tell(self, event: Event, at: float) -> None:
        if isinstance(event, Guest):
            self.state.meet_guest(event.channel, at)
        else:
            self.state.apply(event, at)

    def _blank(self) -> CallState:
        return CallState(self.root, self.trunks, self.region)
