"""A site's own fields for programs: which there are, and their values of one customer. Values are read with the
customer (`fields`)."""

from __future__ import annotations

from aiohttp import web
from pydantic import Field, StrictBool, StrictFloat, StrictInt, StrictStr

from config.crm import MOST_FIELDS, FieldType
from crm_link.directory import read_customer
from server.api.customers import LARGEST_ID, Customer, IfMatch, editor, shown, version_of
from server.api.operation import Reply, operation
from server.api.shapes import Given, Taken
from server.web.keys import DATABASE, FIELDS


class DeclaredField(Given):
    """A field this site keeps of its customers, as its settings declare it."""

    key: str
    title: str
    type: FieldType
    choices: list[str]
    on_card: bool = Field(description="Shown on the card when the customer calls.")


class DeclaredFields(Given):
    fields: list[DeclaredField] = Field(description=f"All of them: at most {MOST_FIELDS}.")


class FieldChanges(Taken):
    """What to change; a field that is left out stays."""

    fields: dict[str, StrictBool | StrictInt | StrictFloat | StrictStr | None] = Field(
        min_length=1,
        max_length=MOST_FIELDS,
        description="Values by key; null takes one away. Dates are `2026-11-21`, yes-no is true or false.",
    )
    version: int | None = Field(None, ge=1, le=LARGEST_ID, description="Instead of the header If-Match.")


@operation("The fields of this site", tag="Customers")
async def list_fields(request: web.Request) -> DeclaredFields:
    """In the order of the settings."""
    declared = request.app[FIELDS].declared
    return DeclaredFields(fields=[DeclaredField.model_validate(one) for one in declared])


@operation("Set a customer's fields", tag="Customers", problems=(409, 412))
async def edit_fields(
    request: web.Request, customer_id: int, body: FieldChanges, if_match: IfMatch
) -> Reply[Customer]:
    """`If-Match` with the customer's version, as for other edits."""
    version = version_of(if_match, body.version)
    current = await request.app[FIELDS].edit(customer_id, body.fields, editor(request), version)
    async with request.app[DATABASE].read() as connection:
        return shown(await read_customer(connection, current))
