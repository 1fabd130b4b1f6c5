"""What is typed into the search, and the words texts are found by."""

from __future__ import annotations

import pytest

from recordings.search.query import LONGEST_QUERY, MOST_TERMS, Term, read_query
from recordings.search.words import MOST_WORDS, mark, spaced, words


def read(text: str) -> tuple[Term, ...]:
    return read_query(text, "PL")


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Łódź STRASSE", (Term(("lodz",)), Term(("strasse",)))),
        ('"zwrot pieniędzy" jutro', (Term(("zwrot", "pieniedzy")), Term(("jutro",)))),
        ("„zwrot pieniędzy”", (Term(("zwrot", "pieniedzy")),)),
        ('"never closed', (Term(("never", "closed")),)),
        ("kow*", (Term(("kow",), is_prefix=True),)),
        ("e-mail", (Term(("e", "mail")),)),
        ("don't don't", (Term(("don", "t")),)),
        ("환불", (Term(("\u1112\u116a\u11ab\u1107\u116e\u11af",), is_prefix=True),)),
        ("退款", (Term(("退", "款")),)),
        ("  ", ()),
        ('"" * -- !', ()),
    ],
)
def test_words_and_phrases(text: str, found: tuple[Term, ...]) -> None:
    assert read(text) == found


@pytest.mark.parametrize("text", ["+48 22 600 01 23", "0048226000123", "(022) 600-01-23", "22 600 01 23"])
def test_a_number_in_any_spelling_is_one_word(text: str) -> None:
    assert read(text) == (Term(("48226000123",)),)


def test_a_short_number_is_a_word_like_others() -> None:
    assert read("2026") == (Term(("2026",)),)


def test_what_is_typed_is_bounded() -> None:
    assert len(read("a b c d e f g h i j k l m n o p q r s t")) == MOST_TERMS
    assert read("x" * 5000) == (Term(("x" * 80,)),)
    assert sum(len(term.words) for term in read('"' + "a " * 5000)) <= LONGEST_QUERY


def test_texts_are_bounded_too() -> None:
    assert len(words("so " * (MOST_WORDS + 7))) == MOST_WORDS


def test_stored_words_have_spaces_on_both_sides() -> None:
    assert spaced(words("Cześć, Ænne!")) == " czesc aenne "
    assert spaced(()) == ""


def test_marks_are_words_no_text_contains_and_never_the_same_for_two_values() -> None:
    values = [
        "sales",
        "Sales",
        "sales team",
        "sales%20team",
        "sales-team",
        "sprzedaż",
        "' OR 1",
        'a"b',
        "50",
        "5%30",
    ]
    made = [mark("queue", value) for value in values]
    assert len(set(made)) == len(values)
    assert all(
        ":" in one and not set(one) & set(" '\"\\()*") and one.isascii() and one == one.lower()
        for one in made
    )
