"""Blocking the caller of a call that is on the asker's own desk, while it rings or after. The mark comes back to all
tabs by `/live`."""

from __future__ import annotations

from typing import Annotated

from aiohttp import web
from pydantic import Field

from core.errors import ConflictError
from core.facts import Direction
from crm_link.blocked.entry import BlockKind
from crm_link.blocked.list import NewBlock
from crm_link.blocked.tables import LONGEST_REASON
from server.customers.blocked_parts import BLOCK_LIST
from server.desk.page import card_of
from server.web.guard import current_user
from server.web.json_body import Body, body_of
from server.web.keys import CLOCK

DAY_S = 86_400.0
MOST_DAYS = 3660


class BlockBody(Body):
    reason: Annotated[str, Field(max_length=LONGEST_REASON)]
    days: Annotated[int, Field(ge=1, le=MOST_DAYS)] | None = None


async def block_caller(request: web.Request) -> web.Response:
    """Put the caller's number on the block list, for some days or for good; this call is marked and goes on."""
    body, card = await body_of(request, BlockBody), card_of(request)
    if card.direction is not Direction.INBOUND:
        raise ConflictError("only somebody who calls can be blocked here")
    if card.number is None:
        raise ConflictError("the caller hides their number: a manager can block all who do")
    until = None if body.days is None else request.app[CLOCK]() + body.days * DAY_S
    new = NewBlock(BlockKind.NUMBER, card.number, body.reason, until)
    await request.app[BLOCK_LIST].add(new, current_user(request).id, call_id=card.call_id)
    return web.Response(status=204)


async def take_back(request: web.Request) -> web.Response:
    """Undo one's own block of the caller. 404 for a colleague's."""
    await request.app[BLOCK_LIST].take_back(card_of(request).call_id, current_user(request).id)
    return web.Response(status=204)
