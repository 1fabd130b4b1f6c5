"""The same captures with what a bad day does to them: events repeated, neighbours swapped, answers given twice, the
capture cut in two. The calls must come out the same."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any
from zlib import crc32

import pytest

from pbx_bridge.replay import replay_files
from tests.captured import CAPTURES, Captured, header, messages, write

NEAR_SECONDS = 0.05
IDS = (b"Uniqueid", b"DestUniqueid", b"BridgeUniqueid")
FORGED = "number_with_forged_event"
"""Its events are in pieces; a repeated or moved piece is another event."""

ORDERLY = [one for one in CAPTURES if FORGED not in one.name]


def by_name(captured: Captured) -> str:
    return captured.name


def replay(captured: Captured, files: Sequence[Path] | None = None) -> list[dict[str, Any]]:
    truth = captured.expected()
    calls: list[dict[str, Any]] = replay_files(files or captured.files, truth["trunks"], truth["region"])[
        "calls"
    ]
    return calls


def rewritten(captured: Captured, tmp_path: Path, change: Any) -> list[Path]:
    files = []
    for number, file in enumerate(captured.files):
        greeting, blocks = messages(file)
        files.append(write(tmp_path / f"{number}.ami", greeting, change(blocks)))
    return files


@pytest.mark.parametrize("captured", ORDERLY, ids=by_name)
def test_every_event_twice(captured: Captured, tmp_path: Path) -> None:
    files = rewritten(captured, tmp_path, lambda blocks: [block for block in blocks for _ in range(2)])
    assert replay(captured, files) == replay(captured)


@pytest.mark.parametrize("captured", ORDERLY, ids=by_name)
def test_every_event_again_at_its_channels_end(captured: Captured, tmp_path: Path) -> None:
    assert replay(captured, rewritten(captured, tmp_path, _again_at_the_end)) == replay(captured)


@pytest.mark.parametrize("parity", [0, 1])
@pytest.mark.parametrize("captured", ORDERLY, ids=by_name)
def test_strangers_that_are_close_change_places(captured: Captured, parity: int, tmp_path: Path) -> None:
    files = rewritten(captured, tmp_path, lambda blocks: _swapped(blocks, parity))
    assert replay(captured, files) == replay(captured)


@pytest.mark.parametrize("captured", ORDERLY, ids=by_name)
def test_a_capture_in_two_files_is_the_same_capture(captured: Captured, tmp_path: Path) -> None:
    file = captured.files[-1]
    data = file.read_bytes()
    cut = int(len(data) * (crc32(captured.name.encode()) % 97 + 1) / 99)
    (tmp_path / "a.ami").write_bytes(data[:cut])
    (tmp_path / "b.ami").write_bytes(data[cut:])
    parts = [*captured.files[:-1], tmp_path / "a.ami", tmp_path / "b.ami"]
    assert replay(captured, parts) == replay(captured)


@pytest.mark.parametrize("captured", ORDERLY, ids=by_name)
def test_a_gap_neither_loses_nor_doubles_a_call(captured: Captured, tmp_path: Path) -> None:
    greeting, blocks = messages(captured.files[-1])
    third = len(blocks) // 3
    first = write(tmp_path / "a.ami", greeting, blocks[:third])
    second = write(tmp_path / "b.ami", greeting, blocks[third + third // 3 :])
    calls = replay(captured, [*captured.files[:-1], first, second])
    born = _origins([*_blocks(captured.files[:-1]), *blocks[:third], *blocks[third + third // 3 :]])
    linkedids = [linkedid for call in calls for linkedid in call["linkedids"]]
    assert len(linkedids) == len(set(linkedids))
    assert born <= set(linkedids)


@pytest.mark.parametrize("captured", [one for one in ORDERLY if len(one.files) > 1], ids=by_name)
def test_answers_given_twice_change_nothing(captured: Captured, tmp_path: Path) -> None:
    assert replay(captured, rewritten(captured, tmp_path, _answers_again)) == replay(captured)


def _answers_again(blocks: Sequence[bytes]) -> list[bytes]:
    """Every list of answers a second time: at once, and once more near the end."""
    answers = [block for block in blocks if (header(block, b"ActionID") or b"").startswith(b"resync")]
    end = max((place for place, block in enumerate(blocks) if block in answers), default=0) + 1
    return [*blocks[:end], *answers, *blocks[end:-1], *answers, *blocks[-1:]]


def _blocks(files: Sequence[Path]) -> list[bytes]:
    return [block for file in files for block in messages(file)[1]]


def _origins(blocks: Sequence[bytes]) -> set[str]:
    """Linkedids of channels whose birth is in the capture."""
    found = set()
    for block in blocks:
        if header(block, b"Event") == b"Newchannel" and header(block, b"Uniqueid") == header(
            block, b"Linkedid"
        ):
            found.add((header(block, b"Linkedid") or b"").decode())
    return found


def _again_at_the_end(blocks: Sequence[bytes]) -> list[bytes]:
    out: list[bytes] = []
    of: dict[bytes, list[bytes]] = {}
    for block in blocks:
        out.append(block)
        uniqueid = header(block, b"Uniqueid")
        if uniqueid is None or header(block, b"Timestamp") is None:
            continue
        of.setdefault(uniqueid, []).append(block)
        if header(block, b"Event") == b"Hangup":
            out += of.pop(uniqueid)
    return out


def _swapped(blocks: Sequence[bytes], parity: int) -> list[bytes]:
    out = list(blocks)
    place = parity
    while place + 1 < len(out):
        if _are_strangers(out[place], out[place + 1]):
            out[place], out[place + 1] = out[place + 1], out[place]
        place += 2
    return out


def _are_strangers(one: bytes, two: bytes) -> bool:
    times = [header(block, b"Timestamp") for block in (one, two)]
    if times[0] is None or times[1] is None or abs(float(times[0]) - float(times[1])) > NEAR_SECONDS:
        return False
    ids = [{header(block, key) for key in IDS} - {None} for block in (one, two)]
    return not ids[0] & ids[1]
