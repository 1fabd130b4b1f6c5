"""Time, in one place. An *instant* is seconds since 1970-01-01 UTC as a float: in facts, in tables, in code.
ISO 8601 text exists only at the edges (`iso`, `from_iso`). Pure files never call `now`: they get instants."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime

Clock = Callable[[], float]
"""Answers the current instant. Everything that needs the time is handed one of these."""


def system_clock() -> float:
    """The machine's own time, as an instant."""
    return time.time()


def iso(at: float | None) -> str | None:
    """An instant as ISO 8601 UTC with milliseconds (`2026-11-21T22:54:24.120Z`); None stays None."""
    if at is None:
        return None
    # Rounded, not cut: 0.9996 s must not be printed a millisecond early.
    moment = datetime.fromtimestamp(round(at, 3), UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"


def from_iso(text: str) -> float:
    """ISO 8601 with an offset (or `Z`) to an instant. Raises ValueError for other text or a missing offset."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"{text!r} has no UTC offset: write it with Z or +02:00")
    return moment.timestamp()
