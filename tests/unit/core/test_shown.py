"""What of a stranger's text reaches a screen: ordinary names untouched, nothing that hides, turns or forges."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.shown import BREAKS, GONE, JOINERS, LONGEST_NAME, MOST_MARKS, shown


@pytest.mark.parametrize(
    "name",
    [
        "Jan Kowalski",
        "Jan  Kowalski",
        "Łódź – Żółw ☎",
        'O\'Brien & Söhne, "Zum Löwen" <GmbH>',
        "Back\\slash; semi: colon",
        "=HYPERLINK(1)",
        "Robert'); DROP TABLE calls;--",
        "משה כהן",
        "محمد بن سلمان",
        "نمی\u200cخواهم",  # Persian, spelt with a zero-width non-joiner
        "क्\u200dष राम",
        "田中 太郎",
        "김민준",
        "Nguyễn Thị Ánh",
        "😀 Ola 👍🏽",
        "👩\u200d👩\u200d👧 & ❤\ufe0f\u200d🔥",
        "Bro\ufffdken",
        "Société\u00a0X",
    ],
)
def test_ordinary_names_stay_as_they_are(name: str) -> None:
    assert shown(name) == name


@pytest.mark.parametrize(
    ("came", "seen"),
    [
        ("Eve\u2028Event: Hangup\u2029x", "Eve Event: Hangup x"),
        ("Eve\x85Event\x1cx\x00\x7f\x9fy", "Eve Event x   y"),
        ("Eve\r\nEvent: Hangup", "Eve  Event: Hangup"),
        ("\u202egnp.exe\u202c", "gnp.exe"),
        ("\u2066a\u2067b\u2068c\u2069\u200e\u200f\u061c", "abc"),
        ("Ja\u200bn\ufeff\u2060 \u00adK", "Jan K"),
        ("pay\u200dpal\u200c", "paypal"),
        ("\u200d\u200cЖан\u200d", "Жан"),
        ("\u3164\uffa0\u2800", ""),
        ("a\U000e0041\U000e0101b\U0010ffff\ufdd0\ue000", "ab"),
        ("a\u034fb", "ab"),
        ("\ud800x", "x"),
        ("   ", ""),
    ],
)
def test_what_hides_or_forges_goes(came: str, seen: str) -> None:
    assert shown(came) == seen


def test_a_name_is_composed() -> None:
    assert shown(unicodedata.normalize("NFD", "Łódź Ångström")) == "Łódź Ångström"


def test_a_long_name_is_cut_where_people_count() -> None:
    assert shown("Long " * 2000) == ("Long " * 16).rstrip()
    assert shown("é" * 10_000) == "é" * LONGEST_NAME
    family = "👩\u200d👧"
    assert shown(family * 100).count("👩") == LONGEST_NAME // 2


def test_towers_of_marks_are_pulled_down() -> None:
    seen = shown("Z\u0317\u0317\u0317\u0317\u0317\u0317\u0317\u0317algo")
    assert seen == "Z" + "\u0317" * MOST_MARKS + "algo"
    assert len(shown("Z" + "\u0300" * 100_000)) <= 1 + MOST_MARKS


@given(st.text())
def test_nothing_unseen_is_left_and_twice_is_once(text: str) -> None:
    seen = shown(text)
    assert not [one for one in seen if unicodedata.category(one) in BREAKS | GONE and one not in JOINERS]
    assert len(seen) <= LONGEST_NAME * (1 + MOST_MARKS)
    assert shown(seen) == seen
