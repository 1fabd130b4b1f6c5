"""The public listener: widget, form and visitors' links, and nothing of the staff's side. In: the staff's application,
whose settings, database, clock and callback parts it shares. Out: an application of its own, with its own routes,
headers and limits, so that a site exposes only this one."""

from __future__ import annotations

from typing import Final

from aiohttp import web

from callback import http
from callback.http import FRONT, Front
from callback.offers import Offers
from callback.page_tokens import PageTokens
from callback.proofs import Proofs
from core.errors import SettingsError
from server.callbacks.parts import DIALER, POOL
from server.desk.callback_parts import REQUESTS
from server.visitor import files, pages
from server.web.bounds import note_head, read_body
from server.web.guard import refuse_large_body
from server.web.keys import CLOCK, DATABASE, DEMO, SETTINGS, ZONE
from server.web.network import (
    UNSAFE_METHODS,
    address_used,
    client_address,
    is_secure,
    origin_in,
    refuse_plain_http,
)
from server.web.pages import ENVIRONMENT, template_environment
from server.web.replies import errors, remember_prepared
from server.web.routing import PUBLIC, ROUTE_TABLE, Handler, Route, add_routes

BODY_LIMIT: Final = 32 * 1024
"""Bytes: the longest request (two addresses, tags, a message, a proof) has half of it."""

PAGE_CSP: Final = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",
        "connect-src 'self'",
        "worker-src blob:",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)

HEADERS: Final = {
    "Content-Security-Policy": PAGE_CSP,
    "X-Content-Type-Options": "nosniff",
    # A link in the address is a secret of its visitor's.
    "Referrer-Policy": "strict-origin",
    "X-Robots-Tag": "noindex",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
}


def _line(method: str, path: str, handler: Handler) -> Route:
    return Route(method, path, handler, PUBLIC, body_limit=BODY_LIMIT)


ROUTES = (
    _line("GET", "/widget/ringback-callback.js", files.script),
    _line("GET", "/widget/{version}/{name:.+}", files.part),
    _line("GET", "/page/{name}", files.page_file),
    _line("GET", "/w/{site}/offer", http.offer),
    _line("GET", "/w/{site}/challenge", http.challenge),
    _line("POST", "/w/{site}/requests", http.submit),
    _line("OPTIONS", "/w/{site}/requests", http.preflight),
    _line("GET", "/w/{site}/form", pages.show_form),
    _line("POST", "/w/{site}/form", pages.take_form),
    _line("GET", "/r/{link}", pages.show_request),
    _line("GET", "/r/{link}/state", http.state),
    _line("POST", "/r/{link}/move", pages.by_form(pages.move, http.move)),
    _line("POST", "/r/{link}/word", pages.by_form(pages.word, http.word)),
    _line("POST", "/r/{link}/withdraw", pages.by_form(pages.withdraw, http.withdraw)),
    _line("OPTIONS", "/r/{link}/{what:move|word|withdraw}", http.preflight),
)


def public_application(staff: web.Application) -> web.Application:
    """Opens after `staff` and closes before it. Raises SettingsError when no website may use it."""
    settings = staff[SETTINGS]
    if not settings.website:
        raise SettingsError(
            "`public.port` is set, but no website may use it: add a section [website.…] with its origins and "
            "department (see config/example.toml), or remove the port"
        )
    app = web.Application(middlewares=[note_head, errors, gate], client_max_size=BODY_LIMIT)
    app[SETTINGS], app[CLOCK], app[DATABASE] = settings, staff[CLOCK], staff[DATABASE]
    app[ZONE], app[DEMO] = staff[ZONE], staff[DEMO]
    app[ENVIRONMENT] = template_environment(pages.FOLDER)
    app[FRONT] = front(staff)
    add_routes(app, ROUTES)
    app.on_response_prepare.append(add_headers)
    app.on_response_prepare.append(http.add_cors)
    app.on_response_prepare.append(remember_prepared)
    return app


def front(staff: web.Application) -> Front:
    """What the public side works with, from the parts of the staff's application."""
    settings, clock, requests = staff[SETTINGS], staff[CLOCK], staff[REQUESTS]
    offers = Offers(settings, requests.rules, staff[DATABASE], clock, pool=staff[POOL], dialer=staff[DIALER])
    return Front(
        settings=settings,
        requests=requests,
        offers=offers,
        tokens=PageTokens(requests.keys, clock),
        proofs=Proofs(requests.keys, clock),
        address_of=client_address,
        own_origin=own_origin,
    )


def own_origin(request: web.Request) -> str:
    """How visitors reach us: as the settings say, else as this one did."""
    url = request.app[SETTINGS].public.url
    return origin_in(url) if url else address_used(request)


@web.middleware
async def gate(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Nobody logs in here: what is kept are sizes, times and TLS."""
    route = request.app[ROUTE_TABLE].get(request.match_info.route)
    if route is None:
        return await handler(request)
    refuse_large_body(request, route)
    if request.method in UNSAFE_METHODS or "link" in request.match_info:
        refuse_plain_http(request)
    if request.can_read_body:
        await read_body(request)
    return await handler(request)


async def add_headers(request: web.Request, response: web.StreamResponse) -> None:
    """Signal handler: the same headers on every answer, errors included."""
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    response.headers.setdefault("Cache-Control", "no-store")
    response.headers.setdefault("Cross-Origin-Resource-Policy", "same-origin")
    if is_secure(request):
        response.headers.setdefault("Strict-Transport-Security", "max-age=31536000")
