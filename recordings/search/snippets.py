"""*Pure.* A found text and what was looked for in; the stretch of it that says most out, as pieces of which some are
hits. The pieces are plain text: escaping is done where they are written."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice

from core.shown import shown
from recordings.search.query import Term
from recordings.search.words import places, plain

WIDTH = 240
"""Characters of a snippet: two lines of a list."""

BEFORE = 60
"""Characters before the first hit: enough to see what the sentence is about."""

MOST_HITS = 400
"""Places looked at in one text; the best stretch among the first ones is good enough."""

ELLIPSIS = "…"


@dataclass(frozen=True, slots=True)
class Piece:
    text: str
    is_hit: bool = False


@dataclass(frozen=True, slots=True)
class _Hit:
    start: int
    end: int
    term: int


def snippet(text: str, terms: Sequence[Term], width: int = WIDTH) -> tuple[Piece, ...]:
    """The stretch with most different terms, else most hits, else the first; the beginning when nothing is found."""
    hits = list(_hits(text, terms))
    begin = _best(hits, width)
    start = _word_start(text, max(begin - BEFORE, 0)) if begin > BEFORE else 0
    end = _word_end(text, min(start + width, len(text)))
    inside = _merged(hit for hit in hits if start <= hit.start and hit.end <= end)
    pieces = list(_cut(text, start, end, inside))
    return tuple(
        ([Piece(f"{ELLIPSIS} ")] if start else [])
        + pieces
        + ([Piece(f" {ELLIPSIS}")] if end < len(text) else [])
    )


def _hits(text: str, terms: Sequence[Term]) -> Iterable[_Hit]:
    """In order. A page has twenty texts of any length: most can be looked through without parting them into words."""
    folded = plain(text)
    if folded is None:
        return _hits_by_word(text, terms)
    found = (
        _Hit(hit.start(), hit.end(1), number)
        for number, term in enumerate(terms)
        for hit in islice(_pattern(term).finditer(folded), MOST_HITS)
    )
    return sorted(found, key=lambda hit: hit.start)


@lru_cache(maxsize=256)
def _pattern(term: Term) -> re.Pattern[str]:
    """Its first group is the term. Looked for ahead, since "no no" is twice in "no no no"."""
    body = r"\W+".join(map(re.escape, term.words)) + (r"\w*" if term.is_prefix else r"(?!\w)")
    return re.compile(rf"(?<!\w)(?=({body}))")


def _hits_by_word(text: str, terms: Sequence[Term]) -> Iterator[_Hit]:
    whole = frozenset(term.words[-1] for term in terms if not term.is_prefix)
    begun = tuple(term.words[-1] for term in terms if term.is_prefix)
    seen: list[tuple[str, re.Match[str]]] = []
    found = 0
    for place in places(text):
        seen.append(place)
        if place[0] not in whole and not place[0].startswith(begun):
            continue
        for number, term in enumerate(terms):
            if (start := _ends_here(seen, term)) is not None:
                yield _Hit(start, place[1].end(), number)
                found += 1
        if found >= MOST_HITS:
            return


def _ends_here(seen: Sequence[tuple[str, re.Match[str]]], term: Term) -> int | None:
    """Where the term begins if the last word seen is its end."""
    *before, last = term.words
    here = seen[-1][0]
    if not (here.startswith(last) if term.is_prefix else here == last):
        return None
    first = len(seen) - len(term.words)
    if first < 0 or any(seen[first + place][0] != word for place, word in enumerate(before)):
        return None
    return seen[first][1].start()


def _best(hits: Sequence[_Hit], width: int) -> int:
    """Where the stretch of text with most in it begins."""
    starts = [hit.start for hit in hits]
    best, begin = (0, 0), 0
    for place, hit in enumerate(hits):
        inside = hits[place : bisect_right(starts, hit.start + width - BEFORE)]
        worth = (len({one.term for one in inside}), len(inside))
        if worth > best:
            best, begin = worth, hit.start
    return begin


def _merged(hits: Iterable[_Hit]) -> Iterator[tuple[int, int]]:
    """Stretches that do not overlap, in order."""
    open_hit: tuple[int, int] | None = None
    for hit in sorted(hits, key=lambda one: (one.start, one.end)):
        if open_hit is not None and hit.start < open_hit[1]:
            open_hit = (open_hit[0], max(open_hit[1], hit.end))
            continue
        if open_hit is not None:
            yield open_hit
        open_hit = (hit.start, hit.end)
    if open_hit is not None:
        yield open_hit


def _cut(text: str, start: int, end: int, hits: Iterable[tuple[int, int]]) -> Iterator[Piece]:
    at = start
    for begin, stop in hits:
        if begin > at:
            yield Piece(_plain(text[at:begin]))
        yield Piece(_plain(text[begin:stop]), is_hit=True)
        at = stop
    if end > at:
        yield Piece(_plain(text[at:end]))


def _plain(text: str) -> str:
    """On one line, without what cannot be seen; the spaces around hits stay."""
    bare = shown(text, len(text) + 1)
    before = " " if text[:1].isspace() else ""
    after = " " if text[-1:].isspace() and bare else ""
    return f"{before}{' '.join(bare.split())}{after}"


def _word_start(text: str, at: int) -> int:
    """The beginning of the next word, if one begins soon."""
    near = text.find(" ", at, at + 30)
    return at if near < 0 else near + 1


def _word_end(text: str, at: int) -> int:
    if at >= len(text):
        return len(text)
    near = text.rfind(" ", at - 30, at + 1)
    return at if near < 0 else near
