"""The gate in front of every handler: who is asking (cookie or API key), from where, and whether the line in
`server/routes.py` lets them in. Refusals are raised as `core/errors.py`; `server/web/replies.py` words them."""

from __future__ import annotations

from typing import Final

import structlog
from aiohttp import web

from core.accounts import User
from core.api_keys import TOUCH_S as KEY_TOUCH_S
from core.api_keys import ApiKey, read_key, touch_key
from core.errors import ForbiddenError, UnauthenticatedError
from core.sessions import Session, hash_token, read_session, touch_session
from server.web.bounds import read_body
from server.web.key_limits import KEY_LIMITS
from server.web.keys import CLOCK, DATABASE
from server.web.network import (
    UNSAFE_METHODS,
    check_listener,
    client_address,
    is_secure,
    refuse_cross_site,
    refuse_plain_http,
)
from server.web.routing import ROUTE_TABLE, Handler, Route

__all__ = [
    "add_headers",
    "check_listener",
    "client_address",
    "current_session",
    "current_user",
    "gate",
    "is_secure",
    "session_alive",
]

log = structlog.get_logger(__name__)

SECURE_COOKIE: Final = "__Host-ringback"
LOCAL_COOKIE: Final = "ringback-local"
"""On plain loopback HTTP, where some browsers drop Secure cookies and with them every login."""

SESSION = web.RequestKey("session", Session)
API_KEY = web.RequestKey("api_key", ApiKey)


def csp(style_nonce: str | None = None) -> str:
    """The policy of a page. A page with a nonce lets the one library that writes its own style do so."""
    style = "style-src 'self'" + (f" 'nonce-{style_nonce}'" if style_nonce else "")
    return "; ".join(
        (
            "default-src 'none'",
            "script-src 'self'",
            style,
            "img-src 'self' data:",
            "font-src 'self'",
            "connect-src 'self'",
            "media-src 'self'",
            "manifest-src 'self'",
            "worker-src 'self'",
            "form-action 'self'",
            "base-uri 'none'",
            "frame-ancestors 'none'",
        )
    )


HEADERS = {
    "Content-Security-Policy": csp(),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
}


@web.middleware
async def gate(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Let the request through or raise UnauthenticatedError, ForbiddenError or CrossSiteError."""
    route = request.app[ROUTE_TABLE].get(request.match_info.route)
    if route is None:  # no such URL or method: the handler says so; the page still shows whose screen it is
        await identify(request)
        return await handler(request)
    refuse_large_body(request, route)
    if route.role is not None or request.method in UNSAFE_METHODS:
        refuse_plain_http(request)
    await _admit(request, route)
    if request.can_read_body and not route.websocket and not route.streams:
        await read_body(request)
    return await handler(request)


def refuse_large_body(request: web.Request, route: Route) -> None:
    """The length must be said beforehand: nobody makes us read in order to find out that it is too much."""
    if not request.can_read_body or route.websocket:
        return
    if "Content-Encoding" in request.headers:  # a few packed kilobytes may hold thousands
        raise web.HTTPUnsupportedMediaType
    if request.content_type.startswith("multipart/"):  # no page of ours sends files
        raise web.HTTPUnsupportedMediaType
    if request.content_length is None:
        raise web.HTTPLengthRequired
    if request.content_length > route.body_limit:
        raise web.HTTPRequestEntityTooLarge(max_size=route.body_limit, actual_size=request.content_length)


async def _admit(request: web.Request, route: Route) -> None:
    if route.scope is not None and "Authorization" in request.headers:
        await _admit_key(request, route, route.scope)
        return
    if request.method in UNSAFE_METHODS or route.websocket:
        refuse_cross_site(request)
    if route.role is None:
        return
    session = await identify(request)
    if session is None:
        raise UnauthenticatedError("you are not logged in, or your session has ended: please log in")
    if not session.user.role.covers(route.role):
        log.warning("refused: role", user_id=session.user.id, method=route.method, route=route.path)
        raise ForbiddenError(f"this is for {route.role}s; your role is {session.user.role}")


async def _admit_key(request: web.Request, route: Route, scope: str) -> None:
    scheme, _, text = request.headers["Authorization"].partition(" ")
    now = request.app[CLOCK]()
    async with request.app[DATABASE].read() as connection:
        key = await read_key(connection, text.strip()) if scheme.lower() == "bearer" else None
    if key is None:
        log.warning(
            "refused: API key", address=client_address(request), method=route.method, route=route.path
        )
        raise UnauthenticatedError("this API key is unknown or revoked; send `Authorization: Bearer rb_…`")
    if scope not in key.scopes:
        log.warning("refused: scope", key=key.id, method=route.method, route=route.path)
        raise ForbiddenError(f"this API key lacks the scope {scope}")
    if key.last_used_at is None or key.last_used_at + KEY_TOUCH_S <= now:
        async with request.app[DATABASE].write() as connection:
            await touch_key(connection, key.id, now)
    request[API_KEY] = key
    request.app[KEY_LIMITS].take(key.id)


async def identify(request: web.Request) -> Session | None:
    """The session of the cookie, if it lives; looked up once per request."""
    if SESSION in request:
        return request[SESSION]
    session = await _living_session(request)
    if session is None:
        return None
    if session.stale:
        async with request.app[DATABASE].write() as connection:
            await touch_session(connection, session.token_hash, request.app[CLOCK]())
    request[SESSION] = session
    return session


async def session_alive(request: web.Request) -> bool:
    """Whether the session this long-lived connection began with still lives."""
    return await _living_session(request) is not None


async def _living_session(request: web.Request) -> Session | None:
    token = request.cookies.get(cookie_name(request))
    if not token:
        return None
    async with request.app[DATABASE].read() as connection:
        return await read_session(connection, hash_token(token), request.app[CLOCK]())


def cookie_name(request: web.Request) -> str:
    return SECURE_COOKIE if is_secure(request) else LOCAL_COOKIE


def current_session(request: web.Request) -> Session:
    """Raises UnauthenticatedError when nobody is logged in (an API key is nobody)."""
    if SESSION not in request:
        raise UnauthenticatedError("this needs somebody who is logged in")
    return request[SESSION]


def current_user(request: web.Request) -> User:
    """Raises UnauthenticatedError when nobody is logged in (an API key is nobody)."""
    return current_session(request).user


async def add_headers(request: web.Request, response: web.StreamResponse) -> None:
    """Signal handler: the same headers on every answer, files and errors included."""
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    response.headers["Server"] = "Ringback"  # which versions answer is nobody's business
    response.headers.setdefault("Cache-Control", "no-store")
    if is_secure(request):
        response.headers.setdefault("Strict-Transport-Security", "max-age=31536000")
