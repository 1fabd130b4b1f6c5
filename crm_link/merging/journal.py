"""Moving rows from one customer to another so that it can be undone: a *holding* describes one table whose rows belong
to customers, and every row that is touched is written down. In: two customer ids inside the caller's transaction, which
holds both. Who may merge whom, and the customers' own rows, are `merge.py`'s."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from sqlalchemy import (
    Column,
    ColumnElement,
    Table,
    Update,
    bindparam,
    delete,
    func,
    insert,
    select,
    tuple_,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from crm_link.merging.tables import CustomerMergeMove

AT_ONCE = 400
"""Rows named in one statement, and in one row of the journal."""

Values = dict[str, Any]


class Action(StrEnum):
    """What became of the merged customer's row: it changed hands, or it went because the kept customer has the same
    one. `CHANGED` is of the kept customer's row then; `OWN` names what was theirs before and could be mistaken."""

    MOVED = "moved"
    DROPPED = "dropped"
    CHANGED = "changed"
    OWN = "own"


@dataclass(frozen=True, slots=True)
class Holding:
    """A table with rows of customers.

    `key` names one of a customer's rows. Of what `alone` names a customer has one row at most (`against` is the table
    to look in, when it is another); `best` says how the values of two such rows make one. A row in which something of
    `guard` is different by the time of the undo was decided anew meanwhile: it stays where it is. `undecided` is what
    the kept customer's row must still be for a dropped one to come back beside it.
    """

    name: str
    table: Table
    key: tuple[str, ...]
    guard: tuple[str, ...] = ()
    alone: tuple[str, ...] = ()
    against: Table | None = None
    best: Mapping[str, Callable[[Any, Any], Any]] = field(default_factory=dict)
    undecided: ColumnElement[bool] | None = None
    column: str = "customer_id"
    is_history: bool = False

    @property
    def owner(self) -> Column[Any]:
        return self.table.c[self.column]

    @property
    def names(self) -> tuple[str, ...]:
        """What the history names a row by: no later row of anybody's has the same (an id alone may come again)."""
        return self.alone or self.key + self.guard

    def belongs_to(self, customer_id: int, of: Table | None = None) -> ColumnElement[bool]:
        """Said of rows that are named besides. Of history one customer may have tens of thousands of rows: with a sum
        PostgreSQL does not look for the named ones among all of them, as it would while its statistics are old."""
        owner: Column[Any] = (self.table if of is None else of).c[self.column]
        return (owner + 0 if self.is_history else owner) == customer_id

    def columns(self, *names: str, of: Table | None = None) -> list[Column[Any]]:
        table = self.table if of is None else of
        return [table.c[name] for name in names]


@dataclass(frozen=True, slots=True)
class Part:
    """Rows of one table that were treated alike."""

    action: Action
    table: str
    rows: Sequence[Values]


async def count_rows(connection: AsyncConnection, holding: Holding, customer_id: int) -> int:
    statement = select(func.count()).select_from(holding.table).where(holding.owner == customer_id)
    return (await connection.execute(statement)).scalar_one()


async def hand_over(connection: AsyncConnection, holding: Holding, source: int, target: int) -> list[Part]:
    """Give the rows of `source` to `target`; what that did. After each `AT_ONCE` of them others have a turn."""
    # Whole rows where some may be dropped, else what names them and what must not change.
    columns = holding.table.c if holding.alone else holding.columns(*holding.key, *holding.guard)
    ordered = select(*columns).where(holding.owner == source).order_by(*holding.columns(*holding.key))
    result = await connection.execute(ordered)
    return [
        part
        for rows in result.mappings().partitions(AT_ONCE)
        for part in await _hand_over(connection, holding, [dict(row) for row in rows], source, target)
    ]


