"""Deals and orders on the customer's page: the forms that make, edit and remove one, and say which calls were about it.
The answer to each is the page it was on, as it stands afterwards."""

from __future__ import annotations

from aiohttp import web

from core.errors import InvalidInputError
from crm_link.deals.edit import LONGEST_LINK, DealEdit, NewDeal
from crm_link.deals.kinds import DealKind, DealState
from crm_link.deals.read import DealView
from server.web.forms import id_of, page_of, text_of, whole_of
from server.web.guard import current_user
from server.web.keys import DEALS
from server.web.pages import see_other

DEAL_LOOKS = {
    "open": "info",
    "paid": "info",
    "shipped": "accent",
    "won": "good",
    "delivered": "good",
    "lost": "",
    "cancelled": "",
    "returned": "warn",
}


async def create(request: web.Request) -> web.StreamResponse:
    kind = await text_of(request, "kind")
    if kind not in tuple(DealKind):
        raise InvalidInputError("choose deal or order", field="kind")
    new = NewDeal(
        customer_id=id_of(request, "id", "customer"),
        kind=DealKind(kind),
        title=await text_of(request, "title"),
        amount=await text_of(request, "amount") or None,
        currency=await text_of(request, "currency") or None,
        link=await text_of(request, "link", LONGEST_LINK),
    )
    raise await _back(request, await request.app[DEALS].add(new, current_user(request).id))


async def edit(request: web.Request) -> web.StreamResponse:
    state = await text_of(request, "state")
    if state not in tuple(DealState):
        raise InvalidInputError("choose how it stands", field="state")
    wanted = DealEdit(
        title=await text_of(request, "title"),
        state=DealState(state),
        amount=await text_of(request, "amount") or None,
        currency=await text_of(request, "currency") or None,
        link=await text_of(request, "link", LONGEST_LINK),
    )
    version = await whole_of(request, "version")
    deal = await request.app[DEALS].edit(_deal(request), wanted, current_user(request).id, version)
    raise await _back(request, deal)


async def remove(request: web.Request) -> web.StreamResponse:
    raise await _back(request, await request.app[DEALS].remove(_deal(request), current_user(request).id))


async def link(request: web.Request) -> web.StreamResponse:
    """A call was about the deal the form names; with `off` it was not."""
    deal_id, call_id = await whole_of(request, "deal"), request.match_info["call_id"][:120]
    if deal_id is None:
        raise InvalidInputError("choose a deal or order", field="deal")
    change = request.app[DEALS].unlink if await text_of(request, "off") else request.app[DEALS].link
    raise await _back(request, await change(deal_id, call_id, current_user(request).id))


def _deal(request: web.Request) -> int:
    return id_of(request, "deal", "deal")


async def _back(request: web.Request, deal: DealView) -> web.HTTPSeeOther:
    return see_other(await page_of(request, deal.customer_id))
