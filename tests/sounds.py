"""Sound files as people have them, made with ffmpeg and pydub: tones in any container, and files that only pretend."""

from __future__ import annotations

import io
import itertools
from pathlib import Path

from pydub import AudioSegment
from pydub.generators import Sine


def sound(hertz: int, seconds: float, *, level: float = -12.0, silence: float = 0.0) -> AudioSegment:
    """A stereo tone as a CD has it, with `silence` (seconds) before and after."""
    tone = Sine(hertz, sample_rate=44_100).to_audio_segment(duration=int(seconds * 1000)).set_channels(2)
    pause = AudioSegment.silent(int(silence * 1000), frame_rate=44_100).set_channels(2)
    return pause + tone.apply_gain(level - tone.dBFS) + pause


def as_file(made: AudioSegment, kind: str = "wav") -> bytes:
    """The same in a file: `wav`, `mp3`, `ogg`, `mp4` (M4A) …"""
    file = io.BytesIO()
    made.export(file, format=kind)
    return file.getvalue()


def hertz_of(path: Path) -> float:
    """The pitch of a file that holds one tone."""
    heard = AudioSegment.from_wav(path)
    samples = heard[100:-100].get_array_of_samples()
    crossed = sum(before < 0 <= after for before, after in itertools.pairwise(samples))
    return float(crossed * heard.frame_rate / len(samples))
