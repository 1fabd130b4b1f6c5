"""What follows for a callback when an attempt has ended: the decision of `policy.after`, written down inside the
caller's transaction."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from math import inf
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from callback import ledger, policy
from callback.kinds import NO_RUNG, Result, State
from callback.policy import Promise, Rules
from callback.tables import Attempt, Callback, CallbackStep

COLUMNS = (
    Callback.id,
    Callback.number,
    Callback.department,
    Callback.state,
    Callback.arrived_at,
    Callback.due_at,
    Callback.expires_at,
    Callback.rung,
    Callback.offers,
    Callback.owner_id,
    Callback.proven,
    Callback.place,
    Callback.why_not,
)
"""What `promise_of` needs of a row, and whoever shows why it waits."""


OFFERED = frozenset({Result.AGENT_NO_ANSWER, Result.AGENT_DECLINED})
"""An agent was asked, and did not go on to the customer."""


class Progress:
    """Knows each department's rules."""

    def __init__(self, rules: Mapping[str, Rules]) -> None:
        self._rules = rules

    async def go_on(
        self, connection: AsyncConnection, callback_id: int, result: Result, at: float, call_id: str | None
    ) -> None:
        """Bring the callback from DIALLING to where `result` leaves it. One that was closed meanwhile stays closed."""
        row = (await connection.execute(select(*COLUMNS).where(Callback.id == callback_id))).one()
        rules = self._rules.get(row.department)
        if rules is None:
            await to_inbox(connection, callback_id, at, f"there is no [department.{row.department}] any more")
            return
        refused_by = await declined(connection, [callback_id])
        promise = promise_of(row, refused_by.get(callback_id, frozenset()))
        match policy.after(promise, result, rules, at):
            case policy.Again(due_at, rung, offers):
                values = {"due_at": due_at, "rung": rung, "offers": offers}
                if row.place is not None and result in OFFERED:
                    values["place"] = 1  # its turn had come: whoever waits now came later
                await ledger.move(connection, callback_id, (State.DIALLING,), State.WAITING, **values)
            case policy.ToInbox(reason):
                await to_inbox(connection, callback_id, at, reason)
            case policy.Close(outcome):
                await ledger.close(connection, callback_id, at, outcome, call_id=call_id)


async def to_inbox(connection: AsyncConnection, callback_id: int, at: float, reason: str) -> None:
    """A person has to act."""
    if await ledger.move(connection, callback_id, (State.DIALLING, State.WAITING), State.INBOX):
        await ledger.tell(connection, callback_id, at, "inbox", detail=reason)


def promise_of(
    row: Any, declined: frozenset[int] = frozenset(), responsible_id: int | None = None
) -> Promise:
    """A row of `callbacks` as policy wants it."""
    return Promise(
        id=row.id,
        number=row.number,
        arrived_at=row.arrived_at,
        due_at=row.due_at,
        expires_at=row.expires_at,
        rung=row.rung,
        offers=row.offers,
        owner_id=row.owner_id,
        responsible_id=responsible_id,
        proven=row.proven,
        holds_place=row.place is not None,
        declined=declined,
    )


async def declined(connection: AsyncConnection, callback_ids: Collection[int]) -> dict[int, frozenset[int]]:
    """For each callback the agents who did not take it since its customer was dialled last, and who have not said since
    that they will."""
    taken = await _taken(connection, callback_ids)
    rows = await connection.execute(
        select(Attempt.callback_id, Attempt.user_id, Attempt.result, Attempt.made_at)
        .where(Attempt.callback_id.in_(callback_ids), Attempt.ended_at.is_not(None))
        .order_by(Attempt.made_at.desc())
    )
    found: dict[int, set[int]] = {}
    dialled: set[int] = set()
    for callback_id, user_id, result, made_at in rows:
        if callback_id is None or callback_id in dialled:
            continue
        if result not in NO_RUNG:
            dialled.add(callback_id)
        elif user_id is not None and made_at > taken.get((callback_id, user_id), -inf):
            found.setdefault(callback_id, set()).add(user_id)
    return {callback_id: frozenset(users) for callback_id, users in found.items()}


async def _taken(
    connection: AsyncConnection, callback_ids: Collection[int]
) -> dict[tuple[int | None, int | None], float]:
    """When each of them was last taken by whom."""
    rows = await connection.execute(
        select(CallbackStep.callback_id, CallbackStep.user_id, func.max(CallbackStep.at))
        .where(CallbackStep.callback_id.in_(callback_ids), CallbackStep.kind == "taken")
        .group_by(CallbackStep.callback_id, CallbackStep.user_id)
    )
    return {(callback_id, user_id): at for callback_id, user_id, at in rows}
