"""The ordered, bounded stream between an AMI connection and its one consumer.

Pure. Messages and changes of the link go in, the same come out in order. When the consumer
falls too far behind, noise is shed first; if that is not enough, whole stretches are dropped
and a `LinkGap` stands in their place, so that nobody takes a stream with a hole for a whole one.
"""

from collections import deque
from dataclasses import dataclass

from pbx_bridge.ami.message import AmiMessage

# Frequent, and needed by no verdict: a call's truth does not change without them.
_NOISE = frozenset({"VarSet", "Newexten"})
_NOISE_PREFIX = "RTCP"


@dataclass(frozen=True, slots=True)
class Received:
    """One message of the call stream and the instant at which it arrived."""

    message: AmiMessage
    at: float


@dataclass(frozen=True, slots=True)
class LinkUp:
    """Logged in. Everything between `blind_since` and `at` was not seen: resync."""

    at: float
    blind_since: float
    banner: str


@dataclass(frozen=True, slots=True)
class LinkLost:
    """No connection. Nothing was heard after `since`; reconnecting goes on by itself."""

    at: float
    since: float
    reason: str


@dataclass(frozen=True, slots=True)
class LinkRefused:
    """The PBX refused the login: an alarm, for no retry mends a wrong secret."""

    at: float
    since: float
    reason: str


@dataclass(frozen=True, slots=True)
class LinkGap:
    """`dropped` messages between `since` and `at` were lost to overflow: resync."""

    at: float
    since: float
    dropped: int


LinkChange = LinkUp | LinkLost | LinkRefused | LinkGap
LinkItem = Received | LinkChange


@dataclass(frozen=True, slots=True)
class QueueLimits:
    """Reading should stop at half of these and may go on below a quarter; they are never passed.

    20,000 messages are about two seconds of the busiest PBX measured (11,600 events/s), 64 MiB
    a bound for unusually long ones. The upper half takes what one last read brings (256 kB).
    """

    messages: int = 20_000
    size: int = 67_108_864


class LinkQueue:
    """First in, first out. `put` what arrives, `pop` what is to be handled."""

    def __init__(self, limits: QueueLimits | None = None) -> None:
        self.noise_dropped = 0
        self.messages_dropped = 0
        self._limits = limits or QueueLimits()
        self._items: deque[LinkItem] = deque()
        self._size = 0
        self._shedding = False
        self._gap: LinkGap | None = None

    def __len__(self) -> int:
        return len(self._items)

    @property
    def is_crowded(self) -> bool:
        """Half full: stop reading."""
        return self._fills(2)

    @property
    def has_room(self) -> bool:
        """Under a quarter full: reading may go on."""
        return not self._fills(4)

    def put(self, message: AmiMessage, at: float) -> None:
        """Append a message, or count it as dropped when there is no room."""
        if not self._shedding and self._fills(1):
            self._shedding = True
            self._shed_noise()
        if self._shedding and self._drop(message, at):
            return
        self._items.append(Received(message, at))
        self._size += len(message.raw)

    def put_change(self, change: LinkChange) -> None:
        """Append a change of the link; changes are few and never dropped."""
        self._close_gap()
        self._items.append(change)

    def pop(self) -> LinkItem | None:
        """The oldest item, None when there is none."""
        if not self._items:
            return None
        item = self._items.popleft()
        if isinstance(item, Received):
            self._size -= len(item.message.raw)
        if self._shedding and self.has_room:
            self._shedding = False
            self._close_gap()
        return item

    def _close_gap(self) -> None:
        """If messages have been dropped, say so at this place in the stream."""
        if self._gap is not None:
            self._items.append(self._gap)
            self._gap = None

    def _fills(self, part: int) -> bool:
        return len(self._items) * part >= self._limits.messages or self._size * part >= self._limits.size

    def _drop(self, message: AmiMessage, at: float) -> bool:
        """Whether this message is dropped; once one is missing, all are until there is room."""
        if _is_noise(message):
            self.noise_dropped += 1
            return True
        if self._gap is None and not self._fills(1):
            return False
        since = at if self._gap is None else self._gap.since
        dropped = 0 if self._gap is None else self._gap.dropped
        self._gap = LinkGap(at, since, dropped + 1)
        self.messages_dropped += 1
        return True

    def _shed_noise(self) -> None:
        kept = [item for item in self._items if not (isinstance(item, Received) and _is_noise(item.message))]
        self.noise_dropped += len(self._items) - len(kept)
        self._items = deque(kept)
        self._size = sum(len(item.message.raw) for item in kept if isinstance(item, Received))


def _is_noise(message: AmiMessage) -> bool:
    event = message.event or ""
    return event in _NOISE or event.startswith(_NOISE_PREFIX)
