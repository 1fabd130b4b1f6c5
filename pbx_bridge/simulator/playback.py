"""Plays a capture on a simulated PBX as if it happened now: times are shifted, channel names, uniqueids and bridge ids
are made new (so that it can be played many times, also at the same time), numbers and names are replaced where asked.
Replies and answers to lists in the capture are left out: the simulated PBX answers for itself, from a state that
follows the capture."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from core.errors import InvalidInputError
from pbx_bridge.ami.codec import AmiDecoder, AmiProtocolError
from pbx_bridge.ami.message import AmiMessage
from pbx_bridge.simulator.mirror import follow
from pbx_bridge.simulator.world import Emission, World

_OURS = ("FullyBooted", "SuccessfulAuth", "Shutdown")
"""Said about a connection or a whole PBX, not about calls."""


def load(path: Path) -> list[AmiMessage]:
    """The events of a capture. Raises InvalidInputError in one sentence for a file that is none."""
    try:
        messages = AmiDecoder().feed(path.read_bytes())
    except (OSError, AmiProtocolError) as error:
        raise InvalidInputError(f"{path} cannot be played: {error}") from error
    events = [
        message
        for message in messages
        if message.event and message.event not in _OURS and message.action_id is None and message.timestamp
    ]
    if not events:
        raise InvalidInputError(f"{path} cannot be played: it holds no event with a Timestamp header")
    return events


async def play(world: World, events: list[AmiMessage], replace: Mapping[str, str] | None = None) -> None:
    """Say all events with the distances they had, beginning now, in the PBX's own time.

    `replace` maps numbers and names of the capture to others. Ends early when the PBX dies.
    """
    rewriter = Rewriter(world, events[0].timestamp or 0.0, replace or {})
    for message in events:
        at = rewriter.moment(message)
        if (ahead := at - world.clock()) > 0:
            await world.clock.sleep(ahead)
        if world.is_dead:
            return
        told = rewriter.rewrite(message, at)
        follow(world, told)
        right = (told.get("Privilege") or "call").partition(",")[0]
        world.pass_on(Emission(right, told))


class Rewriter:
    """Makes one playing of a capture unlike all others."""

    def __init__(self, world: World, began_at: float, replace: Mapping[str, str]) -> None:
        self._world = world
        self._ahead = world.clock() - began_at
        self._replace = replace
        self._ids: dict[str, str] = {}
        self._names: dict[str, str] = {}
        self._bridges: dict[str, str] = {}

    def moment(self, message: AmiMessage) -> float:
        return (message.timestamp or 0.0) + self._ahead

    def rewrite(self, message: AmiMessage, at: float) -> AmiMessage:
        lines = [self._line(line, at) for line in message.raw.decode("utf-8", "replace").split("\r\n")]
        return AmiMessage("\r\n".join(lines).encode())

    def _line(self, line: str, at: float) -> str:
        key, separator, value = line.partition(": ")
        if not separator or not value:
            return line
        return f"{key}: {self._value(key.lower(), value, at)}"

    def _value(self, key: str, value: str, at: float) -> str:
        if key == "timestamp":
            return f"{at:.6f}"
        if key.endswith(("bridgeuniqueid", "bridgeid")):
            return self._bridge(value)
        if key.endswith(("uniqueid", "linkedid")):
            return self._id(value)
        if key.endswith("channel"):
            return self._name(value)
        if key == "callerid":
            return self._within(value)
        return self._replace.get(value, value)

    def _id(self, value: str) -> str:
        # The second half of an originated Local channel is the first one's id and `;2`.
        base, half, rest = value.partition(";")
        if base not in self._ids:
            fresh = self._world.next_uniqueid()
            self._ids[base] = fresh if base[:1].isdigit() else f"{base}-{fresh}"
        return self._ids[base] + half + rest

    def _name(self, value: str) -> str:
        base, half, rest = value.partition(";")
        device, dash, _ = base.rpartition("-")
        if not dash:
            return value
        if base not in self._names:
            self._names[base] = self._world.next_channel_name(device)
        return self._names[base] + half + rest

    def _bridge(self, value: str) -> str:
        if value not in self._bridges:
            self._bridges[value] = self._world.next_bridge_id()
        return self._bridges[value]

    def _within(self, value: str) -> str:
        for old, new in self._replace.items():
            value = value.replace(old, new)
        return value
