"""What the customers' room may ask of this one: to which numbers somebody has promised a call. Reads only."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from callback.tables import Callback, Submission
from core.ports import OpenPromise


class PromiseBook:
    """Implements `core.ports.OpenPromises`."""

    async def open_for(self, connection: AsyncConnection, numbers: Collection[str]) -> Sequence[OpenPromise]:
        """By the index of open callbacks; a number with several departments has several."""
        rows = await connection.execute(
            select(Callback.id, Callback.number, Submission.call_id)
            .outerjoin(Submission, Submission.callback_id == Callback.id)
            .where(Callback.number.in_(numbers), Callback.closed_at.is_(None))
            .order_by(Callback.id)
        )
        numbers_of: dict[int, str] = {}
        calls: dict[int, list[str]] = defaultdict(list)
        for row in rows:
            numbers_of[row.id] = row.number
            calls[row.id] += [row.call_id] if row.call_id is not None else []
        return [OpenPromise(number, tuple(calls[one])) for one, number in numbers_of.items()]
