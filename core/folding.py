"""Pure. Text as people type it to text as we keep and find it: `clean_line` for what is stored, `fold` and `words`
for what is searched ("lodz" finds "Łódź", "STRASSE" finds "Straße"). One library for both databases, since theirs
disagree with each other."""

from __future__ import annotations

import re
import unicodedata

from core.shown import shown

WORD = re.compile(r"\w+")
LONGEST_WORD = 80
MOST_WORDS = 20
"""Per customer: names and companies are shorter; a pasted page must not fill the index."""

UNDECOMPOSED = str.maketrans(
    {"ł": "l", "đ": "d", "ð": "d", "ø": "o", "æ": "ae", "œ": "oe", "þ": "th", "ı": "i", "ħ": "h", "ŋ": "n"}
)
"""Letters that Unicode does not take apart into a base letter and a mark."""


def clean_line(text: str, longest: int = 200) -> str:
    """One line of text for storage, without what cannot be seen; runs of spaces become single spaces.

    Names come from strangers' telephones: a right-to-left override or a line break in one must not reach a page.
    """
    return " ".join(shown(text, longest).split())[:longest].rstrip()


def fold(text: str) -> str:
    """`text` without case, accents and compatibility forms."""
    # Twice: letters such as the mathematical A only become an upper-case letter by the first.
    plain = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold())
    bare = "".join(char for char in plain if not unicodedata.combining(char))
    return bare.translate(UNDECOMPOSED)


def words(*texts: str) -> frozenset[str]:
    """The folded words of all `texts`."""
    found = [word[:LONGEST_WORD] for text in texts for word in WORD.findall(fold(text))]
    return frozenset(found[:MOST_WORDS])
