"""One open callback per number and department: how requests become, join and leave it. All inside the caller's
transaction; asks of strangers were judged before. A held request changes nothing of a callback that others wait for.

What a callback promises is the earliest wish among its requests, in the order of the earliest arrival. When requests
are taken back it is worked out anew from those that are left."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from sqlalchemy import bindparam, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from callback import ledger, policy
from callback.ask import Ask
from callback.kinds import Outcome, State
from callback.policy import Rules
from callback.tables import Callback, Submission
from core.equivalences import spellings

Text = TypeVar("Text", str, str | None)

TURN_LOCK = 0x52494E49
"""PostgreSQL advisory lock: requests are promised one after the other, so that two never take the last place of a slot
or of a limit. They are few, and each takes milliseconds."""

# Made once: putting a statement together costs several times what SQLite needs to execute it.
FIND = (
    select(Callback)
    .where(
        Callback.number.in_(bindparam("numbers", expanding=True)),
        Callback.department == bindparam("department"),
        Callback.closed_at.is_(None),
    )
    .order_by(Callback.id)
    .limit(1)
    .with_for_update()
)
OPEN = insert(Callback).returning(Callback.id)
STORE = insert(Submission).returning(Submission.id)


@dataclass(frozen=True, slots=True)
class Wish:
    """What one request adds to a callback. `wished_at` is a slot's beginning, None: as soon as possible. `trusted`: it
    comes from the customer, or from whom the callback is of anyway, so it may have them called before a retry, or
    before somebody of ours wanted to. `is_repeat`: it is only counted, so it adds no line to the story."""

    number: str
    department: str
    arrived_at: float
    wished_at: float | None
    proven: bool
    owner_id: int | None
    place: int | None
    trusted: bool
    reasons: tuple[str, ...]
    rank: int
    is_repeat: bool = False

    @property
    def state(self) -> State:
        return State.HELD if self.reasons else State.WAITING


async def in_turn(connection: AsyncConnection) -> None:
    """Wait until no other server is promising anything. SQLite has one writer anyway."""
    if connection.dialect.name == "postgresql":
        await connection.execute(select(func.pg_advisory_xact_lock(TURN_LOCK)))


async def find_open(connection: AsyncConnection, number: str, department: str) -> Any:
    """The row of the open callback to this telephone, in whatever spelling, locked; None when there is none."""
    asked = {"numbers": spellings(number), "department": department}
    return (await connection.execute(FIND, asked)).one_or_none()


async def promise(connection: AsyncConnection, row: Any, wish: Wish, rules: Rules, now: float) -> int:
    """Open a callback, or join `row`, the open one. Returns its id."""
    if row is None:
        return await _open(connection, wish, rules, now)
    if wish.reasons:
        await _join_held(connection, row, wish, promised(wish.number, wish.wished_at, rules, now))
    else:
        await _join(connection, row, wish, rules, now)
    return int(row.id)


async def _open(connection: AsyncConnection, wish: Wish, rules: Rules, now: float) -> int:
    values = {
        "number": wish.number,
        "department": wish.department,
        "state": wish.state.value,
        "proven": wish.proven,
        "created_at": now,
        "arrived_at": wish.arrived_at,
        "owner_id": wish.owner_id,
        "place": wish.place,
        "reasons": " ".join(wish.reasons),
        "rank": wish.rank,
        **promised(wish.number, wish.wished_at, rules, now),
    }
    made = await connection.execute(OPEN, values)
    callback_id = int(made.scalar_one())
    await ledger.tell(connection, callback_id, now, "held" if wish.reasons else "requested")
    return callback_id


async def _join(connection: AsyncConnection, row: Any, wish: Wish, rules: Rules, now: float) -> None:
    """A good request: the callback is dialled from now on, whatever it waited for before."""
    values: dict[str, Any] = {
        "arrived_at": min(row.arrived_at, wish.arrived_at),
        "proven": row.proven or wish.proven,
        "owner_id": row.owner_id or wish.owner_id,
        "place": row.place or wish.place,
        "rank": max(row.rank, wish.rank),
    }
    if row.state == State.HELD:
        # What was held promised nothing, so nothing of it counts.
        values |= {"arrived_at": wish.arrived_at, "proven": wish.proven, "reasons": ""}
    times = promised(wish.number, wish.wished_at, rules, now)
    if row.state == State.HELD and is_held_back(row) and not wish.trusted:
        times["due_at"] = max(times["due_at"], row.due_at)
    if row.state in (State.HELD, State.INBOX) or advances(row, times["due_at"], wish.trusted):
        values |= times
    values["expires_at"] = max(row.expires_at, times["expires_at"])
    if row.state == State.INBOX:
        values["offers"] = 0
    if row.state in (State.HELD, State.INBOX):
        values["state"] = State.WAITING.value
    await connection.execute(update(Callback).where(Callback.id == row.id).values(values))
    if not wish.is_repeat:
        await ledger.tell(connection, row.id, now, "joined")


def is_held_back(row: Any) -> bool:
    """Whether there is a reason for its time that strangers cannot know: a retry, agents' turns, somebody's word."""
    return bool(row.rung or row.offers or row.postponed_until is not None)


def advances(row: Any, due_at: float, trusted: bool) -> bool:
    """Whether one more request has the open callback dialled earlier, at `due_at`. Who merely types the number never
    gets before a retry or a postponement; agents' own turns nobody advances."""
    if row.state != State.WAITING or due_at >= row.due_at:
        return False
    return not is_held_back(row) or dials_more(row, due_at, trusted)


