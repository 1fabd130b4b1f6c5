"""How long recordings are kept: the rules of the settings in, recordings whose time is over out, removed an hour at a
time. The most special rule wins (queue, then verdict, then the general one); 0 days is for ever. What is on legal hold
stays until it is released."""

from __future__ import annotations

import asyncio

import structlog
from sqlalchemy import ColumnElement, and_, case, literal, select

from config.recordings import Retention as Rules
from core.clock import Clock
from core.db import Database
from recordings.access import Asker
from recordings.kinds import NoAudio
from recordings.removal import Removed, Remover
from recordings.tables import Recording

log = structlog.get_logger(__name__)

DAY_S = 86_400.0
SWEEP_S = 3600.0
AT_ONCE = 500
"""Removed in one sweep; a rule that was made stricter for a year of calls is worked off over some hours."""

BY_RULE = Asker("retention", None)
"""How a removal by these rules is written down."""


def days_kept(rules: Rules, queue: str | None, verdict: str | None) -> int:
    """How long such a recording is kept; 0 is for ever."""
    if queue is not None and queue in rules.queue:
        return rules.queue[queue]
    if verdict is not None and verdict in rules.verdict:
        return rules.verdict[verdict]
    return rules.days


class Retention:
    def __init__(self, database: Database, remover: Remover, clock: Clock, rules: Rules) -> None:
        self._database = database
        self._remover = remover
        self._clock = clock
        self._rules = rules

    async def run(self) -> None:
        """For ever."""
        while True:
            await self.sweep()
            await asyncio.sleep(SWEEP_S)

    async def sweep(self) -> Removed:
        """Remove what is due, oldest first."""
        async with self._database.read() as connection:
            rows = await connection.execute(
                select(Recording.id)
                .where(_is_due(self._rules, self._clock()))
                .order_by(Recording.started_at)
                .limit(AT_ONCE)
            )
            due = [row.id for row in rows]
        gone = await self._remover.remove(BY_RULE, due, NoAudio.RETENTION)
        if gone.recordings:
            log.info("recordings removed by the rules of retention", recordings=gone.recordings)
        return gone


def _is_due(rules: Rules, now: float) -> ColumnElement[bool]:
    """`days_kept`, as the database reads it."""
    special = [(Recording.queue == queue, literal(days)) for queue, days in rules.queue.items()]
    special += [(Recording.verdict == verdict, literal(days)) for verdict, days in rules.verdict.items()]
    days = case(*special, else_=literal(rules.days)) if special else literal(rules.days)
    return and_(
        Recording.removed_at.is_(None),
        Recording.held_at.is_(None),
        days > 0,
        Recording.started_at < now - days * DAY_S,
    )
