"""`ringback user …`: accounts from the command line. Talks to the database directly and prints what a person needs
to know, fresh passwords included (shown once, never stored in clear)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from config.settings import Settings
from core.accounts import NewUser, Role, UserDevice, create_user, find_user_by_login, set_password
from core.accounts_import import import_users
from core.clock import system_clock
from core.csv_files import decoded
from core.db import Database
from core.errors import InvalidInputError, NotFoundError
from core.passwords import hash_password, new_password
from core.sessions import end_user_sessions
from server.schema import prepare


@asynccontextmanager
async def open_database(settings: Settings) -> AsyncIterator[Database]:
    """The settings' database with this version's schema, for one command. Raises DatabaseError."""
    database = Database(settings.database.url)
    try:
        await prepare(database)
        yield database
    finally:
        await database.close()


async def add(settings: Settings, login: str, name: str, role: Role, devices: list[str]) -> None:
    password = new_password()
    phones = tuple(parse_device(text, settings) for text in devices)
    person = NewUser(
        login=login, name=name, role=role, password_hash=await hash_password(password), devices=phones
    )
    async with open_database(settings) as database, database.write() as connection:
        await create_user(connection, person, system_clock())
    print(f"{login} can log in now; password: {password}")


async def reset(settings: Settings, login: str) -> None:
    password = new_password()
    hashed = await hash_password(password)
    async with open_database(settings) as database, database.write() as connection:
        user = await find_user_by_login(connection, login)
        if user is None:
            raise NotFoundError(f"there is nobody with the login {login!r}")
        await set_password(connection, user.id, hashed, system_clock())
        await end_user_sessions(connection, user.id)
    print(f"{login}'s sessions are ended; new password: {password}")


async def import_csv(settings: Settings, raw: bytes) -> None:
    text = decoded(raw)
    async with open_database(settings) as database:
        report = await import_users(database, text, system_clock())
    for login, password in report.passwords.items():
        print(f"{login}\t{password}")
    for line, sentence in report.failed:
        print(f"line {line}: {sentence}")
    print(f"{report.created} created, {len(report.failed)} refused")
    if report.failed:
        raise SystemExit(1)


def parse_device(text: str, settings: Settings) -> UserDevice:
    """`PJSIP/101` or `main:PJSIP/101`; the extension is what follows the last slash. Raises InvalidInputError."""
    pbx, _, device = text.rpartition(":")
    names = list(settings.sources)
    pbx = pbx or (names[0] if len(names) == 1 else "")
    if "/" not in device or pbx not in names:
        raise InvalidInputError(
            f"{text!r} is not a phone: write PBX:TECHNOLOGY/NAME, e.g. {names[0] if names else 'main'}:PJSIP/101 "
            f"(PBXs in the settings: {', '.join(names) or 'none'})"
        )
    return UserDevice(pbx=pbx, device=device, extension=device.rpartition("/")[2])
