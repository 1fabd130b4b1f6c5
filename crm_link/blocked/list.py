"""The block list: people's decisions in, entries and facts out; and whether a caller is on it. Nothing is thrown away:
an entry ends, by a person or by its date. Marking calls is `calls.py`; who may decide is the caller's."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Row, Select, delete, or_, select, tuple_, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from core.bus import Bus
from core.clock import Clock
from core.db import Database
from core.errors import ConflictError, InvalidInputError, NotFoundError
from core.facts import CallerBlocked, CallerWelcome
from crm_link.blocked.entry import STRENGTH, BlockKind, Entry, falls_under, read_entry, read_reason
from crm_link.blocked.tables import BlockedCall, BlockedCaller
from crm_link.paging import cursor_of, parts_of

LONGEST_S = 20 * 366 * 86_400.0
"""Beyond that an end date is a slip; without one the entry stands for good."""

PER_PAGE = 50

ADD = {
    "sqlite": sqlite.insert(BlockedCaller).on_conflict_do_nothing().returning(BlockedCaller.id),
    "postgresql": postgresql.insert(BlockedCaller).on_conflict_do_nothing().returning(BlockedCaller.id),
}
MARK = {
    "sqlite": sqlite.insert(BlockedCall).on_conflict_do_nothing(),
    "postgresql": postgresql.insert(BlockedCall).on_conflict_do_nothing(),
}


@dataclass(frozen=True, slots=True)
class NewBlock:
    """What somebody wants blocked, as they typed it. `until` is an instant, None for good."""

    kind: BlockKind
    text: str
    reason: str
    until: float | None = None


@dataclass(frozen=True, slots=True)
class BlockedView:
    """An entry as screens and the API show it. All times are instants; `added_by` and `ended_by` are users."""

    id: int
    kind: BlockKind
    value: str
    reason: str
    until: float | None
    added_at: float
    added_by: int | None
    ended_at: float | None
    ended_by: int | None

    def stands(self, at: float) -> bool:
        return self.ended_at is None and (self.until is None or self.until > at)


@dataclass(frozen=True, slots=True)
class BlockedPage:
    """Newest first. `next` is the cursor of the following page, None on the last one."""

    entries: tuple[BlockedView, ...]
    next: str | None


class BlockList:
    """One instance serves the whole process. Implements `core.ports.CallerBlocks`."""

    def __init__(self, database: Database, bus: Bus, clock: Clock, region: str) -> None:
        self._database = database
        self._bus = bus
        self._clock = clock
        self._region = region

    async def add(self, new: NewBlock, by: int | None, *, call_id: str | None = None) -> BlockedView:
        """Put somebody on the list; `call_id` is the call in which that was decided, and is marked.

        Raises InvalidInputError, and ConflictError for whom an entry stands already.
        """
        now = self._clock()
        entry, reason = read_entry(new.kind, new.text, self._region), read_reason(new.reason)
        if new.until is not None and not now < new.until <= now + LONGEST_S:
            raise InvalidInputError("the end lies in the future, and within 20 years", field="until")
        async with self._database.write() as connection:
            view = await _insert(connection, entry, reason, new.until, now, by)
            if call_id is not None:
                await mark(connection, call_id, view, now)
        if call_id is not None:
            await self._bus.publish(CallerBlocked(call_id, now, reason))
        return view

    async def end(self, blocked_id: int, by: int | None) -> BlockedView:
        """Take an entry off the list. Raises NotFoundError, and ConflictError for one that is over."""
        now = self._clock()
        async with self._database.write() as connection:
            view = await read_blocked(connection, blocked_id)
            if not view.stands(now):
                raise ConflictError("this entry is over already")
            await connection.execute(
                update(BlockedCaller)
                .where(BlockedCaller.id == blocked_id, BlockedCaller.ended_at.is_(None))
                .values(ended_at=now, ended_by=by)
            )
            return await read_blocked(connection, blocked_id)

    async def take_back(self, call_id: str, by: int) -> None:
        """Undo what this person did in this call: the entry ends, and the call is not marked any more.

        Raises NotFoundError when the call's mark is none of theirs, and ConflictError for an entry that is over.
        """
        async with self._database.read() as connection:
            mine = (BlockedCaller.id == BlockedCall.blocked_id) & (BlockedCaller.added_by == by)
            statement = select(BlockedCaller.id).join(BlockedCall, mine).where(BlockedCall.call_id == call_id)
            blocked_id = await connection.scalar(statement)
        if blocked_id is None:
            raise NotFoundError("you have not blocked anybody in this call")
        view = await self.end(blocked_id, by)
        async with self._database.write() as connection:
            await connection.execute(delete(BlockedCall).where(BlockedCall.call_id == call_id))
        await self._bus.publish(CallerWelcome(call_id, view.ended_at or self._clock()))

    async def why(self, connection: AsyncConnection, number: str | None, at: float) -> str | None:
        """Why a caller with this number (E.164; None: withheld) was on the list at `at`; None: was not."""
        view = await find_blocked(connection, number, at)
        return view.reason if view is not None else None


async def _insert(
    connection: AsyncConnection, entry: Entry, reason: str, until: float | None, now: float, by: int | None
) -> BlockedView:
    same = (BlockedCaller.kind == entry.kind.value) & (BlockedCaller.value == entry.value)
    # What its date has ended keeps its place in the index until somebody says so.
    await connection.execute(
        update(BlockedCaller)
        .where(same, BlockedCaller.ended_at.is_(None), BlockedCaller.until <= now)
        .values(ended_at=BlockedCaller.until)
    )
    row = {"kind": entry.kind.value, "value": entry.value, "reason": reason, "until": until}
    row |= {"added_at": now, "added_by": by}
    made = await connection.execute(ADD[connection.dialect.name], row)
    blocked_id = made.scalar_one_or_none()
    if blocked_id is None:
        raise ConflictError("this caller is on the block list already")
    return await read_blocked(connection, blocked_id)


async def find_blocked(connection: AsyncConnection, number: str | None, at: float) -> BlockedView | None:
    """The most particular entry that a caller with this number falls under at `at`."""
    return _most_particular(await _standing_among(connection, falls_under(number), at))


async def read_blocked_of(
    connection: AsyncConnection, numbers: Collection[str], at: float
) -> list[tuple[str, BlockedView]]:
    """Which of a customer's numbers (E.164) are on the list at `at`, each with its most particular entry."""
    under = {number: falls_under(number) for number in numbers}
    views = await _standing_among(connection, [entry for each in under.values() for entry in each], at)
    found = []
    for number, entries in under.items():
        view = _most_particular([one for one in views if Entry(one.kind, one.value) in entries])
        if view is not None:
            found.append((number, view))
    return found


