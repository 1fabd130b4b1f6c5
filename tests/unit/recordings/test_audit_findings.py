"""What the auditor makes of what it saw: what is a fault, what is a reason, and where one ends and the other begins."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from recordings.coverage.auditor import next_at
from recordings.coverage.findings import (
    CallFacts,
    FindingKind,
    RecordingFacts,
    Why,
    judge_call,
    judge_content,
    judge_left,
    judge_recording,
    overlap_s,
)
from recordings.kinds import AudioState, NoAudio

CALL = CallFacts("main-1.1", "main", "sales", 1000.0, 1130.0, 100.0, state=AudioState.KEPT, kept_s=100.0)
KEY = "a/original.wav"
SOUND = RecordingFacts(
    "a", "main-1.1", "main", "sales", 1000.0, 100.0, KEY, 5000, {KEY: 5000}, call_s=130.0
)  # fmt: skip


def levels(customer: float | None, ours: float | None) -> str:
    return json.dumps({"customer": {"mean": -30.0, "peak": customer}, "ours": {"mean": -30.0, "peak": ours}})


@pytest.mark.parametrize(
    ("changes", "state", "reason", "kind"),
    [
        ({}, AudioState.KEPT, None, None),
        ({"kept_s": 96.0}, AudioState.KEPT, None, None),
        ({"kept_s": 60.0}, AudioState.PARTLY, NoAudio.SHORTER_THAN_TALK, FindingKind.TRUNCATED),
        ({"kept_s": 60.0, "paused_s": 40.0}, AudioState.KEPT, Why.PAUSED, None),
        ({"kept_s": 60.0, "gone_s": 40.0}, AudioState.KEPT, None, None),
        ({"kept_s": 60.0, "was_blind": True}, AudioState.PARTLY, NoAudio.BLIND, FindingKind.TRUNCATED),
        ({"kept_s": None, "lost_s": 100.0}, AudioState.MISSING, Why.ORIGINAL, None),
        ({"kept_s": 60.0, "lost_s": 40.0}, AudioState.PARTLY, Why.ORIGINAL, None),
        ({"kept_s": None}, AudioState.MISSING, Why.ROW_GONE, FindingKind.MISSING),
        ({"kept_s": None, "state": None}, AudioState.MISSING, NoAudio.NO_FILE_CAME, FindingKind.MISSING),
        (
            {"kept_s": None, "state": AudioState.MISSING, "reason": NoAudio.NOT_AUDIO},
            AudioState.MISSING, NoAudio.NOT_AUDIO, FindingKind.MISSING,
        ),
        (
            {"kept_s": None, "state": AudioState.MISSING, "was_blind": True},
            AudioState.MISSING, NoAudio.BLIND, FindingKind.MISSING,
        ),
        (
            {"kept_s": None, "state": AudioState.ERASED, "reason": NoAudio.RETENTION},
            AudioState.ERASED, NoAudio.RETENTION, None,
        ),
        ({"kept_s": None, "gone_s": 100.0}, AudioState.ERASED, None, None),
        (
            {"kept_s": None, "state": AudioState.MISSING, "is_queue_off": True},
            AudioState.OFF, NoAudio.QUEUE_OFF, None,
        ),
        (
            {"kept_s": None, "state": None, "is_recorded": False},
            AudioState.OFF, NoAudio.NOT_RECORDED, None,
        ),
        (
            {"kept_s": None, "state": AudioState.OFF, "reason": NoAudio.NOT_RECORDED},
            AudioState.OFF, NoAudio.NOT_RECORDED, None,
        ),
    ],
)  # fmt: skip
def test_how_a_call_stands(
    changes: dict[str, object], state: AudioState, reason: object, kind: FindingKind | None
) -> None:
    judged = judge_call(replace(CALL, **changes), is_late=True)  # type: ignore[arg-type]
    assert (judged.state, judged.reason) == (state, reason)
    assert (judged.finding.kind if judged.finding else None) is kind


def test_a_call_whose_files_may_still_come_is_awaited() -> None:
    waiting = replace(CALL, kept_s=None, state=AudioState.AWAITED)
    assert judge_call(waiting, is_late=False).state is AudioState.AWAITED
    assert judge_call(waiting, is_late=True).state is AudioState.MISSING


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ({}, []),
        ({"there": {KEY: None}}, [(FindingKind.LOST, Why.ORIGINAL)]),
        ({"there": {KEY: 5000, "a/copy.ogg": None}}, [(FindingKind.LOST, Why.COPY)]),
        ({"there": {KEY: 4999}}, [(FindingKind.WRONG_LENGTH, Why.BYTES)]),
        ({"duration_s": 200.0}, [(FindingKind.WRONG_LENGTH, Why.LONGER_THAN_CALL)]),
        ({"duration_s": 180.0}, []),
        ({"duration_s": 200.0, "call_s": None}, []),
        ({"levels": levels(-20.0, -51.0)}, [(FindingKind.SILENT_SIDE, Why.OURS)]),
        ({"levels": levels(None, -20.0)}, [(FindingKind.SILENT_SIDE, Why.CUSTOMER)]),
        ({"levels": levels(None, None)}, [(FindingKind.SILENT_SIDE, Why.BOTH)]),
        ({"levels": levels(-49.0, -20.0)}, []),
        ({"levels": levels(None, -20.0), "duration_s": 9.0}, []),
        ({"levels": levels(None, -20.0), "paused_s": 95.0}, []),
        (
            {"levels": levels(None, -20.0), "note": "one of its two files never came: that side is silent"},
            [(FindingKind.SILENT_SIDE, Why.ONE_FILE)],
        ),
    ],
)
def test_what_is_wrong_with_a_recording(changes: dict[str, object], found: list[object]) -> None:
    wrong = judge_recording(replace(SOUND, **changes))  # type: ignore[arg-type]
    assert [(one.kind, one.reason) for one in wrong] == found


def test_content_that_is_not_what_was_stored() -> None:
    assert judge_content(SOUND, "aa", "aa") is None
    wrong = judge_content(SOUND, "aa", "bb")
    assert wrong is not None
    assert wrong.kind is FindingKind.CHECKSUM


@pytest.mark.parametrize(
    ("is_done", "quiet_s", "is_over", "why"),
    [
        (True, 800.0, False, None),
        (True, 1000.0, False, Why.IN_DONE),
        (False, 1000.0, False, None),
        (False, 1000.0, True, Why.IN_PART),
        (False, 22_000.0, False, Why.IN_PART),
    ],
)
def test_what_nobody_took(is_done: bool, quiet_s: float, is_over: bool, why: Why | None) -> None:
    assert judge_left(is_done=is_done, quiet_s=quiet_s, is_over=is_over, late_s=900.0) is why


def test_pauses_that_overlap_count_once() -> None:
    assert overlap_s([(0, 20), (10, 30), (50, None), (5, 8)], 10, 60) == 30
    assert overlap_s([], 10, 60) == 0
    assert overlap_s([(0, 5), (70, 80)], 10, 60) == 0


ZONE = ZoneInfo("Europe/Warsaw")


def at(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=ZONE).timestamp()


@pytest.mark.parametrize(
    ("after", "then"),
    [
        ("2026-11-22 01:00", "2026-11-22 03:30"),
        ("2026-11-22 03:30", "2026-11-23 03:30"),
        ("2026-11-22 14:00", "2026-11-23 03:30"),
        ("2026-10-24 14:00", "2026-10-25 03:30"),
        ("2026-03-28 14:00", "2026-03-29 03:30"),
    ],
)
def test_when_the_night_comes(after: str, then: str) -> None:
    """Also where a clock change makes the night longer or shorter."""
    assert next_at("03:30", at(after), ZONE) == at(then)
    assert next_at("never", at(after), ZONE) is None
