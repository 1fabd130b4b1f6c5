"""Customers: the list with its search, and one customer with numbers, tags, notes and the timeline. Forms go to the
customers' room (`crm_link`), which decides; the answer to each is the customer as it stands afterwards."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from aiohttp import web

from core.errors import InvalidInputError, NotFoundError
from crm_link.blocked.list import read_blocked_of
from crm_link.blocks.claims import read_blocks
from crm_link.connectors.cache import read_contacts
from crm_link.customers import CustomerEdit, NewCustomer
from crm_link.directory import CustomerView, find_customers, read_customer, read_notes
from crm_link.kinds import IdentityKind
from crm_link.timeline import Entry
from server.callbacks.parts import CLICKS
from server.customers.affairs import read_affairs
from server.web.guard import current_user
from server.web.keys import ANNOTATIONS, CLOCK, CUSTOMERS, DATABASE, SETTINGS, ZONE
from server.web.pages import local, render, see_other

TEXT_LIMIT = 200
NOTE_LIMIT = 20_000
"""Characters taken from a form; the customers' room has the real, smaller limits and says so."""

EDITABLE_KINDS = (IdentityKind.PHONE, IdentityKind.EMAIL)

SHOWN_NUMBERS = 3
"""At the top of the page, each with its button: nobody scrolls to call a customer."""


@dataclass(frozen=True, slots=True)
class TimelineLine:
    """A day's heading or an entry; exactly one is set."""

    day: date | None = None
    entry: Entry | None = None


async def index(request: web.Request) -> web.StreamResponse:
    """The whole page; for htmx the list, or the rows that follow a cursor."""
    text, after = request.query.get("q", "").strip()[:TEXT_LIMIT], request.query.get("after")
    region = request.app[SETTINGS].site.region
    async with request.app[DATABASE].read() as connection:
        page = await find_customers(connection, text, region=region, after=after)
    template = "customers/index.html"
    if "HX-Request" in request.headers:
        template = "customers/_rows.html" if after else "customers/_list.html"
    return render(request, template, page=page, query=text)


async def new(request: web.Request) -> web.StreamResponse:
    given = {"name": "", "company": "", "number": request.query.get("number", "")[:TEXT_LIMIT], "email": ""}
    return render(request, "customers/new.html", given=given, wrong={})


async def create(request: web.Request) -> web.StreamResponse:
    given = {name: await _text(request, name) for name in ("name", "company", "number", "email")}
    record = NewCustomer(
        name=given["name"],
        company=given["company"],
        numbers=(given["number"],) if given["number"] else (),
        emails=(given["email"],) if given["email"] else (),
    )
    try:
        customer = await request.app[CUSTOMERS].create(record, current_user(request).id)
    except InvalidInputError as error:
        field = {"phone": "number"}.get(error.field or "", error.field or "name")
        wrong = {field if field in given else "number": str(error)}
        return render(request, "customers/new.html", status=422, given=given, wrong=wrong)
    raise see_other(f"/customers/{customer.id}")


async def show(request: web.Request) -> web.StreamResponse:
    """The page; for htmx its changed part, or the timeline entries behind a cursor."""
    customer_id = _id(request, "id")
    async with request.app[DATABASE].read() as connection:
        customer = await read_customer(connection, customer_id)
        if customer.id != customer_id:
            raise see_other(f"/customers/{customer.id}")
        affairs = await read_affairs(request, connection, customer)
        notes = await read_notes(connection, customer.id)
        elsewhere = await read_contacts(connection, tuple(request.app[SETTINGS].connector), customer.numbers)
        blocks = await read_blocks(connection, customer.id)
        blocked = await read_blocked_of(connection, customer.numbers, request.app[CLOCK]())
    template = "customers/customer.html"
    if "HX-Request" in request.headers:
        template = "customers/_timeline.html" if "before" in request.query else "customers/_customer.html"
    return render(
        request,
        template,
        customer=customer,
        lines=list(_by_day(request, affairs["entries"])),
        pinned=[note for note in notes if note.is_pinned],
        kinds=EDITABLE_KINDS,
        can_call=CLICKS in request.app,
        elsewhere=elsewhere,
        blocks=blocks,
        blocked=blocked,
        shown_numbers=SHOWN_NUMBERS,
        **affairs,
    )


