"""The call log as managers read it: calls of a filter, newest first, with the people and customers by name; the
figures over the same filter; the times we were blind. One definition each: a figure counts exactly the rows that
its link shows. Verdicts are made in `pbx_bridge/calls.py`, never here."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Row, and_, func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from core.accounts import UserDeviceRow, UserRow
from core.equivalences import spellings
from core.errors import InvalidInputError
from core.phone import parse_number
from crm_link.blocked.calls import read_marks
from crm_link.tables import CallCustomer, Customer
from pbx_bridge.tables import BlindWindow, Call, CallMoment, CallPerson
from recordings.tables import CallAudio
from server.tables import PopRow
from server.views.call_filter import CallFilter

PAGE = 50
"""Rows per page: a screen and a half; more come when asked for."""

MAX_QUEUES = 200

LATEST = 7e9
"""Seconds: beyond the year 2190, what a cursor says is not an instant of a call."""

MAX_BLIND = 200
"""Blind windows shown at once; a link that breaks more often than this per page needs another remedy."""

IS_LATE = or_(PopRow.shown_at.is_(None), PopRow.shown_at > PopRow.over_at)
"""A pop that no page had by the time its phone was answered or stopped ringing (rule P6)."""


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody on our side: `user_id` and `name` when the extension belongs to one of our people."""

    extension: str
    user_id: int | None
    name: str | None

    @property
    def label(self) -> str:
        return self.name or self.extension


@dataclass(frozen=True, slots=True)
class CustomerRef:
    id: int
    title: str


@dataclass(frozen=True, slots=True)
class CallRow:
    """One call. `result` is None while it goes on; `placed_by` is who of ours called,
    `dialled` whom of ours they called. Several `customers` mean that nobody has picked yet. `audio` is how an answered
    call's recording stands, a word of `AudioState`; `blocked` why the caller was on the block list, if they were."""

    id: str
    pbx: str
    direction: str
    caller: str | None
    caller_name: str | None
    callee: str | None
    customer_number: str | None
    queue: str | None
    result: str | None
    started_at: float
    answered_at: float | None
    ended_at: float | None
    wait_s: float | None
    talk_s: float | None
    ended_by: str | None
    why: str | None
    placed_by: Person | None
    dialled: Person | None
    rang: tuple[Person, ...]
    talked: tuple[Person, ...]
    customers: tuple[CustomerRef, ...]
    audio: str | None
    blocked: str | None


@dataclass(frozen=True, slots=True)
class Blind:
    """A time in which this PBX could not be seen; `until` is None while it lasts."""

    pbx: str
    since: float
    until: float | None
    reason: str
    calls_kept: int
    calls_ended_unseen: int
    calls_found: int


@dataclass(frozen=True, slots=True)
class CallPage:
    """Newest first. `next` is the cursor of the following page, None at the end."""

    calls: tuple[CallRow, ...]
    blind: tuple[Blind, ...]
    next: str | None


@dataclass(frozen=True, slots=True)
class Figures:
    """Over all calls of a filter, its verdict left aside. Seconds are means over answered calls."""

    total: int
    by_verdict: dict[str, int]
    going_on: int
    mean_wait_s: float | None
    mean_talk_s: float | None


async def read_calls(
    connection: AsyncConnection,
    wanted: CallFilter,
    *,
    region: str,
    after: str | None = None,
    limit: int = PAGE,
) -> CallPage:
    """One page. `after` is a cursor of an earlier page. Raises InvalidInputError for a cursor that is none."""
    cursor = _read_cursor(after) if after else None
    conditions = await call_conditions(connection, wanted, region)
    if cursor is not None:
        at, call_id = cursor
        conditions.append(or_(Call.started_at < at, and_(Call.started_at == at, Call.id < call_id)))
    query = select(Call).where(*conditions).order_by(Call.started_at.desc(), Call.id.desc()).limit(limit + 1)
    rows = (await connection.execute(query)).all()
    shown, more = rows[:limit], len(rows) > limit
    newest = cursor[0] if cursor else wanted.until
    oldest = shown[-1].started_at if more else wanted.since
    return CallPage(
        calls=await _dress(connection, shown),
        blind=await read_blind(connection, oldest, newest),
        next=_cursor(shown[-1]) if more else None,
    )


async def read_call(connection: AsyncConnection, call_id: str) -> CallRow | None:
    rows = (await connection.execute(select(Call).where(Call.id == call_id))).all()
    return next(iter(await _dress(connection, rows)), None)


async def read_some_calls(connection: AsyncConnection, call_ids: Collection[str]) -> dict[str, CallRow]:
    """These calls by id; ids the log does not have are left out."""
    rows = (await connection.execute(select(Call).where(Call.id.in_(call_ids)))).all()
    return {call.id: call for call in await _dress(connection, rows)}


