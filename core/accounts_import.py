"""Many people at once: CSV text in, a report out that names the line of everything refused. One bad line stops no
other. Columns: login, name, role, password (empty: one is made up), devices (`main:PJSIP/101:101; …`)."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass, field

from core.accounts import NewUser, Role, UserDevice, create_user
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
    for line, row in _rows(csv_text):
        try:
            await _create(database, row, now, report)
        except (InvalidInputError, ConflictError) as error:
            report.failed.append((line, str(error)))
    return report


def _rows(csv_text: str) -> list[tuple[int, dict[str, str]]]:
    try:
        return _read_rows(csv_text)
    except csv.Error as error:
        raise InvalidInputError(f"this is no table of comma-separated values: {error}") from error


def _read_rows(csv_text: str) -> list[tuple[int, dict[str, str]]]:
    reader = csv.DictReader(io.StringIO(csv_text.lstrip("\ufeff")), restkey="surplus", restval="")
    header = [name.strip().lower() for name in reader.fieldnames or ()]
    missing = {"login", "name"} - set(header)
    if missing or not set(header) <= set(COLUMNS):
        raise InvalidInputError(f"the first line names the columns: {','.join(COLUMNS)}")
    reader.fieldnames = header
    rows: list[tuple[int, dict[str, str]]] = []
    for row in reader:
        rows.append((reader.line_num, row))
        if len(rows) > MAX_LINES:
            raise InvalidInputError(f"at most {MAX_LINES} people in one file")
    return rows


async def _create(database: Database, row: dict[str, str], now: float, report: ImportReport) -> None:
    if "surplus" in row:
        raise InvalidInputError("more cells than columns: put quotes around a cell that holds a comma")
    given = row.get("password", "")
    password = check_password_rules(given) if given else new_password()
    person = NewUser(
        login=row["login"],
        name=row["name"],
        role=_role(row.get("role", "")),
        password_hash=await hash_password(password),
        devices=parse_devices(row.get("devices", "")),
    )
    async with database.write() as connection:
        user = await create_user(connection, person, now)
    report.created += 1
    if not given:
        report.passwords[user.login] = password


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
