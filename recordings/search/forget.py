"""Lets the words of removed texts leave SQLite's file. FTS5 notes a removal beside the words themselves, which stay in
the file until it happens to merge both; from SQLite 3.42 it can be told to take them out at once. A database in,
nothing out. PostgreSQL's index goes with its rows, by vacuuming."""

from __future__ import annotations

import asyncio
import sqlite3

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from core.db import Database

EVERY_S = 86_400.0

PAGES = 250
"""Merged in one transaction, a megabyte: everybody else who writes waits for it. FTS5 is told less than none: merge
all there is, not only where much has gathered."""

CAN_DELETE_AT_ONCE = sqlite3.sqlite_version_info >= (3, 42)

_AT_ONCE = text("SELECT 1 FROM search_index_config WHERE k = 'secure-delete' AND v = 1")
_MERGE = text("INSERT INTO search_index(search_index, rank) VALUES ('merge', :pages)")
_DELETE_AT_ONCE = text("INSERT INTO search_index(search_index, rank) VALUES ('secure-delete', 1)")
_CHANGES = text("SELECT total_changes()")


async def run(database: Database) -> None:
    """For ever: what was removed since yesterday, by rules, by hand, or by an erasure that was broken off."""
    while True:
        await forget_words(database)
        await asyncio.sleep(EVERY_S)


async def forget_words(database: Database) -> None:
    """Afterwards nothing of texts that were removed before stands in the index. In steps; where the index can, it is
    told to do so by itself from then on, and this is nothing to do any more."""
    while database.is_sqlite:
        async with database.write(is_long=True) as connection:
            if await connection.scalar(_AT_ONCE) or not await _merge(connection):
                break


async def _merge(connection: AsyncConnection) -> bool:
    """One step; False when there was nothing left to merge (FTS5 changes less than two rows then)."""
    before = int(await connection.scalar(_CHANGES) or 0)
    await connection.execute(_MERGE, {"pages": -PAGES})
    is_more = int(await connection.scalar(_CHANGES) or 0) - before >= 2
    if CAN_DELETE_AT_ONCE and not is_more:
        await connection.execute(_DELETE_AT_ONCE)
    return is_more
