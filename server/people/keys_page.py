"""The administrator's API keys: which programs may ask what, and when each one did last. Forms in, keys made and
revoked. A key is shown once, on the page that the form which asked for it leads to; only its hash is stored
(`core/api_keys.py`)."""

from __future__ import annotations

from typing import Final

import structlog
from aiohttp import web

from core.api_keys import create_key, list_keys, revoke_key
from core.errors import InvalidInputError, NotFoundError
from server.web.guard import current_user
from server.web.keys import CLOCK, DATABASE
from server.web.pages import render, see_other
from server.web.shown_once import page_with_secret, sent_on

log = structlog.get_logger(__name__)

FIELD_LIMIT: Final = 200

SCOPE_WORDS: Final = {
    "calls:read": "The call log and the times nobody could see the PBX",
    "calls:write": "Let an agent's phone ring, and then call a number",
    "callbacks:read": "Callbacks: whom we owe a call, and how it stands",
    "callbacks:write": "Ask for callbacks, withdraw and close them",
    "customers:read": "Customers, whose number it is, notes and timelines",
    "customers:write": "Make and edit customers: numbers, tags, notes, tasks, deals; propose duplicates",
    "customers:merge": "Merge customers, undo merges, say that two are not the same",
    "customers:remove": "Remove tasks, deals and orders for ever",
    "customers:import": "Import files of customers, and take imports back",
    "customers:export": "All customers at once, as files",
    "customers:erase": "Erase a person for ever, and read the certificates",
    "blocked:check": "Whether one number is on the block list: for the PBX, before phones ring",
    "blocked:write": "Block callers, and unblock them",
    "agents:read": "Agents, their phones, queues and calls of the moment",
    "recordings:read": "Recordings and transcripts of every call: hear, read, download",
    "recordings:write": "Pause and resume recordings, upload them, comment, hold, transcribe again",
    "recordings:export": "Recordings of many calls at once, as one archive",
    "prompts:read": "Prompts: what a PBX's script needs to fetch them",
    "prompts:write": "Upload and remove prompts",
    "live:read": "The stream of what happens now",
    "webhooks:read": "Webhooks and what was delivered",
    "webhooks:write": "Make and change webhooks: have everything that happens sent anywhere",
    "connectors:read": "Other CRMs: how each link stands, and calls that are not there",
    "connectors:write": "Try a link to another CRM, and send calls there again",
    "metrics:read": "Metrics, and why the server is not ready",
}
"""What each scope of `core/api_keys.py` opens, for people."""


async def index(request: web.Request) -> web.StreamResponse:
    async with request.app[DATABASE].read() as connection:
        keys = await list_keys(connection)
    living = [key for key in keys if not key.revoked]
    revoked = [key for key in keys if key.revoked]
    return render(request, "keys/index.html", keys=[*living, *revoked], scope_words=SCOPE_WORDS)


async def new(request: web.Request) -> web.StreamResponse:
    return _form_page(request, name="", scopes=frozenset())


async def create(request: web.Request) -> web.StreamResponse:
    form = await request.post()
    name = str(form.get("name", "")).strip()[:FIELD_LIMIT]
    scopes = frozenset(str(scope) for scope in form.getall("scope", []))
    if not scopes:
        nothing = {"scopes": "choose at least one thing the key may do"}
        return _form_page(request, name=name, scopes=scopes, wrong=nothing)
    try:
        async with request.app[DATABASE].write() as connection:
            key, secret = await create_key(connection, name, scopes, request.app[CLOCK]())
    except InvalidInputError as error:
        return _form_page(request, name=name, scopes=scopes, wrong={error.field or "name": str(error)})
    log.info("API key made", key_id=key.id, by=current_user(request).id)
    return sent_on(request, f"/admin/keys/{key.id}/secret", secret)


async def show_secret(request: web.Request) -> web.StreamResponse:
    key_id = _id(request)
    async with request.app[DATABASE].read() as connection:
        key = next((key for key in await list_keys(connection) if key.id == key_id), None)
    if key is None:
        raise _unknown()
    return page_with_secret(request, "keys/secret.html", key=key)


async def revoke(request: web.Request) -> web.StreamResponse:
    key_id = _id(request)
    async with request.app[DATABASE].write() as connection:
        await revoke_key(connection, key_id, request.app[CLOCK]())
    log.info("API key revoked", key_id=key_id, by=current_user(request).id)
    raise see_other("/admin/keys")


def _id(request: web.Request) -> int:
    text = request.match_info["id"]
    if not text.isascii() or not text.isdigit() or len(text) > 9:
        raise _unknown()
    return int(text)


def _unknown() -> NotFoundError:
    return NotFoundError("there is no such API key")


def _form_page(
    request: web.Request, *, name: str, scopes: frozenset[str], wrong: dict[str, str] | None = None
) -> web.Response:
    return render(
        request,
        "keys/form.html",
        status=422 if wrong else 200,
        name=name,
        scopes=scopes,
        scope_words=SCOPE_WORDS,
        wrong=wrong or {},
    )
