"""Callers a site does not want, and firms' blocks of numbers, for programs. A PBX asks `check` before it lets a phone
ring; the rules are the customers' room's."""

from __future__ import annotations

from typing import Literal

from aiohttp import web
from pydantic import Field

from core.phone import is_withheld, parse_number
from crm_link.blocked.entry import BlockKind
from crm_link.blocked.list import NewBlock, find_blocked, read_list
from crm_link.blocked.tables import LONGEST_REASON
from crm_link.blocks.claims import MOST_BLOCKS, BlockView, read_blocks
from crm_link.records import resolve
from server.api.customers import editor
from server.api.operation import operation
from server.api.shapes import Given, Instant, Page, Paging, Taken
from server.connectors.parts import refused_elsewhere
from server.customers.blocked_parts import BLOCK_LIST, BLOCKS
from server.web.keys import CLOCK, DATABASE, SETTINGS


class Blocked(Given):
    """One entry of the block list."""

    id: int
    kind: BlockKind = Field(description="`withheld`: everybody who hides their number.")
    value: str = Field(description="The number in E.164 or the beginning of numbers; empty for `withheld`.")
    reason: str
    until: Instant | None = Field(description="When it ends by itself; null: it stands for good.")
    added_at: Instant
    added_by: int | None = Field(description="A person's id; null for a program.")
    ended_at: Instant | None
    ended_by: int | None


class BlockedList(Page):
    blocked: list[Blocked] = Field(description="Newest first.")


class BlockedQuery(Paging):
    state: Literal["standing", "over"] = "standing"


class NewBlocked(Taken):
    kind: BlockKind = BlockKind.NUMBER
    value: str = Field(
        "",
        max_length=250,
        description="A number in any spelling, or the beginning of numbers such as `+4870`.",
    )
    reason: str = Field(
        min_length=1, max_length=LONGEST_REASON, description="Agents read it while the phone rings."
    )
    until: Instant | None = Field(None, description="When it ends by itself; for good when left out.")


class CheckQuery(Taken):
    number: str = Field("", max_length=250, description="As the network gave it; empty when it was withheld.")


class Check(Given):
    blocked: bool
    reason: str | None


class NumberBlock(Given):
    """Who calls from inside is somebody of this customer's, unless a customer has that very number."""

    id: int
    shown: str = Field(description="As people read it.")
    prefix: str = Field(description="What its numbers begin with, E.164.")
    shortest: int = Field(description="Fewest digits after the prefix.")
    longest: int = Field(description="Most digits after the prefix.")
    first: str = Field(description="The first of these digits; empty: none is left out.")
    last: str
    added_at: Instant
    added_by: int | None


class NumberBlocks(Given):
    blocks: list[NumberBlock] = Field(description=f"All of them: at most {MOST_BLOCKS}.")


class NewNumberBlock(Taken):
    block: str = Field(
        min_length=1,
        max_length=120,
        description="`+48 22 123 45 00–99`, `+48 22 123 45 xx`, or `+48 22 123 45*`: extensions of 1 to 4 digits.",
    )


@operation("The block list", tag="Customers")
async def list_blocked(request: web.Request, query: BlockedQuery) -> BlockedList:
    """Entries that stand, or those that are over: nothing is thrown away."""
    async with request.app[DATABASE].read() as connection:
        page = await read_list(
            connection,
            request.app[CLOCK](),
            over=query.state == "over",
            after=query.after,
            limit=query.limit,
        )
    return BlockedList(blocked=[Blocked.model_validate(one) for one in page.entries], next=page.next)


@operation("Block a caller", tag="Customers", status=201, problems=(409,))
async def block(request: web.Request, body: NewBlocked) -> Blocked:
    """409 when an entry for this caller stands already. Calls go on being matched and logged, with a mark."""
    new = NewBlock(body.kind, body.value, body.reason, body.until)
    return Blocked.model_validate(await request.app[BLOCK_LIST].add(new, editor(request)))


@operation("Is this caller blocked?", tag="Customers")
async def check(request: web.Request, query: CheckQuery) -> Check:
    """For a dialplan: ask before a phone rings. Blocked is also whom Zammad wanted rejected when they last called. What
    is no telephone number, such as an extension, is never blocked."""
    # A + that was not escaped arrives as a space.
    text = f"+{query.number[1:]}" if query.number.startswith(" ") else query.number
    number = parse_number(text, request.app[SETTINGS].site.region).e164
    if number is None and not is_withheld(text):
        return Check(blocked=False, reason=None)
    async with request.app[DATABASE].read() as connection:
        found = await find_blocked(connection, number, request.app[CLOCK]())
    if found is not None:
        return Check(blocked=True, reason=found.reason)
    reason = refused_elsewhere(request.app, number) if number is not None else None
    return Check(blocked=reason is not None, reason=reason)


@operation("Unblock a caller", tag="Customers", problems=(409,))
async def unblock(request: web.Request, blocked_id: int) -> Blocked:
    """The entry stays readable among those that are over. 409 when it is over already."""
    return Blocked.model_validate(await request.app[BLOCK_LIST].end(blocked_id, editor(request)))


@operation("Blocks of numbers of a customer", tag="Customers")
async def list_blocks(request: web.Request, customer_id: int) -> NumberBlocks:
    """By number."""
    async with request.app[DATABASE].read() as connection:
        return _given(await read_blocks(connection, await resolve(connection, customer_id)))


@operation("Give a customer a block of numbers", tag="Customers", problems=(409,))
async def add_block(request: web.Request, customer_id: int, body: NewNumberBlock) -> NumberBlocks:
    """Earlier calls from inside that stood with nobody, or with an unknown caller about whom nothing is known, become
    this customer's. 409 for a customer nobody has named. What they have already changes nothing."""
    return _given(await request.app[BLOCKS].add(customer_id, body.block, editor(request)))


@operation("Take a block of numbers away", tag="Customers")
async def remove_block(request: web.Request, customer_id: int, block_id: int) -> NumberBlocks:
    """Calls stay with the customer: they did happen."""
    return _given(await request.app[BLOCKS].remove(customer_id, block_id, editor(request)))


def _given(held: tuple[BlockView, ...]) -> NumberBlocks:
    shown = [
        NumberBlock(
            id=one.id,
            shown=one.block.shown,
            prefix=one.block.prefix,
            shortest=one.block.shortest,
            longest=one.block.longest,
            first=one.block.first,
            last=one.block.last,
            added_at=one.added_at,
            added_by=one.added_by,
        )
        for one in held
    ]
    return NumberBlocks(blocks=shown)
