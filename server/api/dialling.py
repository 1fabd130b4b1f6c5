"""Click-to-call for programs: somebody's phone rings, and answering it calls the number. What is placed, and that it is
placed once, is `callback/click.py`'s."""

from __future__ import annotations

from aiohttp import web
from pydantic import Field

from callback.click import Click
from core.accounts import Role, find_user
from core.errors import ConflictError, ForbiddenError, InvalidInputError
from core.phone import parse_number
from server.api.callbacks import Key, sender_key
from server.api.operation import operation
from server.api.shapes import Given, Taken
from server.callbacks.parts import CLICKS
from server.live.phones import phone_of
from server.web.guard import API_KEY, current_user
from server.web.keys import DATABASE, SETTINGS


class NewCall(Taken):
    number: str = Field(min_length=1, max_length=80, description="In any spelling.")
    agent_id: int = Field(ge=1, le=2**31 - 1, description="Whose phone rings first.")
    device: str | None = Field(
        None,
        max_length=120,
        description="Which phone of theirs (`PJSIP/101`, or its extension); else a registered idle one, where they "
        "talked last.",
        examples=["PJSIP/101"],
    )


class PlacedCall(Given):
    """The call's id, once it begins, ends in `cb-` and the attempt's."""

    attempt_id: str


@operation("Call a number from an agent's phone", tag="Calls", status=202, problems=(409, 429, 502))
async def place_call(request: web.Request, body: NewCall, key: Key) -> PlacedCall:
    """The agent's phone rings first; answering it calls the number. Where a callback to it waits, this call keeps it.
    409: somebody is being called already, the number asked not to be called, or no phone of the agent is registered.
    429: a limit of dialling is reached; `Retry-After` says when there is room."""
    if not key:
        raise InvalidInputError(
            "send an Idempotency-Key, so that nobody is rung twice", field="Idempotency-Key"
        )
    number = parse_number(body.number, request.app[SETTINGS].site.region).e164
    if number is None:
        raise InvalidInputError("this is no telephone number", field="number")
    _check_person(request, body.agent_id)
    if CLICKS not in request.app:
        raise ConflictError("calls cannot be placed here: no department and no dial user is set up")
    async with request.app[DATABASE].read() as connection:
        agent = await find_user(connection, body.agent_id)
    if agent is None or agent.disabled:
        raise InvalidInputError(f"there is no agent {body.agent_id}", field="agent_id")
    phone = await phone_of(request, agent, body.device)
    click = Click(agent.id, phone, number, sender_key(request, key))
    return PlacedCall(attempt_id=await request.app[CLICKS].call(click))


def _check_person(request: web.Request, agent_id: int) -> None:
    """Agents ring their own phone; managers and programs anybody's."""
    if API_KEY in request:
        return
    user = current_user(request)
    if user.id != agent_id and not user.role.covers(Role.MANAGER):
        raise ForbiddenError("you can only ring your own phone")
