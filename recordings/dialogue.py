"""Pure. A transcript's words in, a dialogue out: turns in the order in which they began, each of one speaker, with
the words a search was for marked. Words are stored redacted (`tables.py`); nothing is hidden or shown here that is
not so already."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from core.folding import fold
from recordings.kinds import Channel
from recordings.words import Word

PAUSE_S = 1.2
"""Silence after which what somebody says is something new: the other may have begun in it."""

BREATH_S = 0.3
"""Nobody answers in a shorter silence: both speak at once."""

SAME_TURN_S = 4.0
"""Somebody who goes on after such a silence, and nobody spoke in it, still has the same turn."""

LONGEST_TURN_S = 60.0
"""A monologue is cut at its next pause, so that there is a time to point at."""

_WORD = re.compile(r"\w+")


@dataclass(frozen=True, slots=True)
class Spoken:
    """A word on its place in a dialogue; `hit`: a search was for it."""

    text: str
    start: float
    end: float
    channel: Channel
    redacted: bool = False
    hit: bool = False


@dataclass(frozen=True, slots=True)
class Turn:
    channel: Channel
    words: tuple[Spoken, ...]

    @property
    def start(self) -> float:
        return self.words[0].start

    @property
    def end(self) -> float:
        return self.words[-1].end


def turns(words: Iterable[Spoken]) -> tuple[Turn, ...]:
    """The dialogue. Who speaks into another's words gets a turn of their own, and the other's goes on in one piece."""
    by_channel: dict[Channel, list[Spoken]] = defaultdict(list)
    for word in sorted(words, key=lambda word: (word.start, word.end)):
        by_channel[word.channel].append(word)
    said: list[Turn] = []
    for channel, own in by_channel.items():
        others = sorted(
            word.start for other, those in by_channel.items() if other != channel for word in those
        )
        said += _pieces(own, others)
    said.sort(key=lambda piece: (piece.start, piece.channel))
    return tuple(_joined(said))


def _pieces(words: Sequence[Spoken], others: Sequence[float]) -> Iterator[Turn]:
    """One speaker's words, cut at pauses, and where somebody else began (at `others`) between two of them."""
    first = 0
    for index in range(1, len(words)):
        ended, begins = words[index - 1].end, words[index].start
        is_answered = begins - ended > BREATH_S and bisect_left(others, ended) < bisect_left(others, begins)
        if is_answered or begins - ended > PAUSE_S:
            yield Turn(words[first].channel, tuple(words[first:index]))
            first = index
    yield Turn(words[first].channel, tuple(words[first:]))


def _joined(said: Iterable[Turn]) -> Iterator[Turn]:
    """Neighbours of the same speaker become one turn."""
    open_turn: Turn | None = None
    for piece in said:
        if open_turn is not None and _goes_on(open_turn, piece):
            open_turn = replace(open_turn, words=open_turn.words + piece.words)
            continue
        if open_turn is not None:
            yield open_turn
        open_turn = piece
    if open_turn is not None:
        yield open_turn


def _goes_on(turn: Turn, piece: Turn) -> bool:
    return (
        turn.channel is piece.channel
        and piece.start - turn.end <= SAME_TURN_S
        and piece.end - turn.start <= LONGEST_TURN_S
    )


def marked(words: Iterable[Word], wanted: str) -> Iterator[Spoken]:
    """The words, those marked that begin with a word of `wanted`. As in searches: without case and accents."""
    starts = tuple(set(_WORD.findall(fold(wanted))))
    for word in words:
        is_hit = bool(starts) and not word.redacted and _begins(word.text, starts)
        yield Spoken(word.text, word.start, word.end, word.channel, word.redacted, is_hit)


def _begins(text: str, starts: tuple[str, ...]) -> bool:
    return any(part.startswith(starts) for part in _WORD.findall(fold(text)))
