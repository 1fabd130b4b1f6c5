"""Recordings and their transcripts."""

from __future__ import annotations

from dataclasses import dataclass

from core.facts.fact import Fact


@dataclass(frozen=True, slots=True)
class RecordingReady(Fact):
    """*Durable.* A recording is stored; `call_id` is None while no call is known for it."""

    recording_id: str
    at: float
    call_id: str | None


@dataclass(frozen=True, slots=True)
class RecordingChanged(Fact):
    """Something about this recording is different (copies made, progress, removed): screens read it anew."""

    recording_id: str
    at: float
    call_id: str | None


@dataclass(frozen=True, slots=True)
class RecordingPaused(Fact):
    """The recording of a call that goes on was silenced, or (`until` is None) goes on. It goes on by itself at
    `until`."""

    call_id: str
    at: float
    until: float | None


@dataclass(frozen=True, slots=True)
class TranscriptReady(Fact):
    """*Durable.* A recording has a new current transcript, redacted already."""

    recording_id: str
    at: float
    call_id: str | None
    transcript_id: int
