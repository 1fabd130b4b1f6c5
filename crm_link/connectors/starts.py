"""From which call on a CRM is told: one that comes into the settings hears of no call that ended before. Rows of
`connector_starts` on the caller's connection."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from sqlalchemy import delete, func, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from core.fact_log import FactLogRow
from crm_link.connectors.tables import ConnectorStart


async def begin(connection: AsyncConnection, connectors: Collection[str]) -> Mapping[str, int]:
    """The last fact before each of these CRMs came into the settings, which for new ones is now. Who is not among them
    is forgotten, and begins anew one day."""
    await connection.execute(delete(ConnectorStart).where(ConnectorStart.connector.not_in(connectors)))
    newest = await connection.scalar(select(func.max(FactLogRow.id))) or 0
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    rows = [{"connector": name, "after_fact": newest} for name in connectors]
    if rows:
        await connection.execute(dialect.insert(ConnectorStart).values(rows).on_conflict_do_nothing())
    known = await connection.execute(select(ConnectorStart.connector, ConnectorStart.after_fact))
    return {row.connector: row.after_fact for row in known}
