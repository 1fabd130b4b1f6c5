"""What the owner of a link may see and do: their own request and how it stands, in a few words that tell nothing of
anybody else. Whoever joined a promise that somebody else had asked for before, or is held, learns whether it is open or
over, and no more: else a stranger could type a number and watch when its owner is called and whether they answer. Nor
does a typed number learn that its owner and we talked by another way: that is simply closed."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, select
from sqlalchemy.ext.asyncio import AsyncConnection

from callback.kinds import Outcome, State
from callback.tables import Callback, Submission


class Status(StrEnum):
    """How a request stands, for its visitor. UNREACHED: tried in vain, and still owed."""

    WAITING = "waiting"
    CALLING = "calling"
    UNREACHED = "unreached"
    HELD = "held"
    REACHED = "reached"
    WITHDRAWN = "withdrawn"
    CLOSED = "closed"


OVER = frozenset({Status.REACHED, Status.WITHDRAWN, Status.CLOSED})


@dataclass(frozen=True, slots=True)
class Seen:
    """A visitor's own request. `number` is what they typed, in E.164; `promised_from`, `promised_until` the slot they
    chose, None: as soon as possible. `may`: move, word, withdraw. `is_fixed`: it is open, and its time is no longer
    theirs to choose, whatever the reason. `callback_id` and `department` are for us, not for them."""

    submission_id: int
    callback_id: int
    department: str
    site: str | None
    status: Status
    number: str
    name: str
    message: str
    promised_from: float | None
    promised_until: float | None
    language: str | None
    may: tuple[str, ...]

    @property
    def is_fixed(self) -> bool:
        return self.status not in OVER and self.status is not Status.CALLING and "move" not in self.may


COLUMNS = (
    Submission.id,
    Submission.callback_id,
    Submission.site,
    Submission.name,
    Submission.message,
    Submission.wished_at,
    Submission.language,
    Submission.held,
    Submission.proven,
    Submission.visitor,
    Submission.withdrawn_at,
    Submission.repeats,
    Submission.link_expires_at,
    Callback.number,
    Callback.department,
    Callback.state,
    Callback.outcome,
    Callback.rung,
)


async def find(connection: AsyncConnection, submission_id: int) -> Any:
    """The request with its callback; None when it was erased."""
    asked = select(*COLUMNS).join(Callback, Callback.id == Submission.callback_id)
    return (await connection.execute(asked.where(Submission.id == submission_id))).one_or_none()


async def look(connection: AsyncConnection, row: Any, slot_minutes: int, now: float) -> Seen:
    """`row` (of `find`) as its visitor may see it."""
    is_first = not (row.held or row.repeats) and await _is_first(connection, row)
    status = _status(row) if is_first else _little(row)
    until = None if row.wished_at is None else row.wished_at + slot_minutes * 60
    can_move = row.held or (is_first and await decides(connection, row, now))
    return Seen(
        submission_id=row.id,
        callback_id=row.callback_id,
        department=row.department,
        site=row.site,
        status=status,
        number=row.number,
        name=row.name,
        message=row.message,
        promised_from=row.wished_at,
        promised_until=until,
        language=row.language,
        may=() if row.repeats else _may(status, can_move),
    )


def _may(status: Status, can_move: bool) -> tuple[str, ...]:
    if status in OVER:
        return ()
    if status is Status.CALLING:
        return ("withdraw",)
    return ("move", "word", "withdraw") if can_move else ("word", "withdraw")


async def decides(connection: AsyncConnection, row: Any, wished_at: float) -> bool:
    """Whether the call would be for this request's time if it wished for that: nobody else who counts asks for an
    earlier one."""
    earlier = await connection.execute(
        select(Submission.id)
        .where(
            *_others(row),
            Submission.wished_at.is_(None) | (Submission.wished_at < wished_at),
        )
        .limit(1)
    )
    return earlier.first() is None


def _others(row: Any) -> tuple[ColumnElement[bool], ...]:
    """Requests of somebody else that count, for the same call."""
    return (
        Submission.callback_id == row.callback_id,
        Submission.id != row.id,
        Submission.withdrawn_at.is_(None),
        Submission.held.is_(False),
        Submission.repeats == 0,
        Submission.visitor.is_(None) | (Submission.visitor != (row.visitor or "")),
    )


async def _is_first(connection: AsyncConnection, row: Any) -> bool:
    """Whether nobody else had asked for this call before: it is theirs to follow."""
    earlier = await connection.execute(
        select(Submission.id).where(*_others(row), Submission.id < row.id).limit(1)
    )
    return earlier.first() is None


def _status(row: Any) -> Status:
    if row.withdrawn_at is not None:
        return Status.WITHDRAWN
    if row.state == State.CLOSED:
        told = (Outcome.REACHED, Outcome.CONTACT, Outcome.DONE_BY_HAND) if row.proven else (Outcome.REACHED,)
        return Status.REACHED if row.outcome in told else Status.CLOSED
    if row.state == State.HELD:
        return Status.HELD
    if row.state == State.DIALLING:
        return Status.CALLING
    return Status.UNREACHED if row.rung else Status.WAITING


def _little(row: Any) -> Status:
    """The same for somebody who joined, or whom nobody vouches for yet."""
    if row.withdrawn_at is not None:
        return Status.WITHDRAWN
    if row.state == State.CLOSED:
        return Status.CLOSED
    return Status.HELD if row.held else Status.WAITING
