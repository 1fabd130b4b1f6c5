"""Imports of customers from files, in the background: a file in, every line looked at, then customers, then, if
somebody wants that, everything back as it was. Each step is durable: whoever holds the lease works on it
(`job.py`); another process goes on where one has died. Who may do it is the caller's."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import structlog
from sqlalchemy import ColumnElement, Select, delete, func, insert, or_, select, update

from config.crm import CustomField
from core.bus import Bus
from core.clock import Clock
from core.db import Database
from core.errors import ConflictError, InvalidInputError, NotFoundError
from core.tasks import woken
from crm_link.imports.columns import check_columns, normal_ids_of, recognise
from crm_link.imports.conflicts import Existing
from crm_link.imports.fields import by_key
from crm_link.imports.files import MOST_LINES, inspect, opened, some_of
from crm_link.imports.job import LEASE_S, Job, Told
from crm_link.imports.match import Fate
from crm_link.imports.rows import OURS, Line, Written, count_fates, read_figures, read_lines, write_lines
from crm_link.imports.state import DROPPABLE, RUNNING, ImportPage, ImportState, Step, state_of
from crm_link.imports.tables import CustomerImport as Import
from crm_link.imports.tables import CustomerImportRow as Row
from crm_link.imports.work import LostError
from crm_link.paging import cursor_of, parts_of
from crm_link.spelling import normal_tag

log = structlog.get_logger(__name__)

LOOK_EVERY_S = 10.0
SWEEP_EVERY_S = 3600.0
DRAFT_S = 86_400.0
KEPT_S = 30 * 86_400.0
"""So long an import can be undone. Then its lines are forgotten: they are full of people's data."""

AGAIN_S = 60.0
"""After so long an import that stopped is tried again."""

STOPPED = "It stopped at a mistake of Ringback's own, which is in its log. It is tried again every minute."

PAGE = 50
DELETED_AT_ONCE = 2000
"""Lines in one transaction: for so long a ringing call may have to wait."""


@dataclass(frozen=True, slots=True)
class Mapping:
    """What somebody says of a file: a word of `Field`, `field:` and a key of
    the site's own, or "", for each column; what to do with customers we have; a tag
    for everybody in it; the CRM in which they have their ids."""

    columns: Sequence[str]
    existing: Existing = Existing.FILL
    tag: str = ""
    ids_of: str = ""


