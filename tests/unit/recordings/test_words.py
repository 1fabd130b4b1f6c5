"""A transcript as stored, as text and as WebVTT."""

from __future__ import annotations

from recordings.kinds import Channel
from recordings.words import Word, dialogue, from_json, plain, to_json, turns, webvtt

NAMES = {Channel.CUSTOMER: "Anna <Nowak>", Channel.OURS: "Ewa"}
WORDS = [
    Word("Good", 0.0, 0.3, 0.9, Channel.OURS),
    Word("morning.", 0.3, 0.8, 0.9, Channel.OURS),
    Word("Rock", 1.5, 1.8, 0.5, Channel.CUSTOMER),
    Word("&", 1.8, 1.9, 0.5, Channel.CUSTOMER),
    Word("roll", 1.9, 2.4, 0.5, Channel.CUSTOMER),
    Word("[redacted]", 3725.25, 3731.0, 1.0, Channel.CUSTOMER, redacted=True),
]


def test_words_come_back_from_json_as_they_were() -> None:
    assert from_json(to_json(WORDS)) == WORDS
    assert '"redacted"' not in to_json(WORDS[:5])


def test_a_turn_ends_with_the_other_speaker_or_a_silence() -> None:
    assert [[word.text for word in turn] for turn in turns(WORDS)] == [
        ["Good", "morning."],
        ["Rock", "&", "roll"],
        ["[redacted]"],
    ]


def test_plain_text_has_a_line_for_each_turn() -> None:
    assert plain(WORDS) == "Good morning.\nRock & roll\n[redacted]"


def test_a_dialogue_has_times_and_names() -> None:
    assert dialogue(WORDS, NAMES).splitlines()[2] == "[01:02:05] Anna <Nowak>: [redacted]"


def test_webvtt_escapes_what_a_player_would_take_for_a_tag() -> None:
    assert webvtt(WORDS, NAMES) == (
        "WEBVTT\n\n"
        "00:00:00.000 --> 00:00:00.800\n<v Ewa>Good morning.</v>\n\n"
        "00:00:01.500 --> 00:00:02.400\n<v Anna &lt;Nowak&gt;>Rock &amp; roll</v>\n\n"
        "01:02:05.250 --> 01:02:11.000\n<v Anna &lt;Nowak&gt;>[redacted]</v>\n"
    )


def test_a_long_turn_is_cut_into_cues_that_can_be_read() -> None:
    words = [Word(f"w{at}", at * 0.4, at * 0.4 + 0.4, 1.0, Channel.OURS) for at in range(40)]
    assert webvtt(words, NAMES).count("-->") == 3
