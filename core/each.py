"""The first few rows for each of several ids in one statement: a limited question per id, put together. A window over
all their rows would read everything that the busiest of them has."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from typing import Any

from sqlalchemy import BindParameter, CompoundSelect, Integer, Row, Select, bindparam, select, union_all
from sqlalchemy.ext.asyncio import AsyncConnection

SIZES = (1, 5, 20, 50)
"""Questions in one statement: few sizes, because making one takes longer than executing it. More ids than the last are
asked for in several."""

NOBODY = 0
"""Fills up a size; no row has this id."""

Question = Callable[[BindParameter[int]], Select[Any]]
"""From an id to the rows asked for, in order. One object per question: statements are kept by it."""


async def read_each(
    connection: AsyncConnection, ids: Sequence[int], question: Question, *, limit: int
) -> list[Row[Any]]:
    """The first `limit` rows that `question` has for each id, in no order that can be relied on."""
    found: list[Row[Any]] = []
    for some in _in_parts(ids):
        size = next(one for one in SIZES if one >= len(some))
        of = {f"of_{place}": one for place, one in enumerate([*some, *[NOBODY] * (size - len(some))])}
        found += await connection.execute(_all_of(size, question, limit), of)
    return found


@lru_cache(maxsize=256)
def _all_of(size: int, question: Question, limit: int) -> CompoundSelect[Any]:
    of = (bindparam(f"of_{place}", type_=Integer) for place in range(size))
    return union_all(*(select(question(one).limit(limit).subquery()) for one in of))


def _in_parts(ids: Sequence[int]) -> Iterator[Sequence[int]]:
    return (ids[first : first + SIZES[-1]] for first in range(0, len(ids), SIZES[-1]))
