"""Keys that this installation made for itself at first use: for visitors' links, site tokens and keyed hashes. They
live in the database, so that a restart, a second server or a restored backup goes on with the same ones. Who signs
what is written elsewhere (`links.py`, `suppressions.py`); nothing here is ever logged."""

from __future__ import annotations

import hashlib
import hmac
import secrets

from sqlalchemy import select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from callback.tables import Secret
from core.db import Database

BYTES = 32
INSERTS: dict[str, sqlite.Insert | postgresql.Insert] = {
    "sqlite": sqlite.insert(Secret),
    "postgresql": postgresql.insert(Secret),
}


class SecretKeys:
    """One per database. A key that was read once is kept: it never changes."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._known: dict[str, str] = {}

    async def of(self, name: str) -> str:
        """The key of this name (at most 40 characters), made now if there is none yet: 64 hexadecimal digits."""
        if name not in self._known:
            async with self._database.write() as connection:
                self._known[name] = await _make_or_read(connection, name)
        return self._known[name]

    async def hash(self, name: str, text: str) -> str:
        """`text` hashed with the key `name`: who lacks the key cannot find the text by trying all numbers."""
        key = await self.of(name)
        return hmac.new(bytes.fromhex(key), text.encode("utf-8", "replace"), hashlib.sha256).hexdigest()


async def _make_or_read(connection: AsyncConnection, name: str) -> str:
    """Two servers that start together agree: whoever comes second reads what the first one made."""
    make = INSERTS[connection.dialect.name].on_conflict_do_nothing()
    await connection.execute(make, {"name": name, "value": secrets.token_hex(BYTES)})
    return (await connection.execute(select(Secret.value).where(Secret.name == name))).scalar_one()
