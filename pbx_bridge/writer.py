"""How the reader of one PBX writes: each piece of work in one transaction, once, and only while the lease is its own.
A database that is away is waited for. What is written is decided by whoever hands the work in."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import structlog
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection
from tenacity import AsyncRetrying, RetryCallState, retry_if_exception, wait_exponential

from core.db import Database, is_refusal
from pbx_bridge.lease import Lease

log = structlog.get_logger(__name__)

Work = Callable[[AsyncConnection], Awaitable[None]]


class Writer:
    """Writes for the holder of `lease`."""

    def __init__(self, database: Database, lease: Lease) -> None:
        self._database = database
        self._lease = lease
        self._turn = asyncio.Lock()  # steps are told apart by their order

    async def write(self, work: Work) -> None:
        """Do `work` in one transaction. When the word that it was committed is lost on the way, it is not done again.

        Raises LeaseLostError, and DBAPIError for rows that the database will never take; nothing is written then.
        """
        async with self._turn:
            step = self._lease.next_step()

            async def once() -> None:
                async with self._database.write() as connection:
                    if await self._lease.begin(connection, step):
                        await work(connection)

            await self.insist(once)

    async def insist(self, do: Callable[[], Awaitable[None]]) -> None:
        """Do what may be done twice, and wait for a database that is away. Raises what `do` raises otherwise."""
        retrying = AsyncRetrying(
            retry=retry_if_exception(_may_pass),
            wait=wait_exponential(multiplier=0.2, max=5),
            before_sleep=self._warn,
        )
        await retrying(do)

    def _warn(self, state: RetryCallState) -> None:
        error = state.outcome.exception() if state.outcome else None
        log.warning(
            "the database does not take our rows; trying again", pbx=self._lease.pbx, error=str(error)
        )


def _may_pass(error: BaseException) -> bool:
    """Whether the database may take the same rows later."""
    return isinstance(error, DBAPIError | OSError) and not is_refusal(error)
