"""*Pure.* What somebody typed into the search: words that must all be there, "phrases" in quotes, beginnings (`kow*`).
A telephone number in any spelling is one word. How the databases are asked is `index.py`'s."""

from __future__ import annotations

import re
from dataclasses import dataclass

from core.phone import parse_number
from recordings.search.words import words

LONGEST_QUERY = 200
"""Characters: a sentence; nobody types more."""

MOST_TERMS = 12
MOST_WORDS = 24
"""Of one phrase."""

_QUOTES = str.maketrans(dict.fromkeys("“”„‟«»", '"'))
_PIECE = re.compile(r'"([^"]*)"?|(\S+)')
_NUMBER = re.compile(r"[+(]?[\d][\d\s().\-/‐‑‒–—]{5,}")
_HANGUL = re.compile(r"[\u1100-\u11ff\uac00-\ud7af]\Z")


@dataclass(frozen=True, slots=True)
class Term:
    """Folded words that follow each other; with `is_prefix` the last one may go on."""

    words: tuple[str, ...]
    is_prefix: bool = False


def read_query(text: str, region: str) -> tuple[Term, ...]:
    """All terms must be found. None when nothing was typed that could be found. `region` is the site's, for numbers."""
    typed = text[:LONGEST_QUERY].translate(_QUOTES).strip()
    if _NUMBER.fullmatch(typed) and (number := parse_number(typed, region).e164) is not None:
        return (Term((number.removeprefix("+"),)),)
    terms = (_term(piece[1], piece[2]) for piece in _PIECE.finditer(typed))
    return tuple(dict.fromkeys(term for term in terms if term is not None))[:MOST_TERMS]


def _term(quoted: str | None, bare: str | None) -> Term | None:
    text = quoted if bare is None else bare
    found = words(text or "")[:MOST_WORDS]
    if not found:
        return None
    # Korean joins its particles to the word: who looks for 환불 wants 환불을 too.
    goes_on = bare is not None and (bare.endswith("*") or _HANGUL.search(bare) is not None)
    return Term(found, is_prefix=goes_on)
