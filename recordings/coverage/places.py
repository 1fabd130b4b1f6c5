"""What lies somewhere without being accounted for: audio in the store that no row points to, and files in a PBX's
folders that nobody took. Listings go in, findings come out; nothing is removed but audio whose recording was removed
before."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Row, select
from sqlalchemy.ext.asyncio import AsyncConnection

from core.clock import Clock
from core.db import Database
from recordings import folder, names
from recordings.coverage.findings import Closed, Finding, FindingKind, Why, judge_left
from recordings.folder import DONE, PART, Found
from recordings.leftovers import let_go
from recordings.matching import call_of
from recordings.prompts.book import kept_keys
from recordings.removal import KEYS
from recordings.store import Entry, Store
from recordings.tables import Recording, StoreLeftover

LISTED_AT_ONCE = 500

LONGEST_SHOWN = 180
"""Of a file's name."""

FRESH_S = 3600.0
"""What was put into the store so lately may get its row yet."""


@dataclass(frozen=True, slots=True)
class Places:
    database: Database
    store: Store
    clock: Clock

    async def is_nothing_stored(self) -> bool:
        """Whether there is not one thing in the store. Raises StoreError."""
        async for _ in self.store.keys():
            return False
        return True

    async def listed(self) -> AsyncIterator[list[Entry]]:
        """All that is in the store and not fresh, a part at a time. Raises StoreError."""
        part: list[Entry] = []
        old = self.clock() - FRESH_S
        async for entry in self.store.entries():
            if entry.changed_at < old:
                part.append(entry)
            if len(part) == LISTED_AT_ONCE:
                yield part
                part = []
        if part:
            yield part

    async def strays(self, entries: Sequence[Entry]) -> list[Finding]:
        """Those of them that no row points to. Audio of a removed recording is let go on the spot."""
        keys = {one.key for one in entries}
        async with self.database.read() as connection:
            rows = await _owners(connection, {key.partition("/")[0] for key in keys})
            going = await connection.scalars(select(StoreLeftover.key).where(StoreLeftover.key.in_(keys)))
            known = {getattr(row, name) for row in rows.values() for name in KEYS} | set(going)
            known |= await kept_keys(connection, keys)
        found = [_stray(one, rows.get(one.key.partition("/")[0])) for one in entries if one.key not in known]
        removed = [one.subject for one in found if one.reason is Why.REMOVED]
        if removed:
            async with self.database.write() as connection:
                await let_go(connection, removed, self.clock())
        return found

    async def left_behind(self, pbx: str, home: Path, late_s: float) -> list[Finding]:
        """Files of `done/` and `part/` that somebody should have taken by now. Raises OSError."""
        found: list[Finding] = []
        for name in (DONE, PART):
            for one in await asyncio.to_thread(folder.look, home / name):
                finding = await self._left(pbx, name, one, late_s)
                if finding is not None:
                    found.append(finding)
        return found

    async def _left(self, pbx: str, place: str, one: Found, late_s: float) -> Finding | None:
        quiet_s = self.clock() - one.changed_at
        if quiet_s <= late_s:
            return None
        known = names.parse(one.name)
        call = None
        if known is not None:
            async with self.database.read() as connection:
                call = await call_of(connection, pbx, known.linkedid, known.started_at)
        why = judge_left(is_done=place == DONE, quiet_s=quiet_s, is_over=call is not None, late_s=late_s)
        if why is None:
            return None
        at = known.started_at if known is not None else one.changed_at
        shown = names.told(one.name)[:LONGEST_SHOWN]
        return Finding(
            FindingKind.LEFT_BEHIND, f"{pbx}:{place}/{shown}", at, why, f"{place}/{shown}",
            call.id if call else None, None, pbx, call.queue if call else None,
        )  # fmt: skip


async def _owners(connection: AsyncConnection, ids: Collection[str]) -> dict[str, Row[Any]]:
    columns = [getattr(Recording, name) for name in KEYS]
    rows = await connection.execute(
        select(Recording.id, Recording.call_id, Recording.removed_at, *columns).where(Recording.id.in_(ids))
    )
    return {row.id: row for row in rows}


def _stray(entry: Entry, owner: Row[Any] | None) -> Finding:
    kind, at = FindingKind.STRAY, entry.changed_at
    detail = f"{entry.bytes} bytes"
    if owner is None:
        return Finding(kind, entry.key, at, Why.NO_ROW, detail)
    why, closed = (Why.NOT_USED, None) if owner.removed_at is None else (Why.REMOVED, Closed.MENDED)
    return Finding(kind, entry.key, at, why, detail, owner.call_id, owner.id, closed=closed)
