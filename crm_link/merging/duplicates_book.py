"""Pairs of customers who may be one: storing what a search found, what a person proposed and what a person ruled out,
and reading the list. Works inside the caller's transaction; who is like whom is decided in `duplicates.py`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import (
    Insert,
    Select,
    case,
    delete,
    func,
    select,
    tuple_,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.orm import aliased

from core.errors import ConflictError
from crm_link.changes import Edit
from crm_link.directory import CustomerView, read_customers
from crm_link.merging.duplicates import Pair, Reason, together
from crm_link.merging.tables import DuplicatePair
from crm_link.merging.views import read_pair
from crm_link.paging import cursor_of, parts_of
from crm_link.tables import Customer

MOST_LISTED = 100

PROPOSED = 100
"""Score of what a person proposed: it comes first."""


@dataclass(frozen=True, slots=True)
class Duplicate:
    """Two who may be one. `proposed_by` is the person who thinks so, if one does."""

    first: CustomerView
    second: CustomerView
    reasons: tuple[Reason, ...]
    score: int
    found_at: float
    proposed_by: int | None
    proposed_at: float | None


@dataclass(frozen=True, slots=True)
class DuplicatePage:
    """Likeliest first. `next` is the cursor of the following page, None on the last one."""

    duplicates: tuple[Duplicate, ...]
    next: str | None


async def store_found(connection: AsyncConnection, pairs: Iterable[Pair], search_at: float) -> int:
    """Add what a search that began at `search_at` found; returns how many pairs these are. Those that were ruled out
    stay so."""
    merged: dict[tuple[int, int], list[Pair]] = {}
    for pair in pairs:
        merged.setdefault((pair.first_id, pair.second_id), []).append(pair)
    living = await _living(connection, {one for both in merged for one in both})
    rows = [
        {
            "first_id": first,
            "second_id": second,
            "reasons": _joined(found),
            "score": _score(found),
            "found_at": search_at,
        }
        for (first, second), found in sorted(merged.items())
        if first in living and second in living
    ]
    if rows:
        await connection.execute(_upsert(connection), rows)
    return len(rows)


async def _living(connection: AsyncConnection, ids: set[int]) -> set[int]:
    """Who is still there, and will be until the transaction ends."""
    found: set[int] = set()
    wanted = sorted(ids)
    for first in range(0, len(wanted), 500):
        some = select(Customer.id).where(Customer.id.in_(wanted[first : first + 500]))
        found.update((await connection.scalars(some.with_for_update(read=True, key_share=True))).all())
    return found


def _joined(pairs: Sequence[Pair]) -> str:
    return ",".join(sorted({pair.reason.value for pair in pairs}))


def _score(pairs: Sequence[Pair]) -> int:
    best: dict[Reason, int] = {}
    for pair in pairs:
        best[pair.reason] = max(pair.score, best.get(pair.reason, 0))
    return together(best.values())


def _upsert(connection: AsyncConnection) -> Insert:
    """A pair that the same search found before has one more reason, and counts for more (`together`); an older search's
    reasons are forgotten."""
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    statement = dialect.insert(DuplicatePair)
    new = statement.excluded
    again = DuplicatePair.found_at == new.found_at
    known = func.instr(DuplicatePair.reasons, new.reasons)
    if connection.dialect.name == "postgresql":
        known = func.strpos(DuplicatePair.reasons, new.reasons)
    both = case((known > 0, DuplicatePair.reasons), else_=DuplicatePair.reasons + "," + new.reasons)
    highest = case((DuplicatePair.score > new.score, DuplicatePair.score), else_=new.score)
    summed = DuplicatePair.score + new.score * (100 - DuplicatePair.score) // 100
    is_said = (known > 0) | DuplicatePair.proposed_at.is_not(None)
    upsert: Insert = statement.on_conflict_do_update(
        index_elements=["first_id", "second_id"],
        set_={
            "reasons": case((again, both), else_=new.reasons),
            "score": case(
                (again & ~is_said, summed),
                (again | DuplicatePair.proposed_at.is_not(None), highest),
                else_=new.score,
            ),
            "found_at": new.found_at,
        },
    )
    return upsert


async def forget_gone(connection: AsyncConnection, search_at: float) -> None:
    """A whole search is over: what it did not find again is no likely pair any more, unless a person said something."""
    await connection.execute(
        delete(DuplicatePair).where(
            DuplicatePair.found_at < search_at,
            DuplicatePair.dismissed_at.is_(None),
            DuplicatePair.proposed_at.is_(None),
        )
    )


async def propose(connection: AsyncConnection, one: int, other: int, edit: Edit) -> None:
    """A person thinks these are one. Raises like `read_pair`, and ConflictError when somebody ruled that out."""
    first, second = await _ids(connection, one, other)
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    row = dialect.insert(DuplicatePair).values(
        first_id=first,
        second_id=second,
        reasons="",
        score=PROPOSED,
        found_at=edit.at,
        proposed_by=edit.user_id,
        proposed_at=edit.at,
    )
    said = {"score": PROPOSED, "proposed_by": edit.user_id, "proposed_at": edit.at}
    kept = row.on_conflict_do_update(
        index_elements=["first_id", "second_id"], set_=said, where=DuplicatePair.dismissed_at.is_(None)
    )
    if (await connection.execute(kept)).rowcount == 0:
        raise ConflictError("somebody looked at these two already and said that they are not the same")


async def dismiss(connection: AsyncConnection, one: int, other: int, edit: Edit) -> None:
    """These are two people: they are not proposed again. Raises like `read_pair`."""
    first, second = await _ids(connection, one, other)
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    said = {"dismissed_by": edit.user_id, "dismissed_at": edit.at}
    row = dialect.insert(DuplicatePair).values(
        first_id=first, second_id=second, reasons="", score=0, found_at=edit.at, **said
    )
    await connection.execute(row.on_conflict_do_update(index_elements=["first_id", "second_id"], set_=said))


async def reconsider(connection: AsyncConnection, one: int, other: int) -> None:
    """Take back that they are two people: they are proposed again if they are alike. Raises like `read_pair`."""
    first, second = await _ids(connection, one, other)
    await connection.execute(
        update(DuplicatePair)
        .where(DuplicatePair.first_id == first, DuplicatePair.second_id == second)
        .values(dismissed_by=None, dismissed_at=None)
    )


async def _ids(connection: AsyncConnection, one: int, other: int) -> tuple[int, int]:
    pair = await read_pair(connection, one, other)
    first, second = sorted(view.id for view in pair)
    return first, second


async def count_duplicates(connection: AsyncConnection) -> int:
    return (await connection.execute(select(func.count()).select_from(_open().subquery()))).scalar_one()


async def count_proposed(connection: AsyncConnection) -> int:
    """How many of them a person proposed, and nobody has decided about."""
    proposed = _open().where(DuplicatePair.proposed_at.is_not(None))
    return (await connection.execute(select(func.count()).select_from(proposed.subquery()))).scalar_one()


async def read_duplicates(
    connection: AsyncConnection, *, limit: int = 20, after: str | None = None
) -> DuplicatePage:
    """Pairs nobody has ruled out, of customers who stand. Raises InvalidInputError for a cursor that is not ours."""
    limit = max(1, min(limit, MOST_LISTED))
    order = (DuplicatePair.score.desc(), DuplicatePair.first_id.desc(), DuplicatePair.second_id.desc())
    statement = _open().order_by(*order).limit(limit + 1)
    if after is not None:
        place = tuple_(DuplicatePair.score, DuplicatePair.first_id, DuplicatePair.second_id)
        statement = statement.where(place < tuple_(*parts_of(after, int, int, int, field="after")))
    rows = (await connection.execute(statement)).all()
    shown = rows[:limit]
    ids = sorted({one for row in shown for one in (row.first_id, row.second_id)})
    views = {view.id: view for view in await read_customers(connection, ids)}
    last = shown[-1] if len(rows) > limit else None
    return DuplicatePage(
        tuple(
            Duplicate(
                first=views[row.first_id],
                second=views[row.second_id],
                reasons=tuple(Reason(word) for word in row.reasons.split(",") if word),
                score=row.score,
                found_at=row.found_at,
                proposed_by=row.proposed_by,
                proposed_at=row.proposed_at,
            )
            for row in shown
        ),
        cursor_of(last.score, last.first_id, last.second_id) if last else None,
    )


def _open() -> Select[tuple[object, ...]]:
    first, second = aliased(Customer), aliased(Customer)
    return (
        select(*DuplicatePair.__table__.c)
        .join(first, first.id == DuplicatePair.first_id)
        .join(second, second.id == DuplicatePair.second_id)
        .where(
            DuplicatePair.dismissed_at.is_(None),
            first.merged_into_id.is_(None),
            second.merged_into_id.is_(None),
        )
    )
