"""The administrator's webhooks: where what happens is sent, and what became of it. Forms in; endpoints made, changed,
paused, tested and rotated, deliveries shown and sent again. A secret is shown once, on the page that the form which
made it leads to."""

from __future__ import annotations

import json
from typing import Final

import structlog
from aiohttp import web

from core.errors import InvalidInputError
from crm_link.webhooks import endpoints
from crm_link.webhooks.book import replay, send_now
from crm_link.webhooks.deliveries import count_owed, read_attempts, read_deliveries, read_delivery
from crm_link.webhooks.endpoints import Changes, Endpoint, Wanted
from crm_link.webhooks.kinds import EVENTS, DeliveryState, EndpointState, Outcome
from crm_link.webhooks.ladder import LADDER_S
from crm_link.webhooks.sender import Attempt, Message
from server.web.guard import current_user
from server.web.keys import CLOCK, DATABASE, SETTINGS
from server.web.pages import render, see_other
from server.web.shown_once import page_with_secret, sent_on
from server.webhooks.parts import changed, send_test

log = structlog.get_logger(__name__)

FIELD_LIMIT: Final = 600
PER_PAGE: Final = 50

EVENT_WORDS: Final = {
    "call.ended": "A call is over: who, when, how it ended",
    "call.left_by_key": "A waiting caller pressed the key for a callback",
    "call.wrap_up_saved": "An agent said how a call went",
    "callback.requested": "Somebody asked to be called, or was promised a call",
    "callback.moved": "A callback is for another time, or was released",
    "callback.declined": "A customer pressed 9: they did not ask for this",
    "callback.closed": "A promise was kept, withdrawn or given up",
    "callback.reopened": "The closing told last was a mistake",
    "customer.changed": "A customer was made or edited",
    "customer.merged": "Two customers became one",
    "customer.unmerged": "A merge was undone: they are two again",
    "customer.removed": "A customer is gone: erased, expired, or their import was taken back",
    "recording.ready": "A recording is stored",
    "transcript.ready": "A recording was written down",
}
OUTCOME_WORDS: Final = {
    Outcome.DELIVERED: "Delivered",
    Outcome.REFUSED: "Not taken",
    Outcome.REDIRECTED: "Redirected, which is not followed",
    Outcome.GONE: "Gone for good",
    Outcome.NO_ANSWER: "No answer",
    Outcome.FORBIDDEN: "Not sent",
}


async def index(request: web.Request) -> web.Response:
    async with request.app[DATABASE].read() as connection:
        found = await endpoints.read_all(connection, request.app[CLOCK]())
        counts = await count_owed(connection)
    return render(request, "webhooks/index.html", endpoints=found, counts=counts, event_words=EVENT_WORDS)


async def new(request: web.Request) -> web.Response:
    return _form(request, None, Wanted("", "", ()))


async def create(request: web.Request) -> web.StreamResponse:
    wanted = await _wanted(request)
    try:
        checked = wanted.checked(request.app[SETTINGS].outside.networks)
        async with request.app[DATABASE].write() as connection:
            made, secret = await endpoints.create(connection, checked, request.app[CLOCK]())
    except InvalidInputError as error:
        return _form(request, None, wanted, {error.field or "name": str(error)})
    _log(request, "webhook made", made.id)
    changed(request.app, made.id)
    return sent_on(request, f"/admin/webhooks/{made.id}/secret", secret)


async def show_secret(request: web.Request) -> web.Response:
    return page_with_secret(request, "webhooks/secret.html", endpoint=await _endpoint(request))


async def edit_form(request: web.Request) -> web.Response:
    endpoint = await _endpoint(request)
    return _form(request, endpoint.id, Wanted(endpoint.name, endpoint.url, endpoint.events))


async def edit(request: web.Request) -> web.StreamResponse:
    endpoint_id, wanted = _id(request), await _wanted(request)
    try:
        typed = Changes(wanted.name, wanted.url, wanted.events)
        checked = typed.checked(request.app[SETTINGS].outside.networks)
    except InvalidInputError as error:
        return _form(request, endpoint_id, wanted, {error.field or "name": str(error)})
    async with request.app[DATABASE].write() as connection:
        await endpoints.edit(connection, endpoint_id, checked)
    return _done(request, "webhook changed", endpoint_id)


async def show(request: web.Request) -> web.Response:
    return await _show(request)


async def test(request: web.Request) -> web.Response:
    message, attempt = await send_test(request.app, _id(request))
    _log(request, "webhook tested", _id(request))
    return await _show(request, message, attempt)


async def pause(request: web.Request) -> web.StreamResponse:
    return await _set_state(request, EndpointState.PAUSED)


async def resume(request: web.Request) -> web.StreamResponse:
    return await _set_state(request, EndpointState.ACTIVE)


