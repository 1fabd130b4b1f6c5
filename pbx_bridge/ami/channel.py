"""One channel as a message shows it (Asterisk's channel snapshot), and small readings that go with it.

*Pure.* A caller's text can forge headers inside the snapshot: which of two equal headers counts is decided here."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from pbx_bridge.ami.message import AmiMessage


class ChannelState(IntEnum):
    """Asterisk's channel states that matter. RING: it calls us. RINGING: its phone rings. BUSY: turned away."""

    DOWN = 0
    RING = 4
    RINGING = 5
    UP = 6
    BUSY = 7


@dataclass(frozen=True, slots=True)
class Channel:
    """A channel as a message shows it (Asterisk's channel snapshot)."""

    uniqueid: str
    linkedid: str
    name: str
    state: int
    number: str | None
    caller_name: str | None
    exten: str
    context: str


TALKLESS_TYPES = frozenset({"parking", "holding"})
TALKLESS_TECHNOLOGIES = frozenset({"holding_bridge"})


def channel_of(message: AmiMessage, prefix: str = "") -> Channel | None:
    """The channel snapshot whose headers start with `prefix` (`Dest`, `Transferee` …), if there is one."""
    keys = _KEYS.get(prefix) or tuple(prefix + key for key in _SNAPSHOT)
    if message.repeats:
        true = _true_headers(message, prefix)
        values = [true.get(key) for key in keys]
    else:
        values = message.many(keys)
    uniqueid, linkedid, name, state, number, caller_name, exten, context = values
    if not uniqueid or not name:
        return None
    return Channel(
        uniqueid,
        linkedid or uniqueid,
        name,
        _STATES.get(state or "", 0),
        number,
        caller_name,
        exten or "",
        context or "",
    )


_SNAPSHOT = (
    "uniqueid", "linkedid", "channel", "channelstate", "calleridnum", "calleridname", "exten", "context",
)  # fmt: skip
_KEYS = {prefix: tuple(prefix + key for key in _SNAPSHOT) for prefix in ("", "dest")}
_STATES = {str(number): number for number in range(10)}
_BEHIND_CALLER_TEXT = ("uniqueid", "linkedid", "exten", "context")


def _true_headers(message: AmiMessage, prefix: str) -> dict[str, str | None]:
    """One snapshot's headers where some stand twice.

    A caller's number with percent-encoded line breaks puts headers of its own into every event of that channel
    (seen on 16 and 22). Asterisk writes the channel's name and state before the caller's text and the ids behind it,
    so of the former the first counts and of the latter the last before the next snapshot.
    """
    found: dict[str, str | None] = {}
    own = prefix + "channel"
    for key, value in message.items():
        low = key.lower()
        if own in found and low != own and low.endswith("channel"):
            break
        if low == own or own in found:
            bare = low.removeprefix(prefix) if low.startswith(prefix) else ""
            if bare in _BEHIND_CALLER_TEXT:
                found[low] = value
            else:
                found.setdefault(low, value)
    return found


def number_in(text: str | None) -> int | None:
    return int(text) if text is not None and text.isascii() and text.isdigit() and len(text) < 10 else None


def is_talk(bridge_type: str | None, technology: str | None) -> bool:
    """Whether channels in such a bridge hear each other."""
    return bridge_type not in TALKLESS_TYPES and technology not in TALKLESS_TECHNOLOGIES
