"""What an erasure has taken so far. One that is broken off (a call, a merge, a crash) has taken something already,
which nobody finds again: it is written down after each step, and the certificate of the erasure that comes to its end
counts it too. Works inside the caller's transaction."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from sqlalchemy import delete, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from server.privacy.erase_tables import ErasureTry


@dataclass(slots=True)
class Tally:
    """`gone` counts by what people call it; `on_pbx` are recordings of which the PBX has files of its own."""

    gone: Counter[str] = field(default_factory=Counter)
    on_pbx: int = 0


async def read_tally(connection: AsyncConnection, ids: Sequence[int]) -> Tally:
    """Of earlier tries, also of those who became part of the customer since."""
    rows = await connection.execute(
        select(ErasureTry.gone, ErasureTry.on_pbx).where(ErasureTry.customer_id.in_(ids))
    )
    tally = Tally()
    for row in rows:
        tally.gone.update(json.loads(row.gone))
        tally.on_pbx += row.on_pbx
    return tally


async def save_tally(connection: AsyncConnection, ids: Sequence[int], tally: Tally) -> None:
    await forget_tally(connection, ids)
    values = {"customer_id": ids[0], "gone": json.dumps(tally.gone), "on_pbx": tally.on_pbx}
    await connection.execute(insert(ErasureTry).values(**values))


async def forget_tally(connection: AsyncConnection, ids: Sequence[int]) -> None:
    """It stands in a certificate now."""
    await connection.execute(delete(ErasureTry).where(ErasureTry.customer_id.in_(ids)))