def dials_more(row: Any, due_at: float, trusted: bool) -> bool:
    """Whether this request would have the customer's phone ring once more than without it, so that the limits of their
    number count it: it opens a callback, wakes one that a person was to look at, or gets before a retry."""
    if row is None or row.state in (State.HELD, State.INBOX):
        return True
    was_put_off = bool(row.rung) or row.postponed_until is not None
    return row.state == State.WAITING and trusted and was_put_off and due_at < row.due_at


async def is_of(connection: AsyncConnection, row: Any, visitor: str | None) -> bool:
    """Whether this page session (hashed) asked for the call first, among those that count."""
    if row is None or visitor is None:
        return False
    first = await connection.scalar(
        select(Submission.visitor)
        .where(
            Submission.callback_id == row.id,
            Submission.withdrawn_at.is_(None),
            Submission.held.is_(False),
            Submission.repeats == 0,
        )
        .order_by(Submission.id)
        .limit(1)
    )
    return bool(first == visitor)


async def _join_held(
    connection: AsyncConnection, row: Any, wish: Wish, times: Mapping[str, float | None]
) -> None:
    if row.state == State.HELD:
        reasons = dict.fromkeys((*row.reasons.split(), *wish.reasons))
        values = {
            "reasons": " ".join(reasons),
            "rank": max(row.rank, wish.rank),
            "expires_at": max(row.expires_at, times["expires_at"]),
        }
        await connection.execute(update(Callback).where(Callback.id == row.id).values(values))


def promised(number: str, wished_at: float | None, rules: Rules, now: float) -> dict[str, Any]:
    """The columns of a promise. Where department and customer share no time of day it falls due at once: what to do is
    then said when it is looked at."""
    begin = now if wished_at is None else max(wished_at, now)
    times = policy.first_times(number, begin, rules) or policy.Times(begin, begin + rules.expire_s)
    until = None if wished_at is None else wished_at + rules.slot_minutes * 60
    return {
        "promised_from": wished_at,
        "promised_until": until,
        "due_at": times.due_at,
        "expires_at": times.expires_at,
        "postponed_until": None,
    }


