"""Many people at once: a table's text in (`csv_files.py` reads it), a report out that names the line of everything
refused. One bad line stops no other. Columns: login, name, role, password (empty: one is made up), devices
(`main:PJSIP/101:101; …`)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import islice

from core.accounts import NewUser, Role, UserDevice, create_user
from core.csv_files import NamedRow, read_named
from core.db import Database
from core.errors import ConflictError, InvalidInputError
from core.passwords import check_password_rules, hash_password, new_password

COLUMNS = ("login", "name", "role", "password", "devices")
MAX_LINES = 2000
"""A large site's staff; at 175 ms of hashing each that is already six minutes."""


@dataclass(slots=True)
class ImportReport:
    """`failed` holds (line number, sentence); `passwords` only those we made up, by login, to be handed out."""

    created: int = 0
    failed: list[tuple[int, str]] = field(default_factory=list)
    passwords: dict[str, str] = field(default_factory=dict)


async def import_users(database: Database, csv_text: str, now: float) -> ImportReport:
    """Raises InvalidInputError when the text is no such table at all; single bad lines go into the report."""
    report = ImportReport()
    for row in _rows(csv_text):
        try:
            await _create(database, row, now, report)
        except (InvalidInputError, ConflictError) as error:
            report.failed.append((row.at, str(error)))
    return report


def _rows(csv_text: str) -> list[NamedRow]:
    """All of them, before anybody is made: a file that is no table further down makes nobody."""
    rows = list(islice(read_named(csv_text, COLUMNS, ("login", "name")), MAX_LINES + 1))
    if len(rows) > MAX_LINES:
        raise InvalidInputError(
            f"at most {MAX_LINES} people in one file: put those from line {rows[-1].at} into another"
        )
    if not rows:
        raise InvalidInputError(
            "there is nobody in this file: under the columns' names comes a line for each person"
        )
    return rows


async def _create(database: Database, row: NamedRow, now: float, report: ImportReport) -> None:
    if row.fault:
        raise InvalidInputError(row.fault)
    given = row.cells["password"]
    password = check_password_rules(given) if given else new_password()
    person = await _person(row.cells, password)
    async with database.write() as connection:
        user = await create_user(connection, person, now)
    report.created += 1
    if not given:
        report.passwords[user.login] = password


async def _person(cells: Mapping[str, str], password: str) -> NewUser:
    role, devices = _role(cells["role"]), parse_devices(cells["devices"])
    return NewUser(cells["login"], cells["name"], role, await hash_password(password), devices)


def parse_devices(text: str) -> tuple[UserDevice, ...]:
    """`main:PJSIP/101:101; main:PJSIP/mobile-7:17`. Raises InvalidInputError for a part of another shape."""
    devices = []
    for part in filter(None, (piece.strip() for piece in text.replace("\n", ";").split(";"))):
        pieces = part.split(":")
        if len(pieces) != 3:
            raise InvalidInputError(
                f"{part!r} is not a phone: write pbx:device:extension, such as main:PJSIP/101:101",
                field="devices",
            )
        devices.append(UserDevice(*(piece.strip() for piece in pieces)))
    return tuple(devices)


def _role(text: str) -> Role:
    try:
        return Role(text.strip().lower() or Role.AGENT)
    except ValueError:
        raise InvalidInputError(
            f"{text!r} is not a role: write agent, manager or administrator", field="role"
        ) from None
