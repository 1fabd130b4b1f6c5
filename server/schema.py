"""Brings the database to this version's schema. Every room's `tables.py` must be imported here, or its tables do
not exist."""

from __future__ import annotations

import core.accounts
import core.api_keys
import core.fact_log
import core.sessions
import crm_link.tables
import pbx_bridge.tables
from core.db import Base, Database

TABLES = (core.accounts, core.fact_log, pbx_bridge.tables, crm_link.tables)
"""Modules that declare tables."""


async def prepare(database: Database) -> None:
    """Create what is missing. Raises DatabaseError when the database cannot be used."""
    await database.check()
    async with database.write() as connection:
        await connection.run_sync(Base.metadata.create_all)
