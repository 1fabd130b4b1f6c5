"""Compares what Ringback says about calls with what happened, by the rules of ``tests/captures/README.md``.

In: the ``calls`` of ``ringback replay --json`` and of a capture's expected result. Out: one sentence per difference;
none when they agree. Nothing is read or run here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

Call = Mapping[str, object]

TOLERANCE_SECONDS = 1.0
MOMENTS = ("started_at", "answered_at", "ended_at")
SECONDS = ("wait_s", "talk_s")


def differences(got: Sequence[Call], expected: Sequence[Call]) -> list[str]:
    """Every field in which the calls, both in order of their start, do not agree."""
    if len(got) != len(expected):
        return [f"{len(got)} calls and not {len(expected)}"]
    return [
        f"call {number}: {field} is {ours[field]!r} and not {truth[field]!r}"
        for number, (ours, truth) in enumerate(zip(got, expected, strict=True), start=1)
        for field in truth
        if not _agree(field, ours[field], truth[field])
    ]


def _agree(field: str, ours: object, truth: object) -> bool:
    if field in MOMENTS and isinstance(ours, str) and isinstance(truth, str):
        apart = datetime.fromisoformat(ours) - datetime.fromisoformat(truth)
        return abs(apart.total_seconds()) <= TOLERANCE_SECONDS
    if field in SECONDS and isinstance(ours, int | float) and isinstance(truth, int | float):
        return abs(ours - truth) <= TOLERANCE_SECONDS
    if field == "rang" and isinstance(ours, list) and isinstance(truth, list):
        return sorted(ours) == sorted(truth)
    return ours == truth
