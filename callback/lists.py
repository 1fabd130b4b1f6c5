"""*Pure.* A list of people to call back: the bytes of a CSV file in, its lines out, each with what a person should mend
in it. Columns, also by their names in other languages: number, name, message, when (ISO 8601 with an offset; empty: as
soon as possible), separated by commas, semicolons or tabs, as spreadsheets write them. Whether a number may be dialled
is not decided here."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from core.clock import from_iso
from core.column_words import NOTE, NUMBER, PERSON, heading, names_in
from core.csv_files import SHORTENED, NamedRow, decoded, read_named, rows_of
from core.errors import InvalidInputError

COLUMNS = ("number", "name", "message", "when")
CALLED = {
    name: column
    for column, words in {
        "number": NUMBER,
        "name": PERSON,
        "message": f"{NOTE}; message; wiadomosc; tresc; sprawa; nachricht; betreff; mensaje; messaggio; mensagem; "
        "bericht; zprava; сообщение; повідомлення; meddelande; uzenet",
        "when": "when; date; time; kiedy; termin; data; wann; datum; zeit; quand; heure; cuando; fecha; quando; ora; "
        "wanneer; kdy; когда; дата; коли; nar; mikor",
    }.items()
    for name in names_in(words)
}
MAX_LINES = 2000
"""More than a department calls in a week."""

LARGEST = 1024 * 1024
"""Bytes: `MAX_LINES` lines with a message of 500 characters each."""

LONGEST = {"number": 60, "name": 200, "message": 2000, "when": 60}
"""Characters that are kept; a longer cell is refused, not cut."""


@dataclass(frozen=True, slots=True)
class Line:
    """One person. `at` is the file's line number, from 1, at which it begins. `fault` is a sentence, "" without."""

    at: int
    number: str
    name: str = ""
    message: str = ""
    wished_at: float | None = None
    fault: str = ""


def decode(raw: bytes) -> str:
    """The file's text. Raises InvalidInputError for one that is too large or no text that we can read for sure."""
    if len(raw) > LARGEST:
        raise InvalidInputError(f"a list has at most {LARGEST // 1024} kB: send it in parts")
    return decoded(raw)


def read_lines(text: str) -> list[Line]:
    """All lines with anything in them. Raises InvalidInputError when the text is no such table at all."""
    lines: list[Line] = []
    for row in read_named(text, COLUMNS, ("number",), column_of):
        if len(lines) == MAX_LINES:
            raise InvalidInputError(
                f"a list has at most {MAX_LINES} lines: send the rest, from line {row.at}, as another"
            )
        lines.append(_line(row))
    if not lines:
        raise InvalidInputError(
            "there is nobody in this list: under the columns' names comes a line for each person"
        )
    return lines


def column_of(name: str) -> str:
    """A heading in any language as one of `COLUMNS`; an unknown one as it is written."""
    return CALLED.get(heading(name), name)


def rows_at(text: str, wanted: Collection[int]) -> list[list[str]]:
    """The header and the rows that begin at these lines of the file, as they were written."""
    rows = rows_of(text)
    _, header = next(rows, (1, []))
    return [header, *(cells for at, cells in rows if at in wanted)]


def _line(row: NamedRow) -> Line:
    cells = {name: cell.strip() for name, cell in row.cells.items()}
    cells["number"] = cells["number"].lstrip("'")  # a spreadsheet's mark for text
    wished_at, fault = _instant(cells["when"])
    return Line(
        at=row.at,
        number=cells["number"],
        name=cells["name"],
        message=cells["message"],
        wished_at=wished_at,
        fault=row.fault or _fault(cells) or fault,
    )


def _fault(cells: Mapping[str, str]) -> str:
    number = cells["number"]
    if not number:
        return "the number is missing: write one, or take the line out"
    if SHORTENED.match(number):
        return (
            f"{number} is what the spreadsheet made of the number: format the column as text and save again"
        )
    for name, most in LONGEST.items():
        if len(cells[name]) > most:
            return f"the {name} has {len(cells[name])} characters: at most {most}"
    return ""


def _instant(text: str) -> tuple[float | None, str]:
    if not text:
        return None, ""
    try:
        return from_iso(text), ""
    except (ValueError, OverflowError):
        return None, f"{text[:40]!r} is no time: write it with its offset, like 2026-11-23T10:00+01:00"
