"""People's decisions about blocks of numbers in; rows, history and facts out. Every method is one transaction that ends
with the durable `CustomerChanged`. Whether `by` may is the caller's to decide."""

from __future__ import annotations

from sqlalchemy.ext.asyncio import AsyncConnection

from core.bus import Bus
from core.clock import Clock
from core.db import Database
from core.facts import Fact, RemovalReason
from core.ports import OpenPromises
from crm_link.blocks.block import Block, read_block
from crm_link.blocks.claims import (
    BlockView,
    attach_strays,
    check_known,
    give_block,
    numbers_inside,
    read_blocks,
    take_block,
)
from crm_link.call_links import read_links_since
from crm_link.changes import Change, Edit, What, announce, announce_removed, journal
from crm_link.customers import ON_A_SCREEN_S
from crm_link.expiry import release
from crm_link.records import bump, hold_customer, resolve

MOST_SAID = 50
"""Numbers of a new block whose calls of today are looked for on screens."""


class Blocks:
    """One instance serves the whole process."""

    def __init__(
        self,
        database: Database,
        bus: Bus,
        clock: Clock,
        region: str,
        promises: OpenPromises | None = None,
    ) -> None:
        self._promises = promises
        self._database = database
        self._bus = bus
        self._clock = clock
        self._region = region

    async def add(self, customer_id: int, text: str, by: int | None) -> tuple[BlockView, ...]:
        """Give the customer a block as people write it; returns all of theirs. Strangers from inside it whom nothing
        identifies, and calls that stood with nobody, become the customer's. What is held already changes nothing.

        Raises NotFoundError, InvalidInputError, and ConflictError for a customer nobody has named.
        """
        block = read_block(text, self._region)
        edit = Edit(self._clock(), by)
        async with self._database.read() as connection:
            await check_known(connection, await resolve(connection, customer_id))
            numbers = await numbers_inside(connection, block)
        async with self._database.write() as connection:
            strangers = await release(connection, numbers, self._promises, edit.at)
            current = await hold_customer(connection, customer_id)
            facts: list[Fact] = []
            if await give_block(connection, current, block, edit):
                await bump(connection, current)
                facts = await self._bring_in(connection, current, numbers, block, edit)
            facts += await announce_removed(connection, strangers, RemovalReason.EXPIRED, edit.at)
        for fact in facts:
            await self._bus.publish(fact)
        return await self.of(current)

    async def remove(self, customer_id: int, block_id: int, by: int | None) -> tuple[BlockView, ...]:
        """Take a block away; calls stay. Raises NotFoundError."""
        edit = Edit(self._clock(), by)
        async with self._database.write() as connection:
            current = await hold_customer(connection, customer_id)
            await take_block(connection, current, block_id, edit)
            await bump(connection, current)
            changed = await announce(connection, current, edit.at)
        await self._bus.publish(changed)
        return await self.of(current)

    async def of(self, customer_id: int) -> tuple[BlockView, ...]:
        """The customer's blocks."""
        async with self._database.read() as connection:
            return await read_blocks(connection, customer_id)

    async def _bring_in(
        self, connection: AsyncConnection, customer_id: int, numbers: list[str], block: Block, edit: Edit
    ) -> list[Fact]:
        moved = await attach_strays(connection, customer_id, numbers)
        facts: list[Fact] = []
        if moved:
            count = Change(What.CALLS_RELABELLED, before=block.shown, after=str(moved))
            await journal(connection, customer_id, edit, count)
            for number in numbers[:MOST_SAID]:
                lately = await read_links_since(connection, number, edit.at - ON_A_SCREEN_S)
                facts += [links.fact(edit.at) for links in lately]
        facts.append(await announce(connection, customer_id, edit.at))
        return facts
