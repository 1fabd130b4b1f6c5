"""Callbacks and numbers never called, for programs: the same rows as the managers' page, requests handed in with an
idempotency key, withdrawn and closed. Rules are the callback room's (`callback/requests.py`)."""

from __future__ import annotations

from typing import Annotated

from aiohttp import web
from pydantic import Field

from callback.ask import Ask, Correctable, Held, Visit
from callback.kinds import Outcome, Source, State
from core.errors import InvalidInputError
from core.phone import parse_number
from crm_link.paging import cursor_of, parts_of
from server.api import once
from server.api.operation import Header, operation
from server.api.shapes import Given, Instant, Page, Paging, Taken
from server.callbacks.access import requests_of
from server.views.call_filter import CallFilter, When
from server.views.callback_filter import TAB_STATES, CallbackFilter, Tab
from server.views.callback_story import CallbackStory, read_callback_story
from server.views.callbacks import CallbackRow, read_callbacks
from server.web.guard import API_KEY, current_user
from server.web.keys import CLOCK, DATABASE, SETTINGS

LONGEST_WORDS = 2000
TABS = {state: tab for tab, state in TAB_STATES.items()}

Key = Annotated[
    str | None,
    Header(
        "Idempotency-Key",
        "Required: the same key with the same body gets the same answer, and promises nothing twice.",
    ),
]


class CallbackQuery(Paging):
    """Which callbacks; all given conditions must hold."""

    since: Instant | None = Field(
        None, description="Asked for at this instant or later; with `state=closed`: closed."
    )
    until: Instant | None = Field(
        None, description="Asked for before this instant; with `state=closed`: closed."
    )
    state: State | None = Field(None, description="Open ones are listed whenever they were asked for.")
    department: str | None = Field(None, min_length=1, max_length=60)
    source: Source | None = None
    number: str | None = Field(None, min_length=1, max_length=80, description="In any spelling; whole.")


class Callback(Given):
    """A promise to call one number for one department."""

    id: int
    number: str = Field(description="E.164")
    department: str = Field(description="Its name in the settings.")
    state: State
    source: Source | None = Field(description="Of its first request.")
    name: str = Field(description="As the customer, or a colleague, wrote it.")
    customer_ids: list[int] = Field(description="Customers with this number, latest contact first.")
    created_at: Instant
    arrived_at: Instant = Field(description="The customer's first turn to us: the place in the order.")
    promised_from: Instant | None = Field(description="A slot's beginning; null: as soon as possible.")
    promised_until: Instant | None
    is_late: bool = Field(description="The time promised is over, and nobody called in it.")
    due_at: Instant = Field(description="No attempt before.")
    expires_at: Instant
    tried: int = Field(description="Attempts that dialled the customer.")
    offers: int = Field(description="Attempts that agents did not take.")
    why_not: str | None = Field(
        description="Why it was not dialled when it was looked at last.", examples=["no_agent"]
    )
    held_because: list[str] = Field(description="Codes of the guard, while it is held.")
    owner_id: int | None
    closed_at: Instant | None
    outcome: Outcome | None


class CallbackPage(Page):
    callbacks: list[Callback]


class CallbackRequest(Given):
    """What one person asked for."""

    at: Instant
    source: Source
    site: str | None
    name: str
    message: str
    wished_at: Instant | None
    page_url: str | None
    referrer: str | None
    utm: dict[str, str]
    withdrawn_at: Instant | None
    times: int = 1


class CallbackAttempt(Given):
    """One try to keep the promise."""

    id: str
    kind: str = Field(examples=["agent_first"])
    made_at: Instant
    customer_dialled_at: Instant | None
    bridged_at: Instant | None = Field(description="When customer and agent first talked.")
    ended_at: Instant | None
    result: str | None = Field(examples=["reached"])
    machine: bool | None = Field(description="The agent says that a machine answered.")
    call_id: str | None
    why: str


class CallbackDetail(Callback):
    """A callback with its requests and attempts."""

    requests: list[CallbackRequest]
    attempts: list[CallbackAttempt]


class NewCallback(Taken):
    number: str = Field(min_length=1, max_length=80, description="In any spelling; E.164 is safest.")
    department: str = Field(
        min_length=1, max_length=60, description="A section [department.…] of the settings."
    )
    wished_at: Instant | None = Field(None, description="Not before; absent: as soon as possible.")
    name: str = Field("", max_length=200)
    message: str = Field("", max_length=LONGEST_WORDS)
    page_url: str | None = Field(None, max_length=2000, description="Where the customer asked.")
    referrer: str | None = Field(None, max_length=2000)
    utm: dict[Annotated[str, Field(max_length=40)], Annotated[str, Field(max_length=200)]] = Field(
        {}, max_length=10
    )


class Promised(Given):
    """`callback_id` may be an open one that this request joined."""

    callback_id: int
    held: bool = Field(description="It waits for a manager's word: promise the customer no minute.")
    link: str = Field(description="Names this request alone, for withdrawing it.")


class Withdrawal(Taken):
    link: str = Field(min_length=1, max_length=300, description="As it was given when the request was made.")


class Closing(Taken):
    reason: str = Field("", max_length=500)


class Suppression(Given):
    """A number never to be called. The number itself is not known to us any more."""

    id: int
    since: Instant
    reason: str
    user_id: int | None


class SuppressionList(Page):
    suppressions: list[Suppression] = Field(description="The newest first.")


class NewSuppression(Taken):
    number: str = Field(min_length=1, max_length=80)
    reason: str = Field(min_length=1, max_length=200)