async def _hand_over(
    connection: AsyncConnection, holding: Holding, rows: Sequence[Values], source: int, target: int
) -> list[Part]:
    same = await _same(connection, holding, rows, target)
    dropped = [row for row in rows if _values(row, holding.alone) in same]
    moved = [row for row in rows if _values(row, holding.alone) not in same]
    changed = [one for row in dropped for one in _better(holding, row, same[_values(row, holding.alone)])]
    await _change(connection, holding, target, changed)
    mine = holding.belongs_to(source)
    if dropped:
        await connection.execute(delete(holding.table).where(mine, _named(holding, dropped)))
    if moved:
        theirs = update(holding.table).where(mine, _named(holding, moved))
        await connection.execute(theirs.values({holding.column: target}))
    of_moved = [_picked(row, holding.key + holding.guard + holding.alone) for row in moved]
    whole = [dict(row) for row in dropped]
    name = holding.table.name
    return [
        Part(action, name, found)
        for action, found in ((Action.MOVED, of_moved), (Action.DROPPED, whole), (Action.CHANGED, changed))
        if found
    ]


async def give_back(
    connection: AsyncConnection, holding: Holding, parts: Iterable[Part], source: int, target: int
) -> None:
    """Undo `hand_over`: what `target` has of these rows goes back to `source`."""
    for part in parts:
        for rows in chunks(part.rows):
            if part.action is Action.MOVED:
                await _move_back(connection, holding, rows, source, target)
            elif part.action is Action.DROPPED:
                await _insert_again(connection, holding, await _open(connection, holding, rows, target))
            elif part.action is Action.CHANGED:
                await change_back(connection, holding, target, rows)


async def store_parts(connection: AsyncConnection, merge_id: int, parts: Sequence[Part]) -> None:
    journal = await asyncio.to_thread(_written, merge_id, parts)
    if journal:
        await connection.execute(insert(CustomerMergeMove), journal)


def _written(merge_id: int, parts: Iterable[Part]) -> list[Values]:
    stored = ((part, rows) for part in parts for rows in chunks(part.rows))
    return [
        {
            "merge_id": merge_id,
            "position": position,
            "action": part.action.value,
            "in_table": part.table,
            "rows": json.dumps(rows, ensure_ascii=False),
        }
        for position, (part, rows) in enumerate(stored)
    ]


async def read_parts(
    connection: AsyncConnection,
    merge_id: int,
    *,
    actions: Collection[Action] = tuple(Action),
    without: Collection[str] = (),
) -> list[Part]:
    """In the order in which they were done; only what was done so, and not to the tables `without`."""
    statement = (
        select(CustomerMergeMove.action, CustomerMergeMove.in_table, CustomerMergeMove.rows)
        .where(CustomerMergeMove.merge_id == merge_id)
        .where(CustomerMergeMove.action.in_([one.value for one in actions]))
        .where(CustomerMergeMove.in_table.not_in(without))
        .order_by(CustomerMergeMove.position)
    )
    rows = (await connection.execute(statement)).all()
    return await asyncio.to_thread(_read, rows)


async def take_parts(
    connection: AsyncConnection, merge_id: int, tables: Collection[str], limit: int
) -> list[Part]:
    """The first `limit` parts of these tables that tell of rows that changed hands; they are in the journal no more."""
    row = CustomerMergeMove
    mine = (row.merge_id == merge_id, row.in_table.in_(tables), row.action != Action.OWN.value)
    first = select(row.position, row.action, row.in_table, row.rows).where(*mine)
    found = (await connection.execute(first.order_by(row.position).limit(limit))).all()
    positions = [one.position for one in found]
    await connection.execute(delete(row).where(row.merge_id == merge_id, row.position.in_(positions)))
    return await asyncio.to_thread(_read, [one[1:] for one in found])


def _read(rows: Iterable[Sequence[str]]) -> list[Part]:
    return [Part(Action(action), table, json.loads(text)) for action, table, text in rows]


async def _same(
    connection: AsyncConnection, holding: Holding, rows: Sequence[Values], target: int
) -> dict[tuple[Any, ...], Values]:
    """What the target has too of these rows, where there can only be one, with the values that are to become the
    better ones."""
    if not holding.alone:
        return {}
    table = holding.table if holding.against is None else holding.against
    first = holding.alone[0]
    wanted = dict.fromkeys(
        (*holding.alone, *(() if holding.against is not None else holding.key), *holding.best)
    )
    asked = {row[first] for row in rows}
    theirs = await connection.execute(
        select(*holding.columns(*wanted, of=table)).where(
            holding.belongs_to(target, table), table.c[first].in_(sorted(asked))
        )
    )
    return {_values(row, holding.alone): dict(row) for row in theirs.mappings()}


