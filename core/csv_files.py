"""*Pure.* Tables as spreadsheets save them: bytes or text in, rows of cells out, and the guard for cells that go the
other way. Commas, semicolons and tabs are told apart by the line that names the columns, or by Excel's `sep=;` above
it; UTF-8 and UTF-16 by the first bytes. What the columns mean is the caller's business."""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, repeat
from typing import TextIO

from core.errors import InvalidInputError

DELIMITERS = ",;\t"

SAID = re.compile(r'"?sep=([^\w\s"]|\t)"?', re.IGNORECASE)
"""The line that Excel writes and reads before all others. It is no part of the table."""

QUOTED = re.compile(r'"[^"]*(?:"|$)')

LONGEST_HEADER = 50
"""Lines of one row; one that goes on has a quotation mark without its partner."""

LONGEST_ROW = 2_500_000
"""Characters: 200 columns of long notes. A longer row is one whose quotation mark has no partner, or no table's."""

FORMULA_START = re.compile(r"(?:^|(?<=[;\t\r\n]))(?=[=+\-@＝＋－＠\t\r\n])")
"""Where a spreadsheet would begin to run a formula: at the start, and after what some of them take for the next cell
(a semicolon where the comma is the decimal sign). Full-width signs count in some languages."""

SHORTENED = re.compile(r"^\d([.,]\d+)?[eE]\+\d+$")
"""What a spreadsheet makes of a long number that it takes for a quantity: its last digits are lost."""


@dataclass(frozen=True, slots=True)
class NamedRow:
    """A row of a table whose columns we name ourselves: cells as they were written, empty where the file has none.
    `at` is the line of the file at which it begins; `fault` says what is wrong with the row as such, "" without."""

    at: int
    cells: Mapping[str, str]
    fault: str = ""


def guard_cell(text: str) -> str:
    """A cell that a spreadsheet would run as a formula is made plain text."""
    return FORMULA_START.sub("'", text)


def bare_cell(text: str) -> str:
    """A cell without a spreadsheet's mark for text, which is the mark of `guard_cell` too."""
    return text[1:] if text.startswith("'") and FORMULA_START.match(text[1:]) else text


def encoding_of(head: bytes) -> str:
    """The encoding that a file's first bytes tell of: UTF-16 with its mark, else UTF-8 with or without one."""
    return "utf-16" if head[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE) else "utf-8-sig"


def check_text(pieces: Iterable[bytes], encoding: str) -> None:
    """Raises InvalidInputError when these bytes are no text that we can read for sure."""
    decoder = codecs.getincrementaldecoder(encoding)()
    lines = 1
    for piece in _ended(pieces):
        try:
            text = decoder.decode(piece, final=not piece)
        except UnicodeDecodeError as error:
            before = lines + error.object[: error.start].count(b"\n")
            raise InvalidInputError(
                f"line {before} holds letters that are not UTF-8: save the file as “CSV UTF-8” and choose it again"
            ) from error
        if "\0" in text:
            raise InvalidInputError("this is no text file: save the sheet as CSV and choose that")
        lines += text.count("\n")


def decoded(raw: bytes) -> str:
    """The text of a whole small file. Raises InvalidInputError as `check_text` does."""
    encoding = encoding_of(raw)
    check_text([raw], encoding)
    return raw.decode(encoding)


def _ended(pieces: Iterable[bytes]) -> Iterator[bytes]:
    yield from (piece for piece in pieces if piece)
    yield b""


def read_rows(lines: Iterable[str]) -> Iterator[tuple[int, list[str]]]:
    """Rows that are not empty, with the line at which each begins. `lines` keep their ends.

    Raises InvalidInputError at a line that is none of a table.
    """
    rest = iter(lines)
    delimiter, begin = _begin(rest)
    row = _RowLines(chain(begin, rest))
    reader = csv.reader(row, delimiter=delimiter, strict=True)
    while True:
        at = reader.line_num + 1
        row.length = 0
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise InvalidInputError(
                f"line {at} is no line of a table ({error}): look for a quotation mark without its partner"
            ) from error
        if any(cell.strip() for cell in cells):
            yield at, cells


class _RowLines:
    """The lines of a table for `csv.reader`, which takes a row of any length. `length` is that of the row so far."""

    def __init__(self, lines: Iterable[str]) -> None:
        self._lines = iter(lines)
        self.length = 0

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = next(self._lines)
        self.length += len(line)
        if self.length > LONGEST_ROW:
            raise csv.Error(f"more than {LONGEST_ROW:,} characters")
        return line


def lines_of(file: TextIO) -> Iterator[str]:
    """The lines of a file with their ends; one that is too long for a row in pieces, so that none fills the memory."""
    while line := file.readline(LONGEST_ROW + 1):
        yield line


def rows_of(text: str) -> Iterator[tuple[int, list[str]]]:
    """As `read_rows`, of a text."""
    return read_rows(io.StringIO(text, newline=""))


def read_named(
    text: str,
    columns: Sequence[str],
    needed: Sequence[str],
    column_of: Callable[[str], str] = str,
) -> Iterator[NamedRow]:
    """The rows under a first line that names some of these columns, in any order, and the `needed` ones for sure;
    `column_of` knows other names for them.

    Raises InvalidInputError for another first line, and at a line that is none of a table.
    """
    rows = rows_of(text)
    _, header = next(rows, (1, []))
    names = _named([column_of(name) for name in header], columns, needed)
    for at, cells in rows:
        by_name = dict.fromkeys(columns, "") | dict(zip(names, cells, strict=False))
        yield NamedRow(at, by_name, too_many_cells(cells, names))


def too_many_cells(cells: Sequence[str], columns: Sequence[str]) -> str:
    """What to mend in a row that has more in it than columns; empty cells behind the last one are nobody's fault."""
    if any(cell.strip() for cell in cells[len(columns) :]):
        return f"it has {len(cells)} cells for {len(columns)} columns: put quotes around a cell that holds a comma"
    return ""


def _named(header: Sequence[str], columns: Sequence[str], needed: Sequence[str]) -> list[str]:
    names = [name.strip().lower() for name in header]
    wrong = next((name for name in names if name not in columns), None)
    wanted = f"the first line names the columns: {','.join(columns)}; all but {' and '.join(needed)} may be left out"
    if wrong is not None:
        raise InvalidInputError(f"{wanted}. Here it says {wrong[:40] or 'a column without a name'!r}")
    if not set(needed) <= set(names) or len(set(names)) < len(names):
        raise InvalidInputError(f"{wanted}, and none may come twice")
    return names


def _begin(lines: Iterator[str]) -> tuple[str, Iterable[str]]:
    """The sign between cells, and the lines that were read to know it; instead of one that says it an empty one."""
    empty = 0
    header: list[str] = []
    for line in lines:
        if said := SAID.fullmatch(line.strip("\r\n")):
            return said[1], chain(repeat("\n", empty), header, ["\n"])
        if not header and not line.strip():
            empty += 1
            continue
        header.append(line)
        text = "".join(header)
        if text.count('"') % 2 == 0 or len(header) > LONGEST_HEADER or len(text) > LONGEST_ROW:
            break
    bare = QUOTED.sub("", "".join(header))
    return max(DELIMITERS, key=bare.count), chain(repeat("\n", empty), header)


def guarded(row: Sequence[object]) -> list[str]:
    """A row for a file that a spreadsheet will open; None becomes an empty cell."""
    return [guard_cell("" if cell is None else str(cell)) for cell in row]
