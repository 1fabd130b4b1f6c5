"""What is made from an original, in one pass of ffmpeg: copies to listen to (Opus, and MP3 for what cannot play it),
the peaks a waveform is drawn from, and levels. Stretches that are to be silent are silent in all of them.

Samples pass through here piece by piece: four hours take no more memory than a minute."""

from __future__ import annotations

import json
import math
import re
from array import array
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from recordings.audio import Shape, encode
from recordings.redact import Hidden
from recordings.transcribe.transcript import speakers

PER_SECOND = 20.0
MOST_SLICES = 30_000
"""Per channel: 25 minutes at full detail, half a second's for four hours; 300 kB at most."""

PEAK_RATE = 8000

STEP = 160
"""Samples that are silenced or not as one, 20 ms at a telephone's rate."""

LEVEL = re.compile(r"(Channel|Peak level dB|RMS level dB): (\S+)")

Tell = Callable[[float], None]


@dataclass(frozen=True, slots=True)
class Copies:
    """Files in the folder that was given, and JSON for `Recording.levels`."""

    opus: Path
    mp3: Path
    peaks: Path
    levels: str


def make_copies(path: Path, shape: Shape, hidden: Sequence[Hidden], folder: Path, tell: Tell) -> Copies:
    """Raises AudioError."""
    made = Copies(folder / "copy.ogg", folder / "copy.mp3", folder / "peaks.json", "")
    levels = "astats=measure_overall=none:measure_perchannel=Peak_level+RMS_level"
    split = f"[0:a:0]{silencer(shape, hidden)}{levels},asplit=3[o][m][p]"
    rate = 24_000 if shape.channels == 1 else 40_000
    outputs: list[str] = ["-filter_complex", split]
    outputs += ["-map", "[o]", "-c:a", "libopus", "-b:a", str(rate), "-f", "ogg", str(made.opus)]
    # Joint stereo would let one side be heard on the other.
    outputs += ["-map", "[m]", "-c:a", "libmp3lame", "-ar", "16000", "-b:a", str(rate + 8000)]
    outputs += ["-joint_stereo", "0", "-f", "mp3", str(made.mp3)]
    outputs += ["-map", "[p]", "-ar", str(PEAK_RATE), "-f", "s16le", "-"]
    peaks = _Peaks(shape)

    def take(piece: bytes) -> None:
        peaks.add(piece)
        tell(min(1.0, peaks.seconds / max(shape.seconds, 0.001)))

    said = encode(path, outputs, take)
    made.peaks.write_text(peaks.as_json(), encoding="ascii")
    return Copies(made.opus, made.mp3, made.peaks, _levels(said, shape))


def silence(path: Path, shape: Shape, hidden: Sequence[Hidden], to: Path) -> None:
    """Write `path` as a WAV file whose hidden stretches hold nothing at all. Raises AudioError."""
    split = f"[0:a:0]{silencer(shape, hidden)}anull[o]"
    # Beyond 4 GB a WAV file needs another header.
    encode(path, ["-filter_complex", split, "-map", "[o]", "-c:a", "pcm_s16le", "-rf64", "auto", str(to)])


def silencer(shape: Shape, hidden: Sequence[Hidden]) -> str:
    """An ffmpeg filter chain, ending with a comma, that silences each channel where it is to be; empty for nothing."""
    channels = speakers(shape)
    steps = [f"asetnsamples=n={STEP}:p=0"] if hidden else []
    for number, channel in enumerate(channels):
        spans = [one for one in hidden if one.channel is channel]
        if not spans:
            continue
        when = "+".join(f"between(t,{one.start:.3f},{one.end:.3f})" for one in spans)
        # The other channel passes as it is.
        values = "|".join("0" if at == number else f"val({at})" for at in range(len(channels)))
        steps.append(f"aeval=exprs={values}:channel_layout=same:enable='{when}'")
    return "".join(f"{step}," for step in steps)


class _Peaks:
    """Samples in, the loudest of each slice out, as 0 to 1."""

    def __init__(self, shape: Shape) -> None:
        self._channels = shape.channels
        self._slice = max(round(PEAK_RATE / PER_SECOND), math.ceil(shape.seconds * PEAK_RATE / MOST_SLICES))
        self._lanes: list[list[float]] = [[] for _ in range(shape.channels)]
        self._left = b""
        self._frames = 0

    @property
    def seconds(self) -> float:
        return self._frames / PEAK_RATE

    def add(self, piece: bytes) -> None:
        self._left += piece
        size = self._slice * self._channels * 2
        whole = len(self._left) - len(self._left) % size
        for at in range(0, whole, size):
            self._add_slice(self._left[at : at + size])
        self._left = self._left[whole:]

    def as_json(self) -> str:
        rest = len(self._left) - len(self._left) % (self._channels * 2)
        if rest:
            self._add_slice(self._left[:rest])
        return json.dumps(
            {"per_second": PEAK_RATE / self._slice, "channels": self._lanes}, separators=(",", ":")
        )

    def _add_slice(self, samples: bytes) -> None:
        values = array("h", samples)
        self._frames += len(values) // self._channels
        for number, lane in enumerate(self._lanes):
            own = values[number :: self._channels]
            lane.append(round(max(max(own), -min(own)) / 32768, 3))


def _levels(said: str, shape: Shape) -> str:
    """What astats printed, by channel; null for silence."""
    found: dict[str, dict[str, float | None]] = {}
    channels = speakers(shape)
    at = -1
    for name, value in LEVEL.findall(said):
        if name == "Channel":
            at = int(value) - 1
        elif 0 <= at < len(channels):
            which = "peak" if name.startswith("Peak") else "mean"
            found.setdefault(channels[at].value, {})[which] = _decibels(value)
    return json.dumps(found)


def _decibels(value: str) -> float | None:
    number = float(value)
    return round(number, 1) if math.isfinite(number) else None
