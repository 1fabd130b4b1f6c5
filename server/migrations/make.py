"""`python -m server.migrations.make "what changes"`: writes the revision that leads from the last one to the tables
as declared now. Read it before you commit it: Alembic does not see renames."""

from __future__ import annotations

import asyncio
import sys
import tempfile

from alembic import command
from sqlalchemy import Connection

from core.db import Database
from server.schema import alembic_config, prepare


async def make(message: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        database = Database(f"sqlite:///{folder}/schema.db")
        await prepare(database)
        async with database.write() as connection:
            await connection.run_sync(_write, message)
        await database.close()


def _write(connection: Connection, message: str) -> None:
    command.revision(alembic_config(connection), message, autogenerate=True)


if __name__ == "__main__":
    asyncio.run(make(sys.argv[1]))
