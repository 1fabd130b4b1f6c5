"""Files of customers (tables and vCards): a path in, its encoding, digest and rows out, a few hundred at a time, so
that none is ever in memory whole. What the rows say is `columns.py`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from hashlib import sha256
from itertools import islice
from pathlib import Path

from core.csv_files import check_text, encoding_of, lines_of, read_rows
from core.errors import InvalidInputError
from crm_link.imports.columns import looks_like_people
from crm_link.imports.fields import NONE, Declared, word_of
from crm_link.imports.rows import STEP, Written
from crm_link.imports.vcards import HEADER, is_vcard, read_cards

LARGEST = 64 * 1024 * 1024
"""Bytes of a file: `MOST_LINES` lines of 300 each."""

MOST_LINES = 200_000
MOST_COLUMNS = 200


def inspect(path: Path) -> tuple[str, str]:
    """Digest and encoding. Raises InvalidInputError for a file that is too large, or no text."""
    if path.stat().st_size > LARGEST:
        raise InvalidInputError(f"a file has at most {LARGEST // 1024 // 1024} MB: import it in parts")
    digest = sha256()
    with path.open("rb") as file:
        encoding = encoding_of(file.read(2))
        file.seek(0)

        def pieces() -> Iterator[bytes]:
            while piece := file.read(64 * 1024):
                digest.update(piece)
                yield piece

        check_text(pieces(), encoding)
    return digest.hexdigest(), encoding


@contextmanager
def opened(
    path: Path, encoding: str, declared: Declared = NONE
) -> Iterator[tuple[list[str], Iterator[Written]]]:
    """The names of the columns, and the rows with the line at which each begins: of a table, or of a file of vCards.

    Raises InvalidInputError for a first line that is none.
    """
    with path.open(encoding=encoding, newline="") as file:
        first = next((line for line in lines_of(file) if line.strip()), "")
        file.seek(0)
        lines = lines_of(file)
        if is_vcard(first):
            yield [*HEADER, *map(word_of, declared)], read_cards(lines, declared)
        else:
            rows = read_rows(lines)
            _, header = next(rows, (1, []))
            check_header(header)
            # No cell behind the most columns is ever read: a row of nothing but commas has a million.
            yield header, (Written(at, cells[: MOST_COLUMNS + 1]) for at, cells in rows)


def some_of(rows: Iterable[Written]) -> list[Written]:
    return list(islice(rows, STEP))


def check_header(header: Sequence[str]) -> None:
    if looks_like_people(header):
        raise InvalidInputError(
            "the first line is somebody already: put a line with the columns' names above it"
        )
    if len(header) > MOST_COLUMNS:
        raise InvalidInputError(f"a file has at most {MOST_COLUMNS} columns")
