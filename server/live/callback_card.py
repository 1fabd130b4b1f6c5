"""*Pure.* What a card says of a callback: why we call, what was asked, what was promised. A fact of the roof carries it
to the board (`calls_now.py` folds it, `cards.py` shows it); `callback_loader.py` reads it."""

from __future__ import annotations

from dataclasses import dataclass

from core.facts import Fact


@dataclass(frozen=True, slots=True)
class CallbackSummary:
    """The request behind an attempt. `id` is None for a click-to-call that keeps no promise. `tries` counts attempts
    that dialled the customer before this one; `source` and `department` are words for people; `announces` says that
    whoever answers has a moment, `announcement_s` long, to say "not now" before the customer is dialled; `unverified`
    that nobody vouches for name and words."""

    attempt_id: str
    announces: bool
    announcement_s: float
    id: int | None = None
    source: str | None = None
    department: str | None = None
    site: str | None = None
    name: str = ""
    message: str = ""
    page_url: str | None = None
    referrer: str | None = None
    utm: tuple[tuple[str, str], ...] = ()
    asked_at: float | None = None
    promised_from: float | None = None
    promised_until: float | None = None
    tries: int = 0
    machine: bool = False
    unverified: bool = False


@dataclass(frozen=True, slots=True)
class CallbackKnown(Fact):
    """The callback of a call was read, or read anew."""

    call_id: str
    callback: CallbackSummary