def _better(holding: Holding, theirs: Mapping[str, Any], kept: Values) -> Iterator[Values]:
    after = {name: choose(kept[name], theirs[name]) for name, choose in holding.best.items()}
    after = {name: value for name, value in after.items() if value != kept[name]}
    if after:
        before = {name: kept[name] for name in after}
        yield {"key": _picked(kept, holding.key), "before": before, "after": after}


async def _change(
    connection: AsyncConnection, holding: Holding, owner: int, changed: Sequence[Values]
) -> None:
    """Give rows of `owner` what they have `after`, column by column."""
    for name in sorted({name for row in changed for name in row["after"]}):
        values = [_bound(row["key"]) | {"to": row["after"][name]} for row in changed if name in row["after"]]
        await connection.execute(_set(holding, owner, name), values)


async def change_back(
    connection: AsyncConnection, holding: Holding, owner: int, changed: Sequence[Values]
) -> None:
    """Give them what they had `before`, column by column: what was changed again meanwhile stays."""
    for name in sorted({name for row in changed for name in row["after"]}):
        values = [
            _bound(row["key"]) | {"to": row["before"][name], "was": row["after"][name]}
            for row in changed
            if name in row["after"]
        ]
        column = holding.table.c[name]
        unchanged = column.is_not_distinct_from(bindparam("was", type_=column.type))
        await connection.execute(_set(holding, owner, name).where(unchanged), values)


def _set(holding: Holding, owner: int, name: str) -> Update:
    """One column of one row: `to`, and what `_bound` says, are given when it is executed."""
    row = (column == bindparam(f"key_{column.name}") for column in holding.columns(*holding.key))
    statement = update(holding.table).where(holding.belongs_to(owner), *row)
    return statement.values({name: bindparam("to", type_=holding.table.c[name].type)})


def _bound(key: Values) -> Values:
    return {f"key_{name}": value for name, value in key.items()}


async def _move_back(
    connection: AsyncConnection, holding: Holding, rows: Sequence[Values], source: int, target: int
) -> None:
    mine = holding.belongs_to(target)
    columns = holding.columns(*holding.key, *holding.guard)
    found = await connection.execute(select(*columns).where(mine, _named(holding, rows)))
    as_they_were = {_values(row, holding.key + holding.guard) for row in rows}
    back = {row[: len(holding.key)] for row in found if tuple(row) in as_they_were}
    if back:
        mine_back = [row for row in rows if _values(row, holding.key) in back]
        statement = update(holding.table).where(mine, _named(holding, mine_back))
        await connection.execute(statement.values({holding.column: source}))


async def _open(
    connection: AsyncConnection, holding: Holding, rows: Sequence[Values], target: int
) -> Sequence[Values]:
    """Those of the dropped rows about which nobody decided meanwhile."""
    if holding.undecided is None:
        return rows
    columns = holding.columns(*holding.key)
    mine = (holding.belongs_to(target), holding.undecided, _named(holding, rows))
    still = {tuple(row) for row in await connection.execute(select(*columns).where(*mine))}
    return [row for row in rows if _values(row, holding.key) in still]


async def _insert_again(connection: AsyncConnection, holding: Holding, rows: Sequence[Values]) -> None:
    """An `id` of the database's own making may be another row's by now: the row gets a new one."""
    if not rows:
        return
    named = "id" in holding.key
    values = [{name: value for name, value in row.items() if not (named and name == "id")} for row in rows]
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    await connection.execute(dialect.insert(holding.table).on_conflict_do_nothing(), values)


def _named(holding: Holding, rows: Iterable[Mapping[str, Any]]) -> ColumnElement[bool]:
    columns = holding.columns(*holding.key)
    if len(columns) == 1:
        return columns[0].in_([row[holding.key[0]] for row in rows])
    return tuple_(*columns).in_([_values(row, holding.key) for row in rows])


def _values(row: Mapping[Any, Any], names: Iterable[str]) -> tuple[Any, ...]:
    return tuple(row[name] for name in names)


def _picked(row: Mapping[str, Any], names: Iterable[str]) -> Values:
    return {name: row[name] for name in names}


def chunks(rows: Sequence[Any]) -> Iterator[Sequence[Any]]:
    """At most `AT_ONCE` each."""
    for first in range(0, len(rows), AT_ONCE):
        yield rows[first : first + AT_ONCE]
