"""Keeps what strangers can write down beside one number within bounds. In: a request that joins a callback. Out:
whether it is only counted, and then the request whose link answers it. What it promises is decided before, and is the
same for both. Colleagues, programs with a key and calls are not limited here: we know who they are."""

from __future__ import annotations

from dataclasses import replace

from sqlalchemy import case, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from callback import promises
from callback.ask import Ask, Visit
from callback.guard import PUBLIC
from callback.promises import Wish
from callback.tables import Submission

OF_ADDRESS = 5
"""Requests that one address may write down for one callback: as many as it may be called for in an hour. What it says a
sixth time for the same number is nothing new."""

OF_ALL = 100
"""And all strangers together, held and good ones apart, so that held ones leave room: more than a person reads."""


async def is_repeat(connection: AsyncConnection, callback_id: int, ask: Ask, is_held: bool) -> bool:
    """Whether enough of its kind is written down: one more is only counted."""
    if ask.source not in PUBLIC:
        return False
    same = Submission.address == ask.visit.address
    asked = select(func.count(), func.sum(case((same, 1), else_=0))).where(
        Submission.callback_id == callback_id,
        Submission.held.is_(is_held),
        Submission.repeats == 0,
        Submission.source.in_([one.value for one in PUBLIC]),
    )
    of_all, of_address = (await connection.execute(asked)).one()
    return of_all >= OF_ALL or (of_address or 0) >= OF_ADDRESS


async def count(
    connection: AsyncConnection,
    callback_id: int,
    ask: Ask,
    wish: Wish,
    *,
    at: float,
    visitor: str | None,
    link_expires_at: float,
) -> int:
    """Count it, without its words. Returns the request that its link shows: what the same page session wrote down
    before, else one that shows nothing but the number."""
    own = await _own(connection, callback_id, wish, visitor)
    counted = await connection.scalar(
        update(Submission)
        .where(
            Submission.callback_id == callback_id,
            Submission.repeats > 0,
            Submission.held.is_(bool(wish.reasons)),
        )
        .values(repeats=Submission.repeats + 1, link_expires_at=link_expires_at)
        .returning(Submission.id)
    )
    if counted is None:
        bare = replace(ask, name="", message="", visit=Visit(language=ask.visit.language))
        times = {"at": at, "link_expires_at": link_expires_at}
        counted = await promises.store(
            connection, callback_id, bare, replace(wish, wished_at=None), repeats=1, **times
        )
    return own or int(counted)


async def _own(connection: AsyncConnection, callback_id: int, wish: Wish, visitor: str | None) -> int | None:
    if visitor is None:
        return None
    found: int | None = await connection.scalar(
        select(Submission.id)
        .where(
            Submission.callback_id == callback_id,
            Submission.visitor == visitor,
            Submission.withdrawn_at.is_(None),
            Submission.held.is_(bool(wish.reasons)),
        )
        .order_by(Submission.id.desc())
        .limit(1)
    )
    return found
