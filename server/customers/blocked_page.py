"""The managers' page of the block list, and the forms for blocks of numbers on a customer's page. Forms in; what stands
is decided by the customers' room (`crm_link/blocked*.py`, `crm_link/blocks*.py`)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from aiohttp import web

from core.accounts import Role, list_users
from core.errors import ConflictError, ForbiddenError, InvalidInputError
from crm_link.blocked.entry import BlockKind
from crm_link.blocked.holders import read_holders
from crm_link.blocked.list import NewBlock, read_blocked, read_list
from server.customers.blocked_parts import BLOCK_LIST, BLOCKS
from server.web.forms import id_of, text_of, whole_of
from server.web.guard import current_user
from server.web.keys import CLOCK, DATABASE, ZONE
from server.web.pages import local, render, see_other

OVER = "over"
USUAL_DAYS = 30
"""What the form begins with: for good is a choice, not what happens to whoever leaves a field alone."""

KIND_WORDS = {
    BlockKind.NUMBER: "One number",
    BlockKind.PREFIX: "All numbers that begin so",
    BlockKind.WITHHELD: "Everybody who hides their number",
}


@dataclass(frozen=True, slots=True)
class Form:
    """What was typed, to be shown again with what is wrong about it."""

    kind: str = BlockKind.NUMBER.value
    value: str = ""
    reason: str = ""
    until: str = ""


async def index(request: web.Request) -> web.Response:
    """`?show=over`: what stands no more. `?number=`: a number to begin with."""
    today = local(request.app[CLOCK](), request.app[ZONE]).date()
    usual = (today + timedelta(days=USUAL_DAYS)).isoformat()
    return await _index(request, Form(value=request.query.get("number", "")[:40], until=usual), {})


async def add(request: web.Request) -> web.StreamResponse:
    given = Form(*[await text_of(request, name) for name in ("kind", "value", "reason", "until")])
    try:
        new = NewBlock(_kind(given.kind), given.value, given.reason, _end_of(given.until, request.app[ZONE]))
        await request.app[BLOCK_LIST].add(new, current_user(request).id)
    except (InvalidInputError, ConflictError) as error:
        field = error.field if isinstance(error, InvalidInputError) else None
        return await _index(request, given, {field or "value": str(error)}, status=422)
    raise see_other("/admin/blocked")


async def end(request: web.Request) -> web.StreamResponse:
    await request.app[BLOCK_LIST].end(id_of(request, "id", "entry"), current_user(request).id)
    raise see_other("/admin/blocked")


async def unblock_customer(request: web.Request) -> web.StreamResponse:
    """From the customer's page: an agent ends what they entered themselves, a manager everything."""
    customer_id, entry_id, user = (
        id_of(request, "id", "customer"),
        await whole_of(request, "entry"),
        current_user(request),
    )
    async with request.app[DATABASE].read() as connection:
        entry = await read_blocked(connection, entry_id or 0)
    if entry.added_by != user.id and not user.role.covers(Role.MANAGER):
        raise ForbiddenError("a colleague blocked this number: a manager can unblock it")
    await request.app[BLOCK_LIST].end(entry.id, user.id)
    raise see_other(f"/customers/{customer_id}")


async def add_block(request: web.Request) -> web.StreamResponse:
    customer_id, text = id_of(request, "id", "customer"), await text_of(request, "block")
    await request.app[BLOCKS].add(customer_id, text, current_user(request).id)
    raise see_other(f"/customers/{customer_id}")


async def remove_block(request: web.Request) -> web.StreamResponse:
    customer_id, block_id = id_of(request, "id", "customer"), id_of(request, "block", "block")
    await request.app[BLOCKS].remove(customer_id, block_id, current_user(request).id)
    raise see_other(f"/customers/{customer_id}")


async def _index(
    request: web.Request, given: Form, wrong: Mapping[str, str], status: int = 200
) -> web.Response:
    over, now = request.query.get("show") == OVER, request.app[CLOCK]()
    async with request.app[DATABASE].read() as connection:
        page = await read_list(connection, now, over=over, after=request.query.get("after"))
        holders = await read_holders(connection, page.entries)
        people = {user.id: user.name for user in await list_users(connection)}
    return render(
        request,
        "blocked/index.html",
        status,
        entries=page.entries,
        next=page.next,
        over=over,
        people=people,
        holders=holders,
        kinds=KIND_WORDS,
        given=replace(given, reason=given.reason[:200]),
        wrong=wrong,
    )


def _kind(text: str) -> BlockKind:
    if text not in set(BlockKind):
        raise InvalidInputError("choose what is to be blocked", field="kind")
    return BlockKind(text)


def _end_of(day: str, zone: ZoneInfo) -> float | None:
    """The end of a day as the browser writes it; None for an empty one. Raises InvalidInputError."""
    if not day:
        return None
    try:
        after = date.fromisoformat(day) + timedelta(days=1)
    except (ValueError, OverflowError) as error:
        raise InvalidInputError("write the last day as 2027-01-31", field="until") from error
    return datetime.combine(after, time.min, tzinfo=zone).timestamp()
