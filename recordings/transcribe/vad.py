"""Where somebody speaks: the samples of one channel in, spans of speech out, as they come. Half of each channel of a
conversation is silence that costs an engine as much as speech, and in which some engines hear words.

The decision for each 30 ms is WebRTC's; here it is only smoothed, and what nobody interrupts is cut in the end."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator

from recordings.audio import RATE, SAMPLE_BYTES
from recordings.transcribe.engine import EngineError, Span

FRAME_MS = 30
FRAME = RATE * FRAME_MS // 1000 * SAMPLE_BYTES

AGGRESSIVE = 2
"""Of 0 to 3: 3 loses the ends of words on a telephone line, 1 takes its noise for speech."""

BEFORE = 10
"""Frames (0.3 s) kept before the first that is speech: many words begin without voice."""

ENOUGH = 6
"""Of the last `BEFORE` frames that must be speech to begin: a click has fewer."""

PAUSE = 24
"""Frames without speech (0.7 s) that end a span; shorter pauses are within a sentence."""

LONGEST = 900
"""Frames (27 s) of one span: whisper hears 30 s at once."""


class _Cutter:
    """Frames in, spans out."""

    def __init__(self) -> None:
        self._recent: deque[tuple[bytes, bool]] = deque(maxlen=BEFORE)
        self._frames: list[bytes] = []
        self._first = 0
        self._count = 0
        self._silent = 0
        self._quiet_at = 0

    def add(self, frame: bytes, is_speech: bool) -> Span | None:
        self._count += 1
        if not self._frames:
            self._recent.append((frame, is_speech))
            if sum(speech for _, speech in self._recent) >= ENOUGH:
                self._begin()
            return None
        self._frames.append(frame)
        self._silent = 0 if is_speech else self._silent + 1
        if not is_speech and len(self._frames) > LONGEST // 2:
            self._quiet_at = len(self._frames)
        if self._silent >= PAUSE:
            return self.end()
        return self._cut() if len(self._frames) >= LONGEST else None

    def end(self) -> Span | None:
        """What there is of a span, None between spans."""
        if not self._frames:
            return None
        span = self._span(self._frames)
        self._frames, self._silent, self._quiet_at = [], 0, 0
        return span

    def _begin(self) -> None:
        self._frames = [frame for frame, _ in self._recent]
        self._first = self._count - len(self._frames)
        self._recent.clear()

    def _cut(self) -> Span:
        """At the last breath, or in the middle of a word where somebody never takes one."""
        at = self._quiet_at or len(self._frames)
        span = self._span(self._frames[:at])
        self._frames = self._frames[at:]
        self._first += at
        self._quiet_at = 0
        return span

    def _span(self, frames: list[bytes]) -> Span:
        return Span(round(self._first * FRAME_MS / 1000, 3), b"".join(frames))


def speech(pieces: Iterable[bytes]) -> Iterator[Span]:
    """The spans of speech in one channel, in order; `pieces` may have any length. Raises EngineError when the library
    is missing."""
    try:
        import webrtcvad
    except ImportError as error:
        raise EngineError("transcripts need: pip install 'ringback[vosk]' or 'ringback[whisper]'") from error
    vad, cutter = webrtcvad.Vad(AGGRESSIVE), _Cutter()
    for frame in _frames(pieces):
        span = cutter.add(frame, vad.is_speech(frame, RATE))
        if span is not None:
            yield span
    rest = cutter.end()
    if rest is not None:
        yield rest


def _frames(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """All whole frames; less than one at the end holds no word."""
    left = b""
    for piece in pieces:
        left += piece
        whole = len(left) - len(left) % FRAME
        for at in range(0, whole, FRAME):
            yield left[at : at + FRAME]
        left = left[whole:]
