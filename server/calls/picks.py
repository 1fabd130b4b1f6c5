"""On the call's page: which of several customers it was, and which of several contacts of another CRM. The actions are
those of the desk and the API, for a call whose card nobody has open any more; the answer is the page as it then is."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from urllib.parse import quote

from aiohttp import web

from core.errors import InvalidInputError, NotFoundError
from core.facts import Direction, OutsideContact
from server.connectors.parts import CONNECTORS
from server.views.calls import CallRow
from server.web.forms import text_of, whole_of
from server.web.guard import current_user
from server.web.keys import CUSTOMERS
from server.web.pages import see_other


async def read_contact_choices(request: web.Request, call: CallRow) -> Mapping[str, list[OutsideContact]]:
    """The contacts with this call's number, of each CRM that named several."""
    if CONNECTORS not in request.app or call.direction == Direction.INTERNAL or not call.customers:
        return {}
    found: dict[str, list[OutsideContact]] = defaultdict(list)
    for contact in await request.app[CONNECTORS].picks.of_call(call.id):
        found[contact.connector].append(contact)
    return {connector: contacts for connector, contacts in found.items() if len(contacts) > 1}


async def pick_customer(request: web.Request) -> web.StreamResponse:
    """One of the call's customers; with `as_default` suggested first for the next calls of the number."""
    customer_id, call_id = await whole_of(request, "customer"), request.match_info["id"]
    if customer_id is None:
        raise InvalidInputError("choose who it was", field="customer")
    await request.app[CUSTOMERS].pick(
        call_id,
        customer_id,
        current_user(request).id,
        as_default=bool(await text_of(request, "as_default")),
        candidates_only=True,
    )
    raise _back(call_id)


async def pick_contact(request: web.Request) -> web.StreamResponse:
    """The call is written on this one, and the customer keeps it for the next calls."""
    if CONNECTORS not in request.app:
        raise NotFoundError("no other CRM is connected")
    call_id, by = request.match_info["id"], current_user(request).id
    connector, contact = await text_of(request, "connector"), await text_of(request, "contact")
    await request.app[CONNECTORS].picks.pick(call_id, connector, contact, by)
    raise _back(call_id)


def _back(call_id: str) -> web.HTTPSeeOther:
    return see_other(f"/calls/{quote(call_id, safe='')}")
