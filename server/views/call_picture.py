"""*Pure.* A call's story as a picture: moments in, lanes with coloured spans out. One lane for the caller, one per
queue, one per phone of ours, in the order they joined. Positions are percentages of the call's length, so that the
template can draw them without arithmetic."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

SHORTEST_SHOWN = 0.4
"""Percent: a span shorter than this would be invisible."""

TOO_SHORT_S = 0.3
"""Seconds: the caller "waits" for some milliseconds between the agent's hang-up and the call's end."""

OUTSIDE = "outside"

Placer = Callable[[float], float]
"""An instant to its place in percent."""


class SpanKind(StrEnum):
    WAITING = "waiting"
    RINGING = "ringing"
    TALKING = "talking"
    HELD = "held"


@dataclass(frozen=True, slots=True)
class Moment:
    """One row of a call's story; kinds are those of `pbx_bridge/call_log.py`."""

    at: float
    kind: str
    extension: str | None
    detail: str | None


@dataclass(frozen=True, slots=True)
class Span:
    kind: SpanKind
    start: float
    end: float
    x: float
    width: float


@dataclass(frozen=True, slots=True)
class Lane:
    """`key` is an extension, `queue:<name>` or `outside`."""

    key: str
    spans: tuple[Span, ...]


@dataclass(frozen=True, slots=True)
class Mark:
    """A transfer: a line at `x` from one lane to another (`to_lane` is None when it left our phones)."""

    x: float
    at: float
    kind: str
    from_lane: int | None
    to_lane: int | None
    to: str


@dataclass(frozen=True, slots=True)
class Picture:
    started_at: float
    ended_at: float
    lanes: tuple[Lane, ...]
    marks: tuple[Mark, ...]
    ticks: tuple[float, ...]


@dataclass(slots=True)
class _Lanes:
    """Spans under construction: per lane at most one is open."""

    order: list[str] = field(default_factory=list)
    closed: dict[str, list[tuple[SpanKind, float, float]]] = field(default_factory=dict)
    opened: dict[str, tuple[SpanKind, float]] = field(default_factory=dict)
    answered_at: dict[str, float] = field(default_factory=dict)

    def begin(self, lane: str, kind: SpanKind, at: float) -> None:
        self.end(lane, at)
        if lane not in self.closed:
            self.order.append(lane)
            self.closed[lane] = []
        self.opened[lane] = (kind, at)

    def end(self, lane: str, at: float) -> None:
        if lane in self.opened:
            kind, since = self.opened.pop(lane)
            self.closed[lane].append((kind, since, at))


def draw(moments: Sequence[Moment], started_at: float, ended_at: float) -> Picture:
    """`ended_at` is the end, or now for a call that goes on."""
    ended_at = max(ended_at, started_at + 0.001, *(moment.at for moment in moments), started_at)
    lanes = _Lanes()
    lanes.begin(OUTSIDE, SpanKind.WAITING, started_at)
    for moment in moments:
        _apply(lanes, moment)
    for lane in list(lanes.opened):
        lanes.end(lane, ended_at)
    length = ended_at - started_at

    def place(at: float) -> float:
        return round(min(100.0, max(0.0, (at - started_at) / length * 100)), 2)

    drawn = tuple(Lane(key, _spans(lanes.closed[key], place)) for key in lanes.order)
    marks = tuple(_marks(moments, lanes.order, place))
    ticks = tuple(started_at + length * part / 4 for part in range(5))
    return Picture(started_at, ended_at, drawn, marks, ticks)


def _apply(lanes: _Lanes, moment: Moment) -> None:
    phone, at = moment.extension or "", moment.at
    match moment.kind:
        case "queued":
            lanes.begin(f"queue:{moment.detail}", SpanKind.WAITING, at)
        case "dequeued":
            lanes.end(f"queue:{moment.detail}", at)
        case "ringing":
            lanes.begin(phone, SpanKind.RINGING, at)
        case "stopped" if lanes.opened.get(phone, (None, 0))[0] is SpanKind.RINGING:
            lanes.end(phone, at)
        case "answered" | "resumed":
            lanes.begin(phone, SpanKind.TALKING, at)
            if moment.kind == "answered":
                lanes.answered_at[phone] = at
        case "held":
            lanes.begin(phone, SpanKind.HELD, at)
        case "left":
            lanes.end(phone, at)
    if moment.kind in {"answered", "left", "held", "resumed"}:
        _follow_caller(lanes, at)


def _follow_caller(lanes: _Lanes, at: float) -> None:
    """The caller's lane: talking while somebody of ours is connected with them, held while whoever is has put them on
    hold, else waiting. A colleague who answered during the hold talks to its holder, not to the caller."""
    ours = {lane: one for lane, one in lanes.opened.items() if lane != OUTSIDE}
    held_since = min((since for kind, since in ours.values() if kind is SpanKind.HELD), default=None)
    talking = [lane for lane, (kind, _) in ours.items() if kind is SpanKind.TALKING]
    if held_since is not None:
        talking = [lane for lane in talking if lanes.answered_at.get(lane, held_since) < held_since]
    if talking:
        wanted = SpanKind.TALKING
    elif held_since is not None:
        wanted = SpanKind.HELD
    else:
        wanted = SpanKind.WAITING
    if lanes.opened.get(OUTSIDE, (None, 0))[0] is not wanted:
        lanes.begin(OUTSIDE, wanted, at)


def _spans(spans: Iterable[tuple[SpanKind, float, float]], place: Placer) -> tuple[Span, ...]:
    drawn: list[Span] = []
    for kind, start, end in spans:
        if end - start < TOO_SHORT_S and drawn:
            continue
        x = place(start)
        width = round(max(SHORTEST_SHOWN, place(end) - x), 2)
        drawn.append(Span(kind, start, end, min(x, 100 - SHORTEST_SHOWN), width))
    return tuple(drawn)


def _marks(moments: Sequence[Moment], order: Sequence[str], place: Placer) -> Iterable[Mark]:
    index = {key: number for number, key in enumerate(order)}
    for moment in moments:
        if moment.kind.endswith("_transfer"):
            to = moment.detail or ""
            target = index.get(to, index.get(f"queue:{to}"))
            source = index.get(moment.extension or "")
            yield Mark(place(moment.at), moment.at, moment.kind, source, target, to)
