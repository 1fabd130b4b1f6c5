"""*Pure.* Text to the words it is found by, for both databases and for what is typed: folded (`core/folding.py`), and
characters of scripts written without spaces each a word of its own, so that a part of a sentence is found as a phrase.

In: any text. Out: words, or the words with their places in the text for highlighting."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import islice, pairwise
from urllib.parse import quote

from core.folding import LONGEST_WORD, fold

_UNSPACED = (
    "\u2e80-\u2fdf\u3040-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U000323af"
)
"""Chinese characters and Japanese syllables."""

_UNSPACED_LETTER = re.compile(f"[{_UNSPACED}]")
WORD = re.compile(rf"[{_UNSPACED}]|[^\W{_UNSPACED}]+")

MOST_WORDS = 120_000
"""Of one text: twelve hours of fast talk. What follows is kept, but not found."""


def words(text: str) -> tuple[str, ...]:
    """The words in their order."""
    return tuple(word for word, _ in islice(places(text), MOST_WORDS))


def places(text: str) -> Iterator[tuple[str, re.Match[str]]]:
    """As `words`, each with where it stands; several may stand at one place (½ is written 1⁄2)."""
    for found in WORD.finditer(text):
        for word in _folded(found[0]):
            yield word, found


def plain(text: str) -> str | None:
    """The text folded letter by letter, each in its old place; None when it has letters that would need more or less
    than one, or that are words of their own."""
    folded = text.translate(_LETTERS)
    return None if _ODD in folded else folded


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


_ODD = "\uffff"
"""No letter; stands for one that has no single folded form."""


class _Letters(dict[int, str]):
    """Folded forms of single characters, learnt as they come."""

    def __missing__(self, code: int) -> str:
        char = chr(code)
        found = fold(char)
        self[code] = found if len(found) == 1 and not _UNSPACED_LETTER.match(char) else _ODD
        return self[code]


_LETTERS = _Letters()
