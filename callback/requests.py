"""The door of the callback room: requests in, promises out, and every move a person makes with one. Visitors act by
their link, staff by the callback's id; who may is decided by whoever calls.

Each method is one transaction that writes the callback's story; `CallbackChanged` is published after the commit. What
is due, who is called and what follows from an attempt is decided elsewhere (`policy.py`, `scheduler.py`)."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from callback import intake, ledger, limits, promises, visitor
from callback.ask import Accepted, Answer, Ask, Correctable, Held
from callback.intake import Intake, Knows, Stands, Tie, knows_nobody, stands_always, tie_nobody
from callback.kinds import Outcome, State
from callback.links import Links
from callback.policy import Rules
from callback.secret_keys import SecretKeys
from callback.suppressions import Suppressions, is_listed
from callback.tables import Callback, Submission
from callback.visitor import Seen
from config.settings import Settings
from core.bus import Bus
from core.clock import Clock
from core.db import Database
from core.errors import ConflictError, InvalidInputError, NotFoundError
from core.facts import CallbackChanged

LONGEST_WORDS = 2000
"""Characters of what a visitor writes, all words together."""

LONGEST_REASON = 500

MOST_LAPSED = 500
"""Held requests closed in one transaction, the oldest first: the rest follows with the next turn."""

NOBODY_LOOKED = "Held for a manager’s word, which nobody gave in time."


class Requests:
    """One per application. `knows` tells customers' numbers, looked at first; `tie` writes down whose a request is."""

    def __init__(
        self,
        database: Database,
        bus: Bus,
        clock: Clock,
        settings: Settings,
        *,
        knows: Knows = knows_nobody,
        tie: Tie = tie_nobody,
    ) -> None:
        self._database = database
        self._bus = bus
        self._clock = clock
        self._settings = settings
        self.keys = SecretKeys(database)
        self.links = Links(self.keys)
        self.suppressions = Suppressions(database, self.keys)
        self.rules = {
            name: Rules.of(department, settings.callback, settings.site.time_zone)
            for name, department in settings.department.items()
        }
        self._intake = Intake(
            database, settings, self.rules, self.keys, self.links, self.suppressions, knows, tie
        )

    def countries_of(self, department: str) -> Collection[str]:
        """ISO codes of the countries that colleagues of this department may have called. Raises InvalidInputError for
        an unknown department."""
        return self._intake.countries_of(department)

    async def submit(self, ask: Ask, stands: Stands = stands_always) -> Answer:
        """Judge an ask, and promise it or hold it, if it still `stands`. The same call, or the same idempotency key
        with the same content, gets the same answer again.

        Raises InvalidInputError for a site or department that is not in the settings, ConflictError for an idempotency
        key that came with something else before.
        """
        now = self._clock()
        answer = await self._intake.take(ask, now, stands)
        if not isinstance(answer, Correctable):
            await self._bus.publish(CallbackChanged(answer.callback_id, now))
        return answer

    # ---- visitors, by their link. All raise NotFoundError for a link that is not, or no longer, good.

    async def by_link(self, token: str) -> Seen:
        """How the visitor's own request stands."""
        submission_id = await self._submission_of(token)
        async with self._database.read() as connection:
            return await self._look(connection, submission_id)

    async def withdraw(self, token: str) -> Seen:
        """Take this request back. The callback is closed when no other request is left. Nothing happens the second
        time, when it is over, or when it was only counted."""
        async with self._own(token) as (connection, row, now):
            if "withdraw" in (await self._look(connection, row.id)).may:
                await _change(connection, row.id, withdrawn_at=now)
                await self._tell_and_settle(connection, row, "withdrawn", now)
            seen = await self._look(connection, row.id)
        await self._changed(row.callback_id, now)
        return seen

    async def move(self, token: str, wished_at: float | None) -> Seen:
        """Wish for another time: a slot's beginning, or None for as soon as possible. What their page session asked for
        before moves along. The call is for that time from now on, unless the request is held.

        Raises ConflictError when the request is over, its call has begun, or the time is not theirs to choose;
        InvalidInputError when the slot is taken, somebody else who counts is to be called before, or the number was
        promised enough calls for today.
        """
        async with self._own(token) as (connection, row, now):
            seen = await self._look(connection, row.id)
            if "move" not in seen.may:
                raise ConflictError("the time of this call cannot be changed any more")
            is_had = wished_at is None or await self._is_free(connection, row, wished_at, now)
            if not (is_had and (row.held or await self._may_be_at(connection, row, wished_at, now))):
                raise InvalidInputError("this time is taken or past: choose another", field="wish")
            await _wish(connection, row, wished_at)
            await ledger.tell(connection, row.callback_id, now, "moved")
            if not row.held:
                callback = await _callback_of(connection, row)
                await promises.move(connection, callback, self._rules_of(row.department), now)
            seen = await self._look(connection, row.id)
        await self._changed(row.callback_id, now)
        return seen

    async def add_word(self, token: str, text: str) -> Seen:
        """Add to the request's message. Raises ConflictError when it is over, InvalidInputError when it is too long."""
        async with self._own(token) as (connection, row, now):
            seen = await self._look(connection, row.id)
            if "word" not in seen.may:
                raise ConflictError("nothing can be added to this request any more")
            message = f"{row.message}\n{text.strip()}".strip()
            if len(message) > LONGEST_WORDS:
                raise InvalidInputError(f"at most {LONGEST_WORDS} characters", field="message")
            await _change(connection, row.id, message=message)
            await ledger.tell(connection, row.callback_id, now, "word")
            seen = await self._look(connection, row.id)
        await self._changed(row.callback_id, now)
        return seen

    # ---- staff. All raise NotFoundError for an unknown id, ConflictError when the callback stands elsewhere meanwhile.

    async def release(self, callback_id: int, user_id: int | None) -> None:
        """A held callback is dialled after all; somebody vouches for what it was asked with. Raises ConflictError also
        when a site it came from runs dry."""
        await self.suppressions.prepare()
        async with self._callback(callback_id, (State.HELD,)) as (connection, row, now):
            await self._refuse_dry(connection, callback_id)
            if await is_listed(connection, await self.suppressions.hash(row.number)):
                raise ConflictError("this number asked not to be called: take it off the list first")
            await self._release(connection, row, now, user_id)

    async def refuse(self, callback_id: int, user_id: int | None, reason: str = "") -> None:
        """A held callback is not dialled, for good."""
        async with self._callback(callback_id, (State.HELD,)) as (connection, _, now):
            detail = _reason(reason)
            await ledger.close(connection, callback_id, now, Outcome.REFUSED, user_id=user_id, detail=detail)

    async def take(self, callback_id: int, user_id: int) -> None:
        """Make somebody the owner; what lay in the inbox is dialled again, for them."""
        async with self._callback(callback_id, (State.WAITING, State.INBOX)) as (connection, row, now):
            values: dict[str, Any] = {"owner_id": user_id}
            if row.state == State.INBOX:
                times = promises.promised(row.number, None, self._rules_of(row.department), now)
                kept = ("due_at", "expires_at", "postponed_until")
                values |= {"offers": 0, **{name: times[name] for name in kept}}
            await ledger.move(connection, callback_id, (State(row.state),), State.WAITING, **values)
            await ledger.tell(connection, callback_id, now, "taken", user_id=user_id)

    async def postpone(self, callback_id: int, user_id: int, until: float, reason: str) -> None:
        """Not before `until` (an instant). Raises InvalidInputError for a time past or too far, or no reason."""
        if not reason.strip():
            raise InvalidInputError("say why it is postponed: whoever calls wants to know", field="reason")
        async with self._callback(callback_id, (State.WAITING, State.INBOX)) as (connection, row, now):
            intake.check_instant(until, now, "until")
            times = promises.promised(row.number, until, self._rules_of(row.department), now)
            values = {**times, "postponed_until": until, "offers": 0}
            await ledger.move(connection, callback_id, (State(row.state),), State.WAITING, **values)
            await ledger.tell(
                connection, callback_id, now, "postponed", user_id=user_id, detail=_reason(reason)
            )

    async def close(self, callback_id: int, user_id: int | None, reason: str = "") -> None:
        """Nothing is owed any more, says somebody of ours."""
        async with self._callback(callback_id, ledger.OPEN) as (connection, _, now):
            detail = _reason(reason)
            await ledger.close(
                connection, callback_id, now, Outcome.DONE_BY_HAND, user_id=user_id, detail=detail
            )

    # ---- by itself

    async def upkeep(self) -> None:
        """To be called every minute or so: close what was held until its time was over; promise what was held for
        nothing but too many requests in one minute, the likeliest customers first, as far as there is room; forget what
        is old enough."""
        for lapsed in await self._expire_held():
            await self._changed(lapsed, self._clock())
        while (callback_id := await self._release_best()) is not None:
            await self._changed(callback_id, self._clock())
        async with self._database.write() as connection:
            await limits.sweep(connection, self._clock(), self._settings.callback.address_days)

    async def _expire_held(self) -> list[int]:
        """Whom nobody would call any more even if a manager said so now. They were promised no minute, and a list that
        only grows is not read."""
        now = self._clock()
        lapsed = select(Callback.id).where(Callback.state == State.HELD.value, Callback.expires_at <= now)
        async with self._database.read() as connection:
            ids = (await connection.scalars(lapsed.order_by(Callback.id).limit(MOST_LAPSED))).all()
        if not ids:
            return []
        async with self._database.write() as connection:
            return [one for one in ids if await _lapse(connection, one, now)]

    async def _release_best(self) -> int | None:
        """The one whose turn it is; where other limits were reached meanwhile it waits for a manager from now on."""
        now, caps = self._clock(), self._settings.callback.limits
        room = limits.of_site(caps)
        best = (
            select(Callback)
            .where(Callback.state == State.HELD.value, Callback.reasons == room.limit.value)
            .order_by(Callback.rank.desc(), Callback.arrived_at, Callback.id)
            .limit(1)
        )
        async with self._database.write() as connection:
            await promises.in_turn(connection)
            row = (await connection.execute(best.with_for_update())).one_or_none()
            if row is None:
                return None
            counters = [limits.of_number(row.number, caps), limits.of_prefix(row.number, caps)]
            counts = await limits.read(connection, [one.key for one in (room, *counters)], now)
            if not counts.has_room(room):
                return None
            over = [one.limit.value for one in counters if not counts.has_room(one)]
            if over:
                reasons = " ".join([row.reasons, *over])
                await connection.execute(
                    update(Callback).where(Callback.id == row.id).values(reasons=reasons)
                )
            else:
                await limits.add(connection, [one.tally for one in (room, *counters)], now)
                await self._release(connection, row, now, None)
                await ledger.tell_others(connection, row, row.id, now)
        return int(row.id)

    # ---- within

    async def _release(self, connection: AsyncConnection, row: Any, now: float, user_id: int | None) -> None:
        await connection.execute(
            update(Submission).where(Submission.callback_id == row.id).values(held=False)
        )
        await ledger.move(connection, row.id, (State.HELD,), State.WAITING, reasons="")
        await promises.promise_anew(connection, row, self._rules_of(row.department), now)
        await ledger.tell(connection, row.id, now, "released", user_id=user_id)

    @asynccontextmanager
    async def _own(self, token: str) -> AsyncIterator[tuple[AsyncConnection, Any, float]]:
        """A transaction with the visitor's request, its callback locked first: its state is read after that."""
        submission_id, now = await self._submission_of(token), self._clock()
        async with self._database.write() as connection:
            await promises.in_turn(connection)
            of = select(Submission.callback_id).where(Submission.id == submission_id).scalar_subquery()
            asked = select(Callback).where(Callback.id == of).with_for_update()
            before = (await connection.execute(asked)).one_or_none()
            row = await visitor.find(connection, submission_id)
            if row is None or before is None:
                raise NotFoundError("this link is no longer good")
            yield connection, row, now
            await ledger.tell_others(connection, before, before.id, now)

    async def _submission_of(self, token: str) -> int:
        submission_id = await self.links.submission_of(token, self._clock())
        if submission_id is None:
            raise NotFoundError("this link is no longer good")
        return submission_id

    async def _look(self, connection: AsyncConnection, submission_id: int) -> Seen:
        row = await visitor.find(connection, submission_id)
        if row is None:
            raise NotFoundError("this link is no longer good")
        department = self._settings.department.get(row.department)
        minutes = department.slot_minutes if department else 30
        return await visitor.look(connection, row, minutes, self._clock())

    async def _tell_and_settle(self, connection: AsyncConnection, row: Any, kind: str, now: float) -> None:
        await ledger.tell(connection, row.callback_id, now, kind)
        callback = await _callback_of(connection, row)
        await promises.settle(connection, callback, row.wished_at, self._rules_of(row.department), now)

    async def _may_be_at(
        self, connection: AsyncConnection, row: Any, wished_at: float | None, now: float
    ) -> bool:
        """Whether the call can be for that time: nobody else has it before, and the number's own limit, which counts
        what gets before a retry like a new request, has room."""
        callback, rules = await _callback_of(connection, row), self._rules_of(row.department)
        due_at = promises.promised(row.number, wished_at, rules, now)["due_at"]
        if not await visitor.decides(connection, row, now if wished_at is None else wished_at):
            return False
        if not promises.dials_more(callback, due_at, trusted=True):
            return True
        counter = limits.of_number(row.number, self._settings.callback.limits)
        if not (await limits.read(connection, [counter.key], now)).has_room(counter):
            return False
        await limits.add(connection, [counter.tally], now)
        return True

    async def _is_free(self, connection: AsyncConnection, row: Any, begin: float, now: float) -> bool:
        return await intake.is_slot_free(
            connection,
            row.number,
            row.department,
            begin,
            self._rules_of(row.department),
            now,
            row.callback_id,
        )

    @asynccontextmanager
    async def _callback(
        self, callback_id: int, states: Collection[State]
    ) -> AsyncIterator[tuple[AsyncConnection, Any, float]]:
        """A transaction with the locked callback in one of these states; the change is published when it is over."""
        now = self._clock()
        async with self._database.write() as connection:
            asked = select(Callback).where(Callback.id == callback_id).with_for_update()
            row = (await connection.execute(asked)).one_or_none()
            if row is None:
                raise NotFoundError(f"there is no callback {callback_id}")
            if row.state not in states:
                raise ConflictError(f"this callback is {row.state} now")
            yield connection, row, now
            await ledger.tell_others(connection, row, callback_id, now)
        await self._changed(callback_id, now)

    def _rules_of(self, department: str) -> Rules:
        rules = self.rules.get(department)
        if rules is None:
            raise ConflictError(f"there is no [department.{department}] in the settings any more")
        return rules

    async def _refuse_dry(self, connection: AsyncConnection, callback_id: int) -> None:
        sites = await connection.scalars(
            select(Submission.site).where(Submission.callback_id == callback_id).distinct()
        )
        for name in sites:
            site = self._settings.website.get(name or "")
            if site is not None and site.dry_run:
                raise ConflictError(
                    f"nobody is dialled for this site: set website.{name}.dry_run = false first"
                )

    async def _changed(self, callback_id: int, at: float) -> None:
        await self._bus.publish(CallbackChanged(callback_id, at))


