"""Who may look into this server's machinery: programs on this machine, keys with the scope `metrics:read`, and
administrators. The staff listener is not the internet, but a PBX's name or an error's text is no stranger's."""

from __future__ import annotations

from ipaddress import ip_address

from aiohttp import web

from core.accounts import Role
from core.errors import ForbiddenError
from server.web.guard import API_KEY, identify
from server.web.network import client_address

FORWARDED = ("Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "Via")


async def is_observer(request: web.Request) -> bool:
    """Whether this request may see details. A key has been checked by the guard before."""
    if API_KEY in request or _is_from_here(request):
        return True
    session = await identify(request)
    return session is not None and session.user.role is Role.ADMINISTRATOR


async def refuse_strangers(request: web.Request) -> None:
    """Raises ForbiddenError for everybody else."""
    if not await is_observer(request):
        raise ForbiddenError(
            "this is for programs on the server itself, API keys with the scope metrics:read, and administrators"
        )


def _is_from_here(request: web.Request) -> bool:
    """A loopback client that is not a proxy: one that the settings do not name would make the whole world local."""
    address = client_address(request)
    came_directly = address == request.remote and not any(name in request.headers for name in FORWARDED)
    try:
        return came_directly and ip_address(address).is_loopback
    except ValueError:
        return False
