"""The moves of a callback, each inside the caller's transaction: what changes, the line of its story, and, when it
closes, the durable fact. Every other file moves callbacks through here, so that none moves silently. Publishing
`CallbackChanged` after the commit is the caller's."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from sqlalchemy import Row, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from callback.kinds import Outcome, State
from callback.tables import Callback, CallbackStep
from core import fact_log
from core.facts import CallbackClosed, CallbackMoved, CallbackReopened, CallbackRequested, Fact


async def tell(
    connection: AsyncConnection,
    callback_id: int,
    at: float,
    kind: str,
    *,
    user_id: int | None = None,
    detail: str | None = None,
) -> None:
    """Add a line to the callback's story. `detail` is for people and never holds a number."""
    line = {"callback_id": callback_id, "at": at, "kind": kind, "user_id": user_id, "detail": detail}
    await connection.execute(insert(CallbackStep), line)


async def move(
    connection: AsyncConnection, callback_id: int, came_from: Collection[State], to: State, **values: Any
) -> bool:
    """Bring a callback from one of these states to another. False when it stands elsewhere meanwhile."""
    moved = await connection.execute(
        update(Callback)
        .where(Callback.id == callback_id, Callback.state.in_([one.value for one in came_from]))
        .values(state=to.value, **values)
    )
    return moved.rowcount == 1


OPEN = (State.WAITING, State.HELD, State.DIALLING, State.INBOX)


async def close(
    connection: AsyncConnection,
    callback_id: int,
    at: float,
    outcome: Outcome,
    *,
    came_from: Collection[State] = OPEN,
    user_id: int | None = None,
    call_id: str | None = None,
    detail: str | None = None,
) -> bool:
    """End the promise. False when it was closed already or stands in none of `came_from`."""
    closed = await move(
        connection,
        callback_id,
        came_from,
        State.CLOSED,
        closed_at=at,
        outcome=outcome.value,
        closed_by=user_id,
        closed_call_id=call_id,
    )
    if not closed:
        return False
    await tell(connection, callback_id, at, f"closed_{outcome.value}", user_id=user_id, detail=detail)
    number, department = await _whose(connection, callback_id)
    await _log(
        connection, CallbackClosed(callback_id, at, number, department, outcome.value), callback_id, at
    )
    return True


async def tell_others(
    connection: AsyncConnection, before: Row[Any] | None, callback_id: int, at: float
) -> None:
    """What a request, or somebody's word, changed about what is promised, as a durable fact: towards the end of the
    transaction. `before` is the callback's row as it stood, None when there was none. Its end is told by `close`."""
    row = (await connection.execute(select(Callback).where(Callback.id == callback_id))).one()
    now = (row.due_at, row.state == State.HELD)
    was = None if before is None else (before.due_at, before.state == State.HELD)
    if row.state == State.CLOSED or now == was:
        return
    kind = CallbackRequested if before is None else CallbackMoved
    await _log(connection, kind(callback_id, at, row.number, row.department, *now), callback_id, at)


async def reopen(
    connection: AsyncConnection, callback_id: int, at: float, to: State = State.DIALLING
) -> bool:
    """Take a closing back: the callback stands where its last attempt had brought it, or elsewhere. False when it is
    not closed."""
    reopened = await move(
        connection,
        callback_id,
        (State.CLOSED,),
        to,
        closed_at=None,
        outcome=None,
        closed_by=None,
        closed_call_id=None,
    )
    if reopened:
        number, department = await _whose(connection, callback_id)
        await _log(connection, CallbackReopened(callback_id, at, number, department), callback_id, at)
    return reopened


async def _whose(connection: AsyncConnection, callback_id: int) -> tuple[str, str]:
    asked = select(Callback.number, Callback.department).where(Callback.id == callback_id)
    row = (await connection.execute(asked)).one()
    return row.number, row.department


async def _log(connection: AsyncConnection, fact: Fact, callback_id: int, at: float) -> None:
    await fact_log.append(connection, fact, subject=f"callback-{callback_id}", at=at)
