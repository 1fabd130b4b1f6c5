"""Spans of speech in samples, and times that lead back to the recording. Real speech goes through both in
`tests/integration/test_transcribe.py`; here it is bursts of noise of known places."""

from __future__ import annotations

import itertools
import random
from array import array
from collections.abc import Iterable, Iterator

from recordings.audio import RATE
from recordings.transcribe.engine import Span, Timeline
from recordings.transcribe.vad import FRAME_MS, LONGEST, speech

NOISE = random.Random(1)


def silence(seconds: float) -> bytes:
    return bytes(int(seconds * RATE) * 2)


def burst(seconds: float) -> bytes:
    """A buzz with overtones that change, as a voice has."""
    values = array("h")
    for at in range(int(seconds * RATE)):
        period = 100 + (at // 1600 % 7) * 9
        values.append(int(12000 * (1 - at % period / period)) + NOISE.randint(-900, 900))
    return values.tobytes()


def cut(samples: bytes, size: int) -> Iterator[bytes]:
    return (samples[at : at + size] for at in range(0, len(samples), size))


def spans(pieces: Iterable[bytes]) -> list[tuple[float, float]]:
    return [(span.start, span.start + span.seconds) for span in speech(pieces)]


def test_speech_is_found_with_a_little_around_it() -> None:
    samples = silence(2) + burst(1.5) + silence(2) + burst(1) + silence(1)
    first, second = spans([samples])
    assert 1.6 <= first[0] <= 2.0
    assert 3.5 <= first[1] <= 4.6
    assert 5.1 <= second[0] <= 5.5
    assert 6.5 <= second[1] <= 7.5


def test_the_size_of_the_pieces_does_not_matter() -> None:
    samples = silence(1) + burst(1) + silence(1.5) + burst(1)
    assert spans(cut(samples, 777)) == spans([samples])


def test_silence_and_a_click_are_no_speech() -> None:
    assert spans([silence(3) + burst(0.06) + silence(3)]) == []


def test_speech_without_a_pause_is_cut() -> None:
    found = spans([burst(65)])
    assert len(found) >= 2
    assert all(end - start <= LONGEST * FRAME_MS / 1000 + 0.001 for start, end in found)
    assert all(earlier[1] <= later[0] + 0.001 for earlier, later in itertools.pairwise(found))


def test_times_lead_back_to_the_recording() -> None:
    timeline = Timeline()
    timeline.add(Span(10.0, silence(2)))
    timeline.add(Span(50.0, silence(3)))
    assert (timeline.word("one", 0.5, 1.0, 0.9).start, timeline.word("one", 0.5, 1.0, 0.9).end) == (
        10.5,
        11.0,
    )
    across = timeline.word("two", 1.8, 2.8, 1.2)
    assert (across.start, across.end, across.conf) == (50.0, 50.8, 1.0)
    beyond = timeline.word("three", 4.5, 9.0, 0.5)
    assert (beyond.start, beyond.end) == (52.5, 53.0)
