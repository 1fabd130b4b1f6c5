"""When the bytes of a capture arrived: the sidecar `FILE.times` that `ringback capture` writes beside `FILE`.

*Pure.* One line per arrival: the number of bytes received so far, a space, the instant in seconds since 1970 with
microseconds. The last line stands for the end of the connection, so its number may repeat."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Times:
    """Arrivals in order: after `instants[i]`, `offsets[i]` bytes had come."""

    offsets: tuple[int, ...]
    instants: tuple[float, ...]

    def at(self, offset: int) -> float:
        """When the byte before `offset` had arrived."""
        place = bisect_left(self.offsets, offset)
        return self.instants[min(place, len(self.instants) - 1)]

    @property
    def end(self) -> float:
        """When the connection ended."""
        return self.instants[-1]


def line_of(offset: int, at: float) -> str:
    """One line of a sidecar."""
    return f"{offset} {at:.6f}\n"


def times_from(lines: Iterable[str]) -> Times:
    """Read a sidecar. Raises ValueError with the number of the first line that is wrong."""
    offsets: list[int] = []
    instants: list[float] = []
    for number, line in enumerate(lines, 1):
        offset, _, instant = line.strip().partition(" ")
        try:
            offsets.append(int(offset))
            instants.append(float(instant))
        except ValueError:
            raise ValueError(f"line {number} is not a byte count and a time") from None
        if offsets[-1] < max(offsets) or not math.isfinite(instants[-1]):
            raise ValueError(f"line {number} goes backwards")
    if not offsets:
        raise ValueError("it is empty")
    return Times(tuple(offsets), tuple(instants))
