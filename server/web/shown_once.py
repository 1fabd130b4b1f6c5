"""A secret that was just made is shown once. The answer to the form sends the browser on to a page, with the secret in
a cookie for that page alone; the page shows it and takes the cookie away. So a reload makes nothing a second time, and
nothing is kept here: whichever server gives the page, the secret comes from the only browser that may see it."""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import quote, unquote

from aiohttp import web

from server.web.network import is_secure
from server.web.pages import render

COOKIE: Final = "ringback-once"
KEPT_S: Final = 60
"""For a page that is asked for at once."""

LONGEST: Final = 200
"""Characters: more than any secret of ours."""


def sent_on(request: web.Request, path: str, secret: str) -> web.Response:
    """The answer to a form that made `secret`, which the page at `path` shows."""
    response = web.Response(status=303, headers={"Location": path})
    response.set_cookie(
        COOKIE,
        quote(secret, safe=""),
        path=path,
        max_age=KEPT_S,
        secure=is_secure(request),
        httponly=True,
        samesite="Strict",
    )
    return response


def page_with_secret(request: web.Request, template: str, **context: Any) -> web.Response:
    """The page, with `secret`: None when it was shown before."""
    secret = unquote(request.cookies.get(COOKIE, ""))[:LONGEST] or None
    response = render(request, template, secret=secret, **context)
    response.del_cookie(
        COOKIE, path=request.path, secure=is_secure(request), httponly=True, samesite="Strict"
    )
    return response
