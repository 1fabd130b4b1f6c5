"""Numbers never to be dialled again. In: a number and why; out: whether it is one. Only a keyed hash is stored, so that
the wish "do not call me" survives the erasure of the person who wished it, and nobody can read the list back."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import bindparam, delete, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from callback.secret_keys import SecretKeys
from callback.tables import Suppression
from core.db import Database
from core.errors import NotFoundError

KEY = "suppressions"
MOST_LISTED = 500
INSERTS: dict[str, sqlite.Insert | postgresql.Insert] = {
    "sqlite": sqlite.insert(Suppression),
    "postgresql": postgresql.insert(Suppression),
}

# Made once: every ask looks here.
LISTED = select(Suppression.id).where(Suppression.number_hash == bindparam("hash"))


@dataclass(frozen=True, slots=True)
class Suppressed:
    """A line of the list as managers see it; the number itself is not known to us any more."""

    id: int
    since: float
    reason: str
    user_id: int | None


class Suppressions:
    """Numbers are E.164 everywhere."""

    def __init__(self, database: Database, keys: SecretKeys) -> None:
        self._database = database
        self._keys = keys

    async def prepare(self) -> None:
        """Have the key ready. Call it before a transaction that asks for hashes: it may have to be written."""
        await self._keys.of(KEY)

    async def hash(self, number: str) -> str:
        """What is stored of a number."""
        return await self._keys.hash(KEY, number)

    async def holds(self, number: str) -> bool:
        """Whether this number must not be dialled."""
        return number in await self.among([number])

    async def among(self, numbers: Collection[str]) -> frozenset[str]:
        """Those of these numbers that must not be dialled."""
        hashes = {await self.hash(number): number for number in numbers}
        async with self._database.read() as connection:
            listed = await connection.scalars(
                select(Suppression.number_hash).where(Suppression.number_hash.in_(hashes))
            )
            return frozenset(hashes[one] for one in listed)

    async def add(self, number: str, reason: str, at: float, user_id: int | None = None) -> None:
        """From now on this number is never dialled. Nothing happens when it is listed already."""
        wanted = await self.hash(number)
        async with self._database.write() as connection:
            await put(connection, wanted, reason, at, user_id)

    async def remove(self, suppression_id: int) -> None:
        """Raises NotFoundError when there is no such line."""
        async with self._database.write() as connection:
            gone = await connection.execute(delete(Suppression).where(Suppression.id == suppression_id))
        if gone.rowcount != 1:
            raise NotFoundError(f"there is no suppression {suppression_id}")

    async def remove_number(self, number: str) -> bool:
        """Take this number off the list. False when it was not on it."""
        wanted = await self.hash(number)
        async with self._database.write() as connection:
            gone = await connection.execute(delete(Suppression).where(Suppression.number_hash == wanted))
        return gone.rowcount == 1

    async def listed(self, below: float | str | None = None, *, limit: int = MOST_LISTED) -> list[Suppressed]:
        """The newest lines first, at most `limit`; those with an id less than `below`, when it is given."""
        columns = (Suppression.id, Suppression.since, Suppression.reason, Suppression.user_id)
        found = select(*columns).order_by(Suppression.id.desc()).limit(min(limit, MOST_LISTED))
        if below is not None:
            found = found.where(Suppression.id < below)
        async with self._database.read() as connection:
            return [Suppressed(*row) for row in await connection.execute(found)]


async def is_listed(connection: AsyncConnection, number_hash: str) -> bool:
    """Whether a number with this hash must not be dialled."""
    return (await connection.execute(LISTED, {"hash": number_hash})).first() is not None


async def put(
    connection: AsyncConnection, number_hash: str, reason: str, at: float, user_id: int | None
) -> None:
    """List a number inside the caller's transaction; the first reason stays."""
    line = {"number_hash": number_hash, "since": at, "reason": reason, "user_id": user_id}
    await connection.execute(INSERTS[connection.dialect.name].on_conflict_do_nothing(), line)
