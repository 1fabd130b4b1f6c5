"""Believable callbacks for pages to show, in every state and from every source, beside the site of `seed.py`.
Deterministic. Texts of visitors are hostile here and there on purpose."""

from __future__ import annotations

import json
import random
from typing import Any

from sqlalchemy import insert

from callback.kinds import AttemptKind, AttemptState, NotNow, Outcome, Result, Source, State
from callback.tables import Attempt, Callback, CallbackStep, Submission
from config.callbacks import Department
from config.settings import AmiUser, Pbx, Settings
from core.accounts import User
from core.db import Database
from tests.seed import NOW, PBX

DEPARTMENTS = ("sales", "support")
MESSAGES = (
    "I would like a quote for twelve ladders, delivery to Łódź next week.",
    "",
    "My invoice 2026/11/381 has the wrong address.\nPlease ask for Ewa.",
    "<script>alert(1)</script>",
    "",
)
PAGES = (
    "https://shop.example.com/ladders/aluminium-3x12?size=12",
    "https://shop.example.com/contact",
    "javascript:alert(1)",
    None,
)
UTM: tuple[dict[str, str], ...] = (
    {"utm_source": "newsletter", "utm_campaign": "autumn-ladders"},
    {},
    {"utm_source": "google"},
    {},
)
OPEN_STATES = (State.WAITING, State.WAITING, State.HELD, State.INBOX, State.DIALLING)
OUTCOMES = (
    Outcome.REACHED,
    Outcome.REACHED,
    Outcome.CONTACT,
    Outcome.EXHAUSTED,
    Outcome.WITHDRAWN,
    Outcome.REFUSED,
)
WHY_NOT = (None, NotNow.NO_AGENT, NotNow.CALLERS_FIRST, NotNow.CLOSED)


def office_settings(**departments: Department) -> Settings:
    """A site with a PBX that nothing connects to and two departments."""
    events = AmiUser.model_validate({"user": "events", "secret": "never used"})
    made = departments or {
        "sales": Department(name="Sales", queue="sales", hours=("mon-sun 24h",)),
        "support": Department(name="Support", queue="support", hours=("mon-sun 24h",)),
    }
    return Settings(pbx={PBX: Pbx(host="127.0.0.1", events=events, trunks=("PJSIP/trunk",))}, department=made)


async def seed_callbacks(
    database: Database, users: dict[str, User], *, count: int = 60, now: float = NOW, seed: int = 5
) -> list[int]:
    """`count` callbacks, half of them open. Returns their ids."""
    dice = random.Random(seed)
    ids = []
    agents = [user for user in users.values() if user.devices]
    async with database.write() as connection:
        for number in range(count):
            row = _callback(dice, number, agents, now)
            made = await connection.execute(insert(Callback).values(row).returning(Callback.id))
            ids.append(callback_id := int(made.scalar_one()))
            request = _request(dice, number, callback_id, row)
            await connection.execute(insert(Submission).values(request))
            for attempt in _attempts(dice, callback_id, row, agents):
                await connection.execute(insert(Attempt).values(attempt))
            await connection.execute(insert(CallbackStep), _steps(callback_id, row))
    return ids


