"""Rule P6: when each screen pop reached a screen. The hub tells when a phone rings, a browser acknowledges and a phone
is done; out come rows of `pops` and a histogram. Only phones whose owner has the desk open count. The figure that
managers see is made in `views/pop_figures.py`. A pop that is over when the process dies is lost: this is a figure,
not a duty."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, replace

import structlog
from prometheus_client import Counter, Histogram
from sqlalchemy import insert

from core.db import Database
from server.tables import PopRow

log = structlog.get_logger(__name__)

SHOWN_SECONDS = Histogram(
    "ringback_pop_shown_seconds",
    "From reading the PBX's event to the browser's word that the card is on the page",
    buckets=(0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10),
)
POPS = Counter("ringback_pops_total", "Screen pops by what became of them", ["outcome"])

WAITING_ROWS = 5000
"""Finished pops waiting to be written; a database away for longer than that costs figures, not memory."""

BATCH = 200


@dataclass(frozen=True, slots=True)
class Pop:
    call_id: str
    user_id: int
    rang_at: float
    shown_at: float | None = None
    visible: bool | None = None


class PopMeter:
    """Follows the pops that ring now. All instants are of our own clock."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._ringing: dict[tuple[int, str], Pop] = {}
        self._done: asyncio.Queue[Mapping[str, object]] = asyncio.Queue(WAITING_ROWS)

    def rang(self, user_id: int, call_id: str, at: float) -> None:
        self._ringing.setdefault((user_id, call_id), Pop(call_id, user_id, at))

    def shown(self, user_id: int, call_id: str, at: float, visible: bool) -> None:
        """A page has the card in its document. The first page counts, but a visible one counts as seen."""
        pop = self._ringing.get((user_id, call_id))
        if pop is None:
            return
        if pop.shown_at is None:
            SHOWN_SECONDS.observe(at - pop.rang_at)
            self._ringing[user_id, call_id] = replace(pop, shown_at=at, visible=visible)
        elif visible and not pop.visible:
            self._ringing[user_id, call_id] = replace(pop, visible=True)

    def is_shown(self, user_id: int, call_id: str) -> bool:
        """Whether a page has acknowledged this pop, which still rings."""
        pop = self._ringing.get((user_id, call_id))
        return pop is not None and pop.shown_at is not None

    def moved(self, absorbed_id: str, call_id: str) -> None:
        """Two calls became one: a pop shown for the first was shown for the conversation."""
        for user_id, old in [key for key in self._ringing if key[1] == absorbed_id]:
            pop = self._ringing.pop((user_id, old))
            self._ringing.setdefault((user_id, call_id), replace(pop, call_id=call_id))

    def over(self, user_id: int, call_id: str, at: float, answered: bool) -> None:
        """The phone rings no more."""
        pop = self._ringing.pop((user_id, call_id), None)
        if pop is None:
            return
        outcome = "never_shown" if pop.shown_at is None else "answered" if answered else "not_answered"
        POPS.labels(outcome).inc()
        row = {
            "call_id": pop.call_id,
            "user_id": pop.user_id,
            "rang_at": pop.rang_at,
            "shown_at": pop.shown_at,
            "visible": pop.visible,
            "over_at": at,
            "answered": answered,
        }
        try:
            self._done.put_nowait(row)
        except asyncio.QueueFull:
            POPS.labels("not_stored").inc()

    async def write(self) -> None:
        """Store finished pops, for ever."""
        while True:
            rows = [await self._done.get()]
            while not self._done.empty() and len(rows) < BATCH:
                rows.append(self._done.get_nowait())
            async with self._database.write() as connection:
                await connection.execute(insert(PopRow), rows)
