"""Logging in and out. A form goes in, a cookie with a fresh random token comes out; the token's hash is stored in
`core/sessions.py`. Each try is counted before its password is checked."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

import structlog
from aiohttp import web

from core.accounts import Role, User, find_user_by_login, password_hash_of
from core.errors import TooManyRequestsError
from core.facts import SessionsEnded
from core.passwords import verify_password
from core.sessions import (
    LIFETIME_S,
    count_login_attempt,
    end_session,
    forgive_login,
    start_session,
    sweep_sessions,
)
from server.web.guard import client_address, cookie_name, current_session, identify, is_secure
from server.web.keys import BUS, CLOCK, DATABASE
from server.web.pages import THEME_COOKIE, THEMES, render, see_other

log = structlog.get_logger(__name__)

YEAR_S = 365 * 86_400
WRONG = "This login and password do not belong together."


async def show(request: web.Request) -> web.StreamResponse:
    session = await identify(request)
    if session is not None:
        raise see_other(_next(request.query.get("next", ""), session.user))
    return _page(request, request.query.get("next", ""))


async def log_in(request: web.Request) -> web.StreamResponse:
    """A new session also when there was one: a token from before the login is worth nothing after it."""
    form = await request.post()
    target = str(form.get("next", ""))[:2000]
    login, password = str(form.get("login", ""))[:200], str(form.get("password", ""))[:1000]
    try:
        user = await _check(request, login, password)
    except TooManyRequestsError as error:
        log.warning("login has to wait", address=client_address(request), seconds=error.retry_after)
        response = _page(
            request, target, login=login, wrong=f"Too many tries: {_wait(error.retry_after)}.", status=429
        )
        response.headers["Retry-After"] = str(error.retry_after)
        return response
    if user is None:
        # What was typed stays out: people type passwords into the wrong field.
        log.warning("login refused", address=client_address(request))
        return _page(request, target, login=login, wrong=WRONG, status=401)
    async with request.app[DATABASE].write() as connection:
        await forgive_login(connection, login, client_address(request))
    response = web.Response(status=303, headers={"Location": _next(target, user)})
    await begin_session(request, response, user)
    log.info("logged in", user_id=user.id, address=client_address(request))
    return response


async def log_out(request: web.Request) -> web.StreamResponse:
    session = current_session(request)
    async with request.app[DATABASE].write() as connection:
        await end_session(connection, session.token_hash)
    now = request.app[CLOCK]()
    await request.app[BUS].publish(SessionsEnded(session.user.id, now, session.token_hash))
    log.info("logged out", user_id=session.user.id)
    response = web.Response(status=303, headers={"Location": "/login"})
    response.del_cookie(
        cookie_name(request), path="/", secure=is_secure(request), httponly=True, samesite="Lax"
    )
    return response


async def choose_theme(request: web.Request) -> web.StreamResponse:
    """For browsers without our script; with it the page changes at once and this is never asked."""
    form = await request.post()
    theme = str(form.get("theme", ""))
    response = web.Response(status=303, headers={"Location": _path_of(request.headers.get("Referer", ""))})
    if theme in THEMES:
        response.set_cookie(
            THEME_COOKIE, theme, path="/", max_age=YEAR_S, samesite="Lax", secure=is_secure(request)
        )
    return response


async def home(request: web.Request) -> web.StreamResponse:
    """`/`: where this person's work is."""
    raise see_other(start_page(current_session(request).user))


def start_page(user: User) -> str:
    return "/calls" if user.role.covers(Role.MANAGER) and not user.devices else "/desk"


async def _check(request: web.Request, login: str, password: str) -> User | None:
    address, database = client_address(request), request.app[DATABASE]
    async with database.write() as connection:
        await count_login_attempt(connection, login, address, request.app[CLOCK]())
    async with database.read() as connection:
        user = await find_user_by_login(connection, login)
        stored = await password_hash_of(connection, user.id) if user and not user.disabled else None
    return user if await verify_password(stored, password) else None


async def begin_session(request: web.Request, response: web.Response, user: User) -> None:
    """A fresh session whose cookie goes with `response`; the one this browser had before ends."""
    now, old = request.app[CLOCK](), await identify(request)
    browser = re.sub(r"[^\x20-\x7e]", "?", request.headers.get("User-Agent", ""))
    async with request.app[DATABASE].write() as connection:
        await sweep_sessions(connection, now)
        if old is not None:
            await end_session(connection, old.token_hash)
        token = await start_session(
            connection, user.id, now, address=client_address(request), browser=browser
        )
    response.set_cookie(
        cookie_name(request),
        token,
        path="/",
        max_age=LIFETIME_S,
        secure=is_secure(request),
        httponly=True,
        samesite="Lax",
    )


def _page(
    request: web.Request, target: str, *, login: str = "", wrong: str | None = None, status: int = 200
) -> web.Response:
    return render(request, "login.html", status=status, login=login, wrong=wrong, next=target)


def _next(target: str, user: User) -> str:
    """Only an address of ours: `//elsewhere` and `/\\elsewhere` are other hosts to a browser."""
    if re.fullmatch(r"/(?![/\\])[\x21-\x7e]*", target) and not target.startswith("/login"):
        return target
    return start_page(user)


def _path_of(referer: str) -> str:
    path = urlsplit(referer).path
    return path if re.fullmatch(r"/(?![/\\])[\x21-\x7e]*", path) else "/"


def _wait(seconds: int) -> str:
    return f"wait {seconds} seconds" if seconds < 100 else f"wait {round(seconds / 60)} minutes"
