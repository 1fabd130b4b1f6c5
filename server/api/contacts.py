"""Whom other CRMs know for the number of a call, and saying which of them it is."""

from __future__ import annotations

from aiohttp import web
from pydantic import Field

from core.errors import NotFoundError
from crm_link.connectors.picking import ContactPicks
from server.api.customers import editor
from server.api.operation import operation
from server.api.picks import call_of_theirs
from server.api.shapes import Given, Instant, Taken
from server.connectors.parts import CONNECTORS


class Contact(Given):
    connector: str = Field(description="The CRM's name in the settings.")
    id: str = Field(description="The CRM's own id.")
    name: str
    company: str
    owner: str = Field(description="Who is responsible for them there; empty when the CRM does not say.")
    url: str = Field(description="Their page there, for people; empty when there is none.")
    seen_at: Instant = Field(description="When the CRM said so.")
    is_picked: bool = Field(description="Of several, the one whom the call is with.")


class Contacts(Given):
    contacts: list[Contact]


class PickedContact(Taken):
    connector: str = Field(min_length=1, max_length=60)
    id: str = Field(min_length=1, max_length=200)


@operation("Contacts of a call in other CRMs", tag="Customers", problems=(404,))
async def list_contacts(request: web.Request, call_id: str) -> Contacts:
    """What the CRMs said of the number lately; they are not asked again. Agents ask about calls on their own desk."""
    return await _shown(_picks(request), call_of_theirs(request, call_id))


@operation("Say which contact it is", tag="Customers", problems=(404, 409))
async def pick_contact(request: web.Request, call_id: str, body: PickedContact) -> Contacts:
    """Of several contacts with the number. The call is written on this one, and the customer keeps its id as an
    `external` identity for the next calls. Agents say so of calls on their own desk. 409 while it is open whose call it
    is."""
    picks, call = _picks(request), call_of_theirs(request, call_id)
    await picks.pick(call, body.connector, body.id, editor(request))
    return await _shown(picks, call)


def _picks(request: web.Request) -> ContactPicks:
    if CONNECTORS not in request.app:
        raise NotFoundError("no other CRM is connected")
    return request.app[CONNECTORS].picks


async def _shown(picks: ContactPicks, call_id: str) -> Contacts:
    return Contacts(contacts=[Contact.model_validate(one) for one in await picks.of_call(call_id)])
