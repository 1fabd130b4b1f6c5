"""A customer's timeline with everything this server knows: the customers' room's own sources, and what lives in other
rooms' tables (calls here, callbacks and visits in `timeline_asked.py`). A later channel adds its source to `TIMELINE`
and its word to `GROUPS`. Merging and paging are in `crm_link/timeline.py`, the look of an entry in the templates."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from sqlalchemy import Row, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from config.recordings import RecordingSettings
from core.facts import Direction, Verdict
from crm_link.deals.read import DealView, read_deals_about
from crm_link.merging.views import MergeSource
from crm_link.tables import CallCustomer
from crm_link.timeline import Body, ChangeSource, Entry, NoteSource, Position, Timeline, behind
from crm_link.timeline_affairs import DealSource, DoneSource, TaskSource
from pbx_bridge.tables import Call, CallPerson, CallWrapUp
from recordings.access import Asker, audible_call
from recordings.tables import Recording, Transcript
from server.views.calls import Person, people_by_extension
from server.views.timeline_asked import CallbackSource, VisitSource

SNIPPET = 220
"""Characters of a transcript on its call's line: what was said first."""


@dataclass(frozen=True, slots=True)
class WrapUp:
    """What one of our people said of a call."""

    user_id: int
    disposition: str | None
    note: str


@dataclass(frozen=True, slots=True)
class Said:
    """How a transcript begins."""

    recording_id: str
    snippet: str
    is_whole: bool


@dataclass(frozen=True, slots=True)
class CallBody(Body):
    """One call of the customer. `result` is None while it goes on; `is_certain` is False while several customers
    share the number and nobody has picked. `said` and `recordings` are there for everybody: whether the one who looks
    may know of them is asked of `hearable`."""

    call_id: str
    started_at: float
    direction: Direction
    result: Verdict | None
    number: str | None
    queue: str | None
    wait_s: float | None
    talk_s: float | None
    talked: tuple[Person, ...]
    wrap_ups: tuple[WrapUp, ...]
    is_certain: bool
    deals: tuple[DealView, ...] = ()
    recordings: int = 0
    said: tuple[Said, ...] = ()


class CallSource:
    """The calls that stand with the customer."""

    kind = "call"

    async def entries(
        self, connection: AsyncConnection, customer_id: int, before: Position | None, limit: int
    ) -> Sequence[Entry]:
        rows = (
            await connection.execute(
                select(CallCustomer.call_at, *Call.__table__.c)
                .join(Call, Call.id == CallCustomer.call_id)
                .where(
                    CallCustomer.customer_id == customer_id,
                    behind(before, self.kind, CallCustomer.call_at, CallCustomer.call_id),
                )
                .order_by(CallCustomer.call_at.desc(), CallCustomer.call_id.desc())
                .limit(limit)
            )
        ).all()
        call_ids = [row.id for row in rows]
        talked = await _talked(connection, call_ids)
        wrap_ups = await _wrap_ups(connection, call_ids)
        shared = await _shared(connection, call_ids)
        deals = await read_deals_about(connection, call_ids)
        recordings = await _recordings(connection, call_ids)
        said = await _said(connection, call_ids)
        bodies = [
            replace(
                _body(row, talked[row.id], wrap_ups[row.id], is_certain=row.id not in shared),
                deals=tuple(deals[row.id]),
                recordings=recordings.get(row.id, 0),
                said=tuple(said[row.id]),
            )
            for row in rows
        ]
        return [
            Entry(at=row.call_at, kind=self.kind, ref=row.id, user_id=None, body=body)
            for row, body in zip(rows, bodies, strict=True)
        ]


def _body(row: Row[Any], talked: list[Person], wrap_ups: list[WrapUp], *, is_certain: bool) -> CallBody:
    return CallBody(
        call_id=row.id,
        started_at=row.started_at,
        direction=Direction(row.direction),
        result=Verdict(row.result) if row.result else None,
        number=row.customer_number,
        queue=row.queue,
        wait_s=row.wait_s,
        talk_s=row.talk_s,
        talked=tuple(talked),
        wrap_ups=tuple(wrap_ups),
        is_certain=is_certain,
    )