async def _lapse(connection: AsyncConnection, callback_id: int, now: float) -> bool:
    """Close one that is still held."""
    return await ledger.close(
        connection, callback_id, now, Outcome.EXPIRED, came_from=(State.HELD,), detail=NOBODY_LOOKED
    )


async def _change(connection: AsyncConnection, submission_id: int, **values: object) -> None:
    await connection.execute(update(Submission).where(Submission.id == submission_id).values(values))


async def _wish(connection: AsyncConnection, row: Any, wished_at: float | None) -> None:
    """For this request, and what the same page session asked for besides."""
    await _change(connection, row.id, wished_at=wished_at)
    if row.visitor is not None and not row.held:
        own = (
            Submission.visitor == row.visitor,
            Submission.held.is_(False),
            Submission.withdrawn_at.is_(None),
        )
        await connection.execute(
            update(Submission)
            .where(Submission.callback_id == row.callback_id, *own)
            .values(wished_at=wished_at)
        )


async def _callback_of(connection: AsyncConnection, row: Any) -> Any:
    return (await connection.execute(select(Callback).where(Callback.id == row.callback_id))).one()


def _reason(text: str) -> str | None:
    return text.strip()[:LONGEST_REASON] or None


__all__ = ["Accepted", "Answer", "Ask", "Correctable", "Held", "Knows", "Requests", "Seen"]
