"""`ringback capture`: records what one PBX says over AMI into `FILE`, with the times of arrival in `FILE.times`.

After each login the PBX is asked for its state, so that calls in progress are understood too. A reconnect goes on in
`FILE-2.ami`, which `ringback replay` takes after the first. What we send, and so the secret, is never written. With
`anonymise` the people are taken out (`anonymise.py`) before anything is kept."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from core.clock import Clock
from core.errors import RingbackError
from pbx_bridge.ami.codec import GREETING, AmiDecoder, AmiProtocolError
from pbx_bridge.ami.connection import LinkOptions, Recorder
from pbx_bridge.ami.link import AmiLink
from pbx_bridge.ami.queue import LinkLost, LinkRefused, LinkUp
from pbx_bridge.ami.session import AmiActionError
from pbx_bridge.ami.target import AmiTarget
from pbx_bridge.anonymise import Anonymiser
from pbx_bridge.replay import sidecar_of
from pbx_bridge.resync import take_picture
from pbx_bridge.times import line_of


class CaptureError(RingbackError):
    """Nothing could be recorded; the sentence says why."""

    code = "capture-failed"


@dataclass(slots=True)
class Tape:
    """The files of one recording. `hide` takes the people out, None keeps the bytes as they came."""

    out: Path
    hide: Anonymiser | None = None
    files: list[Path] = field(default_factory=list)

    def new_recorder(self) -> Recorder:
        """Where the bytes of the next connection go. Raises CaptureError when the file cannot be made."""
        number = len(self.files) + 1
        path = self.out if number == 1 else self.out.with_name(f"{self.out.stem}-{number}{self.out.suffix}")
        self.files.append(path)
        reel = Reel(path, AmiDecoder() if self.hide is not None else None, self.hide)
        reel.begin()
        return reel.record


@dataclass(slots=True)
class Reel:
    """One connection on its way into its files."""

    path: Path
    decoder: AmiDecoder | None
    hide: Anonymiser | None
    written: int = 0

    def begin(self) -> None:
        try:
            self.path.write_bytes(b"")
            self._times.write_text("")
        except OSError as error:
            raise CaptureError(f"cannot write {self.path}: {error.strerror}") from error

    def record(self, data: bytes, at: float) -> None:
        """Keep what has just arrived."""
        kept = data if self.decoder is None else b"".join(self._hidden(data))
        if not kept:
            return
        self.written += len(kept)
        with self.path.open("ab") as capture, self._times.open("a") as times:
            capture.write(kept)
            times.write(line_of(self.written, at))

    @property
    def _times(self) -> Path:
        return self.path.with_name(self.path.name + ".times")

    def _hidden(self, data: bytes) -> Iterator[bytes]:
        if self.decoder is None or self.hide is None:
            return
        before = self.decoder.banner
        messages = self.decoder.feed(data)
        if before is None and self.decoder.banner is not None:
            yield _greeting(self.decoder.banner)
        yield from self.hide.stream(message.raw for message in messages)


async def capture(
    target: AmiTarget,
    out: Path,
    clock: Clock,
    *,
    seconds: float | None = None,
    anonymise: bool = False,
    region: str = "PL",
) -> list[Path]:
    """Record until `seconds` are over or the task is cancelled; returns the files written.

    Raises CaptureError when the PBX cannot be reached, refuses us, or a file cannot be written.
    """
    tape = Tape(out, Anonymiser(secrets.token_bytes(32), region) if anonymise else None)
    link = AmiLink(
        target, clock=clock, options=LinkOptions(wanted=frozenset()), new_recorder=tape.new_recorder
    )
    async with link:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await _listen(link)
    return tape.files


async def _listen(link: AmiLink) -> None:
    was_up = False
    async for item in link:
        if isinstance(item, LinkUp):
            was_up = True
            with contextlib.suppress(AmiActionError):
                await take_picture(link)
        elif isinstance(item, LinkRefused) or (isinstance(item, LinkLost) and not was_up):
            raise CaptureError(item.reason)


def anonymise_file(source: Path, out: Path, *, region: str = "PL") -> None:
    """Take the people out of a capture that was recorded before; its times come along. Raises CaptureError."""
    hide = Anonymiser(secrets.token_bytes(32), region)
    times = sidecar_of(source)
    decoder = AmiDecoder(greeting=False)
    try:
        messages = decoder.feed(source.read_bytes())
        kept = b"" if decoder.banner is None else _greeting(decoder.banner)
        lines = [] if times is None else [line_of(len(kept), times.instants[0])]
        for message in messages:
            kept += b"".join(hide.stream([message.raw]))
            if times is not None:
                lines.append(line_of(len(kept), times.at(message.end)))
        out.write_bytes(kept)
        if lines:
            out.with_name(out.name + ".times").write_text("".join(lines))
    except OSError as error:
        raise CaptureError(f"cannot copy {source} to {out}: {error.strerror}") from error
    except AmiProtocolError as error:
        raise CaptureError(f"{source} is not an AMI capture: {error}") from error


def _greeting(banner: str) -> bytes:
    return GREETING + banner.encode() + b"\r\n"
