"""Promises to call somebody, and how a call is known to be one of their attempts."""

from __future__ import annotations

import re
from dataclasses import dataclass

from core.facts.fact import Fact

ATTEMPT_PREFIX = "cb-"
"""The channel id of an attempt is this and the attempt's id; Asterisk makes it the linkedid of the whole call."""

REQUEST_PREFIX = "request:"
"""How the id begins under which a request that came without a call stands with its customers, beside those of calls."""

_ATTEMPT = re.compile(rf"-{ATTEMPT_PREFIX}([0-9a-f]{{20}})(?![0-9a-f])")


def attempt_of(call_id: str) -> str | None:
    """The attempt that began this call, by the call's id; None for every other call."""
    found = _ATTEMPT.search(call_id)
    return found[1] if found else None


@dataclass(frozen=True, slots=True)
class CallerLeftByKey(Fact):
    """*Durable.* A waiting caller pressed the key for "call me back". `position` is the place in the queue, from 1, at
    that moment, `since` when they joined the queue; None where the dialplan did not say."""

    call_id: str
    pbx: str
    at: float
    queue: str
    number: str | None
    position: int | None
    since: float | None


@dataclass(frozen=True, slots=True)
class CallbackDeclined(Fact):
    """*Durable.* The customer pressed 9: they did not ask for this. `attempt_id` is ours."""

    attempt_id: str
    pbx: str
    at: float


@dataclass(frozen=True, slots=True)
class CallbackChanged(Fact):
    """Something about this callback is different: screens that show it read it anew."""

    callback_id: int
    at: float


@dataclass(frozen=True, slots=True)
class CallbackRequested(Fact):
    """*Durable.* Somebody asked to be called, or was promised a call, and no callback was open to that number and
    department. `due_at`: no attempt before. `held`: a manager looks at it first, nothing is promised yet."""

    callback_id: int
    at: float
    number: str
    department: str
    due_at: float
    held: bool


@dataclass(frozen=True, slots=True)
class CallbackMoved(Fact):
    """*Durable.* Somebody changed what a callback promises: another time, or it is held no longer, or held now. A retry
    after an attempt is none."""

    callback_id: int
    at: float
    number: str
    department: str
    due_at: float
    held: bool


@dataclass(frozen=True, slots=True)
class CallbackClosed(Fact):
    """*Durable.* The promise is kept, withdrawn or given up; `outcome` is a word of `callback/kinds.py`."""

    callback_id: int
    at: float
    number: str
    department: str
    outcome: str


@dataclass(frozen=True, slots=True)
class CallbackReopened(Fact):
    """*Durable.* The closing told last was a mistake (a machine had answered): the promise is open again, or closed
    anew by the `CallbackClosed` that follows. So each closing is told once, and of two the later one counts."""

    callback_id: int
    at: float
    number: str
    department: str
