"""P11: two records of one person become one, and two again when that was a mistake (`undo.py`). A merge is one
transaction: a journal of every row that changed hands, the old id redirecting, `CustomerMerged` in the fact log. What
belongs to a customer is `holdings.py`, what a merge would do `views.py`; who may is the caller's to decide."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import structlog
from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from core.bus import Bus
from core.clock import Clock
from core.db import Database
from core.errors import ConflictError, InvalidInputError, StaleError
from core.facts import CustomerMerged, Fact
from crm_link.changes import Edit, journal
from crm_link.customers import MOST_IDENTITIES
from crm_link.identities import hold_key
from crm_link.kinds import IdentityKind
from crm_link.merging.calls import own_calls
from crm_link.merging.holdings import HOLDINGS
from crm_link.merging.journal import Action, Part, hand_over, store_parts
from crm_link.merging.news import tell
from crm_link.merging.own_fields import take_values
from crm_link.merging.record import change_record, history_of_record
from crm_link.merging.tables import CustomerMerge
from crm_link.merging.turns import hold_rows, take_turn, undo_at_work
from crm_link.merging.undo import Undoing, begin, go_on, read_undoing
from crm_link.merging.views import Choices, MergePreview, MergeView, preview_merge, read_merge

log = structlog.get_logger(__name__)

PARTS_AT_ONCE = 5
"""Parts of the journal, of `AT_ONCE` rows each, in one transaction of an undo: so many take SQLite, where all other
writers wait, about 0.2 seconds on an idle machine."""

ATTEMPTS = 5
"""Turns of "hold what the two have": each further turn needs somebody to give one of them a number in between."""

EVERYTHING_KEPT = Choices()

Key = tuple[str, str]
Done = TypeVar("Done")


class _ShiftedError(Exception):
    """Between looking and holding somebody changed what the two have, or began an undo."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which two, and how. `keep` and the ids of the pair may be old ids; `versions` are those of the kept and of the
    merged customer as they were looked at, None for whatever is there."""

    one: int
    other: int
    keep: int | None = None
    choices: Choices = EVERYTHING_KEPT
    versions: tuple[int, int] | None = None


class Merges:
    """All merges and undos. One instance serves the whole process."""

    def __init__(
        self, database: Database, bus: Bus, clock: Clock, parts_at_once: int = PARTS_AT_ONCE
    ) -> None:
        self._database = database
        self._bus = bus
        self._clock = clock
        self._parts_at_once = parts_at_once

    async def preview(self, wanted: Wanted) -> MergePreview:
        """What it would do; nothing is changed. Raises like `preview_merge`."""
        async with self._database.read() as connection:
            return await preview_merge(
                connection, wanted.one, wanted.other, keep=wanted.keep, choices=wanted.choices
            )

    async def merge(self, wanted: Wanted, by: int | None) -> MergeView:
        """Make the two one. `by` is who decided, None for an API key.

        Raises NotFoundError, InvalidInputError (with oneself; too many numbers), ConflictError (one customer already;
        changed since they were looked at; more than one merge moves).
        """
        edit = Edit(self._clock(), by)

        async def act(connection: AsyncConnection) -> tuple[MergeView, list[Fact]]:
            return await _merge(connection, wanted, edit)

        merge, facts = await self._alone(act)
        log.info("customers merged", merge=merge.id, kept=merge.kept_id, merged=merge.merged_id, user_id=by)
        await self._publish(facts)
        return merge

    async def undo(self, merge_id: int, by: int | None) -> MergeView:
        """Make them two again. Raises NotFoundError, and ConflictError when it is undone already or another merge has
        to be undone first."""
        edit = Edit(self._clock(), by)

        async def act(connection: AsyncConnection) -> tuple[Undoing, list[Fact] | None]:
            undoing = await begin(connection, merge_id, edit)
            return undoing, await go_on(connection, undoing, edit, self._parts_at_once)

        undoing, facts = await self._alone(act)
        merge = undoing.merge
        log.info("merge undone", merge=merge.id, kept=merge.kept_id, merged=merge.merged_id, user_id=by)
        await (self._finish(undoing) if facts is None else self._publish(facts))
        async with self._database.read() as connection:
            return await read_merge(connection, merge_id)

    async def finish_undos(self) -> None:
        """Work off what a server that is gone left of an undo, or what another one is just about."""
        while True:
            async with self._database.read() as connection:
                merge_id = await undo_at_work(connection)
                if merge_id is None:
                    return
                undoing = await read_undoing(connection, merge_id)
            await self._finish(undoing)

    async def _finish(self, undoing: Undoing) -> None:
        facts = None
        while facts is None:
            edit = Edit(self._clock(), undoing.merge.undone_by)
            async with self._database.write(is_long=True) as connection:
                facts = await go_on(connection, undoing, edit, self._parts_at_once)
        await self._publish(facts)

    async def _alone(self, act: Callable[[AsyncConnection], Awaitable[Done]]) -> Done:
        """One transaction, begun when no undo is at work: whatever builds on half of one would be wrong."""
        for _ in range(ATTEMPTS):
            await self.finish_undos()
            try:
                async with self._database.write(is_long=True) as connection:
                    await _take_turn_alone(connection)
                    return await act(connection)
            except _ShiftedError:
                continue
        raise ConflictError("these customers are being changed by others; try again")

    async def _publish(self, facts: Iterable[Fact]) -> None:
        for fact in facts:
            await self._bus.publish(fact)


async def _take_turn_alone(connection: AsyncConnection) -> None:
    await take_turn(connection)
    if await undo_at_work(connection) is not None:
        raise _ShiftedError


async def _merge(connection: AsyncConnection, wanted: Wanted, edit: Edit) -> tuple[MergeView, list[Fact]]:
    plan = await _hold_both(connection, wanted)
    _check(plan, wanted)
    parts = [
        await own_calls(connection, plan.kept, plan.merged),
        *await take_values(connection, plan.kept.id, plan.merged.id, wanted.choices.fields),
    ]
    for holding in HOLDINGS:
        parts += await hand_over(connection, holding, plan.merged.id, plan.kept.id)
    record = await change_record(connection, plan)
    parts.append(record)
    merge_id = await _store(connection, plan, parts, edit)
    await journal(connection, plan.kept.id, edit, *history_of_record(record, merge_id))
    facts = await tell(
        connection,
        (plan.kept.id, plan.merged.id),
        edit,
        CustomerMerged(plan.kept.id, edit.at, plan.merged.id, merge_id),
    )
    return await read_merge(connection, merge_id), facts


async def _hold_both(connection: AsyncConnection, wanted: Wanted) -> MergePreview:
    """The plan, once nobody else can change it: first the numbers are held, so that calls of them wait, then the
    customers. Raises _ShiftedError."""

    async def look() -> MergePreview:
        return await preview_merge(
            connection, wanted.one, wanted.other, keep=wanted.keep, choices=wanted.choices
        )

    first = await look()
    held = _keys(first)
    for kind, value in sorted(held):
        await hold_key(connection, IdentityKind(kind), value)
    await hold_rows(connection, sorted((first.kept.id, first.merged.id)))
    plan = await look()
    if _keys(plan) != held or (plan.kept.id, plan.merged.id) != (first.kept.id, first.merged.id):
        raise _ShiftedError
    return plan


def _keys(plan: MergePreview) -> set[Key]:
    return {(one.kind.value, one.value) for view in (plan.kept, plan.merged) for one in view.identities}


def _check(plan: MergePreview, wanted: Wanted) -> None:
    if wanted.versions is not None and wanted.versions != (plan.kept.version, plan.merged.version):
        raise StaleError("one of the two was changed meanwhile: look again, then merge")
    if plan.refusal is not None:
        raise ConflictError(plan.refusal)
    if len(_keys(plan)) > MOST_IDENTITIES:
        raise InvalidInputError(f"together they have more than {MOST_IDENTITIES} numbers and addresses")


async def _store(connection: AsyncConnection, plan: MergePreview, parts: Sequence[Part], edit: Edit) -> int:
    statement = insert(CustomerMerge).values(
        kept_id=plan.kept.id,
        merged_id=plan.merged.id,
        merged_at=edit.at,
        merged_by=edit.user_id,
        merged_title=plan.merged.title[:200],
        calls=_count(parts, "call_customers"),
        notes=_count(parts, "notes"),
    )
    merge_id: int = (await connection.execute(statement.returning(CustomerMerge.id))).scalar_one()
    await store_parts(connection, merge_id, parts)
    return merge_id


def _count(parts: Iterable[Part], table: str) -> int:
    gone = (Action.MOVED, Action.DROPPED)
    return sum(len(part.rows) for part in parts if part.table == table and part.action in gone)
