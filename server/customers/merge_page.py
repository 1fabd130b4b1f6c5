"""Merging two customers: find the other one, see both side by side and what would move, choose, confirm; and undo.
Forms in; what they ask for is decided in `crm_link/merging/merge.py`. Agents look and propose, managers merge and
undo."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from aiohttp import web

from config.crm import CustomField
from core.accounts import list_users
from core.errors import InvalidInputError, NotFoundError
from crm_link.changes import Edit
from crm_link.directory import CustomerPage, find_customers, read_customer
from crm_link.fields.values import words_of
from crm_link.merging.duplicates_book import propose
from crm_link.merging.merge import Wanted
from crm_link.merging.views import MOST_MOVING, Choices, MergePreview, Side, preview_merge
from server.web.guard import current_user
from server.web.keys import CLOCK, DATABASE, FIELDS, MERGES, SETTINGS
from server.web.pages import render, see_other

TEXT_LIMIT: Final = 200
SHOWN: Final = 12
"""Customers offered for a merge; whoever is not among them is found by more letters."""

WORDS: Final = {
    "identities": ("number or address", "numbers and addresses"),
    "calls": ("call", "calls"),
    "notes": ("note", "notes"),
    "tags": ("tag", "tags"),
    "tasks": ("task", "tasks"),
    "deals": ("deal or order", "deals and orders"),
    "fields": ("field", "fields"),
    "number_blocks": ("number block", "number blocks"),
}
"""What moves, for one and for several."""


async def show(request: web.Request) -> web.StreamResponse:
    """Who is the other one? With `with` in the address: both side by side."""
    other = request.query.get("with", "")
    if other:
        return await _preview(request, _number(other))
    customer_id, text = _id(request), request.query.get("q", "").strip()[:TEXT_LIMIT]
    async with request.app[DATABASE].read() as connection:
        customer = await read_customer(connection, customer_id)
        region = request.app[SETTINGS].site.region
        wanted = text or customer.name
        found = CustomerPage((), None)
        if wanted:
            found = await find_customers(connection, wanted, region=region, limit=SHOWN)
    others = [one for one in found.customers if one.id != customer.id]
    template = "merges/_others.html" if "HX-Request" in request.headers else "merges/choose.html"
    return render(request, template, customer=customer, others=others, query=text)


async def _preview(request: web.Request, other: int) -> web.StreamResponse:
    keep = request.query.get("keep", "")
    async with request.app[DATABASE].read() as connection:
        preview = await preview_merge(connection, _id(request), other, keep=_number(keep) if keep else None)
        users = await list_users(connection)
    return render(
        request,
        "merges/preview.html",
        preview=preview,
        fields=_fields(request, preview),
        moving=[(one.count, WORDS[one.what][one.count != 1]) for one in preview.moving],
        names={user.id: user.name for user in users},
        most=MOST_MOVING,
    )


def _fields(request: web.Request, preview: MergePreview) -> list[tuple[CustomField, str, str]]:
    """The site's own fields that either has, with both values as people read them."""
    declared, (kept, merged) = request.app[FIELDS].declared, preview.values
    return [
        (one, words_of(kept.get(one.key)), words_of(merged.get(one.key)))
        for one in declared
        if one.key in kept or one.key in merged
    ]


async def merge(request: web.Request) -> web.StreamResponse:
    form = await _form(request)
    fields = [one.key for one in request.app[FIELDS].declared]
    theirs = frozenset(key for key in fields if _side(form, f"field-{key}") is Side.MERGED)
    wanted = Wanted(
        _id(request),
        _number(form.get("other", "")),
        keep=_number(form.get("keep", "")),
        choices=Choices(_side(form, "name"), _side(form, "company"), _side(form, "owner"), theirs),
        versions=(_number(form.get("kept_version", "")), _number(form.get("merged_version", ""))),
    )
    done = await request.app[MERGES].merge(wanted, current_user(request).id)
    raise see_other(f"/customers/{done.kept_id}")


async def suggest(request: web.Request) -> web.StreamResponse:
    """An agent thinks that these are one; a manager decides."""
    form = await _form(request)
    edit = Edit(request.app[CLOCK](), current_user(request).id)
    async with request.app[DATABASE].write() as connection:
        await propose(connection, _id(request), _number(form.get("other", "")), edit)
    return render(request, "merges/proposed.html", customer_id=_id(request))


async def undo(request: web.Request) -> web.StreamResponse:
    done = await request.app[MERGES].undo(_number(request.match_info["merge"]), current_user(request).id)
    raise see_other(f"/customers/{done.kept_id}")


async def _form(request: web.Request) -> dict[str, str]:
    return {name: str(value).strip()[: TEXT_LIMIT + 1] for name, value in (await request.post()).items()}


def _side(form: Mapping[str, str], name: str) -> Side | None:
    text = form.get(name, "")
    try:
        return Side(text) if text else None
    except ValueError as error:
        raise InvalidInputError("choose one of the two", field=name) from error


def _id(request: web.Request) -> int:
    return _number(request.match_info["id"])


def _number(text: str) -> int:
    """An id of the address or a form. Raises NotFoundError for what cannot be one."""
    if not (text.isascii() and text.isdigit()) or len(text) > 15:
        raise NotFoundError("there is no such customer")
    return int(text)
