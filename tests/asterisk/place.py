"""Where one test PBX lives: its own loopback addresses, reserved by a name that one process holds.

In: nothing. Out: a ``Place`` number N that no other process uses; the PBX is 127.0.N.1, the trunks 127.0.N.2
and .3, extension 101's phone 127.0.N.101, its second phone 127.0.N.151. Nothing is started here.
"""

from __future__ import annotations

import socket
from dataclasses import dataclass

SIP_PORT = 5060
AMI_PORT = 5038
HIGHEST = 250
"""127.0.N.x needs N in one byte, and nobody runs more PBXs than this side by side."""


@dataclass(frozen=True, slots=True)
class Place:
    """The addresses of one PBX and of everything that talks to it."""

    number: int
    lock: socket.socket

    @property
    def net(self) -> str:
        """What all its addresses begin with."""
        return f"127.0.{self.number}"

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
        """Give the number back."""
        self.lock.close()


def reserve() -> Place:
    """Take the lowest free number. Raises RuntimeError when all are taken."""
    for number in range(1, HIGHEST + 1):
        lock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            # An abstract name: it belongs to the same network as the addresses, and dies with its owner.
            lock.bind(f"\0ringback-lab-{number}")
        except OSError:
            lock.close()
            continue
        return Place(number, lock)
    raise RuntimeError(f"all {HIGHEST} loopback places for a test PBX are taken")
