"""One callback in full: its row, every request with where it came from, every attempt with its call, and its story line
by line. Read only."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from callback.tables import Attempt, CallbackStep, Submission
from core.accounts import UserRow
from core.errors import NotFoundError
from pbx_bridge.tables import Call
from server.views.asked import WORTH
from server.views.callbacks import CallbackRow, read_callback

MOST_STEPS = 500
MOST_REQUESTS = 100
SHOWN = 20
"""What a person still reads; strangers can ask more often. Those to be believed come before the others."""


@dataclass(frozen=True, slots=True)
class Request:
    """What one person asked for; `by` is the agent who promised, `utm_text` JSON as stored. `times`: how often the very
    same was asked, this being the first."""

    id: int
    at: float
    source: str
    site: str | None
    name: str
    message: str
    wished_at: float | None
    page_url: str | None
    referrer: str | None
    language: str | None
    consent: str | None
    held: bool
    reasons: str
    call_id: str | None
    withdrawn_at: float | None
    by: str | None
    utm_text: str
    times: int = 1

    @property
    def utm(self) -> tuple[tuple[str, str], ...]:
        """The page's campaign tags, by name."""
        return utm_of(self.utm_text)

    @property
    def page_link(self) -> str | None:
        """The page as something to click: only what is an address of the web."""
        return self.page_url if self.page_url and self.page_url.startswith(("https://", "http://")) else None


@dataclass(frozen=True, slots=True)
class Try:
    """One attempt. `call_id` is set when the log has its call."""

    id: str
    kind: str
    state: str
    made_at: float
    agent_rang_at: float | None
    agent_answered_at: float | None
    customer_dialled_at: float | None
    bridged_at: float | None
    ended_at: float | None
    result: str | None
    machine: bool | None
    why: str
    agent: str | None
    extension: str | None
    queue: str | None
    call_id: str | None


@dataclass(frozen=True, slots=True)
class StepLine:
    at: float
    kind: str
    by: str | None
    detail: str | None


@dataclass(frozen=True, slots=True)
class CallbackStory:
    """`requests` are the different ones; `unshown` is how many more there were, counted only or too many to read."""

    callback: CallbackRow
    requests: tuple[Request, ...]
    tries: tuple[Try, ...]
    steps: tuple[StepLine, ...]

    @property
    def unshown(self) -> int:
        return self.callback.requests - sum(one.times for one in self.requests)


async def read_callback_story(connection: AsyncConnection, callback_id: int, now: float) -> CallbackStory:
    """Raises NotFoundError."""
    callback = await read_callback(connection, callback_id, now)
    if callback is None:
        raise NotFoundError(f"there is no callback {callback_id}")
    return CallbackStory(
        callback,
        tuple(await _requests(connection, callback_id)),
        tuple(await _tries(connection, callback_id)),
        tuple(await _steps(connection, callback_id)),
    )


async def _requests(connection: AsyncConnection, callback_id: int) -> list[Request]:
    columns = (
        Submission.id,
        Submission.at,
        Submission.source,
        Submission.site,
        Submission.name,
        Submission.message,
        Submission.wished_at,
        Submission.page_url,
        Submission.referrer,
        Submission.language,
        Submission.consent,
        Submission.held,
        Submission.reasons,
        Call.id,
        Submission.withdrawn_at,
        UserRow.name,
        Submission.utm,
    )
    result: Any = await connection.execute(
        select(*columns)
        .select_from(Submission)
        .outerjoin(Call, Call.id == Submission.call_id)
        .outerjoin(UserRow, UserRow.id == Submission.user_id)
        .where(Submission.callback_id == callback_id, Submission.repeats == 0)
        .order_by(WORTH, Submission.id)
        .limit(MOST_REQUESTS)
    )
    folded: dict[Request, list[Request]] = {}
    for one in (Request(*row) for row in result):
        # The same but for when, by what call, and in whose page session.
        same = replace(one, id=0, at=0.0, call_id=None, withdrawn_at=one.withdrawn_at and 1.0)
        folded.setdefault(same, []).append(one)
    shown = [replace(ones[0], times=len(ones)) for ones in folded.values()][:SHOWN]
    return sorted(shown, key=lambda one: one.id)


async def _tries(connection: AsyncConnection, callback_id: int) -> list[Try]:
    columns = (
        Attempt.id,
        Attempt.kind,
        Attempt.state,
        Attempt.made_at,
        Attempt.agent_rang_at,
        Attempt.agent_answered_at,
        Attempt.customer_dialled_at,
        Attempt.bridged_at,
        Attempt.ended_at,
        Attempt.result,
        Attempt.machine,
        Attempt.why,
        UserRow.name,
        Attempt.extension,
        Attempt.queue,
        Call.id,
    )
    result: Any = await connection.execute(
        select(*columns)
        .select_from(Attempt)
        .outerjoin(Call, Call.id == Attempt.call_id)
        .outerjoin(UserRow, UserRow.id == Attempt.user_id)
        .where(Attempt.callback_id == callback_id)
        .order_by(Attempt.made_at)
    )
    return [Try(*row) for row in result]


async def _steps(connection: AsyncConnection, callback_id: int) -> list[StepLine]:
    result = await connection.execute(
        select(CallbackStep.at, CallbackStep.kind, UserRow.name, CallbackStep.detail)
        .outerjoin(UserRow, UserRow.id == CallbackStep.user_id)
        .where(CallbackStep.callback_id == callback_id)
        .order_by(CallbackStep.at, CallbackStep.id)
        .limit(MOST_STEPS)
    )
    return [StepLine(*row) for row in result]


def utm_of(text: str) -> tuple[tuple[str, str], ...]:
    """The tags of a request's page. What is no JSON object of texts has none: strangers wrote it."""
    try:
        tags: Any = json.loads(text)
    except ValueError:
        return ()
    if not isinstance(tags, dict):
        return ()
    return tuple((str(name), str(value)) for name, value in tags.items())
