"""*Pure.* Text to the words it is found by, for both databases and for what is typed: folded (`core/folding.py`), and
characters of scripts written without spaces each a word of its own, so that a part of a sentence is found as a phrase.

In: any text. Out: words, or the words with their places in the text for highlighting."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple
from urllib.parse import quote

from core.folding import LONGEST_WORD, fold

_UNSPACED = (
    "\u2e80-\u2fdf\u3040-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U000323af"
)
"""Chinese characters and Japanese syllables."""

WORD = re.compile(rf"[{_UNSPACED}]|(?:(?![{_UNSPACED}])\w)+")

MOST_WORDS = 120_000
"""Of one text: twelve hours of fast talk. What follows is kept, but not found."""


class Place(NamedTuple):
    """A word of a text and where it stands there."""

    word: str
    start: int
    end: int


def words(text: str) -> tuple[str, ...]:
    """The words in their order."""
    return tuple(place.word for place, _ in zip(places(text), range(MOST_WORDS), strict=False))


def places(text: str) -> Iterator[Place]:
    """As `words`, with where each stands; several may stand at one place (½ is written 1⁄2)."""
    for found in WORD.finditer(text):
        for word in _folded(found[0]):
            yield Place(word, found.start(), found.end())


def spaced(words: Iterable[str]) -> str:
    """As they are stored: a space before and after each word; nothing for none."""
    line = " ".join(words)
    return f" {line} " if line else ""


def pairs(words: Sequence[str]) -> Iterator[str]:
    """Neighbouring words as one that no text can contain, each once, for an index that knows no places."""
    return iter(dict.fromkeys(f"{first}+{second}" for first, second in pairwise(words)))


def mark(kind: str, value: object) -> str:
    """A word that no text can contain, for what lists are filtered by: `queue:sales`. Values that differ in anything
    give marks that differ."""
    plain = quote(str(value), safe="")
    return f"{kind}:" + re.sub(r"[^a-z0-9_%]", lambda char: f"%{ord(char[0]):02x}", plain).lower()


# People say the same few thousand words all day.
@lru_cache(maxsize=50_000)
def _folded(word: str) -> tuple[str, ...]:
    return tuple(part[:LONGEST_WORD] for part in WORD.findall(fold(word)))
