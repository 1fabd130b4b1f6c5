"""A whole recording to its transcript: each channel by itself, so that every word carries its speaker. In: a file, an
engine, what is to be redacted. Out: words in the order they were said, already redacted, and where the audio is to be
silenced. What was said before the redaction leaves this file nowhere."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from recordings.audio import RATE, SAMPLE_BYTES, AudioError, Shape, samples
from recordings.kinds import Channel
from recordings.transcribe.engine import Engine, Heard
from recordings.transcribe.vad import speech
from recordings.words import Word

Progress = Callable[[float], None]
"""Told how much is done, 0 to 1, every second of audio; whoever is told decides how often to pass it on."""


def speakers(shape: Shape) -> tuple[Channel, ...]:
    """Whose voice each channel has. Raises AudioError for more than two."""
    if shape.channels == 1:
        return (Channel.MIXED,)
    if shape.channels == 2:
        return (Channel.CUSTOMER, Channel.OURS)
    raise AudioError(f"a recording has one channel or two, not {shape.channels}")


def listen(path: Path, shape: Shape, engine: Engine, tell: Progress) -> list[Word]:
    """Every word of every channel, in the order they were said. Raises AudioError."""
    words: list[Word] = []
    channels = speakers(shape)
    for number, channel in enumerate(channels):

        def heard_to(seconds: float, before: int = number) -> None:
            tell(min(1.0, (before + seconds / max(shape.seconds, 0.001)) / len(channels)))

        spans = speech(_watched(samples(path, number), heard_to))
        words += [_word(heard, channel) for heard in engine.hear(spans)]
    return sorted(words, key=lambda word: (word.start, word.end))


def _word(heard: Heard, channel: Channel) -> Word:
    return Word(heard.text, heard.start, heard.end, heard.conf, channel)


def _watched(pieces: Iterator[bytes], heard_to: Callable[[float], None]) -> Iterator[bytes]:
    taken = 0
    for piece in pieces:
        yield piece
        taken += len(piece)
        heard_to(taken / (RATE * SAMPLE_BYTES))