def _callback(dice: random.Random, number: int, agents: list[User], now: float) -> dict[str, Any]:
    is_open = number % 2 == 0
    state = OPEN_STATES[number // 2 % len(OPEN_STATES)] if is_open else State.CLOSED
    asked_at = now - (dice.uniform(60, 6 * 3600) if is_open else dice.uniform(3600, 6 * 86_400))
    slot = dice.random() < 0.5
    begin = round((asked_at + dice.uniform(-1800, 7200)) / 1800) * 1800.0 if slot else None
    outcome = None if is_open else OUTCOMES[number // 2 % len(OUTCOMES)]
    tried = outcome not in (None, Outcome.REFUSED) or (
        is_open and state is not State.HELD and number % 3 == 0
    )
    due = max(begin or 0.0, asked_at) + (900 if tried else 0)
    return {
        "number": f"+4822{1234500 + number:07d}",
        "department": DEPARTMENTS[number % 5 // 3],
        "state": state.value,
        "proven": number % 4 == 0,
        "created_at": asked_at,
        "arrived_at": asked_at - (25 if number % 4 == 0 else 0),
        "promised_from": begin,
        "promised_until": None if begin is None else begin + 1800,
        "due_at": due,
        "expires_at": asked_at + 3 * 86_400,
        "rung": 1 if tried and is_open else 0,
        "offers": 5 if state is State.INBOX else number % 3 // 2,
        "owner_id": dice.choice(agents).id if number % 3 == 0 else None,
        "why_not": WHY_NOT[number // 2 % 4] if state is State.WAITING else None,
        "reasons": "limit_prefix too_fast" if state is State.HELD else "",
        "rank": number % 7 if state is State.HELD else 0,
        "first_attempt_at": asked_at + 120 if tried else None,
        "closed_at": None if outcome is None else min(now - 60, asked_at + 600),
        "outcome": outcome,
    }


def _request(dice: random.Random, number: int, callback_id: int, row: dict[str, Any]) -> dict[str, Any]:
    source = tuple(Source)[number % 6]
    is_web = source in (Source.WEB, Source.FORM)
    return {
        "callback_id": callback_id,
        "source": source.value,
        "at": row["created_at"],
        "site": "shop" if is_web else None,
        "name": dice.choice(("Ewa Lis", "", "Grzegorz Brzęczyszczykiewicz", "O'Brien")) if is_web else "",
        "message": dice.choice(MESSAGES) if is_web else "",
        "wished_at": row["promised_from"],
        "page_url": dice.choice(PAGES) if is_web else None,
        "referrer": "https://www.google.com/" if is_web else None,
        "utm": json.dumps(dice.choice(UTM)) if is_web else "{}",
        "language": "pl" if is_web else None,
        "consent": "I agree to be called about my request." if is_web else None,
        "held": row["state"] == State.HELD,
        "reasons": row["reasons"] or "passed",
        "arrived_at": row["arrived_at"],
        "proven": row["proven"],
        "link_expires_at": row["created_at"] + 14 * 86_400,
    }


def _attempts(
    dice: random.Random, callback_id: int, row: dict[str, Any], agents: list[User]
) -> list[dict[str, Any]]:
    begin = row["first_attempt_at"]
    if begin is None:
        return []
    closing = {Outcome.REACHED: Result.REACHED, Outcome.CONTACT: Result.NO_ANSWER}
    ended = {
        "result": closing.get(row["outcome"], Result.NO_ANSWER).value,
        "customer_dialled_at": begin + 12,
        "bridged_at": begin + 20 if row["outcome"] == Outcome.REACHED else None,
    }
    made = [_attempt(dice, callback_id, row, begin, agents) | ended]
    if row["state"] == State.DIALLING:
        made.append(
            _attempt(dice, callback_id, row, begin + 900, agents)
            | {"state": AttemptState.SENT.value, "ended_at": None, "why": "", "agent_answered_at": None}
        )
    return made


def _attempt(
    dice: random.Random, callback_id: int, row: dict[str, Any], at: float, agents: list[User]
) -> dict[str, Any]:
    agent = dice.choice(agents)
    return {
        "id": f"{dice.getrandbits(80):020x}",
        "callback_id": callback_id,
        "kind": AttemptKind.AGENT_FIRST.value,
        "state": AttemptState.ENDED.value,
        "pbx": PBX,
        "number": row["number"],
        "user_id": agent.id,
        "extension": agent.devices[0].extension,
        "made_at": at,
        "sent_at": at + 0.1,
        "agent_rang_at": at + 1,
        "agent_answered_at": at + 6,
        "ended_at": at + 75,
        "why": "The outside party was dialled for 45 s.",
    }


def _steps(callback_id: int, row: dict[str, Any]) -> list[dict[str, Any]]:
    begin = row["created_at"]
    first = "held" if row["state"] == State.HELD else "requested"
    steps: list[tuple[float, str, str | None]] = [(begin, first, None)]
    if row["first_attempt_at"]:
        steps += [
            (row["first_attempt_at"], "attempt", None),
            (row["first_attempt_at"] + 75, "attempt_no_answer", "The outside party was dialled for 45 s."),
        ]
    if row["state"] == State.INBOX:
        steps.append((begin + 400, "inbox", "Offered 5 times, and no agent took it."))
    if row["outcome"]:
        steps.append((row["closed_at"], f"closed_{row['outcome']}", None))
    return [
        {"callback_id": callback_id, "at": at, "kind": kind, "user_id": None, "detail": detail}
        for at, kind, detail in steps
    ]