async def _talked(connection: AsyncConnection, call_ids: Sequence[str]) -> dict[str, list[Person]]:
    names = await people_by_extension(connection)
    rows = await connection.execute(
        select(CallPerson.call_id, CallPerson.extension, Call.pbx)
        .join(Call, Call.id == CallPerson.call_id)
        .where(CallPerson.call_id.in_(call_ids), CallPerson.role == "talked")
        .order_by(CallPerson.position)
    )
    talked: dict[str, list[Person]] = defaultdict(list)
    for call_id, extension, pbx in rows:
        talked[call_id].append(Person(extension, *names.get((pbx, extension), (None, None))))
    return talked


async def _wrap_ups(connection: AsyncConnection, call_ids: Sequence[str]) -> dict[str, list[WrapUp]]:
    rows = await connection.execute(
        select(CallWrapUp.call_id, CallWrapUp.user_id, CallWrapUp.disposition, CallWrapUp.note)
        .where(CallWrapUp.call_id.in_(call_ids))
        .order_by(CallWrapUp.opened_at)
    )
    wrap_ups: dict[str, list[WrapUp]] = defaultdict(list)
    for call_id, user_id, disposition, note in rows:
        if disposition or note:
            wrap_ups[call_id].append(WrapUp(user_id, disposition, note))
    return wrap_ups


async def _shared(connection: AsyncConnection, call_ids: Sequence[str]) -> frozenset[str]:
    """Those of the calls that stand with more than one customer."""
    rows = await connection.scalars(
        select(CallCustomer.call_id)
        .where(CallCustomer.call_id.in_(call_ids))
        .group_by(CallCustomer.call_id)
        .having(func.count() > 1)
    )
    return frozenset(rows)


async def _recordings(connection: AsyncConnection, call_ids: Sequence[str]) -> dict[str, int]:
    """How many recordings each call still has."""
    rows = await connection.execute(
        select(Recording.call_id, func.count())
        .where(Recording.call_id.in_(call_ids), Recording.removed_at.is_(None))
        .group_by(Recording.call_id)
    )
    return {call_id: count for call_id, count in rows if call_id is not None}


async def _said(connection: AsyncConnection, call_ids: Sequence[str]) -> dict[str, list[Said]]:
    # A transcript of an hour is a large text: the database cuts it.
    beginning = func.substr(Transcript.text, 1, SNIPPET + 1).label("beginning")
    rows = await connection.execute(
        select(Recording.call_id, Recording.id, beginning)
        .join(Transcript, Transcript.recording_id == Recording.id)
        .where(Recording.call_id.in_(call_ids), Transcript.is_current.is_(True))
        .order_by(Recording.started_at, Recording.id)
    )
    said: dict[str, list[Said]] = defaultdict(list)
    for call_id, recording_id, text in rows:
        snippet = " ".join(text[:SNIPPET].split())
        if snippet:
            said[call_id].append(Said(recording_id, snippet, is_whole=len(text) <= SNIPPET))
    return said


async def hearable(
    connection: AsyncConnection, asker: Asker, settings: RecordingSettings, entries: Sequence[Entry]
) -> frozenset[str]:
    """Of the calls among these entries those whose recordings and transcripts this asker may know."""
    call_ids = [entry.body.call_id for entry in entries if isinstance(entry.body, CallBody)]
    found = select(Call.id).where(Call.id.in_(call_ids), audible_call(asker, settings, Call.id))
    return frozenset(await connection.scalars(found))


TIMELINE = Timeline(
    CallSource(),
    CallbackSource(),
    VisitSource(),
    NoteSource(),
    TaskSource(),
    DoneSource(),
    DealSource(),
    MergeSource(),
    ChangeSource(),
)


class Group(StrEnum):
    """The kinds of entries as people tell them apart."""

    CALLS = "calls"
    CALLBACKS = "callbacks"
    NOTES = "notes"
    TASKS = "tasks"
    DEALS = "deals"
    VISITS = "visits"
    CHANGES = "changes"


GROUPS: Mapping[Group, tuple[str, ...]] = {
    Group.CALLS: ("call",),
    Group.CALLBACKS: ("callback",),
    Group.NOTES: ("note",),
    Group.TASKS: ("task", "task_done"),
    Group.DEALS: ("deal",),
    Group.VISITS: ("visit",),
    Group.CHANGES: ("change", "merge"),
}
"""Each kind stands in one group (a test compares)."""
