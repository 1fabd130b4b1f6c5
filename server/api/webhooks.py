"""Webhooks for programs: endpoints, what was delivered to them with every attempt, test, replay and rotation."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal

from aiohttp import web
from pydantic import Field

from config.outside import Network
from crm_link.webhooks import endpoints
from crm_link.webhooks.book import replay
from crm_link.webhooks.deliveries import Delivery as DeliveryRow
from crm_link.webhooks.deliveries import read_attempts, read_deliveries, read_delivery
from crm_link.webhooks.endpoints import FORMER_S, Changes, Endpoint, Wanted
from crm_link.webhooks.kinds import EVENTS, DeliveryState, EndpointState, Outcome
from crm_link.webhooks.tables import LONGEST_NAME, LONGEST_URL
from server.api.cut import cut
from server.api.operation import Reply, operation
from server.api.shapes import Given, Instant, Page, Paging, Seconds, Secret, Taken
from server.api.tags import IfUnchanged, refuse_changed, tag_of
from server.web.keys import CLOCK, DATABASE, SETTINGS
from server.webhooks.parts import changed, send_test

EVENT_NAMES = ", ".join(f"`{event}`" for event in EVENTS.values())


class Webhook(Given):
    """A receiver: what happens is posted to its address, signed, until it has it."""

    id: int
    name: str
    url: str
    events: list[str]
    state: EndpointState = Field(
        description="`paused`: what happens is sent later. `disabled`: its receiver answered 410."
    )
    note: str | None = Field(description="Why it is disabled.")
    former_until: Instant | None = Field(
        description="Until then the secret before the last rotation signs too; those before it each for its own day."
    )
    created_at: Instant


class WebhookList(Page):
    webhooks: list[Webhook] = Field(description="By id.")


class NewWebhook(Taken):
    name: str = Field(min_length=1, max_length=LONGEST_NAME)
    url: str = Field(
        min_length=1,
        max_length=LONGEST_URL,
        description="Private addresses only where `outside.allow_networks` of the settings lists them.",
    )
    events: tuple[str, ...] = Field(min_length=1, max_length=50, description=f"Some of {EVENT_NAMES}.")


class NewSecret(Given):
    """Shown this once."""

    id: int
    secret: Secret = Field(
        description="Begins with `whsec_`; every request is signed with it. It is not kept for the same request sent "
        "again: null there (`Idempotent-Replayed`); if the first answer is lost, rotate the secret."
    )
    former_until: Instant | None = Field(description="Until then the secret before it signs too.")


def _without_default(schema: dict[str, Any]) -> None:
    """Left out means unchanged."""
    schema.pop("default")


class WebhookChanges(Taken):
    """What to change; what is left out stays."""

    name: str = Field("", min_length=1, max_length=LONGEST_NAME, json_schema_extra=_without_default)
    url: str = Field("", min_length=1, max_length=LONGEST_URL, json_schema_extra=_without_default)
    events: tuple[str, ...] = Field((), min_length=1, max_length=50, json_schema_extra=_without_default)
    state: Literal["active", "paused"] = Field(
        "active",
        json_schema_extra=_without_default,
        description="`active` also enables one that was disabled, from now on.",
    )


class Delivery(Given):
    """One event owed to one webhook."""

    id: int
    message_id: str = Field(description="`webhook-id` of every request it makes.")
    event: str
    subject: str = Field(description="Deliveries of one subject, such as a call, go out one by one.")
    at: Instant = Field(description="When it happened.")
    state: DeliveryState
    attempts: int = Field(description="Since it was owed, or sent again.")
    due_at: Instant | None = Field(description="The next attempt; null when there is none.")
    settled_at: Instant | None


class DeliveryPage(Page):
    deliveries: list[Delivery] = Field(description="Newest first.")


class DeliveryQuery(Paging):
    state: DeliveryState | None = None


class WebhookAttempt(Given):
    """One request and its answer, cut short; signatures are left out, telephone numbers in answers masked."""

    at: Instant
    seconds: Seconds
    outcome: Outcome
    status: int | None
    request_headers: str
    answer_headers: str
    answer: str
    error: str | None = Field(description="Why there was no answer.")


class WholeDelivery(Delivery):
    body: str = Field(description="The body of every request it makes.")
    log: list[WebhookAttempt] = Field(description="Newest first.")


class WebhookTest(Given):
    body: str = Field(description="What was sent.")
    attempt: WebhookAttempt


@operation("Webhooks", tag="Webhooks")
async def list_webhooks(request: web.Request, query: Paging) -> WebhookList:
    async with request.app[DATABASE].read() as connection:
        found = await endpoints.read_all(connection, request.app[CLOCK]())
    page, after = cut(found, query, lambda one: one.id, int)
    return WebhookList(webhooks=[Webhook.model_validate(one) for one in page], next=after)


@operation("One webhook", tag="Webhooks")
async def read_webhook(request: web.Request, webhook_id: int) -> Reply[Webhook]:
    return await _shown(request, webhook_id)


@operation("Make a webhook", tag="Webhooks", status=201, problems=(409,))
async def create_webhook(request: web.Request, body: NewWebhook) -> Reply[NewSecret]:
    """It is told of what happens from now on. The secret is answered this once."""
    wanted = Wanted(body.name, body.url, body.events).checked(_networks(request))
    async with request.app[DATABASE].write() as connection:
        made, secret = await endpoints.create(connection, wanted, request.app[CLOCK]())
    changed(request.app, made.id)
    answer = NewSecret(id=made.id, secret=secret, former_until=None)
    return Reply(answer, {"Location": f"/api/v1/webhooks/{made.id}"})


@operation("Change, pause or resume a webhook", tag="Webhooks", problems=(412,))
async def edit_webhook(
    request: web.Request, webhook_id: int, body: WebhookChanges, if_match: IfUnchanged
) -> Reply[Webhook]:
    """What is owed to it already goes to the new address."""
    given, now = body.model_fields_set, request.app[CLOCK]()
    changes = Changes(**body.model_dump(include={"name", "url", "events"} & given))
    async with request.app[DATABASE].write() as connection:
        await endpoints.hold(connection, webhook_id)
        old = await endpoints.read(connection, webhook_id, now)
        refuse_changed(if_match, Webhook.model_validate(old))
        await endpoints.edit(connection, webhook_id, changes.checked(_networks(request)))
        if "state" in given:
            await endpoints.set_state(connection, webhook_id, EndpointState(body.state), now)
    changed(request.app, webhook_id)
    return await _shown(request, webhook_id)


@operation("Remove a webhook", tag="Webhooks", status=204)
async def delete_webhook(request: web.Request, webhook_id: int) -> None:
    """With all that is owed to it."""
    async with request.app[DATABASE].write() as connection:
        await endpoints.remove(connection, webhook_id, request.app[CLOCK]())
    changed(request.app, webhook_id)


@operation("Send a test", tag="Webhooks")
async def test_webhook(request: web.Request, webhook_id: int) -> WebhookTest:
    """One `ringback.test` now, answered when the receiver did, at most ten seconds later. It is not tried again."""
    message, attempt = await send_test(request.app, webhook_id)
    return WebhookTest(body=message.body, attempt=WebhookAttempt.model_validate(attempt))


@operation("Rotate a webhook's secret", tag="Webhooks", problems=(409,))
async def rotate_webhook(request: web.Request, webhook_id: int) -> NewSecret:
    """For a day requests carry a signature by the secret before too, so that one whose new secret got lost on the way
    may be rotated again. 409 after four times within a day."""
    now = request.app[CLOCK]()
    async with request.app[DATABASE].write() as connection:
        secret = await endpoints.rotate(connection, webhook_id, now)
    return NewSecret(id=webhook_id, secret=secret, former_until=now + FORMER_S)


@operation("Deliveries of a webhook", tag="Webhooks")
async def list_deliveries(request: web.Request, webhook_id: int, query: DeliveryQuery) -> DeliveryPage:
    await _endpoint(request, webhook_id)
    async with request.app[DATABASE].read() as connection:
        page = await read_deliveries(
            connection, webhook_id, state=query.state, limit=query.limit, after=query.after
        )
    found = [Delivery.model_validate(one) for one in page.deliveries]
    return DeliveryPage(deliveries=found, next=page.next)


@operation("One delivery with its attempts", tag="Webhooks")
async def read_one_delivery(request: web.Request, webhook_id: int, delivery_id: int) -> WholeDelivery:
    async with request.app[DATABASE].read() as connection:
        row = await read_delivery(connection, webhook_id, delivery_id)
        attempts = await read_attempts(connection, delivery_id)
    return _whole(row, [WebhookAttempt.model_validate(one) for one in attempts])


@operation("Send a delivery again", tag="Webhooks", status=204, problems=(409,))
async def replay_delivery(request: web.Request, webhook_id: int, delivery_id: int) -> None:
    """Now and from the first attempt on, with its old `webhook-id`. What waits for a later try can be sent too: all
    that waits of its subject goes with it. 409 while a request of it is under way."""
    async with request.app[DATABASE].write() as connection:
        await read_delivery(connection, webhook_id, delivery_id)
        await replay(connection, delivery_id, webhook_id, request.app[CLOCK]())
    changed(request.app, webhook_id)


def _networks(request: web.Request) -> Iterable[Network]:
    return request.app[SETTINGS].outside.networks


async def _endpoint(request: web.Request, webhook_id: int) -> Endpoint:
    async with request.app[DATABASE].read() as connection:
        return await endpoints.read(connection, webhook_id, request.app[CLOCK]())


async def _shown(request: web.Request, webhook_id: int) -> Reply[Webhook]:
    shown = Webhook.model_validate(await _endpoint(request, webhook_id))
    return Reply(shown, {"ETag": tag_of(shown)})


def _whole(row: DeliveryRow, log: list[WebhookAttempt]) -> WholeDelivery:
    return WholeDelivery(**Delivery.model_validate(row).model_dump(), body=row.body, log=log)