async def read_figures(connection: AsyncConnection, wanted: CallFilter, *, region: str) -> Figures:
    conditions = await call_conditions(connection, wanted.without_verdict(), region)
    result = await connection.execute(
        select(
            Call.result,
            func.count().label("calls"),
            func.avg(Call.wait_s).label("wait"),
            func.avg(Call.talk_s).label("talk"),
        )
        .where(*conditions)
        .group_by(Call.result)
    )
    groups = {row.result: row for row in result}
    counts = {verdict: int(row.calls) for verdict, row in groups.items() if verdict is not None}
    going_on = int(groups[None].calls) if None in groups else 0
    answered = groups.get("answered")
    return Figures(
        total=sum(counts.values()) + going_on,
        by_verdict=counts,
        going_on=going_on,
        mean_wait_s=answered.wait if answered else None,
        mean_talk_s=answered.talk if answered else None,
    )


async def read_blind(
    connection: AsyncConnection, since: float | None, until: float | None
) -> tuple[Blind, ...]:
    """Windows that began in [since, until), newest first."""
    conditions: list[ColumnElement[bool]] = []
    if since is not None:
        conditions.append(BlindWindow.since >= since)
    if until is not None:
        conditions.append(BlindWindow.since < until)
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
        .where(*conditions)
        .order_by(BlindWindow.since.desc())
        .limit(MAX_BLIND)
    )
    return tuple(Blind(*row) for row in result)


async def read_queues(connection: AsyncConnection, since: float) -> list[str]:
    """Names of queues that had a call after `since`, for the filter."""
    result = await connection.execute(
        select(Call.queue)
        .where(Call.started_at >= since, Call.queue.is_not(None))
        .distinct()
        .order_by(Call.queue)
        .limit(MAX_QUEUES)
    )
    return [queue for (queue,) in result if queue is not None]


async def people_by_extension(connection: AsyncConnection) -> dict[tuple[str, str], tuple[int, str]]:
    """(pbx, extension) → id and name of the person it belongs to."""
    result = await connection.execute(
        select(UserDeviceRow.pbx, UserDeviceRow.extension, UserRow.id, UserRow.name).join(
            UserRow, UserRow.id == UserDeviceRow.user_id
        )
    )
    return {(pbx, extension): (user_id, name) for pbx, extension, user_id, name in result}


async def call_conditions(
    connection: AsyncConnection, wanted: CallFilter, region: str
) -> list[ColumnElement[bool]]:
    """What a row of `calls` must fulfil to be one of the filter's."""
    conditions: list[ColumnElement[bool]] = []
    if wanted.since is not None:
        conditions.append(Call.started_at >= wanted.since)
    if wanted.until is not None:
        conditions.append(Call.started_at < wanted.until)
    if wanted.direction is not None:
        conditions.append(Call.direction == wanted.direction.value)
    if wanted.verdict is not None:
        conditions.append(Call.result == wanted.verdict.value)
    if wanted.queue is not None:
        conditions.append(Call.queue == wanted.queue)
    if wanted.number is not None:
        conditions.append(_has_number(wanted.number, region))
    if wanted.agent is not None:
        conditions.append(await _has_agent(connection, wanted.agent))
    if wanted.pop is not None:
        conditions.append(Call.id.in_(select(PopRow.call_id).where(IS_LATE)))
    return conditions


def number_spellings(text: str, region: str) -> list[str]:
    """What a number or an extension may be stored as, of what somebody typed."""
    compact = "".join(text.split())
    e164 = parse_number(text, region).e164
    known = () if e164 is None else (e164, *spellings(e164))
    return [one for one in dict.fromkeys((*known, compact, compact.removeprefix("+"))) if one]


def _has_number(text: str, region: str) -> ColumnElement[bool]:
    """Somebody's number or an extension; never a part of one (rule P7)."""
    spelled = number_spellings(text, region)
    people = select(CallPerson.call_id).where(CallPerson.extension.in_(spelled))
    return or_(
        Call.customer_number.in_(spelled),
        Call.caller.in_(spelled),
        Call.callee.in_(spelled),
        Call.id.in_(people),
    )


async def _has_agent(connection: AsyncConnection, user_id: int) -> ColumnElement[bool]:
    """A phone of theirs rang, talked, or began the call."""
    devices = await connection.execute(
        select(UserDeviceRow.pbx, UserDeviceRow.extension).where(UserDeviceRow.user_id == user_id)
    )
    matches: list[ColumnElement[bool]] = []
    for pbx, extension in devices:
        # Not EXISTS per call: SQLite would then walk all calls of the extension for each of them.
        people = select(CallPerson.call_id).where(CallPerson.extension == extension)
        began = and_(Call.direction != "inbound", Call.caller == extension)
        matches.append(and_(Call.pbx == pbx, or_(Call.id.in_(people), began)))
    return or_(*matches) if matches else Call.id.is_(None)


