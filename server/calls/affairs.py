"""What a call was about, on the call's page: deals and orders linked to it, those of its customers that could be, and
the tasks that came up in it. Reads on the page's connection; the forms are `customers/deals_page.py` and
`customers/tasks_page.py`, which come back to the page a form was on."""

from __future__ import annotations

from typing import Any

from aiohttp import web
from sqlalchemy.ext.asyncio import AsyncConnection

from core.accounts import list_users
from crm_link.deals.read import read_deals_about, read_deals_of
from crm_link.tasks.read import read_tasks_about
from server.customers.deals_page import DEAL_LOOKS
from server.customers.tasks_page import task_context
from server.views.calls import CallRow

MOST_CUSTOMERS = 5
"""Of a shared number: whose deals are offered before somebody has picked."""


async def read_call_affairs(
    request: web.Request, connection: AsyncConnection, call: CallRow
) -> dict[str, Any]:
    """The context of `calls/_affairs.html`."""
    linked = (await read_deals_about(connection, [call.id])).get(call.id, [])
    known = {deal.id for deal in linked}
    offered = [
        deal
        for customer in call.customers[:MOST_CUSTOMERS]
        for deal in await read_deals_of(connection, customer.id)
        if deal.id not in known
    ]
    return {
        "deals": linked,
        "offered": offered,
        "deal_looks": DEAL_LOOKS,
        "tasks": await read_tasks_about(connection, call.id),
        **task_context(request, await list_users(connection)),
    }
