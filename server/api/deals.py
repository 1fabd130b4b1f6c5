"""Deals and orders for programs. A shop puts each order by its own id, as often as it likes: the first time makes it,
later ones change it. People's edits name the version they are based on, as those of customers do."""

from __future__ import annotations

from typing import Annotated, Any

from aiohttp import web
from pydantic import BeforeValidator, Field, model_validator

from crm_link.customers import UNCHANGED
from crm_link.deals.customer import Buyer
from crm_link.deals.edit import (
    LONGEST_EXTERNAL_ID,
    LONGEST_LINK,
    LONGEST_SOURCE,
    LONGEST_TITLE,
    DealEdit,
    NewDeal,
    PutDeal,
)
from crm_link.deals.kinds import DealKind, DealState
from crm_link.deals.read import DealView, list_deals, read_deal
from crm_link.directory import read_customer
from server.api.customers import LARGEST_ID, IfMatch, editor, version_of, without_default
from server.api.operation import Reply, operation
from server.api.shapes import Given, Instant, Page, Paging, Taken
from server.web.keys import DATABASE, DEALS

SHORT = 200


def _as_text(value: Any) -> Any:
    """Numbers are taken too, as most programs write amounts; a text keeps every place."""
    return repr(value) if isinstance(value, int | float) and not isinstance(value, bool) else value


Amount = Annotated[
    str,
    BeforeValidator(_as_text),
    Field(
        max_length=40,
        description="Decimal, in the currency's own places: `129.90`. A JSON number is taken too.",
        examples=["129.90"],
    ),
]
Currency = Annotated[str, Field(min_length=3, max_length=3, description="ISO 4217.", examples=["EUR"])]


class Deal(Given):
    """What a customer may buy (a deal) or has ordered (an order). Light: whoever sends it keeps the rest."""

    id: int
    customer_id: int
    kind: DealKind
    state: DealState = Field(description="Of a deal: open, won, lost. The others are of orders.")
    title: str
    amount: str | None = Field(description="Decimal: `129.90`.")
    currency: str | None
    link: str = Field(description="Its page elsewhere; empty when there is none.")
    source: str | None = Field(description="The program that keeps it.")
    external_id: str | None = Field(description="Its id there.")
    version: int = Field(description="Grows with every change; name it in `If-Match` when editing.")
    opened_at: Instant
    updated_at: Instant
    call_ids: list[str] = Field(description="Calls that were about it, the latest linked first.")


class DealPage(Page):
    deals: list[Deal] = Field(description="The latest changed first.")


class DealQuery(Paging):
    customer_id: int | None = Field(None, ge=1, le=LARGEST_ID)
    call_id: str | None = Field(None, min_length=1, max_length=120, description="Those a call was about.")
    source: str | None = Field(None, min_length=1, max_length=LONGEST_SOURCE)


class NewDealBody(Taken):
    customer_id: int = Field(ge=1, le=LARGEST_ID)
    kind: DealKind
    title: str = Field(min_length=1, max_length=LONGEST_TITLE)
    state: DealState = DealState.OPEN
    amount: Amount | None = None
    currency: Currency | None = None
    link: str = Field("", max_length=LONGEST_LINK, description="https or http.")


class PutDealBody(Taken):
    """For one we do not have yet say whose it is, by `customer_id`, `number` or `email`; a number nobody holds makes a
    customer, named by `name` and `company`. What is left out stays."""

    kind: DealKind = DealKind.ORDER
    title: str = Field("", min_length=1, max_length=LONGEST_TITLE, json_schema_extra=without_default)
    state: DealState = Field(DealState.OPEN, json_schema_extra=without_default)
    amount: Amount | None = None
    currency: Currency | None = None
    link: str = Field("", max_length=LONGEST_LINK, json_schema_extra=without_default)
    opened_at: Instant | None = Field(None, description="When it was placed; now when left out.")
    customer_id: int | None = Field(None, ge=1, le=LARGEST_ID)
    number: str = Field("", max_length=SHORT, description="A telephone number in any spelling.")
    email: str = Field("", max_length=SHORT)
    name: str = Field("", max_length=SHORT)
    company: str = Field("", max_length=SHORT)


