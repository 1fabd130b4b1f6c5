"""P11: two records of one person become one, and two again when that was a mistake. Each is one transaction: a journal
of every row that changed hands, the old id redirecting, `CustomerMerged` or `CustomerUnmerged` in the fact log. What
belongs to a customer is `holdings.py`, what a merge would do `views.py`; who may is the caller's to decide.

An undo gives back what the merge moved, unless somebody decided anew about it meanwhile (a call that was picked, a
number taken away, a name written). Calls that came since on a number that goes back go back with it, and what was noted
about them; everything else that came since stays with the customer who was kept."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import structlog
from sqlalchemy import delete, exists, func, insert, select, tuple_, update
from sqlalchemy.ext.asyncio import AsyncConnection

from core import fact_log
from core.bus import Bus
from core.clock import Clock
from core.db import Database
from core.errors import ConflictError, InvalidInputError, StaleError
from core.facts import CustomerMerged, CustomerUnmerged, Fact
from crm_link.call_links import MOST_RECENT, is_of_call, read_links
from crm_link.changes import Edit, announce, journal
from crm_link.customers import MOST_IDENTITIES, ON_A_SCREEN_S
from crm_link.identities import hold_key
from crm_link.kinds import IdentityKind
from crm_link.merging.calls import follow_numbers, own_calls
from crm_link.merging.holdings import HOLDINGS
from crm_link.merging.journal import Action, Part, give_back, hand_over, read_parts, store_parts
from crm_link.merging.record import change_record, restore_record
from crm_link.merging.strangers import find_a_home, numbers_lost, numbers_moved
from crm_link.merging.tables import CustomerMerge
from crm_link.merging.undo import check_undoable
from crm_link.merging.views import Choices, MergePreview, MergeView, preview_merge, read_merge
from crm_link.records import bump
from crm_link.tables import CallCustomer, Customer, Identity, IdentityKey

log = structlog.get_logger(__name__)

MERGE_LOCK = 0x52494E4D
"""PostgreSQL advisory lock: one merge or undo at a time. They hold several customers, each in an order of its own."""

ATTEMPTS = 5
"""Turns of "hold what the two have": each further turn needs somebody to give one of them a number in between."""

EVERYTHING_KEPT = Choices()

Key = tuple[str, str]


class _ShiftedError(Exception):
    """Between looking and holding somebody changed what the two have."""


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

    def __init__(self, database: Database, bus: Bus, clock: Clock) -> None:
        self._database = database
        self._bus = bus
        self._clock = clock

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
        for _ in range(ATTEMPTS):
            try:
                async with self._database.write(is_long=True) as connection:
                    merge, facts = await _merge(connection, wanted, edit)
            except _ShiftedError:
                continue
            log.info(
                "customers merged", merge=merge.id, kept=merge.kept_id, merged=merge.merged_id, user_id=by
            )
            await self._publish(facts)
            return merge
        raise ConflictError("these customers are being changed by others; try again")

    async def undo(self, merge_id: int, by: int | None) -> MergeView:
        """Make them two again. Raises NotFoundError, and ConflictError when it is undone already or another merge has
        to be undone first."""
        edit = Edit(self._clock(), by)
        async with self._database.write(is_long=True) as connection:
            merge, facts = await _undo(connection, merge_id, edit)
        log.info("merge undone", merge=merge.id, kept=merge.kept_id, merged=merge.merged_id, user_id=by)
        await self._publish(facts)
        return merge

    async def _publish(self, facts: Iterable[Fact]) -> None:
        for fact in facts:
            await self._bus.publish(fact)


async def _merge(connection: AsyncConnection, wanted: Wanted, edit: Edit) -> tuple[MergeView, list[Fact]]:
    await take_turn(connection)
    plan = await _hold_both(connection, wanted)
    _check(plan, wanted)
    parts = [await own_calls(connection, plan.kept, plan.merged)]
    for holding in HOLDINGS:
        parts += await hand_over(connection, holding, plan.merged.id, plan.kept.id)
    record, changes = await change_record(connection, plan)
    parts.append(record)
    merge_id = await _store(connection, plan, parts, edit)
    await journal(connection, plan.kept.id, edit, *changes)
    facts = await _tell(
        connection,
        (plan.kept.id, plan.merged.id),
        edit,
        CustomerMerged(plan.kept.id, edit.at, plan.merged.id, merge_id),
    )
    return await read_merge(connection, merge_id), facts


async def take_turn(connection: AsyncConnection) -> None:
    """Let nobody else merge or undo until the transaction ends. Comes before keys and customers are held."""
    if connection.dialect.name == "postgresql":
        await connection.execute(select(func.pg_advisory_xact_lock(MERGE_LOCK)))


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


async def hold_rows(connection: AsyncConnection, ids: Sequence[int]) -> None:
    """In the order given: a redirecting record before the one it leads to."""
    for one in ids:
        await connection.execute(select(Customer.id).where(Customer.id == one).with_for_update())


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


async def _undo(connection: AsyncConnection, merge_id: int, edit: Edit) -> tuple[MergeView, list[Fact]]:
    await take_turn(connection)
    merge = await read_merge(connection, merge_id)
    parts = await read_parts(connection, merge_id)
    current = await check_undoable(connection, merge, parts)
    lost = {merge.merged_id: numbers_moved(parts), current: await numbers_lost(connection, current)}
    keys = await _hold_keys_again(connection, current, parts, set[str]().union(*lost.values()))
    # The redirecting record first, as everybody does who follows a redirect.
    await hold_rows(connection, [merge.merged_id, current])
    await restore_record(connection, merge, current, parts)
    for holding in reversed(HOLDINGS):
        theirs = [
            part for part in parts if part.table == holding.table.name and part.action is not Action.OWN
        ]
        await give_back(connection, holding, theirs, merge.merged_id, current)
    await _let_go(connection, keys)
    await follow_numbers(connection, merge.merged_id, current, parts)
    homes = [await find_a_home(connection, one, numbers, edit) for one, numbers in lost.items()]
    undone = update(CustomerMerge).where(CustomerMerge.id == merge_id)
    await connection.execute(undone.values(undone_at=edit.at, undone_by=edit.user_id))
    facts = await _tell(
        connection,
        (current, merge.merged_id, *homes),
        edit,
        CustomerUnmerged(current, edit.at, merge.merged_id, merge_id),
    )
    return await read_merge(connection, merge_id), facts


async def _hold_keys_again(
    connection: AsyncConnection, current: int, parts: Iterable[Part], lost: Iterable[str]
) -> set[Key]:
    """Of the numbers both have by then, and of those they `lost`: calls of them wait. A number nobody holds any more
    stays nobody's."""
    rows = await connection.execute(
        select(Identity.kind, Identity.value).where(Identity.customer_id == current)
    )
    keys = {(row.kind, row.value) for row in rows}
    keys.update((IdentityKind.PHONE.value, number) for number in lost)
    again = [part for part in parts if part.table == Identity.__tablename__ and part.action is Action.DROPPED]
    keys.update((row["kind"], row["value"]) for part in again for row in part.rows)
    for kind, value in sorted(keys):
        await hold_key(connection, IdentityKind(kind), value)
    return keys


