"""Who asks for a recording, as the recordings room wants to know it. A request goes in, an `Asker` comes out; what an
asker may do is decided in `recordings/access.py`."""

from __future__ import annotations

import re

from aiohttp import web

from core.errors import NotFoundError
from recordings.access import Asker
from server.web.guard import API_KEY, current_user

RECORDING_ID = re.compile(r"[0-9a-f]{32}")


def asker_of(request: web.Request) -> Asker:
    """Whoever is logged in, or the program whose key came with the request. Raises UnauthenticatedError for nobody."""
    key = request.get(API_KEY)
    if key is not None:
        return Asker(f"api:{key.prefix}", None, key.scopes)
    user = current_user(request)
    return Asker(user.login, user)


def recording_id_of(request: web.Request) -> str:
    """The id in the URL. Raises NotFoundError for what cannot be one."""
    text = request.match_info["recording_id"]
    if not RECORDING_ID.fullmatch(text):
        raise NotFoundError("there is no such recording")
    return text