async def edit(request: web.Request) -> web.StreamResponse:
    version, owner = await _text(request, "version"), await _text(request, "owner")
    changes = CustomerEdit(
        name=await _text(request, "name"),
        company=await _text(request, "company"),
        owner_id=_whole(owner, "owner"),
    )
    customer = await request.app[CUSTOMERS].edit(
        _id(request, "id"),
        changes,
        current_user(request).id,
        expected_version=_whole(version, "version"),
    )
    raise _back(customer)


async def add_identity(request: web.Request) -> web.StreamResponse:
    text = await _text(request, "text")
    kind = IdentityKind.EMAIL if "@" in text else IdentityKind.PHONE
    by = current_user(request).id
    raise _back(await request.app[CUSTOMERS].add_identity(_id(request, "id"), kind, text, by))


async def remove_identity(request: web.Request) -> web.StreamResponse:
    by, identity_id = current_user(request).id, _id(request, "identity")
    raise _back(await request.app[CUSTOMERS].remove_identity(_id(request, "id"), identity_id, by))


async def add_tag(request: web.Request) -> web.StreamResponse:
    text, by = await _text(request, "tag"), current_user(request).id
    raise _back(await request.app[ANNOTATIONS].add_tag(_id(request, "id"), text, by))


async def remove_tag(request: web.Request) -> web.StreamResponse:
    text, by = await _text(request, "tag"), current_user(request).id
    raise _back(await request.app[ANNOTATIONS].remove_tag(_id(request, "id"), text, by))


async def add_note(request: web.Request) -> web.StreamResponse:
    text, pinned = await _text(request, "text", NOTE_LIMIT), await _text(request, "pinned")
    customer_id, by = _id(request, "id"), current_user(request).id
    note = await request.app[ANNOTATIONS].add_note(customer_id, text, by, is_pinned=bool(pinned))
    raise see_other(f"/customers/{note.customer_id}")


async def edit_note(request: web.Request) -> web.StreamResponse:
    text = await _text(request, "text", NOTE_LIMIT)
    note = await request.app[ANNOTATIONS].edit_note(_id(request, "note"), current_user(request).id, text=text)
    raise see_other(f"/customers/{note.customer_id}")


async def pin_note(request: web.Request) -> web.StreamResponse:
    pinned, by = bool(await _text(request, "pinned")), current_user(request).id
    note = await request.app[ANNOTATIONS].edit_note(_id(request, "note"), by, is_pinned=pinned)
    raise see_other(f"/customers/{note.customer_id}")


async def delete_note(request: web.Request) -> web.StreamResponse:
    await request.app[ANNOTATIONS].delete_note(_id(request, "note"), current_user(request).id)
    raise see_other(f"/customers/{_id(request, 'id')}")


def _by_day(request: web.Request, entries: tuple[Entry, ...]) -> Iterator[TimelineLine]:
    """With a heading where a new day begins."""
    shown: date | None = None
    for entry in entries:
        day = local(entry.at, request.app[ZONE]).date()
        if day != shown:
            yield TimelineLine(day=day)
            shown = day
        yield TimelineLine(entry=entry)


def _back(customer: CustomerView) -> web.HTTPSeeOther:
    return see_other(f"/customers/{customer.id}")


def _whole(text: str, field: str) -> int | None:
    """A number of the form, None when left empty. Raises InvalidInputError."""
    if not text:
        return None
    if not (text.isascii() and text.isdigit()) or len(text) > 9:
        raise InvalidInputError(f"{field} is a number", field=field)
    return int(text)


def _id(request: web.Request, name: str) -> int:
    text = request.match_info[name]
    if not text.isascii() or not text.isdigit() or len(text) > 15:
        raise NotFoundError("there is no such customer")
    return int(text)


async def _text(request: web.Request, name: str, limit: int = TEXT_LIMIT) -> str:
    form = await request.post()
    return str(form.get(name, "")).strip()[: limit + 1]
