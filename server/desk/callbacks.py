"""What agents do with callbacks at the desk: go on or not now while the announcement plays, "a machine answered", a
promise made in a conversation, click-to-call, and the list of what their departments owe. A request for a call is only
heard when that call is on the asker's own desk; rules are the callback room's."""

from __future__ import annotations

from typing import Annotated

from aiohttp import web
from pydantic import Field

from callback.ask import Ask, Correctable, Held
from callback.click import Click
from callback.kinds import Source
from core.accounts import Role, User
from core.errors import ConflictError, InvalidInputError, NotFoundError
from core.facts import Direction, attempt_of
from core.phone import parse_number
from server.callbacks.access import departments_of, reachable, requests_of
from server.callbacks.page import PostponeBody, common, until_of, with_next
from server.callbacks.parts import CLICKS, DIALER, MACHINES
from server.desk.page import card_of
from server.live.cards import Card, CardState
from server.live.phones import phone_of
from server.live.socket import LIVE
from server.views.callbacks import read_callback, read_owed
from server.web.guard import current_user
from server.web.json_body import Body, body_of
from server.web.keys import CLOCK, DATABASE, SETTINGS
from server.web.pages import render

MOST_OWED = 30
"""What fits beside the calls; managers have the whole list."""

REFUSALS = {
    "number_invalid": "this number cannot be called back: it does not exist",
    "number_kind": "this kind of number is not called back",
    "country": "numbers of this country are not called back",
    "closed": "we are closed then",
    "slot_gone": "this time is taken",
}


class CallBody(Body):
    number: Annotated[str, Field(min_length=1, max_length=80)]
    device: Annotated[str, Field(max_length=120)] = ""


class PromiseBody(PostponeBody):
    """When, and what it is about."""


async def connect(request: web.Request) -> web.Response:
    """End the announcement: dial the customer at once."""
    pbx, attempt_id = _attempt(request)
    await request.app[DIALER].connect_now(pbx, attempt_id)
    return web.Response(status=204)


async def decline(request: web.Request) -> web.Response:
    """Not now: the customer is not dialled."""
    pbx, attempt_id = _attempt(request)
    call = request.app[LIVE].board.calls.get(card_of(request).call_id)
    if call is not None and call.customer_dialled_at is not None:
        raise ConflictError("the customer is being dialled already: hang up to end the call")
    await request.app[DIALER].hang_up(pbx, attempt_id)
    return web.Response(status=204)


async def machine(request: web.Request) -> web.Response:
    """A machine answered: the customer is still owed the call."""
    _, attempt_id = _attempt(request)
    await request.app[MACHINES].answered(attempt_id, current_user(request).id)
    return web.Response(status=204)


async def promise(request: web.Request) -> web.Response:
    """The agent promised to call back; the callback is theirs."""
    body, card, user = await body_of(request, PromiseBody), card_of(request), current_user(request)
    if card.direction is Direction.INTERNAL or not card.number:
        raise ConflictError("there is no number to call back")
    if card.callback is not None and card.state is not CardState.WRAP_UP:
        raise ConflictError("finish this call first: what it keeps is still open")
    ask = Ask(
        source=Source.AGENT,
        number=card.number,
        department=_department(request, user, card),
        wished_at=until_of(request, body),
        name=next((one.name or "" for one in card.customers), ""),
        message=body.reason,
        user_id=user.id,
    )
    answer = await requests_of(request).submit(ask)
    if isinstance(answer, Correctable):
        raise InvalidInputError(REFUSALS.get(answer.code, answer.code), field=answer.field)
    return web.json_response({"callback_id": answer.callback_id, "held": isinstance(answer, Held)})


async def owed(request: web.Request) -> web.Response:
    """The part of the desk that lists what the agent's departments owe."""
    user, now = current_user(request), request.app[CLOCK]()
    async with request.app[DATABASE].read() as connection:
        rows = await read_owed(connection, departments_of(request, user), now, limit=MOST_OWED + 1)
    shown = [with_next(request, row) for row in rows[:MOST_OWED]]
    return render(
        request, "callbacks/_owed.html", **common(request), rows=shown, more=len(rows) > MOST_OWED, me=user.id
    )


async def call_number(request: web.Request) -> web.Response:
    """Click-to-call: this person's phone rings, answering it calls the number."""
    body = await body_of(request, CallBody)
    number = parse_number(body.number, request.app[SETTINGS].site.region).e164
    if number is None:
        raise InvalidInputError("this is no telephone number", field="number")
    return await _click(request, number, None, body.device)


async def call_back(request: web.Request) -> web.Response:
    """Click-to-call that keeps this callback."""
    callback_id = await reachable(request)
    async with request.app[DATABASE].read() as connection:
        row = await read_callback(connection, callback_id, request.app[CLOCK]())
    if row is None:
        raise NotFoundError(f"there is no callback {callback_id}")
    return await _click(request, row.number, callback_id)


async def _click(
    request: web.Request, number: str, callback_id: int | None, device: str = ""
) -> web.Response:
    user = current_user(request)
    if CLICKS not in request.app:
        raise ConflictError("calls cannot be placed here: no department and no dial user is set up")
    key = request.headers.get("Idempotency-Key", "")
    if not key:
        raise InvalidInputError("send an Idempotency-Key, so that no click rings twice")
    phone = await phone_of(request, user, device)
    click = Click(user.id, phone, number, f"user {user.id}: {key}", callback_id)
    attempt_id = await request.app[CLICKS].call(click)
    return web.json_response({"attempt_id": attempt_id}, status=202)


def _attempt(request: web.Request) -> tuple[str, str]:
    """PBX and attempt of the call in the URL. Raises NotFoundError when it is no callback on the asker's desk."""
    card = card_of(request)
    call, attempt_id = request.app[LIVE].board.calls.get(card.call_id), attempt_of(card.call_id)
    if call is None or attempt_id is None or DIALER not in request.app:
        raise NotFoundError("this call is no callback")
    return call.pbx, attempt_id


def _department(request: web.Request, user: User, card: Card) -> str:
    """Of the queue the call came by, else the agent's own, else the first there is."""
    settings = request.app[SETTINGS]
    by_queue = [key for key, one in settings.department.items() if one.queue == card.queue]
    own = departments_of(request, user) if not user.role.covers(Role.MANAGER) else ()
    found = next(iter((*by_queue, *own, *settings.department)), None)
    if found is None:
        raise ConflictError("no department is set up that could call back")
    return found
