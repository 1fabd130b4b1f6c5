"""Pure. The words of a transcript: who said what, when; as JSON (the shape in which they are stored and sent), as text
for people, and as WebVTT."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from recordings.kinds import Channel

TURN_PAUSE_S = 2.0
"""A longer silence of one speaker begins a new line."""

CUE_S = 7.0
CUE_WORDS = 14
"""What fits under a player at once."""


@dataclass(frozen=True, slots=True)
class Word:
    """`start` and `end` are seconds from the recording's beginning, `conf` is 0 to 1. A `redacted` word stands for all
    that was said there."""

    text: str
    start: float
    end: float
    conf: float
    channel: Channel
    redacted: bool = False

    def as_json(self) -> dict[str, object]:
        shown: dict[str, object] = {"w": self.text, "start": self.start, "end": self.end}
        shown |= {"conf": self.conf, "channel": self.channel.value}
        return shown | {"redacted": True} if self.redacted else shown


def to_json(words: Iterable[Word]) -> str:
    """As `Transcript.words` has them."""
    return json.dumps([word.as_json() for word in words], ensure_ascii=False, separators=(",", ":"))


def from_json(text: str) -> list[Word]:
    """The words of `Transcript.words`."""
    return [_word(one) for one in json.loads(text)]


def turns(words: Sequence[Word]) -> Iterator[list[Word]]:
    """What one speaker says until the other does, or a silence; in order."""
    turn: list[Word] = []
    for word in words:
        if turn and (word.channel is not turn[-1].channel or word.start - turn[-1].end > TURN_PAUSE_S):
            yield turn
            turn = []
        turn.append(word)
    if turn:
        yield turn


def plain(words: Sequence[Word]) -> str:
    """A line for each turn, without names: for searching."""
    return "\n".join(_said(turn) for turn in turns(words))


def dialogue(words: Sequence[Word], names: Mapping[Channel, str]) -> str:
    """For people: time, speaker, words."""
    lines = (
        f"[{_clock(turn[0].start)[:8]}] {names[turn[0].channel]}: {_said(turn)}" for turn in turns(words)
    )
    return "\n".join(lines) + "\n"


def webvtt(words: Sequence[Word], names: Mapping[Channel, str]) -> str:
    """WebVTT with a voice for each cue."""
    cues = ["WEBVTT\n"]
    for cue in (cue for turn in turns(words) for cue in _cues(turn)):
        # A cue of no length is not shown at all.
        end = max(cue[-1].end, cue[0].start + 0.1)
        voice = _escaped(names[cue[0].channel])
        cues.append(f"{_clock(cue[0].start)} --> {_clock(end)}\n<v {voice}>{_escaped(_said(cue))}</v>\n")
    return "\n".join(cues)


def _cues(turn: Sequence[Word]) -> Iterator[list[Word]]:
    cue: list[Word] = []
    for word in turn:
        if cue and (len(cue) >= CUE_WORDS or word.end - cue[0].start > CUE_S):
            yield cue
            cue = []
        cue.append(word)
    if cue:
        yield cue


def _said(words: Sequence[Word]) -> str:
    return " ".join(word.text for word in words)


def _clock(seconds: float) -> str:
    milliseconds = round(seconds * 1000)
    minutes, rest = divmod(milliseconds, 60_000)
    return f"{minutes // 60:02d}:{minutes % 60:02d}:{rest // 1000:02d}.{rest % 1000:03d}"


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _word(one: Mapping[str, Any]) -> Word:
    return Word(
        one["w"], one["start"], one["end"], one["conf"], Channel(one["channel"]), one.get("redacted", False)
    )
