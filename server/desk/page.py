"""The desk's page and what its buttons do. A request for a call is only heard when that call is on the asker's own
desk right now (or was joined into one that is); everything that changes comes back to all tabs by `/live`. What the
page shows is decided in `live/board.py`, drawn by `static/desk*.js`."""

from __future__ import annotations

from typing import Annotated

from aiohttp import web
from pydantic import Field, StringConstraints

from core.clock import iso
from core.errors import ConflictError, InvalidInputError, NotFoundError
from crm_link.customers import UNCHANGED, CustomerEdit
from server.callbacks.parts import CLICKS
from server.customers.block_naming import name_somebody_of
from server.desk.parts import AGENTS, WRAP_UPS
from server.live.agent_states import AgentState
from server.live.cards import Card, CardState
from server.live.socket import LIVE
from server.live.wire import VERSION
from server.live.wrap_ups import LONGEST_NOTE
from server.web.guard import current_user
from server.web.json_body import Body, body_of
from server.web.keys import ANNOTATIONS, CUSTOMERS, PAUSER, SETTINGS
from server.web.pages import render

Text = Annotated[str, StringConstraints(strip_whitespace=True)]

MOST_AT_ONCE = 200
"""Wrap-ups in one request: more than anybody leaves open in a week."""


class StateBody(Body):
    state: AgentState
    reason: Annotated[str, Field(max_length=60)] | None = None


class NoteBody(Body):
    note: Annotated[str, Field(max_length=LONGEST_NOTE)]
    disposition: str | None = None


class PileBody(Body):
    call_ids: Annotated[list[str], Field(min_length=1, max_length=MOST_AT_ONCE)]


class PickBody(Body):
    """`as_default`: suggest this customer first for the next calls of the number as well."""

    customer_id: int
    as_default: bool = True


class NameBody(Body):
    name: Text | None = None
    company: Text | None = None


class TagBody(Body):
    tag: Text
    on: bool


async def show(request: web.Request) -> web.Response:
    """The page; everything live comes over /live."""
    settings = request.app[SETTINGS]
    desk = settings.desk
    return render(
        request,
        "desk.html",
        dispositions=desk.dispositions,
        pause_reasons=desk.pause_reasons,
        wire_version=VERSION,
        phones=current_user(request).devices,
        tells_pbx=PAUSER in request.app,
        owes=bool(settings.department),
        hears_own=any(pbx.recordings or pbx.own_recordings for pbx in settings.pbx.values())
        and (
            settings.recordings.agents_hear_own
            or current_user(request).role.value in settings.recordings.hear
        ),
        can_pause_recording=any(pbx.recordings and pbx.dial for pbx in settings.pbx.values()),
        can_call=CLICKS in request.app,
    )


async def set_state(request: web.Request) -> web.Response:
    """Available, paused (with one of the settings' reasons) or wrapping up. 502 when the PBX refused."""
    body = await body_of(request, StateBody)
    reasons = request.app[SETTINGS].desk.pause_reasons
    if body.state is AgentState.PAUSED and body.reason not in reasons:
        raise InvalidInputError(f"say why you pause: {', '.join(reasons)}", field="reason")
    reason = body.reason if body.state is AgentState.PAUSED else None
    await request.app[AGENTS].set(current_user(request).id, body.state, reason)
    return web.json_response({"state": body.state, "reason": reason})


async def save_note(request: web.Request) -> web.Response:
    """Keep what was written so far; the card stays."""
    return await _save(request, close=False)


async def close_wrap_up(request: web.Request) -> web.Response:
    """Keep the note and put the card away. 409 while the call still goes on."""
    if card_of(request).state is not CardState.WRAP_UP:
        raise ConflictError("the call still goes on: your note is kept, and asked for when it is over")
    return await _save(request, close=True)


async def close_pile(request: web.Request) -> web.Response:
    """Put many cards away as they are: the notes that were written so far are kept. What another tab has closed
    meanwhile is passed over."""
    body, hub, user = await body_of(request, PileBody), request.app[LIVE], current_user(request)
    closed = 0
    for call_id in body.call_ids:
        card = hub.board.card(user.id, hub.resolve(call_id))
        if card is None or card.state is not CardState.WRAP_UP:
            continue
        draft = card.draft
        await request.app[WRAP_UPS].save(
            card.call_id, user.id, note=draft.note, disposition=draft.disposition, close=True
        )
        closed += 1
    return web.json_response({"closed": closed})


async def _save(request: web.Request, *, close: bool) -> web.Response:
    body = await body_of(request, NoteBody)
    known = request.app[SETTINGS].desk.dispositions
    if body.disposition is not None and body.disposition not in known:
        raise InvalidInputError(f"choose one of: {', '.join(known)}", field="disposition")
    draft = await request.app[WRAP_UPS].save(
        card_of(request).call_id,
        current_user(request).id,
        note=body.note,
        disposition=body.disposition,
        close=close,
    )
    return web.json_response({"saved_at": iso(draft.saved_at)})


async def pick_customer(request: web.Request) -> web.Response:
    """Say which of several customers the caller is, for this call or as default of the number (rule P8); also when
    somebody has picked another one."""
    body, call_id = await body_of(request, PickBody), card_of(request).call_id
    by = current_user(request).id
    await request.app[CUSTOMERS].pick(
        call_id, body.customer_id, by, as_default=body.as_default, candidates_only=True
    )
    return web.Response(status=204)


async def list_candidates(request: web.Request) -> web.Response:
    """Whose call it may be, the likeliest first: for an agent who has picked the wrong one."""
    found = await request.app[CUSTOMERS].candidates(card_of(request).call_id)
    customers = [
        {"id": one.id, "name": one.name, "company": one.company, "last_contact_at": one.last_contact_at}
        for one in found
    ]
    return web.json_response({"customers": customers})


async def name_customer(request: web.Request) -> web.Response:
    """Give the customer of this call a name or a company: a provisional customer becomes a real one, somebody from
    inside a firm's block a customer of their own."""
    body = await body_of(request, NameBody)
    if not (body.name or body.company):
        raise InvalidInputError("write a name or a company", field="name")
    if (card := card_of(request)).by_block:
        await name_somebody_of(request, card, body.name or "", body.company)
        return web.Response(status=204)
    edit = CustomerEdit(
        name=UNCHANGED if body.name is None else body.name,
        company=UNCHANGED if body.company is None else body.company,
    )
    await request.app[CUSTOMERS].edit(customer_of(card_of(request)), edit, current_user(request).id)
    return web.Response(status=204)


async def tag_customer(request: web.Request) -> web.Response:
    """Put a tag on the customer of this call, or take it off."""
    body, customer_id = await body_of(request, TagBody), customer_of(card_of(request))
    annotations, user = request.app[ANNOTATIONS], current_user(request)
    change = annotations.add_tag if body.on else annotations.remove_tag
    await change(customer_id, body.tag, user.id)
    return web.Response(status=204)


def card_of(request: web.Request) -> Card:
    """The asker's own card of the call in the URL. Raises NotFoundError for every other call."""
    hub = request.app[LIVE]
    card = hub.board.card(current_user(request).id, hub.resolve(request.match_info["call_id"]))
    if card is None:
        raise NotFoundError("this call is not on your desk any more")
    return card


def customer_of(card: Card) -> int:
    """The one customer of the card. Raises ConflictError while several are possible, or none."""
    if len(card.customers) != 1:
        raise ConflictError("choose first which customer this is")
    return card.customers[0].id
