"""Brings the database to this version's schema, or says why it cannot. Every module that declares tables is named
here. Tables are described in the rooms' `tables.py`; their history is in `server/migrations/`."""

from __future__ import annotations

from pathlib import Path

import structlog
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

import callback.tables
import core.accounts
import core.alarms
import core.api_keys
import core.fact_log
import core.sessions
import crm_link.blocked.tables
import crm_link.blocks.tables
import crm_link.connectors.tables
import crm_link.deals.tables
import crm_link.expiry_tables
import crm_link.fields.tables
import crm_link.imports.tables
import crm_link.merging.tables
import crm_link.tables
import crm_link.tasks.tables
import crm_link.webhooks.tables
import pbx_bridge.tables
import recordings.coverage.tables
import recordings.search.tables
import recordings.tables
import server.privacy.erase_tables
import server.tables
from core.db import Database
from core.errors import DatabaseError

log = structlog.get_logger(__name__)

TABLES = (
    core.accounts,
    core.alarms,
    core.api_keys,
    core.fact_log,
    core.sessions,
    callback.tables,
    crm_link.blocked.tables,
    crm_link.blocks.tables,
    crm_link.connectors.tables,
    crm_link.imports.tables,
    crm_link.deals.tables,
    crm_link.expiry_tables,
    crm_link.fields.tables,
    crm_link.merging.tables,
    crm_link.tables,
    crm_link.tasks.tables,
    crm_link.webhooks.tables,
    pbx_bridge.tables,
    recordings.coverage.tables,
    recordings.search.tables,
    recordings.tables,
    server.privacy.erase_tables,
    server.tables,
)
"""Modules that declare tables."""

MIGRATIONS = Path(__file__).parent / "migrations"

MIGRATION_LOCK = 0x52494E48
"""PostgreSQL advisory lock: two servers that start together must not both migrate."""


async def prepare(database: Database) -> None:
    """Apply what is missing, all or nothing.

    Raises DatabaseError when the database cannot be used or was made by a newer Ringback.
    """
    await database.check()
    async with database.write() as connection:
        await connection.run_sync(_upgrade, str(database.url.render_as_string(hide_password=True)))


def alembic_config(connection: Connection) -> Config:
    """Alembic's own configuration object for this connection."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["connection"] = connection
    return config


def _upgrade(connection: Connection, shown_url: str) -> None:
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": MIGRATION_LOCK})
    config = alembic_config(connection)
    known = {revision.revision for revision in ScriptDirectory.from_config(config).walk_revisions()}
    current = MigrationContext.configure(connection).get_current_revision()
    if current is not None and current not in known:
        raise DatabaseError(
            f"the database {shown_url} was made by a newer Ringback (its schema {current} is unknown to this one): "
            "install that version again, or restore the backup taken before the upgrade"
        )
    command.upgrade(config, "head")
    head = MigrationContext.configure(connection).get_current_revision()
    if head != current:
        log.info("the database has this version's schema now", schema=head, before=current)
