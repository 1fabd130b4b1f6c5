"""The link to the PBX: when we read its events, and when we were blind."""

from __future__ import annotations

from dataclasses import dataclass

from core.facts.fact import Fact


@dataclass(frozen=True, slots=True)
class PbxConnected(Fact):
    """We read this PBX's events again (or for the first time) and have compared states with it."""

    pbx: str
    at: float


@dataclass(frozen=True, slots=True)
class PbxLost(Fact):
    """From `at` on we are blind on this PBX. `reason` is one sentence."""

    pbx: str
    at: float
    reason: str


@dataclass(frozen=True, slots=True)
class BlindWindowClosed(Fact):
    """*Durable.* Between `since` and `until` we could not see the PBX; what the comparison afterwards gave back."""

    pbx: str
    since: float
    until: float
    reason: str
    calls_kept: int
    calls_ended_unseen: int
    calls_found: int
