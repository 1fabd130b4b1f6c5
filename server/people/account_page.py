"""Everybody's own account: a new password, and the browsers they are logged in with."""

from __future__ import annotations

from aiohttp import web

from core.accounts import password_hash_of, set_password
from core.errors import InvalidInputError
from core.facts import SessionsEnded
from core.passwords import check_password_rules, hash_password, verify_password
from core.sessions import count_login_attempt, end_user_sessions, forgive_login, list_sessions
from server.web.guard import client_address, current_session, current_user
from server.web.keys import BUS, CLOCK, DATABASE
from server.web.login import begin_session
from server.web.pages import render


async def show(request: web.Request) -> web.StreamResponse:
    return await _page(request)


async def change_password(request: web.Request) -> web.StreamResponse:
    """Needs the old password; afterwards every other browser has to log in anew."""
    user, form = current_user(request), await request.post()
    old, new, again = (str(form.get(name, ""))[:1000] for name in ("old", "new", "again"))
    try:
        _check_new(new, again)
        await _check_old(request, old)
    except InvalidInputError as error:
        return await _page(request, wrong={error.field or "new": str(error)})
    hashed, now = await hash_password(new), request.app[CLOCK]()
    async with request.app[DATABASE].write() as connection:
        await set_password(connection, user.id, hashed, now)
    return await _start_anew(request, "/account?done=password")


async def end_sessions(request: web.Request) -> web.StreamResponse:
    """Log out everywhere but here."""
    return await _start_anew(request, "/account?done=sessions")


def _check_new(new: str, again: str) -> None:
    check_password_rules(new)
    if new != again:
        raise InvalidInputError("this is not the same as the new password above", field="again")


async def _check_old(request: web.Request, old: str) -> None:
    """Counted like a login: a borrowed screen is no place to guess from."""
    user, address, database = current_user(request), client_address(request), request.app[DATABASE]
    async with database.write() as connection:
        await count_login_attempt(connection, user.login, address, request.app[CLOCK]())
    async with database.read() as connection:
        stored = await password_hash_of(connection, user.id)
    if not await verify_password(stored, old):
        raise InvalidInputError("this is not your password", field="old")
    async with database.write() as connection:
        await forgive_login(connection, user.login, address)


async def _start_anew(request: web.Request, location: str) -> web.Response:
    user = current_user(request)
    async with request.app[DATABASE].write() as connection:
        await end_user_sessions(connection, user.id)
    await request.app[BUS].publish(SessionsEnded(user.id, request.app[CLOCK](), None))
    response = web.Response(status=303, headers={"Location": location})
    await begin_session(request, response, user)
    return response


async def _page(request: web.Request, wrong: dict[str, str] | None = None) -> web.Response:
    session = current_session(request)
    async with request.app[DATABASE].read() as connection:
        sessions = await list_sessions(connection, session.user.id, request.app[CLOCK]())
    return render(
        request,
        "account.html",
        status=422 if wrong else 200,
        sessions=sessions,
        here=session.token_hash,
        wrong=wrong or {},
        done=request.query.get("done", ""),
    )
