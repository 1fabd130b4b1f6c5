"""Which channels share a bridge, over all calls; and which call has phones on hold. The call book's two notice boards.

*Pure.* Calls that meet in a conference stay two calls (Asterisk never merges their linkedids either), yet each must
know who of the other is in the room. A phone that holds one call and begins another asks about the first."""

from __future__ import annotations

from dataclasses import dataclass, field

from pbx_bridge.ami.channel import Channel


@dataclass(slots=True)
class Rooms:
    """Bridges in which people talk, with the channels in them."""

    _members: dict[str, dict[str, Channel]] = field(default_factory=dict)
    _where: dict[str, str] = field(default_factory=dict)

    def enter(self, bridge: str, channel: Channel) -> list[Channel]:
        """The channel is in that bridge now; returns who was there before."""
        self.leave(channel.uniqueid)
        room = self._members.setdefault(bridge, {})
        others = list(room.values())
        room[channel.uniqueid] = channel
        self._where[channel.uniqueid] = bridge
        return others

    def leave(self, uniqueid: str, bridge: str | None = None) -> None:
        """The channel is in no bridge now, or not in that one."""
        if bridge is not None and self._where.get(uniqueid) != bridge:
            return
        bridge = self._where.pop(uniqueid, None)
        if bridge is None:
            return
        room = self._members[bridge]
        room.pop(uniqueid, None)
        if not room:
            del self._members[bridge]


@dataclass(slots=True)
class Holds:
    """Which channels hold somebody, by device, the latest last."""

    _by_device: dict[str, dict[str, None]] = field(default_factory=dict)

    def hold(self, device: str, uniqueid: str) -> None:
        self.release(device, uniqueid)
        self._by_device.setdefault(device, {})[uniqueid] = None

    def release(self, device: str, uniqueid: str) -> None:
        held = self._by_device.get(device)
        if held is not None:
            held.pop(uniqueid, None)
            if not held:
                del self._by_device[device]

    def latest(self, device: str, *, besides: str) -> str | None:
        """The channel of this device that put somebody on hold last; None when `besides` is among the holders."""
        held = self._by_device.get(device)
        return None if not held or besides in held else next(reversed(held))
