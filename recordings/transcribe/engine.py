"""What every engine is: speech of one speaker goes in, piece by piece, words with times come out as soon as they are
known. Which engines there are stands in `open_engine`; each is an optional installation, loaded when it is asked for.

Engines get only what `vad.py` took for speech, so they hear a recording with its silences cut out; `Timeline` leads
their times back to the recording's."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol

from core.errors import RingbackError
from recordings.audio import RATE, SAMPLE_BYTES


class EngineError(RingbackError):
    """The engine or its model is not installed, or does not know this language. Trying again is of no use."""

    code = "engine-missing"


class ModelError(EngineError):
    """The engine has no such model, and could not download it: perhaps the network is away. It may be there later."""

    code = "model-missing"


@dataclass(frozen=True, slots=True)
class Span:
    """Uninterrupted speech: where it begins in the recording (seconds), and its samples (`audio.RATE`, 16 bits)."""

    start: float
    samples: bytes

    @property
    def seconds(self) -> float:
        return len(self.samples) / (RATE * SAMPLE_BYTES)


@dataclass(frozen=True, slots=True)
class Heard:
    """One word; `start` and `end` are seconds from the recording's beginning, `conf` is 0 to 1."""

    text: str
    start: float
    end: float
    conf: float


class Engine(Protocol):
    """One model, loaded. Not to be shared between threads."""

    @property
    def name(self) -> str: ...

    @property
    def model(self) -> str: ...

    def hear(self, spans: Iterable[Span]) -> Iterator[Heard]:
        """The words of one speaker, in order. Takes the spans as it goes and keeps none of them."""
        ...


@dataclass(frozen=True, slots=True)
class Wanted:
    """An engine as settings or a command name it. `model` is a folder or a name, None for the engine's own choice."""

    engine: str
    language: str
    model: str | None = None
    threads: int = 1


def open_engine(wanted: Wanted) -> Engine:
    """Load it. Raises EngineError with what to install."""
    if wanted.engine == "vosk":
        from recordings.transcribe.vosk_engine import VoskEngine

        return VoskEngine(wanted)
    if wanted.engine == "faster-whisper":
        from recordings.transcribe.whisper_engine import WhisperEngine

        return WhisperEngine(wanted)
    raise EngineError(f"there is no engine {wanted.engine!r}: write vosk or faster-whisper")


class Timeline:
    """Spans laid end to end, as an engine hears them, beside where they were."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self._from: list[float] = []
        self._to: list[float] = []
        self._ends: list[float] = []

    def add(self, span: Span) -> None:
        self._from.append(self.seconds)
        self._to.append(span.start)
        self._ends.append(span.start + span.seconds)
        self.seconds += span.seconds

    def word(self, text: str, start: float, end: float, conf: float) -> Heard:
        """A word where it really is. The span that has the word's middle has the word: engines let a word begin in the
        silence before it."""
        at = max(0, bisect_right(self._from, (start + end) / 2) - 1)
        shift = self._to[at] - self._from[at]
        real_start = min(max(start + shift, self._to[at]), self._ends[at])
        real_end = min(max(end + shift, real_start), self._ends[at])
        return Heard(text, round(real_start, 3), round(real_end, 3), round(min(max(conf, 0.0), 1.0), 3))