class DealChanges(Taken):
    """What to change; what is left out stays."""

    title: str = Field("", min_length=1, max_length=LONGEST_TITLE, json_schema_extra=without_default)
    state: DealState = Field(DealState.OPEN, json_schema_extra=without_default)
    amount: Amount | None = Field(None, description="Null: not known.")
    currency: Currency | None = None
    link: str = Field("", max_length=LONGEST_LINK, json_schema_extra=without_default)
    version: int | None = Field(None, ge=1, le=LARGEST_ID, description="Instead of the header If-Match.")

    @model_validator(mode="after")
    def _something(self) -> DealChanges:
        if not self.model_fields_set - {"version"}:
            raise ValueError("say what to change: title, state, amount, currency or link")
        return self


@operation("Deals and orders", tag="Deals", problems=(404,))
async def list_all_deals(request: web.Request, query: DealQuery) -> DealPage:
    async with request.app[DATABASE].read() as connection:
        customer_id = query.customer_id
        if customer_id is not None:
            customer_id = (await read_customer(connection, customer_id)).id
        page = await list_deals(
            connection,
            customer_id=customer_id,
            call_id=query.call_id,
            source=query.source,
            limit=query.limit,
            after=query.after,
        )
    return DealPage(deals=[Deal.model_validate(one) for one in page.deals], next=page.next)


@operation("One deal or order", tag="Deals")
async def read_one_deal(request: web.Request, deal_id: int) -> Reply[Deal]:
    """`ETag` is the version."""
    async with request.app[DATABASE].read() as connection:
        return _shown(await read_deal(connection, deal_id))


@operation("Make a deal or order", tag="Deals", status=201, problems=(404, 409))
async def create_deal(request: web.Request, body: NewDealBody) -> Reply[Deal]:
    """Programs that have an id of their own for it put it instead: that may be repeated."""
    new = NewDeal(**body.model_dump())
    made = await request.app[DEALS].add(new, editor(request))
    reply = _shown(made)
    return Reply(reply.body, {**reply.headers, "Location": f"/api/v1/deals/{made.id}"})


@operation("Put a deal or order by your own id", tag="Deals", problems=(409,))
async def put_deal(request: web.Request, source: str, external_id: str, body: PutDealBody) -> Reply[Deal]:
    """Made the first time, changed afterwards; the same put twice changes nothing. `source` is a short word for your
    program, such as `shop`. 409 when the number belongs to several customers: say which by `customer_id`."""
    given = body.model_fields_set
    buyer = Buyer(body.customer_id, body.number, body.email, body.name, body.company)
    new = PutDeal(
        source=source[: LONGEST_SOURCE + 1],
        external_id=external_id[: LONGEST_EXTERNAL_ID + 1],
        kind=body.kind,
        edit=_edit(body, given),
        buyer=buyer if given & {"customer_id", "number", "email"} else None,
        at=body.opened_at,
    )
    deal, _ = await request.app[DEALS].put(new, editor(request))
    return _shown(deal)


@operation("Edit a deal or order", tag="Deals", problems=(409, 412))
async def edit_deal(request: web.Request, deal_id: int, body: DealChanges, if_match: IfMatch) -> Reply[Deal]:
    """Say which version the edit is based on, by `If-Match` or `version`; when somebody was faster the answer is 412
    (409 with `version`) and nothing has changed."""
    version = version_of(if_match, body.version)
    wanted = _edit(body, body.model_fields_set)
    return _shown(await request.app[DEALS].edit(deal_id, wanted, editor(request), version))


@operation("A call was about a deal", tag="Deals")
async def link_call(request: web.Request, deal_id: int, call_id: str) -> Deal:
    """Saying so twice changes nothing."""
    return Deal.model_validate(await request.app[DEALS].link(deal_id, call_id[:120], editor(request)))


@operation("A call was not about a deal", tag="Deals")
async def unlink_call(request: web.Request, deal_id: int, call_id: str) -> Deal:
    """For a call that is not linked this changes nothing."""
    return Deal.model_validate(await request.app[DEALS].unlink(deal_id, call_id, editor(request)))


@operation("Remove a deal or order", tag="Deals", status=204)
async def delete_deal(request: web.Request, deal_id: int) -> None:
    """That it was there stays in the customer's history."""
    await request.app[DEALS].remove(deal_id, editor(request))


def _edit(body: PutDealBody | DealChanges, given: set[str]) -> DealEdit:
    return DealEdit(
        title=body.title if "title" in given else UNCHANGED,
        state=body.state if "state" in given else UNCHANGED,
        amount=body.amount if "amount" in given else UNCHANGED,
        currency=body.currency if "currency" in given else UNCHANGED,
        link=body.link if "link" in given else UNCHANGED,
    )


def _shown(view: DealView) -> Reply[Deal]:
    return Reply(Deal.model_validate(view), {"ETag": f'"{view.version}"'})
