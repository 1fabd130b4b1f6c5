"""Two again of what a merge made one. What is small (names, numbers, tags) goes back in the transaction that begins the
undo; the history, which may be tens of thousands of rows, follows in steps of bounded length, each a transaction, so
that others have a turn in between. The journal's rows go as they are worked off: what is left of it is what is left to
do, also for another process after a crash. A small undo is begun and ended in one transaction.

What goes back is what the merge moved, unless somebody decided anew about it meanwhile (a call that was picked, a
number taken away, a name written). Calls that came since on a number that goes back go back with it, and what was noted
about them; everything else that came since stays with the customer who was kept."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from sqlalchemy import delete, exists, select, tuple_, update
from sqlalchemy.ext.asyncio import AsyncConnection

from core.facts import CustomerUnmerged, Fact
from crm_link.changes import Edit
from crm_link.identities import hold_key
from crm_link.kinds import IdentityKind
from crm_link.merging.calls import Page, follow_some
from crm_link.merging.history import forget_merge, send_histories_back
from crm_link.merging.holdings import HISTORY, HOLDINGS
from crm_link.merging.journal import AT_ONCE, Action, Part, give_back, read_parts, take_parts
from crm_link.merging.news import tell
from crm_link.merging.own_fields import restore_words
from crm_link.merging.record import restore_record
from crm_link.merging.strangers import find_a_home, numbers_lost, numbers_moved
from crm_link.merging.tables import CustomerMerge, CustomerMergeMove
from crm_link.merging.turns import hold_rows, take_turn
from crm_link.merging.undoable import check_undoable
from crm_link.merging.views import MergeView, read_merge
from crm_link.records import hold_customer
from crm_link.tables import Identity, IdentityKey

Key = tuple[str, str]


@dataclass(slots=True)
class Undoing:
    """An undo that has begun. `parts` are what the merge did but to the history, `own` calls that the kept customer had
    before; of those that came since, the ones up to `after` are seen to."""

    merge: MergeView
    parts: Sequence[Part]
    own: frozenset[str]
    after: str = ""


async def begin(connection: AsyncConnection, merge_id: int, edit: Edit) -> Undoing:
    """What the caller goes on with, at first in the same transaction. Raises NotFoundError, and ConflictError when it
    is undone already or another merge has to be undone first."""
    await take_turn(connection)
    undoing = await read_undoing(connection, merge_id)
    merge, parts = undoing.merge, undoing.parts
    current = await check_undoable(connection, merge)
    keys = await _hold(connection, await _keys(connection, current, parts))
    # The redirecting record first, as everybody does who follows a redirect.
    await hold_rows(connection, [merge.merged_id, current])
    await restore_record(connection, merge, current, parts)
    for holding in reversed(HOLDINGS):
        if not holding.is_history:
            theirs = [part for part in parts if part.table == holding.table.name]
            await give_back(connection, holding, theirs, merge.merged_id, current)
    await restore_words(connection, current, parts)
    await forget_merge(connection, merge, current, parts)
    await send_histories_back(connection, merge, current, parts)
    await _let_go(connection, keys)
    undone = update(CustomerMerge).where(CustomerMerge.id == merge_id)
    await connection.execute(undone.values(undone_at=edit.at, undone_by=edit.user_id))
    return replace(undoing, merge=await read_merge(connection, merge_id))


async def read_undoing(connection: AsyncConnection, merge_id: int) -> Undoing:
    """Raises NotFoundError."""
    own = await read_parts(connection, merge_id, actions=(Action.OWN,))
    return Undoing(
        merge=await read_merge(connection, merge_id),
        parts=await read_parts(connection, merge_id, without=HISTORY),
        own=frozenset(row["call_id"] for part in own for row in part.rows),
    )


async def go_on(
    connection: AsyncConnection, undoing: Undoing, edit: Edit, parts_at_once: int
) -> list[Fact] | None:
    """One step, of so many parts of the journal and as many calls. What is to be told when it was the last one, nothing
    when another process has done that; None when more is to be done."""
    await take_turn(connection)
    merge = undoing.merge
    if not await _is_at_work(connection, merge.id):
        return []
    lost = {merge.merged_id: numbers_moved(undoing.parts)}
    lost[merge.kept_id] = await numbers_lost(connection, merge.kept_id)
    phone, numbers = IdentityKind.PHONE.value, set[str]().union(*lost.values())
    keys = await _hold(connection, {(phone, number) for number in numbers})
    # Either may have become part of somebody since: whoever their number was given to has their calls too (P10).
    held = {one: await hold_customer(connection, one) for one in sorted(lost)}
    source, target = held[merge.merged_id], held[merge.kept_id]
    if source != target and not await _work_off(connection, undoing, source, target, parts_at_once):
        await _let_go(connection, keys)
        return None
    return await _end(connection, merge, lost, keys, edit)


async def _is_at_work(connection: AsyncConnection, merge_id: int) -> bool:
    left = select(CustomerMergeMove.position).where(CustomerMergeMove.merge_id == merge_id).limit(1)
    return await connection.scalar(left) is not None


async def _work_off(
    connection: AsyncConnection, undoing: Undoing, source: int, target: int, parts_at_once: int
) -> bool:
    """Whether nothing is left."""
    parts = await take_parts(connection, undoing.merge.id, HISTORY, parts_at_once)
    for part in parts:
        await give_back(connection, HISTORY[part.table], [part], source, target)
    await send_histories_back(connection, undoing.merge, target, parts)
    if len(parts) == parts_at_once:
        return False
    page = Page(undoing.after, parts_at_once * AT_ONCE)
    after = await follow_some(connection, source, target, undoing.own, page)
    undoing.after = after or undoing.after
    return after is None


async def _end(
    connection: AsyncConnection,
    merge: MergeView,
    lost: Mapping[int, Collection[str]],
    keys: Collection[Key],
    edit: Edit,
) -> list[Fact]:
    homes = [await find_a_home(connection, one, numbers, edit) for one, numbers in lost.items()]
    await _let_go(connection, keys)
    await connection.execute(delete(CustomerMergeMove).where(CustomerMergeMove.merge_id == merge.id))
    current = await hold_customer(connection, merge.kept_id)
    said = CustomerUnmerged(current, edit.at, merge.merged_id, merge.id)
    return await tell(connection, (current, merge.merged_id, *homes), edit, said)


async def _keys(connection: AsyncConnection, current: int, parts: Sequence[Part]) -> set[Key]:
    """Of the numbers both will have."""
    rows = await connection.execute(
        select(Identity.kind, Identity.value).where(Identity.customer_id == current)
    )
    keys = {(row.kind, row.value) for row in rows}
    again = [part for part in parts if part.table == Identity.__tablename__ and part.action is Action.DROPPED]
    return keys | {(row["kind"], row["value"]) for part in again for row in part.rows}


async def _hold(connection: AsyncConnection, keys: Collection[Key]) -> Collection[Key]:
    """Calls of these wait."""
    for kind, value in sorted(keys):
        await hold_key(connection, IdentityKind(kind), value)
    return keys


async def _let_go(connection: AsyncConnection, keys: Collection[Key]) -> None:
    """A number that was taken away just before it was held has no holder, and a key without one would keep its next
    caller from becoming a customer."""
    held = exists().where(Identity.kind == IdentityKey.kind, Identity.value == IdentityKey.value)
    ours = tuple_(IdentityKey.kind, IdentityKey.value).in_(sorted(keys))
    await connection.execute(delete(IdentityKey).where(ours, ~held))