async def _let_go(connection: AsyncConnection, keys: set[Key]) -> None:
    """A number that was taken away just before it was held has no holder, and a key without one would keep its next
    caller from becoming a customer."""
    held = exists().where(Identity.kind == IdentityKey.kind, Identity.value == IdentityKey.value)
    ours = tuple_(IdentityKey.kind, IdentityKey.value).in_(sorted(keys))
    await connection.execute(delete(IdentityKey).where(ours, ~held))


async def _tell(
    connection: AsyncConnection,
    changed: Sequence[int | None],
    edit: Edit,
    said: CustomerMerged | CustomerUnmerged,
) -> list[Fact]:
    """The transaction's last step: what is announced of the customers who `changed`, and the cards of calls that may
    still be on a screen."""
    ids = list(dict.fromkeys(one for one in changed if one is not None))
    for one in ids:
        await bump(connection, one)
    cards: list[Fact] = list(await _recent_calls(connection, ids, edit.at))
    facts: list[Fact] = [await announce(connection, one, edit.at) for one in ids]
    await fact_log.append(connection, said, subject=f"customer:{said.customer_id}", at=edit.at)
    return [said, *facts, *cards]


async def _recent_calls(connection: AsyncConnection, ids: Sequence[int], at: float) -> list[Any]:
    recent = (
        select(CallCustomer.call_id)
        .where(CallCustomer.customer_id.in_(ids), CallCustomer.call_at >= at - ON_A_SCREEN_S)
        .where(is_of_call(CallCustomer.call_id))
        .group_by(CallCustomer.call_id)
        .order_by(func.max(CallCustomer.call_at).desc())
        .limit(MOST_RECENT)
    )
    found = [await read_links(connection, call_id) for call_id in (await connection.scalars(recent)).all()]
    return [links.fact(at) for links in found if links is not None]
