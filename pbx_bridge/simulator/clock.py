"""The simulated PBX's own time: real time from any origin at any speed, so that a story of a minute can be played in
a second and still has a minute's timestamps. Nothing else in the simulator reads a clock or sleeps."""

from __future__ import annotations

import asyncio
import time


class PbxClock:
    """Calling it answers the PBX's instant. `speed` 60 lets a minute pass in a second.

    `offset` (seconds) is how far the PBX's clock is ahead of ours at the start.
    """

    def __init__(self, speed: float = 1.0, offset: float = 0.0) -> None:
        self.speed = speed
        self._began = time.monotonic()
        self._origin = time.time() + offset

    def __call__(self) -> float:
        return self._origin + (time.monotonic() - self._began) * self.speed

    async def sleep(self, seconds: float) -> None:
        """Wait until so many of the PBX's seconds have passed."""
        await asyncio.sleep(max(0.0, seconds) / self.speed)


class SteppedClock(PbxClock):
    """A PBX whose time passes only when somebody waits, and then at once: whole days of calls in a second. For one
    story at a time. Events are 50 µs apart, about what Asterisk needs between two of them."""

    def __init__(self, now: float) -> None:
        super().__init__()
        self.now = now

    def __call__(self) -> float:
        self.now += 0.000_05
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.now += max(0.0, seconds)
        await asyncio.sleep(0)
