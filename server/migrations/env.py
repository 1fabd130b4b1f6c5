"""Alembic's entry point. `server/schema.py` hands over the connection, inside whose transaction everything happens:
a migration that fails half-way leaves the database as it was, on SQLite too."""

from __future__ import annotations

from alembic import context

from core.db import Base
from server.migrations.search_index import add_index, is_declared

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    render_as_batch=True,  # SQLite alters a table by copying it
    compare_type=True,
    include_object=is_declared,
    process_revision_directives=add_index,
)
context.run_migrations()
