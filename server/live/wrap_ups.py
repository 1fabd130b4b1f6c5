"""What agents write about calls: saved while they write, restored after a restart, closed when they say so. Every
person who talked with somebody from outside owes one wrap-up per call. Rows live in the call log
(`pbx_bridge/tables.py`); showing them is the board's part, checking who may write is `desk/page.py`'s."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from sqlalchemy import Row, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from core.accounts import UserDeviceRow, UserRow
from core.clock import Clock
from core.db import Database
from core.errors import ConflictError
from core.fact_log import LoggedFact, append
from core.facts import CallStarted, Direction, Fact, Parties, Phone, WrapUpSaved
from crm_link.call_links import CallLinks, read_links
from crm_link.kinds import LinkHow
from pbx_bridge.tables import Call, CallPerson, CallWrapUp
from server.live.calls_now import CallNow, PhoneNow, PhoneState
from server.live.cards import Draft
from server.live.snapshot import DraftSaved, WrapUpRestored

FORGOTTEN_S = 12 * 3600.0
"""A wrap-up nobody saved is closed after a shift: with what was written so far."""

SWEEP_S = 600.0

LONGEST_NOTE = 4000
"""Characters: a page of text."""


class WrapUps:
    """`tell` hands a fact to the live board."""

    def __init__(self, database: Database, clock: Clock, tell: Callable[[Fact], None]) -> None:
        self._database = database
        self._clock = clock
        self._tell = tell
        self._of_open_calls: dict[str, dict[int, Draft]] = {}

    async def save(
        self, call_id: str, user_id: int, *, note: str, disposition: str | None, close: bool
    ) -> Draft:
        """Store what somebody wrote. Raises ConflictError when the log does not know the call."""
        now = self._clock()
        values = {"note": note, "disposition": disposition, "saved_at": now if close else None}
        try:
            async with self._database.write() as connection:
                await _put(connection, call_id, user_id, now)
                await connection.execute(_row(call_id, user_id).values(values))
                if close:
                    await append(connection, WrapUpSaved(call_id, now, user_id), subject=call_id, at=now)
        except IntegrityError as error:
            raise ConflictError("this call is not in the log any more: copy your note elsewhere") from error
        draft = Draft(note, disposition, saved_at=now, closed=close)
        self._tell(DraftSaved(call_id, user_id, draft))
        return draft

    async def restore(self) -> None:
        """After a start: open wrap-ups come back to their desks, notes of open calls wait for their calls."""
        async with self._database.read() as connection:
            rows = await connection.execute(
                select(*CallWrapUp.__table__.c, Call.ended_at.label("ended_at"))
                .join(Call, Call.id == CallWrapUp.call_id)
                .where(Call.ended_at.is_(None) | CallWrapUp.saved_at.is_(None))
            )
            for row in rows.all():
                draft = _draft(row)
                if row.ended_at is None:
                    self._of_open_calls.setdefault(row.call_id, {})[row.user_id] = draft
                elif (fact := await _restored(connection, row.call_id, row.user_id, draft)) is not None:
                    self._tell(fact)

    async def hear_started(self, fact: CallStarted) -> None:
        """A call that was open before the restart is told again: its notes join it."""
        for user_id, draft in self._of_open_calls.pop(fact.call_id, {}).items():
            self._tell(DraftSaved(fact.call_id, user_id, draft))

    async def open_due(self, fact: LoggedFact) -> None:
        """A call ended: everybody who talked owes a wrap-up. Told at least once; the row is made once."""
        record: dict[str, Any] = fact.body["record"]
        if record["direction"] == Direction.INTERNAL or self._clock() - fact.at > FORGOTTEN_S:
            return
        async with self._database.write() as connection:
            owners = await _owners(connection, record["pbx"], record["talked"])
            due = [user_id for user_id in owners if await _put(connection, fact.subject, user_id, fact.at)]
            # Read here and not after the commit: a note saved in between would bring its card back.
            found = [await _restored(connection, fact.subject, user_id, Draft()) for user_id in due]
        for restored in found:
            if restored is not None:
                self._tell(restored)

    async def sweep(self) -> None:
        """Close what was forgotten, for ever."""
        while True:
            await self.close_forgotten()
            await asyncio.sleep(SWEEP_S)

    async def close_forgotten(self) -> None:
        now = self._clock()
        forgotten = (CallWrapUp.saved_at.is_(None), CallWrapUp.opened_at < now - FORGOTTEN_S)
        async with self._database.write() as connection:
            rows = (await connection.execute(select(*CallWrapUp.__table__.c).where(*forgotten))).all()
            for row in rows:
                await connection.execute(_row(row.call_id, row.user_id).values(saved_at=now))
            for row in rows:  # last: on PostgreSQL other writers of facts wait from here on
                saved = WrapUpSaved(row.call_id, now, row.user_id)
                await append(connection, saved, subject=row.call_id, at=now)
        for row in rows:
            draft = Draft(row.note, row.disposition, saved_at=now, closed=True)
            self._tell(DraftSaved(row.call_id, row.user_id, draft))


def _row(call_id: str, user_id: int) -> Any:
    return update(CallWrapUp).where(CallWrapUp.call_id == call_id, CallWrapUp.user_id == user_id)


def _draft(row: Any) -> Draft:
    return Draft(row.note, row.disposition, row.saved_at, closed=row.saved_at is not None)


async def _put(connection: AsyncConnection, call_id: str, user_id: int, at: float) -> bool:
    """Make the row if there is none; says whether it was made."""
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    made = await connection.execute(
        dialect.insert(CallWrapUp)
        .values(call_id=call_id, user_id=user_id, note="", opened_at=at)
        .on_conflict_do_nothing()
    )
    return made.rowcount == 1


async def _owners(connection: AsyncConnection, pbx: str, extensions: list[str]) -> list[int]:
    rows = await connection.execute(
        select(UserDeviceRow.user_id)
        .join(UserRow, UserRow.id == UserDeviceRow.user_id)
        .where(
            UserDeviceRow.pbx == pbx,
            UserDeviceRow.extension.in_(extensions),
            UserRow.disabled_at.is_(None),
        )
        .distinct()
    )
    return list(rows.scalars())


async def _restored(
    connection: AsyncConnection, call_id: str, user_id: int, draft: Draft
) -> WrapUpRestored | None:
    """The wrap-up as the board takes it, from the log; None when the person has no phone any more."""
    call = (await connection.execute(select(*Call.__table__.c).where(Call.id == call_id))).first()
    phones = await _phones(connection, call, user_id) if call is not None else ()
    if call is None or not phones:
        return None
    links = await read_links(connection, call_id) or CallLinks(call_id, None, call.started_at, (), None)
    parties = Parties(
        Direction(call.direction), call.caller, call.caller_name, call.callee, call.customer_number
    )
    now = CallNow(
        call_id=call_id,
        pbx=call.pbx,
        started_at=call.started_at,
        parties=parties,
        queue=call.queue,
        phones=phones,
        match=links.kind,
        customer_ids=links.customer_ids,
        created=links.how is LinkHow.CREATED,
        by_block=links.how is LinkHow.BLOCK,
        is_picked=links.how is LinkHow.PICKED,
        ended_at=call.ended_at,
    )
    return WrapUpRestored(now, user_id, draft)


async def _phones(connection: AsyncConnection, call: Row[Any], user_id: int) -> tuple[PhoneNow, ...]:
    talked = select(CallPerson.extension).where(CallPerson.call_id == call.id, CallPerson.role == "talked")
    rows = await connection.execute(
        select(UserDeviceRow.device, UserDeviceRow.extension).where(
            UserDeviceRow.user_id == user_id,
            UserDeviceRow.pbx == call.pbx,
            UserDeviceRow.extension.in_(talked),
        )
    )
    answered = call.answered_at if call.answered_at is not None else call.started_at
    return tuple(
        PhoneNow(Phone(device, extension), PhoneState.LEFT, call.ended_at, answered)
        for device, extension in rows
    )
