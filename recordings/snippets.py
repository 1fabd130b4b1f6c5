"""*Pure.* A found text and what was looked for in; the stretch of it that says most out, as pieces of which some are
hits. The pieces are plain text: escaping is done where they are written."""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict, deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from core.shown import shown
from recordings.search_query import Term
from recordings.search_words import Place, places

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


def _hits(text: str, terms: Sequence[Term]) -> Iterator[_Hit]:
    longest = max((len(term.words) for term in terms), default=0)
    by_last = defaultdict(list)
    for number, term in enumerate(terms):
        by_last["" if term.is_prefix else term.words[-1]].append((number, term))
    seen: deque[Place] = deque(maxlen=longest)
    found = 0
    for place in places(text):
        seen.append(place)
        for number, term in (*by_last.get(place.word, ()), *by_last.get("", ())):
            if (start := _ends_here(seen, term)) is not None:
                yield _Hit(start, place.end, number)
                found += 1
        if found >= MOST_HITS:
            return


def _ends_here(seen: Sequence[Place], term: Term) -> int | None:
    """Where the term begins if the last place seen is its end."""
    length = len(term.words)
    if len(seen) < length:
        return None
    *before, last = term.words
    here = seen[-1].word
    if not (here.startswith(last) if term.is_prefix else here == last):
        return None
    first = len(seen) - length
    if any(seen[first + place].word != word for place, word in enumerate(before)):
        return None
    return seen[first].start


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
