"""How each database is asked: terms and marks in, places of the newest documents that fit out, newest first.

FTS5 gives its rows from its end when asked in that order, and only as many as are taken. PostgreSQL's GIN index gives
all rows or none, and its planner cannot know what looking at one long text costs: so the newest are looked at one by
one, which for common words is enough, and only for rarer words, which have few rows, the index is asked."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    String,
    cast,
    column,
    func,
    literal,
    literal_column,
    or_,
    select,
    table,
    text,
)
from sqlalchemy.dialects.postgresql import TSQUERY
from sqlalchemy.ext.asyncio import AsyncConnection

from recordings.search.query import Term
from recordings.search.tables import OWN_COLUMN, SearchDocument
from recordings.search.words import pairs, spaced

NEWEST = 400
"""Documents looked at one by one, 10 to 20 ms: a word in every twentieth fills a page from them."""

CANDIDATES = 200
"""Documents with all pairs of a longer phrase whose texts are read in one go: nearly all of them have it."""

Marks = Sequence[frozenset[str]]


class Span(NamedTuple):
    """Places from `low` to before `high`, at most `limit` of them."""

    low: int
    high: int
    limit: int


_FTS5 = table("search_index", column("rowid", BigInteger))


async def on_sqlite(
    connection: AsyncConnection, terms: Sequence[Term], marks: Marks, span: Span
) -> list[int]:
    found = await connection.execute(
        select(_FTS5.c.rowid)
        .where(
            literal_column("search_index").op("MATCH")(_fts5(terms, marks)),
            _FTS5.c.rowid >= span.low,
            _FTS5.c.rowid < span.high,
        )
        .order_by(_FTS5.c.rowid.desc())
        .limit(span.limit)
    )
    return list(found.scalars())


def _fts5(terms: Iterable[Term], marks: Marks) -> str:
    """As FTS5 reads it. Words have neither quotes nor spaces: nothing that is typed is an operator."""
    said = " AND ".join(f'"{" ".join(term.words)}"{" *" if term.is_prefix else ""}' for term in terms)
    groups = (" OR ".join(f'"{one}"' for one in sorted(group)) for group in marks)
    return " AND ".join([f"{{folded names}} : ({said})", *(f"marks : ({group})" for group in groups)])


async def on_postgresql(
    connection: AsyncConnection, terms: Sequence[Term], marks: Marks, span: Span
) -> list[int]:
    fits = literal_column(OWN_COLUMN).op("@@")(cast(literal(_tsquery(terms, marks), String), TSQUERY))
    reads = [
        _reads(term) for term in terms if len(term.words) > 2 or (len(term.words) > 1 and term.is_prefix)
    ]
    # Plans for these words and these places: one that is made for any would be wrong for most.
    await connection.execute(text("SET LOCAL plan_cache_mode = force_custom_plan"))
    within = (SearchDocument.id >= span.low, SearchDocument.id < span.high)
    edge = await connection.scalar(
        select(SearchDocument.id).where(*within).order_by(SearchDocument.id.desc()).offset(NEWEST).limit(1)
    )
    newest = within if edge is None else (SearchDocument.id > edge, SearchDocument.id < span.high)
    walk = select(SearchDocument.id).where(*newest, fits, *reads)
    found = list((await connection.scalars(walk.order_by(SearchDocument.id.desc()).limit(span.limit))).all())
    if edge is not None and len(found) < span.limit:
        rest = Span(span.low, edge + 1, span.limit - len(found))
        found += await _by_index(connection, fits, reads, rest)
    return found


async def _by_index(
    connection: AsyncConnection, fits: ColumnElement[Any], reads: Sequence[ColumnElement[Any]], span: Span
) -> list[int]:
    """Never by walking: the planner would, and read every text for a word that hardly any of them has."""
    # No other index than that of the words: a place that is reckoned with is none the primary key could look up.
    await connection.execute(text("SET LOCAL enable_seqscan = off"))
    place = SearchDocument.id + literal_column("0")
    high, found = span.high, list[int]()
    while len(found) < span.limit:
        batch = CANDIDATES if reads else span.limit
        fitting = select(SearchDocument.id).where(place >= span.low, place < high, fits)
        candidates = (await connection.scalars(fitting.order_by(place.desc()).limit(batch))).all()
        found += await _read(connection, candidates, reads) if reads else candidates
        if len(candidates) < batch:
            break
        high = candidates[-1]
    return found[: span.limit]


async def _read(
    connection: AsyncConnection, candidates: Sequence[int], reads: Sequence[ColumnElement[Any]]
) -> list[int]:
    kept = select(SearchDocument.id).where(SearchDocument.id.in_(candidates), *reads)
    return list((await connection.scalars(kept.order_by(SearchDocument.id.desc()))).all())


def _tsquery(terms: Iterable[Term], marks: Marks) -> str:
    """As PostgreSQL reads it; of phrases all pairs."""
    said: list[str] = []
    for term in terms:
        *first, last = term.words
        whole = first if term.is_prefix else term.words
        said += [f"'{word}'" for word in (pairs(whole) if len(whole) > 1 else whole)]
        if term.is_prefix:
            said.append(f"'{last}':*")
    groups = ("(" + " | ".join(f"'{one}'" for one in sorted(group)) + ")" for group in marks)
    return " & ".join([*said, *groups])


def _reads(term: Term) -> ColumnElement[Any]:
    """The phrase stands in the text itself: pairs may stand apart."""
    line = spaced(term.words)
    stretch = line.rstrip() if term.is_prefix else line
    return or_(
        func.strpos(SearchDocument.folded, stretch) > 0, func.strpos(SearchDocument.names, stretch) > 0
    )
