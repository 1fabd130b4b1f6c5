"""A transcript as a dialogue: who has which turn, also when both speak at once, and which words a search marks."""

from __future__ import annotations

import pytest

from recordings.dialogue import Turn, marked, turns
from recordings.kinds import Channel
from recordings.words import Word

US, THEM, BOTH = Channel.OURS, Channel.CUSTOMER, Channel.MIXED


def said(channel: Channel, start: float, text: str, *, pace: float = 0.4) -> list[Word]:
    """One word after the other from `start` on, without a pause."""
    return [
        Word(word, round(start + pace * index, 2), round(start + pace * (index + 1), 2), 0.9, channel)
        for index, word in enumerate(text.split())
    ]


def dialogue(*words: list[Word], wanted: str = "") -> tuple[Turn, ...]:
    return turns(marked([one for own in words for one in own], wanted))


def shown(found: tuple[Turn, ...]) -> list[tuple[str, str]]:
    return [(turn.channel.value, " ".join(word.text for word in turn.words)) for turn in found]


def test_speakers_take_turns() -> None:
    found = dialogue(said(US, 0, "good morning"), said(THEM, 1, "hello"), said(US, 2, "how are you"))
    assert shown(found) == [("ours", "good morning"), ("customer", "hello"), ("ours", "how are you")]
    assert (found[0].start, found[0].end) == (0.0, 0.8)


def test_who_speaks_into_anothers_words_does_not_cut_them() -> None:
    found = dialogue(said(US, 0, "the parcel left our house this morning"), said(THEM, 1, "yes"))
    assert shown(found) == [("ours", "the parcel left our house this morning"), ("customer", "yes")]


def test_words_may_come_in_any_order() -> None:
    found = dialogue(said(THEM, 5, "later"), said(US, 0, "earlier"))
    assert shown(found) == [("ours", "earlier"), ("customer", "later")]


def test_a_short_silence_keeps_the_turn_and_a_long_one_ends_it() -> None:
    found = dialogue(said(US, 0, "one moment"), said(US, 3, "here it is"), said(US, 30, "hello"))
    assert shown(found) == [("ours", "one moment here it is"), ("ours", "hello")]


def test_a_monologue_is_cut_where_it_pauses() -> None:
    parts = [said(BOTH, 12 * index, "word " * 20) for index in range(12)]
    found = dialogue(*parts)
    assert len(found) > 1
    assert all(turn.end - turn.start <= 60 for turn in found)
    assert sum(len(turn.words) for turn in found) == 240


def test_nothing_said_is_no_dialogue() -> None:
    assert dialogue() == ()


@pytest.mark.parametrize(
    ("wanted", "hits"),
    [
        ("lodz", ["Łódź"]),
        ("ŁÓDŹ", ["Łódź"]),
        ("stras", ["Straße,"]),
        ("łó", ["Łódź"]),
        ("dz", []),
        ("", []),
        ("  !?", []),
        ("straße nowhere", ["Straße,"]),
        ("redacted", []),
    ],
)
def test_words_are_marked_as_a_search_finds_them(wanted: str, hits: list[str]) -> None:
    words = said(THEM, 0, "from Łódź to Straße, number")
    words.append(Word("[redacted]", 4.0, 5.0, 1.0, THEM, redacted=True))
    found = [word.text for turn in dialogue(words, wanted=wanted) for word in turn.words if word.hit]
    assert found == hits
