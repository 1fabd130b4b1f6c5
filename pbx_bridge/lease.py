"""One process per PBX: a lease row says who reads it, renewed every few seconds. The same row remembers when we
last saw the PBX, which dates the blind window of our own death. A holder on this machine whose process is gone is
taken over at once; any other holder keeps its lease until it runs out. Every write of the holder goes through the row
too (`begin`), so that one that waited while the lease changed hands comes too late."""

from __future__ import annotations

import os
import socket
import uuid

from sqlalchemy import insert, or_, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from core.db import Database
from pbx_bridge.tables import PbxHeartbeat

LEASE_S = 15.0
"""Long enough for a slow disk or a paused process, short enough that a second server takes over soon."""

RENEW_S = 2.0


class LeaseLostError(Exception):
    """Another server reads this PBX now: what this one still had to write is not to be written."""

    def __init__(self, pbx: str) -> None:
        super().__init__(f"the lease on {pbx} was taken by another server")


class Lease:
    """The right to read `pbx`. `take` until it is True, then `renew` every `RENEW_S`."""

    def __init__(self, database: Database, pbx: str) -> None:
        self._database = database
        self.pbx = pbx
        self._steps = 0
        self.owner = f"{socket.gethostname()}/{os.getpid()}/{uuid.uuid4().hex[:8]}"

    async def take(self, now: float) -> bool:
        """Try to become the reader. False: another server holds the lease."""
        await self._make_row()
        holder = await self.holder()
        free = or_(PbxHeartbeat.owner.is_(None), PbxHeartbeat.leased_until < now)
        if holder is not None and _is_dead_here(holder):
            free = or_(free, PbxHeartbeat.owner == holder)
        async with self._database.write() as connection:
            taken = await connection.execute(
                update(PbxHeartbeat)
                .where(PbxHeartbeat.pbx == self.pbx, free)
                .values(owner=self.owner, leased_until=now + LEASE_S, step=0)
            )
            return taken.rowcount == 1

    async def renew(self, now: float, seen_at: float | None) -> bool:
        """Keep the lease; `seen_at` is when the PBX was last seen, None for "not now". False: it was lost."""
        values: dict[str, float] = {"leased_until": now + LEASE_S}
        if seen_at is not None:
            values["seen_at"] = seen_at
        async with self._database.write() as connection:
            kept = await connection.execute(
                update(PbxHeartbeat)
                .where(PbxHeartbeat.pbx == self.pbx, PbxHeartbeat.owner == self.owner)
                .values(**values)
            )
            return kept.rowcount == 1

    def next_step(self) -> int:
        """The number of the holder's next write."""
        self._steps += 1
        return self._steps

    async def begin(self, connection: AsyncConnection, step: int) -> bool:
        """Begin write `step` inside the caller's transaction; nobody can take the lease before that ends.

        False: it was committed before, though nobody told us. Raises LeaseLostError.
        """
        of_pbx = PbxHeartbeat.pbx == self.pbx
        begun = await connection.execute(
            update(PbxHeartbeat)
            .where(of_pbx, PbxHeartbeat.owner == self.owner, PbxHeartbeat.step < step)
            .values(step=step)
        )
        if begun.rowcount == 1:
            return True
        if await connection.scalar(select(PbxHeartbeat.owner).where(of_pbx)) != self.owner:
            raise LeaseLostError(self.pbx)
        return False

    async def release(self) -> None:
        """Give the lease back, so that the next server need not wait."""
        async with self._database.write() as connection:
            await connection.execute(
                update(PbxHeartbeat)
                .where(PbxHeartbeat.pbx == self.pbx, PbxHeartbeat.owner == self.owner)
                .values(owner=None, leased_until=0.0)
            )

    async def holder(self) -> str | None:
        """Who holds the lease according to the row."""
        async with self._database.read() as connection:
            owner: str | None = await connection.scalar(
                select(PbxHeartbeat.owner).where(PbxHeartbeat.pbx == self.pbx)
            )
            return owner

    async def seen_at(self) -> float | None:
        """When any server last saw this PBX; None if never."""
        async with self._database.read() as connection:
            seen: float | None = await connection.scalar(
                select(PbxHeartbeat.seen_at).where(PbxHeartbeat.pbx == self.pbx)
            )
            return seen

    async def _make_row(self) -> None:
        async with self._database.read() as connection:
            if await connection.scalar(select(PbxHeartbeat.pbx).where(PbxHeartbeat.pbx == self.pbx)):
                return
        try:
            async with self._database.write() as connection:
                await connection.execute(insert(PbxHeartbeat).values(pbx=self.pbx))
        except IntegrityError:
            return  # another server made it in the same instant: that is the row we wanted


def _is_dead_here(owner: str) -> bool:
    """True when `owner` was a process of this machine that no longer runs."""
    host, _, rest = owner.partition("/")
    pid = rest.partition("/")[0]
    if host != socket.gethostname() or not pid.isdecimal():
        return False
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return int(pid) == os.getpid()
