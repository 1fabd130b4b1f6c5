"""A leg's state machine is total in what matters, and the page that shows it is drawn from the table."""

from __future__ import annotations

from pathlib import Path

import pytest

from pbx_bridge.legs import TRANSITIONS, LegKind, LegState, Signal, device_of, is_on, kind_of, other_half

PAGE = Path(__file__).parents[3] / "docs" / "verdicts.md"


def drawn() -> str:
    """The table of TRANSITIONS: a row per state, a column per signal."""
    lines = ["| |" + "|".join(f" {signal} " for signal in Signal) + "|", "| --- |" + " --- |" * len(Signal)]
    for state in LegState:
        cells = (TRANSITIONS.get((state, signal)) for signal in Signal)
        lines.append(f"| **{state}** |" + "|".join(f" {cell or ''} " for cell in cells) + "|")
    return "\n".join(lines)


def test_the_page_shows_the_table() -> None:
    text = PAGE.read_text(encoding="utf-8")
    shown = text.split("<!-- transitions -->\n")[1].split("\n<!-- /transitions -->")[0]
    assert shown == drawn()


def test_the_end_is_final_and_always_reached() -> None:
    assert all(TRANSITIONS[state, Signal.GONE] is LegState.ENDED for state in LegState)
    assert {TRANSITIONS[key] for key in TRANSITIONS if key[0] is LegState.ENDED} == {LegState.ENDED}


@pytest.mark.parametrize(
    ("name", "device"),
    [
        ("PJSIP/101-00000001", "PJSIP/101"),
        ("PJSIP/my-trunk-0000001a", "PJSIP/my-trunk"),
        ("Local/101@from-queue-00000001;1", "Local/101@from-queue"),
        ("DAHDI/i1/600100200-5", "DAHDI/i1/600100200"),
        ("PJSIP/101-00000001<ZOMBIE>", "PJSIP/101"),
        ("Console/dsp", "Console/dsp"),
    ],
)
def test_a_device_is_the_name_without_its_running_number(name: str, device: str) -> None:
    assert device_of(name) == device


def test_a_trunk_is_no_prefix_of_its_neighbour() -> None:
    assert is_on("PJSIP/trunk", ["PJSIP/trunk"])
    assert not is_on("PJSIP/trunk2", ["PJSIP/trunk"])
    assert is_on("DAHDI/i1/48221", ["DAHDI/i1"])


def test_kinds() -> None:
    trunks = ("PJSIP/trunk",)
    kinds = [
        kind_of(name, trunks) for name in ("PJSIP/trunk-1", "PJSIP/101-1", "Local/1@a-1;1", "CBAnn/800-1;1")
    ]
    assert kinds == [LegKind.TRUNK, LegKind.PHONE, LegKind.LOCAL, LegKind.INNER]


def test_local_halves_find_each_other() -> None:
    assert other_half("Local/1@a-00000001;1") == "Local/1@a-00000001;2"
    assert other_half("Local/1@a-00000001;2") == "Local/1@a-00000001;1"
    assert other_half("PJSIP/101-00000001") is None
