"""What the pages of tasks, deals and fields read out of forms and addresses: trimmed texts, whole numbers, ids, and
which page a form was on. What a value means is decided by the customers' room."""

from __future__ import annotations

from urllib.parse import quote

from aiohttp import web

from core.errors import InvalidInputError, NotFoundError

TEXT_LIMIT = 200
LONGEST_ID = 9
LONGEST_CALL_ID = 120


async def text_of(request: web.Request, name: str, limit: int = TEXT_LIMIT) -> str:
    """A field of the form, trimmed; one character more than the limit, so that the room can refuse it."""
    form = await request.post()
    return str(form.get(name, "")).strip()[: limit + 1]


async def whole_of(request: web.Request, name: str) -> int | None:
    """A number of the form, None when left empty. Raises InvalidInputError."""
    text = await text_of(request, name)
    if not text:
        return None
    if not (text.isascii() and text.isdigit()) or len(text) > LONGEST_ID:
        raise InvalidInputError(f"{name} is a number", field=name)
    return int(text)


def id_of(request: web.Request, name: str, what: str) -> int:
    """A number of the address. Raises NotFoundError for what cannot be one."""
    text = request.match_info[name]
    if not text.isascii() or not text.isdigit() or len(text) > LONGEST_ID:
        raise NotFoundError(f"there is no such {what}")
    return int(text)


async def call_of(request: web.Request) -> str | None:
    """The call whose page the form was on, None for every other page."""
    return (await text_of(request, "on_call"))[:LONGEST_CALL_ID] or None


async def page_of(request: web.Request, customer_id: int) -> str:
    """The address of the page the form was on: the call's, else the customer's."""
    call_id = await call_of(request)
    return f"/calls/{quote(call_id, safe='')}" if call_id else f"/customers/{customer_id}"
