"""The administrator's people: who may log in, as what, with which phones. Forms in, accounts changed, and the facts
that make live connections notice. A fresh password is shown once, on the page that the form which asked for
it leads to."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import zip_longest

import structlog
from aiohttp import web
from multidict import MultiDictProxy

from core.accounts import (
    MAX_DEVICES,
    NewUser,
    Role,
    User,
    UserDevice,
    create_user,
    list_users,
    rename_user,
    require_user,
    set_devices,
    set_disabled,
    set_password,
)
from core.errors import ConflictError, InvalidInputError, NotFoundError
from core.facts import PeopleChanged, SessionsEnded
from core.passwords import hash_password, new_password
from core.sessions import end_user_sessions, last_seen
from server.web.guard import current_user
from server.web.keys import BUS, CLOCK, DATABASE, SETTINGS
from server.web.pages import render, see_other
from server.web.shown_once import page_with_secret, sent_on

log = structlog.get_logger(__name__)

BLANK_PHONES = 2
FIELD_LIMIT = 200

Form = MultiDictProxy[str | bytes | bytearray | web.FileField]


async def index(request: web.Request) -> web.StreamResponse:
    async with request.app[DATABASE].read() as connection:
        users = await list_users(connection)
        seen = await last_seen(connection)
    return render(request, "people/index.html", users=users, seen=seen)


async def new(request: web.Request) -> web.StreamResponse:
    return _form_page(request, None, login="", name="", role=Role.AGENT, devices=())


async def create(request: web.Request) -> web.StreamResponse:
    form = await request.post()
    login, password = _text(form, "login"), new_password()
    hashed = await hash_password(password)
    try:
        person = NewUser(login, _text(form, "name"), _role(form), hashed, _devices(form))
        async with request.app[DATABASE].write() as connection:
            user = await create_user(connection, person, request.app[CLOCK]())
    except (InvalidInputError, ConflictError) as error:
        return _refused(request, None, form, error)
    log.info("user created", user_id=user.id, by=current_user(request).id)
    await _tell_people_changed(request)
    return sent_on(request, f"/admin/users/{user.id}/password", password)


async def edit(request: web.Request) -> web.StreamResponse:
    user = await _person(request)
    return _form_page(request, user, login=user.login, name=user.name, role=user.role, devices=user.devices)


async def update(request: web.Request) -> web.StreamResponse:
    user, form = await _person(request), await request.post()
    try:
        name, role, devices = _text(form, "name"), _role(form), _devices(form)
        async with request.app[DATABASE].write() as connection:
            await rename_user(connection, user.id, name, role)
            await set_devices(connection, user.id, devices)
    except (InvalidInputError, ConflictError) as error:
        return _refused(request, user, form, error)
    log.info("user changed", user_id=user.id, by=current_user(request).id)
    await _tell_people_changed(request)
    raise see_other("/admin/users")


async def reset_password(request: web.Request) -> web.StreamResponse:
    user, password, now = await _person(request), new_password(), request.app[CLOCK]()
    hashed = await hash_password(password)
    async with request.app[DATABASE].write() as connection:
        await set_password(connection, user.id, hashed, now)
        await end_user_sessions(connection, user.id)
    log.info("password reset", user_id=user.id, by=current_user(request).id)
    await request.app[BUS].publish(SessionsEnded(user.id, now, None))
    return sent_on(request, f"/admin/users/{user.id}/password", password)


async def show_password(request: web.Request) -> web.StreamResponse:
    return page_with_secret(request, "people/password.html", person=await _person(request))


async def disable(request: web.Request) -> web.StreamResponse:
    user, now = await _person(request), request.app[CLOCK]()
    async with request.app[DATABASE].write() as connection:
        await set_disabled(connection, user.id, True, now)
        await end_user_sessions(connection, user.id)
    log.info("user disabled", user_id=user.id, by=current_user(request).id)
    await request.app[BUS].publish(SessionsEnded(user.id, now, None))
    await _tell_people_changed(request)
    raise see_other("/admin/users")


async def enable(request: web.Request) -> web.StreamResponse:
    user = await _person(request)
    async with request.app[DATABASE].write() as connection:
        await set_disabled(connection, user.id, False, request.app[CLOCK]())
    log.info("user enabled", user_id=user.id, by=current_user(request).id)
    await _tell_people_changed(request)
    raise see_other("/admin/users")


async def _person(request: web.Request) -> User:
    text = request.match_info["id"]
    if not text.isascii() or not text.isdigit() or len(text) > 9:
        raise NotFoundError("there is no such user")
    async with request.app[DATABASE].read() as connection:
        return await require_user(connection, int(text))


async def _tell_people_changed(request: web.Request) -> None:
    await request.app[BUS].publish(PeopleChanged(request.app[CLOCK]()))


def _refused(
    request: web.Request, user: User | None, form: Form, error: InvalidInputError | ConflictError
) -> web.Response:
    field = getattr(error, "field", None) or ("devices" if "belongs to" in str(error) else "login")
    return _form_page(
        request,
        user,
        login=_text(form, "login"),
        name=_text(form, "name"),
        role=_text(form, "role"),
        devices=_typed_devices(form),
        wrong={field: str(error)},
    )


def _form_page(
    request: web.Request,
    person: User | None,
    *,
    login: str,
    name: str,
    role: str,
    devices: Sequence[UserDevice],
    wrong: dict[str, str] | None = None,
) -> web.Response:
    blank = min(BLANK_PHONES, MAX_DEVICES - len(devices))
    pbxs = list(dict.fromkeys([*request.app[SETTINGS].sources, *(device.pbx for device in devices)]))
    first = pbxs[0] if pbxs else ""
    return render(
        request,
        "people/form.html",
        status=422 if wrong else 200,
        person=person,
        login=login,
        name=name,
        role=role,
        roles=list(Role),
        devices=[*devices, *(UserDevice(first, "", "") for _ in range(blank))],
        pbxs=pbxs,
        wrong=wrong or {},
    )


def _role(form: Form) -> Role:
    try:
        return Role(_text(form, "role"))
    except ValueError:
        raise InvalidInputError("choose agent, manager or administrator", field="role") from None


def _devices(form: Form) -> tuple[UserDevice, ...]:
    """The rows that somebody filled in; a device alone takes its extension from its own name."""
    filled = []
    for device in _typed_devices(form):
        extension = device.extension or device.device.rpartition("/")[2]
        filled.append(UserDevice(device.pbx, device.device, extension))
    return tuple(filled)


def _typed_devices(form: Form) -> tuple[UserDevice, ...]:
    columns = [
        [str(value).strip()[:FIELD_LIMIT] for value in form.getall(name, [])]
        for name in ("pbx", "device", "extension")
    ]
    rows = [UserDevice(*row) for row in zip_longest(*columns, fillvalue="")]
    return tuple(row for row in rows[:MAX_DEVICES] if row.device or row.extension)


def _text(form: Form, name: str) -> str:
    return str(form.get(name, "")).strip()[:FIELD_LIMIT]
