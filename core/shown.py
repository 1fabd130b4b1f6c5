"""*Pure.* Text of strangers (a caller's name, a number, a pasted line) in; what of it can be seen out.

Ordinary names stay as they are, in every script, with emoji, quotes and apostrophes. Escaping for HTML, CSV or a log is
not done here but where the text is written."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator

LONGEST_NAME = 80
"""Characters as people count them. Asterisk itself keeps 79 bytes of a display name; a screen has room for fewer."""

MOST_MARKS = 4
"""On one letter: Vietnamese, Hebrew and Tibetan need up to four; towers of them cover the lines above."""

JOINERS = "\u200c\u200d"
"""Zero-width, but part of spelling in Persian or Hindi and of many emoji."""

FIRST_JOINED = 0x600
"""Latin, Greek and Cyrillic lie below and never need a joiner: there it only makes two names look the same."""

BLANKS = frozenset("\u115f\u1160\u2800\u3164\uffa0")
"""Letters and signs without ink, which would make a name that nobody can see."""

BREAKS = frozenset({"Cc", "Zl", "Zp"})
GONE = frozenset({"Cf", "Co", "Cs"})
"""Direction overrides and isolates, zero-width and tag characters; private and half characters."""


def shown(text: str, longest: int = LONGEST_NAME) -> str:
    """`text` on one line, composed (NFC), without invisible characters, cut after `longest` visible ones.

    Controls and line separators become spaces, since they stood between words; direction marks and the like leave
    nothing behind. What is left may be empty.
    """
    if len(text) <= longest and text.isascii() and text.isprintable():
        return text.strip()
    some = text[: longest * (2 + MOST_MARKS)]  # more cannot be needed, and may be megabytes
    kept = "".join(_visible(some))
    return unicodedata.normalize("NFC", "".join(_first(kept, longest))).strip(" " + JOINERS)


def _visible(text: str) -> Iterator[str]:
    for place, char in enumerate(text):
        kind = unicodedata.category(char)
        if char in JOINERS:
            if _joins(text[place - 1 : place], text[place + 1 : place + 2]):
                yield char
        elif char in BLANKS or kind in BREAKS:
            yield " "
        elif kind not in GONE and not _is_nothing(ord(char)):
            yield char


def _joins(before: str, after: str) -> bool:
    return all(
        one and ord(one) >= FIRST_JOINED and one not in BLANKS and _has_ink(one) for one in (before, after)
    )


def _has_ink(char: str) -> bool:
    return unicodedata.category(char)[0] in "LMNPS"


def _is_nothing(code: int) -> bool:
    """Code points that Unicode will never give to a letter, or only to invisible ones (U+034F is such a mark)."""
    return code == 0x34F or 0xFDD0 <= code <= 0xFDEF or code & 0xFFFE == 0xFFFE or 0xE0000 <= code <= 0xE0FFF


def _first(text: str, longest: int) -> Iterator[str]:
    """Up to `longest` characters with the marks and joiners that belong to them."""
    count = marks = 0
    for char in text:
        if char in JOINERS or unicodedata.category(char)[0] == "M":
            marks += 1
            if marks > MOST_MARKS:
                continue
        else:
            count, marks = count + 1, 0
            if count > longest:
                return
        yield char
