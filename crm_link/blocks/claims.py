"""Whose block a number lies in, and what changes when a firm gets a block or loses it: calls of its numbers that stood
with nobody find the firm. Works inside the caller's transaction; reading what people write is `block.py`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, String, delete, exists, insert, literal, select
from sqlalchemy.ext.asyncio import AsyncConnection

from core.equivalences import key_of
from core.errors import ConflictError, InvalidInputError, NotFoundError
from crm_link.blocks.block import Block, prefixes_of
from crm_link.blocks.tables import NumberBlock
from crm_link.changes import Change, Edit, What, journal, row_of
from crm_link.kinds import LinkHow
from crm_link.match import MAX_CANDIDATES, Candidate
from crm_link.tables import CallCustomer, CallMatch, Customer

MOST_BLOCKS = 50
"""Per customer."""

IN_ONE_GO = 500
"""Numbers whose calls are attached in one statement."""


@dataclass(frozen=True, slots=True)
class BlockView:
    """A block as screens and the API show it. `added_at` is an instant."""

    id: int
    customer_id: int
    block: Block
    added_at: float
    added_by: int | None


async def block_holders(connection: AsyncConnection, number: str) -> list[Candidate]:
    """The customers of the narrowest blocks around `number`."""
    key = key_of(number)
    rows = await connection.execute(
        select(
            *NumberBlock.__table__.c,
            Customer.is_provisional,
            Customer.last_contact_at,
            Customer.owner_id,
        )
        .join(Customer, Customer.id == NumberBlock.customer_id)
        .where(NumberBlock.prefix.in_(prefixes_of(key)), Customer.merged_into_id.is_(None))
        .order_by(NumberBlock.id)
    )
    around = [(row, block) for row in rows if (block := _block(row)).covers(key)]
    narrowest = min((block.size for _, block in around), default=0)
    found = {
        row.customer_id: Candidate(
            row.customer_id, row.is_provisional, last_contact_at=row.last_contact_at, owner_id=row.owner_id
        )
        for row, block in around
        if block.size == narrowest
    }
    return list(found.values())[:MAX_CANDIDATES]


async def read_blocks(connection: AsyncConnection, customer_id: int) -> tuple[BlockView, ...]:
    """A customer's blocks, by number."""
    rows = await connection.execute(
        select(*NumberBlock.__table__.c)
        .where(NumberBlock.customer_id == customer_id)
        .order_by(NumberBlock.prefix, NumberBlock.first, NumberBlock.id)
    )
    return tuple(BlockView(row.id, row.customer_id, _block(row), row.added_at, row.added_by) for row in rows)


async def check_known(connection: AsyncConnection, customer_id: int) -> None:
    """Raises ConflictError for a customer nobody has named."""
    if await connection.scalar(select(Customer.is_provisional).where(Customer.id == customer_id)):
        raise ConflictError("say first who this is: a block belongs to a customer with a name or company")


async def give_block(connection: AsyncConnection, customer_id: int, block: Block, edit: Edit) -> bool:
    """Attach a block to a customer whose row is held. False, and nothing changed, when they have it already.

    Raises ConflictError for a customer nobody has named, InvalidInputError for one with too many blocks.
    """
    held = await read_blocks(connection, customer_id)
    if any(one.block == block for one in held):
        return False
    if len(held) >= MOST_BLOCKS:
        raise InvalidInputError(f"a customer has at most {MOST_BLOCKS} blocks", field="block")
    await check_known(connection, customer_id)
    row = {
        "customer_id": customer_id,
        "prefix": block.prefix,
        "shortest": block.shortest,
        "longest": block.longest,
        "first": block.first,
        "last": block.last,
        "added_at": edit.at,
        "added_by": edit.user_id,
    }
    await connection.execute(insert(NumberBlock), row)
    change = Change(What.BLOCK_ADDED, after=block.shown, about=_row(block))
    await journal(connection, customer_id, edit, change)
    return True


async def take_block(connection: AsyncConnection, customer_id: int, block_id: int, edit: Edit) -> None:
    """Take a block away. Calls stay where they are: they did happen. Raises NotFoundError."""
    held = {one.id: one.block for one in await read_blocks(connection, customer_id)}
    if block_id not in held:
        raise NotFoundError(f"customer {customer_id} has no block {block_id}")
    await connection.execute(delete(NumberBlock).where(NumberBlock.id == block_id))
    block = held[block_id]
    change = Change(What.BLOCK_REMOVED, before=block.shown, about=_row(block))
    await journal(connection, customer_id, edit, change)


async def numbers_inside(connection: AsyncConnection, block: Block) -> list[str]:
    """The numbers of a block that have called or were called, in order."""
    # LIKE, and no range: what sorts after what differs between collations.
    seen = await connection.scalars(
        select(CallMatch.number).where(CallMatch.number.like(block.prefix + "%")).distinct()
    )
    return sorted(number for number in seen if number is not None and block.covers(number))


async def attach_strays(connection: AsyncConnection, customer_id: int, numbers: Sequence[str]) -> int:
    """Calls of these numbers that stand with nobody become the customer's; returns how many."""
    attached = exists().where(CallCustomer.call_id == CallMatch.call_id)
    total = 0
    for some in _in_pieces(numbers):
        rows = select(
            CallMatch.call_id,
            literal(customer_id),
            literal(LinkHow.BLOCK.value, String),
            literal(1),
            CallMatch.call_at,
        ).where(CallMatch.number.in_(some), ~attached)
        columns = ["call_id", "customer_id", "how", "rank", "call_at"]
        total += (await connection.execute(insert(CallCustomer).from_select(columns, rows))).rowcount
    return total


def _in_pieces(numbers: Sequence[str]) -> Iterable[Sequence[str]]:
    return (numbers[start : start + IN_ONE_GO] for start in range(0, len(numbers), IN_ONE_GO))


async def let_go_of_block(connection: AsyncConnection, number: str) -> None:
    """Calls of `number` that only a block led to somebody stand with nobody: who holds the number itself is known."""
    of_number = select(CallMatch.call_id).where(CallMatch.number == number)
    await connection.execute(
        delete(CallCustomer).where(
            CallCustomer.call_id.in_(of_number), CallCustomer.how == LinkHow.BLOCK.value
        )
    )


def _row(block: Block) -> str:
    words = (block.prefix, block.shortest, block.longest, block.first, block.last)
    return row_of(NumberBlock.__tablename__, *words)


def _block(row: Row[*tuple[Any, ...]]) -> Block:
    return Block(row.prefix, row.shortest, row.longest, row.first, row.last)
