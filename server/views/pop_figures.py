"""Rule P6: "pop shown before answer: N %, p95 M ms", over the pops of the calls a filter asks for. A pop is one ringing
card of one person who had the desk open; it is late when no page had the card by the time the phone was answered or
stopped ringing. `late_calls` counts exactly the calls that the filter's `pop=late` lists. Measuring is done in
`server/live/pops.py`."""

from __future__ import annotations

from dataclasses import dataclass, replace

from sqlalchemy import distinct, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from pbx_bridge.tables import Call
from server.tables import PopRow
from server.views.call_filter import CallFilter
from server.views.calls import IS_LATE, call_conditions


@dataclass(frozen=True, slots=True)
class PopFigures:
    """Shares are of `pops`, None when there are none; `p95_ms` is of the pops that reached a page at all."""

    pops: int
    late_calls: int
    shown_before_answer: float | None
    shown_visible: float | None
    p95_ms: float | None


async def read_pop_figures(connection: AsyncConnection, wanted: CallFilter, *, region: str) -> PopFigures:
    """Over all calls of a filter, its verdict and its pops left aside."""
    asked = replace(wanted, verdict=None, pop=None)
    conditions = await call_conditions(connection, asked, region)
    counts = await connection.execute(
        select(
            func.count(),
            func.count().filter(~IS_LATE),
            func.count().filter(~IS_LATE, PopRow.visible.is_(True)),
            func.count(PopRow.shown_at),
            func.count(distinct(PopRow.call_id)).filter(IS_LATE),
        )
        .join(Call, Call.id == PopRow.call_id)
        .where(*conditions)
    )
    pops, in_time, visible, shown, late_calls = counts.one()
    if not pops:
        return PopFigures(0, 0, None, None, None)
    delay = PopRow.shown_at - PopRow.rang_at
    p95 = await connection.scalar(
        select(delay)
        .join(Call, Call.id == PopRow.call_id)
        .where(*conditions, PopRow.shown_at.is_not(None))
        .order_by(delay)
        .offset(max(0, -(-shown * 95 // 100) - 1))
        .limit(1)
    )
    milliseconds = None if p95 is None else float(p95) * 1000
    return PopFigures(pops, late_calls, in_time / pops, visible / pops, milliseconds)
