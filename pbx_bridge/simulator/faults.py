"""What can go wrong between a PBX and us, each switchable by a test at any moment. The server looks here whenever it
sends or answers; everything is off at first."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

from pbx_bridge.ami.message import AmiMessage


def _speaking() -> asyncio.Event:
    event = asyncio.Event()
    event.set()
    return event


@dataclass(slots=True)
class Faults:
    """All connections share one of these.

    `delay`: seconds between the PBX saying something and the first byte of it leaving.
    `piece`: bytes per write; 1 sends every byte in a segment of its own. 0: as it comes.
    `drop`: events for which it answers True are never sent.
    `cut_after`: so many more bytes on each connection, then EOF, in mid-message if it falls so.
    `silent`: nothing is sent any more, the connection stays.
    `refuse_login`: right secrets are refused like wrong ones.
    """

    delay: float = 0.0
    piece: int = 0
    drop: Callable[[AmiMessage], bool] | None = None
    cut_after: int | None = None
    refuse_login: bool = False
    speaking: asyncio.Event = field(default_factory=_speaking)

    @property
    def silent(self) -> bool:
        return not self.speaking.is_set()

    @silent.setter
    def silent(self, value: bool) -> None:
        if value:
            self.speaking.clear()
        else:
            self.speaking.set()
