"""Alembic's entry point. `server/schema.py` hands over the connection, inside whose transaction everything happens:
a migration that fails half-way leaves the database as it was, on SQLite too."""

from __future__ import annotations

from alembic import context

from core.db import Base

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    render_as_batch=True,  # SQLite alters a table by copying it
    compare_type=True,
)
context.run_migrations()
