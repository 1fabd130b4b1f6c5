"""What a PBX says of itself when asked: answers to Status, BridgeList, QueueStatus and CoreStatus as plain values.

*Pure.* In: the messages of those lists. Out: one `PbxStatus` for `CallBook.reconcile`. Asking is `resync.py`'s work."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from pbx_bridge.ami.channel import Channel, channel_of, is_talk
from pbx_bridge.ami.message import AmiMessage


@dataclass(frozen=True, slots=True)
class ChannelStatus:
    """A channel that lives. `seconds` is its age in whole seconds, or None."""

    channel: Channel
    bridge: str | None
    seconds: int | None


@dataclass(frozen=True, slots=True)
class QueueEntry:
    """A caller who waits in a queue at this moment."""

    queue: str
    uniqueid: str


@dataclass(frozen=True, slots=True)
class PbxStatus:
    """The PBX at one moment. `startup` is when it started, in seconds of *its own local time* (it tells no zone).

    `talkless` are the bridges in which people only wait. `queues` is None when they were not asked for. `taken_at` is
    the instant before the first question, in the PBX's time: what we heard later is newer than these answers.
    """

    channels: tuple[ChannelStatus, ...]
    talkless: frozenset[str] = frozenset()
    queues: tuple[QueueEntry, ...] | None = None
    startup: float | None = None
    taken_at: float | None = None


def status_from(
    status: Iterable[AmiMessage],
    bridges: Iterable[AmiMessage] = (),
    queues: Iterable[AmiMessage] | None = None,
    core: AmiMessage | None = None,
    taken_at: float | None = None,
) -> PbxStatus:
    """Read the answers; messages of other kinds among them are skipped.

    `status` holds Status (or CoreShowChannel) events, `bridges` BridgeListItem or BridgeInfoComplete events,
    `queues` QueueEntry events, `core` the reply to CoreStatus.
    """
    channels = tuple(found for found in map(_channel, status) if found is not None)
    talkless = frozenset(
        message.get("bridgeuniqueid") or ""
        for message in bridges
        if not is_talk(message.get("bridgetype"), message.get("bridgetechnology"))
    )
    entries = None if queues is None else tuple(found for found in map(_entry, queues) if found is not None)
    return PbxStatus(channels, talkless, entries, None if core is None else _startup(core), taken_at)


def _channel(message: AmiMessage) -> ChannelStatus | None:
    channel = channel_of(message) if message.event in ("Status", "CoreShowChannel") else None
    if channel is None:
        return None
    return ChannelStatus(channel, message.get("bridgeid") or None, _age(message))


def _age(message: AmiMessage) -> int | None:
    """`Seconds: 75`, or `Duration: 00:01:15` in CoreShowChannel."""
    text = message.get("seconds") or message.get("duration") or ""
    parts = text.split(":")
    if not all(part.isascii() and part.isdigit() and len(part) < 10 for part in parts):
        return None
    age = 0
    for part in parts:
        age = age * 60 + int(part)
    return age


def _entry(message: AmiMessage) -> QueueEntry | None:
    queue, uniqueid = message.get("queue"), message.get("uniqueid")
    return QueueEntry(queue, uniqueid) if message.event == "QueueEntry" and queue and uniqueid else None


def _startup(core: AmiMessage) -> float | None:
    try:
        text = f"{core.get('corestartupdate')} {core.get('corestartuptime')}"
        return datetime.strptime(text, "%Y-%m-%d %H:%M:%S").replace(tzinfo=UTC).timestamp()
    except ValueError:
        return None
