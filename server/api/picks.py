"""Whose call it is, where several customers share the number (P8). The rules are the desk's: one of the candidates, a
wrong pick is corrected by another one, and what is known without a pick is not overruled."""

from __future__ import annotations

from aiohttp import web
from pydantic import Field, StrictBool

from core.accounts import Role
from server.api.customers import LARGEST_ID, editor
from server.api.operation import operation
from server.api.shapes import Taken
from server.desk.page import card_of
from server.web.guard import API_KEY, current_user
from server.web.keys import CUSTOMERS


class PickedCustomer(Taken):
    customer_id: int = Field(
        ge=1,
        le=LARGEST_ID,
        description="One of the call's `customers`; where one was picked, also another who has the number.",
    )
    as_default: StrictBool = Field(
        True, description="From now on suggest them first for this number; false: for this call alone."
    )


@operation("Say whose call it is", tag="Calls", status=204, problems=(409,))
async def pick_customer(request: web.Request, call_id: str, body: PickedCustomer) -> None:
    """Of several customers who share the number. Said again it corrects the first pick: notes and tasks about the call
    go along, and `customer.changed` is told of both. Agents say so of calls on their own desk. 404: there is no such
    call, or the customer is no candidate. 409: it is known without a pick to be another one's."""
    await request.app[CUSTOMERS].pick(
        call_of_theirs(request, call_id),
        body.customer_id,
        editor(request),
        as_default=body.as_default,
        candidates_only=True,
    )


def call_of_theirs(request: web.Request, call_id: str) -> str:
    """Raises NotFoundError for a call that is not the asking agent's: they see no others (P5)."""
    if API_KEY not in request and current_user(request).role is Role.AGENT:
        return card_of(request).call_id
    return call_id
