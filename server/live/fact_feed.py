"""Facts in from the bus, numbered texts out to programs that listen. Every fact gets `epoch:seq`, whoever hears it; the
last ones are kept, so that a program whose line broke gets what it missed, or is told that it must look again. A
listener that reads too slowly is cut off, never waited for. What a fact looks like is `api/events.py`'s, the connection
too."""

from __future__ import annotations

import asyncio
import secrets
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from core.bus import Bus
from core.errors import TooManyRequestsError
from core.facts import Fact
from core.tasks import woken

Hears = Callable[[type[Fact]], bool]
"""Which facts one program may hear."""

KEPT = 2000
"""Facts a program may have missed: some minutes of a busy site, about half a megabyte."""

WAITING = 500
"""Facts waiting for one program."""

MOST_LISTENERS = 50
RETRY_S = 60


@dataclass(frozen=True, slots=True)
class FeedTimes:
    """Seconds. `beat`: a comment is sent when nothing happened for so long, so that both sides notice a dead line.
    `check`: how long a revoked key or an ended session goes on listening at most. `write`: a program that takes
    nothing for so long is gone, or as good as gone."""

    beat: float = 15.0
    check: float = 30.0
    write: float = 30.0


class Listener:
    """One program's place in the feed. `cut` is set when it is to be disconnected."""

    def __init__(self, hears: Hears) -> None:
        self.hears = hears
        self.cut = False
        self._waiting: deque[str] = deque()
        self._news = asyncio.Event()

    def put(self, text: str) -> None:
        if len(self._waiting) >= WAITING:
            self.end()
        if not self.cut:
            self._waiting.append(text)
            self._news.set()

    def end(self) -> None:
        self.cut = True
        self._waiting.clear()
        self._news.set()

    async def take(self, seconds: float) -> str:
        """All that waits, as one text; "" when nothing came for so long or the listener was cut."""
        if not self._waiting and not self.cut and not await woken(self._news, seconds):
            return ""
        self._news.clear()
        text = "".join(self._waiting)
        self._waiting.clear()
        return text


class FactFeed:
    """One per application. `write` gives the text of a fact under its number."""

    def __init__(
        self,
        bus: Bus,
        facts: Iterable[type[Fact]],
        write: Callable[[Fact, str], str],
        times: FeedTimes | None = None,
    ) -> None:
        self.times = times or FeedTimes()
        self.epoch = secrets.token_hex(6)
        self.seq = 0
        self.is_closed = False
        self._write = write
        self._ring: deque[tuple[type[Fact], str]] = deque(maxlen=KEPT)
        self._listeners: set[Listener] = set()
        for kind in facts:
            bus.subscribe(kind, self._hear, name="programs")

    @property
    def position(self) -> str:
        """The number of the last fact."""
        return f"{self.epoch}:{self.seq}"

    async def _hear(self, fact: Fact) -> None:
        self.seq += 1
        text = self._write(fact, self.position)
        self._ring.append((type(fact), text))
        for listener in tuple(self._listeners):
            if listener.hears(type(fact)):
                listener.put(text)

    def join(self, hears: Hears = lambda _kind: True) -> Listener:
        """From now on. Raises TooManyRequestsError."""
        if len(self._listeners) >= MOST_LISTENERS:
            raise TooManyRequestsError(
                f"{MOST_LISTENERS} programs listen already: close one of them", retry_after=RETRY_S
            )
        listener = Listener(hears)
        self._listeners.add(listener)
        return listener

    def leave(self, listener: Listener) -> None:
        self._listeners.discard(listener)

    def missed(self, position: str | None, hears: Hears = lambda _kind: True) -> list[str] | None:
        """What came after `position`; None when that is not known any more, or never was."""
        epoch, _, seq = (position or "").partition(":")
        if epoch != self.epoch or not (seq.isascii() and seq.isdigit() and len(seq) <= 15):
            return None
        behind = self.seq - int(seq)
        if not 0 <= behind <= len(self._ring):
            return None
        return [text for kind, text in list(self._ring)[len(self._ring) - behind :] if hears(kind)]

    def close(self) -> None:
        """Send everybody away: the server stops."""
        self.is_closed = True
        for listener in tuple(self._listeners):
            listener.end()
