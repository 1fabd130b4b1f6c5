"""Which phone of a person rings first when they click to call: the one named, else the one most likely before them. In:
their phones, what the PBX says of each, where they talked last. Out: one phone. Nothing is dialled here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from aiohttp import web
from sqlalchemy import and_, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from core.accounts import User, UserDevice
from core.errors import ConflictError, InvalidInputError
from pbx_bridge.tables import Call, CallPerson
from server.callbacks.parts import DIALER
from server.live.agent_pool import IDLE
from server.live.socket import LIVE
from server.web.keys import CLOCK, DATABASE

AWAY = frozenset({"UNAVAILABLE", "INVALID"})
"""States of a phone that is not registered, or that the PBX does not know."""

LATELY_S = 30 * 86_400.0
"""Where somebody talked a month ago says nothing of where they sit today."""

States = Mapping[tuple[str, str], str]
"""Asterisk's word for each phone (PBX, device) it has told of."""


async def phone_of(request: web.Request, user: User, wanted: str | None = None) -> UserDevice:
    """The phone that rings first for this person; `wanted` is a device (`PJSIP/101`) or extension of theirs.

    Raises InvalidInputError when `wanted` is none of theirs, ConflictError when they have no phone, or none that is
    registered.
    """
    if not user.devices:
        raise ConflictError(f"no phone is set up for {user.name}: an administrator can name one")
    if wanted:
        return named(user.devices, wanted)
    devices = [one for one in user.devices if request.app[DIALER].sees(one.pbx) is None] or user.devices
    view = request.app[LIVE].board.view(user.id)
    states = {(one.pbx, one.device): one.state for one in view.devices}
    last = None
    if len(devices) > 1:
        async with request.app[DATABASE].read() as connection:
            last = await talked_last(connection, devices, request.app[CLOCK]() - LATELY_S)
    return likeliest(devices, states, last)


def named(devices: Sequence[UserDevice], wanted: str) -> UserDevice:
    """The phone that a program names. Raises InvalidInputError with the ones there are."""
    found = next((one for one in devices if wanted in (one.device, one.extension)), None)
    if found is None:
        theirs = ", ".join(one.device for one in devices)
        raise InvalidInputError(f"{wanted!r} is none of this person's phones: {theirs}", field="device")
    return found


def likeliest(devices: Sequence[UserDevice], states: States, last: tuple[str, str] | None) -> UserDevice:
    """Of the phones that are not known to be away: an idle one before one that tells nothing, that before a busy one;
    then the one where they talked `last` (PBX, extension); then the first on their list. Raises ConflictError when
    all are away."""
    here = [one for one in devices if states.get((one.pbx, one.device)) not in AWAY]
    if not here:
        theirs = ", ".join(one.device for one in devices)
        raise ConflictError(f"there is no phone to ring first: {theirs} not registered with the PBX")

    def order(one: UserDevice) -> tuple[int, bool]:
        state = states.get((one.pbx, one.device))
        readiness = 0 if state == IDLE else 1 if state in (None, "UNKNOWN") else 2
        return readiness, (one.pbx, one.extension) != last

    return min(here, key=order)


async def talked_last(
    connection: AsyncConnection, devices: Sequence[UserDevice], since: float
) -> tuple[str, str] | None:
    """PBX and extension of these phones' latest conversation that began after `since`."""
    theirs = or_(
        *(and_(Call.pbx == one.pbx, CallPerson.extension == one.extension) for one in dict.fromkeys(devices))
    )
    found = await connection.execute(
        select(Call.pbx, CallPerson.extension)
        .join(CallPerson, CallPerson.call_id == Call.id)
        .where(CallPerson.role == "talked", Call.started_at > since, theirs)
        .order_by(Call.started_at.desc(), CallPerson.position)
        .limit(1)
    )
    row = found.first()
    return None if row is None else (row.pbx, row.extension)
