"""What an agent's card says of other CRMs, decided: which of several contacts with the number the caller is."""

from __future__ import annotations

from typing import Annotated

from aiohttp import web
from pydantic import StringConstraints

from core.errors import NotFoundError
from server.connectors.parts import CONNECTORS
from server.desk.page import card_of
from server.web.guard import current_user
from server.web.json_body import Body, body_of

Id = Annotated[str, StringConstraints(min_length=1, max_length=200)]


class ContactBody(Body):
    connector: Id
    contact_id: Id


async def pick(request: web.Request) -> web.Response:
    """For this call, and for the customer from now on. 409 while it is open which customer it is."""
    body, card = await body_of(request, ContactBody), card_of(request)
    on_card = {(one.connector, one.id) for one in card.contacts}
    if CONNECTORS not in request.app or (body.connector, body.contact_id) not in on_card:
        raise NotFoundError("this contact is not one of those of this call")
    picks = request.app[CONNECTORS].picks
    await picks.pick(card.call_id, body.connector, body.contact_id, current_user(request).id)
    return web.Response(status=204)
