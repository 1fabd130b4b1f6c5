"""Click-to-call: a person's own call, placed like every other attempt: a committed row first, their phone first, sent
at most once. In: who clicked, their phone, a number (E.164), an idempotency key; out: the attempt.

Nobody is called behind anybody's back: numbers on the suppression list are refused, and where a callback to the number
waits the click keeps that promise, so that the scheduler does not dial the same customer a minute later. A person's own
call uses the same lines and the same money, so the limits of dialling hold for it; opening hours, quiet time and a
trunk that failed do not: whoever clicks has looked at the clock, and may try."""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from callback import kinds, ledger, policy, promises
from callback.attempts import Made, claim, new_attempt_id, store
from callback.budgets import Budgets
from callback.kinds import AttemptKind, State
from callback.tables import IS_RUNNING, Attempt, Callback
from core.accounts import UserDevice
from core.clock import Clock
from core.db import Database
from core.errors import ConflictError, InvalidInputError, PbxError, TooManyRequestsError
from core.ports import Dialer, DialOrder

LONGEST_KEY = 180

REACHED = {
    kinds.NotNow.BUDGET: "as many calls as may go on at once, or begin within a minute, already do",
    kinds.NotNow.MINUTES: "the minutes for calls of 24 hours are used up",
    kinds.NotNow.MONEY: "the money for calls of 24 hours is used up",
}

Place = Callable[[Made], Awaitable[None]]
IsSuppressed = Callable[[str], Awaitable[bool]]


@dataclass(frozen=True, slots=True)
class Click:
    """What somebody wants. `callback_id` names the callback they act on, None: the number alone. `key` already names
    its sender."""

    user_id: int
    device: UserDevice
    number: str
    key: str
    callback_id: int | None = None


class Clicks:
    """One per application. `place` sends a committed attempt (`Scheduler.place`)."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        dialer: Dialer,
        place: Place,
        *,
        budgets: Budgets,
        is_suppressed: IsSuppressed,
    ) -> None:
        self._database = database
        self._clock = clock
        self._dialer = dialer
        self._place = place
        self._budgets = budgets
        self._suppressed = is_suppressed

    async def call(self, click: Click) -> str:
        """Ring this person's phone and then the customer's; returns the attempt's id. The same key again returns the
        same attempt and rings nobody.

        Raises InvalidInputError for a key that is too long, ConflictError for a suppressed number, a person or a
        customer who is being called already, TooManyRequestsError with the wait when a limit of dialling is reached,
        PbxError when the PBX cannot be dialled through.
        """
        if not 0 < len(click.key) <= LONGEST_KEY:
            raise InvalidInputError(f"an Idempotency-Key has 1 to {LONGEST_KEY} characters")
        if await self._suppressed(click.number):
            raise ConflictError("this number asked not to be called")
        made, is_new = await self._commit(click)
        if is_new:
            await self._place(made)
        return made.order.attempt_id

    async def _commit(self, click: Click) -> tuple[Made, bool]:
        now = self._clock()
        order = DialOrder(new_attempt_id(), click.device.pbx, click.number, agent=click.device)
        async with self._database.write() as connection:
            await promises.in_turn(connection)  # two clicks never take the last place of a limit
            before = await _of_key(connection, click.key)
            if before is not None:
                return _again(click, before, now)
            if (away := self._dialer.sees(click.device.pbx)) is not None:
                raise PbxError(f"the PBX cannot be dialled through now: {away}")
            await _refuse_second(connection, click.user_id)
            _refuse_above(await self._budgets.for_click(connection, now), now)
            callback_id = await _take(connection, click)
            made = Made(order, AttemptKind.CLICK, now, click.user_id, callback_id, click.key)
            if callback_id is None:
                await store(connection, made)
            elif not await claim(connection, made):
                raise ConflictError("this callback was taken a moment ago")
        return made, True


def _again(click: Click, before: Any, now: float) -> tuple[Made, bool]:
    if before.number != click.number or before.user_id != click.user_id:
        raise ConflictError("this Idempotency-Key was used for another call: use a new key for each")
    order = DialOrder(before.id, before.pbx, before.number, agent=click.device)
    return Made(order, AttemptKind.CLICK, now, click.user_id, before.callback_id, click.key), False


async def _of_key(connection: AsyncConnection, key: str) -> Any:
    found = await connection.execute(select(Attempt).where(Attempt.idempotency_key == key))
    return found.one_or_none()


def _refuse_above(limit: policy.NotNow | None, now: float) -> None:
    if limit is not None:
        wait = max(1, math.ceil(limit.look_again_at - now))
        words = f"{REACHED[limit.reason]}: try again in {_spoken(wait)}"
        raise TooManyRequestsError(words, retry_after=wait)


def _spoken(seconds: int) -> str:
    hours, minutes = divmod(math.ceil(seconds / 60), 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min" if seconds > 120 else f"{seconds} s"


async def _refuse_second(connection: AsyncConnection, user_id: int) -> None:
    """An impatient second click with a new key is still the same wish."""
    running = await connection.execute(
        select(Attempt.id).where(Attempt.user_id == user_id, IS_RUNNING).limit(1)
    )
    if running.first() is not None:
        raise ConflictError("a call is being placed for you already")


async def _take(connection: AsyncConnection, click: Click) -> int | None:
    """The callback that this call keeps, waiting to be claimed: the one acted on, else the oldest owed to them."""
    of = (
        Callback.id == click.callback_id if click.callback_id is not None else Callback.number == click.number
    )
    rows = await connection.execute(
        select(Callback.id, Callback.state)
        .where(of, Callback.closed_at.is_(None))
        .order_by(Callback.arrived_at)
        .with_for_update()
    )
    found = rows.all()
    if any(row.state == State.DIALLING for row in found):
        raise ConflictError("this customer is being called back right now")
    row = next((row for row in found if row.state in (State.WAITING, State.INBOX)), None)
    if row is None and click.callback_id is not None:
        raise ConflictError("this callback is not waiting any more")
    if row is None:
        return None
    if row.state == State.INBOX:
        await ledger.move(connection, row.id, (State.INBOX,), State.WAITING)
    return int(row.id)
