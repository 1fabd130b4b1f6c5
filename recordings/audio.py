"""Whole recordings, in a stream: their shape, and the sound of one channel as samples. In: a file that ffmpeg can read.
Out: numbers and bytes, never more than a piece at a time, so that four hours need no more memory than a minute.

Made for worker processes: every function here blocks. Prompts are made in `prompts/sound.py`, copies to listen to in
`copies.py`."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from core.errors import RingbackError

RATE = 16_000
"""Samples a second that engines want; a telephone has 8,000."""

SAMPLE_BYTES = 2

PIECE = RATE * SAMPLE_BYTES
"""A second of one channel."""

SAFE = ("-nostdin", "-hide_banner", "-loglevel", "error")

LONGEST_REPORT = 1 << 20

SOUND = "wav,w64,aiff,au,caf,mp3,ogg,flac,gsm,amr,aac,mov,mp4,m4a,3gp,matroska,webm,asf,avi"
"""What ffmpeg may take a file for: not for a play list, by which it would open others of this machine."""

LOCAL_ONLY = ("-protocol_whitelist", "file,pipe", "-format_whitelist", SOUND)
"""A file names neither addresses nor other files."""


class AudioError(RingbackError):
    """The file is no audio, or ffmpeg is missing."""

    code = "audio-unusable"


@dataclass(frozen=True, slots=True)
class Shape:
    """What a recording is like."""

    seconds: float
    channels: int
    rate: int


def shape(path: Path) -> Shape:
    """Look at a file's first audio stream. Raises AudioError."""
    asked = ("-show_entries", "stream=channels,sample_rate:format=duration", "-select_streams", "a:0")
    said = run(["ffprobe", "-loglevel", "error", *LOCAL_ONLY, *asked, "-of", "json", source(path)])
    try:
        found = json.loads(said)
        stream = found["streams"][0]
        return Shape(float(found["format"]["duration"]), int(stream["channels"]), int(stream["sample_rate"]))
    except (ValueError, KeyError, IndexError) as error:
        raise AudioError(f"{path.name} is no audio") from error


def samples(path: Path, channel: int, rate: int = RATE) -> Iterator[bytes]:
    """One channel (from 0) as signed 16-bit samples, about a second at a time. Raises AudioError."""
    only = f"pan=mono|c0=c{channel}"
    read = ("ffmpeg", *SAFE, *LOCAL_ONLY, "-i", source(path), "-map", "0:a:0", "-af", only)
    with (
        tempfile.TemporaryFile() as said,
        _start([*read, "-ar", str(rate), "-f", "s16le", "-"], said) as process,
    ):
        try:
            yield from _pieces(process)
        except GeneratorExit:
            process.kill()
            raise
        if process.wait() != 0:
            raise AudioError(f"{path.name} cannot be read to its end: {_last_line(said)}")


def run(command: Sequence[str]) -> bytes:
    """Run ffmpeg or ffprobe to its end; returns what it printed. Raises AudioError with its last words."""
    with tempfile.TemporaryFile() as said, _start(command, said) as process:
        output, _ = process.communicate()
        if process.returncode != 0:
            raise AudioError(f"{command[0]} failed: {_last_line(said)}")
    return output


def encode(path: Path, outputs: Sequence[str], take: Callable[[bytes], None] | None = None) -> str:
    """Run ffmpeg over a file once; what it writes to its standard output is given to `take` as it comes. Returns what
    its filters reported. Raises AudioError."""
    command = [
        "ffmpeg",
        "-y",
        "-nostdin",
        "-hide_banner",
        "-nostats",
        *LOCAL_ONLY,
        "-i",
        source(path),
        *outputs,
    ]
    with tempfile.TemporaryFile() as said, _start(command, said) as process:
        try:
            for piece in _pieces(process):
                if take is not None:
                    take(piece)
        except BaseException:
            process.kill()
            raise
        if process.wait() != 0:
            raise AudioError(f"{path.name} cannot be worked on: {_last_line(said)}")
        said.seek(0)
        return said.read(LONGEST_REPORT).decode(errors="replace")


def source(path: Path) -> str:
    """A name that ffmpeg takes for nothing but a file."""
    return f"file:{path}"


def _start(command: Sequence[str], said: IO[bytes]) -> subprocess.Popen[bytes]:
    try:
        return subprocess.Popen(  # noqa: S603 - a fixed program; the file's name cannot be read as an option
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=said
        )
    except FileNotFoundError as error:
        raise AudioError(f"{command[0]} is not installed (Debian: apt install ffmpeg)") from error


def _pieces(process: subprocess.Popen[bytes]) -> Iterator[bytes]:
    while process.stdout and (piece := process.stdout.read(PIECE)):
        yield piece


def _last_line(said: IO[bytes]) -> str:
    end = said.seek(0, os.SEEK_END)
    said.seek(max(0, end - 10_000))
    lines = said.read().decode(errors="replace").strip().splitlines()
    return lines[-1] if lines else "it gave no reason"
