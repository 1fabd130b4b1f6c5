"""Every capture of a real Asterisk against what really happened, through `ringback replay`'s own function."""

from __future__ import annotations

from pathlib import Path

import pytest

from pbx_bridge.replay import ReplayError, as_table, replay_files
from tests.asterisk.agree import differences
from tests.captured import CAPTURES, Captured, header, messages, write

KEYS = [
    "id", "linkedids", "direction", "caller", "caller_name", "callee", "queue", "result", "started_at",
    "answered_at", "ended_at", "wait_s", "talk_s", "rang", "talked", "transfers", "ended_by", "why",
]  # fmt: skip

ONE = next(one for one in CAPTURES if one.name.endswith("direct_answered"))


def by_name(captured: Captured) -> str:
    return captured.name


@pytest.mark.parametrize("captured", CAPTURES, ids=by_name)
def test_a_replay_tells_what_happened(captured: Captured) -> None:
    truth = captured.expected()
    calls = replay_files(captured.files, truth["trunks"], truth["region"])["calls"]
    assert differences(calls, truth["calls"]) == []


def test_there_are_captures_of_both_versions() -> None:
    assert {one.name.split("/")[0] for one in CAPTURES} >= {"asterisk-16", "asterisk-22"}


def test_the_shape_is_the_documented_one() -> None:
    (call,) = replay_files(ONE.files, ["PJSIP/trunk"], "PL")["calls"]
    assert list(call) == KEYS
    assert call["why"].endswith(".")
    assert "answered" in as_table({"calls": [call]})


def test_without_trunks_the_documented_default_counts() -> None:
    (call,) = replay_files(ONE.files)["calls"]
    assert call["direction"] == "inbound"


def test_the_wrong_trunk_makes_an_internal_call_not_a_crash() -> None:
    (call,) = replay_files(ONE.files, ["PJSIP/carrier"])["calls"]
    assert call["direction"] == "internal"


def test_without_timestamps_the_sidecar_tells_the_time(tmp_path: Path) -> None:
    greeting, blocks = messages(ONE.files[0])
    bare = [_without_timestamp(block) for block in blocks]
    capture = write(tmp_path / "bare.ami", greeting, bare)
    size, lines = len(greeting), []
    for block, timed in zip(bare, blocks, strict=True):
        size += len(block) + 4
        stamp = _timestamp(timed)
        if stamp is not None:
            lines.append(f"{size} {stamp}\n")
    (tmp_path / "bare.ami.times").write_text("".join(lines))
    assert differences(replay_files([capture])["calls"], ONE.expected()["calls"]) == []


def test_without_any_time_one_sentence_says_what_to_do(tmp_path: Path) -> None:
    greeting, blocks = messages(ONE.files[0])
    capture = write(tmp_path / "bare.ami", greeting, [_without_timestamp(block) for block in blocks])
    with pytest.raises(ReplayError, match=r"timestampevents = yes"):
        replay_files([capture])


def test_a_region_that_is_no_country_is_named() -> None:
    with pytest.raises(ReplayError, match="'XX' is no country"):
        replay_files(ONE.files, region="xx")


def test_an_absent_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ReplayError, match=r"absent\.ami: No such file"):
        replay_files([tmp_path / "absent.ami"])


def test_a_foreign_file_is_told_apart(tmp_path: Path) -> None:
    picture = tmp_path / "picture.png"
    picture.write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 8 + b"\r\n\r\n")
    with pytest.raises(ReplayError, match="not a capture"):
        replay_files([picture])


def test_a_capture_cut_in_mid_message_tells_what_it_holds(tmp_path: Path) -> None:
    cut = tmp_path / "cut.ami"
    cut.write_bytes(ONE.files[0].read_bytes()[:-40])
    said: list[str] = []
    assert differences(replay_files([cut], warn=said.append)["calls"], ONE.expected()["calls"]) == []
    assert said == [f"{cut} is cut off in the middle of a message, which was left out"]


def test_a_capture_that_begins_while_a_phone_rings_still_knows_who_hung_up(tmp_path: Path) -> None:
    abandoned = next(one for one in CAPTURES if one.name == "asterisk-22/direct_abandoned")
    greeting, blocks = messages(abandoned.files[0])
    ringing = next(
        number
        for number, block in enumerate(blocks)
        if header(block, b"Event") == b"Newstate" and header(block, b"ChannelStateDesc") == b"Ringing"
    )
    capture = write(tmp_path / "late.ami", greeting, blocks[ringing:])
    (call,) = replay_files([capture])["calls"]
    assert (call["result"], call["ended_by"], call["rang"]) == ("abandoned", "caller", ["101"])


def test_a_broken_sidecar_is_named(tmp_path: Path) -> None:
    capture = tmp_path / "one.ami"
    capture.write_bytes(ONE.files[0].read_bytes())
    (tmp_path / "one.ami.times").write_text("100 1.5\nnonsense\n")
    with pytest.raises(ReplayError, match=r"one\.ami\.times: line 2"):
        replay_files([capture])


def _timestamp(block: bytes) -> str | None:
    for line in block.split(b"\r\n"):
        if line.startswith(b"Timestamp: "):
            return line[11:].decode()
    return None


def _without_timestamp(block: bytes) -> bytes:
    return b"\r\n".join(line for line in block.split(b"\r\n") if not line.startswith(b"Timestamp: "))