class Imports:
    """One per application. Ids are of `customer_imports`; unknown ones raise NotFoundError. `fields` are the site's own
    of the settings."""

    def __init__(
        self,
        database: Database,
        bus: Bus,
        clock: Clock,
        region: str,
        fields: Sequence[CustomField] = (),
    ) -> None:
        self._database = database
        self._bus = bus
        self._clock = clock
        self._region = region
        self.declared = by_key(fields)
        self._woken = asyncio.Event()

    async def add(self, path: Path, name: str, user_id: int | None) -> int:
        """Store a file, to be looked at; returns its id. Raises InvalidInputError when it is no table of customers."""
        digest, encoding = await asyncio.to_thread(inspect, path)
        with opened(path, encoding, self.declared) as (header, rows):
            values = {
                "name": "".join(letter for letter in name if letter.isprintable())[:200] or "customers",
                "digest": digest,
                "header": json.dumps(header, ensure_ascii=False),
                "columns": json.dumps(recognise(header, self.declared)),
                "existing": Existing.FILL.value,
                "step": Step.TAKEN.value,
                "user_id": user_id,
                "at": self._clock(),
            }
            async with self._database.write() as connection:
                made = await connection.execute(insert(Import).values(**values).returning(Import.id))
                import_id: int = made.scalar_one()
            try:
                lines = await self._take(import_id, rows)
            except BaseException:
                await self._delete(import_id)
                raise
        await self._set(import_id, Step.TAKEN, Step.DRAFT, lines=lines)
        return import_id

    async def _take(self, import_id: int, rows: Iterator[Written]) -> int:
        lines = 0
        while some := await asyncio.to_thread(some_of, rows):
            lines += len(some)
            if lines > MOST_LINES:
                raise InvalidInputError(f"a file has at most {MOST_LINES} lines: import it in parts")
            async with self._database.write() as connection:
                await write_lines(connection, import_id, some)
        if not lines:
            raise InvalidInputError(
                "there is nobody in this file: under the columns' names comes a line for each"
            )
        return lines

    async def state(self, import_id: int) -> ImportState:
        async with self._database.read() as connection:
            row = (
                await connection.execute(select(*Import.__table__.c).where(Import.id == import_id))
            ).one_or_none()
            if row is None or row.step == Step.TAKEN:
                raise NotFoundError("there is no such import (any more)")
            fates = await count_fates(connection, import_id)
            same = await connection.scalar(_same(row))
            kept = await connection.scalar(
                select(func.count()).where(Row.import_id == import_id, Row.kept != "")
            )
            figures = await read_figures(connection, import_id)
        return state_of(row, same, fates, kept or 0, figures)

    async def listed(self, *, limit: int = PAGE, after: str | None = None) -> ImportPage:
        """The newest first, without what became of their lines. Raises InvalidInputError for a cursor that is none."""
        found = select(*Import.__table__.c).where(Import.step != Step.TAKEN.value)
        if after is not None:
            found = found.where(Import.id < parts_of(after, int, field="after")[0])
        async with self._database.read() as connection:
            rows = (await connection.execute(found.order_by(Import.id.desc()).limit(limit + 1))).all()
        page = tuple(state_of(row) for row in rows[:limit])
        return ImportPage(page, cursor_of(page[-1].id) if len(rows) > limit else None)

    async def lines(
        self,
        import_id: int,
        fate: Fate | None = None,
        *,
        kept: bool = False,
        conflicts: bool = False,
        gaps: bool = False,
        after: int = 0,
        limit: int = 100,
    ) -> list[Line]:
        """Lines with one fate, not undone whole, with conflicts or with gaps; all without any of these."""
        conditions = [Row.fate == fate.value] if fate is not None else []
        if kept:
            conditions.append(Row.kept != "")
        if conflicts:
            conditions += [Row.conflicts > 0, Row.fate.in_(OURS)]
        if gaps:
            conditions += [Row.gaps > 0, Row.fate.in_(OURS)]
        async with self._database.read() as connection:
            return await read_lines(connection, import_id, *conditions, after=after, limit=limit)

    async def check(self, import_id: int, mapping: Mapping) -> None:
        """Have every line looked at. Raises InvalidInputError for a mapping that cannot be, ConflictError when the
        import began."""
        state = await self.state(import_id)
        columns = check_columns(mapping.columns, state.header, self.declared)
        tag = normal_tag(mapping.tag) if mapping.tag.strip() else ""
        values = {
            "columns": json.dumps(columns),
            "existing": mapping.existing.value,
            "tag": tag,
            "ids_of": normal_ids_of(mapping.ids_of),
            "done": 0,
        }
        await self._begin(import_id, (Step.DRAFT, Step.CHECK, Step.READY), Step.CHECK, **values)

    async def start(self, import_id: int, user_id: int | None) -> None:
        """Import what was looked at, in the background. Raises ConflictError when it was not, or began already."""
        now = self._clock()
        await self._begin(import_id, (Step.READY,), Step.IMPORT, done=0, user_id=user_id, began_at=now)

    async def undo(self, import_id: int, user_id: int | None) -> None:
        """Take it back, in the background, also one that stopped half-way. Raises ConflictError unless it is done and
        was not taken back."""
        allowed = (Step.DONE, Step.IMPORT) if (await self.state(import_id)).fault else (Step.DONE,)
        await self._begin(import_id, allowed, Step.UNDO, done=0, undone_by=user_id)

    async def drop(self, import_id: int) -> None:
        """Throw away a file that was not imported. Raises ConflictError for one that was."""
        gone = await self._delete(import_id, Import.step.in_([step.value for step in DROPPABLE]))
        if not gone:
            await self.state(import_id)
            raise ConflictError("this file is imported already: undo it instead")

    async def run(self) -> None:
        """Work on what was asked for, here or by another process that is gone, until cancelled."""
        swept = float("-inf")
        while True:
            self._woken.clear()
            for import_id in await self._due():
                await self._work_on(import_id)
            if self._clock() - swept >= SWEEP_EVERY_S:
                swept = self._clock()
                await self._sweep(swept)
            await woken(self._woken, LOOK_EVERY_S)

    async def work(self, import_id: int, told: Told = lambda _state: None) -> ImportState:
        """Do what is left of the present step, and tell how far it came. Returns at once when another process is at it,
        or nothing is left."""
        if await self._claim(import_id):
            state = await self.state(import_id)
            job = Job(self._database, self._bus, self._clock, state, self._region, self.declared, told)
            try:
                await job.run()
            except LostError:
                log.info("another process goes on with an import", customer_import=import_id)
        return await self.state(import_id)

    async def _work_on(self, import_id: int) -> None:
        """One that fails, by a mistake of ours or of the database, holds up no other, and says so."""
        try:
            await self.work(import_id)
        except Exception:
            log.exception("an import stopped; it is tried again", customer_import=import_id)
            await self._stopped(import_id)

    async def _stopped(self, import_id: int) -> None:
        async with self._database.write() as connection:
            again = {"fault": STOPPED, "leased_until": self._clock() + AGAIN_S}
            await connection.execute(update(Import).where(Import.id == import_id).values(**again))

    async def _begin(self, import_id: int, allowed: Sequence[Step], step: Step, **values: Any) -> None:
        await self.state(import_id)
        await self._set(import_id, allowed, step, **values, leased_until=0.0, ended_at=None, fault="")
        self._woken.set()

    async def _set(self, import_id: int, allowed: Step | Sequence[Step], step: Step, **values: Any) -> None:
        before = [allowed] if isinstance(allowed, Step) else list(allowed)
        async with self._database.write() as connection:
            moved = await connection.execute(
                update(Import)
                .where(Import.id == import_id, Import.step.in_([one.value for one in before]))
                .values(step=step.value, **values)
            )
        if moved.rowcount != 1:
            raise ConflictError("this import has moved on meanwhile: look again")

    async def _claim(self, import_id: int) -> bool:
        now = self._clock()
        async with self._database.write() as connection:
            claimed = await connection.execute(
                update(Import).where(Import.id == import_id, *_is_due(now)).values(leased_until=now + LEASE_S)
            )
        return claimed.rowcount == 1

    async def _due(self) -> Sequence[int]:
        async with self._database.read() as connection:
            due = select(Import.id).where(*_is_due(self._clock())).order_by(Import.id)
            return (await connection.scalars(due)).all()

    async def _delete(self, import_id: int, *conditions: ColumnElement[bool]) -> bool:
        async with self._database.write() as connection:
            going = (
                update(Import)
                .where(Import.id == import_id, *conditions)
                .values(step=Step.TAKEN.value, at=0.0)
            )
            if (await connection.execute(going)).rowcount != 1:
                return False
        some = select(Row.line).where(Row.import_id == import_id).limit(DELETED_AT_ONCE)
        gone = 1
        while gone:
            async with self._database.write() as connection:
                rows = delete(Row).where(Row.import_id == import_id, Row.line.in_(some))
                gone = (await connection.execute(rows)).rowcount
        async with self._database.write() as connection:
            await connection.execute(delete(Import).where(Import.id == import_id))
        return True

    async def _sweep(self, now: float) -> None:
        drafts = [Step.TAKEN.value, Step.DRAFT.value, Step.READY.value]
        old = or_(
            Import.step.in_(drafts) & (Import.at < now - DRAFT_S),
            Import.step.in_([Step.DONE.value, Step.UNDONE.value]) & (Import.ended_at < now - KEPT_S),
        )
        async with self._database.read() as connection:
            ids = (await connection.scalars(select(Import.id).where(old))).all()
        for import_id in ids:
            await self._delete(import_id)


def _same(row: Any) -> Select[int]:
    """The last import of the same file that was really done."""
    return select(func.max(Import.id)).where(
        Import.digest == row.digest, Import.id < row.id, Import.step == Step.DONE.value
    )


def _is_due(now: float) -> tuple[ColumnElement[bool], ...]:
    return (Import.step.in_([step.value for step in RUNNING]), Import.leased_until < now)