@operation("Callbacks", tag="Callbacks")
async def list_callbacks(request: web.Request, query: CallbackQuery) -> CallbackPage:
    """Without a state the newest first; waiting ones by due time, closed ones by when they were closed."""
    wanted = CallbackFilter(
        tab=TABS[query.state] if query.state else Tab.ALL,
        time=CallFilter(When.CUSTOM, since=query.since, until=query.until),
        department=query.department,
        source=query.source,
        number=query.number,
    )
    async with request.app[DATABASE].read() as connection:
        page = await read_callbacks(
            connection,
            wanted,
            request.app[CLOCK](),
            region=request.app[SETTINGS].site.region,
            after=query.after,
            limit=query.limit,
        )
    return CallbackPage(callbacks=[callback_of(row) for row in page.callbacks], next=page.next)


@operation("One callback with its requests and attempts", tag="Callbacks")
async def read_one_callback(request: web.Request, callback_id: int) -> CallbackDetail:
    async with request.app[DATABASE].read() as connection:
        return detail_of(await read_callback_story(connection, callback_id, request.app[CLOCK]()))


@operation("Ask for a callback", tag="Callbacks", status=201, problems=(409,))
async def create_callback(request: web.Request, body: NewCallback, key: Key) -> Promised:
    """A second request for the same number and department joins the open callback. Numbers that cannot be called back
    are refused; what looks odd is held for a manager."""
    if not key:
        raise InvalidInputError(
            "send an Idempotency-Key, so that nothing is promised twice", field="Idempotency-Key"
        )
    ask = Ask(
        source=Source.API,
        number=body.number,
        department=body.department,
        wished_at=body.wished_at,
        name=body.name,
        message=body.message,
        visit=Visit(page_url=body.page_url, referrer=body.referrer, utm=body.utm),
        idempotency_key=sender_key(request, key),
    )
    answer = await requests_of(request).submit(ask)
    if isinstance(answer, Correctable):
        raise InvalidInputError(f"not called back: {answer.code.replace('_', ' ')}", field=answer.field)
    return Promised(callback_id=answer.callback_id, held=isinstance(answer, Held), link=answer.link)


@operation("Withdraw a request", tag="Callbacks", status=204, problems=(404,))
async def withdraw_callback(request: web.Request, body: Withdrawal) -> None:
    """Takes back what one request asked for. The callback is closed when no other request is left of it."""
    await requests_of(request).withdraw(body.link)


@operation("Close a callback", tag="Callbacks", status=204, problems=(409,))
async def close_callback(request: web.Request, callback_id: int, body: Closing) -> None:
    """Nothing is owed any more. 409 when it is closed already."""
    user_id = None if API_KEY in request else current_user(request).id
    await requests_of(request).close(callback_id, user_id, body.reason)


@operation("Numbers never to be called", tag="Callbacks")
async def list_suppressions(request: web.Request, query: Paging) -> SuppressionList:
    below = parts_of(query.after, int, field="after")[0] if query.after else None
    lines = await requests_of(request).suppressions.listed(below, limit=query.limit + 1)
    shown = [Suppression.model_validate(line) for line in lines[: query.limit]]
    return SuppressionList(
        suppressions=shown, next=cursor_of(shown[-1].id) if len(lines) > len(shown) else None
    )


@operation("Never call a number again", tag="Callbacks", status=204)
async def add_suppression(request: web.Request, body: NewSuppression) -> None:
    """Nothing happens when it is listed already."""
    number = parse_number(body.number, request.app[SETTINGS].site.region).e164
    if number is None:
        raise InvalidInputError("this is no telephone number", field="number")
    user_id = None if API_KEY in request else current_user(request).id
    await requests_of(request).suppressions.add(number, body.reason, request.app[CLOCK](), user_id)


@operation("Allow a number again", tag="Callbacks", status=204)
async def remove_suppression(request: web.Request, suppression_id: int) -> None:
    await requests_of(request).suppressions.remove(suppression_id)


def sender_key(request: web.Request, key: str) -> str:
    """An idempotency key with its sender's name: two programs never meet in one. Raises InvalidInputError."""
    if len(key) > once.LONGEST:
        raise InvalidInputError(f"an {once.NAME} has at most {once.LONGEST} characters", field=once.NAME)
    return f"{once.sender_of(request)}: {key}"


def callback_of(row: CallbackRow) -> Callback:
    """A row of the list as the API shows it."""
    return Callback(
        id=row.id,
        number=row.number,
        department=row.department,
        state=State(row.state),
        source=Source(row.source) if row.source else None,
        name=row.name,
        customer_ids=[one.id for one in row.customers],
        created_at=row.created_at,
        arrived_at=row.arrived_at,
        promised_from=row.promised_from,
        promised_until=row.promised_until,
        is_late=bool(row.is_late),
        due_at=row.due_at,
        expires_at=row.expires_at,
        tried=row.tried,
        offers=row.offers,
        why_not=row.why_not,
        held_because=row.reasons.split() if row.state == State.HELD else [],
        owner_id=row.owner_id,
        closed_at=row.closed_at,
        outcome=Outcome(row.outcome) if row.outcome else None,
    )


def detail_of(story: CallbackStory) -> CallbackDetail:
    """A callback's story as the API shows it."""
    requests = [
        CallbackRequest(
            at=one.at,
            source=Source(one.source),
            site=one.site,
            name=one.name,
            message=one.message,
            wished_at=one.wished_at,
            page_url=one.page_url,
            referrer=one.referrer,
            utm=dict(one.utm),
            withdrawn_at=one.withdrawn_at,
            times=one.times,
        )
        for one in story.requests
    ]
    attempts = [CallbackAttempt.model_validate(one) for one in story.tries]
    return CallbackDetail(**dict(callback_of(story.callback)), requests=requests, attempts=attempts)
