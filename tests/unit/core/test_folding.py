"""Text as people type it, stored clean and found without accents."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.folding import clean_line, fold, words
from core.shown import BREAKS, GONE, JOINERS

HIDDEN = BREAKS | GONE


@pytest.mark.parametrize(
    ("typed", "found_by"),
    [
        ("Łódź", "lodz"),
        ("Straße", "STRASSE"),
        ("Ångström", "angstrom"),
        ("Đorđević", "dordevic"),
        ("Ｆｕｌｌ", "full"),
        ("İstanbul", "istanbul"),
    ],
)
def test_accents_and_case_do_not_hide_a_name(typed: str, found_by: str) -> None:
    assert words(typed) == words(found_by)


def test_all_words_of_name_and_company_are_found() -> None:
    assert words("Anna Kowalska-Nowak", "P.H.U. Żabka") == {
        "anna",
        "kowalska",
        "nowak",
        "p",
        "h",
        "u",
        "zabka",
    }


def test_a_hostile_display_name_becomes_one_visible_line() -> None:
    assert clean_line("Anna\r\nEvent: \u202eHangup\u2028x\x00") == "Anna Event: Hangup x"


@given(st.text())
def test_a_clean_line_has_nothing_invisible_and_stays_as_it_is(text: str) -> None:
    line = clean_line(text)
    assert len(line) <= 200
    assert not [char for char in line if unicodedata.category(char) in HIDDEN and char not in JOINERS]
    assert clean_line(line) == line


@given(st.text())
def test_folding_twice_changes_nothing_more(text: str) -> None:
    assert fold(fold(text)) == fold(text)