async def store(connection: AsyncConnection, callback_id: int, ask: Ask, wish: Wish, **values: Any) -> int:
    """Write the request itself. Returns its id."""
    visit = ask.visit
    row = {
        "callback_id": callback_id,
        "source": ask.source.value,
        "site": ask.site,
        "name": clean(ask.name, 200),
        "message": clean(ask.message, 2000),
        "wished_at": wish.wished_at,
        "page_url": clean(visit.page_url, 2000),
        "referrer": clean(visit.referrer, 2000),
        "utm": json.dumps({clean(key, 60): clean(value, 200) for key, value in visit.utm.items()}),
        "language": clean(visit.language, 10),
        "consent": clean(visit.consent, 2000),
        "address": clean(visit.address, 45),
        "held": bool(wish.reasons),
        "reasons": " ".join(wish.reasons) or "passed",
        "arrived_at": wish.arrived_at,
        "proven": wish.proven,
        "idempotency_key": ask.idempotency_key,
        "call_id": ask.call_id,
        "user_id": ask.user_id,
        "withdrawn_at": None,
        **values,
    }
    made = await connection.execute(STORE, row)
    return int(made.scalar_one())


def clean(text: Text, length: int) -> Text:
    """Text that every database takes: no NUL, no half of a surrogate pair, trimmed and cut."""
    if text is None:
        return None
    return text.encode("utf-8", "replace").decode().replace("\0", "").strip()[:length]


async def taken_slots(
    connection: AsyncConnection, department: str, since: float, but: int | None
) -> list[float]:
    """Beginnings of the slots that open callbacks are promised for; `but` is a callback that may move anyway."""
    rows = await connection.scalars(
        select(Callback.promised_from).where(
            Callback.department == department,
            Callback.closed_at.is_(None),
            Callback.state != State.HELD.value,
            Callback.promised_from >= since,
            Callback.id != (but or 0),
        )
    )
    return [begin for begin in rows if begin is not None]


async def settle(
    connection: AsyncConnection, row: Any, wished_before: float | None, rules: Rules, now: float
) -> None:
    """Work a callback (`row`, locked) out anew after one of its requests was taken back, which had wished for
    `wished_before`. What was tried or postponed meanwhile stays as it is, and nobody is called sooner."""
    requests = await _living(connection, row.id)
    if not requests:
        await ledger.close(connection, row.id, now, Outcome.WITHDRAWN)
        return
    if all(one.held for one in requests):
        if await ledger.move(connection, row.id, (State.WAITING, State.INBOX), State.HELD):
            reasons = " ".join(dict.fromkeys(" ".join(one.reasons for one in requests).split()))
            await connection.execute(update(Callback).where(Callback.id == row.id).values(reasons=reasons))
            await ledger.tell(connection, row.id, now, "held")
        return
    is_put_off = bool(row.rung) or row.postponed_until is not None
    if row.state != State.DIALLING and not is_put_off and row.promised_from == wished_before:
        await promise_anew(connection, row, rules, now, not_before=row.due_at)


async def _living(connection: AsyncConnection, callback_id: int) -> list[Any]:
    rows = await connection.execute(
        select(
            Submission.held,
            Submission.reasons,
            Submission.wished_at,
            Submission.at,
            Submission.arrived_at,
            Submission.proven,
        ).where(
            Submission.callback_id == callback_id,
            Submission.withdrawn_at.is_(None),
            Submission.repeats == 0,
        )
    )
    return list(rows)


async def move(connection: AsyncConnection, row: Any, rules: Rules, now: float) -> None:
    """A visitor wished for another time, which counts from now on: before any retry, and against what somebody of ours
    thought best. The rungs of the ladder stay used."""
    if row.state == State.INBOX:
        await ledger.move(connection, row.id, (State.INBOX,), State.WAITING, offers=0)
    await promise_anew(connection, row, rules, now)


async def promise_anew(
    connection: AsyncConnection, row: Any, rules: Rules, now: float, *, not_before: float = 0.0
) -> None:
    """Promise what the requests ask for that are not held."""
    good = [one for one in await _living(connection, row.id) if not one.held]
    first = min(good, key=lambda one: one.at if one.wished_at is None else one.wished_at)
    values = {
        "arrived_at": min(one.arrived_at for one in good),
        "proven": any(one.proven for one in good),
        **promised(row.number, first.wished_at, rules, now),
    }
    values["due_at"] = max(values["due_at"], not_before)
    await connection.execute(update(Callback).where(Callback.id == row.id).values(values))
