"""The lines of imports in the database: written when a file comes in, read in order a few hundred at a time, so that no
file is ever in memory whole. What becomes of them is decided elsewhere."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, String, case, cast, distinct, func, insert, literal, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from core.db import Database
from crm_link.imports.conflicts import Differences, Figures
from crm_link.imports.match import Fate
from crm_link.imports.tables import CustomerImportRow as Row

STEP = 400
"""Lines in one transaction: some tens of milliseconds, for which a ringing call may have to wait."""


OURS = (Fate.CHANGED.value, Fate.SKIPPED.value)
"""What can become of a line about a customer we have."""


class Written(NamedTuple):
    """What stands in a file: the line at which it begins, its cells, and why they say nothing, if so."""

    line: int
    cells: list[str]
    fault: str = ""


@dataclass(frozen=True, slots=True)
class Line:
    """One line and what became of it. `differences` are those to a customer we have, as many as are shown; `kept` says
    what of it could not be undone."""

    line: int
    cells: tuple[str, ...]
    fate: Fate | None
    why: str
    customer_id: int | None
    others: tuple[int, ...]
    first_line: int | None
    differences: Differences
    is_done: bool
    kept: str


async def write_lines(connection: AsyncConnection, import_id: int, rows: Iterable[Written]) -> None:
    values = [
        {
            "import_id": import_id,
            "line": one.line,
            "cells": json.dumps(one.cells, ensure_ascii=False),
            "fault": one.fault,
        }
        for one in rows
    ]
    await connection.execute(insert(Row), values)


async def batches(
    database: Database,
    import_id: int,
    columns: Sequence[Any],
    *conditions: ColumnElement[bool],
    after: int = 0,
) -> AsyncIterator[Sequence[Any]]:
    """The lines behind `after` in order, `STEP` at a time; `Row.line` is always among the columns."""
    while True:
        async with database.read() as connection:
            rows = (
                await connection.execute(
                    select(Row.line, *columns)
                    .where(Row.import_id == import_id, Row.line > after, *conditions)
                    .order_by(Row.line)
                    .limit(STEP)
                )
            ).all()
        if not rows:
            return
        yield rows
        after = rows[-1].line


async def refuse_followers(connection: AsyncConnection, import_id: int, lines: Sequence[int]) -> None:
    """Lines about the person of a refused line are refused too."""
    if lines:
        await connection.execute(
            update(Row)
            .where(Row.import_id == import_id, Row.first_line.in_(lines))
            .values(
                fate=Fate.REFUSED.value,
                why=literal("it is about the same person as line ")
                + cast(Row.first_line, String)
                + literal(", which is refused"),
            )
        )


async def count_fates(connection: AsyncConnection, import_id: int) -> Counter[str]:
    rows = await connection.execute(
        select(Row.fate, func.count()).where(Row.import_id == import_id).group_by(Row.fate)
    )
    return Counter({row.fate: row[1] for row in rows})


async def read_figures(connection: AsyncConnection, import_id: int) -> Figures:
    """Of the lines about customers we have."""
    has_either = (Row.gaps > 0) | (Row.conflicts > 0)
    row = (
        await connection.execute(
            select(
                func.count(distinct(Row.customer_id)).label("customers"),
                func.count(distinct(case((Row.gaps > 0, Row.customer_id)))).label("with_gaps"),
                func.count(distinct(case((has_either, Row.customer_id)))).label("with_either"),
                func.coalesce(func.sum(Row.gaps), 0).label("gaps"),
                func.coalesce(func.sum(Row.conflicts), 0).label("conflicts"),
            ).where(Row.import_id == import_id, Row.fate.in_(OURS), Row.gaps.is_not(None))
        )
    ).one()
    return Figures(**row._mapping)


async def read_lines(
    connection: AsyncConnection,
    import_id: int,
    *conditions: ColumnElement[bool],
    after: int = 0,
    limit: int = 100,
) -> list[Line]:
    """Lines that satisfy all conditions, in the order of the file, behind the line `after`."""
    rows = await connection.execute(
        select(*Row.__table__.c)
        .where(Row.import_id == import_id, Row.line > after, *conditions)
        .order_by(Row.line)
        .limit(limit)
    )
    return [_line(row) for row in rows]


def _line(row: Any) -> Line:
    return Line(
        line=row.line,
        cells=tuple(json.loads(row.cells)),
        fate=Fate(row.fate) if row.fate else None,
        why=row.why,
        customer_id=row.customer_id,
        others=tuple(int(one) for one in row.others.split()),
        first_line=row.first_line,
        differences=Differences.from_json(row.differs) if row.fate in OURS else Differences(),
        is_done=row.done_at is not None,
        kept=row.kept,
    )
