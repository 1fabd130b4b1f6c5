"""One step of one import that somebody asked for and this process has claimed: looking at every line, importing them,
or taking them back. How far it came is written after every few lines; a step that is broken off goes on from there."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import structlog
from sqlalchemy import select, update

from core.bus import Bus
from core.clock import Clock
from core.db import Database
from crm_link.imports.check import Check
from crm_link.imports.columns import Person
from crm_link.imports.fields import Declared
from crm_link.imports.match import Fate
from crm_link.imports.rows import STEP, batches
from crm_link.imports.state import AFTER, ImportState, Step
from crm_link.imports.tables import CustomerImport as Import
from crm_link.imports.tables import CustomerImportRow as Row
from crm_link.imports.undo import Doing, Undo
from crm_link.imports.work import Did, Leading, LostError, Work

log = structlog.get_logger(__name__)

LEASE_S = 60.0
"""A process that works on an import and says nothing for so long is gone; another one goes on."""

Told = Callable[[ImportState], None]


class Job:
    """One step of one import that is claimed."""

    def __init__(
        self,
        database: Database,
        bus: Bus,
        clock: Clock,
        state: ImportState,
        region: str,
        declared: Declared,
        told: Told,
    ) -> None:
        self._database = database
        self._bus = bus
        self._clock = clock
        self._state = state
        self._region = region
        self._declared = declared
        self._told = told
        self._done = 0 if state.step is Step.CHECK else state.done

    async def run(self) -> None:
        state = self._state
        match state.step:
            case Step.CHECK:
                check = Check(
                    database=self._database,
                    import_id=state.id,
                    columns=state.columns,
                    existing=state.existing,
                    tag=state.tag,
                    ids_of=state.ids_of,
                    region=self._region,
                    declared=self._declared,
                )
                await check.run(self._progress_of_look)
            case Step.IMPORT:
                await self._import()
            case Step.UNDO:
                await self._undo()
        after = AFTER[state.step]
        await self._note(
            step=after.value, done=state.lines, ended_at=self._clock(), leased_until=0.0, fault=""
        )
        log.info("customer import", customer_import=state.id, step=after, lines=state.lines)

    async def _import(self) -> None:
        state = self._state
        work = Work(
            self._database,
            self._bus,
            self._clock,
            state.id,
            state.existing,
            state.tag,
            state.user_id,
            self._declared,
        )
        columns = (Row.person, Row.fate, Row.first_line, Row.done_at)
        async for rows in batches(self._database, state.id, columns, after=await self._place()):
            await work.run(
                [
                    Leading(row.line, Person.from_json(row.person))
                    for row in rows
                    if row.first_line is None
                    and row.person
                    and row.fate != Fate.REFUSED
                    and row.done_at is None
                ]
            )
            await self._progress(len(rows))

    async def _undo(self) -> None:
        state = self._state
        async with self._database.read() as connection:
            by = await connection.scalar(select(Import.undone_by).where(Import.id == state.id))
        undo = Undo(self._database, self._bus, self._clock, state.id, by, self._declared)
        while rows := await self._last_undoable():
            await undo.run(
                [Doing(row.line, row.customer_id, Did.from_json(row.did), row.done_at) for row in rows]
            )
            await self._progress(len(rows))

    async def _last_undoable(self) -> Sequence[Any]:
        async with self._database.read() as connection:
            found = await connection.execute(
                select(Row.line, Row.customer_id, Row.did, Row.done_at)
                .where(Row.import_id == self._state.id, Row.did != "", Row.undone_at.is_(None))
                .order_by(Row.line.desc())
                .limit(STEP)
            )
            return found.all()

    async def _place(self) -> int:
        """The line up to which everything was done before."""
        if not self._done:
            return 0
        nth = select(Row.line).where(Row.import_id == self._state.id).order_by(Row.line)
        async with self._database.read() as connection:
            return await connection.scalar(nth.offset(self._done - 1).limit(1)) or 0

    async def _progress_of_look(self, lines: int) -> None:
        self._done += lines
        await self._note(done=self._done // 2, leased_until=self._clock() + LEASE_S)

    async def _progress(self, lines: int) -> None:
        self._done += lines
        await self._note(done=self._done, leased_until=self._clock() + LEASE_S)

    async def _note(self, **values: Any) -> None:
        async with self._database.write() as connection:
            noted = await connection.execute(
                update(Import)
                .where(Import.id == self._state.id, Import.step == self._state.step.value)
                .values(**values)
            )
        if noted.rowcount != 1:
            raise LostError("this step is over")
        step = Step(values.get("step", self._state.step))
        self._told(replace(self._state, step=step, done=values["done"]))
