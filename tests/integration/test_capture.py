"""`ringback capture` against a simulated PBX on a real socket; and captures with the people taken out of them."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path
from typing import Any

import pytest

from core.clock import system_clock
from core.phone import parse_number
from pbx_bridge.ami.session import Credentials
from pbx_bridge.ami.target import AmiTarget
from pbx_bridge.anonymise import Anonymiser
from pbx_bridge.capture import CaptureError, anonymise_file, capture
from pbx_bridge.replay import replay_files
from pbx_bridge.simulator import EVENTS_USER, Party, Simulator
from tests.captured import CAPTURES, Captured

DEADLINE_S = 60.0
PEOPLE = ("id", "linkedids", "caller", "caller_name", "callee", "talked", "transfers", "why")


def target_of(pbx: Simulator, secret: str = EVENTS_USER.secret) -> AmiTarget:
    return AmiTarget("main", pbx.host, pbx.port, Credentials(EVENTS_USER.name, secret))


async def until_it_holds(file: Path, text: bytes, times: int = 1) -> None:
    async with asyncio.timeout(DEADLINE_S):
        while not file.exists() or file.read_bytes().count(text) < times:
            await asyncio.sleep(0.02)


@pytest.mark.parametrize("anonymise", [False, True])
async def test_what_was_recorded_can_be_replayed(tmp_path: Path, anonymise: bool) -> None:
    out = tmp_path / "bug.ami"
    async with Simulator() as pbx:
        recording = asyncio.create_task(capture(target_of(pbx), out, system_clock, anonymise=anonymise))
        await until_it_holds(out, b"StatusComplete")
        call = pbx.rings_phone(Party("+48226011111", "Jan Kowalski"), "101")
        call.answers("101")
        call.caller_hangs_up()
        await until_it_holds(out, b"Event: Hangup\r", times=2)
        recording.cancel()
        await asyncio.gather(recording, return_exceptions=True)
    (told,) = replay_files([out])["calls"]
    assert (told["result"], told["talked"], told["ended_by"]) == ("answered", ["101"], "caller")
    assert (told["caller"] == "+48226011111") is not anonymise
    assert EVENTS_USER.secret.encode() not in out.read_bytes()


async def test_a_reconnect_goes_on_in_another_file(tmp_path: Path) -> None:
    out = tmp_path / "bug.ami"
    async with Simulator() as pbx:
        recording = asyncio.create_task(capture(target_of(pbx), out, system_clock))
        await until_it_holds(out, b"StatusComplete")
        call = pbx.rings_phone(Party("+48226011111"), "101")
        call.answers("101")
        pbx.cut()
        second = tmp_path / "bug-2.ami"
        await until_it_holds(second, b"QueueStatusComplete")
        call.caller_hangs_up()
        await until_it_holds(second, b"Event: Hangup\r", times=2)
        recording.cancel()
        await asyncio.gather(recording, return_exceptions=True)
    (told,) = replay_files([out, second])["calls"]
    assert (told["result"], told["ended_by"]) == ("answered", "caller")


async def test_it_stops_after_the_seconds_asked_for(tmp_path: Path) -> None:
    async with Simulator() as pbx:
        files = await asyncio.wait_for(
            capture(target_of(pbx), tmp_path / "a.ami", system_clock, seconds=0.3), DEADLINE_S
        )
    assert files == [tmp_path / "a.ami"]


async def test_a_wrong_secret_is_one_sentence(tmp_path: Path) -> None:
    async with Simulator() as pbx:
        with pytest.raises(CaptureError, match=r"pbx\.main.*refused the login"):
            await asyncio.wait_for(
                capture(target_of(pbx, "wrong"), tmp_path / "a.ami", system_clock), DEADLINE_S
            )


async def test_an_unreachable_pbx_is_one_sentence(tmp_path: Path) -> None:
    async with Simulator() as pbx:
        target = target_of(pbx)
    with pytest.raises(CaptureError, match="cannot reach Asterisk"):
        await asyncio.wait_for(capture(target, tmp_path / "a.ami", system_clock), DEADLINE_S)


STRANGE = ("forged", "hostile", "long_name", "line_break")
CLEAN = [one for one in CAPTURES if not any(word in one.name for word in STRANGE)]


@pytest.mark.parametrize("captured", CLEAN, ids=lambda captured: captured.name)
def test_the_people_are_gone_and_the_calls_are_the_same(captured: Captured, tmp_path: Path) -> None:
    truth = captured.expected()
    hidden = []
    for number, file in enumerate(captured.files):
        hidden.append(tmp_path / f"{number}.ami")
        anonymise_file(file, hidden[-1])
    before = replay_files(captured.files, truth["trunks"])["calls"]
    if len(captured.files) > 1:
        return  # each file has a key of its own, so the same caller has two pseudonyms
    after = replay_files(hidden, truth["trunks"])["calls"]
    assert [_without_people(call) for call in after] == [_without_people(call) for call in before]
    data = b"".join(file.read_bytes() for file in hidden)
    for call in before:
        for text in (call["caller"], call["caller_name"]):
            if text and len(text) > 6 and not text.startswith("Phone "):
                assert text.lstrip("+").encode() not in data


def _without_people(call: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in call.items() if key not in PEOPLE}


def test_one_number_in_two_spellings_stays_one_number() -> None:
    hide = Anonymiser(b"key", "PL")
    spellings = [b"+48-22-601-44-44", b"0048226014444", b"(22)6014444", b"226014444"]
    shown = [hide.message(b"Event: Newchannel\r\nCallerIDNum: " + one) or b"" for one in spellings]
    numbers = [re.findall(rb"CallerIDNum: (.*)", one)[0].decode() for one in shown]
    assert len({parse_number(number, "PL").e164 for number in numbers}) == 1
    assert numbers[0].startswith("+48-22-6")
    assert "601-44-44" not in numbers[0]


def test_channel_names_and_ids_keep_their_places() -> None:
    hide = Anonymiser(b"key", "PL")
    kept = hide.message(
        b"Event: Newchannel\r\nChannel: Local/48600100200@mobile-member-00000010;1\r\nUniqueid: 1795303339.17\r\n"
        b"CallerIDNum: 101\r\nAccountCode: secret\r\nSecretHeader: 1234567890"
    )
    assert kept is not None
    lines = kept.decode().split("\r\n")
    assert re.fullmatch(r"Channel: Local/48600\d{6}@mobile-member-00000010;1", lines[1])
    assert lines[2:] == ["Uniqueid: 1795303339.17", "CallerIDNum: 101"]


def test_events_the_call_book_does_not_read_are_dropped() -> None:
    assert Anonymiser(b"key", "PL").message(b"Event: VarSet\r\nVariable: NAME\r\nValue: Jan") is None
