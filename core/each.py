"""The first few rows for each of several ids in one statement: a limited question per id, put together. A window over
all their rows would read everything that the busiest of them has."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from sqlalchemy import CompoundSelect, Row, Select, select, union_all
from sqlalchemy.ext.asyncio import AsyncConnection

AT_ONCE = 50
"""Questions in one statement; more ids are asked for in several."""


async def read_each(
    connection: AsyncConnection, ids: Sequence[int], question: Callable[[int], Select[Any]]
) -> list[Row[Any]]:
    """The rows that `question` (ordered and limited) has for each id, in no order that can be relied on."""
    return [row for some in _in_parts(ids) for row in await connection.execute(_all_of(some, question))]


def _all_of(ids: Sequence[int], question: Callable[[int], Select[Any]]) -> CompoundSelect[Any]:
    return union_all(*(select(question(one).subquery()) for one in ids))


def _in_parts(ids: Sequence[int]) -> Iterator[Sequence[int]]:
    return (ids[first : first + AT_ONCE] for first in range(0, len(ids), AT_ONCE))