async def rotate(request: web.Request) -> web.StreamResponse:
    endpoint_id = _id(request)
    async with request.app[DATABASE].write() as connection:
        secret = await endpoints.rotate(connection, endpoint_id, request.app[CLOCK]())
    _log(request, "webhook secret rotated", endpoint_id)
    return sent_on(request, f"/admin/webhooks/{endpoint_id}/secret", secret)


async def hurry(request: web.Request) -> web.StreamResponse:
    async with request.app[DATABASE].write() as connection:
        await send_now(connection, _id(request), request.app[CLOCK]())
    return _done(request, "webhook sends what waits", _id(request))


async def remove(request: web.Request) -> web.StreamResponse:
    endpoint_id = _id(request)
    async with request.app[DATABASE].write() as connection:
        await endpoints.remove(connection, endpoint_id, request.app[CLOCK]())
    _log(request, "webhook removed", endpoint_id)
    changed(request.app, endpoint_id)
    raise see_other("/admin/webhooks")


async def show_delivery(request: web.Request) -> web.Response:
    endpoint = await _endpoint(request)
    async with request.app[DATABASE].read() as connection:
        delivery = await read_delivery(connection, endpoint.id, _delivery_id(request))
        attempts = await read_attempts(connection, delivery.id)
    return render(
        request,
        "webhooks/delivery.html",
        endpoint=endpoint,
        delivery=delivery,
        body=_indented(delivery.body),
        attempts=attempts,
        outcome_words=OUTCOME_WORDS,
        most_attempts=len(LADDER_S) + 1,
    )


async def replay_one(request: web.Request) -> web.StreamResponse:
    endpoint_id, delivery_id = _id(request), _delivery_id(request)
    async with request.app[DATABASE].write() as connection:
        await read_delivery(connection, endpoint_id, delivery_id)
        await replay(connection, delivery_id, endpoint_id, request.app[CLOCK]())
    _log(request, "webhook delivery sent again", endpoint_id)
    changed(request.app, endpoint_id)
    raise see_other(f"/admin/webhooks/{endpoint_id}/deliveries/{delivery_id}")


async def _show(
    request: web.Request, message: Message | None = None, attempt: Attempt | None = None
) -> web.Response:
    endpoint = await _endpoint(request)
    state = next((one for one in DeliveryState if one == request.query.get("state")), None)
    async with request.app[DATABASE].read() as connection:
        page = await read_deliveries(
            connection, endpoint.id, state=state, limit=PER_PAGE, after=request.query.get("after")
        )
        owed = (await count_owed(connection)).get(endpoint.id)
    return render(
        request,
        "webhooks/show.html",
        endpoint=endpoint,
        page=page,
        waiting=owed.waiting if owed else 0,
        state=state,
        tested=_indented(message.body) if message else None,
        attempt=attempt,
        outcome_words=OUTCOME_WORDS,
        event_words=EVENT_WORDS,
    )


async def _set_state(request: web.Request, state: EndpointState) -> web.StreamResponse:
    async with request.app[DATABASE].write() as connection:
        await endpoints.set_state(connection, _id(request), state, request.app[CLOCK]())
    return _done(request, f"webhook {state}", _id(request))


async def _wanted(request: web.Request) -> Wanted:
    form = await request.post()
    name, url = (str(form.get(field, ""))[:FIELD_LIMIT].replace("\0", "") for field in ("name", "url"))
    return Wanted(name, url, tuple(str(event) for event in form.getall("event", [])))


async def _endpoint(request: web.Request) -> Endpoint:
    async with request.app[DATABASE].read() as connection:
        return await endpoints.read(connection, _id(request), request.app[CLOCK]())


def _id(request: web.Request) -> int:
    return int(request.match_info["id"])


def _delivery_id(request: web.Request) -> int:
    return int(request.match_info["delivery"])


def _indented(body: str) -> str:
    return json.dumps(json.loads(body), indent=2, ensure_ascii=False)


def _done(request: web.Request, what: str, endpoint_id: int) -> web.StreamResponse:
    _log(request, what, endpoint_id)
    changed(request.app, endpoint_id)
    raise see_other(f"/admin/webhooks/{endpoint_id}")


def _log(request: web.Request, what: str, endpoint_id: int) -> None:
    log.info(what, endpoint_id=endpoint_id, by=current_user(request).id)


def _form(
    request: web.Request, endpoint_id: int | None, wanted: Wanted, wrong: dict[str, str] | None = None
) -> web.Response:
    return render(
        request,
        "webhooks/form.html",
        status=422 if wrong else 200,
        endpoint_id=endpoint_id,
        wanted=wanted,
        events=tuple(EVENTS.values()),
        event_words=EVENT_WORDS,
        wrong=wrong or {},
    )
