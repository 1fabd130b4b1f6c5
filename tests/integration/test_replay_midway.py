"""Captures that begin in the middle of a call: who talks, waits or hangs up was there before we looked."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pbx_bridge.replay import replay_files
from tests.captured import CAPTURES, Captured, messages, write

BY_NAME = {captured.name: captured for captured in CAPTURES}
TALKING = [
    "direct_answered", "queue_ringall_answered", "outbound_answered", "internal_answered", "hold_and_back",
    "attended_transfer", "park_fetched", "callback_answered",
]  # fmt: skip
SAME_AS_EVER = ("direction", "caller", "result", "talked", "transfers", "ended_by", "ended_at")


def replayed_after(captured: Captured, event: bytes, times: int, tmp_path: Path) -> list[dict[str, Any]]:
    """The calls of a capture that begins right after the event has come so many times."""
    greeting, blocks = messages(captured.files[0])
    places = [place for place, block in enumerate(blocks) if block.startswith(b"Event: " + event + b"\r\n")]
    file = write(tmp_path / "midway.ami", greeting, blocks[places[times - 1] + 1 :])
    truth = captured.expected()
    calls: list[dict[str, Any]] = replay_files([file], truth["trunks"], truth["region"])["calls"]
    return calls


def replayed(captured: Captured) -> dict[str, Any]:
    truth = captured.expected()
    call: dict[str, Any] = replay_files(captured.files, truth["trunks"], truth["region"])["calls"][0]
    return call


@pytest.mark.parametrize("version", ["22", "16"])
@pytest.mark.parametrize("name", TALKING)
def test_people_who_were_talking_have_talked(version: str, name: str, tmp_path: Path) -> None:
    captured = BY_NAME[f"asterisk-{version}/{name}"]
    calls = replayed_after(captured, b"BridgeEnter", 2, tmp_path)
    whole = replayed(captured)
    assert [{key: call[key] for key in SAME_AS_EVER} for call in calls] == [
        {key: whole[key] for key in SAME_AS_EVER}
    ]


@pytest.mark.parametrize("version", ["22", "16"])
@pytest.mark.parametrize("name", ["queue_abandoned", "queue_timeout", "queue_ringall_answered"])
def test_a_queue_joined_before_is_known_when_it_is_left(version: str, name: str, tmp_path: Path) -> None:
    captured = BY_NAME[f"asterisk-{version}/{name}"]
    [call] = replayed_after(captured, b"QueueCallerJoin", 1, tmp_path)
    whole = replayed(captured)
    for key in ("queue", "result", "ended_by", "rang", "talked"):
        assert call[key] == whole[key]


@pytest.mark.parametrize("version", ["22", "16"])
def test_a_caller_who_gives_up_at_once_has_given_up(version: str, tmp_path: Path) -> None:
    captured = BY_NAME[f"asterisk-{version}/direct_abandoned"]
    [call] = replayed_after(captured, b"DialState", 1, tmp_path)
    assert (call["result"], call["ended_by"], call["caller"]) == ("abandoned", "caller", "+48226014444")