async def _dress(connection: AsyncConnection, rows: Sequence[Row[Call]]) -> tuple[CallRow, ...]:
    ids = [row.id for row in rows]
    if not ids:
        return ()
    people = await _people(connection, ids)
    people |= await _people_so_far(connection, [row.id for row in rows if row.result is None])
    customers = await _customers(connection, ids)
    audio = await _audio(connection, ids)
    blocked = await read_marks(connection, ids)
    names = await people_by_extension(connection)

    def person(row: Row[Call], extension: str) -> Person:
        return Person(extension, *names.get((row.pbx, extension), (None, None)))

    def persons(row: Row[Call], role: str) -> tuple[Person, ...]:
        return tuple(person(row, extension) for extension in people[row.id, role])

    return tuple(
        CallRow(
            **{name: getattr(row, name) for name in _PLAIN},
            placed_by=person(row, row.caller) if row.direction != "inbound" and row.caller else None,
            dialled=person(row, row.callee) if row.direction == "internal" and row.callee else None,
            rang=persons(row, "rang"),
            talked=persons(row, "talked"),
            customers=tuple(customers[row.id]),
            audio=audio.get(row.id),
            blocked=blocked.get(row.id),
        )
        for row in rows
    )


_DRESSED = {"placed_by", "dialled", "rang", "talked", "customers", "audio", "blocked"}
_PLAIN = tuple(name for name in CallRow.__dataclass_fields__ if name not in _DRESSED)


async def _audio(connection: AsyncConnection, ids: Sequence[str]) -> dict[str, str]:
    stands = select(CallAudio.call_id, CallAudio.state).where(CallAudio.call_id.in_(ids))
    return {row.call_id: row.state for row in await connection.execute(stands)}


async def _people(connection: AsyncConnection, ids: Sequence[str]) -> dict[tuple[str, str], list[str]]:
    people: dict[tuple[str, str], list[str]] = defaultdict(list)
    result = await connection.execute(
        select(CallPerson.call_id, CallPerson.role, CallPerson.extension)
        .where(CallPerson.call_id.in_(ids))
        .order_by(CallPerson.call_id, CallPerson.role, CallPerson.position)
    )
    for call_id, role, extension in result:
        people[call_id, role].append(extension)
    return people


async def _people_so_far(
    connection: AsyncConnection, open_ids: Sequence[str]
) -> dict[tuple[str, str], list[str]]:
    """Of calls that go on, whose people the log only lists at their end: who rings now, who talked so far."""
    people: dict[tuple[str, str], list[str]] = defaultdict(list)
    if not open_ids:
        return people
    result = await connection.execute(
        select(CallMoment.call_id, CallMoment.kind, CallMoment.extension)
        .where(CallMoment.call_id.in_(open_ids), CallMoment.kind.in_(("ringing", "stopped", "answered")))
        .where(CallMoment.extension.is_not(None))
        .order_by(CallMoment.at, CallMoment.id)
    )
    for call_id, kind, known in result:
        extension = str(known)
        ringing, talked = people[call_id, "rang"], people[call_id, "talked"]
        if extension in ringing:
            ringing.remove(extension)
        if kind == "ringing":
            ringing.append(extension)
        if kind == "answered" and extension not in talked:
            talked.append(extension)
    return people


async def _customers(connection: AsyncConnection, ids: Sequence[str]) -> dict[str, list[CustomerRef]]:
    customers: dict[str, list[CustomerRef]] = defaultdict(list)
    result = await connection.execute(
        select(CallCustomer.call_id, Customer.id, Customer.name, Customer.company)
        .join(Customer, Customer.id == CallCustomer.customer_id)
        .where(CallCustomer.call_id.in_(ids))
        .order_by(CallCustomer.call_id, CallCustomer.rank)
    )
    for call_id, customer_id, name, company in result:
        customers[call_id].append(CustomerRef(customer_id, name or company))
    return customers


def _cursor(row: Row[Call]) -> str:
    return f"{row.started_at!r}~{row.id}"


def _read_cursor(text: str) -> tuple[float, str]:
    at, _, call_id = text.partition("~")
    try:
        instant = float(at)
    except ValueError:
        instant = -1.0
    if not 0 <= instant < LATEST or "\0" in call_id:  # not a number is no place either
        raise InvalidInputError("this is not a place in the call log", field="after")
    return instant, call_id
