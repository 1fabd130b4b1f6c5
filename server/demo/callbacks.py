"""The demo's callbacks: some that were kept in the past days, and some that customers wait for now, each with what was
asked and what happened. Written as rows, since nobody was there to be called; the attempts that will come are real."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from callback.kinds import AttemptKind, AttemptState, Outcome, Result, Source, State
from callback.tables import Attempt, Callback, CallbackStep, Submission
from core.accounts import UserDevice
from core.db import Database
from core.facts import REQUEST_PREFIX

HOUR_S, DAY_S = 3600.0, 86_400.0
SHOP = "https://shop.example.com"


@dataclass(frozen=True, slots=True)
class Sample:
    """`ago_s` before the demo starts it was asked for; `slot_s` after that lies the time promised, None: at once."""

    number: str
    ago_s: float
    source: Source
    name: str = ""
    message: str = ""
    page: str = ""
    campaign: str = ""
    slot_s: float | None = None
    state: State = State.CLOSED
    outcome: Outcome | None = Outcome.REACHED
    results: tuple[Result, ...] = (Result.REACHED,)
    reasons: str = ""


SAMPLES = (
    Sample("+4915550100101", 3 * DAY_S, Source.WEB, "Lena Vogel", "Do you deliver to Görlitz?", "/delivery", "autumn"),
    Sample("+48221110201", 2.6 * DAY_S, Source.MISSED, results=(Result.NO_ANSWER, Result.REACHED)),
    Sample("+48221110202", 2.2 * DAY_S, Source.QUEUE, results=(Result.REACHED,)),
    Sample("+48221110203", 1.9 * DAY_S, Source.WEB, "Adam Sikora", "A quote for twelve ladders, please.",
           "/ladders/aluminium-3x12", "newsletter", slot_s=2 * HOUR_S),
    Sample("+48221110204", 1.7 * DAY_S, Source.MISSED, outcome=Outcome.CONTACT, results=(Result.BUSY,)),
    Sample("+48221110205", 1.2 * DAY_S, Source.WEB, "Irena Wrona", "", "/contact", "", slot_s=HOUR_S,
           outcome=Outcome.EXHAUSTED, results=(Result.NO_ANSWER, Result.NO_ANSWER, Result.BUSY, Result.NO_ANSWER)),
    Sample("+48221110206", 20 * HOUR_S, Source.AGENT, message="Wants to hear about the scaffold’s price.",
           outcome=Outcome.DONE_BY_HAND, results=(Result.AGENT_NO_ANSWER,)),
    Sample("+48221110207", 19 * HOUR_S, Source.WEB, "x", "buy cheap followers", "/", "", outcome=Outcome.REFUSED,
           results=(), reasons="too_fast limit_network"),
    Sample("+48221110208", 2 * HOUR_S, Source.WEB, "Marek Dudek", "My order 4711 came without screws.",
           "/orders/4711", "", slot_s=26 * HOUR_S, state=State.WAITING, outcome=None, results=()),
    Sample("+48221110209", 1.5 * HOUR_S, Source.WEB, "Julia Pietrzak", "Is the blue one in stock?",
           "/ladders/blue", "newsletter", slot_s=27 * HOUR_S, state=State.WAITING, outcome=None, results=()),
    Sample("+48221110210", 70 * 60, Source.WEB, "Test", "test test", "/contact", "", state=State.HELD, outcome=None,
           results=(), reasons="too_fast limit_prefix"),
    Sample("+48221110211", 3 * HOUR_S, Source.MISSED, state=State.INBOX, outcome=None,
           results=(Result.AGENT_NO_ANSWER,) * 5),
)  # fmt: skip


async def write_callbacks(
    database: Database, pbx: str, users: dict[str, int], department: str, until: float
) -> None:
    """All of them, into a database without callbacks. `users` are ids by extension, `until` when the demo starts."""
    agents = list(users.items())
    async with database.write() as connection:
        for place, sample in enumerate(SAMPLES):
            extension, user_id = agents[place % len(agents)]
            phone = UserDevice(pbx, f"PJSIP/{extension}", extension)
            await _write(connection, sample, department, until, user_id, phone)


async def _write(
    connection: AsyncConnection,
    sample: Sample,
    department: str,
    until: float,
    user_id: int,
    phone: UserDevice,
) -> None:
    asked_at = until - sample.ago_s
    begin = None if sample.slot_s is None else (asked_at + sample.slot_s) // 1800 * 1800
    first = max(asked_at + 40, begin or 0.0)
    over = first + 1200.0 * max(len(sample.results) - 1, 0) + 180
    row = {
        "number": sample.number,
        "department": department,
        "state": sample.state.value,
        "proven": sample.source in (Source.MISSED, Source.QUEUE),
        "created_at": asked_at,
        "arrived_at": asked_at,
        "promised_from": begin,
        "promised_until": None if begin is None else begin + 1800,
        "due_at": first,
        "expires_at": first + 3 * DAY_S,
        "offers": len(sample.results) if sample.state is State.INBOX else 0,
        "owner_id": user_id if sample.source is Source.AGENT else None,
        "reasons": sample.reasons if sample.state is State.HELD else "",
        "first_attempt_at": first if sample.results else None,
        "closed_at": min(over, until - 60) if sample.outcome else None,
        "outcome": sample.outcome,
    }
    made = await connection.execute(insert(Callback).values(row).returning(Callback.id))
    callback_id = int(made.scalar_one())
    await connection.execute(
        insert(Submission).values(_request(sample, callback_id, asked_at, begin, user_id))
    )
    steps: list[tuple[Any, ...]] = [(asked_at, "held" if sample.reasons else "requested", None, None)]
    for number, result in enumerate(sample.results):
        at = first + 1200.0 * number
        attempt = _attempt(sample, callback_id, number, result, at, user_id, phone)
        await connection.execute(insert(Attempt).values(attempt))
        steps += [
            (at, "attempt", user_id, None),
            (attempt["ended_at"], f"attempt_{result}", user_id, attempt["why"]),
        ]
    steps += _last_step(sample, over, row["closed_at"])
    names = ("at", "kind", "user_id", "detail")
    await connection.execute(
        insert(CallbackStep),
        [{"callback_id": callback_id, **dict(zip(names, one, strict=True))} for one in steps],
    )


def _last_step(sample: Sample, over: float, closed_at: Any) -> list[tuple[Any, ...]]:
    if sample.outcome is not None:
        return [(closed_at, f"closed_{sample.outcome}", None, None)]
    if sample.state is State.INBOX:
        return [(over, "inbox", None, "Offered 5 times, and no agent took it.")]
    return []


def _request(
    sample: Sample, callback_id: int, at: float, begin: float | None, user_id: int
) -> dict[str, Any]:
    is_web = sample.source is Source.WEB
    utm = {"utm_source": "mail", "utm_campaign": sample.campaign} if sample.campaign else {}
    return {
        "callback_id": callback_id,
        "known_as": f"{REQUEST_PREFIX}{callback_id}",
        "source": sample.source.value,
        "at": at,
        "site": "shop" if is_web else None,
        "name": sample.name,
        "message": sample.message,
        "wished_at": begin,
        "page_url": f"{SHOP}{sample.page}" if is_web else None,
        "referrer": "https://www.example.com/search" if is_web else None,
        "utm": json.dumps(utm),
        "language": "pl" if is_web else None,
        "held": bool(sample.reasons),
        "reasons": sample.reasons or "passed",
        "arrived_at": at,
        "proven": not is_web,
        "user_id": user_id if sample.source is Source.AGENT else None,
        "link_expires_at": at + 14 * DAY_S,
    }


WHY = {
    Result.REACHED: "Answered: the customer talked to us.",
    Result.NO_ANSWER: "The customer’s phone rang and was not answered.",
    Result.BUSY: "The number dialled was engaged.",
    Result.AGENT_NO_ANSWER: "No agent took it; the customer was not dialled.",
}


def _attempt(
    sample: Sample, callback_id: int, number: int, result: Result, at: float, user_id: int, phone: UserDevice
) -> dict[str, Any]:
    dialled = result is not Result.AGENT_NO_ANSWER
    return {
        "id": f"{callback_id:010x}{number:010x}",
        "callback_id": callback_id,
        "kind": AttemptKind.AGENT_FIRST.value,
        "state": AttemptState.ENDED.value,
        "pbx": phone.pbx,
        "number": sample.number,
        "user_id": user_id,
        "extension": phone.extension,
        "made_at": at,
        "sent_at": at,
        "agent_rang_at": at + 1,
        "agent_answered_at": at + 6 if dialled else None,
        "customer_dialled_at": at + 11 if dialled else None,
        "bridged_at": at + 20 if result is Result.REACHED else None,
        "ended_at": at + (180 if result is Result.REACHED else 60),
        "result": result.value,
        "why": WHY[result],
    }
