"""Who is behind a callback, as its requests say: whose words name it, where it came from, how often it was asked for.
Anybody can type a name beside somebody's number, so only words count that nothing was held against and that were not
taken back. Where everything is held the words are shown all the same, marked as unverified. Reads only."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from sqlalchemy import Select, case, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from callback.tables import Submission

WORTH = case(
    (Submission.withdrawn_at.is_(None) & Submission.held.is_(False), 0),
    (Submission.withdrawn_at.is_(None), 1),
    (Submission.held.is_(False), 2),
    else_=3,
)
"""Whom to believe: the least counts, and nobody else of the same callback."""

UNVERIFIED = frozenset({1, 3})

SHOWN = (
    Submission.id,
    Submission.name,
    Submission.message,
    Submission.source,
    Submission.site,
)


async def read_asked(connection: AsyncConnection, ids: Collection[int]) -> dict[int, dict[str, Any]]:
    """By callback: `name` and `message` (the first that were given), `source` and `site` of the first request, whether
    that is `unverified`, and the number of all `requests`. However many there are, four rows are read of each."""
    found = (await connection.execute(_firsts(ids))).all()
    wanted = {one for row in found for one in (row.first, row.named, row.said) if one is not None}
    rows = await connection.execute(select(*SHOWN).where(Submission.id.in_(wanted)))
    words: Mapping[int, Any] = {row.id: row for row in rows}
    return {
        row.callback_id: {
            "name": words[row.named].name if row.named else "",
            "message": words[row.said].message if row.said else "",
            "source": words[row.first].source,
            "site": words[row.first].site,
            "unverified": row.worth in UNVERIFIED,
            "requests": int(row.requests),
        }
        for row in found
    }


def _firsts(ids: Collection[int]) -> Select[Any]:
    of_these = Submission.callback_id.in_(ids)
    all_of_it = (
        select(
            Submission.callback_id,
            func.min(WORTH).label("worth"),
            func.sum(case((Submission.repeats > 0, Submission.repeats), else_=1)).label("requests"),
        )
        .where(of_these)
        .group_by(Submission.callback_id)
        .subquery()
    )
    return (
        select(
            all_of_it.c.callback_id,
            all_of_it.c.worth,
            all_of_it.c.requests,
            func.min(Submission.id).label("first"),
            func.min(case((Submission.name != "", Submission.id))).label("named"),
            func.min(case((Submission.message != "", Submission.id))).label("said"),
        )
        .join(Submission, Submission.callback_id == all_of_it.c.callback_id)
        .where(all_of_it.c.worth == WORTH)
        .group_by(all_of_it.c.callback_id, all_of_it.c.worth, all_of_it.c.requests)
    )
