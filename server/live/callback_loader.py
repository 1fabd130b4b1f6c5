"""Reads what cards show of callbacks. Calls of attempts are heard of on the bus; their request is read beside the
stream of facts and told to the board. Which card shows it is decided there."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from callback.kinds import AttemptKind
from callback.tables import Attempt, Callback, Submission
from core.bus import Bus
from core.db import Database
from core.facts import CallbackChanged, CallStarted, attempt_of
from server.callbacks import words as callback_words
from server.live.callback_card import CallbackKnown, CallbackSummary
from server.live.hub import LiveHub
from server.views.asked import UNVERIFIED, WORTH
from server.views.callback_story import utm_of


class CallbackLoader:
    """One per process. `departments` are names for people by the settings' section; `announcement_s` says how long the
    announcement of a PBX lasts. Run `run`."""

    def __init__(
        self,
        database: Database,
        hub: LiveHub,
        departments: Mapping[str, str],
        announcement_s: Callable[[str], float],
    ) -> None:
        self._database = database
        self._hub = hub
        self._departments = departments
        self._announcement_s = announcement_s
        self._wanted: dict[str, None] = {}
        self._work = asyncio.Event()

    def subscribe(self, bus: Bus) -> None:
        bus.subscribe(CallStarted, self._started, name="callbacks on cards")
        bus.subscribe(CallbackChanged, self._changed, name="callbacks on cards")

    def load_all(self) -> None:
        """After a start: wrap-ups of callbacks are on the board again."""
        for call_id in self._hub.board.calls:
            self._want(call_id)

    async def run(self) -> None:
        """Read what is wanted, for ever."""
        while True:
            await self._work.wait()
            self._work.clear()
            wanted, self._wanted = self._wanted, {}
            async with self._database.read() as connection:
                for call_id in wanted:
                    callback = await self._read(connection, attempt_of(call_id) or "")
                    if callback is not None:
                        self._hub.apply(CallbackKnown(call_id, callback))

    async def _started(self, fact: CallStarted) -> None:
        self._want(fact.call_id)

    async def _changed(self, fact: CallbackChanged) -> None:
        for call_id, call in self._hub.board.calls.items():
            if call.callback is not None and call.callback.id == fact.callback_id:
                self._want(call_id)

    def _want(self, call_id: str) -> None:
        if attempt_of(call_id) is not None:
            self._wanted[call_id] = None
            self._work.set()

    async def _read(self, connection: AsyncConnection, attempt_id: str) -> CallbackSummary | None:
        found = await connection.execute(
            select(
                Attempt.kind,
                Attempt.pbx,
                Attempt.machine,
                Attempt.made_at,
                Callback.id,
                Callback.department,
                Callback.arrived_at,
                Callback.promised_from,
                Callback.promised_until,
            )
            .select_from(Attempt)
            .outerjoin(Callback, Callback.id == Attempt.callback_id)
            .where(Attempt.id == attempt_id)
        )
        row = found.one_or_none()
        if row is None:
            return None
        announces, announcement_s = row.kind != AttemptKind.CUSTOMER_FIRST, self._announcement_s(row.pbx)
        if row.id is None:
            return CallbackSummary(attempt_id, announces, announcement_s)
        asked = await read_request(connection, row.id)
        return CallbackSummary(
            attempt_id,
            announces,
            announcement_s,
            id=row.id,
            department=self._departments.get(row.department, row.department),
            asked_at=row.arrived_at,
            promised_from=row.promised_from,
            promised_until=row.promised_until,
            tries=await _tries(connection, row.id, row.made_at),
            machine=bool(row.machine),
            **asked,
        )


async def read_request(connection: AsyncConnection, callback_id: int) -> dict[str, Any]:
    """The last request to be believed that said something, else the last one of these."""
    rows = await connection.execute(
        select(
            Submission.source,
            Submission.site,
            Submission.name,
            Submission.message,
            Submission.page_url,
            Submission.referrer,
            Submission.utm,
            WORTH.label("worth"),
        )
        .where(
            Submission.callback_id == callback_id, Submission.withdrawn_at.is_(None), Submission.repeats == 0
        )
        .order_by(WORTH, (Submission.message != "").desc(), Submission.id.desc())
        .limit(1)
    )
    row = rows.first()
    if row is None:
        return {}
    return {
        "source": callback_words.SOURCES.get(row.source, row.source),
        "site": row.site,
        "name": row.name,
        "message": row.message,
        "page_url": row.page_url,
        "referrer": row.referrer,
        "utm": utm_of(row.utm),
        "unverified": row.worth in UNVERIFIED,
    }


async def _tries(connection: AsyncConnection, callback_id: int, before: float) -> int:
    count = await connection.scalar(
        select(func.count()).where(
            Attempt.callback_id == callback_id,
            Attempt.made_at < before,
            Attempt.customer_dialled_at.is_not(None),
        )
    )
    return int(count or 0)
