"""The stretch of a text that shows why it was found."""

from __future__ import annotations

import pytest

from recordings.search.query import read_query
from recordings.search.snippets import Piece, snippet


def marked(text: str, query: str, width: int = 240) -> str:
    """The snippet with hits in brackets."""
    pieces = snippet(text, read_query(query, "PL"), width)
    return "".join(f"[{piece.text}]" if piece.is_hit else piece.text for piece in pieces)


def test_hits_are_shown_as_they_were_written() -> None:
    assert (
        marked("Jestem z Łodzi, a Łódź to duże miasto.", "lodz") == "Jestem z Łodzi, a [Łódź] to duże miasto."
    )


def test_phrases_are_one_hit_and_their_words_alone_are_none() -> None:
    text = "I want my money. Money back, please: the money-back promise."
    assert marked(text, '"money back"') == "I want my money. [Money back], please: the [money-back] promise."


def test_beginnings() -> None:
    assert marked("Kowalska, Kowal and Mrs Nowak", "kow*") == "[Kowalska], [Kowal] and Mrs Nowak"


def test_parts_of_sentences_without_spaces() -> None:
    assert marked("我想要退款谢谢", "退款") == "我想要[退款]谢谢"


def test_the_stretch_with_most_different_words_wins() -> None:
    text = "refund refund refund " + "so " * 300 + "about the invoice a refund " + "well " * 300
    shown = marked(text, "invoice refund", 120)
    assert "about the [invoice] a [refund]" in shown
    assert shown.startswith("… ")
    assert shown.endswith(" …")
    assert len(shown) < 150


@pytest.mark.parametrize("odd", ["", " ½", " 退款", " ß"], ids=["by letter", "½", "退款", "ß"])
def test_both_ways_of_looking_find_the_same(odd: str) -> None:
    """Texts in which every letter folds to one are looked through as a whole, others word by word."""
    text = 'Łódź, łódź! no no no; kowal "Kowalska" e-mail, żółć_x don\'t 4711' + odd
    found = '[Łódź], [łódź]! [no no no]; [kowal] "[Kowalska]" [e-mail], [żółć_x] [don\'t] [4711]'
    assert marked(text, 'lodz "no no" kow* e-mail zolc_x don\'t 4711') == found + odd


def test_overlapping_hits_become_one() -> None:
    assert marked("no no no", '"no no"') == "[no no no]"


def test_a_text_without_hits_shows_its_beginning() -> None:
    assert marked("Good morning " * 50, "evening", 40).startswith("Good morning Good")


def test_nothing_invisible_and_no_line_breaks_come_out() -> None:
    pieces = snippet("one\u202e\r\n two <b>\x00three</b>", read_query("two", "PL"))
    assert "".join(piece.text for piece in pieces) == "one two <b> three</b>"
    assert Piece("two", is_hit=True) in pieces


def test_an_empty_text_and_a_long_one() -> None:
    assert snippet("", read_query("a", "PL")) == ()
    assert marked("a " * 100_000, "a", 40).count("[a]") > 10
