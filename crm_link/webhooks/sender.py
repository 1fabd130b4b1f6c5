"""One request to a receiver, signed as Standard Webhooks says: address, secrets and message in, what came of it out,
fit to be kept and shown: cut short, the signature left out, telephone numbers masked. Nothing is raised for a
receiver's faults, and nothing is tried again here."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from standardwebhooks import Webhook

from core.clock import Clock
from core.outside import Outside, OutsideAnswer, OutsideError, OutsideRefusedError, OutsideRequest
from core.phone import mask
from crm_link.webhooks.kinds import Outcome, outcome_of

LONGEST_S = 10.0
"""For the whole request. A receiver takes the event down and answers; whatever takes longer it does afterwards."""

BODY_S = 2.0
"""The status is what counts: of a body that drips no more is read."""

LARGEST_ANSWER = 2000
"""Bytes of an answer that are kept: an error's text."""

SHOWN_HEADERS = ("content-type", "retry-after", "server", "date")
"""Of an answer. Others (cookies, locations) may hold secrets of the receiver."""

NUMBER = re.compile(r"\+?\d(?:[ ()./-]?\d){6,}")


@dataclass(frozen=True, slots=True)
class Message:
    """`id` is the receiver's means to tell that it has this one already."""

    id: str
    body: str


@dataclass(frozen=True, slots=True)
class Attempt:
    """What came of one request. `error` is one sentence when there was no answer, `asked_s` how long a receiver that
    is overloaded asks us to wait."""

    at: float
    seconds: float
    outcome: Outcome
    status: int | None = None
    request_headers: str = ""
    answer_headers: str = ""
    answer: str = ""
    error: str | None = None
    asked_s: float | None = None


async def send(
    outside: Outside,
    url: str,
    secrets: Sequence[str],
    message: Message,
    clock: Clock,
    *,
    seconds: float = LONGEST_S,
) -> Attempt:
    """POST `message` to `url`, signed with every secret."""
    at, began = clock(), time.monotonic()
    headers = _headers(secrets, message, at)
    told = _lines({**headers, "webhook-signature": " ".join("v1,…" for _ in secrets)})
    request = OutsideRequest("POST", url, headers, message.body.encode())
    try:
        answer = await outside.send(
            request, seconds=seconds, largest=LARGEST_ANSWER, body_seconds=min(BODY_S, seconds / 2)
        )
    except OutsideError as error:
        outcome = Outcome.FORBIDDEN if isinstance(error, OutsideRefusedError) else Outcome.NO_ANSWER
        took = time.monotonic() - began
        return Attempt(at, took, outcome, request_headers=told, error=str(error))
    return _judged(at, told, answer)


def fault_of(attempt: Attempt) -> str:
    """Why it failed, in a few words for people."""
    if attempt.error is not None:
        return attempt.error
    is_redirect = attempt.outcome is Outcome.REDIRECTED
    return f"it answered {attempt.status}" + (", and no redirect is followed" if is_redirect else "")


def _headers(secrets: Sequence[str], message: Message, at: float) -> dict[str, str]:
    moment = datetime.fromtimestamp(int(at), UTC)
    signatures = [Webhook(secret).sign(message.id, moment, message.body) for secret in secrets]
    return {
        "Content-Type": "application/json",
        "User-Agent": "Ringback-Webhooks/1",
        "webhook-id": message.id,
        "webhook-timestamp": str(int(at)),
        "webhook-signature": " ".join(signatures),
    }


def _judged(at: float, told: str, answer: OutsideAnswer) -> Attempt:
    shown = {name: _kept(answer.headers[name])[:300] for name in SHOWN_HEADERS if name in answer.headers}
    return Attempt(
        at,
        answer.took_s,
        outcome_of(answer.status),
        status=answer.status,
        request_headers=told,
        answer_headers=_lines(shown),
        answer=_kept(answer.body.decode("utf-8", "replace")) + ("" if answer.is_whole else " …"),
        asked_s=_asked(answer),
    )


def _asked(answer: OutsideAnswer) -> float | None:
    """`Retry-After` in seconds, of a receiver that is overloaded or being repaired; dates are not understood."""
    text = answer.headers.get("retry-after", "").strip()
    if answer.status not in (429, 503) or not re.fullmatch(r"[0-9]{1,9}", text):
        return None
    return float(text)


def _lines(headers: Mapping[str, str]) -> str:
    return "\n".join(f"{name}: {value}" for name, value in headers.items())


def _kept(text: str) -> str:
    """Without control characters, and with numbers as a log may carry them: an answer may repeat what it was sent."""
    plain = "".join(char if char.isprintable() or char in "\n\t" else " " for char in text)
    return NUMBER.sub(lambda found: mask(found[0]), plain)
