"""Many callbacks at once: CSV text in, a report out that names the line of everything refused. One bad line stops no
other, and the same file handed in twice promises nothing twice. Columns: number, name, message, when (ISO 8601 with an
offset; empty: as soon as possible)."""

from __future__ import annotations

import csv
import hashlib
import io
from dataclasses import dataclass, field

from callback.ask import Accepted, Ask, Correctable
from callback.kinds import Source
from callback.requests import Requests
from core.clock import from_iso
from core.errors import InvalidInputError

COLUMNS = ("number", "name", "message", "when")
MAX_LINES = 2000
"""More than a department calls in a week."""

SENTENCES = {
    "number_invalid": "this is no number that can be dialled",
    "number_kind": "numbers of this kind (premium, shared cost, satellite …) are not dialled",
    "country": "numbers of this country are not called back",
}


@dataclass(slots=True)
class ListReport:
    """`failed` holds (line number, sentence); `held` lines wait for a manager."""

    accepted: int = 0
    held: int = 0
    failed: list[tuple[int, str]] = field(default_factory=list)


async def submit_list(requests: Requests, csv_text: str, department: str, user_id: int | None) -> ListReport:
    """Ask for a callback for each line. Raises InvalidInputError for an unknown department, and when the text is no
    such table at all; single bad lines go into the report."""
    if department not in requests.rules:
        raise InvalidInputError(f"{department!r} is no department of the settings", field="department")
    key = hashlib.sha256(f"{department}\n{csv_text}".encode("utf-8", "replace")).hexdigest()[:40]
    report = ListReport()
    for line, row in _rows(csv_text):
        try:
            ask = _ask(row, department, user_id, f"list:{key}:{line}")
            answer = await requests.submit(ask)
        except InvalidInputError as error:
            report.failed.append((line, str(error)))
            continue
        if isinstance(answer, Correctable):
            report.failed.append((line, SENTENCES[answer.code]))
        elif isinstance(answer, Accepted):
            report.accepted += 1
        else:
            report.held += 1
    return report


def _ask(row: dict[str, str], department: str, user_id: int | None, key: str) -> Ask:
    if "surplus" in row:
        raise InvalidInputError("more cells than columns: put quotes around a cell that holds a comma")
    return Ask(
        source=Source.LIST,
        number=row["number"],
        department=department,
        wished_at=_instant(row.get("when", "")),
        name=row.get("name", ""),
        message=row.get("message", ""),
        user_id=user_id,
        idempotency_key=key,
    )


def _instant(text: str) -> float | None:
    if not text.strip():
        return None
    try:
        return from_iso(text.strip())
    except ValueError as error:
        raise InvalidInputError(
            f"{text[:40]!r} is no time: write it like 2026-11-23T10:00+01:00", field="when"
        ) from error


def _rows(csv_text: str) -> list[tuple[int, dict[str, str]]]:
    reader = csv.DictReader(io.StringIO(csv_text.lstrip("\ufeff")), restkey="surplus", restval="")
    header = [name.strip().lower() for name in reader.fieldnames or ()]
    if "number" not in header or not set(header) <= set(COLUMNS):
        raise InvalidInputError(f"the first line names the columns: {','.join(COLUMNS)}")
    reader.fieldnames = header
    rows: list[tuple[int, dict[str, str]]] = []
    try:
        for row in reader:
            rows.append((reader.line_num, row))
            if len(rows) > MAX_LINES:
                raise InvalidInputError(f"at most {MAX_LINES} lines in one file")
    except csv.Error as error:
        raise InvalidInputError(f"line {reader.line_num} is no line of a table: {error}") from error
    return rows
