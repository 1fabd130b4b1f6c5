"""Puts events together again that an empty line inside a caller's number has cut in two.

*Pure.* A number with percent-encoded line breaks reaches AMI raw on Asterisk 16 and 22: the true event ends early, a
forged one follows, and the true one's tail hangs on the forged one. The pieces are told by what they lack: the first
its last headers, the others the Timestamp that the PBX writes near the head of every event of its own."""

from __future__ import annotations

from dataclasses import dataclass

from pbx_bridge.ami.events import Event
from pbx_bridge.ami.message import AmiMessage
from pbx_bridge.ami.parsing import WANTED, parse

LONGEST_TORN = 65_536
"""Bytes of an event in pieces: a SIP message that forges headers is no longer than this."""

NOT_TORN = frozenset({"UserEvent", "MessageWaiting"})
"""Events that may well be about no channel, or none of ours."""

TORN_SECONDS = 0.2
"""The pieces of one event arrive together."""


@dataclass(frozen=True, slots=True)
class Whole:
    """An event, with the bytes it came in and its own time, if it has one."""

    event: Event
    raw: bytes
    stamp: float | None


@dataclass(slots=True)
class Mender:
    """Holds back an event that seems torn until its rest has come."""

    _torn: AmiMessage | None = None

    def take(self, message: AmiMessage) -> list[Whole]:
        """What is complete now: nothing, the message's event, or a mended one before it."""
        stamp = message.timestamp
        if self._torn is not None and self._is_rest(message, stamp):
            self._torn = AmiMessage(self._torn.raw + b"\r\n" + message.raw, self._torn.offset)
            return []
        whole = self.flush() if self._torn is not None else []
        event = parse(message)
        if event is not None:
            whole.append(Whole(event, message.raw, stamp))
        elif stamp is not None and message.event in WANTED and message.event not in NOT_TORN:
            self._torn = message
        return whole

    def flush(self, now: float = float("inf")) -> list[Whole]:
        """The event held back, when `now` is late enough that nothing more of it will come."""
        torn = self._torn
        if torn is None or now - (torn.timestamp or 0.0) < TORN_SECONDS:
            return []
        self._torn = None
        event = parse(torn)
        return [] if event is None else [Whole(event, torn.raw, torn.timestamp)]

    def _is_rest(self, message: AmiMessage, stamp: float | None) -> bool:
        short = self._torn is not None and len(self._torn.raw) < LONGEST_TORN
        return short and stamp is None and message.event is not None
