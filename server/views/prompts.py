"""The site's prompts as people see them: what each place plays, who uploaded it, and whether every PBX has it. Reads
only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy import Row, select
from sqlalchemy.ext.asyncio import AsyncConnection

from core.accounts import UserRow
from pbx_bridge.tables import CallMoment
from recordings.prompts.book import COLUMNS
from recordings.prompts.names import ONE_EACH, PromptName, notice_of, parse
from recordings.tables import Prompt, PromptOnPbx

WHOLE, CUT = "notice", "notice_cut"
"""Kinds of moments of a call (`pbx_bridge/call_log.py`)."""


class Stands(StrEnum):
    """Of one prompt on one PBX. `ELSEWHERE`: another version lies there."""

    THERE = "there"
    ELSEWHERE = "elsewhere"
    MISSING = "missing"


@dataclass(frozen=True, slots=True)
class OnPbx:
    """`since` is set for what lies there."""

    pbx: str
    stands: Stands
    since: float | None


@dataclass(frozen=True, slots=True)
class Place:
    """Where a prompt can be played. `row` has the columns of `prompts`; None: a tone, or no notice."""

    name: PromptName
    row: Row[Any] | None
    by: str | None
    on: tuple[OnPbx, ...]

    @property
    def is_everywhere(self) -> bool:
        return all(one.stands is Stands.THERE for one in self.on)


async def read_places(connection: AsyncConnection, pbxs: Sequence[str]) -> list[Place]:
    """The site's own prompts, whether uploaded or not, then the notices there are."""
    rows = await connection.execute(
        select(*COLUMNS, UserRow.name.label("person"))
        .outerjoin(UserRow, UserRow.id == Prompt.user_id)
        .order_by(Prompt.name)
    )
    found: dict[str, Any] = {row.name: row for row in rows}
    on = await _on_pbxs(connection)
    names = [PromptName(one) for one in ONE_EACH]
    names += [name for text in found if (name := parse(text)) is not None and name.queue is not None]
    return [_place(name, found.get(str(name)), on, pbxs) for name in names]


@dataclass(frozen=True, slots=True)
class Notice:
    """`prompt` was played to the outside party; `whole`: to its end."""

    at: float
    prompt: str
    whole: bool


async def read_notice(connection: AsyncConnection, call_id: str) -> Notice | None:
    """When somebody was told of this call's recording; None: nobody was. What was heard whole counts first."""
    rows = await connection.execute(
        select(CallMoment.at, CallMoment.kind, CallMoment.detail)
        .where(CallMoment.call_id == call_id, CallMoment.kind.in_((WHOLE, CUT)))
        .order_by(CallMoment.kind, CallMoment.at)
        .limit(1)
    )
    row = rows.one_or_none()
    return None if row is None else Notice(row.at, row.detail or "", row.kind == WHOLE)


async def was_notice_there(connection: AsyncConnection, pbx: str, queue: str | None, at: float) -> bool:
    """Whether that queue's notice, as it is now, lay on the PBX at `at`: whoever was recorded then should have
    heard it."""
    name = notice_of(queue) if queue else None
    if name is None:
        return False
    found = await connection.scalar(
        select(PromptOnPbx.since).where(PromptOnPbx.pbx == pbx, PromptOnPbx.name == str(name))
    )
    return found is not None and found <= at


async def _on_pbxs(connection: AsyncConnection) -> Mapping[tuple[str, str], tuple[str, float]]:
    rows = await connection.execute(
        select(PromptOnPbx.pbx, PromptOnPbx.name, PromptOnPbx.sha256, PromptOnPbx.since)
    )
    return {(row.pbx, row.name): (row.sha256, row.since) for row in rows}


def _place(
    name: PromptName,
    row: Row[Any] | None,
    on: Mapping[tuple[str, str], tuple[str, float]],
    pbxs: Sequence[str],
) -> Place:
    if row is None:
        return Place(name, None, None, ())
    stands = tuple(_stands(pbx, on.get((pbx, str(name))), row.sound_sha256) for pbx in pbxs)
    return Place(name, row, row.person or row.uploaded_by, stands)


def _stands(pbx: str, lies: tuple[str, float] | None, wanted: str) -> OnPbx:
    if lies is None:
        return OnPbx(pbx, Stands.MISSING, None)
    sha256, since = lies
    return OnPbx(pbx, Stands.THERE if sha256 == wanted else Stands.ELSEWHERE, since)
