"""Phones, queues and the people who log in: who can be reached how."""

from __future__ import annotations

from dataclasses import dataclass

from core.facts.fact import Fact


@dataclass(frozen=True, slots=True)
class DeviceChanged(Fact):
    """The PBX's view of a phone: `state` is Asterisk's word (`NOT_INUSE`, `INUSE`, `RINGING`, `UNAVAILABLE` …)."""

    pbx: str
    at: float
    device: str
    state: str


@dataclass(frozen=True, slots=True)
class QueueMemberChanged(Fact):
    """Membership of one queue. `device` is the member's interface or its state interface where that names a phone."""

    pbx: str
    at: float
    queue: str
    device: str
    member: bool
    paused: bool
    pause_reason: str | None


@dataclass(frozen=True, slots=True)
class AgentStateChanged(Fact):
    """What an agent says of themselves at the desk."""

    user_id: int
    at: float
    state: str
    reason: str | None


@dataclass(frozen=True, slots=True)
class SessionsEnded(Fact):
    """Somebody was logged out, disabled or given a new password: their live connections are to be closed.

    `token_hash` names the one session that ended; None means all of this person's sessions.
    """

    user_id: int
    at: float
    token_hash: str | None


@dataclass(frozen=True, slots=True)
class PeopleChanged(Fact):
    """Somebody came, went, or got other phones: who has which phone is to be read anew."""

    at: float
