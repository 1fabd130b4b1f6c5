"""How each PBX of the settings stands: link, last word, blind windows of late, and the open alarms. What a room knows
only in memory (the bridge's counters) is handed in by the page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from core.alarms import Alarm, list_alarms
from pbx_bridge.tables import BlindWindow, PbxHeartbeat
from server.views.calls import Blind

WINDOWS = 50
ALARMS = 50


@dataclass(frozen=True, slots=True)
class PbxState:
    """`blind_since` is set while the PBX cannot be seen; `seen_at` is when it last said anything to any process."""

    name: str
    seen_at: float | None
    started_at: float | None
    owner: str | None
    blind_since: float | None
    blind_reason: str | None

    @property
    def is_up(self) -> bool:
        return self.seen_at is not None and self.blind_since is None


@dataclass(frozen=True, slots=True)
class PbxOverview:
    pbxs: tuple[PbxState, ...]
    alarms: tuple[Alarm, ...]
    windows: tuple[Blind, ...]


async def read_overview(connection: AsyncConnection, names: Sequence[str]) -> PbxOverview:
    """`names` are the PBXs of the settings, shown even when they were never reached."""
    beats = {row.pbx: row for row in await connection.execute(select(*PbxHeartbeat.__table__.c))}
    windows = await _windows(connection)
    open_ones = {window.pbx: window for window in reversed(windows) if window.until is None}
    states = []
    for name in dict.fromkeys([*names, *beats]):
        beat, blind = beats.get(name), open_ones.get(name)
        states.append(
            PbxState(
                name=name,
                seen_at=beat.seen_at if beat else None,
                started_at=beat.started_at if beat else None,
                owner=beat.owner if beat else None,
                blind_since=blind.since if blind else None,
                blind_reason=blind.reason if blind else None,
            )
        )
    return PbxOverview(tuple(states), tuple(await list_alarms(connection, limit=ALARMS)), windows)


async def _windows(connection: AsyncConnection) -> tuple[Blind, ...]:
    result = await connection.execute(
        select(
            BlindWindow.pbx,
            BlindWindow.since,
            BlindWindow.until,
            BlindWindow.reason,
            BlindWindow.calls_kept,
            BlindWindow.calls_ended_unseen,
            BlindWindow.calls_found,
        )
        .order_by(BlindWindow.since.desc())
        .limit(WINDOWS)
    )
    return tuple(Blind(*row) for row in result)
