"""What agents do about tasks, deals and responsibility at the desk: a task out of a call, one that is done, "this
call is about that order", "this customer is mine". A request for a call is only heard when that call is on the
asker's own desk."""

from __future__ import annotations

from typing import Annotated

from aiohttp import web
from pydantic import Field

from core.errors import NotFoundError
from crm_link.customers import CustomerEdit
from crm_link.tasks.edit import LONGEST_TEXT, LONGEST_TITLE, NewTask
from server.customers.task_words import due_of
from server.desk.page import Text, card_of, customer_of
from server.web.forms import id_of
from server.web.guard import current_user
from server.web.json_body import Body, body_of
from server.web.keys import CUSTOMERS, DEALS, TASKS, ZONE


class NewTaskBody(Body):
    """`day` is `2026-11-24`, `time` is `15:00` or empty: some time that day."""

    title: Annotated[Text, Field(max_length=LONGEST_TITLE)]
    day: Annotated[str, Field(max_length=10)]
    time: Annotated[str, Field(max_length=5)] = ""
    text: Annotated[str, Field(max_length=LONGEST_TEXT)] = ""


class DoneBody(Body):
    done: bool


class DealBody(Body):
    deal_id: int
    on: bool


class OwnerBody(Body):
    mine: bool


async def create(request: web.Request) -> web.Response:
    """The agent's own task for the customer of this call."""
    body, card, user = await body_of(request, NewTaskBody), card_of(request), current_user(request)
    new = NewTask(
        customer_id=customer_of(card),
        title=body.title,
        due_at=due_of(body.day, body.time, request.app[ZONE]),
        text=body.text,
        assigned_to=user.id,
        call_id=card.call_id,
    )
    task = await request.app[TASKS].add(new, user.id)
    return web.json_response({"task_id": task.id}, status=201)


async def finish(request: web.Request) -> web.Response:
    """Done, or to be done again."""
    body = await body_of(request, DoneBody)
    task_id = id_of(request, "task", "task")
    await request.app[TASKS].finish(task_id, current_user(request).id, done=body.done)
    return web.Response(status=204)


async def link_deal(request: web.Request) -> web.Response:
    """This call is about a deal of its customer, or is not after all."""
    body, card = await body_of(request, DealBody), card_of(request)
    if body.deal_id not in {deal.id for one in card.customers for deal in one.deals}:
        raise NotFoundError("this is no open deal or order of the customer on the card")
    deals = request.app[DEALS]
    change = deals.link if body.on else deals.unlink
    await change(body.deal_id, card.call_id, current_user(request).id)
    return web.Response(status=204)


async def own_customer(request: web.Request) -> web.Response:
    """The agent is responsible for this customer from now on, or nobody is."""
    body, user = await body_of(request, OwnerBody), current_user(request)
    edit = CustomerEdit(owner_id=user.id if body.mine else None)
    await request.app[CUSTOMERS].edit(customer_of(card_of(request)), edit, user.id)
    return web.Response(status=204)
