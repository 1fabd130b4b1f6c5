"""The demo's endless live script: every half minute or so another scene begins on the simulated PBX, each unlike the
last. The first ones are chosen, so that whoever has just logged in sees a known customer, a number with several
owners and a transfer within the first minutes."""

from __future__ import annotations

import asyncio
from random import Random

import structlog

from pbx_bridge.simulator import Simulator
from server.demo.cast import AGENTS, Cast
from server.demo.scenes import (
    Deck,
    Pace,
    Scene,
    Stage,
    attended_transfer,
    blind_transfer,
    direct_call,
    play,
    queue_call,
    shared_number,
)

log = structlog.get_logger(__name__)

FIRST_RING_S = 3.0
BETWEEN_S = (20.0, 40.0)
PACE = Pace(ring=(7, 12), talk=(25, 55), patience=(12, 25))
"""Slow enough to read a card before the phone is answered and to type a note while they talk."""

OPENING: tuple[Scene, ...] = (
    queue_call,
    shared_number,
    direct_call,
    blind_transfer,
    queue_call,
    attended_transfer,
)
"""Played first, in this order."""

MOST_AT_ONCE = 4
"""Calls at the same time: there are four phones."""


class Script:
    """Plays for as long as `run` runs. `between` are the seconds from one ring to the next."""

    def __init__(
        self,
        pbx: Simulator,
        dice: Random,
        *,
        first: float = FIRST_RING_S,
        between: tuple[float, float] = BETWEEN_S,
        pace: Pace = PACE,
    ) -> None:
        self._pbx = pbx
        self._cast = Cast(dice)
        self._deck = Deck(dice)
        self._first = first
        self._between = between
        self._pace = pace
        self._playing: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Never returns; cancelling it ends what it plays."""
        try:
            await self._pbx.clock.sleep(self._first)
            upcoming = list(OPENING)
            while True:
                if len(self._playing) < MOST_AT_ONCE:
                    self._begin(upcoming.pop(0) if upcoming else self._deck.draw())
                await self._pbx.clock.sleep(self._cast.seconds(*self._between))
        finally:
            for task in tuple(self._playing):
                task.cancel()
            await asyncio.gather(*self._playing, return_exceptions=True)

    def _begin(self, scene: Scene) -> None:
        stage = Stage(self._pbx, self._cast, self._pace, [], star=AGENTS[0])
        task = asyncio.create_task(play(scene, stage), name=f"demo: {scene.__name__}")
        self._playing.add(task)
        task.add_done_callback(self._over)

    def _over(self, task: asyncio.Task[None]) -> None:
        self._playing.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("a demo scene failed", scene=task.get_name(), exc_info=error)
