"""Makes a prompt that telephones can play out of whatever sound file a person has: `python -m recordings.prompts.sound
SOURCE TARGET` in a process of its own. In: a file nobody has looked at yet. Out: the prepared sound at TARGET, and one
line of JSON that says what it is like, or in one sentence why it cannot be used.

ffmpeg reads the file, as a stream, and no further than a prompt may last, whatever its header says; pydub does the rest
with what is then at most two megabytes. Where prompts are kept, and for what, is not known here."""

from __future__ import annotations

import json
import os
import resource
import shutil
import sys
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path

from pydub import AudioSegment
from pydub.silence import detect_leading_silence

from core.errors import InvalidInputError, RingbackError
from recordings.audio import LOCAL_ONLY, SAFE, AudioError, run, source

RATE = 8000
"""What trunks carry, and the one file that every Asterisk plays to every telephone."""

LONGEST_S = 120.0
"""Somebody waits through it, on a line that is paid for."""

SHORTEST_S = 0.3
"""Less is a click."""

LEVEL_DBFS = -20.0
"""Average power, as Asterisk's own prompts have it."""

PEAK_DBFS = -1.0
"""Where bringing it to the level would go beyond, it stays more silent instead of being cut off."""

MOST_DECODED = int((LONGEST_S + 1) * RATE * 2)
INAUDIBLE_DBFS = -50.0
BELOW_DB = 20.0
"""What is so much below the average at either end is silence."""

LEAD_MS, TAIL_MS = 60, 120
"""Of the silence that is left: a voice does not begin at its first loud moment."""

STEP_MS = 10
FADE_IN_MS, FADE_OUT_MS = 10, 30

NICE = 10
MOST_CPU_S = 30
MOST_MEMORY = 1 << 30
MOST_WRITTEN = 64 << 20
"""Far beyond what two minutes of any sound take: a file that needs more was made to."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """What the prepared sound is like; `level_dbfs` is its average power."""

    seconds: float
    level_dbfs: float


def prepare(given: Path, target: Path) -> Prepared:
    """Mono, 8 kHz, 16 bit, without silence at its ends, at our level, faded in and out. Raises InvalidInputError with
    a sentence for whoever chose the file, AudioError when this machine cannot do it."""
    with tempfile.NamedTemporaryFile(suffix=".wav", dir=target.parent) as decoded:
        _decode(given, Path(decoded.name))
        sound = AudioSegment.from_wav(decoded.name)
    if sound.duration_seconds > LONGEST_S:
        raise InvalidInputError(
            f"this is longer than {LONGEST_S:.0f} seconds: somebody waits on the telephone until a prompt is over",
            field="file",
        )
    if sound.max_dBFS < INAUDIBLE_DBFS:
        raise InvalidInputError("there is nothing to be heard in this file", field="file")
    made = _level(_trim(sound))
    if made.duration_seconds < SHORTEST_S:
        raise InvalidInputError(
            f"there is less than {SHORTEST_S:g} seconds of sound in this file", field="file"
        )
    made = made.fade_in(FADE_IN_MS).fade_out(FADE_OUT_MS)
    made.export(target, format="wav").close()
    return Prepared(made.duration_seconds, round(made.dBFS, 1))


def _decode(given: Path, target: Path) -> None:
    if shutil.which("ffmpeg") is None:
        raise AudioError("ffmpeg is not installed on Ringback's machine (Debian: apt install ffmpeg)")
    read = ("-threads", "1", "-i", source(given), "-map", "0:a:0", "-vn")
    # Bytes, not -t: what a file says of its own times need not be so.
    write = ("-fs", str(MOST_DECODED), "-ac", "1", "-ar", str(RATE), "-c:a", "pcm_s16le", "-f", "wav")
    try:
        run(["ffmpeg", "-y", *SAFE, *LOCAL_ONLY, *read, *write, source(target)])
    except AudioError as error:
        raise InvalidInputError("this is no sound file that can be read", field="file") from error


def _trim(sound: AudioSegment) -> AudioSegment:
    below = sound.dBFS - BELOW_DB
    lead = detect_leading_silence(sound, silence_threshold=below, chunk_size=STEP_MS)
    tail = detect_leading_silence(sound.reverse(), silence_threshold=below, chunk_size=STEP_MS)
    return sound[max(0, lead - LEAD_MS) : len(sound) - max(0, tail - TAIL_MS)]


def _level(sound: AudioSegment) -> AudioSegment:
    return sound.apply_gain(min(LEVEL_DBFS - sound.dBFS, PEAK_DBFS - sound.max_dBFS))


def main(given: str, target: str) -> None:
    os.nice(NICE)
    # ffmpeg inherits them: nobody has looked at this file before.
    for limit, most in (
        (resource.RLIMIT_CPU, MOST_CPU_S),
        (resource.RLIMIT_AS, MOST_MEMORY),
        (resource.RLIMIT_FSIZE, MOST_WRITTEN),
    ):
        resource.setrlimit(limit, (most, most))
    try:
        said = asdict(prepare(Path(given), Path(target)))
    except InvalidInputError as error:
        said = {"refused": str(error)}
    except RingbackError as error:
        said = {"failed": str(error)}
    print(json.dumps(said))


if __name__ == "__main__":
    main(*sys.argv[1:])
