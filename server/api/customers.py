"""Customers: search, one, create, edit, their numbers and tags. Edits name the version they are based on, so that two
programs never overwrite each other unseen. Notes are `notes.py`, their timeline is `history.py`."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from aiohttp import web
from pydantic import Field, model_validator

from core.errors import InvalidInputError
from crm_link.customers import UNCHANGED, CustomerEdit, NewCustomer
from crm_link.directory import CustomerView, find_customers, find_newer, read_customer
from crm_link.kinds import Confidence, IdentityKind, Source
from server.api.operation import Header, Reply, operation
from server.api.shapes import Given, Instant, Page, Paging, Taken
from server.web.guard import API_KEY, current_user
from server.web.keys import ANNOTATIONS, CUSTOMERS, DATABASE, SETTINGS

NAME_LENGTH = 200
MOST_AT_ONCE = 20
"""Numbers and addresses given with a new customer; more are added one by one."""

LARGEST_ID = 2**31 - 1


class Identity(Given):
    """A claim that a number, address or id belongs to the customer."""

    id: int
    kind: IdentityKind
    value: str = Field(description="Telephone: E.164. E-mail: lower case.")
    source: Source
    confidence: Confidence
    first_seen: Instant
    last_seen: Instant


class Customer(Given):
    """A person or firm."""

    id: int
    title: str = Field(description="What to call them: name, else company, else number.")
    name: str
    company: str
    is_provisional: bool = Field(description="Made by an unknown caller's call; nobody has named them yet.")
    numbers: list[str] = Field(description="Their telephone numbers in E.164.")
    identities: list[Identity]
    tags: list[str]
    fields: dict[str, str | int | float | bool] = Field(
        description="What this site keeps of them beside that, by key; `/api/v1/customer-fields` lists the fields."
    )
    owner_id: int | None = Field(description="The person responsible for them.")
    version: int = Field(description="Grows with every edit; name it in `If-Match` when editing.")
    created_at: Instant
    created_from: Source
    last_contact_at: Instant | None


class CustomerPage(Page):
    customers: list[Customer] = Field(description="In the `order` asked for.")


class CustomerQuery(Paging):
    q: str = Field(
        "",
        max_length=200,
        description="A telephone number in any spelling, an e-mail address, or the beginnings of words of name and "
        "company (`kow ann`); all customers when left out.",
    )
    order: Literal["contact", "id"] = Field(
        "contact",
        description="`contact`: the latest contact first, for people; whoever calls meanwhile moves to the first page. "
        "`id`: the lowest id first, for programs that read everybody: nobody moves, new ones come last.",
    )


Name = Annotated[str, Field(max_length=NAME_LENGTH)]


class NewCustomerBody(Taken):
    """A customer needs a name or a company."""

    name: Name = ""
    company: Name = ""
    numbers: tuple[Annotated[str, Field(max_length=250)], ...] = Field((), max_length=MOST_AT_ONCE)
    emails: tuple[Annotated[str, Field(max_length=NAME_LENGTH)], ...] = Field((), max_length=MOST_AT_ONCE)
    owner_id: int | None = Field(None, ge=1, le=LARGEST_ID)


def without_default(schema: dict[str, Any]) -> None:
    """Left out means unchanged: the document must not promise an empty name."""
    schema.pop("default")


class CustomerChanges(Taken):
    """What to change; what is left out stays."""

    name: Name = Field("", json_schema_extra=without_default)
    company: Name = Field("", json_schema_extra=without_default)
    owner_id: int | None = Field(None, ge=1, le=LARGEST_ID, description="Null: nobody is responsible.")
    version: int | None = Field(None, ge=1, le=LARGEST_ID, description="Instead of the header If-Match.")

    @model_validator(mode="after")
    def _something(self) -> CustomerChanges:
        if not self.model_fields_set - {"version"}:
            raise ValueError("say what to change: name, company or owner_id")
        return self


class NewIdentity(Taken):
    kind: IdentityKind
    value: str = Field(min_length=1, max_length=250, description="A telephone number in any spelling.")
    confidence: Confidence = Field(Confidence.STATED, description="`confirmed`: it was checked with them.")


IfMatch = Annotated[
    str | None,
    Header(
        "If-Match",
        'The `ETag` (`"<version>"`) of what you read, or `*` to overwrite whatever is there. 412 when it is another '
        "by now.",
    ),
]


@operation("Search customers", tag="Customers")
async def list_customers(request: web.Request, query: CustomerQuery) -> CustomerPage:
    """Numbers are found whole, in any spelling; names by the beginnings of their words, accents left aside."""
    find = find_newer if query.order == "id" else find_customers
    async with request.app[DATABASE].read() as connection:
        page = await find(
            connection,
            query.q,
            region=request.app[SETTINGS].site.region,
            limit=query.limit,
            after=query.after,
        )
    return CustomerPage(customers=[Customer.model_validate(one) for one in page.customers], next=page.next)


@operation("One customer", tag="Customers")
async def read_one_customer(request: web.Request, customer_id: int) -> Reply[Customer]:
    """A customer who became part of another is answered as that other one: compare `id`. `ETag` is the version."""
    async with request.app[DATABASE].read() as connection:
        return shown(await read_customer(connection, customer_id))


@operation("Create a customer", tag="Customers", status=201)
async def create_customer(request: web.Request, body: NewCustomerBody) -> Reply[Customer]:
    """Earlier calls of the numbers come along. A number may belong to several customers: look it up first if you want
    to know."""
    new = NewCustomer(
        name=body.name,
        company=body.company,
        numbers=body.numbers,
        emails=body.emails,
        owner_id=body.owner_id,
        source=source_of(request),
    )
    made = await request.app[CUSTOMERS].create(new, editor(request))
    reply = shown(made)
    return Reply(reply.body, {**reply.headers, "Location": f"/api/v1/customers/{made.id}"})


@operation("Edit a customer", tag="Customers", problems=(409, 412))
async def edit_customer(
    request: web.Request, customer_id: int, body: CustomerChanges, if_match: IfMatch
) -> Reply[Customer]:
    """Say which version the edit is based on, by `If-Match` or `version`; when somebody was faster the answer is 412
    (409 with `version`) and nothing has changed. Naming a provisional customer makes it a real one."""
    given = body.model_fields_set
    changes = CustomerEdit(
        name=body.name if "name" in given else UNCHANGED,
        company=body.company if "company" in given else UNCHANGED,
        owner_id=body.owner_id if "owner_id" in given else UNCHANGED,
    )
    version = version_of(if_match, body.version)
    return shown(await request.app[CUSTOMERS].edit(customer_id, changes, editor(request), version))


@operation("Give a customer a number, address or id", tag="Customers")
async def add_identity(request: web.Request, customer_id: int, body: NewIdentity) -> Reply[Customer]:
    """Earlier calls of a number come along, and a provisional customer who held nothing else becomes part of this one.
    Giving what they have already changes nothing."""
    held = await request.app[CUSTOMERS].add_identity(
        customer_id,
        body.kind,
        body.value,
        editor(request),
        confidence=body.confidence,
        source=source_of(request),
    )
    return shown(held)


@operation("Take a number, address or id away", tag="Customers")
async def remove_identity(request: web.Request, customer_id: int, identity_id: int) -> Reply[Customer]:
    """Calls stay with the customer: they did happen."""
    return shown(await request.app[CUSTOMERS].remove_identity(customer_id, identity_id, editor(request)))


@operation("Tag a customer", tag="Customers")
async def add_tag(request: web.Request, customer_id: int, tag: str) -> Reply[Customer]:
    """A tag they have already changes nothing."""
    return shown(await request.app[ANNOTATIONS].add_tag(customer_id, tag, editor(request)))


@operation("Take a tag away", tag="Customers")
async def remove_tag(request: web.Request, customer_id: int, tag: str) -> Reply[Customer]:
    """A tag they do not have changes nothing."""
    return shown(await request.app[ANNOTATIONS].remove_tag(customer_id, tag, editor(request)))


def shown(view: CustomerView) -> Reply[Customer]:
    """The customer with its version as ETag."""
    return Reply(Customer.model_validate(view), {"ETag": f'"{view.version}"'})


def editor(request: web.Request) -> int | None:
    """The person who edits, None for an API key."""
    return None if API_KEY in request else current_user(request).id


def source_of(request: web.Request) -> Source:
    return Source.API if API_KEY in request else Source.PERSON


def version_of(if_match: str | None, version: int | None) -> int | None:
    """The version an edit is based on, None for `*`. Raises InvalidInputError when it is not said, or said twice."""
    if if_match is None:
        if version is None:
            raise InvalidInputError(
                "say which version you edit: send If-Match with the ETag of what you read", field="If-Match"
            )
        return version
    if version is not None:
        raise InvalidInputError("say the version once: If-Match or `version`", field="version")
    if if_match.strip() == "*":
        return None
    tag = re.fullmatch(r'"([0-9]{1,9})"', if_match.strip())
    if tag is None:
        raise InvalidInputError('If-Match is an ETag of ours, such as "7", or *', field="If-Match")
    return int(tag[1])
