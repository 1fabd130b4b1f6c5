"""WAV files as Asterisk writes them: looked at, mended and joined. Two mono files go in, one stereo file comes out
(left the customer, right our side), piece by piece, so that four hours need no more memory than a minute. One side of a
stereo file can be joined anew.

A file of a PBX that was killed says in its header that it is empty: the length of the file knows better. What is not
PCM of 16 bits is not decoded here (`audio.py`)."""

from __future__ import annotations

import struct
from array import array
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO

from core.errors import RingbackError

HEADER = 44
"""Bytes of the header Asterisk writes, and we."""

PIECE_FRAMES = 1 << 16
PCM = 1
WIDTH = 2
MOST_BYTES = 0xFFFF_FFFF - HEADER
RATES = range(8000, 192_001)


class NotAudioError(RingbackError):
    """This is no sound file, or of a kind that no PBX of ours writes. The sentence says what is wrong."""

    code = "not-audio"


@dataclass(frozen=True, slots=True)
class Wav:
    """One side: where its samples lie, in a file of its own or (`lane` of `channels`) between those of others. `mended`
    when the file's header said something else."""

    path: Path
    rate: int
    data_at: int
    frames: int
    mended: bool
    channels: int = 1
    lane: int = 0

    @property
    def duration_s(self) -> float:
        return self.frames / self.rate


def look(path: Path, channels: int = 1) -> Wav:
    """What a file of 16 bits and so many channels holds. Raises NotAudioError, OSError."""
    whole = path.stat().st_size
    with path.open("rb") as file:
        riff = file.read(12)
        if len(riff) < 12 or riff[:4] != b"RIFF" or riff[8:] != b"WAVE":
            raise NotAudioError("it does not begin as a WAV file does")
        rate = _format(file, channels)
        data_at, said = _data(file)
        there = whole - data_at
        is_more_behind = 0 < said < there and _is_chunk(file, data_at + said)
    mended = said != there and not is_more_behind
    data = said if is_more_behind else there
    return Wav(path, rate, data_at, data // (WIDTH * channels), mended, channels)


def sides(path: Path) -> tuple[Wav, Wav]:
    """Left and right of a stereo file. Raises NotAudioError, OSError."""
    left = look(path, 2)
    return left, replace(left, lane=1)


def join(left: Wav | None, right: Wav | None, target: Path) -> None:
    """Write both as one stereo file; the shorter one (or a missing one) goes on in silence. Raises NotAudioError when
    they do not fit together, OSError (a full disk, for instance)."""
    both = [one for one in (left, right) if one is not None]
    rate, frames = both[0].rate, max(one.frames for one in both)
    if any(one.rate != rate for one in both):
        raise NotAudioError("its two files have different sampling rates")
    if frames * 2 * WIDTH > MOST_BYTES:
        raise NotAudioError("it is longer than a WAV file can be")
    with target.open("wb") as out:
        out.write(header(rate, 2, frames))
        _interleave(left, right, frames, out)


def _interleave(left: Wav | None, right: Wav | None, frames: int, out: BinaryIO) -> None:
    sides = [_Samples(left), _Samples(right)]
    try:
        while frames > 0:
            count = min(frames, PIECE_FRAMES)
            stereo = array("h", bytes(2 * WIDTH * count))
            stereo[0::2], stereo[1::2] = (side.next(count) for side in sides)
            out.write(stereo.tobytes())
            frames -= count
    finally:
        for side in sides:
            side.close()


class _Samples:
    """The samples of one side in order, then silence. Bytes are never swapped: what is little-endian stays it."""

    def __init__(self, wav: Wav | None) -> None:
        self._file = wav.path.open("rb") if wav is not None else None
        self._left = wav.frames if wav is not None else 0
        self._channels, self._lane = (wav.channels, wav.lane) if wav is not None else (1, 0)
        if self._file is not None and wav is not None:
            self._file.seek(wav.data_at)

    def next(self, count: int) -> array[int]:
        wanted = min(count, self._left)
        frame = WIDTH * self._channels
        given = self._file.read(wanted * frame) if self._file is not None and wanted else b""
        self._left -= wanted
        own = array("h", given[: len(given) // frame * frame])[self._lane :: self._channels]
        own.frombytes(bytes(WIDTH * (count - len(own))))
        return own

    def close(self) -> None:
        if self._file is not None:
            self._file.close()


def _format(file: BinaryIO, wanted: int) -> int:
    size = _seek(file, b"fmt ")
    body = file.read(16)
    if size < 16 or len(body) < 16:
        raise NotAudioError("its format is cut off")
    kind, channels, rate, _, _, bits = struct.unpack("<HHIIHH", body)
    if (kind, channels, bits) != (PCM, wanted, 8 * WIDTH) or rate not in RATES:
        shape = "mono" if wanted == 1 else f"{wanted} channels of"
        raise NotAudioError(
            f"it is not {shape} PCM of 16 bits (format {kind}, {channels} channels, {bits} bits, {rate} Hz)"
        )
    file.seek(size - 16 + size % 2, 1)
    return int(rate)


def _data(file: BinaryIO) -> tuple[int, int]:
    said = _seek(file, b"data")
    return file.tell(), said


def _seek(file: BinaryIO, wanted: bytes) -> int:
    """To the body of the next chunk of that name; returns its size as it says."""
    for _ in range(32):
        head = file.read(8)
        if len(head) < 8:
            break
        name, size = struct.unpack("<4sI", head)
        if name == wanted:
            return int(size)
        file.seek(size + size % 2, 1)
    raise NotAudioError(f"it has no part {wanted.decode().strip()!r}")


def _is_chunk(file: BinaryIO, at: int) -> bool:
    """Whether another part of the file begins there: words of whoever wrote it, behind the sound."""
    file.seek(at + at % 2)
    name = file.read(8)[:4]
    return len(name) == 4 and name.isalnum() and name.isascii()


def header(rate: int, channels: int, frames: int) -> bytes:
    """What stands before the samples of a PCM file of 16 bits."""
    data = frames * channels * WIDTH
    frame = channels * WIDTH
    return struct.pack(
        "<4sI4s4sIHHIIHH4sI",
        b"RIFF", HEADER - 8 + data, b"WAVE",
        b"fmt ", 16, PCM, channels, rate, rate * frame, frame, 8 * WIDTH,
        b"data", data,
    )  # fmt: skip
