"""*Pure.* Several values in one cell: values in, the cell an export writes out, and a cell of anybody's in, its values
out. What the one puts together the other takes apart again."""

from __future__ import annotations

import re
from collections.abc import Sequence

PARTS = re.compile(r"\s*(?:[;|\n]|,(?!\s*(?:ext|wew|w\.|x)))\s*")
"""Between several numbers in one cell, as people write them. A slash is part of a number."""

SURE = ":::"
"""Between values as Google's address book writes them. Where it stands, nothing else divides."""

BETWEEN = "; "


def taken_apart(cell: str, *, whole: bool = False) -> list[str]:
    """The values in a cell; `whole` ones may hold commas and the like."""
    parts = cell.split(SURE) if SURE in cell else [cell] if whole else PARTS.split(cell)
    return [part.strip() for part in parts if part.strip()]


def put_together(values: Sequence[str], *, whole: bool = False) -> str:
    """The values in one cell; with signs nobody could misread where a value holds one that divides."""
    plain = BETWEEN.join(values)
    if taken_apart(plain, whole=whole) == list(values):
        return plain
    return f" {SURE} ".join(values) + (f" {SURE}" if len(values) == 1 else "")
