"""*Pure.* A list of people to call back: the bytes of a CSV file in, its lines out, each with what a person should mend
in it. Columns: number, name, message, when (ISO 8601 with an offset; empty: as soon as possible), separated
by commas, semicolons or tabs, as spreadsheets write them. Whether a number may be dialled is not decided here."""

from __future__ import annotations

import io
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from core.clock import from_iso
from core.csv_files import SHORTENED, check_text, encoding_of, read_rows
from core.errors import InvalidInputError

COLUMNS = ("number", "name", "message", "when")
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
    encoding = encoding_of(raw)
    check_text([raw], encoding)
    return raw.decode(encoding)


def read_lines(text: str) -> list[Line]:
    """All lines with anything in them. Raises InvalidInputError when the text is no such table at all."""
    rows = _read(text)
    _, header = next(rows, (1, []))
    names = _columns(header)
    lines: list[Line] = []
    for at, cells in rows:
        if len(lines) == MAX_LINES:
            raise InvalidInputError(
                f"a list has at most {MAX_LINES} lines: send the rest, from line {at}, as another"
            )
        lines.append(_line(at, names, cells))
    if not lines:
        raise InvalidInputError(
            "there is nobody in this list: under the columns' names comes a line for each person"
        )
    return lines


def rows_at(text: str, wanted: Collection[int]) -> list[list[str]]:
    """The header and the rows that begin at these lines of the file, as they were written."""
    rows = _read(text)
    _, header = next(rows, (1, []))
    return [header, *(cells for at, cells in rows if at in wanted)]


def _read(text: str) -> Iterator[tuple[int, list[str]]]:
    """Rows that are not empty, with the line at which each begins."""
    return read_rows(io.StringIO(text, newline=""))


def _columns(header: Sequence[str]) -> list[str]:
    names = [name.strip().lower() for name in header]
    wrong = [name for name in names if name not in COLUMNS]
    wanted = f"the first line names the columns: {','.join(COLUMNS)}; all but number may be left out"
    if wrong:
        found = wrong[0][:40] or "a column without a name"
        raise InvalidInputError(f"{wanted}. Here it says {found!r}")
    if "number" not in names or len(set(names)) < len(names):
        raise InvalidInputError(f"{wanted}, and none may come twice")
    return names


def _line(at: int, names: Sequence[str], cells: Sequence[str]) -> Line:
    row = dict.fromkeys(names, "") | dict(zip(names, (cell.strip() for cell in cells), strict=False))
    row["number"] = row["number"].lstrip("'")  # a spreadsheet's mark for text
    wished_at, fault = _instant(row.get("when", ""))
    return Line(
        at=at,
        number=row["number"],
        name=row.get("name", ""),
        message=row.get("message", ""),
        wished_at=wished_at,
        fault=_fault(names, row, cells) or fault,
    )


def _fault(names: Sequence[str], row: Mapping[str, str], cells: Sequence[str]) -> str:
    if len(cells) > len(names):
        return (
            f"it has {len(cells)} cells for {len(names)} columns: put quotes around a cell that holds a comma"
        )
    if not row["number"]:
        return "the number is missing: write one, or take the line out"
    if SHORTENED.match(row["number"]):
        return f"{row['number']} is what the spreadsheet made of the number: format the column as text and save again"
    for name, most in LONGEST.items():
        if len(row.get(name, "")) > most:
            return f"the {name} has {len(row[name])} characters: at most {most}"
    return ""


def _instant(text: str) -> tuple[float | None, str]:
    if not text:
        return None, ""
    try:
        return from_iso(text), ""
    except (ValueError, OverflowError):
        return None, f"{text[:40]!r} is no time: write it with its offset, like 2026-11-23T10:00+01:00"
