"""How an import of customers stands: its steps, what people see of it, and how a row of its table is read."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from crm_link.imports.conflicts import NOTHING, Existing, Figures


class Step(StrEnum):
    """How far an import came. CHECK, IMPORT and UNDO are being worked on."""

    TAKEN = "taken"
    DRAFT = "draft"
    CHECK = "check"
    READY = "ready"
    IMPORT = "import"
    DONE = "done"
    UNDO = "undo"
    UNDONE = "undone"


RUNNING = (Step.CHECK, Step.IMPORT, Step.UNDO)
AFTER = {Step.CHECK: Step.READY, Step.IMPORT: Step.DONE, Step.UNDO: Step.UNDONE}
DROPPABLE = (Step.DRAFT, Step.CHECK, Step.READY)


@dataclass(frozen=True, slots=True)
class ImportState:
    """How an import stands: `done` of `lines` of the present step, `fault` why it stopped there, one sentence. `fates`
    counts lines by what becomes, or became, of them, `kept` those that could not be undone whole; `figures` are of
    customers we have. Instants; None: not yet."""

    id: int
    name: str
    header: tuple[str, ...]
    columns: tuple[str, ...]
    existing: Existing
    tag: str
    ids_of: str
    step: Step
    lines: int
    done: int
    user_id: int | None
    at: float
    began_at: float | None
    ended_at: float | None
    fault: str = ""
    same_as: int | None = None
    fates: Counter[str] = field(default_factory=Counter)
    kept: int = 0
    figures: Figures = NOTHING

    @property
    def is_running(self) -> bool:
        return self.step in RUNNING

    @property
    def can_undo(self) -> bool:
        return self.step is Step.DONE or (self.step is Step.IMPORT and bool(self.fault))


@dataclass(frozen=True, slots=True)
class ImportPage:
    """`next` is the cursor of the following page, None on the last one."""

    imports: tuple[ImportState, ...]
    next: str | None


def state_of(
    row: Any,
    same_as: int | None = None,
    fates: Counter[str] | None = None,
    kept: int = 0,
    figures: Figures = NOTHING,
) -> ImportState:
    return ImportState(
        id=row.id,
        name=row.name,
        header=tuple(json.loads(row.header)),
        columns=tuple(json.loads(row.columns)),
        existing=Existing(row.existing),
        tag=row.tag,
        ids_of=row.ids_of,
        step=Step(row.step),
        lines=row.lines,
        done=row.done,
        user_id=row.user_id,
        at=row.at,
        began_at=row.began_at,
        ended_at=row.ended_at,
        fault=row.fault,
        same_as=same_as,
        fates=fates or Counter(),
        kept=kept,
        figures=figures,
    )
