"""What the simulated PBX tells must be so true that the call book cannot tell it from a real one: every story of the
catalogue is played, its bytes are replayed like a capture, and each call must come out as the people meant it."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from pbx_bridge.ami.message import END_OF_MESSAGE, ActionHeaders, AmiMessage
from pbx_bridge.replay import replay_files
from pbx_bridge.simulator import EVENTS_USER, Habits, Simulator
from pbx_bridge.simulator.clock import SteppedClock
from pbx_bridge.simulator.originate import Order, carry_out, order_of
from pbx_bridge.simulator.server import GREETING
from pbx_bridge.simulator.stories import STORIES
from pbx_bridge.simulator.world import Emission

CAPTURES = Path(__file__).parents[1] / "captures" / "asterisk-22"
NOON = 1_795_000_000.0
"""Stories are told in a time of their own, so that seconds are exact."""

SALES = ["101", "102", "103"]


@dataclass(frozen=True)
class Truth:
    """The call a story tells. `talk` and `wait` are seconds."""

    result: str
    ended_by: str
    caller: str | None = "+48221110101"
    callee: str = "48221000101"
    direction: str = "inbound"
    queue: str | None = None
    rang: list[str] = field(default_factory=list)
    talked: list[str] = field(default_factory=list)
    transfers: list[tuple[str, str, str]] = field(default_factory=list)
    wait: float = 0.0
    talk: float = 0.0


MARIA = "+48221110202"
TRUTHS: dict[str, Truth] = {
    "direct_answered": Truth("answered", "caller", rang=["101"], talked=["101"], wait=4, talk=20),
    "direct_missed": Truth("missed", "pbx", MARIA, rang=["101"], wait=20),
    "direct_abandoned": Truth("abandoned", "caller", None, rang=["101"], wait=6),
    "direct_busy": Truth("missed", "pbx", wait=0),
    "direct_declined": Truth("missed", "pbx", rang=["101"], wait=3),
    "direct_voicemail": Truth("voicemail", "caller", rang=["101"], wait=27),
    "group_answered": Truth("answered", "agent", MARIA, rang=SALES, talked=["103"], wait=3, talk=20),
    "queue_answered": Truth(
        "answered", "agent", callee="48221000400", queue="sales", rang=SALES, talked=["102"], wait=5, talk=19
    ),
    "queue_abandoned": Truth(
        "abandoned", "caller", MARIA, callee="48221000400", queue="sales", rang=SALES, wait=18
    ),
    "queue_timed_out": Truth(
        "missed", "pbx", callee="48221000401", queue="support", rang=["103", "104"], wait=30
    ),
    "queue_to_voicemail": Truth(
        "voicemail", "caller", callee="48221000401", queue="support", rang=["103", "104"], wait=38
    ),
    "queue_declined_then_answered": Truth(
        "answered", "caller", callee="48221000400", queue="sales", rang=SALES, talked=["102"], wait=4, talk=10
    ),
    "blind_transfer_answered": Truth(
        "answered", "caller", callee="48221000400", queue="sales", rang=[*SALES, "104"], talked=["101", "104"],
        transfers=[("blind", "101", "104")], wait=4, talk=35,
    ),
    "blind_transfer_unanswered": Truth(
        "answered", "pbx", rang=["101", "102"], talked=["101"], transfers=[("blind", "101", "102")], wait=4,
        talk=10,
    ),
    "attended_transfer_answered": Truth(
        "answered", "caller", MARIA, callee="48221000400", queue="sales", rang=[*SALES, "104"],
        talked=["101", "104"], transfers=[("attended", "101", "104")], wait=4, talk=39,
    ),
    "consultation_only": Truth(
        "answered", "caller", MARIA, rang=["101", "104"], talked=["101"], wait=4, talk=28
    ),
    "outbound_answered": Truth(
        "answered", "agent", "101", "600100200", "outbound", talked=["101"], wait=7, talk=20
    ),
    "outbound_busy": Truth("busy", "pbx", "101", "600100200", "outbound", wait=0),
    "outbound_unanswered": Truth("missed", "agent", "102", "00493012345678", "outbound", wait=25),
    "internal_answered": Truth(
        "answered", "agent", "101", "102", "internal", rang=["102"], talked=["101", "102"], wait=3, talk=12
    ),
}  # fmt: skip


class Tape:
    """What a connection of `user` would have received, as a capture file."""

    def __init__(self, pbx: Simulator) -> None:
        self.data = bytearray(GREETING)
        pbx.world.listen(self._hear)

    def _hear(self, emission: Emission) -> None:
        if EVENTS_USER.hears(emission.message.event, emission.right):
            self.data += emission.message.raw + END_OF_MESSAGE

    def replayed(self, folder: Path) -> list[dict[str, Any]]:
        path = folder / "tape.ami"
        path.write_bytes(self.data)
        calls: list[dict[str, Any]] = replay_files([path], ("PJSIP/trunk", "PJSIP/trunk2"), "PL")["calls"]
        return calls


def test_every_story_has_its_truth() -> None:
    assert STORIES.keys() == TRUTHS.keys()


@pytest.mark.parametrize("name", list(TRUTHS))
async def test_a_story_comes_out_as_it_was_meant(name: str, tmp_path: Path) -> None:
    pbx = Simulator(clock=SteppedClock(NOON))
    tape = Tape(pbx)
    await STORIES[name](pbx)
    assert not pbx.world.channels, "everybody must have hung up"
    assert not pbx.world.bridges
    calls = tape.replayed(tmp_path)
    assert len(calls) == 1, calls
    _compare(calls[0], TRUTHS[name])


def _compare(call: dict[str, Any], truth: Truth) -> None:
    said = {
        key: call[key] for key in ("result", "ended_by", "caller", "callee", "direction", "queue", "talked")
    }
    meant = {key: getattr(truth, key) for key in said}
    assert said == meant, call["why"]
    assert sorted(call["rang"]) == sorted(truth.rang)
    transfers = [(one["kind"], one["from"], one["to"]) for one in call["transfers"]]
    assert transfers == truth.transfers
    assert call["wait_s"] == pytest.approx(truth.wait, abs=0.1)
    assert call["talk_s"] == pytest.approx(truth.talk, abs=0.1)


@pytest.mark.parametrize(
    ("habits", "result", "talked", "talk"),
    [
        (Habits(), "answered", ["101"], 20.0),
        (Habits(agent_answers=None), "missed", [], 0.0),
        (Habits(outside_answers=None), "missed", [], 0.0),
    ],
)
async def test_a_callback_comes_out_as_it_was_meant(
    habits: Habits, result: str, talked: list[str], talk: float, tmp_path: Path
) -> None:
    pbx = Simulator(clock=SteppedClock(NOON))
    tape = Tape(pbx)
    action: ActionHeaders = {
        "Action": "Originate",
        "ActionID": "a",
        "Channel": "Local/101@ringback-agent/n",
        "Timeout": 25_000,
    }
    where = {"Context": "ringback-callback", "Exten": "48600100200", "ChannelId": "cb-7"}
    order = order_of(pbx.world, AmiMessage.of({**action, **where}))
    assert isinstance(order, Order)
    await carry_out(pbx.world, order, habits)
    assert not pbx.world.channels
    (call,) = tape.replayed(tmp_path)
    assert (call["direction"], call["linkedids"]) == ("callback", ["cb-7"])
    assert (call["caller"], call["callee"]) == ("101", "48600100200")
    assert (call["result"], call["rang"], call["talked"]) == (result, ["101"], talked)
    assert call["talk_s"] == pytest.approx(talk, abs=0.1)


async def test_many_stories_at_the_same_time_stay_apart(tmp_path: Path) -> None:
    pbx = Simulator(speed=100.0)
    tape = Tape(pbx)
    names = ["direct_answered", "outbound_unanswered", "queue_timed_out"]
    await asyncio.gather(*(STORIES[name](pbx) for name in names))
    results = sorted((call["direction"], call["result"]) for call in tape.replayed(tmp_path))
    assert results == [("inbound", "answered"), ("inbound", "missed"), ("outbound", "missed")]


@pytest.mark.parametrize(
    "name", ["direct_answered", "queue_ringall_answered", "queue_abandoned", "hold_and_back"]
)
async def test_a_capture_played_twice_gives_two_such_calls(name: str, tmp_path: Path) -> None:
    expected = json.loads((CAPTURES / f"{name}.json").read_text())["calls"]
    pbx = Simulator(clock=SteppedClock(NOON))
    tape = Tape(pbx)
    await pbx.play(CAPTURES / f"{name}.ami")
    assert not pbx.world.channels
    await pbx.play(CAPTURES / f"{name}.ami")
    calls = tape.replayed(tmp_path)
    assert len(calls) == 2 * len(expected)
    for call, truth in zip(calls, expected * 2, strict=True):
        for key in ("result", "ended_by", "caller", "callee", "queue", "talked"):
            assert call[key] == truth[key]
        assert call["talk_s"] == pytest.approx(truth["talk_s"], abs=0.1)
    assert calls[0]["linkedids"] != calls[1]["linkedids"]


async def test_numbers_of_a_capture_can_be_replaced(tmp_path: Path) -> None:
    pbx = Simulator(clock=SteppedClock(NOON))
    tape = Tape(pbx)
    others = {"+48226011111": "+48221234567", "Jan Kowalski": "Ola Inna"}
    await pbx.play(CAPTURES / "direct_answered.ami", others)
    assert b"Kowalski" not in tape.data
    assert b"+48226011111" not in tape.data
    (call,) = tape.replayed(tmp_path)
    assert (call["caller"], call["caller_name"]) == ("+48221234567", "Ola Inna")


async def test_while_a_capture_plays_the_pbx_knows_its_channels() -> None:
    pbx = Simulator(clock=SteppedClock(NOON))
    most: list[tuple[int, int]] = []

    def count(emission: Emission) -> None:
        message: AmiMessage = emission.message
        if message.event == "HangupRequest":
            most.append((len(pbx.world.channels), len(pbx.world.bridges)))

    pbx.world.listen(count)
    await pbx.play(CAPTURES / "direct_answered.ami")
    assert most == [(2, 1)]
