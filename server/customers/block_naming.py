"""Saying who calls from inside a firm's block of numbers: a person of their own comes out, with this very number."""

from __future__ import annotations

from aiohttp import web

from core.errors import InvalidInputError
from crm_link.customers import NewCustomer
from server.live.cards import Card
from server.web.guard import current_user
from server.web.keys import CUSTOMERS


async def name_somebody_of(request: web.Request, card: Card, name: str, company: str | None) -> None:
    """The caller from inside a firm's block becomes a customer of their own, who has this very number from now on."""
    if not name or card.number is None:
        raise InvalidInputError("write who it is: the firm has its name already", field="name")
    firm = card.customers[0] if len(card.customers) == 1 else None
    known = (firm.company or firm.name or "") if firm is not None else ""
    new = NewCustomer(name, company or known, numbers=(card.number,))
    await request.app[CUSTOMERS].create(new, current_user(request).id)
