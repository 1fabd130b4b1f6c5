"""*Pure.* The coverage of some days as a picture: standings in, columns with stacked parts out. A column is as high
as its day had calls that should have been kept; all places are percentages, so that the template draws without
arithmetic."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from recordings.kinds import AudioState
from server.views.coverage import Standing

STACK = (AudioState.KEPT, AudioState.PARTLY, AudioState.MISSING)
"""From the bottom up."""

FILLED = 0.72
"""Of the room of a day; the rest is air."""

LEAST = 1.5
"""Percent: less of a column would be invisible, and the one missing call is what the picture is for."""

MOST_TICKS = 10


@dataclass(frozen=True, slots=True)
class Part:
    state: AudioState
    y: float
    height: float
    calls: int


@dataclass(frozen=True, slots=True)
class Column:
    """`x` and `width` are of the column, `place` and `room` of its whole day."""

    day: date
    x: float
    width: float
    place: float
    room: float
    parts: tuple[Part, ...]
    standing: Standing


@dataclass(frozen=True, slots=True)
class Picture:
    """`most` is what the highest column counts; `ticks` are days to be named, with the place of their middle."""

    columns: tuple[Column, ...]
    most: int
    ticks: tuple[tuple[date, float], ...]


def draw(days: Mapping[date, Standing]) -> Picture:
    most = max((one.expected for one in days.values()), default=0)
    room = 100.0 / max(1, len(days))
    columns = tuple(
        Column(
            day=day,
            x=round(number * room + room * (1 - FILLED) / 2, 3),
            width=round(room * FILLED, 3),
            place=round(number * room, 3),
            room=round(room, 3),
            parts=_parts(standing, most),
            standing=standing,
        )
        for number, (day, standing) in enumerate(days.items())
    )
    step = -(-len(columns) // MOST_TICKS) if columns else 1
    # Counted from the last day: today is always named.
    named = columns[::-1][::step][::-1]
    return Picture(columns, most, tuple((one.day, round(one.place + room / 2, 3)) for one in named))


def _parts(standing: Standing, most: int) -> tuple[Part, ...]:
    if not most:
        return ()
    heights = _heights([standing.states[state] for state in STACK], most)
    parts, y = [], 100.0
    for state, height in zip(STACK, heights, strict=True):
        y -= height
        if height:
            parts.append(Part(state, round(y, 3), round(height, 3), standing.states[state]))
    return tuple(parts)


def _heights(counts: Sequence[int], most: int) -> list[float]:
    """In percent; what little parts need to be seen is taken from the largest."""
    true = [100.0 * count / most for count in counts]
    shown = [max(LEAST, height) if height else 0.0 for height in true]
    largest = shown.index(max(shown))
    shown[largest] -= sum(shown) - sum(true) if shown[largest] > LEAST * len(shown) else 0.0
    return shown
