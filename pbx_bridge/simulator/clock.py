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
