"""Where one test PBX lives: its own loopback addresses, reserved by a lock file.

In: nothing. Out: a ``Place`` number N that no other process uses; the PBX is 127.0.N.1, the trunks 127.0.N.2
and .3, extension 101's phone 127.0.N.101, its second phone 127.0.N.151. Nothing is started here.
"""

from __future__ import annotations

import fcntl
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

SIP_PORT = 5060
AMI_PORT = 5038
HIGHEST = 250
"""127.0.N.x needs N in one byte, and nobody runs more PBXs than this side by side."""


@dataclass(frozen=True, slots=True)
class Place:
    """The addresses of one PBX and of everything that talks to it."""

    number: int
    lock: int

    @property
    def pbx(self) -> str:
        """Address of SIP and AMI."""
        return f"127.0.{self.number}.1"

    @property
    def trunk(self) -> str:
        """Address of the first carrier."""
        return f"127.0.{self.number}.2"

    @property
    def second_trunk(self) -> str:
        """Address of the second carrier."""
        return f"127.0.{self.number}.3"

    def phone(self, extension: str, device: int = 1) -> str:
        """Address of the extension's first or second phone."""
        return f"127.0.{self.number}.{int(extension) + (device - 1) * 50}"

    def release(self) -> None:
        """Give the number back; the lock file stays, it is empty and reused."""
        os.close(self.lock)


def reserve() -> Place:
    """Take the lowest free number. Raises RuntimeError when all are taken."""
    folder = Path(tempfile.gettempdir()) / "ringback-lab"
    folder.mkdir(exist_ok=True)
    for number in range(1, HIGHEST + 1):
        lock = os.open(folder / f"{number}.lock", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o666)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(lock)
            continue
        return Place(number, lock)
    raise RuntimeError(f"all {HIGHEST} loopback places for a test PBX are taken")
