"""Whose number is this? The same match as a screen pop's, for other programs."""

from __future__ import annotations

from aiohttp import web
from pydantic import Field

from core.facts import MatchKind
from core.phone import NumberReason, parse_number
from crm_link.directory import read_customers
from crm_link.identities import match_number
from crm_link.match import ids_of, is_by_block, kind_of
from server.api.customers import Customer
from server.api.operation import operation
from server.api.shapes import Given, Taken
from server.web.keys import DATABASE, SETTINGS


class LookupQuery(Taken):
    number: str = Field(
        min_length=1, max_length=250, description="A telephone number in any spelling (a + in a URL is %2B)."
    )


class Lookup(Given):
    e164: str | None = Field(description="The number as it is stored; null when this is none.")
    reason: NumberReason | None = Field(description="Why this is no number.")
    match: MatchKind = Field(description="`several`: ranked, likeliest first; a person should pick.")
    by_block: bool = Field(description="Nobody has the number itself: it lies in a block of theirs.")
    customers: list[Customer]


@operation("Whose number is this?", tag="Customers")
async def look_up(request: web.Request, query: LookupQuery) -> Lookup:
    """Numbers without a country code belong to the site's own country. Nothing is guessed from a part of a number."""
    # A + that was not escaped arrives as a space.
    text = f"+{query.number[1:]}" if query.number.startswith(" ") else query.number
    number = parse_number(text, request.app[SETTINGS].site.region)
    async with request.app[DATABASE].read() as connection:
        found = await match_number(connection, number.e164)
        customers = await read_customers(connection, ids_of(found))
    return Lookup(
        e164=number.e164,
        reason=number.reason,
        match=kind_of(found),
        by_block=is_by_block(found),
        customers=[Customer.model_validate(one) for one in customers],
    )