async def _standing_among(
    connection: AsyncConnection, entries: Iterable[Entry], at: float
) -> list[BlockedView]:
    wanted = [(entry.kind.value, entry.value) for entry in entries]
    rows = await connection.execute(
        _views().where(
            tuple_(BlockedCaller.kind, BlockedCaller.value).in_(wanted),
            BlockedCaller.added_at <= at,
            *_standing(at),
        )
    )
    return [_view(row) for row in rows]


def _most_particular(views: Iterable[BlockedView]) -> BlockedView | None:
    return max(views, key=lambda one: (STRENGTH.index(one.kind), len(one.value), -one.id), default=None)


async def read_blocked(connection: AsyncConnection, blocked_id: int) -> BlockedView:
    """One entry. Raises NotFoundError."""
    row = (await connection.execute(_views().where(BlockedCaller.id == blocked_id))).one_or_none()
    if row is None:
        raise NotFoundError(f"there is no entry {blocked_id} in the block list")
    return _view(row)


async def read_list(
    connection: AsyncConnection,
    at: float,
    *,
    over: bool = False,
    after: str | None = None,
    limit: int = PER_PAGE,
) -> BlockedPage:
    """The entries that stand at `at`, or (`over`) those that do no more. Raises InvalidInputError for a bad cursor."""
    standing = _standing(at)
    ended = or_(BlockedCaller.ended_at <= at, BlockedCaller.until <= at)
    query = _views().where(*([ended] if over else standing))
    if after is not None:
        order = tuple_(BlockedCaller.added_at, BlockedCaller.id)
        query = query.where(order < tuple_(*parts_of(after, float, int, field="after")))
    query = query.order_by(BlockedCaller.added_at.desc(), BlockedCaller.id.desc()).limit(limit + 1)
    rows = (await connection.execute(query)).all()
    shown = rows[:limit]
    cursor = cursor_of(shown[-1].added_at, shown[-1].id) if len(rows) > limit else None
    return BlockedPage(tuple(_view(row) for row in shown), cursor)


async def mark(connection: AsyncConnection, call_id: str, view: BlockedView, at: float) -> bool:
    """Write down that this call's caller is on the list; the first mark stands. Whether it was new."""
    row = {"call_id": call_id, "blocked_id": view.id, "reason": view.reason, "at": at}
    return (await connection.execute(MARK[connection.dialect.name], row)).rowcount == 1


def _standing(at: float) -> list[ColumnElement[bool]]:
    return [
        or_(BlockedCaller.ended_at.is_(None), BlockedCaller.ended_at > at),
        or_(BlockedCaller.until.is_(None), BlockedCaller.until > at),
    ]


def _views() -> Select[*tuple[object, ...]]:
    return select(*BlockedCaller.__table__.c)


def _view(row: Row[*tuple[object, ...]]) -> BlockedView:
    return BlockedView(
        id=row.id,
        kind=BlockKind(row.kind),
        value=row.value,
        reason=row.reason,
        until=row.until,
        added_at=row.added_at,
        added_by=row.added_by,
        ended_at=row.ended_at,
        ended_by=row.ended_by,
    )
